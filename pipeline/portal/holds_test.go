package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Who has left answers for nothing any more, and the pages say so until the
// manager has named another.
func TestTheOwnerOfAHoldLeaves(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	h.keeps(id)
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: id, Reason: register.Coroner, Owner: h.dpo, Review: letter.DateOf(h.now).AddDays(9)}, h.manager)
	must(t, err)
	manager := h.as(h.manager)
	if strings.Contains(manager.get("/holds").Body.String(), "has left") {
		t.Error("nobody has left")
	}
	must(t, h.register.DisablePerson(t.Context(), h.dpo))
	must(t, h.register.DisablePerson(t.Context(), h.lead))
	wantText(t, manager.get("/holds"), "Who answers for this hold has left")
	wantText(t, manager.get("/l/"+string(id)), fmt.Sprintf("Staff number %d, who has left", h.lead))
	wantRedirect(t, manager.post("/holds/1/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {"2026-12-24"}}), "/holds?done=reviewed")
	if strings.Contains(manager.get("/holds").Body.String(), "has left") {
		t.Error("another is named, and the page still says that somebody has left")
	}
}

// Whose groups give them another role answers for no hold any more, and the manager is
// urged on the overview too, long before the hold is due to be looked at.
func TestTheOwnerOfAHoldLosesTheRole(t *testing.T) {
	h := newHouse(t)
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Helpline: "mens-advice-line", Reason: register.Coroner, Owner: h.dpo, Review: letter.DateOf(h.now).AddDays(90)}, h.manager)
	must(t, err)
	manager, urge := h.as(h.manager), `aria-label="1: Holds for which nobody answers any more"`
	if strings.Contains(manager.get("/overview").Body.String(), urge) {
		t.Error("somebody answers for it")
	}
	must(t, h.register.GiveRole(t.Context(), h.dpo, register.TeamLeader, []string{"respect-phoneline"}))
	wantText(t, manager.get("/overview"), urge)
	wantText(t, manager.get("/holds"), "may no longer answer for one. The helplines’ manager names somebody else on its page.")
	wantRedirect(t, manager.post("/holds/1/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {"2026-12-24"}}), "/holds?done=reviewed")
	if strings.Contains(manager.get("/overview").Body.String(), urge) {
		t.Error("somebody answers for it again")
	}
}

func TestPuttingALetterOnHold(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	manager, path := h.as(h.manager), "/l/"+string(id)
	wantText(t, manager.get(path), `href="/holds/new?letter=`+string(id)+`"`)
	if strings.Contains(h.as(h.lead).get(path).Body.String(), "/holds/new") {
		t.Error("a team leader is offered a hold")
	}
	wantText(t, manager.get("/holds/new?letter="+string(id)), id.Reference(), "A coroner", "22 February 2027")
	wantStatus(t, manager.get("/holds/new?letter=nonsense"), http.StatusNotFound)
	form := url.Values{"letter": {string(id)}, "reason": {"coroner"}, "owner": {fmt.Sprint(h.dpo)}, "review": {"2027-02-22"}}
	for _, c := range []struct{ field, value, says string }{
		{"reason", "they asked", "Choose who wants it kept"},
		{"owner", fmt.Sprint(h.ops), "Choose who answers"},
		{"review", "2027-02-23", "90 days on at most"},
		{"review", "2026-11-24", "90 days on at most"},
		{"review", "", "90 days on at most"},
	} {
		w := manager.post("/holds/new", with(form, c.field, c.value, "confirm", "yes"))
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, c.says)
	}
	wantText(t, manager.post("/holds/new", form), "Put it on hold?", id.Reference(), "A coroner", "Dee Protect", "22 February 2027")
	if n := len(h.entries("hold-placed", "")); n != 0 {
		t.Fatal("placed before it was confirmed")
	}
	wantRedirect(t, manager.post("/holds/new", with(form, "confirm", "yes")), "/holds?done=placed")
	for _, who := range []int64{h.manager, h.dpo} {
		wantText(t, h.as(who).get("/holds"), "Hold number 1", id.Reference(), "A coroner", "22 February 2027", "(Dee Protect)", "1 letter is held")
	}
	open := `<a href="` + path + `">Open letter <span class="reference">` + id.Reference() + `</span></a>`
	wantText(t, manager.get("/holds"), open)
	wantText(t, manager.get("/holds/1"), open, "<h2>Keep the hold</h2>", ">Keep it until then</button>", ">Dee Protect (cannot sign in at present), Data-protection officer<")
	lacksText(t, h.as(h.dpo).get("/holds").Body.String(), open)
	h.enrolled(h.dpo)
	wantText(t, manager.get("/holds/1"), ">Dee Protect, Data-protection officer<")
	wantText(t, h.as(h.lead).get(path), "On hold: this letter is not deleted", "A coroner", "until", "must be gone on 24 May 2027")
	wantText(t, h.as(h.lead).get("/letters"), "It is not deleted until the hold is released")

	// Its deadline passes it by.
	h.now = h.now.AddDate(0, 8, 0)
	wantStatus(t, h.as(h.lead).get(path), http.StatusOK)
	manager = h.as(h.manager)
	const whose = "The helplines’ manager looks at it again."
	wantText(t, manager.get("/holds"), "due to be looked at again")
	lacksText(t, manager.get("/holds").Body.String(), whose)
	wantText(t, h.as(h.dpo).get("/holds"), "due to be looked at again", whose)
	wantStatus(t, manager.post("/holds/1/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {"2028-01-01"}}), http.StatusUnprocessableEntity)
	wantRedirect(t, manager.post("/holds/1/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {"2027-10-01"}}), "/holds?done=reviewed")
	wantText(t, manager.get("/holds"), "1 October 2027", "(Mo Manager)")
	wantText(t, manager.get("/holds/1"), "show first that it is you")
	wantStatus(t, manager.post("/holds/1/release", url.Values{"confirm": {"yes"}}), http.StatusForbidden)
	dpo := h.as(h.dpo)
	dpo.showsAgain("/holds/1")
	wantStatus(t, dpo.post("/holds/1/release", url.Values{"confirm": {"yes"}}), http.StatusConflict) // nobody has asked for it
	manager.showsAgain("/holds/1")
	wantText(t, manager.post("/holds/1/release", nil), "Release hold number 1?", "deleted at once", "1 letter would be deleted within a week, so two people decide")
	for range 2 { // the same person twice is one
		manager.showsAgain("/holds/1")
		wantRedirect(t, manager.post("/holds/1/release", url.Values{"confirm": {"yes"}}), "/holds?done=release-asked")
	}
	wantText(t, manager.get("/holds/1"), "You asked for it to be released")
	wantStatus(t, h.as(h.lead).get(path), http.StatusOK)
	wantText(t, dpo.get("/holds"), `href="/holds/1"`, "waits for a second person")
	wantText(t, dpo.get("/holds/1"), "(Mo Manager) asked for it to be released")
	wantText(t, manager.get("/overview"), "Holds whose end waits for a second person")
	wantText(t, dpo.post("/holds/1/release", nil), "Release hold number 1?", "1 letter is then deleted within a week. Yours is the second word: the hold is released now.")
	wantRedirect(t, dpo.post("/holds/1/release", url.Values{"confirm": {"yes"}}), "/holds?done=released")
	wantText(t, manager.get("/holds"), "Nothing is on hold")
	wantStatus(t, h.as(h.lead).get(path), http.StatusNotFound)
	wantText(t, manager.get("/holds/1"), "This hold is not in force any more")
	wantStatus(t, manager.get("/holds/x"), http.StatusNotFound)
	wantText(t, h.as(h.dpo).get("/register"), "released hold number 1, as staff number "+fmt.Sprint(h.manager)+" (Mo Manager) had asked", "asked for hold number 1 to be released", "put the letter on hold, number 1: a coroner.", "looked at hold number 1 again: it goes on.")
}

func TestPuttingAHelplineOnHold(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	manager := h.as(h.manager)
	form := url.Values{"helpline": {"respect-phoneline"}, "reason": {"inquiry"}, "owner": {fmt.Sprint(h.manager)}, "review": {"2027-01-10"}}
	wantText(t, manager.post("/holds/new", with(form, "helpline", "nowhere")), "Choose whose letters are held")
	wantText(t, manager.post("/holds/new", form), "everything of Respect Phoneline")
	wantRedirect(t, manager.post("/holds/new", with(form, "confirm", "yes")), "/holds?done=placed")
	later := h.letter(1)
	for _, l := range []string{string(id), string(later)} {
		wantText(t, h.as(h.lead).get("/l/"+l), "for everything of Respect Phoneline")
	}
	wantText(t, manager.get("/holds"), "Everything of Respect Phoneline", "2 letters are held")
	wantText(t, h.as(h.dpo).get("/register"), "put everything of Respect Phoneline (1 letter then) on hold, number 1: an inquiry.")
}

// What releases nothing soon takes one person, who has shown anew who they are; and who
// looks at a hold of which the end was asked for, and says that it goes on, says no.
func TestReleasingAHold(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	place := func() string {
		n, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: id, Reason: register.CourtCase, Owner: h.manager, Review: letter.DateOf(h.now).AddDays(80)}, h.manager)
		must(t, err)
		return fmt.Sprintf("/holds/%d", n)
	}
	yes := url.Values{"confirm": {"yes"}}
	manager, hold := h.as(h.manager), place()
	manager.showsAgain(hold)
	wantRedirect(t, manager.post(hold+"/release", yes), "/holds?done=released")

	hold = place()
	h.now = h.now.AddDate(0, 0, 181-register.ReleaseSoonDays) // its deadline is 181 days from its receipt
	manager = h.as(h.manager)
	manager.showsAgain(hold)
	wantRedirect(t, manager.post(hold+"/release", yes), "/holds?done=release-asked")
	wantRedirect(t, manager.post(hold+"/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {letter.DateOf(h.now).AddDays(9).String()}}), "/holds?done=reviewed")
	dpo := h.as(h.dpo)
	dpo.showsAgain(hold)
	wantStatus(t, dpo.post(hold+"/release", yes), http.StatusConflict)
	if l, err := h.register.Letter(t.Context(), id); err != nil || !l.Held() {
		t.Errorf("it is not held any more: %v", err)
	}
}
