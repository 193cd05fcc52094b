package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// letsConfirm is a configuration file that has somebody else confirm addresses.
func letsConfirm(c *Config) { c.Settings[register.SettingConfirm] = 1 }

var safe = url.Values{"check": {"agency-confirms"}}

func idAt(path string) letter.ID { return letter.ID(strings.TrimPrefix(path, "/l/")) }

// An uploaded copy is shown page by page before it is kept, to its uploader alone;
// who goes away finds it again, and it is kept only by who has seen all of it and
// says how the address was found to be safe.
func TestACopyIsLookedAtBeforeItIsKept(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	path := letterPath(id)
	lead := h.as(h.lead)
	lead.get(path)
	wantText(t, lead.get(path+"/response"), "shown the copy before it is kept")
	draft := lead.files(id)
	w := lead.get(draft)
	wantText(t, w, "Look at the copy before it is kept", draft+"/page/2.jpg", `data-in="3600000"`, id.Reference(), "Do not post the answer before it is kept", "24 November 2026 at 3:02pm")
	if n := len(h.entries("letter-opened", idAt(draft))); n != 1 {
		t.Errorf("%d openings on record", n)
	}
	nothing := lead.get("/no-such-page")
	for _, n := range []int64{h.lead2, h.manager, h.stranger, h.ops, h.dpo, h.admin} {
		other := h.as(n)
		for _, p := range []string{"", "/page/1.jpg", "/letter.pdf", "/recuse"} {
			wantStatus(t, other.get(draft+p), http.StatusNotFound)
		}
		wantStatus(t, other.post(draft+"/keep", safe), http.StatusNotFound)
	}
	for _, p := range []string{"/letter.pdf", "/response", "/erase", "/safeguarding", "/redirect"} { // nothing else can be done with it
		wantSame(t, p, lead.get(draft+p), nothing)
	}
	second := h.as(h.lead2)
	second.get(path)
	for _, w := range []string{second.get(path).Body.String(), second.get("/letters").Body.String(), second.get("/letters?reference=" + idAt(draft).Reference()).Body.String()} {
		if strings.Contains(w, draft) {
			t.Errorf("a colleague is shown the draft:\n%s", w)
		}
	}

	// Away, and in again.
	lead = h.as(h.lead)
	wantText(t, lead.get("/letters"), "Answers that you have not kept yet", `href="`+draft+`"`)
	wantText(t, lead.get(path), `href="`+draft+`"`, "not kept yet")

	lead.get(draft)
	w = lead.post(draft+"/keep", safe)
	wantText(t, w, "You have not been shown pages 1 and 2 yet", `value="agency-confirms" checked`)
	lead.looksAt(idAt(draft), 2)
	for _, odd := range []url.Values{nil, {"check": {"no"}}, {"check": {"<b>"}}, {"check": {strings.Repeat("x", 4000)}}} {
		w = lead.post(draft+"/keep", odd)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, `id="check-flaw"`)
	}
	to := action(t, lead.get(draft), draft+"/keep")
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, safe), draft+"?done=answer-kept")
	}
	if n := len(h.entries("response-kept", idAt(draft))); n != 1 {
		t.Errorf("kept %d times", n)
	}
	wantText(t, lead.get(draft+"?done=answer-kept"), "The answer may be posted now", "This is the kept copy of an answer")
	wantText(t, h.as(h.lead2).get(path), `href="`+draft+`"`, "filed")
	wantText(t, lead.post(draft+"/keep", safe), "does not wait for that any more")
	wantText(t, lead.post(draft+"/throw-away", url.Values{"reason": {"wrong-copy"}, "confirm": {"yes"}}), "does not wait for that any more")
	wantText(t, h.as(h.dpo).get("/register?about="+idAt(draft).Reference()), "An agency that supports the person says so", "found it safe to write to the address")
	if strings.Contains(lead.get("/letters").Body.String(), "not kept yet") {
		t.Error("what is kept is still listed as what is not")
	}
}

