package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// counted is the last count on record.
func (h *house) counted() register.PapersCounted {
	h.t.Helper()
	found := h.entries("papers-counted", "")
	if len(found) == 0 {
		h.t.Fatal("no count is on record")
	}
	var d register.PapersCounted
	must(h.t, json.Unmarshal(found[0].Data, &d))
	return d
}

// TestPapersAddUp: the table says what there is, and a count of all of it leaves
// nothing.
func TestPapersAddUp(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	wantText(t, v.get("/papers"), "There is no paper.")
	wantRedirect(t, v.get("/papers/count?site=office"), "/papers")
	old := h.readable(3)
	h.now = h.now.AddDate(0, 0, 12)
	kept := h.letter(1)
	v = h.as(h.ops)
	wantText(t, v.get("/papers"), `<th scope="row">office</th><td class="words">Respect Phoneline</td><td>1</td><td>0</td><td>1</td><td>0</td><td>2</td>`,
		"12 days ago, 24 November 2026", "Nobody has counted here yet", "Count 2 papers at office")
	form := v.get("/papers/count?site=office")
	wantText(t, form, old.Reference(), kept.Reference(), "3 pages")
	sent := url.Values{"counted-at": {"office"}, "paper": {string(old), string(kept)}, "here": {string(old), string(kept)}, "looked": {"yes"}}
	wantRedirect(t, v.post("/papers/count", sent), "/papers?done=1")
	if d := h.counted(); d.Site != "office" || d.Listed != 2 || len(d.Missing)+len(d.Strange) != 0 {
		t.Errorf("on record is %+v", d)
	}
	wantText(t, v.get("/papers?done=1"), "Your count is on record.", "2 papers were expected", "All were there, and no other.")
	wantText(t, v.get("/papers/count?site=office&after="+string(max(old, kept))), "No paper is expected here.")
	wantText(t, h.as(h.dpo).get("/register?kind=papers-counted"), "compared the papers at office with the register: 2 papers were expected, and all were there.")

	// More than fit on a page are counted in parts. What nobody has looked at is said.
	for range 2*countShows - 1 {
		h.letter(1)
	}
	at, all := "/papers/count?site=office", map[string]bool{}
	for _, left := range []int{countShows + 1, 1, 0} {
		t.Logf("a part of the count has %d bytes", v.weighs(at))
		page := v.get(at).Body.String()
		part := url.Values{"counted-at": {"office"}, "looked": {"yes"}}
		for _, field := range regexp.MustCompile(`type="hidden" name="(paper|counted-after|counted-until)" value="(\w+)"`).FindAllStringSubmatch(page, -1) {
			part.Add(field[1], field[2])
		}
		part["here"] = part["paper"]
		for _, id := range part["paper"] {
			if all[id] {
				t.Errorf("%s is in two parts", id)
			}
			all[id] = true
		}
		answer := v.post("/papers/count", part)
		wantStatus(t, answer, http.StatusSeeOther)
		at = answer.Header().Get("Location")
		if left == 0 {
			break
		}
		wantText(t, v.get(at), "That part is on record. Go on with this one.")
		said := v.get("/papers")
		wantText(t, said, fmt.Sprintf("The count is not finished: %d paper", left), "All of these were there")
	}
	if at != "/papers?done=1" || len(all) != 2*countShows+1 {
		t.Errorf("%d papers were counted, and then comes %s", len(all), at)
	}
	said := v.get("/papers")
	wantText(t, said, "161 papers were expected", "All were there, and no other.")
	if strings.Contains(said.Body.String(), "not finished") {
		t.Error("a count that was made to its end is not finished")
	}
	wantText(t, h.as(h.dpo).get("/register?kind=papers-counted"), "80 papers were expected whose references come first, as far as ", "1 paper was expected whose references come after ")
	// Whoever begins anew begins anew.
	first := h.entries("papers-counted", "")[2]
	var again register.PapersCounted
	must(t, json.Unmarshal(first.Data, &again))
	must(t, h.register.CountPapers(t.Context(), again, h.ops))
	wantText(t, v.get("/papers"), "80 papers were expected", "The count is not finished: 81 papers")
}

// TestTakenToday: the intake lists today's references, and no others.
func TestTakenToday(t *testing.T) {
	h := newHouse(t)
	yesterday := h.letter(1)
	h.now = h.now.Add(10 * time.Hour) // after midnight
	wantText(t, h.as(h.ops).get("/intake"), "No letter has been taken today.")
	today := h.letter(1)
	w := h.as(h.ops).get("/intake")
	wantText(t, w, "Taken today", today.Reference())
	if containsText(w.Body.String(), yesterday.Reference()) {
		t.Error("yesterday’s letter is listed as today’s")
	}
	// A reference that was crossed out on its paper is not compared with it.
	fresh := h.rescanned(today)
	w = h.as(h.ops).get("/intake")
	wantText(t, w, fresh.Reference())
	lacksText(t, w.Body.String(), today.Reference())
}

