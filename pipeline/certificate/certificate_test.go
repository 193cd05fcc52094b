package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/certificate"
)

// issue makes a certificate for a serial number and returns both files' content.
func issue(t *testing.T, serial int64, life time.Duration) (cert, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(life), DNSNames: []string{"letters.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, as, as, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A certificate that is renewed is taken up by the next who comes, and one that
// is half there, or bad, leaves the one before it in use.
func TestANewCertificateIsTakenUp(t *testing.T) {
	files := certificate.Files{Certificate: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	cert, key := issue(t, 1, time.Hour)
	write(t, files.Certificate, cert)
	write(t, files.Key, key)
	var log bytes.Buffer
	keeper, err := certificate.Keep(files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	door, err := tls.Listen("tcp", "127.0.0.1:0", keeper.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	go func() {
		for {
			c, err := door.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			_ = c.Close()
		}
	}()
	shown := func(version uint16) (int64, error) {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", door.Addr().String(),
			// Which one it shows is all that is asked. A client of Go's own speaks no TLS 1.1 unless told to.
			&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: version})
		if err != nil {
			return 0, err
		}
		defer func() { _ = c.Close() }()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	want := func(when string, serial int64) {
		t.Helper()
		if got, err := shown(tls.VersionTLS13); err != nil || got != serial {
			t.Errorf("%s: certificate %d is shown, want %d: %v", when, got, serial, err)
		}
	}
	want("at first", 1)
	cert, key = issue(t, 22, time.Hour)
	write(t, files.Certificate, append(cert, '\n'))
	want("half renewed", 1)
	want("half renewed, once more", 1)
	if n := strings.Count(log.String(), "not taken up"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
	write(t, files.Key, append(key, '\n'))
	want("renewed", 22)
	if strings.Contains(log.String(), "has run out") {
		t.Errorf("a good one was said to have ended:\n%s", &log)
	}
	cert, key = issue(t, 333, -time.Minute)
	write(t, files.Certificate, cert)
	write(t, files.Key, key)
	want("renewed with one that has ended", 333)
	if !strings.Contains(log.String(), "level=WARN msg=\"the portal's new certificate has run out") {
		t.Errorf("nothing was said of a certificate that has ended:\n%s", &log)
	}
	// A key that could not be read at first, and then can, is the same file all the while.
	cert, key = issue(t, 4444, time.Hour)
	write(t, files.Certificate, cert)
	write(t, files.Key, bytes.ToLower(key))
	was, err := os.Stat(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	want("with a key that cannot be read", 333)
	write(t, files.Key, key)
	if err := os.Chtimes(files.Key, was.ModTime(), was.ModTime()); err != nil {
		t.Fatal(err)
	}
	want("at once", 333)
	*certificate.BadFor = 0
	t.Cleanup(func() { *certificate.BadFor = time.Minute })
	want("after a while", 4444)
	if err := os.Remove(files.Certificate); err != nil {
		t.Fatal(err)
	}
	want("with its file gone", 4444)
	if _, err := shown(tls.VersionTLS11); err == nil {
		t.Error("it speaks TLS 1.1")
	}
}

// Whoever knows weak ciphers only is not let in.
func TestNoWeakCiphers(t *testing.T) {
	files := certificate.Files{Certificate: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	cert, key := issue(t, 1, time.Hour)
	write(t, files.Certificate, cert)
	write(t, files.Key, key)
	keeper, err := certificate.Keep(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	shakes := func(suites []uint16) error {
		here, there := net.Pipe()
		defer func() { _ = here.Close(); _ = there.Close() }()
		go func() {
			_ = tls.Server(there, keeper.TLS()).Handshake()
			_ = there.Close()
		}()
		return tls.Client(here, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: suites}).Handshake()
	}
	for _, weak := range tls.InsecureCipherSuites() {
		if shakes([]uint16{weak.ID}) == nil {
			t.Errorf("it speaks %s", weak.Name)
		}
	}
	if err := shakes(nil); err != nil {
		t.Errorf("it speaks no TLS 1.2 at all: %v", err)
	}
}

func TestBadFilesAreSaid(t *testing.T) {
	dir := t.TempDir()
	cert, key := issue(t, 1, time.Hour)
	_, other := issue(t, 2, time.Hour)
	for name, content := range map[string][]byte{"cert": cert, "key": key, "other": other, "text": []byte("hello")} {
		write(t, filepath.Join(dir, name), content)
	}
	for _, c := range []struct{ cert, key, says string }{
		{"cert", "key", ""},
		{"absent", "key", "absent cannot be read: no such file"},
		{"cert", "absent", "absent cannot be read: no such file"},
		{"cert", "other", "are not a certificate and its key"},
		{"text", "key", "are not a certificate and its key"},
		{"key", "cert", "are not a certificate and its key"},
	} {
		leaf, err := certificate.Files{Certificate: filepath.Join(dir, c.cert), Key: filepath.Join(dir, c.key)}.Leaf()
		if c.says == "" && (err != nil || leaf.SerialNumber.Int64() != 1) || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s and %s: %v", c.cert, c.key, err)
		}
	}
}
