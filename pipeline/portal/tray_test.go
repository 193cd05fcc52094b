package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// One paper that must be kept after all takes nothing from what was filled in for the
// others; nor does a session that ends then.
func TestATrayOfWhichOnePaperStays(t *testing.T) {
	h := newHouse(t)
	one, two, stays := h.readable(2), h.readable(3), h.readable(1)
	v := h.as(h.ops)
	form := h.destruction("sheets-"+string(one), "2", "sheets-"+string(two), "7", "sheets-"+string(stays), "1")
	form.Del("sheets")
	form["paper"] = []string{string(one), string(two), string(stays)}
	sign := v.fills("/desk/tray", with(form, "sheets-"+string(two), "3"))
	must(t, h.register.MarkScanAgain(t.Context(), stays, h.lead, "too-faint"))
	for _, w := range []*httptest.ResponseRecorder{v.post("/desk/tray", form), v.get("/desk/tray?change=" + strings.TrimPrefix(sign, "/desk/sign/"))} {
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, "Keep the paper "+stays.Reference(), `href="#papers"`, `id="papers"`, "Destroy 2 papers", `name="sheets-`+string(one)+`"`, `value="2"`)
		if strings.Contains(w.Body.String(), `name="sheets-`+string(stays)+`"`) {
			t.Error("the paper that stays is still in the form")
		}
	}
	alone := v.fills("/desk/tray", with(form, "paper", string(one))) // no flaw, and the way back has it too
	wantText(t, v.get("/desk/"+string(one)+"?change="+strings.TrimPrefix(alone, "/desk/sign/")), `name="sheets"`, `value="2"`)
	form["paper"] = []string{string(one), string(stays)}
	w := v.post("/desk/tray", form)
	wantText(t, w, "Keep the paper "+stays.Reference(), "Destroy paper "+one.Reference(), `action="/desk/`+string(one)+`"`, `name="sheets"`, `value="2"`)

	// Sent from the page that came back so, after the session has ended.
	form["paper"] = []string{string(one), string(two)}
	h.now = h.now.Add(16 * time.Minute)
	back := "/desk/tray?" + url.Values{"paper": form["paper"]}.Encode()
	wantRedirect(t, v.postFrom(h.ops, "/desk/tray", "/desk/tray", form), "/sign-in?"+url.Values{"kept": {"1"}, "to": {back}}.Encode())
	wantText(t, h.as(h.ops).get(back), comesBack, `value="7"`)
}
