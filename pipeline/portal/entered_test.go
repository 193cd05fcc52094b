package portal

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// postFrom sends a form as a browser does that shows somebody's page of ours.
func (v *visitor) postFrom(who int64, page, path string, form url.Values) *httptest.ResponseRecorder {
	form = maps.Clone(form)
	form.Set("who", strconv.FormatInt(who, 10))
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if page != "" {
		r.Header.Set("Referer", testOrigin+page)
	}
	return v.send(r)
}

const comesBack = "What you had entered here before you were signed out is in the form again, as far as it could be kept"

// What was sent after the session had ended comes back to whoever sent it, once, and
// to nobody else; nothing is done by it.
func TestWhatWasEnteredComesBack(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	page, form := "/l/"+string(id), url.Values{"reason": {"too-faint"}}
	late := func(person int64, page, path string, form url.Values) string {
		t.Helper()
		v := h.as(person)
		v.get(cmp.Or(page, "/"))
		h.now = h.now.Add(16 * time.Minute)
		h.as(h.admin) // somebody signs in meanwhile
		return v.postFrom(person, page, path, form).Header().Get("Location")
	}
	kept := func(page string) string { return "/sign-in?" + url.Values{"kept": {"1"}, "to": {page}}.Encode() }
	lost := func(page string) string { return "/sign-in?" + url.Values{"lost": {"1"}, "to": {page}}.Encode() }
	wants := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("led to %s, not to %s", got, want)
		}
	}
	faint := func(person int64, page string) bool {
		t.Helper()
		w := h.as(person).get(page)
		wantStatus(t, w, http.StatusOK)
		chosen := containsText(w.Body.String(), `value="too-faint" checked`)
		if said := containsText(w.Body.String(), comesBack); said != chosen {
			t.Errorf("it is said that it is there: %v", said)
		}
		return chosen
	}
	wants(late(h.lead, page, page+"/scan-again", form), kept(page))
	wantText(t, h.nobody().get(kept(page)), "what you sent last was not done", `data-to="`+page+`"`)
	if n := len(h.entries("scan-again", id)); n != 0 {
		t.Errorf("%d acts on record", n)
	}
	if faint(h.lead2, page) || faint(h.manager, page) {
		t.Error("a colleague sees what another has entered")
	}
	if !faint(h.lead, page) || faint(h.lead, page) {
		t.Error("it does not come back once")
	}
	// What fits no field any more is not said to be there.
	wants(late(h.lead, page, page+"/scan-again", url.Values{"reason": {"of-old"}}), kept(page))
	faint(h.lead, page)
	// From a page that said what is to be put right, which has no address of its own.
	wants(late(h.lead, page+"/scan-again", page+"/scan-again", form), kept(page))
	h.now = h.now.Add(enteredLives)
	if faint(h.lead, page) {
		t.Error("it comes back after its hour")
	}
	// What has to be said anew, and whose name it is, is not kept.
	person := "/people/new"
	wants(late(h.admin, person, person, url.Values{"name": {"Nell New"}, "email": {"nell@example.org"}, "role": {"dpo"}}), kept(person))
	admin := h.as(h.admin)
	if containsText(admin.get(person).Body.String(), comesBack) {
		t.Error("it comes back where there is no form")
	}
	admin.showsAgain(person)
	w := admin.get(person)
	wantText(t, w, comesBack, `value="dpo" checked`)
	if containsText(w.Body.String(), "Nell") || containsText(w.Body.String(), "nell@") {
		t.Error("a name is kept")
	}
	wants(late(h.lead, "/policy/confirm", "/policy/confirm", url.Values{"read": {"yes"}}), lost("/policy/confirm"))
	wants(late(h.lead, page, page+"/readable", url.Values{"same": {"yes"}, "check": {"asked-safely"}, "despite-4": {"yes"},
		"recounted": {"5"}, "recounted-" + string(id): {"5"}}), lost(page))
	// Nor is what cannot come back: from nowhere, from what is no page, or too much of it.
	for _, from := range []string{"", "/stay"} {
		wants(late(h.lead, from, page+"/scan-again", form), lost("/"))
	}
	wants(late(h.lead, page, page+"/scan-again", url.Values{"reason": {strings.Repeat("x", mostEntered)}}), lost(page))
	// Nor what others may have changed meanwhile: no old value comes back over theirs.
	edit := fmt.Sprintf("/people/%d/edit", h.lead2)
	wants(late(h.manager, "/settings", "/settings", url.Values{"print": {"1"}}), lost("/settings"))
	wants(late(h.admin, edit, edit, url.Values{"role": {"dpo"}}), lost(edit))
	// With whom a letter was shared comes back, but not over what somebody has decided.
	sharing, other := page+"/sharing", h.letter(1)
	shared := url.Values{"agency": {"police"}, "named": {fmt.Sprint(h.lead2)}}
	wants(late(h.manager, sharing, sharing, shared), kept(sharing))
	wantText(t, h.as(h.manager).get(sharing), comesBack, `value="police" checked`, fmt.Sprintf(`value="%d" selected`, h.lead2))
	h.opens(other, h.lead)
	sharing = letterPath(other) + "/sharing"
	wants(late(h.manager, sharing, sharing, shared), kept(sharing))
	must(t, h.register.Safeguard(t.Context(), other, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.Tolds[0],
		Review: letter.DateOf(h.now).AddDays(2), Named: h.lead}, h.lead))
	if w := h.as(h.manager).get(sharing); containsText(w.Body.String(), comesBack) || containsText(w.Body.String(), `value="police" checked`) || !containsText(w.Body.String(), "This was answered meanwhile") {
		t.Errorf("what was decided meanwhile is asked:\n%s", w.Body)
	}
	wants(late(h.manager, sharing, sharing, url.Values{"agency": {"police"}}), kept(sharing)) // of what was kept before
	wantText(t, h.as(h.manager).get(sharing), comesBack, `value="police" checked`)
	// A question that nobody has answered yet is another matter; but not once it is.
	keeping := page + "/safeguarding"
	wants(late(h.lead, keeping, keeping, url.Values{"reason": {"ongoing-abuse"}}), kept(keeping))
	h.as(h.lead).get(page)
	wants(late(h.lead, page, page+"/risk", url.Values{"risk": {"none"}}), kept(page))
	wantText(t, h.as(h.lead).get(page), comesBack, `value="none" checked`)
	wants(late(h.lead, page, page+"/risk", url.Values{"risk": {"none"}}), kept(page))
	h.as(h.lead2).get(page)
	wantStatus(t, h.as(h.lead2).post(page+"/risk", url.Values{"risk": {"urgent"}}), http.StatusSeeOther)
	for _, want := range []bool{true, false} { // it is said once
		w := h.as(h.lead).get(page)
		if containsText(w.Body.String(), comesBack) || containsText(w.Body.String(), `value="none" checked`) ||
			containsText(w.Body.String(), "This was answered meanwhile") != want {
			t.Errorf("a risk that a colleague has named meanwhile:\n%s", w.Body)
		}
	}
	wants(late(h.admin, inviteScannerPath, inviteScannerPath, url.Values{"site": {"annexe"}}), kept(inviteScannerPath))
	// Nor from a page that a form had led to: of a hold on a letter, nothing is kept as
	// one on a whole helpline.
	hold, why := "/holds/new?letter="+string(id), url.Values{"letter": {string(id)}, "reason": {"court-order"}}
	wants(late(h.manager, hold, "/holds/new", why), kept(hold))
	token := rand.Text()
	hold = "/holds/new?form=" + token
	wants(late(h.manager, hold, hold, why), lost("/holds/new"))
	// Unless the address says of which letter: it comes back on that letter's form.
	made, letters := hold+"&letter="+string(id), "/holds/new?letter="+string(id)
	wantText(t, h.as(h.manager).get(letters), "&amp;letter="+string(id))
	wants(late(h.manager, made, hold, why), kept(letters))
	wantText(t, h.as(h.manager).get(letters), comesBack, `value="court-order" checked`, id.Reference())

	// A page that says what is to be put right says where the form is that it keeps.
	w = h.as(h.lead).postFrom(h.lead, page, page+"/scan-again", url.Values{})
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, `data-here="`+page+`"`)

	// Of a session that somebody has ended nothing is kept, nor of somebody who has left.
	v := h.as(h.lead)
	token = v.cookies[sessionCookie]
	v.post("/sign-out", nil)
	v.cookies[sessionCookie] = token
	wants(v.postFrom(h.lead, page, page+"/scan-again", form).Header().Get("Location"), lost(page))
	v = h.as(h.lead2)
	must(t, h.register.DisablePerson(t.Context(), h.lead2))
	wants(v.postFrom(h.lead2, page, page+"/scan-again", form).Header().Get("Location"), lost(page))

	// A page of somebody who sat here before gives nothing to whoever sits here now.
	v = h.as(h.lead)
	sends := func(who int64) *httptest.ResponseRecorder {
		t.Helper()
		return v.postFrom(who, page, "/entered?"+url.Values{"page": {page}, "action": {page + "/scan-again"}}.Encode(), form)
	}
	wantStatus(t, sends(h.manager), http.StatusNoContent)
	if faint(h.lead, page) || faint(h.manager, page) {
		t.Error("it came from another's page")
	}
	h.now = h.now.Add(14 * time.Minute)
	wantStatus(t, sends(h.lead), http.StatusNoContent)
	h.now = h.now.Add(2 * time.Minute)
	wantRedirect(t, v.get("/letters"), "/sign-in?to=%2Fletters") // a page that goes is no use of the session
	if !faint(h.lead, page) {
		t.Error("a page that is taken away takes along what was entered")
	}
	// No other site has anything kept.
	r := httptest.NewRequest(http.MethodPost, "/entered?page="+page+"&action="+page+"/scan-again", strings.NewReader("who=1&reason=too-faint"))
	r.Header.Set("Content-Type", formKind)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	wantStatus(t, h.as(h.lead).send(r), http.StatusForbidden)
	if faint(h.lead, page) {
		t.Error("another site has something kept")
	}
}

