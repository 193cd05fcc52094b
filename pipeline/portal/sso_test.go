package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/scanner/realpart"
)

// theSecret is the client's at every provider of these tests.
func theSecret() (string, error) { return "secret", nil }

// ssoHouse is a house whose organisation has a sign-in.
func ssoHouse(t testing.TB, issuer string, change ...func(*SSO)) *house {
	t.Helper()
	return newHouse(t, func(c *Config) {
		c.SSO = &SSO{Issuer: issuer, ClientID: "web", Secret: theSecret, Name: "Example account"}
		for _, f := range change {
			f(c.SSO)
		}
	})
}

// enrolsSSO is somebody whose code was right and who takes the organisation's sign-in.
func (h *house) enrolsSSO(t testing.TB, person int64, logsIn func(testing.TB, string) string) *visitor {
	t.Helper()
	v := h.nobody()
	wantRedirect(t, v.post("/enrol", codeForm(person, h.code(person))), "/enrol/passkey")
	wantText(t, v.get("/enrol/passkey"), "Or sign in with Example account from now on", `href="/enrol/sso"`)
	wantRedirect(t, v.follows(t, logsIn, "/enrol/sso"), "/account?linked=1")
	wantText(t, v.get("/account?linked=1"), "From now on you sign in with Example account.", "make one here")
	return v
}

// conforms is what is true of any provider: a person enrols with it by a code,
// signs in with it, and comes to where they wanted to go.
func conforms(t *testing.T, h *house, logsIn func(testing.TB, string) string) {
	id := h.letter(1)
	h.enrolsSSO(t, h.lead, logsIn)
	v := h.nobody()
	link := "/l/" + string(id)
	wantText(t, v.get("/sign-in?to="+link), `href="/sign-in/sso?to=%2fl%2f`+string(id)+`"`, "Sign in with Example account")
	wantRedirect(t, v.follows(t, logsIn, "/sign-in/sso?to="+link), link)
	wantStatus(t, v.get(link), http.StatusOK)
	wantRedirect(t, h.nobody().follows(t, logsIn, "/sign-in/sso?to=//evil.example"), "/")
	wantText(t, h.as(h.dpo).get("/register"), "signs in with the organisation’s sign-in from now on", "signed in with the organisation’s sign-in.")
	// What cannot be undone needs a passkey of ours.
	wantText(t, v.post("/again/begin", nil), "You have no passkey yet")
	// Whoever leaves leaves here too.
	must(t, h.register.DisablePerson(t.Context(), h.lead))
	wantText(t, h.nobody().follows(t, logsIn, "/sign-in/sso"), "Letterlock does not know you yet")
}

func TestSSO(t *testing.T) {
	var f *fakeProvider
	now := func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) }
	f = newFakeProvider(t, now)
	h := ssoHouse(t, f.url)
	conforms(t, h, f.logsIn)
	if log := h.log.String(); strings.Contains(log, f.subject) || strings.Contains(log, "anary") || strings.Contains(log, "the-code") {
		t.Errorf("the log tells who somebody is: %s", log)
	}
}

