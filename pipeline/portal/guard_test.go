package portal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// headersOnTheWall are securityHeaders once more, as an auditor would ask for them:
// whoever takes one away takes it away twice.
var headersOnTheWall = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
	"Cache-Control":                "no-store",
	"Referrer-Policy":              "same-origin",
	"Access-Control-Allow-Origin":  "", // no other site may read anything
	"Server":                       "",
}

// TestHeadersOnEverything: whatever is answered, and to whom.
func TestHeadersOnEverything(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	css := h.portal.files.address("style.css")
	h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	big := httptest.NewRequest(http.MethodPost, "/enrol", strings.NewReader(strings.Repeat("x", maxBody+1)))
	answers := map[string]*httptest.ResponseRecorder{
		"sign-in": h.nobody().get("/sign-in"), "404": h.nobody().get("/x"), "redirect": h.nobody().get("/"),
		"letter": h.as(h.lead).get("/l/" + string(id)), "image": h.as(h.lead).get("/l/" + string(id) + "/page/1.jpg"),
		"thumbnail": h.as(h.ops).get("/intake/token-1/page/1.jpg"), "question": h.as(h.ops).get("/intake/token-1"),
		"pdf": h.as(h.lead).get("/l/" + string(id) + "/letter.pdf"), "static": h.nobody().get(css),
		"no such file": h.nobody().get("/static/style.css"), "413": h.nobody().send(big),
		"405":          h.nobody().send(httptest.NewRequest("BREW", "/sign-in", nil)),
		"clean path":   h.nobody().get("//l//x"),
		"export":       h.as(h.dpo).exports(),
		"json trouble": h.nobody().post("/sign-in/finish", nil),
	}
	for name, w := range answers {
		for header, want := range headersOnTheWall {
			if header == "Cache-Control" && name == "static" {
				want = "public, max-age=31536000, immutable"
			}
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		kind := map[string]string{"image": "image/jpeg", "thumbnail": "image/jpeg", "pdf": "application/pdf", "static": "text/css; charset=utf-8",
			"export": "application/x-ndjson", "json trouble": "application/json", "redirect": ""}
		want, other := kind[name]
		if !other {
			want = "text/html; charset=utf-8"
		}
		if got := w.Header().Get("Content-Type"); got != want {
			t.Errorf("%s comes as %q, want %q", name, got, want)
		}
	}
	without := newHouse(t, func(c *Config) { c.SubdomainsWithoutTLS = true }).nobody().get("/sign-in")
	if got := without.Header().Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("with hosts below that have no TLS it is %q", got)
	}
	wantStatus(t, answers["static"], http.StatusOK)
	wantStatus(t, answers["413"], http.StatusRequestEntityTooLarge)
	wantText(t, answers["413"], "Nothing was changed")
	wantStatus(t, answers["405"], http.StatusMethodNotAllowed)
	if allow := answers["405"].Header().Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow is %q", allow)
	}
}

func TestPagesHoldNoInlineCode(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Sample = true })
	id, paper := h.letter(2), h.readable(2)
	h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 2, Begins: []int{1, 2}})
	for who, paths := range map[int64][]string{
		0: {"/sign-in", "/enrol", "/sample", "/x"}, h.lead: {"/letters", "/l/" + string(id), "/account"},
		h.ops: {"/desk", "/desk/" + string(paper), "/intake", "/intake/token-1", "/intake/token-2"}, h.dpo: {"/register"}, h.admin: {"/people"},
	} {
		for _, path := range paths {
			w := h.as(who).get(path)
			for _, bad := range []string{" style=", "<style", " onclick", " onload", "javascript:", "//cdn", "ZgotmplZ", "<no value>"} {
				if strings.Contains(w.Body.String(), bad) {
					t.Errorf("%s holds %q", path, bad)
				}
			}
			if n := strings.Count(w.Body.String(), "<script") - strings.Count(w.Body.String(), `<script src="/static/`); n != 0 {
				t.Errorf("%s holds inline script", path)
			}
		}
	}
}

