package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Whoever knows somebody in a letter sees neither it nor its answers again, the
// manager is told, and the letter waits for a colleague.
func TestRecuse(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	path := "/l/" + string(id)
	lead := h.as(h.lead)
	lead.looksAt(id, 2)
	lead.keeps(lead.files(id))
	before, err := h.register.Responses(t.Context(), id)
	must(t, err)
	wantText(t, lead.get(path), path+"/recuse")
	to := action(t, lead.get(path+"/recuse"), path+"/recuse")
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, nil), "/letters?done=recused")
	}
	if n := len(h.entries("letter-recused", id)); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}

	list := lead.get("/letters?done=recused")
	wantText(t, list, "You will not see that letter any more")
	if strings.Contains(list.Body.String(), id.Reference()) {
		t.Error("the letter is listed to whoever is walled off from it")
	}
	nothing := lead.get("/no-such-page")
	for _, p := range []string{"", "/page/1.jpg", "/letter.pdf", "/response", "/safeguarding", "/recuse"} {
		wantSame(t, p, lead.get(path+p), nothing)
	}
	wantSame(t, "readable", lead.post(path+"/readable", nil), nothing)

	wantText(t, h.as(h.manager).get("/letters"), "Somebody has stepped back</h2>", id.Reference(), "Has stepped back</dt><dd>Ada Lead")
	l, err := h.register.Letter(t.Context(), id)
	must(t, err)
	if l.State != register.Notified {
		t.Errorf("it is %s, as if somebody had read it", l.State)
	}
	second := h.as(h.lead2)
	waits := second.get("/letters")
	wantText(t, waits, "Waiting to be opened</h2>", id.Reference(), "Waits for another reader", "Still to read</dt><dd>you", "Opened by</dt><dd>Ada Lead")
	if strings.Contains(waits.Body.String(), "Not opened yet") {
		t.Error("it is said to be opened and not to be")
	}
	// That somebody has stepped back the manager sees, as the page has said, and nobody else.
	if said := strings.ToLower(waits.Body.String()); strings.Contains(said, "stepped back") || strings.Contains(said, `"recused"`) {
		t.Error("a colleague is told who has stepped back")
	}
	wantStatus(t, second.get("/letters?state=recused"), http.StatusUnprocessableEntity)
	wantText(t, h.as(h.manager).get("/letters"), `<option value="recused">`)
	wantText(t, h.as(h.manager).get("/letters?state=recused"), id.Reference())
	second.looksAt(id, 2)
	second.keeps(second.files(id))
	after, err := h.register.Responses(t.Context(), id)
	must(t, err)
	if len(before) != 1 || len(after) != 2 {
		t.Fatalf("%d answers before, %d after", len(before), len(after))
	}
	for _, answer := range after { // they outlive the letter, and so do their walls
		if !answer.WalledOff(h.lead) || answer.WalledOff(h.lead2) {
			t.Errorf("walled off from an answer are %v", answer.Walled)
		}
	}
	wantRedirect(t, second.post(path+"/readable", nil), path+"?done=readable")
}

// What a colleague has opened stays opened; what nobody else may read is kept open
// to its last reader.
func TestRecuseLeavesAReader(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	for _, n := range []int64{h.lead, h.lead2, h.manager} {
		h.as(n).looksAt(id, 1)
	}
	for _, n := range []int64{h.lead, h.lead2} {
		wantStatus(t, h.as(n).post(path+"/recuse", nil), http.StatusSeeOther)
		l, err := h.register.Letter(t.Context(), id)
		must(t, err)
		if l.State != register.Opened {
			t.Errorf("it is %s, although the manager has opened it", l.State)
		}
	}
	manager := h.as(h.manager)
	for _, w := range []int{manager.get(path + "/recuse").Code, manager.post(path+"/recuse", nil).Code} {
		if w != http.StatusConflict {
			t.Errorf("answered %d: nobody would be left", w)
		}
	}
	wantStatus(t, manager.get(path), http.StatusOK)
}

// Of the last two readers who step back in the same moment one does, and the
// letter keeps the other.
func TestTheLastTwoStepBackAtOnce(t *testing.T) {
	for range 20 {
		h := newHouse(t)
		id := h.letter(1)
		path := "/l/" + string(id)
		leads := []*visitor{h.as(h.lead), h.as(h.lead2)}
		for _, v := range leads {
			v.looksAt(id, 1)
		}
		must(t, h.register.DisablePerson(t.Context(), h.manager))
		answers := make(chan int)
		for _, v := range leads {
			go func() { answers <- v.post(path+"/recuse", nil).Code }()
		}
		codes := []int{<-answers, <-answers}
		slices.Sort(codes)
		if !slices.Equal(codes, []int{http.StatusSeeOther, http.StatusConflict}) {
			t.Fatalf("answered %v", codes)
		}
		l, err := h.register.Letter(t.Context(), id)
		must(t, err)
		if len(l.Walled) != 1 {
			t.Fatalf("walled off are %v", l.Walled)
		}
	}
}

