package portaltest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"letterlock/scanner/realpart"
)

// The client that a provider of StartProvider's knows.
const ProviderClient, ProviderSecret = "web", "secret"

// StartProvider starts a provider of an organisation's sign-in that others have written,
// until the test ends. It has one user, of that family name, sends people to the address
// back, and names itself with a slash behind the issuer.
func StartProvider(t testing.TB, back, family string) (issuer string) {
	t.Helper()
	program := realpart.Tool(t, "openid-provider", "an OpenID Connect provider: see openid-provider in .ci/run")
	_, port, err := net.SplitHostPort(realpart.Address(t))
	must(t, err)
	users := filepath.Join(t.TempDir(), "users.json")
	must(t, os.WriteFile(users, []byte(`{"ada": {"ID": "ada", "Username": "ada", "Password": "verysecure", "Email": "ada@example.org", "LastName": "`+family+`"}}`), 0o600))
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "PORT="+port, "USERS_FILE="+users, "REDIRECT_URI="+back)
	must(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	issuer = "http://localhost:" + port
	for until := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(issuer + "/.well-known/openid-configuration"); err == nil {
			must(t, answer.Body.Close())
			return issuer
		} else if time.Now().After(until) {
			t.Fatal(err)
		}
	}
}

// NewClient keeps cookies and follows where it is led, as a browser does.
func NewClient(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &http.Client{Jar: jar}
}

// LogsIn opens an address that leads to the provider's own form, fills it in, and returns
// the answer to which that leads, read to its end.
func LogsIn(t testing.TB, browser *http.Client, address string) *http.Response {
	t.Helper()
	form, err := browser.Get(address)
	must(t, err)
	must(t, form.Body.Close())
	id := regexp.MustCompile(`[?&]authRequestID=([^&]+)`).FindStringSubmatch(form.Request.URL.String())
	if id == nil {
		t.Fatalf("the provider shows no form: %s %s", form.Status, form.Request.URL)
	}
	answer, err := browser.PostForm("http://"+form.Request.URL.Host+"/login/username", url.Values{"id": {id[1]}, "username": {"ada"}, "password": {"verysecure"}})
	must(t, err)
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	must(t, answer.Body.Close())
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