func TestForgedForm(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	v := h.as(h.lead)
	v.get("/l/" + string(id))
	for name, headers := range map[string]map[string]string{
		"another site":       {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"another port":       {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9999"},
		"an older browser":   {"Origin": "https://evil.example"},
		"no origin to speak": {"Origin": "null"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/l/"+string(id)+"/readable", nil)
			for k, val := range headers {
				r.Header.Set(k, val)
			}
			w := v.send(r)
			wantStatus(t, w, http.StatusForbidden)
			wantText(t, w, "This did not come from one of our own pages", "Nothing was changed")
		})
	}
	if n := len(h.entries("letter-readable", id)); n != 0 {
		t.Error("a forged form was obeyed")
	}
}

func TestOddRequests(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := "/desk/" + string(h.readable(1))
	post := func(kind string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, body)
		r.Header.Set("Content-Type", kind)
		return v.send(r)
	}
	wantStatus(t, post("application/x-www-form-urlencoded", strings.NewReader("sheets=%zz")), http.StatusBadRequest)
	wantStatus(t, post("application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", maxBody+1))), http.StatusRequestEntityTooLarge)
	wantStatus(t, post("multipart/form-data; boundary=x", strings.NewReader("--x--")), http.StatusUnprocessableEntity)
	wantStatus(t, post("text/plain", io.MultiReader(strings.NewReader("a"), brokenPipe{})), http.StatusBadRequest)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"} {
		w := v.send(httptest.NewRequest(method, path, nil))
		wantStatus(t, w, http.StatusMethodNotAllowed)
		wantText(t, w, "This page cannot be used that way")
	}
	for _, folder := range []string{"/static", "/static/", "/static/style.css/", "/l/", "/intake/"} { // nobody is told what lies in one
		wantStatus(t, v.get(folder), http.StatusNotFound)
	}
	if w := v.send(httptest.NewRequest(http.MethodHead, "/desk", nil)); w.Code != http.StatusOK {
		t.Errorf("HEAD answered %d", w.Code)
	}
}

type brokenPipe struct{}

func (brokenPipe) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestPanicBecomesAPlainPage(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	h.reader.before = func(l register.Letter) { panic("cannot read " + string(l.ID)) }
	w := h.as(h.lead).get("/l/" + string(id) + "/page/1.jpg")
	wantStatus(t, w, http.StatusInternalServerError)
	wantText(t, w, "Something went wrong on our side")
	for _, text := range []string{w.Body.String(), h.log.String()} {
		if strings.Contains(text, string(id)) || strings.Contains(text, "cannot read") {
			t.Errorf("the panic's own words are out:\n%s", text)
		}
	}
	if !strings.Contains(h.log.String(), "panic: string") || !strings.Contains(h.log.String(), "route=\"GET /l/{id}/page/{n}\"") {
		t.Errorf("the log does not tell where it happened:\n%s", &h.log)
	}
	if strings.Contains(w.Body.String(), "goroutine") {
		t.Error("the page shows a stack")
	}
}

// TestLogNamesNobody: neither ids nor references, names, addresses or forms.
func TestLogNamesNobody(t *testing.T) {
	h := newHouse(t)
	id := h.readable(2)
	v := h.as(h.lead)
	v.get("/l/" + string(id))
	v.get("/l/" + string(id) + "/page/1.jpg?canary=Mrs+Smith")
	v.get("/Mrs-Smith/" + string(id))
	v.send(httptest.NewRequest("MRSSMITH", "/letters", nil))
	h.nobody().post("/enrol", url.Values{"person": {"1"}, "code": {"Mrs-Smith"}})
	h.as(h.ops).post("/desk/"+string(id), h.destruction("certificate", "Mrs Smith"))
	h.as(h.dpo).get("/register?about=" + id.Reference())
	log := strings.ToLower(h.log.String())
	for _, bad := range []string{string(id), strings.ToLower(id.Reference()), "smith", "ada", "office\"", "@"} {
		if strings.Contains(log, bad) {
			t.Errorf("the log holds %q:\n%s", bad, log)
		}
	}
	if !strings.Contains(log, `route="get /l/{id}" status=200 staff=`+strconv.FormatInt(h.lead, 10)) {
		t.Errorf("the log does not tell what was done:\n%s", log)
	}
}