// What is the wrong copy, or goes to an address that nobody knows to be safe, is
// thrown away at once, and it is said what to do next.
func TestACopyIsThrownAway(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	for reason, says := range map[string]string{"wrong-copy": "upload it on the letter’s page", "unsafe-address": "Do not post the answer"} {
		draft := lead.files(id)
		for _, odd := range []string{"", "declined", "taken-back", "never-kept", "<b>"} {
			if w := lead.post(draft+"/throw-away", url.Values{"reason": {odd}, "confirm": {"yes"}}); w.Code != http.StatusBadRequest && w.Code != http.StatusConflict {
				t.Errorf("%s: %d", odd, w.Code)
			}
		}
		to := action(t, lead.get(draft), draft+"/throw-away")
		once := lead.post(to, url.Values{"reason": {reason}}) // one tap does nothing yet
		wantStatus(t, once, http.StatusOK)
		wantText(t, once, "is erased at once and for good", `name="reason" value="`+reason+`"`, `<a href="`+draft+`">`)
		wantStatus(t, lead.get(draft), http.StatusOK)
		to = action(t, once, draft+"/throw-away")
		for range 2 {
			wantRedirect(t, lead.post(to, url.Values{"reason": {reason}, "confirm": {"yes"}}), "/letters?done="+reason)
		}
		wantText(t, lead.get("/letters?done="+reason), says)
		wantStatus(t, lead.get(draft), http.StatusNotFound)
		wantStatus(t, lead.post(draft+"/keep", safe), http.StatusNotFound)
		l, err := h.register.Letter(t.Context(), idAt(draft))
		must(t, err)
		if l.Erase != register.NotKept || len(h.entries("response-dropped", l.ID)) != 1 {
			t.Errorf("%+v", l)
		}
		h.expire(l.ID)
	}
	if strings.Contains(lead.get(letterPath(id)).Body.String(), "not kept in time") {
		t.Error("who threw it away is told of it")
	}
}

// A copy that nobody keeps within its hour is closed, ended, and said to be.
func TestACopyThatNobodyKeeps(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	draft := lead.files(id)
	lead.looksAt(idAt(draft), 2)
	h.now = h.now.Add(time.Hour)
	lead = h.as(h.lead)
	wantStatus(t, lead.get(draft), http.StatusNotFound)
	wantStatus(t, lead.get(draft+"/page/1.jpg"), http.StatusNotFound)
	wantStatus(t, lead.post(draft+"/keep", safe), http.StatusNotFound)
	for _, page := range []string{"/letters", letterPath(id)} {
		if strings.Contains(lead.get(page).Body.String(), draft) {
			t.Errorf("%s leads to it still", page)
		}
	}
	must(t, h.register.EndDrafts(t.Context()))
	wantText(t, lead.get(letterPath(id)), "was not kept in time, and is erased")
	if strings.Contains(h.as(h.lead2).get(letterPath(id)).Body.String(), "kept in time") {
		t.Error("a colleague is told of it")
	}
	lead.files(id)
	if strings.Contains(lead.get(letterPath(id)).Body.String(), "kept in time") {
		t.Error("it is still told of after another was uploaded")
	}
}

// Only so many copies of one person wait.
func TestCopiesPileUp(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	drafts := make([]string, register.MostDrafts)
	for i := range drafts {
		drafts[i] = lead.files(id)
	}
	h.files.took = nil
	wantText(t, lead.upload(letterPath(id)+"/response", "file", "x.pdf", []byte("%PDF")), "Some of your copies wait to be kept")
	wantText(t, lead.get(letterPath(id)+"/response"), "Some of your copies wait to be kept")
	if h.files.took != nil {
		t.Error("a file was read that cannot be taken")
	}
	second := h.as(h.lead2)
	second.get(letterPath(id))
	second.files(id)
	lead.get(drafts[0])
	wantStatus(t, lead.post(drafts[0]+"/throw-away", url.Values{"reason": {"wrong-copy"}, "confirm": {"yes"}}), http.StatusSeeOther)
	lead.files(id)
}

