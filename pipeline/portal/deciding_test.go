package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// called is whom decisions owe a mail, by number and reason.
func (h *house) called() (said []string) {
	h.t.Helper()
	for _, c := range h.owedCalls() {
		said = append(said, fmt.Sprintf("%d %s", c.Person, c.Why))
	}
	return said
}

// A letter is done once it is said whether somebody is at risk; the manager is
// called when somebody is in danger.
func TestIsSomebodyAtRisk(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	lead := h.as(h.lead)
	wantText(t, lead.post(path+"/risk", url.Values{"risk": {"none"}}), "Please open the letter first")
	lead.looksAt(id, 1)
	wantRedirect(t, lead.post(path+"/readable", nil), path+"?done=readable")
	wantText(t, lead.get(path+"?done=readable"), "One question is left: <a href=\"#keeping\">is somebody at risk?</a>", "without it the letter is not done")
	wantText(t, lead.get("/letters"), "Not yet said whether somebody is at risk</h2>", "These can be read. What is left: say whether somebody is at risk.", "unless one is kept for five years or on hold")
	for _, odd := range []string{"", "maybe", "<script>"} {
		w := lead.post(path+"/risk", url.Values{"risk": {odd}})
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, "Choose whether somebody is at risk", `id="risk"`)
	}
	if n := len(h.entries("risk-said", id)); n != 0 {
		t.Fatalf("%d answers on record", n)
	}

	to := action(t, lead.get(path), path+"/risk")
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, url.Values{"risk": {"none"}}), path+"?done=risk-none")
	}
	wantText(t, lead.get(path+"?done=risk-none"), "It is recorded that nobody is at risk")
	if strings.Contains(lead.get("/letters").Body.String(), "Not yet said whether somebody is at risk</h2>") {
		t.Error("what was answered is asked")
	}
	if strings.Contains(lead.get(path+"?done=risk-urgent").Body.String(), "told by mail now") {
		t.Error("an address is thanked for what is not so")
	}

	wantRedirect(t, lead.post(path+"/risk", url.Values{"risk": {"urgent"}}), path+"?done=risk-urgent")
	wantText(t, lead.get(path+"?done=risk-urgent"), `<p class="urge" role="status">It is recorded`, "call 999", "told by mail now")
	// Whoever comes by the mail, which does not say it, reads it first of all.
	const danger = `<p class="urge" role="note">Somebody who read this letter has said that somebody is in danger now.`
	wantText(t, h.as(h.manager).get(path), danger, `<a href="#keeping">Go to that decision</a>`)
	wantText(t, h.as(h.manager).get("/letters"), "Somebody is in danger</h2>", id.Reference())
	if got := strings.Join(h.called(), ", "); got != fmt.Sprintf("%d urgent", h.manager) {
		t.Errorf("called are %s", got)
	}
	if n := len(h.entries("risk-said", id)); n != 2 {
		t.Errorf("%d answers on record, want 2", n)
	}
	// Said by a colleague after that mail has gone: whoever is told that the manager is
	// told is not told what is not so.
	for _, c := range h.owedCalls() {
		must(t, h.register.CallSent(t.Context(), c))
	}
	second := h.as(h.lead2)
	second.looksAt(id, 1)
	to = action(t, second.get(path), path+"/risk")
	for range 2 { // a double click
		wantRedirect(t, second.post(to, url.Values{"risk": {"urgent"}, "instead": {"urgent"}}), path+"?done=risk-urgent")
	}
	wantText(t, second.get(path+"?done=risk-urgent"), "told by mail now")
	if got := strings.Join(h.called(), ", "); got != fmt.Sprintf("%d urgent", h.manager) {
		t.Errorf("once it is said again, called are %s", got)
	}
	if n := len(h.entries("risk-said", id)); n != 3 {
		t.Errorf("%d answers on record, want 3", n)
	}
	to = action(t, lead.get(path), path+"/risk")
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, url.Values{"risk": {"share"}, "instead": {"urgent"}}), path+"/sharing?done=risk-share")
	}
	wantText(t, lead.get(path+"/sharing?done=risk-share"), "Your answer is recorded. Come back here once you have shared")
	if strings.Contains(h.as(h.manager).get("/letters").Body.String(), "Somebody is in danger</h2>") {
		t.Error("it is said after it was said otherwise")
	}
	for _, who := range []int64{h.lead, h.manager} { // whoever's session ends before it was shared
		wantText(t, h.as(who).get("/letters"), "an agency should be told</h2>", "not kept for five years", `value="to-share"`)
		wantText(t, h.as(who).get("/letters?state=to-share"), id.Reference())
	}
	wantText(t, h.as(h.manager).get("/overview"), "1: Somebody is at risk, and an agency should be told, Respect Phoneline")
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()), "said of the letter: somebody is in danger now")

	must(t, h.register.DisablePerson(t.Context(), h.manager)) // nobody can be told
	wantRedirect(t, lead.post(path+"/risk", url.Values{"risk": {"urgent"}}), path+"?done=risk-urgent-alone")
	wantText(t, lead.get(path+"?done=risk-urgent-alone"), "Nobody is told by mail", "call 999")
}