// Whoever knows somebody in a letter decides nothing about it any more, and is shown
// nothing of what others decide: no request, no hold, no paper.
func TestWhoHasSteppedBackDecidesNothing(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	h.enrolled(h.manager, h.dpo)
	lead, manager := h.as(h.lead), h.as(h.manager)
	lead.looksAt(id, 1)
	manager.looksAt(id, 1)
	h.keeps(id)
	hold, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: id, Reason: register.Coroner, Owner: h.dpo, Review: letter.DateOf(h.now).AddDays(9)}, h.manager)
	must(t, err)
	must(t, h.register.AskWithdrawal(t.Context(), id, register.OtherLetter, h.lead))
	q, err := h.register.RequestOf(t.Context(), id)
	must(t, err)
	wantText(t, manager.get("/requests"), id.Reference(), "1 waiting")
	wantText(t, lead.get(path), "It waits for the helplines’ manager")
	wantRedirect(t, manager.post(path+"/recuse", nil), "/letters?done=recused-managing")

	for _, page := range []string{"/requests", "/holds", "/overview", "/letters"} {
		if strings.Contains(manager.get(page).Body.String(), id.Reference()) {
			t.Errorf("%s names the letter", page)
		}
	}
	wantText(t, manager.get("/requests"), "No request about a letter waits for a second person")
	wantText(t, manager.get("/holds"), "Nothing is on hold")
	wantText(t, h.as(h.dpo).get("/holds"), id.Reference(), "1 letter is held")
	wantText(t, h.as(h.dpo).get("/requests"), id.Reference())
	request, held := fmt.Sprintf("/requests/%d", q.Number), fmt.Sprintf("/holds/%d", hold)
	manager.showsAgain(request)
	manager.showsAgain(held)
	wantSame(t, "request", manager.get(request), manager.get("/requests/999"))
	wantSame(t, "hold", manager.get(held), manager.get("/holds/999"))
	wantSame(t, "new hold", manager.get("/holds/new?letter="+string(id)), manager.get("/no-such-page"))
	manager.post(request+"/confirm", nil)
	manager.post(request+"/decline", nil)
	manager.post(held+"/review", url.Values{"owner": {fmt.Sprint(h.manager)}, "review": {"2026-12-24"}})
	manager.post(held+"/release", url.Values{"confirm": {"yes"}})
	// Nor where a page was open while they stepped back.
	day := letter.DateOf(h.now).AddDays(5)
	for what, err := range map[string]error{
		"confirm":   h.register.ConfirmRequest(t.Context(), q.Number, h.manager),
		"decline":   h.register.DeclineRequest(t.Context(), q.Number, h.manager),
		"review":    h.register.ReviewHold(t.Context(), hold, day, h.dpo, h.manager),
		"release":   second(h.register.ReleaseHold(t.Context(), hold, h.manager)),
		"look":      h.register.ReviewSafeguarding(t.Context(), id, day, h.lead, h.manager),
		"readable":  h.register.MarkReadable(t.Context(), id, h.manager),
		"new hold":  second(h.register.PlaceHold(t.Context(), register.Hold{Letter: id, Reason: register.Coroner, Owner: h.dpo, Review: day}, h.manager)),
		"redirects": h.register.AskRedirection(t.Context(), id, "mens-advice-line", h.manager),
	} {
		if !errors.Is(err, register.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := h.register.ReviewHold(t.Context(), hold, day, h.manager, h.dpo); !errors.Is(err, register.ErrBadDecision) {
		t.Errorf("they answer for the hold: %v", err)
	}
	for _, kind := range []string{"safeguarding-withdrawn", "request-declined", "hold-reviewed", "hold-released"} {
		if n := len(h.entries(kind, "")); n != 0 {
			t.Errorf("%d entries %s", n, kind)
		}
	}

	// With nobody left who may confirm it, whoever asked is told so.
	must(t, h.register.DisablePerson(t.Context(), h.dpo))
	wantText(t, lead.get(path), "Nobody can confirm it at present")
}

func second[T any](_ T, err error) error { return err }

// What somebody has asked for ends when they step back, and what holds everything of
// a helpline is released by somebody who knows nobody in what it keeps.
func TestSteppingBackEndsWhatWasAsked(t *testing.T) {
	h := newHouse(t)
	id, other := h.letter(1), h.letter(1)
	manager := h.as(h.manager)
	manager.looksAt(id, 1)
	must(t, h.register.AskErasure(t.Context(), id, register.ScannedTwice, h.manager))
	hold, err := h.register.PlaceHold(t.Context(), register.Hold{Helpline: "respect-phoneline", Reason: register.Inquiry, Owner: h.dpo, Review: letter.DateOf(h.now).AddDays(9)}, h.manager)
	must(t, err)
	wantRedirect(t, manager.post("/l/"+string(id)+"/recuse", nil), "/letters?done=recused-managing")
	if waits, err := h.register.Requests(t.Context(), h.dpo); err != nil || len(waits) != 0 || len(h.entries("request-declined", id)) != 1 {
		t.Errorf("what they asked for still waits: %v, %v", waits, err)
	}
	held := fmt.Sprintf("/holds/%d", hold)
	wantText(t, manager.get("/holds"), "Everything of Respect Phoneline", "1 letter is held") // not the one that they know of
	manager.showsAgain(held)
	wantText(t, manager.post(held+"/release", url.Values{"confirm": {"yes"}}), "Somebody else must release this hold")
	if l, err := h.register.Letter(t.Context(), other); err != nil || !l.Held() {
		t.Errorf("it is released: %v", err)
	}
}

// The paper is for somebody else to destroy, and to be the witness of.
func TestThePaperOfWhoHasSteppedBack(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	must(t, h.register.Recuse(t.Context(), id, h.lead))
	must(t, h.register.GiveRole(t.Context(), h.lead, register.Operations, nil))
	walled, desk := h.as(h.lead), "/desk/"+string(id)
	if strings.Contains(walled.get("/desk").Body.String(), id.Reference()) {
		t.Error("the desk lists it")
	}
	wantSame(t, "desk", walled.get(desk), walled.get("/no-such-page"))
	wantSame(t, "lost", walled.get("/desk/lost/"+string(id)), walled.get("/no-such-page"))
	wantText(t, walled.get("/desk/tray?references="+id.Reference()), "No paper "+id.Reference()+" waits")
	ops := h.as(h.ops)
	wantText(t, ops.get("/desk"), id.Reference())
	sign := ops.fills(desk, h.destruction("sheets", "1"))
	ops.signs(sign, h.lead)
	wantStatus(t, ops.post(sign, nil), http.StatusForbidden)
	ops.signs(sign, h.ops2)
	wantStatus(t, ops.post(sign, nil), http.StatusSeeOther)
	wantSame(t, "certificate", walled.get(desk), walled.get("/no-such-page"))
}

// Where papers are counted and scanned again, and where openings are looked at, nothing
// names the letter to who has stepped back, and it is said that something is left out.
// The register stays whole.
func TestWhatIsCountedIsNotNamedToWhoHasSteppedBack(t *testing.T) {
	h := newHouse(t)
	id, other := h.readable(1), h.readable(1)
	must(t, h.register.Recuse(t.Context(), id, h.lead))
	must(t, h.register.GiveRole(t.Context(), h.lead, register.Operations, nil))
	unnamed := func(path string, texts ...string) {
		t.Helper()
		w := h.as(h.lead).get(path)
		wantText(t, w, texts...)
		if page := w.Body.String(); strings.Contains(page, id.Reference()) || strings.Contains(page, string(id)) {
			t.Errorf("%s names it", path)
		}
	}
	unnamed("/papers/count?site=office", other.Reference(), "1 more paper must be there, of a letter in which you know somebody")
	ops := h.as(h.ops)
	wantText(t, ops.get("/papers/count?site=office"), id.Reference(), other.Reference())
	wantRedirect(t, ops.post("/papers/count", url.Values{"counted-at": {"office"}, "paper": {string(id), string(other)}, "here": {string(other)}, "looked": {"yes"}}), "/papers?done=1")
	wantText(t, ops.get("/papers"), id.Reference(), "1 difference")
	unnamed("/papers", "1 difference is of a letter in which you know somebody")

	must(t, h.register.RecordOpening(t.Context(), id, h.lead2, []byte("another"), register.ShownPages))
	must(t, h.register.MarkScanAgain(t.Context(), id, h.lead2, register.ScanAgainReasons[0]))
	wantText(t, ops.get("/intake"), id.Reference())
	unnamed("/intake?from=0")

	must(t, h.register.GiveRole(t.Context(), h.lead, register.DPO, nil))
	wantText(t, h.as(h.dpo).get("/openings"), id.Reference(), other.Reference())
	unnamed("/openings", other.Reference(), "a letter in which you know somebody")
	wantText(t, h.as(h.lead).get("/register"), id.Reference())
}
