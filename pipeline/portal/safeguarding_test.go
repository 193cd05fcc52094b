package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// with is the form with some fields changed; an empty value takes one out.
func with(form url.Values, changes ...string) url.Values {
	out := url.Values{}
	for k, v := range form {
		out[k] = v
	}
	for i := 0; i < len(changes); i += 2 {
		out.Set(changes[i], changes[i+1])
	}
	return out
}

func (h *house) keepForm() url.Values {
	return url.Values{"reason": {"child-at-risk"}, "told": {"told"}, "review": {"2027-11-24"}, "named": {fmt.Sprint(h.lead)}}
}

// Where nobody leads who may open the letter, it is said what to do.
func TestKeepingALetterThatNobodyLeads(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	manager := h.as(h.manager)
	manager.get(path)
	if w := manager.get(path + "/safeguarding"); containsText(w.Body.String(), "Nobody leads Respect Phoneline") {
		t.Error("somebody leads it")
	}
	must(t, h.register.Leave(t.Context(), h.lead, h.admin))
	must(t, h.register.Leave(t.Context(), h.lead2, h.admin))
	for _, p := range []string{"/safeguarding", "/sharing"} {
		wantText(t, manager.get(path+p), "Nobody leads Respect Phoneline who may open this letter", `href="/holds/new?letter=`+string(id)+`"`)
	}
	wantStatus(t, manager.get("/holds/new?letter="+string(id)), http.StatusOK)
}

func TestKeepingALetterForFiveYears(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	wantText(t, lead.get(path), "must be gone on 24 May 2027", `href="`+path+`/safeguarding"`)
	wantText(t, lead.get(path+"/safeguarding"), "A child is at risk", "Ada Lead", "24 November 2031")

	// Each mistake is said at its field, and nothing is recorded.
	for _, c := range []struct{ field, value, says string }{
		{"reason", "", "Choose why the letter must be kept"},
		{"reason", "because I like it", "Choose why the letter must be kept"},
		{"told", "", "Choose what the service user knows"},
		{"review", "", "from 25 November 2026 to 23 November 2031"},
		{"review", "2026-11-24", "from 25 November 2026"},
		{"review", "2031-11-24", "to 23 November 2031"},
		{"named", fmt.Sprint(h.stranger), "Choose the team leader"},
		{"named", fmt.Sprint(h.ops), "Choose the team leader"},
	} {
		w := lead.post(path+"/safeguarding", with(h.keepForm(), c.field, c.value, "confirm", "yes"))
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, c.says)
	}
	w := lead.post(path+"/safeguarding", h.keepForm())
	wantStatus(t, w, http.StatusOK)
	wantText(t, w, "for five years?", "A child is at risk", "Was told of it", "24 November 2027", "Ada Lead and the helplines’ manager", `name="confirm" value="yes"`)
	if n := len(h.entries("letter-safeguarded", id)); n != 0 {
		t.Fatal("recorded before it was confirmed")
	}

	wantRedirect(t, lead.post(path+"/safeguarding", with(h.keepForm(), "confirm", "yes")), path+"?done=kept")
	wantText(t, lead.get(path+"?done=kept"), "kept for five years", "A child is at risk", "Was told of it", "24 November 2027", "Ada Lead and the", "being moved")
	wantText(t, lead.get(path), "23 November 2031") // open until
	for _, who := range []int64{h.lead2, h.stranger, h.ops, h.dpo} {
		wantStatus(t, h.as(who).get(path), http.StatusNotFound)
		wantStatus(t, h.as(who).get(path+"/letter.pdf"), http.StatusNotFound)
	}
	wantStatus(t, h.as(h.manager).get(path), http.StatusOK)
	if strings.Contains(h.as(h.lead2).get("/letters").Body.String(), id.Reference()) {
		t.Error("the list shows a letter that another leader alone may open")
	}
	wantText(t, h.as(h.manager).get("/letters"), id.Reference(), "A child is at risk")

	// Decided again by somebody who had the form open: it is no look at what they have
	// not seen.
	manager, other := h.as(h.manager), with(h.keepForm(), "reason", "terrorism-or-bomb", "named", fmt.Sprint(h.lead2))
	manager.get(path)
	for _, form := range []url.Values{other, with(other, "confirm", "yes")} {
		w = manager.post(path+"/safeguarding", form)
		wantStatus(t, w, http.StatusConflict)
		wantText(t, w, "Somebody has decided it before")
	}
	shared := with(other, "agency", "police", "basis", "consent", "on", "2026-11-24")
	wantText(t, manager.post(path+"/sharing", url.Values{"agency": {"police"}, "basis": {"consent"}, "on": {"2026-11-24"}}), "Record that letter "+id.Reference()+" was shared?")
	for _, form := range []url.Values{shared, with(shared, "confirm", "yes")} {
		w = manager.post(path+"/sharing", form)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, "their decision stands", `id="kept"`)
	}
	if n, m := len(h.entries("safeguarding-reviewed", id)), len(h.entries("letter-shared", id)); n+m != 0 {
		t.Errorf("%d reviews and %d sharings on record", n, m)
	}
	wantStatus(t, h.as(h.lead).get(path), http.StatusOK)
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()), "decided that the letter is kept for five years, until 24 November 2031: a child is at risk. The service user: was told of it.")
}

var hiddenWas = regexp.MustCompile(`name="was" value="(\w+)"`)

func TestNobodyDecidesUnread(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	wantText(t, h.as(h.lead).post("/l/"+string(id)+"/safeguarding", with(h.keepForm(), "confirm", "yes")), "Please open the letter first")
	if n := len(h.entries("letter-safeguarded", id)); n != 0 {
		t.Error("it is on record all the same")
	}
}

