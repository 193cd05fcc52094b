package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"
	"github.com/secure-io/sio-go"
	"golang.org/x/crypto/argon2"

	"letterlock/scanner/deposit"
)

// adminTimeout is how long one request for credentials may take.
const adminTimeout = 30 * time.Second

// MakeEdgeUser makes the least credentials for the edge of one site: a user of
// the storage who may do what [EdgePolicy] says and nothing more. It speaks
// the admin interface of MinIO and Silo, with the root credentials in c. Other
// S3 servers do not have it and are ErrRefused: there a person makes the user
// and gives it the EdgePolicy.
//
// Called again it sets everything anew, the secret key too. accessKey has at
// least 3 characters, secretKey at least 8 (MinIO's limits).
func MakeEdgeUser(ctx context.Context, c deposit.S3Config, site, accessKey, secretKey string) error {
	policy, err := EdgePolicy(c.Bucket, site)
	if err != nil {
		return err
	}
	if accessKey == c.AccessKey {
		return errors.New("making edge user: the edge cannot have the server's own access key")
	}
	user, err := json.Marshal(map[string]string{"secretKey": secretKey, "status": "enabled"})
	if err != nil {
		return fmt.Errorf("making edge user: %w", err)
	}
	sealed, err := sealForAdmin(c.SecretKey, user)
	if err != nil {
		return fmt.Errorf("making edge user: %w", err)
	}
	a, err := newAdmin(c)
	if err != nil {
		return err
	}
	defer a.client.CloseIdleConnections()
	// The name holds the bucket, because policies belong to the whole server.
	name := "letterlock-" + c.Bucket + "-edge-" + site
	if err := a.put(ctx, "add-canned-policy", url.Values{"name": {name}}, policy); err != nil {
		return deposit.Explain("making edge policy", err)
	}
	// A crash here leaves a policy that nobody has.
	if err := a.put(ctx, "add-user", url.Values{"accessKey": {accessKey}}, sealed); err != nil {
		return deposit.Explain("making edge user", err)
	}
	// A crash here leaves a user who may do nothing. The next call goes on.
	attach := url.Values{"policyName": {name}, "userOrGroup": {accessKey}, "isGroup": {"false"}}
	return deposit.Explain("giving edge its policy", a.put(ctx, "set-user-or-group-policy", attach, nil))
}

// RemoveEdgeUser ends what a user that MakeEdgeUser has made may do. One that is not
// there is no error.
func RemoveEdgeUser(ctx context.Context, c deposit.S3Config, accessKey string) error {
	a, err := newAdmin(c)
	if err != nil {
		return err
	}
	defer a.client.CloseIdleConnections()
	err = a.send(ctx, http.MethodDelete, "remove-user", url.Values{"accessKey": {accessKey}}, nil)
	var said minio.ErrorResponse
	if errors.As(err, &said) && said.Code == "XMinioAdminNoSuchUser" {
		return nil
	}
	return deposit.Explain("removing edge user", err)
}

// admin is a storage server's admin interface.
type admin struct {
	config deposit.S3Config
	client *http.Client
}

func newAdmin(c deposit.S3Config) (*admin, error) {
	// The checks of the endpoint are the same as for the bucket.
	s, err := deposit.OpenS3(c)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var wire http.RoundTripper = &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: c.TLS}
	if c.Wrap != nil {
		wire = c.Wrap(wire)
	}
	return &admin{c, &http.Client{Transport: wire, Timeout: adminTimeout,
		// A signed request with a new secret goes to the server that was named, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func (a *admin) put(ctx context.Context, command string, query url.Values, body []byte) error {
	return a.send(ctx, http.MethodPut, command, query, body)
}

// send sends one signed request, which is always safe to repeat.
func (a *admin) send(ctx context.Context, method, command string, query url.Values, body []byte) error {
	target := strings.TrimSuffix(a.config.Endpoint, "/") + "/minio/admin/v3/" + command + "?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	region := a.config.Region
	if region == "" {
		region = "us-east-1"
	}
	signed := signer.SignV4(*request, a.config.AccessKey, a.config.SecretKey, a.config.SessionToken, region)
	answer, err := a.client.Do(signed)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return adminError(answer)
}

// adminError reads the server's refusal as minio-go reads those about objects,
// so that deposit.Explain knows it. The admin interface answers in JSON.
func adminError(answer *http.Response) error {
	said := minio.ErrorResponse{StatusCode: answer.StatusCode, Code: answer.Status}
	if text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10)); err == nil {
		_ = json.Unmarshal(text, &said) // another server's answer may be of any form
	}
	if said.Message == "" {
		said.Message = "the storage answered " + answer.Status
	}
	return said
}

// What MinIO and Silo expect of an admin request with a secret in it: a salt,
// a byte that names the cipher, a nonce, and the ciphertext as a stream of
// authenticated packages. The key is made of the caller's secret key by
// Argon2id over 64 MiB, in one pass by four threads.
const (
	adminSalt     = 32
	adminAESGCM   = 0 // the byte for AES-256-GCM under Argon2id
	adminMemory   = 64 << 10
	adminPasses   = 1
	adminThreads  = 4
	adminKeyBytes = 32
)

// sealForAdmin encrypts plain so that only the server, which knows the secret
// key too, can read it: the connection may be plain HTTP.
func sealForAdmin(secretKey string, plain []byte) ([]byte, error) {
	salt := make([]byte, adminSalt)
	_, _ = rand.Read(salt)
	key := argon2.IDKey([]byte(secretKey), salt, adminPasses, adminMemory, adminThreads, adminKeyBytes)
	stream, err := sio.AES_256_GCM.Stream(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, stream.NonceSize())
	_, _ = rand.Read(nonce)
	out := bytes.NewBuffer(salt)
	out.WriteByte(adminAESGCM)
	out.Write(nonce)
	sealed := stream.EncryptWriter(out, nonce, nil)
	if _, err := sealed.Write(plain); err != nil {
		return nil, err
	}
	if err := sealed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
