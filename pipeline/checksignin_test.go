package pipeline

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// Passkeys of another host name open nothing, and a single one of all
// administrators is one too few: both are said, with what to do.
func TestTheCheckLooksAtPasskeys(t *testing.T) {
	o := newOffice(t)
	admin := o.person(register.Administrator, "")
	says := func() Line {
		t.Helper()
		for _, l := range o.Check(t.Context()) {
			if l.Name == "sign-in" {
				return l
			}
		}
		t.Fatal("nothing is said of it")
		return Line{}
	}
	add := func(person int64, id, host string) {
		t.Helper()
		record, err := json.Marshal(webauthn.Credential{ID: []byte(id), Attestation: webauthn.CredentialAttestation{
			ClientDataJSON: []byte(`{"type":"webauthn.create","challenge":"x","origin":"https://` + host + `:8443"}`)}})
		o.must(err)
		o.must(o.cfg.Register.AddAnotherPasskey(t.Context(), person, []byte(id), string(record)))
	}
	if l := says(); !l.OK || !strings.Contains(l.Says, "Passkeys open the portal at localhost.") {
		t.Errorf("before anybody has one: %+v", l)
	}
	add(admin, "first", "localhost")
	if l := says(); l.OK || !strings.Contains(l.Says, "one passkey between them") {
		t.Errorf("with one: %+v", l)
	}
	add(admin, "second", "localhost")
	if l := says(); !l.OK || !strings.Contains(l.Says, "fewer than two, who should make another on another device: 1.") {
		t.Errorf("with two: %+v", l)
	}
	if strings.Contains(says().Says, "strong") {
		t.Error("a sign-in that there is not is called weak")
	}
	o.cfg.WeakSSO = true
	if l := says(); !l.OK || !strings.Contains(l.Says, "[sso] strong asks for more") {
		t.Errorf("with a weak sign-in of the organisation: %+v", l)
	}
	add(oneLeader, "third", "letters.example.org")
	if l := says(); l.OK || !strings.HasPrefix(l.Says, "1 person has passkeys that were made under another host name than localhost") {
		t.Errorf("with one of another host: %+v", l)
	}
}

// The organisation's sign-in is asked as a sign-in asks it, and what is wrong there is
// said with what to do; TestAgainstARealProvider has a real one asked.
func TestTheCheckAsksTheOrganisationsSignIn(t *testing.T) {
	o := newOffice(t)
	calls := ""
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, calls) }))
	t.Cleanup(provider.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		issuer, calls string
		says          string // what is wrong; nothing where all is well
	}{
		{"", "", ""},
		{provider.URL, `{"issuer":"` + provider.URL + `","authorization_endpoint":"x","token_endpoint":"y"}`, ""},
		{provider.URL, `{"issuer":"` + provider.URL + `/"}`, "exactly what the provider’s tokens say"},
		{provider.URL, "welcome", "is an OpenID Connect sign-in"},
		{gone.URL, "", "does not answer at " + gone.URL},
	} {
		o.cfg.Issuer, calls = c.issuer, c.calls
		bad, good, err := o.checkSSO(t.Context())
		if said := texts.English().Text(bad); err != nil || good == nil || (bad != nil) != (c.says != "") || !strings.Contains(said, c.says) {
			t.Errorf("at %q, with %q: %q, %v", c.issuer, c.calls, said, err)
		}
	}
}

// A door that other machines reach without TLS is said, by any process, until that
// server is started with another, whatever starts beside it.
func TestTheCheckLooksAtTheDoor(t *testing.T) {
	o := newOffice(t, quickly)
	second := o.beside("second")
	says := func(well bool, words ...string) {
		t.Helper()
		for _, l := range o.Check(t.Context()) {
			if l.Name != "door" {
				continue
			}
			for _, word := range words {
				if l.OK != well || !strings.Contains(l.Says, word) {
					t.Errorf("it says %v, %q, and not %q", l.OK, l.Says, word)
				}
			}
		}
	}
	joins := func(s *Server, at string) *company {
		s.Exposed(at)
		c, _, err := s.join(t.Context())
		o.must(err)
		return c
	}
	says(true, "No other machine")
	joins(o.Server, "0.0.0.0:8080")
	says(false, "The portal listens on 0.0.0.0:8080")
	joins(second, "")
	says(false, "server first", "0.0.0.0:8080")
	c := joins(o.Server, "")
	says(true, "No other machine")
	c2 := joins(second, "0.0.0.0:80")
	says(false, "server second", "0.0.0.0:80")
	o.must(second.depart(c2))
	o.must(o.depart(c))
	says(true, "No other machine")
}
