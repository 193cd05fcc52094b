package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"letterlock/scanner/realpart"
)

// issueCertificate writes a certificate for localhost and its key.
func issueCertificate(t *testing.T, serial int64, life time.Duration, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(life), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, as, as, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// browse fetches a page as a browser would that trusts one authority alone.
func browse(t *testing.T, url, trusted string) (*http.Response, string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	if raw, err := os.ReadFile(trusted); err == nil {
		roots.AppendCertsFromPEM(raw)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// isThePortal looks at a page as it must come over TLS.
func isThePortal(t *testing.T, url, trusted string) *http.Response {
	t.Helper()
	resp, body, err := browse(t, url+"/sign-in", trusted)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Letterlock") || resp.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s came with %v", resp.Status, resp.Header)
	}
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly {
			t.Errorf("a cookie goes out without protection: %s", c)
		}
	}
	return resp
}

func configurePortal(t *testing.T, data, portal string) {
	t.Helper()
	text := "[portal]\n" + portal
	for _, h := range exampleHelplines {
		text += fmt.Sprintf("[[helpline]]\nname = %q\ntitle = %q\n", h.Name, h.Title)
	}
	if err := os.WriteFile(filepath.Join(data, "letterlock.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The portal ends TLS itself, takes up a certificate that was renewed, and check
// says when one was not.
func TestThePortalHasACertificateOfItsOwn(t *testing.T) {
	data := newData(t)
	at := strings.Replace(realpart.Address(t), "127.0.0.1", "localhost", 1)
	cert, key := filepath.Join(data, "portal.pem"), filepath.Join(data, "portal.key")
	configurePortal(t, data, fmt.Sprintf("origin = \"https://%s\"\ncertificate_file = \"portal.pem\"\n", at))
	if out, err := letterlockCmd(t, data, "serve", "--listen", at).CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "belong together") {
		t.Errorf("with half a certificate it ended with %v and said:\n%s", err, out)
	}
	configurePortal(t, data, fmt.Sprintf("origin = \"https://%s\"\ncertificate_file = \"portal.pem\"\ncertificate_key_file = \"portal.key\"\n", at))
	if out, err := letterlockCmd(t, data, "serve", "--listen", at).CombinedOutput(); err == nil || !strings.Contains(string(out), "portal.pem cannot be read: no such file or directory. Put a good one there") {
		t.Errorf("without its certificate it ended with %v and said:\n%s", err, out)
	}
	issueCertificate(t, 1, 60*24*time.Hour, cert, key)
	p := &program{t: t, data: data, out: &safeBuffer{}, cmd: letterlockCmd(t, data, "serve", "--listen", at)}
	p.begin()
	p.isSetUp()
	if serial := isThePortal(t, "https://"+at, cert).TLS.PeerCertificates[0].SerialNumber; serial.Int64() != 1 {
		t.Errorf("certificate %d is shown", serial)
	}
	check := func() string {
		out, _ := letterlockCmd(t, data, "check").CombinedOutput()
		_, line, _ := strings.Cut(string(out), "certificate")
		line, _, _ = strings.Cut(line, "\n")
		return line
	}
	if said := check(); !strings.Contains(said, "is for localhost, until ") || strings.Contains(said, "shown") {
		t.Errorf("check says %q", said)
	}
	issueCertificate(t, 2, time.Minute, cert, key)
	if serial := isThePortal(t, "https://"+at, cert).TLS.PeerCertificates[0].SerialNumber; serial.Int64() != 2 {
		t.Errorf("certificate %d is shown after it was renewed", serial)
	}
	if said := check(); !strings.Contains(said, "was not renewed yet") {
		t.Errorf("check says %q", said)
	}
	if _, _, err := browse(t, "http://"+at+"/sign-in", cert); err != nil {
		t.Error(err)
	} else if resp, _, _ := browse(t, "http://"+at+"/sign-in", cert); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without TLS it answers %s", resp.Status)
	}
	p.stop()
	if strings.Contains(p.out.String(), "127.0.0.1") {
		t.Errorf("an address is in the log:\n%s", p.out)
	}

	// A portal that is restored has its certificate again: without it nothing would start.
	kept, backupKey := setUpBackups(t, data)
	command(t, data, "backup")
	restored := newData(t)
	_, _ = letterlockCmd(t, restored, "restore", "--from", newestBackup(t, kept), "--key", backupKey).CombinedOutput() // closed: it has no bucket
	for _, name := range []string{cert, key} {
		if read(t, filepath.Join(restored, filepath.Base(name))) != read(t, name) {
			t.Errorf("the restored %s is not the portal's", filepath.Base(name))
		}
	}
}

// A web server in front ends TLS, as the README has it.
func TestThePortalBehindAWebServer(t *testing.T) {
	caddy := realpart.Tool(t, "caddy", "a web server that ends TLS: see caddy in .ci/run")
	data := newData(t)
	inside, at := realpart.Address(t), strings.Replace(realpart.Address(t), "127.0.0.1", "localhost", 1)
	configurePortal(t, data, fmt.Sprintf("origin = \"https://%s\"\n", at))
	p := &program{t: t, data: data, out: &safeBuffer{}, cmd: letterlockCmd(t, data, "serve", "--listen", inside)}
	p.begin()
	p.isSetUp()
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	raw, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(raw), "```caddyfile\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok || !strings.Contains(text, "letters.example.org {") || !strings.Contains(text, "localhost:8080") {
		t.Fatalf("the README's Caddyfile is not there, or another: %s", text)
	}
	// With an authority of its own, and nothing outside the test's folder.
	text = strings.ReplaceAll(strings.ReplaceAll(text, "letters.example.org {", "https://"+at+" {\n\ttls internal"), "localhost:8080", inside)
	text = "{\n\tadmin off\n\tstorage file_system " + dir + "\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n" + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	front := &program{t: t, data: data, out: &safeBuffer{}, cmd: exec.Command(caddy, "run", "--config", file)}
	front.cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	front.begin()
	root := filepath.Join(dir, "pki", "authorities", "local", "root.crt")
	p.eventually("the web server answers", func() bool {
		_, _, err := browse(t, "https://"+at+"/sign-in", root)
		return err == nil
	})
	isThePortal(t, "https://"+at, root)
	check := func(want string) {
		t.Helper()
		if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !strings.Contains(string(out), "answers for the certificate of localhost. "+want) || strings.Contains(string(out), "LOOK      certificate") {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	check("The one that browsers are shown is good until ")
	must(t, front.cmd.Process.Kill())
	front.wait()
	check("Which one browsers are shown at localhost cannot be looked at from this machine.")

	// And as docker-compose.yml starts it: no Caddyfile, and a certificate by itself.
	service, own := readComposition(t, read(t, top+"docker-compose.yml")).Services["caddy"], t.TempDir()
	here := strings.NewReplacer("${LETTERLOCK_HOST:-localhost}", at, "localhost:8080", inside, "/data", own, "/tmp", own)
	args := []string{}
	for _, arg := range service.Command[1:] {
		args = append(args, here.Replace(arg))
	}
	front = &program{t: t, data: data, out: &safeBuffer{}, cmd: exec.Command(caddy, append(args, "--disable-redirects")...)} // port 80 is not the test's
	front.cmd.Env = []string{"PATH=" + own}                                                                                  // where it finds nothing with which to have this machine trust its authority
	for key, value := range service.Environment {
		front.cmd.Env = append(front.cmd.Env, key+"="+here.Replace(value))
	}
	front.begin()
	root = filepath.Join(own, "caddy", "pki", "authorities", "local", "root.crt")
	p.eventually("the composition's web server answers", func() bool {
		_, _, err := browse(t, "https://"+at+"/sign-in", root)
		return err == nil
	})
	isThePortal(t, "https://"+at, root)
	p.stop()
	if out := p.out.String(); strings.Contains(out, "without TLS") {
		t.Errorf("it listens for this machine alone, and says:\n%s", out)
	}
}

// A portal without TLS that other machines could reach is said, unless the configuration
// says that none can.
func TestAPortalWithoutTLSIsSaid(t *testing.T) {
	data := newData(t)
	says := func(want bool) {
		t.Helper()
		p := start(t, data, "", "--listen", "0.0.0.0:0")
		p.eventually("the portal is there", func() bool { return strings.Contains(p.out.String(), "The portal is at") })
		out, _ := letterlockCmd(t, data, "check").CombinedOutput()
		if strings.Contains(string(out), "LOOK      door") != want || strings.Contains(p.out.String(), "without TLS") != want {
			t.Errorf("'check' said:\n%s\nand the server:\n%s", out, p.out)
		}
		p.stop()
	}
	says(true)
	config := filepath.Join(data, "letterlock.toml")
	text := read(t, config)
	if !strings.Contains(text, "\n[portal]\n") {
		text += "\n[portal]\n"
	}
	must(t, os.WriteFile(config, []byte(strings.Replace(text, "\n[portal]\n", "\n[portal]\nwithout_tls = true\n", 1)), 0o600))
	says(false)
}

// Nobody else on the network reaches the portal unless somebody asks for that.
func TestThePortalListensOnThisMachineUnlessAsked(t *testing.T) {
	var c cli
	parser, err := kong.New(&c)
	must(t, err)
	for command, listen := range map[string]*string{"up": &c.Up.Listen, "serve": &c.Serve.Listen} {
		_, err := parser.Parse([]string{command})
		must(t, err)
		if host, _, err := net.SplitHostPort(*listen); err != nil || host != "localhost" {
			t.Errorf("letterlock %s listens on %q", command, *listen)
		}
	}
}