// Who was invited and has set up no sign-in is offered with a word of that: nobody
// waits for who cannot come.
func TestWhoHasNoSignInYetIsOfferedAsThat(t *testing.T) {
	h := newHouse(t, letsConfirm)
	h.enrolled(h.manager)
	id := h.readable(1)
	path, lead := letterPath(id), h.as(h.lead)
	const bea = "Bea Lead (cannot sign in at present)"
	wantText(t, lead.get(path), bea+", Team leader<", ">Mo Manager, Helplines’ manager<")
	wantText(t, lead.get(path+"/safeguarding"), ">"+bea+"<")
	wantText(t, lead.get(lead.files(id)), bea+" and Mo Manager.")
	h.enrolled(h.lead2)
	for _, page := range []string{path, path + "/safeguarding"} {
		if w := lead.get(page); containsText(w.Body.String(), bea) || !containsText(w.Body.String(), ">Bea Lead") {
			t.Errorf("with a passkey %s says\n%s", page, w.Body)
		}
	}
	// Who cannot sign in confirms nothing either.
	mo := h.as(h.manager)
	mo.get(path)
	wantRedirect(t, mo.post(path+"/erase", url.Values{"reason": {"scanned-twice"}}), path+"?done=asked")
	wantText(t, mo.get("/requests/1"), "Nobody can confirm it.</strong> Nobody else who can sign in is manager")
	wantText(t, lead.get(path), "Nobody can confirm it at present</strong>: there is no other manager of the helplines or data-protection officer who can sign in")
	h.enrolled(h.dpo)
	wantText(t, mo.get("/requests/1"), "somebody else must confirm it")
	wantText(t, lead.get(path), "It waits for the helplines’ manager or the data-protection officer")
}

// Nobody is said to be told by mail whose address is not known.
func TestWhoHasNoAddressIsNotToldByMail(t *testing.T) {
	h := newHouse(t, letsConfirm)
	h.enrolled(h.lead2, h.manager)
	must(t, h.register.ChangePerson(t.Context(), register.Person{Number: h.manager, Name: "Mo Manager"}, h.admin))
	id := h.readable(1)
	path := letterPath(id)
	lead := h.as(h.lead)
	lead.get(path)
	wantRedirect(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.manager)}}), path+"?done=handed-over-untold")
	wantText(t, lead.get(path+"?done=handed-over-untold"), "No mail goes to your colleague")
	wantRedirect(t, lead.post(path+"/recuse", nil), "/letters?done=recused-untold")
	wantText(t, lead.get("/letters?done=recused-untold"), "You will not see that letter any more. Nobody is told by mail", "Tell the helplines’ manager yourself")
	if n := len(h.owedCalls()); n != 0 {
		t.Errorf("%d mails are owed", n)
	}
	id = h.readable(1)
	draft := lead.files(id)
	wantText(t, lead.get(draft), "are told by mail, and find it on their page of letters: Bea Lead.", "get no mail, as no address of theirs is known: Mo Manager.")
	must(t, h.register.Leave(t.Context(), h.lead2, h.admin))
	if w := lead.get(draft); containsText(w.Body.String(), "told by mail") || !containsText(w.Body.String(), "Mo Manager. Tell them yourself") {
		t.Errorf("with nobody to write to it says:\n%s", w.Body)
	}
}