// Whatever a token says that is not meant for this try, this portal and this
// moment, nobody is signed in.
func TestSSOBelievesNothingElse(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	h.enrolsSSO(t, h.lead, f.logsIn)
	at := func(shift time.Duration) int64 { return f.now().Add(shift).Unix() }
	claim := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	for name, lie := range map[string]func(map[string]any){
		"a wrong nonce": claim("nonce", "another"), "no nonce": claim("nonce", nil),
		"another issuer": claim("iss", f.url+"/tenant2"), "another application": claim("aud", "other"),
		"several applications": claim("aud", []string{"web", "other"}), "a foreign party": claim("azp", "other"),
		"an old showing": claim("auth_time", at(-17*time.Minute)), "no word of the showing": claim("auth_time", nil),
		"a showing to come": claim("auth_time", at(2*time.Minute)), "made in the future": claim("iat", at(2*time.Minute)),
		"expired": claim("exp", at(-time.Minute)), "nobody": claim("sub", ""), "a long nobody": claim("sub", strings.Repeat("x", 256)),
		"somebody unknown with a known address": claim("sub", "another"),
	} {
		f.lie = lie
		v := h.nobody()
		w := v.follows(t, f.logsIn, "/sign-in/sso")
		if w.Code != http.StatusForbidden || v.cookies[sessionCookie] != "" {
			t.Errorf("%s: answered %d, session %q", name, w.Code, v.cookies[sessionCookie])
		}
	}
	// Not even somebody whose code was right is linked to nobody.
	for _, sub := range []string{"", strings.Repeat("x", 256)} {
		f.lie = claim("sub", sub)
		w := h.nobody()
		w.post("/enrol", codeForm(h.lead2, h.code(h.lead2)))
		wantStatus(t, w.follows(t, f.logsIn, "/enrol/sso"), http.StatusForbidden)
	}
	f.lie = nil
	for name, sign := range map[string]func(jwt, body string) string{
		"unsigned":          func(_, body string) string { return b64([]byte(`{"alg":"none"}`)) + "." + body + "." },
		"a false signature": func(jwt, _ string) string { return jwt[:len(jwt)-6] + "AAAAAA" },
		"signed by the client's secret": func(_, body string) string {
			return b64([]byte(`{"alg":"HS256"}`)) + "." + body + "." + b64([]byte("secret"))
		},
		"no token": func(string, string) string { return "" },
	} {
		f.sign = sign
		v := h.nobody()
		if w := v.follows(t, f.logsIn, "/sign-in/sso"); w.Code != http.StatusForbidden || v.cookies[sessionCookie] != "" {
			t.Errorf("%s: answered %d", name, w.Code)
		}
	}
	f.sign = nil
	wantRedirect(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "/") // it was the lies
	if n := len(h.entries("signed-in", "")); n != 2 {
		t.Errorf("%d sign-ins on record", n)
	}
	if strings.Contains(h.log.String(), "anary") {
		t.Errorf("the log has what the provider said of a person: %s", &h.log)
	}
}

// What the provider's token is stays on the server: the browser is not given it, and
// nothing keeps it.
func TestSSOKeepsItsTokens(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	v, signature := h.enrolsSSO(t, h.lead, f.logsIn), ""
	f.sign = func(jwt, _ string) string {
		signature = jwt[strings.LastIndex(jwt, ".")+1:]
		return jwt
	}
	w := v.follows(t, f.logsIn, "/sign-in/sso")
	wantRedirect(t, w, "/")
	if signature == "" || strings.Contains(fmt.Sprint(w.Header(), w.Body, v.cookies, v.get("/account").Body, &h.log), signature) {
		t.Error("the browser or the log has the provider's token")
	}
	if rows, err := h.register.DB().QueryContext(t.Context(), `SELECT 1 FROM underway WHERE body LIKE '%' || $1 || '%'`, signature); err != nil || rows.Next() || rows.Close() != nil {
		t.Errorf("the database has the provider's token: %v", err)
	}
}

