package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// asked is the number of a leader's request to erase the letter.
func (h *house) asked(id letter.ID) string {
	h.t.Helper()
	must(h.t, h.register.AskErasure(h.t.Context(), id, register.ScannedTwice, h.lead))
	q, err := h.register.RequestOf(h.t.Context(), id)
	must(h.t, err)
	return strconv.FormatInt(q.Number, 10)
}

// onHold is the number of a hold on another helpline.
func (h *house) onHold() string {
	h.t.Helper()
	n, err := h.register.PlaceHold(h.t.Context(), register.Hold{Helpline: "mens-advice-line", Reason: register.Inquiry, Owner: h.manager,
		Review: letter.DateOf(h.now).AddDays(90)}, h.manager)
	must(h.t, err)
	return strconv.FormatInt(n, 10)
}

// showsAgain is what a passkey does in the browser: see TestStepUpInTheBrowser.
func (v *visitor) showsAgain(path string) {
	v.h.t.Helper()
	s, err := v.h.register.Session(v.h.t.Context(), v.cookies[sessionCookie])
	must(v.h.t, err)
	must(v.h.t, v.h.portal.shownAgain.add(v.h.t.Context(), s.Hash, path))
}

func TestErasingNeedsTwoPeople(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	wantText(t, lead.post(path+"/erase", url.Values{"reason": {"person-asked"}}), "Please open the letter first")
	lead.get(path)
	wantText(t, lead.get(path+"/erase"), "Two people decide", "The person concerned asks for it")
	wantText(t, lead.post(path+"/erase", url.Values{"reason": {"she rang"}}), "Choose why the letter must be erased")
	wantRedirect(t, lead.post(path+"/erase", url.Values{"reason": {"person-asked"}}), path+"?done=asked")
	wantText(t, lead.get(path+"?done=asked"), "Nothing happens before a second person", "Those who may confirm it are told by mail, if an address of theirs is known.", "Somebody asked for this letter to be erased: The person concerned asks for it", "Take it back")
	wantText(t, lead.post(path+"/redirect", url.Values{"helpline": {"mens-advice-line"}}), "Something was asked for this letter already")

	manager := h.as(h.manager)
	wantText(t, manager.get("/requests"), "Request number 1", id.Reference(), "The person concerned asks for it", "(Ada Lead)", "1 waiting")
	open := `<a href="` + path + `">Open letter <span class="reference">` + id.Reference() + `</span></a>`
	wantText(t, manager.get("/requests"), open)
	wantText(t, manager.get("/requests/1"), open)
	wantText(t, manager.get("/requests/1"), "show first that it is you", `data-to="/requests/1"`)
	if strings.Contains(manager.get("/requests/1").Body.String(), "Erase the letter</button>") {
		t.Error("it can be confirmed without having shown who they are")
	}
	// Not without the passkey, not with one that was for something else, in
	// another session, or long ago.
	refused := func(what string, v *visitor) {
		t.Helper()
		w := v.post("/requests/1/confirm", nil)
		if w.Code != http.StatusForbidden || len(h.entries("erasure-confirmed", id)) != 0 {
			t.Errorf("%s: answered %d", what, w.Code)
		}
	}
	refused("nothing shown", manager)
	manager.showsAgain("/requests/2")
	refused("shown for another", manager)
	manager.showsAgain("/requests/1")
	refused("shown in another session", h.as(h.manager))
	h.now = h.now.Add(againCounts)
	refused("shown too long ago", manager)

	manager.showsAgain("/requests/1")
	wantText(t, manager.get("/requests/1"), "Erase the letter</button>")
	wantRedirect(t, manager.post("/requests/1/confirm", nil), "/requests?done=confirmed")
	wantStatus(t, lead.get(path), http.StatusNotFound)
	wantText(t, manager.post("/requests/1/confirm", nil), "This request does not wait any more", "Nothing was done now")
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()),
		fmt.Sprintf("Staff number %d (Ada Lead) asked for the letter to be erased before its time, request number 1: the person concerned asks for it.", h.lead),
		fmt.Sprintf("Staff number %d (Mo Manager) confirmed request number 1 of staff number %d (Ada Lead): the letter is erased now.", h.manager, h.lead))
	h.expire(id)
	wantText(t, h.as(h.dpo).get("/register?about="+id.Reference()), "it was erased before its time (the person concerned asks for it)")
}