func TestSafeguardingIsLookedAtAgain(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	wantRedirect(t, lead.post(path+"/safeguarding", with(h.keepForm(), "review", "2026-12-24", "confirm", "yes")), path+"?done=kept")
	if strings.Contains(lead.get("/letters").Body.String(), "To be looked at again</h2>") {
		t.Error("it is to be looked at before its day")
	}
	h.now = h.now.AddDate(0, 1, 0)
	for _, who := range []int64{h.lead, h.manager} {
		wantText(t, h.as(who).get("/letters"), "To be looked at again</h2>", id.Reference())
	}
	if strings.Contains(h.as(h.lead2).get("/letters").Body.String(), "To be looked at again</h2>") {
		t.Error("it is shown to a leader who may not open it")
	}
	manager := h.as(h.manager)
	form := url.Values{"review": {"2028-01-10"}, "named": {fmt.Sprint(h.lead2)}}
	was := hiddenWas.FindStringSubmatch(manager.get(path + "/safeguarding").Body.String())[1]
	wantText(t, manager.post(path+"/safeguarding", with(form, "was", was)), "Record it", "A child is at risk", "Bea Lead", `name="was" value="`+was+`"`)
	wantRedirect(t, manager.post(path+"/safeguarding", with(form, "was", was, "confirm", "yes")), path+"?done=reviewed")
	wantStatus(t, h.as(h.lead).get(path), http.StatusNotFound)
	wantStatus(t, h.as(h.lead2).get(path), http.StatusOK)
	w := manager.post(path+"/safeguarding", with(form, "named", fmt.Sprint(h.lead), "was", was, "confirm", "yes")) // a form from before
	wantStatus(t, w, http.StatusConflict)
	l, err := h.register.Letter(t.Context(), id)
	must(t, err)
	if l.Reason != register.ChildAtRisk || l.Review != (letter.Date{Year: 2028, Month: 1, Day: 10}) {
		t.Errorf("%s, %s", l.Reason, l.Review)
	}
}

// Whose helpline or role was taken is not said to be who may open it.
func TestTheNamedLeaderMayNotOpenIt(t *testing.T) {
	for name, role := range map[string]register.Role{"another helpline": register.TeamLeader, "another role": register.Operations} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.letter(1)
			h.keeps(id)
			manager, path := h.as(h.manager), letterPath(id)
			const gone = "Ada Lead, who may not open it any more: the manager names another when looking at the decision again, and the helplines’ manager"
			if w := manager.get(path); containsText(w.Body.String(), gone) || !containsText(w.Body.String(), "Ada Lead and the helplines’ manager") {
				t.Errorf("while she may it says\n%s", w.Body)
			}
			must(t, h.register.GiveRole(t.Context(), h.lead, role, map[register.Role][]string{register.TeamLeader: {"mens-advice-line"}}[role]))
			wantText(t, manager.get(path), gone)
			must(t, h.register.ReviewSafeguarding(t.Context(), id, letter.DateOf(h.now).AddDays(60), h.lead2, h.manager))
			wantText(t, manager.get(path), "Bea Lead and the helplines’ manager")
		})
	}
}

// What is not listed on the page is said to be there.
func TestManySharings(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	form := with(h.keepForm(), "agency", "police", "basis", "consent", "on", "2026-11-24", "confirm", "yes")
	for n := range sharingsShown + 1 {
		if n == sharingsShown && strings.Contains(lead.get(path).Body.String(), "more often than these") {
			t.Error("all are listed, and the page says otherwise")
		}
		wantRedirect(t, lead.post(path+"/sharing", form), path+"?done=shared")
		form.Del("reason") // which is asked once
	}
	wantText(t, lead.get(path), "It was shared more often than these 20 times")
}

func TestSharingWithAnAgency(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	wantText(t, lead.get(path+"/sharing"), "The police", "Without consent: a law or a court demands it", "kept for five years")
	form := with(h.keepForm(), "agency", "police", "basis", "without-risk-of-harm", "on", "2026-11-24")
	for _, c := range []struct{ field, value, says string }{
		{"agency", "PC 4711 Miller", "Choose with what kind of agency"},
		{"basis", "", "Choose on what ground"},
		{"on", "2026-11-23", "from 24 November 2026 to today"},
		{"on", "2026-11-25", "from 24 November 2026 to today"},
		{"reason", "", "Choose why"},
	} {
		w := lead.post(path+"/sharing", with(form, c.field, c.value, "confirm", "yes"))
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, c.says)
	}
	wantText(t, lead.post(path+"/sharing", form), "Letterlock sends nothing", "The police", "kept for five years")
	wantRedirect(t, lead.post(path+"/sharing", with(form, "confirm", "yes")), path+"?done=shared")
	h.now = h.now.AddDate(0, 0, 3)
	lead = h.as(h.lead)
	lead.get(path)
	// The five years have begun: the second sharing does not begin them anew, and says so.
	wantText(t, lead.get(path+"/sharing"), "kept for five years from 24 November 2026 already, until 24 November 2031. That it was shared once more does not make it longer.")
	again := url.Values{"agency": {"health-service"}, "basis": {"consent"}, "on": {"2026-11-26"}}
	wantRedirect(t, lead.post(path+"/sharing", with(again, "confirm", "yes")), path+"?done=shared")
	wantText(t, lead.get(path), "Shared on 24 November 2026", "The police. Without consent: somebody may come to serious harm otherwise",
		"Shared on 26 November 2026", "A health service. With the service user", "must be gone on 24 November 2031")
	if n, m := len(h.entries("letter-shared", id)), len(h.entries("letter-safeguarded", id)); n != 2 || m != 1 {
		t.Errorf("%d sharings and %d decisions on record", n, m)
	}
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()), "shared the letter on 24 November 2026 with the police. Without consent: somebody may come to serious harm otherwise.")
}