// Nor is the uploader of an answer who has left, or has no address, said to be told that
// somebody else has confirmed where it goes: whoever does so sees that it is posted.
func TestTheUploaderIsNotToldByMail(t *testing.T) {
	for name, goes := range map[string]func(h *house) error{
		"who has left": func(h *house) error { return h.register.Leave(h.t.Context(), h.lead, h.admin) },
		"without an address": func(h *house) error {
			return h.register.ChangePerson(h.t.Context(), register.Person{Number: h.lead, Name: "Ada Lead", Helplines: []string{"respect-phoneline"}}, h.admin)
		},
		"who reads no letters any more": func(h *house) error { return h.register.GiveRole(h.t.Context(), h.lead, register.Operations, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, letsConfirm)
			h.enrolled(h.lead2)
			id := h.readable(1)
			lead, second := h.as(h.lead), h.as(h.lead2)
			lead.get(letterPath(id))
			draft := lead.files(id)
			lead.looksAt(idAt(draft), 2)
			wantRedirect(t, lead.post(draft+"/keep", safe), draft+"?done=to-confirm")
			wantText(t, second.get(draft), "(Ada Lead) is told by mail.")
			must(t, goes(h))
			w := second.get(draft)
			wantText(t, w, "Nobody is told by mail that you have confirmed it: see then that the answer is posted.", "Nobody is told by mail: see that the answer is not posted.")
			if containsText(w.Body.String(), "is told by mail.") {
				t.Errorf("it says:\n%s", w.Body)
			}
			second.showsAgain(draft)
			second.looksAt(idAt(draft), 2)
			wantRedirect(t, second.post(draft+"/confirm-address", nil), draft+"?done=answer-kept")
			w = second.get(draft + "?done=answer-kept")
			if wantText(t, w, "Nobody is told by mail: see that the answer is posted."); containsText(w.Body.String(), "is told that the answer") {
				t.Errorf("it says:\n%s", w.Body)
			}
			calls := slices.DeleteFunc(h.owedCalls(), func(c register.Call) bool { return c.Why == register.CalledConfirm })
			if len(calls) != 0 {
				t.Errorf("called are %+v", calls)
			}
		})
	}
}

