package portal

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/register"
)

// byGroups has the provider's groups say what people may do.
func byGroups(claim, scope string) func(*SSO) {
	return func(s *SSO) {
		s.Claim, s.Scopes = claim, []string{scope}
		s.Groups = []Group{{Name: "LL managers", Role: register.Manager},
			{Name: "LL leaders", Role: register.TeamLeader, Helplines: []string{"respect-phoneline"}},
			{Name: "LL more leaders", Role: register.TeamLeader, Helplines: []string{"mens-advice-line"}}}
	}
}

// TestGroupsDecide is somebody whose groups at the provider change: each time
// they sign in they are what the groups say, and nothing once none of them may.
func TestGroupsDecide(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	f.scope = "openid groups"
	h := ssoHouse(t, f.url, byGroups("groups", "groups"))
	of := func(groups any) { f.lie = func(c map[string]any) { c["groups"] = groups } }
	id, dpo := h.letter(1), h.as(h.dpo)

	// Nobody is linked by whose groups nothing may be done, and the code stays.
	of([]string{"Everybody"})
	v := h.nobody()
	v.post("/enrol", codeForm(h.ops, h.code(h.ops)))
	wantText(t, v.follows(t, f.logsIn, "/enrol/sso"), "None of your groups may use Letterlock")
	of([]string{"Everybody", "LL leaders"})
	wantRedirect(t, v.follows(t, f.logsIn, "/enrol/sso"), "/account?linked=1")
	wantText(t, v.get("/account"), "Team leader")
	wantStatus(t, v.get("/l/"+string(id)), http.StatusOK)
	wantSame(t, "what the person was before", v.get("/desk"), v.get("/no-such-page"))
	wantText(t, dpo.get("/register"), fmt.Sprintf("Staff number %d (Ola Office) is team leader of Respect Phoneline from now on", h.ops))

	in := func(says string) *visitor {
		t.Helper()
		v := h.nobody()
		wantRedirect(t, v.follows(t, f.logsIn, "/sign-in/sso"), "/")
		wantText(t, v.get("/account"), says)
		return v
	}
	of([]string{"LL more leaders", "LL leaders"})
	in("Men’s Advice Line and Respect Phoneline")
	wantStatus(t, v.get("/letters"), http.StatusSeeOther) // the session of before has ended
	of("LL managers")                                     // one word in place of a list
	in("Helplines’ manager")
	of([]string{"LL leaders", "LL managers"}) // the configuration's first
	v = in("Helplines’ manager")
	if n := len(h.entries("role-given", "")); n != 3 {
		t.Errorf("%d changes on record", n)
	}

	for name, groups := range map[string]any{"another": []string{"ll leaders", "LL leaders "}, "none": []string{}, "not said": nil} {
		of(groups)
		w := h.nobody().follows(t, f.logsIn, "/sign-in/sso")
		wantStatus(t, w, http.StatusForbidden)
		if !strings.Contains(w.Body.String(), "None of your groups may use Letterlock") {
			t.Errorf("%s:\n%s", name, w.Body)
		}
	}
	wantStatus(t, v.get("/letters"), http.StatusSeeOther)
	if n := len(h.entries("role-taken", "")); n != 1 {
		t.Errorf("%d times on record that the role was taken", n)
	}
	wantText(t, dpo.get("/register"), "may do nothing any more: the organisation’s sign-in named no group of theirs that may.")
	wantText(t, h.as(h.admin).get("/people"), "No role at present")
	of([]string{"LL leaders"})
	in("Team leader of Respect Phoneline")
	if log := h.log.String(); strings.Contains(log, "LL leaders") || strings.Contains(log, "anary") {
		t.Errorf("the log tells of somebody: %s", log)
	}
}

