package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
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

// Between the form, which says that the paper is destroyed, and the record a leader finds
// that it must be scanned again. Nobody can undo that, so who has destroyed it is told
// whom to tell, and when it can go on record.
func TestPaperThatIsDestroyedAndMustBeKept(t *testing.T) {
	h := newHouse(t)
	one, two, alone := h.readable(2), h.readable(2), h.readable(2)
	v := h.as(h.ops)
	form := h.destruction("sheets-"+string(one), "2", "sheets-"+string(two), "2")
	form["paper"] = []string{string(one), string(two)}
	path := "/desk/" + string(alone)
	tray, single := v.fills("/desk/tray", form), v.fills(path, h.destruction())
	for _, id := range []letter.ID{one, alone} {
		must(t, h.register.MarkScanAgain(t.Context(), id, h.lead, "too-faint"))
	}
	v.signs(single, h.ops2)
	wantRedirect(t, v.post(single, nil), path)
	w := v.get(path)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "Keep this paper", "it must be scanned again", "If it is destroyed already, tell the team leader and the helplines’ manager at once.", "Record it here as soon as it is said that the scan can be read, or the letter has ended.")
	v.signs(tray, h.ops2)
	w = v.post(tray, nil)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "Nothing was recorded", "If one is not listed to be destroyed, and is destroyed already, tell the team leader and the helplines’ manager at once.")
	wantText(t, v.post("/desk/tray", form), "Keep the paper "+one.Reference(), "If it is destroyed already, tell the team leader")

	h.as(h.lead).looksAt(alone, 2)
	must(t, h.register.MarkReadableAfterAll(t.Context(), alone, h.lead)) // she says again that it can be read
	wantRedirect(t, v.destroys(path, h.destruction()), path)
	h.destroyed(alone)
}

// A form for several papers that is sent once more when all of it is on record, as by who
// goes back, is led to that record.
func TestATrayThatIsOnRecordAlready(t *testing.T) {
	h := newHouse(t)
	one, two := h.readable(2), h.readable(2)
	v := h.as(h.ops)
	form := h.destruction("sheets-"+string(one), "2", "sheets-"+string(two), "2")
	form["paper"] = []string{string(one), string(two)}
	sign := v.fills("/desk/tray", form)
	v.signs(sign, h.ops2)
	wantRedirect(t, v.post(sign, nil), sign)
	query := "/desk/tray?" + url.Values{"paper": form["paper"]}.Encode()
	for _, w := range []*httptest.ResponseRecorder{v.post("/desk/tray", form), v.get(query), v.get("/desk/tray?change=" + strings.TrimPrefix(sign, "/desk/sign/"))} {
		wantRedirect(t, w, "/desk/trays?day=2026-11-24")
	}
	wantText(t, v.get("/desk/trays?day=2026-11-24"), one.Reference(), two.Reference())
	form["paper"] = []string{string(one)} // as after one of two was taken out of it
	wantRedirect(t, v.post("/desk/tray", form), "/desk/"+string(one))
	wantText(t, v.get("/desk/tray"), "References on the papers")
	form["paper"] = []string{string(one), "nonsense"}
	wantStatus(t, v.post("/desk/tray", form), http.StatusNotFound)

	// A tray that does not know that it is on record, since its server died just then.
	three, four := h.readable(2), h.readable(2)
	form = h.destruction("sheets-"+string(three), "2", "sheets-"+string(four), "2")
	form["paper"] = []string{string(three), string(four)}
	sign = v.fills("/desk/tray", form)
	v.signs(sign, h.ops2)
	for i, id := range []letter.ID{three, four} {
		_, err := h.register.DestroyPaper(t.Context(), id, register.Destruction{Method: register.Shredder, Level: "P-5", Sheets: 2, ScannedBy: h.ops, Witness: h.ops2,
			WitnessWith: register.WithPasskey, Authority: "policy-1", Place: "office"}, h.ops)
		must(t, err)
		w := v.post(sign, nil)
		if i == 0 {
			wantStatus(t, w, http.StatusConflict)
			wantText(t, w, "Nothing was recorded")
			continue
		}
		wantRedirect(t, w, "/desk/trays?day=2026-11-24")
	}
}

// Whoever has scanned a paper may have left before it is destroyed: they can be chosen by
// their staff number, which is all that is known of them.
func TestWhoScannedItHasLeft(t *testing.T) {
	h := newHouse(t)
	id := h.readable(2)
	must(t, h.register.Leave(t.Context(), h.ops2, h.admin))
	wantText(t, h.as(h.ops).get("/desk/"+string(id)), fmt.Sprintf(`<option value="%d">Staff number %[1]d</option>`, h.ops2), ">Ola Office</option>")
}