// A form on a page of somebody who sat at the browser before is neither done for
// whoever sits there now nor kept for them, nor for the one before.
func TestAnothersPageDoesNothing(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	page, form := "/l/"+string(id), url.Values{"reason": {"too-faint"}}
	v := h.as(h.manager)
	wantText(t, v.get(page), fmt.Sprintf(`action="%s/scan-again"><input type="hidden" name="who" value="%d">`, page, h.manager))
	w := v.postFrom(h.lead, page, page+"/scan-again", form)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "This page was somebody else’s", "Nothing was done")
	if n := len(h.entries("scan-again", id)); n != 0 {
		t.Errorf("%d acts on record of a page that was another's", n)
	}
	h.now = h.now.Add(16 * time.Minute)
	wantRedirect(t, v.postFrom(h.lead, page, page+"/scan-again", form), "/sign-in?"+url.Values{"lost": {"1"}, "to": {page}}.Encode())
	for _, person := range []int64{h.lead, h.manager} {
		if w := h.as(person).get(page); containsText(w.Body.String(), comesBack) || containsText(w.Body.String(), `value="too-faint" checked`) {
			t.Errorf("staff number %d finds it in the form", person)
		}
	}
}

// What is kept names no letter, whether a person has ticked one or a page has it hidden;
// each field that is hidden in a page is one of which nothing is kept.
func TestWhatIsKeptNamesNoLetter(t *testing.T) {
	h := newHouse(t)
	id, other := h.readable(1), h.readable(1)
	v := h.as(h.ops)
	h.now = h.now.Add(16 * time.Minute)
	const page, action = "/papers/count?site=office", "/papers/count"
	wantRedirect(t, v.postFrom(h.ops, page, action, url.Values{"here": {string(id)}, "paper": {string(id), string(other)}, "sheets-" + string(other): {"2"}}),
		"/sign-in?"+url.Values{"kept": {"1"}, "to": {page}}.Encode())
	var body string
	must(t, h.register.DB().QueryRowContext(t.Context(), `SELECT body FROM underway WHERE kind = 'entered'`).Scan(&body))
	if containsText(body, string(id)) || containsText(body, string(other)) || !containsText(body, `"here"`) || containsText(body, `"paper"`) {
		t.Errorf("kept is %s", body)
	}
	wantText(t, h.as(h.ops).get(page), comesBack, fmt.Sprintf(`value="%s" checked`, id))
	names, err := templates.ReadDir("templates")
	must(t, err)
	hidden := regexp.MustCompile(`type="hidden" name="([^"{]*)"`)
	for _, file := range names {
		text, err := templates.ReadFile("templates/" + file.Name())
		must(t, err)
		for _, m := range hidden.FindAllStringSubmatch(string(text), -1) {
			if isKept(m[1]) {
				t.Errorf("%s hides %s, and it is kept", file.Name(), m[1])
			}
		}
		for _, form := range regexp.MustCompile(`<form[^>]*method="post"[^>]*>.{0,40}`).FindAllString(string(text), -1) {
			if !strings.Contains(form, `name="who"`) && !slices.Contains([]string{"enrol.html", "sample.html"}, file.Name()) && !strings.Contains(form, `action="/sign-out"`) {
				t.Errorf("%s has a form that does not say whose page it is on: %s", file.Name(), form)
			}
		}
	}
}