// An answer counts once, in the browser in which it was asked for.
func TestSSOIsBoundToTheBrowser(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	h.enrolsSSO(t, h.lead, f.logsIn)
	v := h.nobody()
	back := strings.TrimPrefix(f.logsIn(t, v.get("/sign-in/sso").Header().Get("Location")), testOrigin)
	wantStatus(t, h.nobody().get(back), http.StatusConflict)
	other := h.nobody()
	other.get("/sign-in/sso")
	wantStatus(t, other.get(back), http.StatusConflict) // another's state, and no second try
	wantRedirect(t, v.get(back), "/")
	wantStatus(t, v.get(back), http.StatusConflict)
	v = h.nobody()
	v.get("/sign-in/sso")
	wantStatus(t, v.get(ssoBack+"?error=access_denied"), http.StatusConflict)
	v.get("/sign-in/sso")
	h.now = h.now.Add(ceremonyLife)
	wantStatus(t, v.get(back), http.StatusConflict)
	// A code of ours serves one link, and a provider's person one staff number.
	h.now = h.now.Add(-ceremonyLife)
	w := h.nobody()
	w.post("/enrol", codeForm(h.lead2, h.code(h.lead2)))
	wantText(t, w.follows(t, f.logsIn, "/enrol/sso"), "This sign-in belongs to another staff number")
	f.subject = "subject-of-bea"
	h.enrolsSSO(t, h.lead2, f.logsIn)
	wantRedirect(t, h.nobody().get("/enrol/sso"), "/enrol")
	// The administrator can end it.
	admin, path := h.as(h.admin), personPath(h.lead2)
	admin.showsAgain(path)
	page := admin.get(path)
	wantText(t, page, "signs in with Example account")
	form := action(t, page, path+"/end-sso")
	for range 2 { // a double click
		wantRedirect(t, admin.post(form, url.Values{"confirm": {"yes"}}), path+"?done=unlinked")
	}
	wantText(t, admin.get(path+"?done=unlinked"), "can no longer sign in with the organisation’s sign-in")
	wantText(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "Letterlock does not know you yet")
}

func TestSSOThatIsAway(t *testing.T) {
	h := ssoHouse(t, "http://"+strings.Replace(realpart.Address(t), "127.0.0.1", "localhost", 1))
	for range 2 {
		wantText(t, h.nobody().get("/sign-in/sso"), "cannot be reached", "If you have a passkey")
	}
	wantText(t, h.nobody().get("/sign-in"), "Sign in with your passkey")
	// One that calls itself another is not reached either.
	f := newFakeProvider(t, time.Now)
	wantText(t, ssoHouse(t, f.url+"/").nobody().get("/sign-in/sso"), "cannot be reached")
	// Nor is one that would have codes and secrets sent in the open.
	var says string
	open := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, says) }))
	t.Cleanup(open.Close)
	for info, want := range map[string]error{"http://localhost/info": ErrIssuerPlain, "https://localhost/info": nil} {
		says = fmt.Sprintf(`{"issuer":%q,"authorization_endpoint":"https://localhost/a","token_endpoint":"https://localhost/t","userinfo_endpoint":%q}`, open.URL, info)
		if _, err := discover(t.Context(), open.Client(), open.URL); !errors.Is(err, want) {
			t.Errorf("with its userinfo at %s it is said: %v", info, err)
		}
	}
	for _, issuer := range []string{"", "http://login.example.org", "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/organizations/v2.0", "https://x.org?a=b"} {
		cfg := h.portal.cfg
		cfg.SSO = &SSO{Issuer: issuer, ClientID: "web", Secret: theSecret, Name: "x"}
		if _, err := New(t.Context(), cfg); err == nil {
			t.Errorf("the issuer %q is taken", issuer)
		}
	}
}

// TestSSOIsLedNowhereElse: an answer of the provider that leads to another host is
// not followed, with the code and the secret in hand.
func TestSSOIsLedNowhereElse(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a stranger was asked") }))
	defer stranger.Close()
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	h.enrolsSSO(t, h.lead, f.logsIn)
	leads := func(to string) {
		f.answers = func(w http.ResponseWriter) bool {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
			return true
		}
	}
	leads(stranger.URL)
	wantText(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "did not let you in")
	leads("/token") // in a circle
	wantText(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "did not let you in")

	moved := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusFound))
	defer moved.Close()
	wantText(t, ssoHouse(t, strings.Replace(moved.URL, "127.0.0.1", "localhost", 1)).nobody().get("/sign-in/sso"), "cannot be reached")
}

