package portal

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// Those whose letters these are may read by what rule they are kept.
func TestAStrangerReadsThePolicy(t *testing.T) {
	h := newHouse(t)
	answer := h.nobody().get("/policy")
	body := answer.Body.String()
	if answer.Code != http.StatusOK || !strings.Contains(body, "<h1>Confidentiality policy</h1>") || !strings.Contains(body, "<h2>Confidentiality</h2>") || !strings.Contains(body, "confidentiality-policy-1") {
		t.Errorf("got %d: %s", answer.Code, body)
	}
	wantText(t, answer, "in force here since 24 November 2026")
	if strings.Contains(body, "<script>alert") {
		t.Error("script in the policy is passed on")
	}
}

// A table of it moves sideways by itself where the screen is narrow, and says what it is.
func TestATableOfThePolicy(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Policy.Text = []byte("# Confidentiality\n\n| Kept | Until |\n|---|--:|\n| <table> | six months |\n")
	})
	wantText(t, h.nobody().get("/policy"), `<div class="counts" tabindex="0" role="region" aria-label="A table of the policy"><table class="prose">`,
		"<th>Until</th>", "<td>six months</td>", "</table></div>")
}

func TestAPolicyWithoutTextIsNone(t *testing.T) {
	h := newHouse(t)
	cfg := h.portal.cfg
	cfg.Policy.Text = []byte(" \n")
	if _, err := New(t.Context(), cfg); err == nil {
		t.Error("an empty policy is published")
	}
}

// Nobody is shown a letter or a paper before the policy is confirmed, once for
// each version of it.
func TestThePolicyComesBeforeTheFirstLetter(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	lead := h.newcomer("Nell New", register.TeamLeader, "respect-phoneline")
	ops := h.newcomer("Oz New", register.Operations)
	v, link := h.as(lead), "/l/"+string(id)
	for _, path := range []string{"/letters", link, link + "/page/1.jpg", link + "/letter.pdf"} {
		wantRedirect(t, v.get(path), "/policy/confirm?to="+url.QueryEscape(path))
	}
	wantRedirect(t, h.as(ops).get("/desk/"+string(id)), "/policy/confirm?to=%2Fdesk%2F"+string(id))
	wantRedirect(t, h.as(ops).get("/intake"), "/policy/confirm?to=%2Fintake")
	wantRedirect(t, v.post(link+"/readable", nil), "/policy/confirm?lost=1&to=%2F")
	wantText(t, v.get("/policy/confirm?lost=1&to=%2F"), "what you sent last was not saved")
	if n := len(h.entries("letter-opened", id)); n != 1 { // by whom it was found readable
		t.Errorf("%d openings", n)
	}
	// What is not theirs does not exist for them, policy or not.
	other := h.as(h.newcomer("Una Other", register.TeamLeader, "mens-advice-line"))
	wantSame(t, "another's letter", other.get(link), other.get("/no-such-page"))

	wantText(t, v.get("/policy/confirm?to="+link), "After six months all records go.", "I have read and understood it", "24 November 2026 at 2:02pm")
	w := v.post("/policy/confirm", url.Values{"to": {link}})
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "tick the box if you have understood it", `value="`+link+`"`)
	wantText(t, h.as(h.dpo).get("/policy/people"), "Nell New", "Oz New", "Not yet")
	wantRedirect(t, v.post("/policy/confirm", url.Values{"to": {link}, "read": {"yes"}}), link)
	wantStatus(t, v.get(link), http.StatusOK)
	wantRedirect(t, v.get("/policy/confirm?to=//evil.example"), "/")
	wantRedirect(t, v.post("/policy/confirm", url.Values{"to": {"//evil.example"}, "read": {"yes"}}), "/")
	found := h.entries("policy-confirmed", "")
	if len(found) != 9 || found[0].By != lead {
		t.Errorf("on record: %d, the last %+v", len(found), found[0])
	}
	wantText(t, h.as(h.dpo).get("/register?kind=policy-confirmed"), "(Nell New) confirmed having read and understood the policy, text number 1.")

	// A new version asks everybody again, also one under the old name.
	cfg := h.portal.cfg
	cfg.Policy.Text = append(slices.Clone(cfg.Policy.Text), " And no photographs."...)
	next, err := New(t.Context(), cfg)
	must(t, err)
	old := h.portal
	h.portal = next
	wantRedirect(t, v.get(link), "/policy/confirm?to="+url.QueryEscape(link))
	wantText(t, v.get("/policy"), "You have not confirmed this policy yet.", "And no photographs.")
	wantText(t, h.as(h.manager).get("/policy/people"), "Nobody yet.")
	h.portal = old // a page of before the change
	wantText(t, v.post("/policy/confirm", url.Values{"read": {"yes"}}), "Something changed while you were looking")
	h.portal = next
	wantRedirect(t, v.post("/policy/confirm", url.Values{"to": {link}, "read": {"yes"}}), link)
	wantStatus(t, v.get(link), http.StatusOK)
	// The same text again, in a file with other line ends, is no new version.
	cfg.Policy.Text = bytes.ReplaceAll(cfg.Policy.Text, []byte("\n"), []byte("\r\n"))
	_, err = New(t.Context(), cfg)
	must(t, err)
	if found := h.entries("policy-published", ""); len(found) != 2 {
		t.Errorf("%d texts were in force", len(found))
	}
}