// Two people, one after the other, in one browser: nothing of the first is left to the
// second, neither behind the back button nor in a tab that is still open.
func TestTwoPeopleInOneBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.letter(1)
	path := "/l/" + string(id)
	b.be(b.lead)
	b.Open(path)
	b.LoadImages()
	b.be(b.stranger) // of another helpline, without a sign-out before
	b.WantsPath("/letters")
	for range 2 {
		b.Leads(func() { b.Finds("history.back()") })
	}
	b.WantsPath(path)
	b.Wants("There is nothing here for you")
	b.WantsThat(`document.querySelectorAll("main img").length`, "0")

	// The first one's tab is still open while somebody signs in in another: whoever
	// types there sees it go, and what was typed is nobody else's.
	b.be(b.lead)
	b.Open(path)
	b.LoadImages()
	b.TabTo(`input[name="reason"]`)
	b.Keys(kb.ArrowDown)
	second := b.as(b.lead2) // who may read the letter too, so that they could find it in the form
	b.Be(sessionCookie, second.cookies[sessionCookie])
	b.Leads(func() {
		b.Do(chromedp.Evaluate[chromedp.Void](`{ const now = Date.now; Date.now = () => now() + 2 * 60000; }`))
		b.Keys("a")
	})
	b.WantsPath("/letters")
	b.Wants("Bea Lead")
	select {
	case <-b.left: // before that nobody could find it
	case <-time.After(2 * time.Minute):
		t.Fatal("the page has gone and has not said what was entered")
	}
	for _, who := range []int64{0, b.lead} {
		if who != 0 {
			b.be(who)
		}
		b.Open(path)
		b.WantsThat(`document.querySelectorAll("input[name=reason]:checked").length`, "0")
	}
	if n := len(b.entries("letter-opened", id)); n != 4 {
		t.Errorf("%d openings on record", n)
	}
}