// A letter goes to a colleague who may read it, and to nobody else.
func TestHandingOver(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	lead := h.as(h.lead)
	lead.looksAt(id, 1)
	for _, no := range []int64{0, h.lead, h.stranger, h.ops, h.dpo, 99} {
		wantText(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(no)}}), "Choose the colleague")
		if err := h.register.HandOver(t.Context(), id, no, h.lead); err == nil {
			t.Errorf("it is handed to %d", no)
		}
	}
	to := action(t, lead.get(path), path+"/hand-over")
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, url.Values{"colleague": {fmt.Sprint(h.lead2)}}), path+"?done=handed-over")
	}
	wantText(t, lead.get(path+"?done=handed-over"), "you have handed this letter over", "It was handed over to Bea Lead")
	second := h.as(h.lead2)
	wantText(t, second.get("/letters"), "Handed over to you", id.Reference())
	if got := strings.Join(h.called(), ", "); got != fmt.Sprintf("%d handed", h.lead2) {
		t.Errorf("called are %s", got)
	}
	if w := lead.get(path); strings.Contains(w.Body.String(), fmt.Sprintf(`<option value="%d">`, h.lead2)) {
		t.Error("it is offered to hand it to who has it")
	}
	w := lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.lead2)}}) // on a page that was open before
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "It was handed over to this colleague before and waits for them", `<a href="#hand-over">`)
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()), "(Ada Lead) handed the letter over to", "(Bea Lead)")
	if n := len(h.entries("letter-handed-over", id)); n != 1 {
		t.Errorf("%d on record", n)
	}
	// She knows somebody in it: it is hers no more.
	second.looksAt(id, 1)
	wantRedirect(t, second.post(path+"/recuse", nil), "/letters?done=recused")
	if l, err := h.register.Letter(t.Context(), id); err != nil || l.HandedTo != 0 {
		t.Errorf("it is handed to %d, %v", l.HandedTo, err)
	}
	wantText(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.lead2)}}), "Choose the colleague")
	wantRedirect(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.manager)}}), path+"?done=handed-over")
	must(t, h.register.Leave(t.Context(), h.manager, h.admin))
	if l, err := h.register.Letter(t.Context(), id); err != nil || l.HandedTo != 0 {
		t.Errorf("it is handed to %d, who has left, %v", l.HandedTo, err)
	}
	// The colleague stays, and may not read it any more: nobody must believe that it
	// is seen to.
	manager := h.person("Nina Next", register.Manager)
	for name, ends := range map[string]func(colleague int64, path string){
		"other helplines": func(colleague int64, _ string) {
			must(t, h.register.ChangePerson(t.Context(), register.Person{Number: colleague, Name: "Tia Third", Helplines: []string{"mens-advice-line"}}, h.admin))
		},
		"another role": func(colleague int64, _ string) {
			must(t, h.register.GiveRole(t.Context(), colleague, register.DPO, nil))
		},
		"a letter that names another": func(_ int64, path string) {
			wantRedirect(t, lead.post(path+"/safeguarding", with(h.keepForm(), "confirm", "yes")), path+"?done=kept")
		},
	} {
		third, id := h.person("Tia Third", register.TeamLeader, "respect-phoneline"), h.letter(1)
		path := "/l/" + string(id)
		lead.looksAt(id, 1)
		wantRedirect(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(third)}}), path+"?done=handed-over")
		wantText(t, h.as(h.admin).get(fmt.Sprintf("/people/%d/leave", third)), "1 letter that a colleague handed over to Tia Third")
		ends(third, path)
		if said := lead.get(path).Body.String(); strings.Contains(said, "It was handed over to") {
			t.Errorf("%s: it is handed over to somebody who may not read it", name)
		}
		wantText(t, lead.get("/letters"), id.Reference())
		told := []string{}
		for _, c := range h.owedCalls() {
			if c.Letter == id {
				told = append(told, fmt.Sprintf("%d %s", c.Person, c.Why))
			}
		}
		if got := strings.Join(told, ", "); got != fmt.Sprintf("%d nobody", manager) {
			t.Errorf("%s: called are %q", name, got)
		}
		wantText(t, h.as(manager).get(path), "It was handed over to somebody who may not read it any more")
	}
}

