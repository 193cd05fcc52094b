package portal

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
)

// An administrator changes what may change: it holds at once, is on record once
// for each setting, and can be taken back to what the file says.
func TestSettingsAreChanged(t *testing.T) {
	h := newHouse(t)
	v, reader := h.as(h.admin), h.as(h.lead)
	link := "/l/" + string(h.letter(1))
	form := url.Values{"idle-minutes": {"10"}, "print": {"1"}, "remind-leaders-days": {""}, "remind-managers-days": {" 3 "}}
	wantText(t, v.get("/settings"), "15 minutes", "show first that it is you")
	w := v.post("/settings", form)
	wantStatus(t, w, http.StatusForbidden)
	wantText(t, w, "what you entered is still in the form", `name="idle-minutes" inputmode="numeric" autocomplete="off" value="10"`, `<option value="1" selected>`)
	wantStatus(t, reader.post(link+"/print", nil), http.StatusNotFound)

	v.showsAgain("/settings")
	page := v.get("/settings")
	wantText(t, page, "Leave it empty for what the configuration file says: 15 minutes.")
	path := action(t, page, "/settings")
	was := regexp.MustCompile(`name="was" value="([^"]+)"`).FindStringSubmatch(page.Body.String())
	if was == nil {
		t.Fatalf("the form does not say over what it is filled in:\n%s", page.Body)
	}
	for range 2 { // a double click
		wantRedirect(t, v.post(path, form), "/settings?done=1")
	}
	wantText(t, v.get("/settings?done=1"), "They hold at once.", "10 minutes, changed here; the configuration file says 15 minutes", "3 working days, changed here")
	wantText(t, h.as(h.dpo).get("/register?kind=setting-changed"), "(Sam Admin) changed a setting. Letters may be printed: yes.")
	over := maps.Clone(form)
	over["idle-minutes"], over["was"] = []string{"7"}, was[1:]
	v.showsAgain("/settings")
	wantText(t, v.post("/settings", over), "Something changed while you were") // a form of before: another's change stays
	if n := len(h.entries("setting-changed", "")); n != 3 {
		t.Errorf("%d changes on record, want 3", n)
	}
	wantText(t, reader.get(link), link+"/print", `data-idle="600"`)
	h.now = h.now.Add(10 * time.Minute)
	wantStatus(t, reader.get(link), http.StatusSeeOther)
	wantText(t, h.nobody().get("/sign-in?idle=1"), "nothing had happened for 10 minutes")

	// Back to what the file says.
	v = h.as(h.admin)
	v.showsAgain("/settings")
	wantRedirect(t, v.post("/settings", nil), "/settings?done=1")
	wantText(t, h.as(h.dpo).get("/register?kind=setting-changed"), "Letters may be printed: no, as the configuration file says.")
	if changed, err := h.register.ChangedSettings(t.Context()); err != nil || len(changed) != 0 {
		t.Errorf("still changed: %v, %v", changed, err)
	}
	reader = h.as(h.lead)
	h.now = h.now.Add(14 * time.Minute)
	wantStatus(t, reader.get(link), http.StatusOK)
}

func TestSettingsThatCannotBe(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.admin)
	v.showsAgain("/settings")
	for field, value := range map[string]string{"idle-minutes": "4", "print": "2", "remind-leaders-days": "x", "remind-managers-days": "0"} {
		for _, odd := range []string{value, "-1", "99999999999999999999", "1.5", "<b>"} {
			w := v.post("/settings", url.Values{field: {odd}})
			wantStatus(t, w, http.StatusUnprocessableEntity)
			wantText(t, w, `id="`+field+`-flaw"`)
			if strings.Contains(w.Body.String(), "<b>") {
				t.Errorf("%s: what was typed is part of the page", field)
			}
		}
	}
	// Longer than the longest idle, and the manager before the leaders.
	wantStatus(t, v.post("/settings", url.Values{"idle-minutes": {"16"}}), http.StatusUnprocessableEntity)
	wantText(t, v.post("/settings", url.Values{"remind-leaders-days": {"3"}}), `id="remind-managers-days-flaw"`)
	if n := len(h.entries("setting-changed", "")); n != 0 {
		t.Errorf("%d changes on record", n)
	}
	if err := h.register.ChangeSettings(t.Context(), register.Values{register.SettingIdle: 500}, h.portal.cfg.Settings, register.Administrator, h.admin); err == nil {
		t.Error("the register takes what no page would send")
	}
}