// Where the manager wants it so, a second person confirms the address: never the
// one who uploaded it, never who must not see the letter, and only after a passkey
// and a look at every page.
func TestASecondPersonConfirmsTheAddress(t *testing.T) {
	h := newHouse(t, letsConfirm)
	h.enrolled(h.lead2, h.manager)
	id := h.readable(1)
	path := letterPath(id)
	lead := h.as(h.lead)
	lead.get(path)
	draft := lead.files(id)
	lead.looksAt(idAt(draft), 2)
	wantText(t, lead.get(draft), "Somebody else must confirm it before the copy is kept", "Bea Lead and Mo Manager")
	to := action(t, lead.get(draft), draft+"/keep")
	for range 2 {
		wantRedirect(t, lead.post(to, safe), draft+"?done=to-confirm")
	}
	wantText(t, lead.get(draft+"?done=to-confirm"), "before somebody else has confirmed it", "Bea Lead and Mo Manager", "It waits for a second person")
	lead.showsAgain(draft)
	wantText(t, lead.post(draft+"/confirm-address", nil), "You uploaded this answer yourself")
	calls, err := h.register.OwedCalls(t.Context(), "example.org")
	must(t, err)
	if len(calls) != 2 || calls[0].Letter != idAt(draft) || calls[0].Why != register.CalledConfirm {
		t.Errorf("called are %+v", calls)
	}
	for _, n := range []int64{h.stranger, h.ops, h.dpo, h.admin} {
		v := h.as(n)
		v.showsAgain(draft)
		wantStatus(t, v.get(draft), http.StatusNotFound)
		wantStatus(t, v.post(draft+"/confirm-address", nil), http.StatusNotFound)
	}
	wantText(t, h.as(h.manager).get("/overview"), "1: Answers that wait for a second person, Respect Phoneline")

	second := h.as(h.lead2)
	wantText(t, second.get("/letters"), "Answers that wait for a second person", `href="`+draft+`"`)
	wantText(t, second.get(draft), "(Ada Lead)", "An agency that supports the person says so", "show first that it is you", draft+"/page/2.jpg")
	wantStatus(t, second.post(draft+"/confirm-address", nil), http.StatusForbidden)
	second.showsAgain(draft)
	wantText(t, second.post(draft+"/confirm-address", nil), "You have not been shown pages 1 and 2 yet")
	second.looksAt(idAt(draft), 2)
	wantStatus(t, second.post(draft+"/keep", safe), http.StatusConflict)
	to = action(t, second.get(draft), draft+"/confirm-address")
	for range 2 {
		wantRedirect(t, second.post(to, nil), draft+"?done=answer-kept")
	}
	wantText(t, second.get(draft), "This is the kept copy of an answer")
	// Whoever waits to post it is told, and finds it on the letter's page; the file is theirs.
	const post = "Somebody else has confirmed that it is safe to write to the address of your answer"
	if calls, err = h.register.OwedCalls(t.Context(), "example.org"); err != nil {
		t.Fatal(err)
	}
	calls = slices.DeleteFunc(calls, func(c register.Call) bool { return c.Why == register.CalledConfirm })
	if len(calls) != 1 || calls[0].Person != h.lead || calls[0].Letter != id || calls[0].Why != register.CalledConfirmed {
		t.Errorf("after it was confirmed called are %+v", calls)
	}
	wantText(t, lead.get(path), post, "Delete your own file")
	if w := second.get(draft + "?done=answer-kept"); containsText(w.Body.String(), "Delete your own file") || !containsText(w.Body.String(), "you have confirmed that it is safe") {
		t.Errorf("who confirmed it reads\n%s", w.Body)
	}
	if containsText(second.get(path).Body.String(), post) {
		t.Error("who confirmed it is told what the uploader is")
	}
	wantText(t, h.as(h.dpo).get("/register?about="+idAt(draft).Reference()), "(Bea Lead) confirmed that it is safe to write to the address", "(Ada Lead) had found")
	third := h.as(h.manager)
	third.showsAgain(draft)
	wantText(t, third.post(draft+"/confirm-address", nil), "does not wait for that any more")
	lead.files(id)
	if containsText(lead.get(path).Body.String(), post) {
		t.Error("of a further answer it is said that it may be posted")
	}
}

