package pipeline

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/pipeline/texts"
)

// selfSigned is a certificate of this machine that is its own authority.
func selfSigned(t *testing.T, from, until time.Time) *tls.Certificate {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, as, as, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: secret}
}

// The database's certificate is somebody else's to renew as well. A register that is at
// work goes on with a bad one until its connections end: the check asks over a new one.
func TestTheCheckSaysWhenTheDatabasesCertificateEnds(t *testing.T) {
	if postgrestest.OnPostgreSQL() {
		return // it has a server of its own
	}
	o := newOffice(t)
	o.now = time.Now()
	wants := func(when string, bad bool, says string) {
		t.Helper()
		is, good, err := o.checkDatabaseCertificate(t.Context())
		said := texts.English().Text(good)
		if is != nil {
			said = texts.English().Text(is)
		}
		if err != nil || (is != nil) != bad || !strings.Contains(said, says) {
			t.Errorf("%s: bad is %v, %q, %v", when, is != nil, said, err)
		}
		if n, err := o.certificatesEnd(t.Context()); err != nil || (n == 1) != bad {
			t.Errorf("%s: of %d certificates somebody hears, %v", when, n, err)
		}
	}
	wants("a file", false, "needs no certificate")

	const day = 24 * time.Hour
	valid := func(from, until time.Duration) *tls.Certificate {
		return selfSigned(t, o.now.Add(from), o.now.Add(until+time.Hour))
	}
	good, ending, over, early, unknown := valid(-30*day, 60*day), valid(-70*day, 20*day), valid(-90*day, -day), valid(day, 60*day), valid(-30*day, 60*day)
	var believed []byte
	for _, one := range []*tls.Certificate{good, ending, over, early} {
		believed = append(believed, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Certificate[0]})...)
	}
	roots := filepath.Join(t.TempDir(), "roots.pem")
	o.must(os.WriteFile(roots, believed, 0o600))
	var shown atomic.Pointer[tls.Certificate]
	shown.Store(good)
	server := postgrestest.Start(t)
	named, err := url.Parse(server.Database(t))
	o.must(err)
	address := url.URL{Scheme: "postgres", User: url.User("letterlock"), Path: named.Path,
		Host: server.OverTLS(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }})}
	open := func(mode string) {
		t.Helper()
		address.RawQuery = mode
		desk := o.desk
		desk.URL = address.String()
		reg, err := register.Open(t.Context(), desk)
		o.must(err)
		t.Cleanup(func() { _ = reg.Close() })
		o.cfg.Register = reg
	}
	open("sslmode=require")
	wants("whatever it shows is taken", false, "needs no certificate")
	cases := []struct {
		when  string
		shown *tls.Certificate
		bad   bool
		says  string
	}{
		{"good", good, false, "for 60 days"},
		{"near its end", ending, true, "in 20 days, and was not renewed yet"},
		{"over", over, true, "ran out on"},
		{"not yet", early, true, "either it or this machine’s clock is wrong"},
		{"not believed", unknown, true, "does not believe the database’s certificate: x509: certificate signed by unknown authority"},
		{"renewed", good, false, "for 60 days"},
	}
	for _, mode := range []string{"verify-full", "verify-ca"} {
		open(url.Values{"sslmode": {mode}, "sslrootcert": {roots}}.Encode())
		for _, c := range cases {
			shown.Store(c.shown)
			wants(mode+", "+c.when, c.bad, c.says)
			if _, err := o.cfg.Register.People(t.Context()); err != nil {
				t.Errorf("%s, %s: the register does not go on: %v", mode, c.when, err)
			}
		}
	}
}