// What cannot be read says nothing of anybody: they are refused, and stay what
// they were.
func TestGroupsThatCannotBeRead(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	f.scope = "openid groups"
	said := map[string]any{}
	f.info = func() map[string]any { return said }
	h := ssoHouse(t, f.url, byGroups("groups", "groups"))
	said = map[string]any{"sub": f.subject, "groups": []string{"LL leaders"}} // the token says nothing of them
	h.enrolsSSO(t, h.lead, f.logsIn)
	for name, c := range map[string]struct {
		said   map[string]any
		claims map[string]any
	}{
		"of somebody else": {said: map[string]any{"sub": "another", "groups": []string{"LL managers"}}},
		"of nobody":        {said: map[string]any{"groups": []string{"LL managers"}}},
		"numbers":          {claims: map[string]any{"groups": []int{1}}},
		"too many":         {claims: map[string]any{"_claim_names": map[string]string{"groups": "src1"}}},
	} {
		said = map[string]any{"sub": f.subject, "groups": []string{"LL leaders"}}
		if c.said != nil {
			said = c.said
		}
		f.lie = func(claims map[string]any) {
			for name, value := range c.claims {
				claims[name] = value
			}
		}
		v := h.nobody()
		if w := v.follows(t, f.logsIn, "/sign-in/sso"); w.Code != http.StatusForbidden || v.cookies[sessionCookie] != "" {
			t.Errorf("%s: answered %d", name, w.Code)
		}
	}
	if n := len(h.entries("role-taken", "")) + len(h.entries("role-given", "")); n != 0 {
		t.Errorf("%d changes on record", n)
	}
}

// TestGroupsOfARealProvider takes the family name for the group, which that
// provider names in its userinfo alone.
func TestGroupsOfARealProvider(t *testing.T) {
	issuer := realProvider(t, "LL managers")
	h := ssoHouse(t, issuer+"/", byGroups("family_name", "profile"), func(s *SSO) { s.StepUpAMR = []string{"pwd"} })
	h.now = time.Now()
	v := h.enrolsSSO(t, h.lead, h.logsInAtReal)
	wantText(t, v.get("/account"), "manager")
	wantStatus(t, h.nobody().follows(t, h.logsInAtReal, "/sign-in/sso"), http.StatusSeeOther)
	// Another group there, and nothing may be done here.
	other := realProvider(t, "Everybody")
	h = ssoHouse(t, other+"/", byGroups("family_name", "profile"))
	h.now = time.Now()
	w := h.nobody()
	w.post("/enrol", codeForm(h.lead, h.code(h.lead)))
	wantText(t, w.follows(t, h.logsInAtReal, "/enrol/sso"), "None of your groups may use Letterlock")
}

// TestAPasskeyDoesNotPassByTheGroups: a passkey signs nobody in of whom the
// provider says what they may do: a group that was taken away would not be
// missed. Whoever is not known there signs in as ever.
func TestAPasskeyDoesNotPassByTheGroups(t *testing.T) {
	b := newBrowser(t, func(c *Config) {
		c.SSO = &SSO{Issuer: "https://login.example.org", ClientID: "web", Secret: theSecret, Name: "Example account"}
		byGroups("groups", "groups")(c.SSO)
	})
	b.enrol(b.lead)
	b.SignOut()
	b.Press("[data-passkey]")
	b.WantsPath("/letters")
	b.SignOut()
	proof, err := b.register.CheckCode(t.Context(), b.lead, b.code(b.lead))
	must(t, err)
	must(t, b.register.LinkSSO(t.Context(), b.lead, proof, "https://login.example.org", "ada"))
	b.Do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.Wants("Please sign in with Example account.")
	if want := fmt.Sprintf(`why="of somebody of whom the organisation's sign-in decides" staff=%d`, b.lead); !strings.Contains(b.log.String(), want) {
		t.Errorf("the log lacks %s:\n%s", want, &b.log)
	}
	// Nor does a code, which makes a passkey.
	code := b.code(b.lead)
	b.NewDevice()
	b.Open(fmt.Sprintf("/enrol?person=%d", b.lead))
	b.Do(chromedp.SendKeys(chromedp.ID("code"), code))
	b.Press("main form .button")
	b.Press("[data-passkey]")
	b.WantsPath("/sign-in?made=1")
	b.Wants("Your passkey is made. Sign in with Example account")
	if n := len(b.entries("signed-in", "")); n != 2 {
		t.Errorf("%d sign-ins on record", n)
	}
}

