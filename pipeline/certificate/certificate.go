// Package certificate is the portal's TLS certificate: two files that somebody
// else renews, an ACME client as a rule, and that are taken up while the portal
// runs.
package certificate

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"
	"time"
)

// Files are a certificate's two files, in PEM. Certificate begins with the
// portal's own, and those that lead to a known authority follow; Key is its
// private key, which nobody but Letterlock and its administrators should read.
type Files struct {
	Certificate, Key string
}

// Load reads both files. The error says what is wrong with them, in words for
// an administrator, and names them.
func (f Files) Load() (*tls.Certificate, error) {
	for _, name := range []string{f.Certificate, f.Key} {
		if _, err := os.Stat(name); err != nil {
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			return nil, fmt.Errorf("%s cannot be read: %w", name, err)
		}
	}
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s are not a certificate and its key, both in PEM: %w", f.Certificate, f.Key, err)
	}
	return &pair, nil
}

// Leaf is the portal's own certificate of the pair, as it lies there now.
func (f Files) Leaf() (*x509.Certificate, error) {
	pair, err := f.Load()
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

// shownWithin is how long it may take to be shown a certificate.
const shownWithin = 5 * time.Second

// Shown is the certificate that browsers are shown at that https address now, over a
// connection of its own. Whether to believe it, for which name and until when, is the
// caller's to judge: nothing else is sent or read there.
func Shown(ctx context.Context, origin *url.URL) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, shownWithin)
	defer cancel()
	host := origin.Hostname()
	over := tls.Dialer{Config: &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}}
	conn, err := over.DialContext(ctx, "tcp", net.JoinHostPort(host, cmp.Or(origin.Port(), "443")))
	if err != nil {
		return nil, fmt.Errorf("asking for the portal's certificate: %w", err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// state is by what a change of the files is told.
func (f Files) state() (s [2]struct {
	size int64
	at   time.Time
}) {
	for i, name := range []string{f.Certificate, f.Key} {
		if info, err := os.Stat(name); err == nil { // a link is followed: ACME clients change where it leads
			s[i].size, s[i].at = info.Size(), info.ModTime()
		}
	}
	return s
}

// Keeper has the newest certificate that was good. It is safe for use by many
// goroutines.
type Keeper struct {
	files Files
	log   *slog.Logger

	mu    sync.Mutex
	pair  *tls.Certificate
	state any       // of the files when they were last read
	bad   time.Time // when they were found to be bad; zero for never
}

// badFor is how long files that are bad are not read again while they stay the same.
var badFor = time.Minute // a test does not wait

// Keep reads the files, which must be good now.
func Keep(files Files, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{files: files, log: log, state: files.state()}
	var err error
	k.pair, err = files.Load()
	return k, err
}

// TLS is a server's configuration with this certificate: TLS 1.2 and later
// (NCSC, "Using TLS to protect data"), with Go's choice of ciphers.
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return k.newest(), nil
	}}
}

// newest reads the files again if they have changed. Files that are bad just
// now, as they are between the writing of the one and of the other, leave the
// certificate as it was, and are read again once they have changed again, and after a
// while in any case: of who may read them nothing tells.
func (k *Keeper) newest() *tls.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	state := k.files.state()
	changed := state != k.state
	if !changed && (k.bad.IsZero() || time.Since(k.bad) < badFor) {
		return k.pair
	}
	k.state, k.bad = state, time.Time{}
	pair, err := k.files.Load()
	if err != nil {
		if changed {
			k.log.Warn("the portal's new certificate is not taken up, the one before it is still used", "error", err)
		}
		k.bad = time.Now()
		return k.pair
	}
	k.pair = pair
	if time.Now().After(pair.Leaf.NotAfter) {
		k.log.Warn("the portal's new certificate has run out: browsers refuse the portal until a good one lies in its place", "until", pair.Leaf.NotAfter)
		return pair
	}
	k.log.Info("the portal's new certificate is taken up", "until", pair.Leaf.NotAfter)
	return pair
}
