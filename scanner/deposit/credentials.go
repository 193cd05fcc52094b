package deposit

import (
	"sync"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Credentials are who is asking, and the secret that proves it.
type Credentials struct {
	AccessKey, SecretKey string
	SessionToken         string // only of temporary ones, which end by themselves
}

// renewing are credentials that may be others with the next request. While they cannot
// be had, the last ones are used: a file may be in the midst of being written.
type renewing struct {
	renew func() (Credentials, error)

	mu         sync.Mutex
	last, used Credentials // what was read last, and what minio-go has taken
}

// IsExpired reports whether they are others by now than what minio-go has taken. It
// is asked twice before a request.
func (r *renewing) IsExpired() bool {
	r.look()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last != r.used
}

func (r *renewing) look() {
	now, err := r.renew()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil && now.AccessKey != "" && now.SecretKey != "" {
		r.last = now
	}
}

// RetrieveWithCredContext returns the last ones. It looks itself: before the first
// request of a connection IsExpired is not asked.
func (r *renewing) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	r.look()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used = r.last
	return credentials.Value{AccessKeyID: r.last.AccessKey, SecretAccessKey: r.last.SecretKey, SessionToken: r.last.SessionToken, SignerType: credentials.SignatureV4}, nil
}

// Retrieve is of credentials.Provider, and not called any more.
func (r *renewing) Retrieve() (credentials.Value, error) { return r.RetrieveWithCredContext(nil) }
