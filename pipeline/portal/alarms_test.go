package portal

import (
	"net/http"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

func TestEveryAlarmHasItsWords(t *testing.T) {
	for _, kind := range register.AlarmKinds {
		words := alarmWords[kind]
		if words.says == nil || words.toDo == nil || !texts.English().Has("alarm-name."+string(kind)) {
			t.Errorf("no words for %s", kind)
		}
	}
	if len(alarmWords) != len(register.AlarmKinds) {
		t.Error("there are words for alarms that do not exist")
	}
}

// An alarm of papers is as old as the oldest paper that stands now, and not as the
// first that there was.
func TestAnAlarmOfPapersIsAsOldAsThey(t *testing.T) {
	h := newHouse(t)
	first, second := h.letter(1), h.letter(1)
	h.now = h.now.AddDate(0, 6, 1)
	outlived := func(n int) {
		must(t, h.register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: n}))
	}
	h.expire(first)
	outlived(1)
	wantText(t, h.as(h.manager).get("/letters"), "Found on 25 May 2027")
	h.now = h.now.AddDate(0, 0, 3)
	h.expire(second)
	outlived(2)
	wantText(t, h.as(h.manager).get("/letters"), "2 paper originals", "Found on 25 May 2027")
	path := "/desk/" + string(first)
	wantRedirect(t, h.as(h.ops).destroys(path, h.destruction("sheets", "1")), path)
	outlived(1)
	wantText(t, h.as(h.manager).get("/letters"), "1 paper original", "Found on 28 May 2027")
}

// Whose business it is sees on every page that something is wrong, what it is
// and what to do; nobody else does, and it goes when it is solved.
func TestAlarmsAreOnEveryPage(t *testing.T) {
	h := newHouse(t)
	h.readable(1)
	must(t, h.register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 2, register.ClockDoubted: 1}))
	loud := []string{"Something is wrong and needs somebody", "2 paper originals have outlived their letters.",
		"find the paper, destroy it and record it", "The server’s clock is in doubt.", "Found on 24 November 2026 at 2:02pm."}
	for _, c := range []struct {
		who   int64
		pages []string
		told  bool
	}{
		{h.manager, []string{"/letters", "/account", "/policy"}, true},
		{h.dpo, []string{"/register", "/account", "/nowhere"}, true},
		{h.admin, []string{"/people"}, true},
		{h.lead, []string{"/letters"}, false},
		{h.ops, []string{"/desk"}, false},
	} {
		v := h.as(c.who)
		for _, page := range c.pages {
			w := v.get(page)
			if c.told {
				wantText(t, w, loud...)
			} else if strings.Contains(w.Body.String(), loud[0]) {
				t.Errorf("staff number %d is alarmed on %s", c.who, page)
			}
		}
	}
	w := h.as(h.dpo).get("/register")
	wantStatus(t, w, http.StatusOK)
	wantText(t, w, "An alarm began: 2 paper originals have outlived their letters.")

	must(t, h.register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 0, register.ClockDoubted: 0}))
	if w := h.as(h.manager).get("/letters"); strings.Contains(w.Body.String(), loud[0]) {
		t.Error("it is solved and still shown")
	}
	wantText(t, h.as(h.dpo).get("/register"), "An alarm ended (papers that outlived their letters).")
}
