// Package deposittest starts a real S3 server for tests. Only tests import it.
package deposittest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/realpart"
)

// Server is a running MinIO with nothing in it.
type Server struct {
	URL string
	// AccessKey and SecretKey are the root credentials.
	AccessKey, SecretKey string
	// Dir is the folder in which the server keeps its objects.
	Dir string
	// TLS trusts the server; nil when it speaks plain HTTP.
	TLS *tls.Config

	command []string // that runs it
	environ []string // of it, beside this process's own
	end     func()   // ends the running process; nil when none runs
}

// Start runs a MinIO on loopback until the test ends. It takes the binary from
// $LETTERLOCK_MINIO, $HOME/.cache/letterlock-ci/bin/minio or the path.
func Start(t testing.TB) *Server { return start(t, "") }

// StartTLS is Start with HTTPS and a certificate that Server.TLS trusts.
func StartTLS(t testing.TB) *Server {
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	defer issuer.Close()
	key, err := x509.MarshalPKCS8PrivateKey(issuer.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certs := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"public.crt":  {Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw},
		"private.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(certs, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, certs)
}

// StartAs is Start with the arguments and the environment that somebody else has for the
// server: of its root user, whose name and password these are, and of where it listens
// and keeps its objects, which how is told.
func StartAs(t testing.TB, user, password string, how func(address, dir string) (args, environ []string)) *Server {
	t.Helper()
	address := realpart.Address(t)
	s := &Server{URL: "http://" + address, AccessKey: user, SecretKey: password, Dir: t.TempDir()}
	s.command, s.environ = how(address, s.Dir)
	s.command = append([]string{Program(t)}, s.command...)
	t.Cleanup(s.Stop)
	s.Resume(t)
	return s
}

func start(t testing.TB, certs string) *Server {
	t.Helper()
	binary := Program(t)
	address := realpart.Address(t)
	s := &Server{URL: "http://" + address, AccessKey: "letterlock", SecretKey: rand.Text(), Dir: t.TempDir()}
	s.command = []string{binary, "server", "--quiet", "--address", address}
	// Without the last, MinIO serves before it has listed its buckets, and then takes
	// one that was made in between for as bare as it found it: its versioning is off
	// again, for all that was answered.
	s.environ = []string{"MINIO_SCANNER_SPEED=fastest", "MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_SYNC_BOOT=on"}
	if certs != "" {
		s.URL = "https://" + address
		s.TLS = trust(t, filepath.Join(certs, "public.crt"))
		s.command = append(s.command, "--certs-dir", certs)
	}
	s.command = append(s.command, s.Dir)
	t.Cleanup(s.Stop)
	s.Resume(t)
	return s
}

// Stop ends the server and keeps what it holds: the storage is down.
func (s *Server) Stop() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// Resume starts the server again after Stop, at the same address and with what
// it held.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	var output bytes.Buffer
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	// A test may have changed the password meanwhile. What StartAs was given counts instead.
	cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
		"MINIO_CI_CD=1") // which lets it lie on the machine's first disk
	cmd.Env = append(cmd.Env, s.environ...)
	cmd.Stdout, cmd.Stderr = &output, &output
	dieWithTheTest(cmd)
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.end = func() {
		cancel()
		<-ended
		if t.Failed() && output.Len() > 0 {
			t.Logf("what MinIO said:\n%s", &output)
		}
	}
	s.await(t, ended, &output)
}

// Config is a bucket of its own, which is not made yet, with root credentials.
func (s *Server) Config() deposit.S3Config {
	return deposit.S3Config{
		Endpoint:  s.URL,
		Bucket:    "letters-" + strings.ToLower(rand.Text()),
		AccessKey: s.AccessKey,
		SecretKey: s.SecretKey,
		TLS:       s.TLS,
	}
}

// await returns once the server is ready.
func (s *Server) await(t testing.TB, ended chan error, output *bytes.Buffer) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: s.TLS}, Timeout: 5 * time.Second}
	for range 1800 {
		answer, err := client.Get(s.URL + "/minio/health/ready")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK && s.knows(t) {
				return
			}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("MinIO ended: %v\n%s", err, output)
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("MinIO is not ready after three minutes")
}

// knows reports whether the server knows who asks: under load it says that it is
// ready before it does.
func (s *Server) knows(t testing.TB) bool {
	store, err := deposit.OpenS3(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	core, bucket := store.Client()
	there, err := core.BucketExists(t.Context(), bucket)
	return err == nil && !there
}

// Program is the path of the S3 server, for whoever starts it in a way of its own.
func Program(t testing.TB) string {
	t.Helper()
	binary, found := find()
	realpart.Need(t, found, "MinIO: go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c, then set LETTERLOCK_MINIO to the binary")
	return binary
}

func find() (binary string, found bool) {
	places := []string{os.Getenv("LETTERLOCK_MINIO")}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".cache/letterlock-ci/bin/minio"))
	}
	for _, p := range append(places, "minio") {
		if p == "" {
			continue
		}
		if binary, err := exec.LookPath(p); err == nil {
			return binary, true
		}
	}
	return "", false
}

func trust(t testing.TB, certificate string) *tls.Config {
	t.Helper()
	raw, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		t.Fatal("no certificate in " + certificate)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}