// TestSSOBeginsOnOurOwnPage: another site cannot have somebody signed in who is
// signed in at the provider; it can only lead to the page where they may do so.
func TestSSOBeginsOnOurOwnPage(t *testing.T) {
	f := newFakeProvider(t, time.Now)
	h := ssoHouse(t, f.url)
	for site, to := range map[string]string{"cross-site": "/sign-in?to=%2Fletters", "same-site": "/sign-in?to=%2Fletters", "same-origin": f.url, "none": f.url, "": f.url} {
		r := httptest.NewRequest(http.MethodGet, "/sign-in/sso?to=/letters", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := h.nobody().send(r)
		wantStatus(t, w, http.StatusSeeOther)
		if got := w.Header().Get("Location"); !strings.HasPrefix(got, to) {
			t.Errorf("from %q it leads to %s", site, got)
		}
	}
}

// TestAgainstARealProvider holds a provider that others have written, on a library
// that the OpenID Foundation has certified, to what the fake does.
func TestAgainstARealProvider(t *testing.T) {
	issuer := realProvider(t, "")
	// Its tokens name it with a slash, which is as good as another provider without.
	for asked, want := range map[string]error{issuer + "/": nil, issuer: ErrIssuerOther, issuer + "/login": ErrIssuerStrange} {
		if err := AskIssuer(t.Context(), asked); !errors.Is(err, want) {
			t.Errorf("asked as %s, it is said: %v", asked, err)
		}
	}
	h := ssoHouse(t, issuer+"/")
	h.now = time.Now()
	conforms(t, h, h.logsInAtReal)
}

// realProvider starts a provider with one user, of that family name.
func realProvider(t *testing.T, family string) (issuer string) {
	t.Helper()
	return portaltest.StartProvider(t, testOrigin+ssoBack, family)
}

// logsInAtReal fills in a real provider's form, and returns where that sends the browser.
// From then on the house goes by the time at which it was done, as the provider does.
func (h *house) logsInAtReal(t testing.TB, address string) (back string) {
	t.Helper()
	defer func() { h.now = time.Now() }()
	browser := portaltest.NewClient(t)
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), testOrigin) {
			back = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer := portaltest.LogsIn(t, browser, address)
	if back == "" {
		t.Fatalf("the provider does not send the browser back: %s %s", answer.Status, answer.Request.URL)
	}
	return back
}

// The provider's name is not known any more, as where the network's own name server is
// away: whoever signs in by it reads that it cannot be reached, and that a passkey
// still does, whether they go there or come back from there; nobody is told that they
// were refused. Once it is known again they sign in, without a restart.
func TestTheProvidersNameIsGone(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	gone := true
	dialer := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, syscall.ECONNREFUSED
	}}}
	h.portal.sso.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if gone {
			address = strings.Replace(address, "localhost", "login.example.org", 1)
		}
		return dialer.DialContext(ctx, network, address)
	}}
	away := func(w *httptest.ResponseRecorder) {
		t.Helper()
		wantStatus(t, w, http.StatusServiceUnavailable)
		wantText(t, w, "cannot be reached", "If you have a passkey")
	}
	away(h.nobody().get("/sign-in/sso"))
	gone = false
	h.now = h.now.Add(ssoPatience) // after which it is asked again
	h.enrolsSSO(t, h.lead, f.logsIn)
	away(h.nobody().follows(t, func(t testing.TB, address string) string {
		gone = true
		return f.logsIn(t, address)
	}, "/sign-in/sso"))
	gone = false
	wantRedirect(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "/")
}

// A new client secret counts at once; meanwhile, where it cannot be read, nobody is
// let in who would be with the old one, and nothing else happens.
func TestTheClientSecretIsRenewed(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	now, unread := "secret", error(nil)
	h := ssoHouse(t, f.url, func(s *SSO) { s.Secret = func() (string, error) { return now, unread } })
	h.enrolsSSO(t, h.lead, f.logsIn)
	signsIn := func() bool { return h.nobody().follows(t, f.logsIn, "/sign-in/sso").Code == http.StatusSeeOther }
	f.secret = "another"
	if signsIn() {
		t.Error("the old secret is still good at the provider")
	}
	if now = "another"; !signsIn() {
		t.Error("the new secret does not count")
	}
	unread = errors.New("away")
	if signsIn() {
		t.Error("somebody was let in without a secret")
	}
	if unread = nil; !signsIn() {
		t.Error("it does not go on by itself")
	}
}