// TestWhatIsRefusedIsLogged: each way of being turned away is a line of the log.
func TestWhatIsRefusedIsLogged(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.lead)
	v.get("/people")
	v.get("/desk/x")
	h.nobody().post("/stay", nil)
	r := httptest.NewRequest(http.MethodPost, "/sign-out", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	v.send(r)
	v.send(httptest.NewRequest(http.MethodPost, "/stay", strings.NewReader(strings.Repeat("x", maxBody+1))))
	v.send(httptest.NewRequest("BREW", "/letters", nil))
	v.post("/l/"+string(h.letter(1))+"/hand-over", nil)
	for range codesRate.atOnce + 1 {
		h.nobody().post("/enrol", codeForm(99, "AAAAA-AAAAA"))
	}
	staff := " staff=" + strconv.FormatInt(h.lead, 10)
	for _, line := range []string{
		`route="GET /people" status=404` + staff, `route="GET /desk/{id}" status=404` + staff, `route="POST /stay" status=401 staff=0`,
		`status=403 staff=0`, `status=413 staff=0`, `route="OTHER /letters" status=405 staff=0`,
		`route="POST /l/{id}/hand-over" status=422` + staff, `route="POST /enrol" status=429 staff=0`,
	} {
		if !strings.Contains(h.log.String(), line) {
			t.Errorf("the log lacks %s:\n%s", line, &h.log)
		}
	}
}

// TestARefusedSignInIsLogged with the way, why, and whose it was where that is
// known, by number.
func TestARefusedSignInIsLogged(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	f.acr = "two-factors"
	h := ssoHouse(t, f.url, func(s *SSO) { s.StepUpACR = []string{f.acr} })
	v := h.enrolsSSO(t, h.lead, f.logsIn)
	line := func(way, why string, staff int64, try func()) {
		t.Helper()
		h.log.Reset()
		try()
		want := fmt.Sprintf(`level=WARN msg="sign-in refused" way=%s why=%q staff=%d request=`, way, why, staff)
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &h.log)
		}
		if strings.Contains(h.log.String(), "anary") || strings.Contains(h.log.String(), f.subject) || strings.Contains(h.log.String(), "AAAAA") {
			t.Errorf("it tells more:\n%s", &h.log)
		}
	}
	line(byCode, "the code is wrong, or no longer valid", h.lead2, func() { h.nobody().post("/enrol", codeForm(h.lead2, "AAAAA-AAAAA")) })
	line(byPasskey, notBegun, 0, func() { h.nobody().post("/sign-in/finish", nil) })
	line(byPasskey, notProven, 0, func() {
		w := h.nobody()
		w.post("/sign-in/begin", nil)
		w.post("/sign-in/finish", nil)
	})
	line(byPasskey, notBegun, h.lead, func() { v.post("/again/finish", nil) })
	line(bySSO, notBegun, 0, func() { h.nobody().get(ssoBack + "?code=the-code&state=x") })
	line(bySSO, "its answer is not one to believe", 0, func() {
		f.lie = func(c map[string]any) { c["nonce"] = "another" }
		h.nobody().follows(t, f.logsIn, "/sign-in/sso")
	})
	line(bySSO, notEnough, h.lead, func() {
		f.lie = nil
		v.follows(t, f.logsIn, "/again/sso?to=/account")
	})
	line(bySSO, "of nobody who is known here", 0, func() {
		must(t, h.register.DisablePerson(t.Context(), h.lead))
		h.nobody().follows(t, f.logsIn, "/sign-in/sso")
	})
}

func TestSignInLeadsBack(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	w := h.nobody().get("/l/" + string(id))
	wantRedirect(t, w, "/sign-in?to=%2Fl%2F"+string(id))
	wantText(t, h.nobody().get("/sign-in?to=%2Fl%2F"+string(id)), `data-to="/l/`+string(id)+`"`)
	wantRedirect(t, h.as(h.lead).get("/sign-in?to=%2Fl%2F"+string(id)), "/l/"+string(id))
	for _, elsewhere := range []string{"https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)",
		"evil.example", "http:/evil.example", "https:evil.example", ""} {
		wantRedirect(t, h.as(h.lead).get("/sign-in?to="+url.QueryEscape(elsewhere)), "/")
	}
	r := httptest.NewRequest(http.MethodPost, "/l/"+string(id)+"/readable", nil)
	r.Header.Set("Referer", "http://localhost:8080/l/"+string(id))
	wantRedirect(t, h.nobody().send(r), "/sign-in?lost=1&to=%2Fl%2F"+string(id))
	wantText(t, h.nobody().get("/sign-in?lost=1"), `<p class="urge" role="status">You had been signed out, so what you sent last was not saved`)
	for role, home := range homes {
		people, err := h.register.People(t.Context())
		must(t, err)
		for _, who := range people {
			if who.Role == role {
				wantRedirect(t, h.as(who.Number).get("/"), home)
			}
		}
	}
}