// TestEveryDifferenceHasAName: a paper that is not there, one that should be
// shredded, one that came while somebody counted, and what cannot be read.
func TestEveryDifferenceHasAName(t *testing.T) {
	h := newHouse(t)
	missing, here, gone := h.letter(2), h.letter(1), h.readable(1)
	v := h.as(h.ops)
	sent := url.Values{"counted-at": {"office"}, "paper": {string(missing), string(here), string(gone)}, "here": {string(here)}, "looked": {"yes"}}
	_, err := h.register.DestroyPaper(t.Context(), gone, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5",
		Place: "office", ScannedBy: h.ops, Witness: h.ops2, Authority: "confidentiality-policy-1"}, h.ops)
	must(t, err)
	later := h.letter(1)
	never := letter.NewID().Reference()
	for _, c := range []struct{ field, text, says string }{
		{"looked", "", "Take every paper in your hand"},
		{"others", "a letter", "is no reference"},
		{"others", never, "No letter has the reference " + never},
		{"others", strings.Repeat(here.Reference()+"\n", maxTray+1), "so many strange papers"},
		{"others", `"><script>alert(1)</script>`, "&lt;script&gt;"},
	} {
		bad := url.Values{}
		for k, values := range sent {
			bad[k] = values
		}
		bad.Set(c.field, c.text)
		w := v.post("/papers/count", bad)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, c.says, `value="`+string(here)+`" checked`)
	}
	wantStatus(t, v.post("/papers/count", url.Values{"counted-at": {"office"}, "paper": {"x"}}), http.StatusBadRequest)
	wantRedirect(t, v.post("/papers/count", url.Values{"counted-at": {"mrs-smith"}, "looked": {"yes"}}), "/papers")
	if n := len(h.entries("papers-counted", "")); n != 0 {
		t.Fatalf("%d counts on record after flawed forms", n)
	}
	sent.Set("others", gone.Reference()+"\n"+later.Reference())
	wantRedirect(t, v.post("/papers/count", sent), "/papers?done=1")
	if d := h.counted(); d.Listed != 2 || !slices.Equal(d.Missing, []letter.ID{missing}) || !slices.Equal(d.Strange, []letter.ID{gone}) {
		t.Errorf("on record is %+v, of missing %s and strange %s", d, missing, gone)
	}
	wantText(t, h.as(h.manager).get("/papers"), "2 differences", missing.Reference(), "It must be there and was not found.",
		gone.Reference(), "It is on record as destroyed, under the ledger number D-2026-000001, and it is there.")
	differ := func(n string) {
		t.Helper()
		wantText(t, h.as(h.manager).get("/overview"), `<tr class="loud"><th scope="row">Differences that the last count of papers found</th><td><a href="/papers" aria-label="`+n+`: Differences`)
	}
	differ("2")
	// Once its destruction is on record the missing one is no difference any more.
	must(t, h.register.RecordOpening(t.Context(), missing, h.lead, []byte("a session"), "pages"))
	must(t, h.register.MarkReadable(t.Context(), missing, h.lead))
	_, err = h.register.DestroyPaper(t.Context(), missing, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5",
		Place: "office", ScannedBy: h.ops, Witness: h.ops2, Authority: "confidentiality-policy-1"}, h.ops)
	must(t, err)
	w := v.get("/papers")
	wantText(t, w, "1 difference")
	differ("1")
	if strings.Contains(w.Body.String(), missing.Reference()) {
		t.Error("what is settled is still a difference")
	}
}

// A paper that was scanned again bears its old reference until somebody writes the new
// one on it: that is no difference, and none goes on record.
func TestAPaperIsCountedByItsOldReference(t *testing.T) {
	h := newHouse(t)
	old := h.letter(1)
	fresh := h.rescanned(old)
	v := h.as(h.ops)
	wantText(t, v.get("/papers/count?site=office"), fresh.Reference())
	sent := url.Values{"counted-at": {"office"}, "paper": {string(fresh)}, "others": {old.Reference()}, "looked": {"yes"}}
	w := v.post("/papers/count", sent)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "The paper "+old.Reference()+" was scanned again and is now called "+fresh.Reference()+".", "count it by the new one")
	sent.Set("others", "")
	sent.Set("here", string(fresh))
	wantRedirect(t, v.post("/papers/count", sent), "/papers?done=1")
	if d := h.counted(); d.Listed != 1 || len(d.Missing)+len(d.Strange) != 0 {
		t.Errorf("on record is %+v", d)
	}
	// Nor does what is on record from before this was asked.
	must(t, h.register.CountPapers(t.Context(), register.PapersCounted{Site: "office", Listed: 1, Missing: []letter.ID{}, Strange: []letter.ID{old}}, h.ops))
	if w := v.get("/papers"); strings.Contains(w.Body.String(), "No paper of this letter is expected") {
		t.Error("a paper that is called otherwise now is expected nowhere")
	}
}

// TestCountInTheBrowser: somebody of operations ends the day, without a mouse.
func TestCountInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	here, missing := b.readable(2), b.letter(3)
	b.enrol(b.ops)
	b.Open("/papers")
	b.Wants("Nobody has counted here yet")
	b.WantsNoSideways(320)
	b.shoot("papers")
	b.goes(`a[href="/papers/count?site=office"]`)
	b.TabTo("#here-" + string(here))
	b.Keys(" ")
	b.goes("main form .button")
	b.Wants("Please put this right", "Take every paper in your hand")
	b.shoot("count-flaw")
	b.TabTo("#looked")
	b.Keys(" ")
	b.goes("main form .button")
	b.WantsPath("/papers?done=1")
	b.Wants("Your count is on record.", "1 difference", missing.Reference(), "It must be there and was not found.")
	b.shoot("papers-differ")
	if d := b.counted(); d.Listed != 2 || !slices.Equal(d.Missing, []letter.ID{missing}) {
		t.Errorf("on record is %+v", d)
	}
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}
