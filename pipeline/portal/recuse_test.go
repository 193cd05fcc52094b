package portal

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
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