// stepsUp is a house whose provider's word serves in place of a passkey.
func stepsUp(t *testing.T) (*fakeProvider, *house, *visitor) {
	t.Helper()
	f := newFakeProvider(t, nil)
	f.acr = "urn:example:two-factors"
	h := ssoHouse(t, f.url, func(s *SSO) { s.StepUpACR, s.StepUpAMR = []string{f.acr}, []string{"mfa"} })
	f.now = h.clock
	f.subject = "subject-of-sam"
	v := h.enrolsSSO(t, h.admin, f.logsIn)
	h.now = h.now.Add(againCounts)
	return f, h, v
}

// What the provider has just asked with more than a password serves once, for
// what it was asked for.
func TestStepUpAtTheProvider(t *testing.T) {
	f, h, v := stepsUp(t)
	wantText(t, v.get("/people/new"), `href="/again/sso?to=%2Fpeople%2Fnew"`, "show it with Example account")
	wantText(t, v.get("/account"), `href="/again/sso?to=/account"`)
	for _, proof := range []func(map[string]any){
		func(c map[string]any) { c["acr"] = f.acr },
		func(c map[string]any) { c["amr"] = []string{"pwd", "mfa"} },
	} {
		f.lie = proof
		wantStatus(t, v.post("/people/new", invitation()), http.StatusForbidden)
		copied := &visitor{h: h, cookies: maps.Clone(v.cookies)}
		wantStatus(t, copied.get("/account"), http.StatusOK)
		wantRedirect(t, v.follows(t, f.logsIn, "/again/sso?to=/people/new"), "/people/new")
		wantStatus(t, copied.get("/account"), http.StatusSeeOther)                 // the session has a new token
		wantStatus(t, v.post("/account/passkey/begin", nil), http.StatusForbidden) // for something else
		wantStatus(t, v.post("/people/new", invitation()), http.StatusOK)
		wantStatus(t, v.post("/people/new", invitation()), http.StatusForbidden)
	}
	wantRedirect(t, v.follows(t, f.logsIn, "/again/sso?to=/account"), "/account")
	wantStatus(t, v.post("/account/passkey/begin", nil), http.StatusOK)
	wantRedirect(t, v.follows(t, f.logsIn, "/again/sso?to=//evil.example"), "/")
	if n := len(h.entries("signed-in", "")); n != 1 {
		t.Errorf("%d sign-ins on record: showing again is none", n)
	}
}

