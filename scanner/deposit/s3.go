package deposit

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"letterlock/scanner/letter"
)

// attempts bounds how often one request is tried. Every caller comes again by
// itself, so this only has to get past a single stumble of the server.
const attempts = 3

// maxSinglePut is the most that one PUT may carry (AWS "Amazon S3 multipart
// upload limits"), in bytes. Multipart uploads are never used: they could be
// left unfinished where an edge may not remove them.
const maxSinglePut = 5 << 30

// checksumHeader carries the SHA-256 of the object to the server, which
// compares and keeps it. minio-go by itself sends none over TLS.
const checksumHeader = "x-amz-checksum-sha256"

// S3Config says where the bucket is and who is asking.
type S3Config struct {
	Endpoint     string // http or https URL of the server, without a path
	Bucket       string
	Region       string // "" is us-east-1; never looked up, since an edge may not
	AccessKey    string
	SecretKey    string
	SessionToken string // only with temporary credentials

	// Renew is asked before each request whether the credentials are others by now;
	// nil for never. It is called by several goroutines.
	Renew func() (Credentials, error)

	// TLS is used for https in place of the system's trust; nil is the system's.
	TLS *tls.Config
	// Wrap, if set, comes between the client and the network: tests break the
	// wire here.
	Wrap func(http.RoundTripper) http.RoundTripper
}

// S3 is a bucket with versioning on an S3 server.
type S3 struct {
	config  S3Config
	core    minio.Core
	secure  bool // over TLS
	wire    *http.Transport
	witness *witness
}

// OpenS3 prepares to talk to the bucket. It sends nothing: a server that is
// away is found out by the first request.
func OpenS3(c S3Config) (*S3, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("opening bucket: the endpoint is not a URL as in https://s3.example.org")
	}
	if u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("opening bucket: the endpoint holds more than a scheme, a host and a port")
	}
	if c.Bucket == "" || c.AccessKey == "" || c.SecretKey == "" {
		return nil, errors.New("opening bucket: bucket, access key or secret key is missing")
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	s := &S3{config: c, secure: u.Scheme == "https", wire: newTransport(c.TLS)}
	s.witness = &witness{next: s.wire}
	if c.Wrap != nil {
		s.witness.next = c.Wrap(s.wire)
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds:           c.credentials(),
		Secure:          s.secure,
		Transport:       s.witness,
		Region:          c.Region,
		TrailingHeaders: true, // minio-go asks for it before it sends any checksum
		MaxRetries:      attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("opening bucket: %w", err)
	}
	s.core = minio.Core{Client: client}
	return s, nil
}

func (c S3Config) credentials() *credentials.Credentials {
	if c.Renew == nil {
		return credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken)
	}
	return credentials.New(&renewing{renew: c.Renew, last: Credentials{c.AccessKey, c.SecretKey, c.SessionToken}})
}

// Close ends the connections that are idle.
func (s *S3) Close() error {
	s.wire.CloseIdleConnections()
	return nil
}

// Fresh is the same bucket over connections of its own, so that what it says
// does not come by the path of an earlier answer. Close it after use.
func (s *S3) Fresh() (*S3, error) { return OpenS3(s.config) }

// Client is the connection and the bucket's name, for package archive. What
// may be done with it is for the credentials to say.
func (s *S3) Client() (minio.Core, string) { return s.core, s.config.Bucket }

// Put stores size bytes of body, from its beginning, under key, and returns
// the version that the server gave them ("" from a bucket that has none).
//
// When Put returns nil, the server has compared the bytes with the hash sum
// and has confirmed them, which is all that S3 says of durability. After
// ErrUnavailable the object may be there or not: the answer, not the object,
// was lost. Put it again; with CreateOnly, ErrExists then says that it is there.
func (s *S3) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode Mode) (version string, err error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if err := measure(body, size); err != nil {
		return "", err
	}
	if size > maxSinglePut {
		return "", fmt.Errorf("putting object: larger than %d bytes", int64(maxSinglePut))
	}
	want := base64.StdEncoding.EncodeToString(sum[:])
	options := minio.PutObjectOptions{
		UserMetadata:         map[string]string{checksumHeader: want},
		DisableContentSha256: true, // which would hash and sign it once more, piece by piece
	}
	// Without TLS the hash is what the signature covers of the body; with it, that is
	// the checksum's header, which is signed, too.
	var signed string
	if !s.secure {
		signed = hex.EncodeToString(sum[:])
	}
	if mode == CreateOnly {
		options.SetMatchETagExcept("*")
	}
	// The wrapper hides Close, which minio-go would call on the caller's body.
	info, err := s.core.PutObject(ctx, s.config.Bucket, key, struct{ io.ReadSeeker }{body}, size, "", signed, options)
	if err != nil {
		return "", Explain("putting object", err)
	}
	if info.ETag == "" || info.ChecksumSHA256 != "" && info.ChecksumSHA256 != want {
		return "", fmt.Errorf("putting object: %w: the answer is not that of an S3 server", ErrUnavailable)
	}
	return info.VersionID, nil
}

// Get returns the newest version under key, which must not be longer than
// 1 MiB, or ErrNotFound (but see ErrRefused).
func (s *S3) Get(ctx context.Context, key string) ([]byte, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	body, _, _, err := s.core.GetObject(ctx, s.config.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, Explain("reading object", err)
	}
	defer body.Close()
	return readSmall(body)
}

// Clock is the server's own time, to the second, as its Date header tells it
// now. Any answer has one, a refusal too, and in particular the refusal of a
// request whose time is too far off.
func (s *S3) Clock(ctx context.Context) (time.Time, error) {
	_, before := s.witness.last()
	_, err := s.core.StatObject(ctx, s.config.Bucket, letter.RecipientsKey, minio.StatObjectOptions{})
	date, seen := s.witness.last()
	switch {
	case seen > before:
		return date, nil
	case err != nil && errors.Is(Explain("", err), ErrUnavailable):
		return time.Time{}, Explain("asking the store for the time", err)
	}
	return time.Time{}, ErrNoClock
}