func TestSessionEnds(t *testing.T) {
	h := newHouse(t)
	t.Run("by sign-out", func(t *testing.T) {
		v := h.as(h.lead)
		token := v.cookies[sessionCookie]
		wantRedirect(t, v.post("/sign-out", nil), "/sign-in?out=1")
		v.cookies[sessionCookie] = token
		wantStatus(t, v.get("/letters"), http.StatusSeeOther)
	})
	t.Run("idle", func(t *testing.T) {
		v, w := h.as(h.lead), h.as(h.lead)
		h.now = h.now.Add(14 * time.Minute)
		wantStatus(t, v.post("/stay", nil), http.StatusNoContent)
		wantStatus(t, v.post("/stay", url.Values{"who": {"99"}}), http.StatusUnauthorized) // a page of somebody who sat here before
		h.now = h.now.Add(2 * time.Minute)
		wantStatus(t, v.get("/letters"), http.StatusOK)
		wantStatus(t, w.get("/letters"), http.StatusSeeOther)
		wantStatus(t, w.post("/stay", nil), http.StatusUnauthorized)
	})
	t.Run("idle, however often its page asks", func(t *testing.T) {
		v := h.as(h.lead)
		for range 3 {
			h.now = h.now.Add(4 * time.Minute)
			wantStatus(t, v.post("/stay?asks=1", nil), http.StatusNoContent)
		}
		h.now = h.now.Add(4 * time.Minute)
		wantStatus(t, v.post("/stay?asks=1", nil), http.StatusUnauthorized)
	})
	t.Run("by leaving", func(t *testing.T) {
		v := h.as(h.lead2)
		must(t, h.register.DisablePerson(t.Context(), h.lead2))
		wantStatus(t, v.get("/letters"), http.StatusSeeOther)
	})
	t.Run("never begun", func(t *testing.T) {
		for _, token := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 60000)} {
			v := h.nobody()
			v.cookies[sessionCookie] = token
			wantStatus(t, v.get("/letters"), http.StatusSeeOther)
		}
	})
}

func TestSample(t *testing.T) {
	t.Run("lets anybody be anybody, and says so everywhere", func(t *testing.T) {
		h := newHouse(t, func(c *Config) { c.Sample = true })
		id := h.letter(1)
		v := h.nobody()
		const banner = "Sample: nothing here is real."
		wantText(t, v.get("/sample?to=/l/"+string(id)), banner, "Ada Lead", "Team leader of Respect Phoneline", "never a letter")
		form := url.Values{"person": {strconv.FormatInt(h.lead, 10)}, "to": {"/l/" + string(id)}}
		wantRedirect(t, v.post("/sample", form), "/l/"+string(id))
		wantText(t, v.get("/l/"+string(id)), banner, id.Reference())
		wantText(t, v.get("/no-such-page"), banner)
		first := v.cookies[sessionCookie]
		v.post("/sample", url.Values{"person": {strconv.FormatInt(h.ops, 10)}, "to": {"//evil.example"}})
		wantRedirect(t, v.get("/"), "/desk")
		if _, err := h.register.Session(t.Context(), first); err == nil {
			t.Error("the session of whom one was before lives on")
		}
		for _, odd := range []string{"", "0", "99", "-1", "x"} {
			wantStatus(t, h.nobody().post("/sample", url.Values{"person": {odd}}), http.StatusNotFound)
		}
		must(t, h.register.DisablePerson(t.Context(), h.lead))
		wantStatus(t, h.nobody().post("/sample", form), http.StatusNotFound)
	})
	t.Run("is nothing in a real folder", func(t *testing.T) {
		h := newHouse(t)
		form := url.Values{"person": {strconv.FormatInt(h.lead, 10)}}
		for _, v := range []*visitor{h.nobody(), h.as(h.admin)} {
			nothing := v.get("/no-such-page")
			wantSame(t, "GET /sample", v.get("/sample"), nothing)
			wantSame(t, "POST /sample", v.post("/sample", form), nothing)
			if strings.Contains(nothing.Body.String(), "Sample") {
				t.Error("a real folder's page speaks of a sample")
			}
		}
	})
	t.Run("cannot be begun on a real folder", func(t *testing.T) {
		h := newHouse(t)
		cfg := h.portal.cfg
		cfg.Sample = true
		if _, err := New(t.Context(), cfg); err == nil {
			t.Error("a real folder's portal lets people pick who they are")
		}
	})
}

