package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func (h *house) code(person int64) string {
	h.t.Helper()
	code, err := h.register.MakeCode(h.t.Context(), person, 24*time.Hour)
	must(h.t, err)
	return code
}

func codeForm(person int64, code string) url.Values {
	return url.Values{"person": {strconv.FormatInt(person, 10)}, "code": {code}}
}

func TestEnrolmentCode(t *testing.T) {
	h := newHouse(t)
	wantText(t, h.nobody().get("/enrol?person=7"), `value="7"`)
	if strings.Contains(h.nobody().get("/enrol?person=<b>").Body.String(), "<b>") {
		t.Error("the address writes into the page")
	}
	w := h.nobody().post("/enrol", nil)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Enter your staff number", "Enter the code that you were told")

	code := h.code(h.lead)
	const wrong = "This number and this code do not belong together"
	for _, form := range []url.Values{
		codeForm(h.lead, "AAAAA-AAAAA"), codeForm(h.lead2, code), codeForm(999, code), codeForm(h.lead, strings.Repeat("A", 5000)),
	} {
		wantText(t, h.nobody().post("/enrol", form), wrong)
	}
	// Typed as people type: small letters, spaces for the hyphen.
	v := h.nobody()
	wantRedirect(t, v.post("/enrol", codeForm(h.lead, " "+strings.ToLower(strings.Replace(code, "-", " ", 1))+" ")), "/enrol/passkey")
	wantText(t, v.get("/enrol/passkey"), "Make your passkey", "staff number "+strconv.FormatInt(h.lead, 10))
	wantRedirect(t, h.nobody().get("/enrol/passkey"), "/enrol") // another browser knows nothing of it
	h.now = h.now.Add(ceremonyLife)
	wantRedirect(t, v.get("/enrol/passkey"), "/enrol")
	h.now = h.now.Add(24 * time.Hour)
	wantText(t, h.nobody().post("/enrol", codeForm(h.lead, code)), wrong)
}

func TestEnrolmentCodeLocks(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.lead)
	for range 5 {
		h.nobody().post("/enrol", codeForm(h.lead, "AAAAA-AAAAA"))
	}
	w := h.nobody().post("/enrol", codeForm(h.lead, code))
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "After five wrong tries you need a new code")
}

// A session that somebody else has got hold of must not become a passkey of
// theirs, which would outlive it.
func TestASessionAloneMakesNoPasskey(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.lead) // who has no passkey, and signs in with the organisation's sign-in
	const button = `data-begin="/account/passkey/begin"`
	refuses := func(says string) {
		t.Helper()
		for _, step := range []string{"begin", "finish"} {
			w := v.post("/account/passkey/"+step, nil)
			wantStatus(t, w, http.StatusForbidden)
			wantText(t, w, says)
		}
		if page := v.get("/account"); strings.Contains(page.Body.String(), button) {
			t.Errorf("the button is offered:\n%s", page.Body)
		}
	}
	begins := func() { // and shows it no more when it comes to the end
		t.Helper()
		wantText(t, v.get("/account"), button)
		wantStatus(t, v.post("/account/passkey/begin", nil), http.StatusOK)
		h.now = h.now.Add(againCounts)
	}
	v.showsAgain("/account")
	begins()
	refuses("Please use a code first")
	wantText(t, v.get("/account"), "Ask your administrator for a code", "/enrol?person=1")
	must(t, h.register.AddAnotherPasskey(t.Context(), h.lead, []byte("one"), "{}"))
	v.showsAgain("/letters") // what was shown for something else
	wantStatus(t, v.post("/account/passkey/begin", nil), http.StatusForbidden)
	v.showsAgain("/account")
	begins()
	refuses("Please show first that it is you")
	wantText(t, v.get("/account"), "show first that it is you", `data-to="/account"`)
	_, page, found := strings.Cut(v.get("/account").Body.String(), "<h2>Your passkeys</h2>")
	if theirs, more, other := strings.Cut(page, "<h2>Make a second passkey</h2>"); !found || !other || !strings.Contains(theirs, "Made on 24 November 2026") || strings.Contains(more, "Made on 24 November 2026") {
		t.Errorf("the passkey that is there stands elsewhere than under its heading:\n%s", page)
	}
	if n := len(h.entries("passkey-added", "")); n != 1 {
		t.Errorf("%d passkeys were added", n)
	}
	// Whom to tell of a lost one is somebody else.
	wantText(t, v.get("/account"), "Tell your administrator, who revokes its passkey")
	must(t, h.register.AddAnotherPasskey(t.Context(), h.admin, []byte("two"), "{}"))
	wantText(t, h.as(h.admin).get("/account"), "Another administrator revokes its passkey")
}

// TestHalfACeremony: whatever comes to the second half of a ceremony without a
// device's true answer adds no passkey, signs nobody in and is no failure of ours.
func TestHalfACeremony(t *testing.T) {
	h := newHouse(t)
	lead := h.as(h.lead)
	lead.showsAgain("/account")
	enrolling := h.nobody()
	enrolling.post("/enrol", codeForm(h.lead2, h.code(h.lead2)))
	for _, c := range []struct {
		v    *visitor
		path string
	}{{h.nobody(), "/sign-in"}, {enrolling, "/enrol/passkey"}, {lead, "/account/passkey"}} {
		wantCode := func(w *httptest.ResponseRecorder, status int) {
			t.Helper()
			wantStatus(t, w, status)
			if w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: answered as %s", c.path, w.Header().Get("Content-Type"))
			}
			wantText(t, w, `"says":"`)
		}
		wantCode(c.v.post(c.path+"/finish", nil), http.StatusConflict) // nothing was begun
		for _, body := range []string{"", "{}", "null", "[]", `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`, "\x00"} {
			begun := c.v.post(c.path+"/begin", nil)
			wantStatus(t, begun, http.StatusOK)
			wantText(t, begun, `"challenge"`, `"userVerification":"required"`)
			r := httptest.NewRequest(http.MethodPost, c.path+"/finish", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			wantCode(c.v.send(r), http.StatusForbidden)
			wantCode(c.v.post(c.path+"/finish", nil), http.StatusConflict) // a challenge serves once
		}
	}
	// A ceremony begun in one place does not serve in another.
	signIn := h.nobody()
	signIn.post("/sign-in/begin", nil)
	wantStatus(t, signIn.post("/enrol/passkey/finish", nil), http.StatusConflict)
	wantStatus(t, signIn.post("/enrol/passkey/begin", nil), http.StatusConflict)
	lead.post("/account/passkey/begin", nil)
	wantStatus(t, lead.post("/sign-in/finish", nil), http.StatusConflict)
	if n := len(h.entries("passkey-added", "")); n != 0 {
		t.Errorf("%d passkeys were added", n)
	}
	if strings.Contains(h.log.String(), "ERROR") {
		t.Errorf("half a ceremony counts as a failure:\n%s", &h.log)
	}
}
