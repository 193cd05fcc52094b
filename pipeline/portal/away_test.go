package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// owedCalls is what decisions owe a mail for.
func (h *house) owedCalls() []register.Call {
	h.t.Helper()
	owed, err := h.register.OwedCalls(h.t.Context(), "example.org")
	must(h.t, err)
	return owed
}

// An answer that waits for a second person goes to the right helpline with its
// letter: those who may confirm it there are told, and whoever uploaded it is told that
// it waits, and what became of it, and can open neither.
func TestAnAnswerGoesAwayWithItsLetter(t *testing.T) {
	for _, c := range []struct {
		decide func(h *house, draft string)
		why    register.CallReason
		says   string
	}{
		{func(h *house, draft string) {
			v := h.as(h.stranger)
			v.looksAt(idAt(draft), 2)
			v.showsAgain(draft)
			wantRedirect(h.t, v.post(draft+"/confirm-address", nil), draft+"?done=answer-kept")
		}, register.CalledAwayKept, "is kept. Somebody of Men’s Advice Line has confirmed its address"},
		{func(h *house, draft string) {
			v := h.as(h.stranger)
			v.get(draft)
			wantRedirect(h.t, v.post(draft+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), "/letters?done=declined")
		}, register.CalledAwayUnkept, "is not kept: its address was not confirmed"},
	} {
		t.Run(string(c.why), func(t *testing.T) {
			h := newHouse(t, letsConfirm)
			id := h.readable(1)
			lead, path := h.as(h.lead), letterPath(id)
			lead.get(path)
			draft := lead.files(id)
			lead.looksAt(idAt(draft), 2)
			wantRedirect(t, lead.post(draft+"/keep", safe), draft+"?done=to-confirm")
			told := h.owedCalls()
			for _, call := range told {
				must(t, h.register.CallSent(t.Context(), call))
			}
			if strings.Contains(lead.get("/letters").Body.String(), "not yours to open") {
				t.Error("it has not gone yet")
			}
			lead.post(path+"/redirect", url.Values{"helpline": {"mens-advice-line"}})
			dpo := h.as(h.dpo)
			dpo.showsAgain("/requests/1")
			wantRedirect(t, dpo.post("/requests/1/confirm", nil), "/requests?done=confirmed")

			now := h.owedCalls()
			if len(now) != 1 || now[0].Person != h.stranger || now[0].Why != register.CalledConfirm || now[0].Letter != idAt(draft) {
				t.Errorf("told before were %v, and now %v", told, now)
			}
			for _, p := range []string{path, draft} {
				wantStatus(t, lead.get(p), http.StatusNotFound)
			}
			waits := "The answer that you uploaded to letter " + id.Reference() + " waits for somebody else"
			wantText(t, lead.get("/letters"), waits)
			for _, n := range []int64{h.lead2, h.stranger, h.manager} {
				if strings.Contains(h.as(n).get("/letters").Body.String(), "that you uploaded") {
					t.Errorf("staff number %d has uploaded nothing", n)
				}
			}
			c.decide(h, draft)
			w := lead.get("/letters")
			wantText(t, w, "The answer that you uploaded to letter "+id.Reference()+" "+c.says)
			if strings.Contains(w.Body.String(), waits) {
				t.Error("it waits no more")
			}
			if !slices.ContainsFunc(h.owedCalls(), func(call register.Call) bool { return call.Person == h.lead && call.Why == c.why }) {
				t.Error("its uploader is not told by mail")
			}

			_, call, _ := strings.Cut(w.Body.String(), `name="seen" value="`)
			call, _, _ = strings.Cut(call, `"`)
			seen := url.Values{"letter": {string(id)}, "seen": {call}}
			wantRedirect(t, h.as(h.lead2).post("/letters/answer-seen", seen), "/letters") // whose it is not
			to := action(t, lead.get("/letters"), "/letters/answer-seen")
			for range 2 { // a double click
				wantRedirect(t, lead.post(to, seen), "/letters")
			}
			lacksText(t, lead.get("/letters").Body.String(), "that you uploaded", "I have seen it")
		})
	}
}

// What became of an answer is said on the page of the letter's new scan, from which
// its uploader goes on.
func TestANewScanSaysWhatBecameOfAnAnswer(t *testing.T) {
	h := newHouse(t, letsConfirm)
	id := h.letter(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	draft := lead.files(id)
	lead.looksAt(idAt(draft), 2)
	wantRedirect(t, lead.post(draft+"/keep", safe), draft+"?done=to-confirm")
	second := h.as(h.lead2)
	second.get(draft)
	wantRedirect(t, second.post(draft+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), "/letters?done=declined")
	scanned := h.rescanned(id)
	fresh := letterPath(scanned)
	wantText(t, lead.get(fresh), "Somebody else did not confirm")
	if strings.Contains(second.get(fresh).Body.String(), "Somebody else did not confirm") {
		t.Error("it is said to somebody else")
	}
	// Until they have seen it, and not what came after the page was made.
	to := action(t, lead.get(fresh), fresh+"/answer-seen")
	called := func() (names string) {
		_, after, _ := strings.Cut(lead.get(fresh).Body.String(), `name="seen" value="`)
		names, _, _ = strings.Cut(after, `"`)
		return names
	}
	before := called()
	again := lead.files(scanned) // a second copy, of which the same is said
	lead.looksAt(idAt(again), 2)
	wantRedirect(t, lead.post(again+"/keep", safe), again+"?done=to-confirm")
	second.get(again)
	wantRedirect(t, second.post(again+"/throw-away", url.Values{"reason": {"declined"}, "confirm": {"yes"}}), "/letters?done=declined")
	wantRedirect(t, lead.post(fresh+"/answer-seen", url.Values{"seen": {before}}), fresh+"?done=answer-seen")
	wantText(t, lead.get(fresh), "Somebody else did not confirm")
	now := called()
	for range 2 { // a double click
		wantRedirect(t, lead.post(to, url.Values{"seen": {now}}), fresh+"?done=answer-seen")
	}
	lacksText(t, lead.get(fresh).Body.String(), "Somebody else did not confirm", "I have seen it")
}