// What was handed over is done once its reader says so, and old letters that nobody has
// said a word on hide no new one.
func TestSeeingToWhatWasHandedOver(t *testing.T) {
	h := newHouse(t)
	lead, second := h.as(h.lead), h.as(h.lead2)
	hands := func() letter.ID {
		id := h.letter(1)
		lead.looksAt(id, 1)
		wantRedirect(t, lead.post(letterPath(id)+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.lead2)}}), letterPath(id)+"?done=handed-over")
		return id
	}
	handed := func() string {
		_, list, _ := strings.Cut(second.get("/letters").Body.String(), "Handed over to you</h2>")
		list, _, _ = strings.Cut(list, "</section>")
		return list
	}
	for range sectionShows {
		hands()
		h.now = h.now.Add(time.Minute)
	}
	newest := hands()
	if !strings.Contains(handed(), newest.Reference()) {
		t.Error("older ones hide it")
	}

	path := letterPath(newest)
	wantText(t, second.post(path+"/seen-to", nil), "Please open the letter first")
	for _, other := range []int64{h.lead, h.manager} {
		if strings.Contains(h.as(other).get(path).Body.String(), path+"/seen-to") {
			t.Errorf("%d is asked whether they have seen to what is another's", other)
		}
		wantStatus(t, h.as(other).post(path+"/seen-to", nil), http.StatusConflict)
	}
	if strings.Contains(h.as(h.lead).get(path+"?done=seen-to").Body.String(), "you have seen to this letter") {
		t.Error("an address is thanked for what is not so")
	}
	to := action(t, second.get(path), path+"/seen-to")
	for range 2 { // a double click
		wantRedirect(t, second.post(to, nil), path+"?done=seen-to")
	}
	wantText(t, second.get(path+"?done=seen-to"), "It is recorded that you have seen to this letter.")
	if strings.Contains(handed(), newest.Reference()) {
		t.Error("what is done is still to do")
	}
	if n := len(h.entries("letter-seen-to", newest)); n != 1 {
		t.Errorf("%d on record", n)
	}
	if n := len(h.owedCalls()); n != sectionShows {
		t.Errorf("%d mails are owed of %d letters", n, sectionShows)
	}
	wantText(t, h.as(h.dpo).get("/register?about="+newest.Reference()), "(Bea Lead) has seen to the letter")

	// Handed over once more, the first page's form says nothing of that.
	wantRedirect(t, lead.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.lead2)}}), path+"?done=handed-over")
	wantRedirect(t, second.post(to, nil), path+"?done=seen-to")
	if !strings.Contains(handed(), newest.Reference()) {
		t.Error("an old form has ended what came after it")
	}
}

// On a telephone: a leader reads, says that somebody is in danger, and the
// manager finds it on top.
func TestSomebodyIsInDangerInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.Phone()
	unmissed := func() {
		t.Helper()
		for _, what := range b.Tight() {
			t.Errorf("a thumb may miss it: %s", what)
		}
	}
	link := b.reads()
	b.LoadImages()
	const below = `document.querySelector("#decide").getBoundingClientRect().top - document.querySelector("figure:last-child").getBoundingClientRect().bottom`
	b.WantsThat(below+` < 180`, "true") // the bar that turns pages lies between
	b.WantsThat(`document.documentElement.scrollHeight - document.querySelector("#decide").getBoundingClientRect().top < 1700`, "true")
	b.WantsThat(`document.querySelector("#colleague").checkVisibility()`, "false")
	unmissed()
	b.Tap(`details:has([name=reason]) summary`)
	b.WantsThat(`document.querySelector("#reason").checkVisibility()`, "true")
	b.Leads(func() { b.Tap(`form[action$="/readable"] button`) })
	b.Wants("One question is left: is somebody at risk?")
	const urgent = `[name=risk][value="` + string(register.RiskUrgent) + `"]`
	b.Tap(`.choice:has(` + urgent + `) label`)
	b.WantsThat("document.querySelector(`"+urgent+"`).checked", "true")
	b.Leads(func() { b.Tap(`form[action*="/risk"] button`) })
	b.Wants("the helplines’ manager is told by mail now", "Somebody is in danger now")
	b.Reveal("#colleague")
	b.Do(chromedp.SetValue(chromedp.ID("colleague"), fmt.Sprint(b.manager)))
	b.Press(`form[action*="/hand-over"] button`)
	b.Wants("It was handed over to Mo Manager.")
	b.be(b.manager)
	b.Open("/letters")
	b.Wants("Somebody is in danger", "Handed over to you")
	unmissed()
	b.Press(`main a[href="` + link + `"]`)
	b.Wants("That was said of this letter.")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}
