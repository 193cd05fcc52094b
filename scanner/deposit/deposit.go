// Package deposit is what an edge may do with the bucket: put an object and
// get a small one. It cannot list and it cannot delete.
//
// There are two stores with the same methods: [Dir], a plain folder, and [S3],
// any S3 server with versioning. In both, whatever Put has returned nil for is
// whole, of the hash that was asked for, and survives a power cut; whatever Put
// has failed for is either not there, or there in the same sense, so that
// putting it again is always right.
package deposit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// What a store's error is about. Every error of this package and of
// pipeline/archive that fits one of them matches it with [errors.Is]; an error
// that matches none is a mistake of the caller or a cancelled context.
var (
	// ErrExists answers a CreateOnly put of a key that is taken. The object
	// that is there is durable. It may be the caller's own: an earlier put whose
	// answer was lost ends here when it is tried again.
	ErrExists = errors.New("the key is taken")
	// ErrNotFound means that there is no such object or no such version.
	ErrNotFound = errors.New("no such object")
	// ErrWrongHash means that the bytes are not those of the hash that came
	// with them. Nothing was stored.
	ErrWrongHash = errors.New("the bytes do not have the hash that was named")
	// ErrUnavailable means that the store could not be reached or could not do
	// it just now (network, disk full, overload): nothing is wrong with the
	// request, try it again later.
	ErrUnavailable = errors.New("the store is unavailable")
	// ErrRefused means that the store said no and will most likely say it
	// again: credentials, policy, certificate, a missing bucket, file
	// permissions, or a clock too far from the store's. A person must look; go
	// on trying meanwhile, since MinIO under load was seen to answer "access
	// denied" to a put for which it had just removed the folder.
	//
	// S3 also answers so for an object that is missing when the credentials may
	// not list, as AWS documents for GetObject; an edge that looks for a receipt
	// must take it for "not yet".
	ErrRefused = errors.New("the store refuses")
	// ErrNoClock means that this store has no clock of its own to compare with.
	ErrNoClock = errors.New("the store has no clock of its own")
)

// Mode says what a put does with a key that is taken.
type Mode int

const (
	// CreateOnly leaves what is there alone and answers ErrExists.
	CreateOnly Mode = iota
	// Replace puts the object in its place. In a versioned bucket the old one
	// stays behind as an older version.
	Replace
)

// maxSmall is the most that Get returns, in bytes: as much as the largest
// statement that package letter would open. It keeps whoever can write to the
// bucket from filling the reader's memory.
const maxSmall = 1 << 20

// validKey is plain names with slashes between them. No name begins with a dot,
// so that none is "." or ".." and an unfinished upload in a Dir is never
// mistaken for an object.
var validKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)

// maxKey is the longest key in bytes. It leaves room in a file name (255 bytes)
// for what UploadName adds.
const maxKey = 200

// CheckKey refuses a key that is longer than 200 bytes or not made of plain
// names with slashes between them; both stores refuse the same ones. The error
// does not repeat the key, which may come from a stranger.
func CheckKey(key string) error {
	if len(key) > maxKey || !validKey.MatchString(key) {
		return errors.New("not a key that an object may have")
	}
	return nil
}

// measure checks that body is exactly size bytes long, before anything is
// stored or sent, and leaves it at its beginning.
func measure(body io.ReadSeeker, size int64) error {
	n, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("measuring object: %w", err)
	}
	if n != size {
		return fmt.Errorf("measuring object: it has %d bytes and should have %d", n, size)
	}
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("measuring object: %w", err)
	}
	return nil
}

// readSmall reads all of r, or refuses what is longer than maxSmall.
func readSmall(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSmall+1))
	if err != nil {
		return nil, Explain("reading object", err)
	}
	if len(b) > maxSmall {
		return nil, fmt.Errorf("reading object: longer than %d bytes", maxSmall)
	}
	return b, nil
}

// IsNoBucket reports whether err says that an S3 server has no bucket of that
// name; for everything else it is an ErrRefused like others.
func IsNoBucket(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.Code == minio.NoSuchBucket
}

// IsSkewed reports whether err says that an S3 server refuses since the clock of whoever
// asks is too far from its own: by more than a quarter of an hour, as is usual. It is an
// ErrRefused like others.
func IsSkewed(err error) bool {
	var answer minio.ErrorResponse
	return errors.As(err, &answer) && answer.Code == "RequestTimeTooSkewed"
}

// IsUnbelieved reports whether err says that a server's certificate is not believed. It is
// an ErrRefused like others.
func IsUnbelieved(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// Explain wraps err with what was being done and with the sentinel of this
// package that it belongs to. It knows the errors of minio-go, of the network
// and of the file system. It returns nil for nil.
func Explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if kind := kindOf(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func kindOf(err error) error {
	var answer minio.ErrorResponse
	var request *url.Error
	var wire *net.OpError // of an answer that has begun: the body comes without the request's name
	var errno syscall.Errno
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &answer):
		return kindOfAnswer(answer)
	case IsUnbelieved(err):
		return ErrRefused
	case errors.As(err, &request), errors.As(err, &wire), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrUnavailable
	case errors.Is(err, fs.ErrNotExist):
		return ErrNotFound
	case errors.Is(err, fs.ErrExist):
		return ErrExists
	case errors.As(err, &errno):
		return kindOfErrno(errno)
	}
	return nil
}

// kindOfAnswer sorts what an S3 server says (AWS "Error responses", and what
// MinIO was seen to answer).
func kindOfAnswer(a minio.ErrorResponse) error {
	switch a.Code {
	case minio.NoSuchKey, minio.NoSuchVersion, minio.NoSuchUpload:
		return ErrNotFound
	case minio.PreconditionFailed:
		return ErrExists
	case "BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", minio.XAmzContentSHA256Mismatch:
		return ErrWrongHash
	case "ConditionalRequestConflict", "OperationAborted":
		return ErrUnavailable // another write to the same key is under way
	}
	switch s := a.StatusCode; {
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s >= 500 && s != http.StatusNotImplemented:
		return ErrUnavailable
	case s >= 400:
		return ErrRefused
	}
	return nil
}

// kindOfErrno sorts what a file system says: what passes by itself or when
// somebody makes room, and what does not.
func kindOfErrno(e syscall.Errno) error {
	switch e {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE,
		syscall.ESTALE, syscall.ETIMEDOUT, syscall.EHOSTDOWN, syscall.ENOTCONN, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH:
		return ErrUnavailable
	}
	return ErrRefused
}
