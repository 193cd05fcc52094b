package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/scanner/realpart"
)

// The client secret of the organisation's sign-in is another at the provider than here,
// and then the same again: each counts at the next sign-in, without a restart. Whoever is
// refused meanwhile is told, and so is who reads the log; the secret is told to nobody.
func TestTheClientSecretChangesUnderAServer(t *testing.T) {
	at := realpart.Address(t)
	origin := "http://localhost" + at[strings.LastIndex(at, ":"):]
	issuer := portaltest.StartProvider(t, origin+"/sign-in/sso/back", "Example")
	data := newData(t)
	command(t, data, "setup", "--settings")
	config, secret := filepath.Join(data, "letterlock.toml"), filepath.Join(data, "client-secret")
	is := func(text string) { must(t, os.WriteFile(secret, []byte(text+"\n"), 0o600)) }
	is(portaltest.ProviderSecret)
	settings := strings.Replace(read(t, config), "\n[portal]\n", "\n[portal]\norigin = \""+origin+"\"\n", 1) +
		"\n[sso]\nissuer = \"" + issuer + "/\"\nclient_id = \"" + portaltest.ProviderClient + "\"\nclient_secret_file = \"client-secret\"\n"
	must(t, os.WriteFile(config, []byte(settings), 0o600))
	p := start(t, data, "", "--listen", strings.TrimPrefix(origin, "http://"))
	p.isSetUp()

	said := regexp.MustCompile(`/enrol\?person=(\d+) with the code (\S+),`).FindStringSubmatch(p.out.String())
	if said == nil {
		t.Fatalf("no code was said:\n%s", p.out)
	}
	administrator := portaltest.NewClient(t)
	answer, err := administrator.PostForm(origin+"/enrol", url.Values{"person": {said[1]}, "code": {said[2]}})
	must(t, err)
	must(t, answer.Body.Close())
	if answer := portaltest.LogsIn(t, administrator, origin+"/enrol/sso"); answer.Request.URL.Path != "/account" {
		t.Fatalf("enrolling led to %s: %s", answer.Request.URL.Path, answer.Status)
	}
	signsIn := func(want bool, says string) {
		t.Helper()
		answer := portaltest.LogsIn(t, portaltest.NewClient(t), origin+"/sign-in/sso")
		page, err := io.ReadAll(answer.Body)
		must(t, err)
		if in := answer.StatusCode == http.StatusOK && !strings.HasPrefix(answer.Request.URL.Path, "/sign-in"); in != want || !strings.Contains(string(page), says) {
			t.Fatalf("let in: %v; at %s: %s\n%s", in, answer.Request.URL.Path, answer.Status, page)
		}
	}
	signsIn(true, "")
	is("another-than-the-provider's")
	signsIn(false, "tell your administrator, who finds the reason in the log")
	must(t, os.Remove(secret))
	signsIn(false, "tell your administrator, who finds the reason in the log")
	is(portaltest.ProviderSecret)
	signsIn(true, "")
	p.stop()
	log := p.out.String()
	for _, says := range []string{"does not take the client secret (invalid_client)", "sign-in's client secret cannot be read: "} {
		if strings.Count(log, says) != 1 {
			t.Errorf("the log does not say once %q:\n%s", says, log)
		}
	}
	if strings.Contains(log, "another-than") {
		t.Errorf("the log tells the secret:\n%s", log)
	}
}