func TestStepUpThatDoesNotServe(t *testing.T) {
	f, h, v := stepsUp(t)
	strong := func(c map[string]any) { c["acr"] = f.acr }
	refused := func(name, says string, lie func(map[string]any)) {
		t.Helper()
		f.lie = lie
		w := v.follows(t, f.logsIn, "/again/sso?to=/people/new")
		if w.Code < 400 || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%s: answered %d:\n%s", name, w.Code, w.Body)
		}
		wantStatus(t, v.post("/people/new", invitation()), http.StatusForbidden)
	}
	refused("no word of how", "did not ask enough", nil)
	refused("a password", "did not ask enough", func(c map[string]any) { c["acr"], c["amr"] = "1", []string{"pwd"} })
	refused("one word for a list", "did not ask enough", func(c map[string]any) { c["amr"] = "mfa" })
	refused("not asked anew", "did not let you in", func(c map[string]any) { strong(c); c["auth_time"] = h.now.Add(-2 * time.Minute).Unix() })
	refused("unknown there", "Letterlock does not know you yet", func(c map[string]any) { strong(c); c["sub"] = "nobody" })
	f.subject = "subject-of-ada"
	f.lie = nil
	h.enrolsSSO(t, h.lead, f.logsIn)
	refused("somebody else there", "That was somebody else’s account", strong)

	// Begun in one session, it does not serve in another, nor in none.
	f.subject, f.lie = "subject-of-sam", strong
	back := strings.TrimPrefix(f.logsIn(t, v.get("/again/sso?to=/people/new").Header().Get("Location")), testOrigin)
	other := h.as(h.admin)
	other.cookies[ceremonyCookie] = v.cookies[ceremonyCookie]
	wantStatus(t, other.get(back), http.StatusConflict)
	wantStatus(t, other.post("/people/new", invitation()), http.StatusForbidden)
	stranger := h.nobody()
	v.get("/again/sso?to=/people/new")
	stranger.cookies[ceremonyCookie] = v.cookies[ceremonyCookie]
	wantStatus(t, stranger.get(ssoBack+"?code=the-code&state="+url.QueryEscape(f.asked.Get("state"))), http.StatusConflict)

	// Where nothing is configured there is no such way.
	plain := ssoHouse(t, f.url)
	plainAdmin := plain.as(plain.admin)
	wantStatus(t, plainAdmin.get("/again/sso?to=/people/new"), http.StatusNotFound)
	if strings.Contains(plainAdmin.get("/people/new").Body.String(), "again/sso") {
		t.Error("a way is shown that there is not")
	}
}

// TestASignInThatMustBeStrong: where that is configured, nobody is signed in, nor
// linked, on a provider's word for a password.
func TestASignInThatMustBeStrong(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	f.acr, f.strong = "phr", true
	h := ssoHouse(t, f.url, func(s *SSO) { s.StepUpACR, s.StepUpAMR, s.Strong = []string{f.acr}, []string{"hwk"}, true })
	strong := func(c map[string]any) { c["acr"] = "phr" }
	weak := map[string]func(map[string]any){"nothing said": nil, "a password": func(c map[string]any) { c["acr"], c["amr"] = "0", []string{"pwd"} }}
	v := h.nobody()
	v.post("/enrol", codeForm(h.lead, h.code(h.lead)))
	for _, lie := range weak {
		f.lie = lie
		wantText(t, v.follows(t, f.logsIn, "/enrol/sso"), "did not ask enough", "Nobody is signed in")
	}
	f.lie = strong
	wantRedirect(t, v.follows(t, f.logsIn, "/enrol/sso"), "/account?linked=1") // the code was not used up
	for name, lie := range weak {
		f.lie = lie
		v := h.nobody()
		if w := v.follows(t, f.logsIn, "/sign-in/sso"); w.Code != http.StatusForbidden || v.cookies[sessionCookie] != "" {
			t.Errorf("%s: answered %d", name, w.Code)
		}
	}
	f.lie = func(c map[string]any) { c["amr"] = []string{"pwd", "hwk"} }
	wantRedirect(t, h.nobody().follows(t, f.logsIn, "/sign-in/sso"), "/")
	if n := len(h.entries("signed-in", "")); n != 2 {
		t.Errorf("%d sign-ins on record", n)
	}
	cfg := h.portal.cfg
	cfg.SSO = &SSO{Issuer: f.url, ClientID: "web", Secret: theSecret, Name: "x", Strong: true}
	if _, err := New(t.Context(), cfg); err == nil {
		t.Error("it is to be strong, and nobody has said what that is")
	}
}

// A provider that others have written asks anew when it is told to.
func TestStepUpAtARealProvider(t *testing.T) {
	issuer := realProvider(t, "")
	h := ssoHouse(t, issuer+"/", func(s *SSO) { s.StepUpAMR = []string{"pwd"} })
	h.now = time.Now()
	v := h.enrolsSSO(t, h.admin, h.logsInAtReal)
	h.now = time.Now()
	wantRedirect(t, v.follows(t, h.logsInAtReal, "/again/sso?to=/people/new"), "/people/new")
	wantStatus(t, v.post("/people/new", invitation()), http.StatusOK)
}