func TestNobodyIsTwoPeople(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	manager := h.as(h.manager)
	h.enrolled(h.dpo)
	manager.get("/l/" + string(id))
	manager.post("/l/"+string(id)+"/erase", url.Values{"reason": {"scanned-twice"}})
	wantText(t, manager.get("/requests/1"), "somebody else must confirm it")
	manager.showsAgain("/requests/1")
	wantText(t, manager.post("/requests/1/confirm", nil), "This needs somebody else")
	if len(h.entries("erasure-confirmed", id)) != 0 {
		t.Fatal("it was confirmed all the same")
	}
	dpo := h.as(h.dpo)
	wantRedirect(t, dpo.post("/requests/1/decline", nil), "/requests?done=declined")
	wantStatus(t, manager.get("/l/"+string(id)), http.StatusOK)
	wantText(t, dpo.get("/register"), "said no to request number 1")

	// What is held is not erased, whichever came first.
	manager.post("/l/"+string(id)+"/erase", url.Values{"reason": {"scanned-twice"}})
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: id, Reason: register.Coroner, Owner: h.manager, Review: letter.DateOf(h.now).AddDays(9)}, h.manager)
	must(t, err)
	dpo.showsAgain("/requests/2")
	wantText(t, dpo.post("/requests/2/confirm", nil), "This letter is on hold")
	wantRedirect(t, manager.post("/l/"+string(id)+"/take-back", nil), "/l/"+string(id)+"?done=taken-back")
	wantText(t, manager.post("/l/"+string(id)+"/erase", url.Values{"reason": {"scanned-twice"}}), "This letter is on hold")
	wantText(t, dpo.get("/requests"), "No request about a letter waits for a second person")
}

func TestALetterOfAnotherHelpline(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	for _, wrong := range []string{"", "respect-phoneline", "nowhere"} {
		wantText(t, lead.post(path+"/redirect", url.Values{"helpline": {wrong}}), "Choose to which helpline the letter was written")
	}
	wantRedirect(t, lead.post(path+"/redirect", url.Values{"helpline": {"mens-advice-line"}}), path+"?done=asked")
	wantStatus(t, h.as(h.stranger).get(path), http.StatusNotFound)
	dpo := h.as(h.dpo)
	wantText(t, dpo.get("/requests"), "of Respect Phoneline to Men’s Advice Line")
	dpo.showsAgain("/requests/1")
	wantRedirect(t, dpo.post("/requests/1/confirm", nil), "/requests?done=confirmed")
	wantStatus(t, lead.get(path), http.StatusNotFound)
	if strings.Contains(lead.get("/letters").Body.String(), id.Reference()) {
		t.Error("it is still on the wrong helpline’s list")
	}
	wantText(t, h.as(h.stranger).get("/letters"), id.Reference(), "Not opened yet")
	wantStatus(t, h.as(h.stranger).get(path), http.StatusOK)
	wantText(t, dpo.get("/register?about="+id.Reference()), "the letter is no longer Respect Phoneline’s but Men’s Advice Line’s.")
}

// Whoever reads it at its right helpline is told that a new scan was asked for at the wrong
// one; found readable, it needs none.
func TestALetterOfAnotherHelplineWasToBeScannedAgain(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	lead.get(path + "/page/1.jpg")
	wantRedirect(t, lead.post(path+"/scan-again", url.Values{"reason": {"wrong-letter"}}), path+"?done=scan-again")
	const says = "Somebody has asked for a new scan of this letter before"
	lacksText(t, lead.get(path).Body.String(), says) // whose own word it is
	wantRedirect(t, lead.post(path+"/redirect", url.Values{"helpline": {"mens-advice-line"}}), path+"?done=asked")
	dpo := h.as(h.dpo)
	dpo.showsAgain("/requests/1")
	wantRedirect(t, dpo.post("/requests/1/confirm", nil), "/requests?done=confirmed")
	right := h.as(h.stranger)
	wantText(t, right.get(path), says, "Kept, to be scanned again: Sheets of two letters are mixed, or it is the wrong letter")
	right.get(path + "/page/1.jpg")
	wantRedirect(t, right.post(path+"/readable", nil), path+"?done=readable")
	lacksText(t, right.get(path).Body.String(), says)
}

// TestStepUpInTheBrowser shows with a real browser's passkey anew who somebody
// is, and that one showing is for one act.
func TestStepUpInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	id, other := b.readable(1), b.readable(1)
	b.asked(id)
	b.asked(other)
	b.enrol(b.manager)
	third, hold, kept := b.readable(1), b.onHold(), b.readable(1)
	b.keeps(kept)
	for name, path := range map[string]string{"safeguarding": "/l/%s/safeguarding", "sharing": "/l/%s/sharing", "erase": "/l/%s/erase",
		"redirect": "/l/%s/redirect", "withdraw": "/l/" + string(kept) + "/withdraw", "response": "/l/%s/response", "holds": "/holds", "new-hold": "/holds/new", "hold": "/holds/" + hold} {
		if strings.Contains(path, "%s") {
			path = fmt.Sprintf(path, third)
		}
		b.Open(path)
		b.shoot(name)
		b.WantsNoSideways(320)
	}
	b.Open("/requests")
	b.Wants("Request number 1", "Request number 2")
	b.shoot("requests")
	b.WantsNoSideways(320)
	b.Open("/requests/1")
	b.shoot("request")
	b.Press("[data-passkey]")
	b.Wants("Erase the letter")
	b.shoot("request-shown")
	b.Press(`form[action*="/confirm"] button`)
	b.WantsPath("/requests?done=confirmed")
	if n := len(b.entries("erasure-confirmed", id)); n != 1 {
		t.Errorf("%d confirmations", n)
	}
	b.Open("/requests/2")
	b.Wants("show first that it is you")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