// Who waits takes it back; who is asked declines, and the uploader is told.
func TestTheAddressIsNotConfirmed(t *testing.T) {
	h := newHouse(t, letsConfirm)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	waits := func() string {
		draft := lead.files(id)
		lead.looksAt(idAt(draft), 2)
		wantRedirect(t, lead.post(draft+"/keep", safe), draft+"?done=to-confirm")
		return draft
	}
	draft := waits()
	wantStatus(t, lead.post(draft+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), http.StatusConflict)
	wantRedirect(t, lead.post(draft+"/throw-away", url.Values{"reason": {"taken-back"}, "confirm": {"yes"}}), "/letters?done=taken-back")
	draft = waits()
	second := h.as(h.lead2)
	wantText(t, second.post(draft+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), "Please open the letter first")
	second.get(draft)
	wantStatus(t, second.post(draft+"/throw-away", url.Values{"reason": {"taken-back"}, "confirm": {"yes"}}), http.StatusConflict)
	wantRedirect(t, second.post(draft+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), "/letters?done=declined")
	wantText(t, second.get("/letters?done=declined"), "your colleague is told by mail")
	wantText(t, lead.get(letterPath(id)), "Somebody else did not confirm")
	wantStatus(t, lead.get(draft), http.StatusNotFound)

	// Who knows somebody in it cannot confirm it.
	draft = waits()
	second.get(draft)
	wantRedirect(t, second.post(draft+"/recuse", nil), "/letters?done=recused")
	wantStatus(t, second.get(draft), http.StatusNotFound)
	must(t, h.register.DisablePerson(t.Context(), h.manager))
	wantText(t, lead.get(draft), "Nobody else may read it", "another team leader of Respect Phoneline or a manager")
}

// The manager decides that somebody else confirms addresses, and nobody else does.
func TestTheManagerHasAddressesConfirmed(t *testing.T) {
	h := newHouse(t)
	manager, admin := h.as(h.manager), h.as(h.admin)
	manager.showsAgain("/settings")
	admin.showsAgain("/settings")
	wantRedirect(t, admin.post("/settings", url.Values{"confirm-address": {"1"}, "print": {"1"}}), "/settings?done=1")
	if h.portal.confirmsAddress(t.Context()) {
		t.Fatal("the administrator has decided it")
	}
	page := manager.get("/settings")
	if strings.Contains(page.Body.String(), `name="print"`) || !strings.Contains(page.Body.String(), `name="confirm-address"`) {
		t.Errorf("the manager is asked:\n%s", page.Body)
	}
	wantRedirect(t, manager.post("/settings", url.Values{"confirm-address": {"1"}}), "/settings?done=1")
	if !h.portal.confirmsAddress(t.Context()) || !h.portal.prints(t.Context()) {
		t.Error("it does not hold, or the administrator's change is gone")
	}
	wantText(t, h.as(h.dpo).get("/register?kind=setting-changed"), "(Mo Manager) changed a setting. Somebody else confirms the address of an answer: yes.")
	wantText(t, admin.get("/settings?done=1"), "It is recorded what the settings are now")
}

// Every form of an answer's page, as everybody who sees it, with each kind of bad
// input and after the session died: nothing happens, nothing is on record, and the
// log holds nothing of what was sent.
func TestTheFormsOfAnAnswerWithBadInput(t *testing.T) {
	h := newHouse(t, letsConfirm)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	draft, waits := lead.files(id), lead.files(id)
	lead.looksAt(idAt(draft), 2)
	lead.looksAt(idAt(waits), 2)
	must(t, h.register.KeepResponse(t.Context(), idAt(waits), register.AddressAsked, true, h.lead))
	foreign, err := h.register.Letter(t.Context(), h.letter(1))
	must(t, err)
	const canary = "Zuleika-Canary"
	inputs := h.badInputs(foreign)
	inputs["a name"] = func(pageField) []string { return []string{canary} }
	sent := 0
	for _, page := range []struct {
		path string
		who  int64
	}{{draft, h.lead}, {waits, h.lead}, {waits, h.lead2}, {waits, h.manager}, {letterPath(id) + "/response", h.lead}} {
		v := h.as(page.who)
		v.showsAgain(page.path)
		for _, f := range formsOf(t, v.get(page.path).Body) {
			if len(f.fields) == 0 {
				continue
			}
			for name, bad := range inputs {
				h.sendsBadly(t, v, page.path, f, name, bad)
			}
			h.sendsTooLate(t, page.path, f)
			sent++
		}
	}
	if sent < 7 {
		t.Errorf("only %d forms were sent", sent)
	}
	for path, state := range map[string]register.State{draft: register.Draft, waits: register.ToConfirm} {
		l, err := h.register.Letter(t.Context(), idAt(path))
		must(t, err)
		if l.State != state || l.Erase != "" {
			t.Errorf("it is %+v", l)
		}
	}
	for _, secret := range []string{canary, string(idAt(draft)), string(idAt(waits)), idAt(draft).Reference(), "Ada Lead"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("a form is a failure of ours:\n%s", &h.log)
	}
}