func TestNewRefusesOriginsWithoutPasskeys(t *testing.T) {
	h := newHouse(t)
	for origin, fine := range map[string]bool{
		"http://localhost:8080": true, "http://localhost": true, "https://letters.example.org": true, "https://letters.example.org:8443": true,
		"http://127.0.0.1:8080": false, "https://10.0.0.1": false, "https://letters": false, "http://letters.example.org": false,
		"letters.example.org": false, "https://letters.example.org/": false, "": false, "ftp://localhost": false,
	} {
		cfg := h.portal.cfg
		cfg.Origin = origin
		if _, err := New(t.Context(), cfg); (err == nil) != fine {
			t.Errorf("%q: %v", origin, err)
		}
	}
	cfg := h.portal.cfg
	cfg.Policy.Name = ""
	if _, err := New(t.Context(), cfg); err == nil {
		t.Error("paper would be destroyed by nobody's authority")
	}
}

func TestOpenUntilInWords(t *testing.T) {
	h := newHouse(t)
	l := register.Letter{Manifest: letter.Manifest{Received: h.now}, Class: letter.SixMonths, Since: letter.DateOf(h.now)}
	for days, want := range map[int]string{
		0: "23 May 2027", 165: "23 May 2027", 166: "23 May 2027 (14 days left)", 178: "23 May 2027 (2 days left)",
		179: "23 May 2027 (tomorrow)", 180: "23 May 2027 (today)", 181: "23 May 2027 (it may be gone any moment)",
	} {
		h.now = l.Received.AddDate(0, 0, days)
		if got := h.portal.language.Text(h.portal.openUntil(l)); got != want {
			t.Errorf("day %d: %q, want %q", days, got, want)
		}
	}
}

func TestCheckPage(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Check = func(context.Context) []CheckLine {
			return []CheckLine{{"clock", true, texts.Say("check-clock.believed")}, {"storage", false, texts.Say("check-storage.drift", "rules", "<b>")}}
		}
	})
	wantText(t, h.as(h.admin).get("/check"), "1 thing needs you.", "In order", "it agrees with the storage’s", "Look at this", `not Letterlock’s: <span lang="en-GB">&lt;b&gt;</span>.`)
}

func TestACeremonyServesOnePurposeOnce(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.portal.ceremonies, t.Context()
	token, err := c.begin(ctx, ceremony{Purpose: forEnrolment, Person: 7, Proof: []byte("x"), Challenge: &webauthn.SessionData{Challenge: "y"}})
	must(t, err)
	if _, ok, err := c.find(ctx, token, forSecond); ok || err != nil {
		t.Errorf("a ceremony serves another purpose: %v", err)
	}
	if _, ok, err := c.take(ctx, token, forSignIn); ok || err != nil {
		t.Errorf("a challenge is taken for another purpose: %v", err)
	}
	if cer, ok, err := c.take(ctx, token, forEnrolment); !ok || err != nil || cer.Challenge.Challenge != "y" || cer.Person != 7 || string(cer.Proof) != "x" {
		t.Errorf("%+v, %v, %v", cer, ok, err)
	}
	if _, ok, err := c.take(ctx, token, forEnrolment); ok || err != nil {
		t.Errorf("a challenge is taken twice: %v", err)
	}
	if _, ok, err := c.takeSSO(ctx, token); ok || err != nil {
		t.Errorf("a question is taken that nobody has asked: %v", err)
	}
	h.now = h.now.Add(ceremonyLife)
	if _, ok, err := c.find(ctx, token, forEnrolment); ok || err != nil {
		t.Errorf("a ceremony outlives its time: %v", err)
	}
	var out bytes.Buffer
	h.nobody().post("/sign-in/begin", nil).Result().Write(&out)
	if !strings.Contains(out.String(), "HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("the cookie is not kept from script:\n%s", &out)
	}
}

func TestEveryFlagHasItsWords(t *testing.T) {
	for _, flag := range letter.AllFlags {
		if !texts.English().Has("flag." + string(flag)) {
			t.Errorf("no words for %q", flag)
		}
	}
	l := register.Letter{Manifest: letter.Manifest{Pages: 3, Flags: "2:blank 2:skewed"}}
	if got := flagsOf(l, 2); len(got) != 2 || texts.English().Text(got[0]) != "looks blank" {
		t.Errorf("got %q", got)
	}
}