// keeps has the leader keep the letter for five years, as its page does.
func (h *house) keeps(id letter.ID) {
	h.t.Helper()
	h.as(h.lead).get("/l/" + string(id))
	must(h.t, h.register.Safeguard(h.t.Context(), id, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.WasTold,
		Review: letter.DateOf(h.now).AddDays(30), Named: h.lead}, h.lead))
}

func TestADecisionToKeepIsWithdrawnByTwo(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	wantText(t, lead.get(path+"/withdraw"), "This letter is not kept for five years")
	h.keeps(id)
	deadline := letter.Deadline(letter.DateOf(h.now), letter.SixMonths)
	wantText(t, lead.get(path), "The decision was wrong")
	wantText(t, lead.get(path+"/withdraw"), "Two people decide", "It then must be gone on "+day(deadline), "None of the policy’s reasons applies")
	wantText(t, lead.post(path+"/withdraw", url.Values{"reason": {"changed my mind"}}), "Choose why the decision was wrong")
	wantRedirect(t, lead.post(path+"/withdraw", url.Values{"reason": {"none-applies"}}), path+"?done=asked")
	wantText(t, lead.get(path), "Somebody found that this letter must not be kept for five years: None of the policy’s reasons applies", "kept for five years from")

	dpo := h.as(h.dpo)
	wantText(t, dpo.get("/requests"), "Do not keep the letter", id.Reference(), "None of the policy’s reasons applies")
	if w := dpo.post("/requests/1/confirm", nil); w.Code != http.StatusForbidden || len(h.entries("safeguarding-withdrawn", id)) != 0 {
		t.Errorf("without showing who they are: %d", w.Code)
	}
	dpo.showsAgain("/requests/1")
	wantText(t, dpo.get("/requests/1"), "It then must be gone on "+day(deadline), "Do not keep it</button>")
	wantRedirect(t, dpo.post("/requests/1/confirm", nil), "/requests?done=confirmed")
	wantText(t, lead.get(path), "this letter is deleted and must be gone on "+day(deadline), "Keep it for five years")
	wantText(t, dpo.get("/register?about="+id.Reference()),
		"found that the letter must not be kept for five years, request number 1: none of the policy’s reasons applies.",
		fmt.Sprintf("Staff number %d (Dee Protect) confirmed request number 1 of staff number %d (Ada Lead): the letter is not kept for five years after all.", h.dpo, h.lead))

	// Once it is kept again its six months pass, and whoever withdraws then is told.
	h.keeps(id)
	h.now = deadline.Start().AddDate(0, 0, 3)
	lead, dpo = h.as(h.lead), h.as(h.dpo)
	lead.get(path)
	wantText(t, lead.get(path+"/withdraw"), "Its six months were over on "+day(deadline), "deleted for good at once")
	lead.post(path+"/withdraw", url.Values{"reason": {"other-letter"}})
	dpo.showsAgain("/requests/2")
	wantText(t, dpo.get("/requests/2"), "deleted for good at once")
	wantRedirect(t, dpo.post("/requests/2/confirm", nil), "/requests?done=confirmed")
	wantStatus(t, lead.get(path), http.StatusNotFound)
}

// What was shared with an agency is kept for five years, whoever finds what.
func TestWhatWasSharedStaysKept(t *testing.T) {
	h := newHouse(t)
	asked, shared := h.letter(1), h.letter(1)
	lead := h.as(h.lead)
	h.keeps(asked)
	h.keeps(shared)
	wantRedirect(t, lead.post("/l/"+string(asked)+"/withdraw", url.Values{"reason": {"none-applies"}}), "/l/"+string(asked)+"?done=asked")
	for _, id := range []letter.ID{asked, shared} {
		must(t, h.register.Share(t.Context(), id, register.Sharing{Agency: register.Police, Basis: register.WithoutRisk, On: letter.DateOf(h.now)}, nil, h.lead))
	}
	if strings.Contains(lead.get("/l/"+string(shared)).Body.String(), "The decision was wrong") {
		t.Error("the page offers what cannot be")
	}
	wantText(t, lead.post("/l/"+string(shared)+"/withdraw", url.Values{"reason": {"none-applies"}}), "This letter was shared with an agency")
	dpo := h.as(h.dpo)
	dpo.showsAgain("/requests/1")
	wantText(t, dpo.post("/requests/1/confirm", nil), "This letter was shared with an agency")
	wantRedirect(t, dpo.post("/requests/1/decline", nil), "/requests?done=declined")
	if n := len(h.entries("safeguarding-withdrawn", asked)); n != 0 {
		t.Error("it was withdrawn all the same")
	}
}

// A letter that is kept goes to no other helpline, since its reader is named; whoever finds
// out that it should is told how to go on.
func TestAKeptLetterIsGivenToNobody(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	h.keeps(id)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	w := lead.post(path+"/redirect", with(nil, "helpline", "mens-advice-line", "confirm", "yes"))
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "stays with the helpline whose team leader was named", "have that withdrawn first", "tell the helplines’ manager, who can open the letters of every helpline")
}
