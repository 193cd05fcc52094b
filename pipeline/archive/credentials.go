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
// Called again it sets everything anew, the secret key too; a user of that name who has
// other rights is [ErrOthersUser]. accessKey has at least 3 characters, secretKey at
// least 8 (MinIO's limits).
func MakeEdgeUser(ctx context.Context, c deposit.S3Config, site, accessKey, secretKey string) error {
	policy, err := EdgePolicy(c.Bucket, site)
	if err != nil {
		return err
	}
	return makeUser(ctx, c, user{accessKey, secretKey, "edge-" + site, policy})
}

// MakeServerUser makes the least credentials for a running server: a user of the
// storage who may do what [ServerPolicy] says and nothing more. All else is as with
// MakeEdgeUser.
func MakeServerUser(ctx context.Context, c deposit.S3Config, accessKey, secretKey string) error {
	policy, err := ServerPolicy(c.Bucket)
	if err != nil {
		return err
	}
	return makeUser(ctx, c, user{accessKey, secretKey, "server", policy})
}

// ErrOthersUser means that the storage has a user of that name for something else, who
// stays as it is.
var ErrOthersUser = errors.New("the storage has a user of that name, with other rights")

// ErrNothingMade means that a user is not there for having been tried to be made.
var ErrNothingMade = errors.New("no user of the storage was made")

// user is one that is to be made.
type user struct {
	accessKey, secretKey string
	kind                 string // tells its policy from the bucket's others
	policy               []byte
}

// policyName holds the bucket, because policies belong to the whole storage server.
func (u user) policyName(bucket string) string { return "letterlock-" + bucket + "-" + u.kind }

// makeUser makes a policy and a user, and gives the user that policy and no other.
func makeUser(ctx context.Context, c deposit.S3Config, u user) error {
	if u.accessKey == c.AccessKey {
		return errors.New("making a user of the storage: it cannot have the access key of whoever makes it")
	}
	text, err := json.Marshal(map[string]string{"secretKey": u.secretKey, "status": "enabled"})
	if err != nil {
		return fmt.Errorf("making a user of the storage: %w", err)
	}
	sealed, err := sealForAdmin(c.SecretKey, text)
	if err != nil {
		return fmt.Errorf("making a user of the storage: %w", err)
	}
	name := u.policyName(c.Bucket)
	is, err := FindUser(ctx, c, u.accessKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNothingMade, err)
	}
	// One without rights is what a crash has left.
	if is.Policy != "" && is.Policy != name || len(is.Groups) > 0 {
		return ErrOthersUser
	}
	a, err := newAdmin(c)
	if err != nil {
		return err
	}
	defer a.client.CloseIdleConnections()
	if err := a.put(ctx, "add-canned-policy", url.Values{"name": {name}}, u.policy); err != nil {
		return fmt.Errorf("%w: %w", ErrNothingMade, deposit.Explain("making the policy of a user of the storage", err))
	}
	// A crash here leaves a policy that nobody has.
	if err := a.put(ctx, "add-user", url.Values{"accessKey": {u.accessKey}}, sealed); err != nil {
		return deposit.Explain("making a user of the storage", err)
	}
	// A crash here leaves a user who may do nothing. The next call goes on.
	attach := url.Values{"policyName": {name}, "userOrGroup": {u.accessKey}, "isGroup": {"false"}}
	return deposit.Explain("giving a user of the storage its policy", a.put(ctx, "set-user-or-group-policy", attach, nil))
}

// UserInfo is what the storage says of one of its users.
type UserInfo struct {
	There, Enabled bool
	Policy         string   // the name of its own; a group's is not
	Groups         []string // whose rights it has as well
}

// FindUser asks the storage for a user, by the admin interface and with the credentials
// of who may. None of that name is no error.
func FindUser(ctx context.Context, c deposit.S3Config, accessKey string) (UserInfo, error) {
	a, err := newAdmin(c)
	if err != nil {
		return UserInfo{}, err
	}
	defer a.client.CloseIdleConnections()
	said, err := a.send(ctx, http.MethodGet, "user-info", url.Values{"accessKey": {accessKey}}, nil)
	if isNoUser(err) {
		return UserInfo{}, nil
	}
	if err != nil {
		return UserInfo{}, deposit.Explain("looking for a user of the storage", err)
	}
	var info struct {
		PolicyName string   `json:"policyName"`
		Status     string   `json:"status"`
		MemberOf   []string `json:"memberOf"`
	}
	if err := json.Unmarshal(said, &info); err != nil {
		return UserInfo{}, fmt.Errorf("looking for a user of the storage: %w: the answer is not that of MinIO or Silo", deposit.ErrRefused)
	}
	return UserInfo{true, info.Status == "enabled", info.PolicyName, info.MemberOf}, nil
}

func isNoUser(err error) bool {
	var said minio.ErrorResponse
	return errors.As(err, &said) && said.Code == "XMinioAdminNoSuchUser"
}

// RemoveEdgeUser ends what a user that MakeEdgeUser has made may do. One that is not
// there is no error.
func RemoveEdgeUser(ctx context.Context, c deposit.S3Config, accessKey string) error {
	a, err := newAdmin(c)
	if err != nil {
		return err
	}
	defer a.client.CloseIdleConnections()
	if _, err = a.send(ctx, http.MethodDelete, "remove-user", url.Values{"accessKey": {accessKey}}, nil); isNoUser(err) {
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
	_, err := a.send(ctx, http.MethodPut, command, query, body)
	return err
}

// send sends one signed request, which is always safe to repeat, and returns the answer,
// of which it reads 64 KiB.
func (a *admin) send(ctx context.Context, method, command string, query url.Values, body []byte) ([]byte, error) {
	target := strings.TrimSuffix(a.config.Endpoint, "/") + "/minio/admin/v3/" + command + "?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
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
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode == http.StatusOK {
		return said, err
	}
	return nil, adminError(answer, said)
}

// adminError reads the server's refusal as minio-go reads those about objects,
// so that deposit.Explain knows it. The admin interface answers in JSON.
func adminError(answer *http.Response, text []byte) error {
	said := minio.ErrorResponse{StatusCode: answer.StatusCode, Code: answer.Status}
	_ = json.Unmarshal(text, &said) // another server's answer may be of any form
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
