package portal

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// TestEveryKindHasItsWords holds the table of entrykinds.go against the register's
// own events: one that is added there needs its sentence here.
func TestEveryKindHasItsWords(t *testing.T) {
	var source []byte
	names, err := filepath.Glob("../register/entry*.go")
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		source = append(source, text...)
	}
	found := regexp.MustCompile(`kind\(\) string\s*\{ return "([a-z-]+)" \}`).FindAllSubmatch(source, -1)
	if len(found) < 20 {
		t.Fatalf("only %d kinds found in the register's source", len(found))
	}
	for _, m := range found {
		kind := string(m[1])
		if !slices.ContainsFunc(entryKinds, func(k entryKind) bool { return k.Kind == kind }) {
			t.Errorf("no words for %q", kind)
		}
	}
	if len(found) != len(entryKinds) {
		t.Errorf("%d kinds and words for %d", len(found), len(entryKinds))
	}
}

func TestRegisterTellsTheStory(t *testing.T) {
	h := newHouse(t)
	id, other := h.readable(3), h.letter(1)
	_, err := h.register.DestroyPaper(t.Context(), id, register.Destruction{Sheets: 2, Method: register.Shredder, Level: "P-5",
		Place: "office", ScannedBy: h.ops2, Witness: h.ops2, Authority: "confidentiality-policy-1"}, h.ops)
	must(t, err)
	h.now = h.now.AddDate(0, 6, 0)
	h.expire(id)
	v := h.as(h.dpo)
	sentences := []string{
		"A letter of 3 pages for Respect Phoneline arrived from office; it must be gone on 24 May 2027.",
		fmt.Sprintf("Staff number %d (Ada Lead) opened the letter.", h.lead),
		fmt.Sprintf("Staff number %d (Ada Lead) found the letter readable.", h.lead),
		fmt.Sprintf("Staff number %d (Ola Office) destroyed the paper %s (2 sheets) with our own shredder, level P-5, at office; staff number %d (Pat Office) watched. Ledger number D-2026-000001, by authority of confidentiality-policy-1. It had been scanned by staff number %d (Pat Office).", h.ops, id.Reference(), h.ops2, h.ops2),
		"The letter was due on 24 May 2027; the storage still held 1 version.",
		"The letter for Respect Phoneline, due on 24 May 2027, is gone: Letterlock removed 1 version; a listing at 24 May 2027 at 3:02pm showed nothing; its rows were erased at 24 May 2027 at 3:02pm; its key dies on 31 May 2027.",
	}
	for _, about := range []string{id.Reference(), strings.ToLower(id.Reference()), string(id)} {
		w := v.get("/register?about=" + about)
		wantStatus(t, w, http.StatusOK)
		wantText(t, w, sentences...)
		if strings.Contains(w.Body.String(), other.Reference()) {
			t.Error("another letter is in the filtered register")
		}
	}
	w := v.get("/register?kind=paper-destroyed")
	wantText(t, w, sentences[3])
	if strings.Contains(w.Body.String(), "Ada Lead") {
		t.Error("another kind is in the filtered register")
	}
	for range perPage {
		h.as(h.dpo)
	}
	wantText(t, v.get("/register"), "Older entries", "letterlock register") // the checkpoint's first line
	for odd, says := range map[string]string{
		"about=hello":   "A reference has 8 letters and digits",
		"about=K7QM4T2": "A reference has 8 letters and digits",
		"about=" + string(letter.NewID()) + "&before=-9": "Nothing on the register fits this.",
		"kind=<b>&before=x":              "Older entries",
		"before=99999999999999999999999": "Older entries",
		"before=0":                       "Nothing is on the register yet.",
	} {
		wantText(t, v.get("/register?"+odd), says)
	}
}

// TestRegisterByPersonAndDay: the filter finds what one person did, and what was
// recorded on some days, however far down it lies.
func TestRegisterByPersonAndDay(t *testing.T) {
	h := newHouse(t)
	first := h.readable(1)
	h.now = h.now.AddDate(0, 0, 3) // 27 November
	for range perPage + 5 {
		h.as(h.ops)
	}
	second := h.readable(1)
	h.now = h.now.AddDate(0, 0, 3) // 30 November
	v := h.as(h.dpo)
	lists := func(query string) (n int) {
		t.Helper()
		w := v.get("/register?" + query)
		wantStatus(t, w, http.StatusOK)
		return strings.Count(w.Body.String(), "<li value=")
	}
	lead, ops := fmt.Sprintf("by=%d", h.lead), fmt.Sprintf("by=%d", h.ops)
	for query, want := range map[string]int{
		lead + "&kind=letter-readable":                               2,
		lead + "&kind=letter-readable&from=2026-11-25":               1,
		lead + "&kind=letter-readable&to=2026-11-24":                 1,
		lead + "&kind=letter-readable&from=2026-11-24&to=2026-11-24": 1,
		lead + "&kind=letter-readable&from=2026-11-25&to=2026-11-26": 0,
		lead + "&about=" + first.Reference() + "&from=2026-11-25":    0,
		lead + "&about=" + second.Reference() + "&from=2026-11-25":   2,
		ops + "&kind=signed-in":                                      perPage,
		ops + "&kind=signed-in&to=2026-11-26":                        0,
		"from=2026-11-30&kind=signed-in":                             1,
		"to=2026-11-23":                                              0,
	} {
		if n := lists(query); n != want {
			t.Errorf("%s lists %d, want %d", query, n, want)
		}
	}
	older := regexp.MustCompile(`href="/register\?([^"]+)">Older entries`).FindStringSubmatch(v.get("/register?kind=signed-in&" + ops).Body.String())
	if older == nil {
		t.Fatal("the list does not go on")
	}
	if n := lists(strings.ReplaceAll(older[1], "&amp;", "&")); n != 5 {
		t.Errorf("%d older entries, want 5", n)
	}
	for odd, says := range map[string]string{
		"by=Ada":                        "Enter a staff number",
		"by=-1":                         "Enter a staff number",
		"from=yesterday":                "Enter a day",
		"to=2026-02-30":                 "Enter a day",
		"from=2026-11-02&to=2026-11-01": "the earlier one first",
	} {
		w := v.get("/register?" + odd)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, says)
	}
}

// One entry that a wrong clock has put into another year is listed where it stands on the
// register, and no list of days, openings or destroyed papers ends at it.
func TestTheListsGoOnPastAWrongClock(t *testing.T) {
	h := newHouse(t)
	h.readable(1)
	h.now = h.now.AddDate(0, 0, 1)
	l := h.readable(1)
	truth := h.now
	h.now = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	must(t, h.register.RecordOpening(t.Context(), l, h.lead, []byte("another session"), register.ShownPages))
	h.now = truth.Add(time.Hour)
	v := h.as(h.dpo)
	for query, want := range map[string]int{
		"kind=letter-opened":                               3,
		"kind=letter-opened&from=2026-11-24":               3,
		"kind=letter-opened&from=2026-11-25&to=2026-11-25": 2,
		"kind=letter-readable&from=2026-11-24":             2,
		"kind=letter-opened&to=2020-12-31":                 0,
	} {
		w := v.get("/register?" + query)
		if n := strings.Count(w.Body.String(), "<li value="); n != want {
			t.Errorf("%s lists %d, want %d", query, n, want)
		}
	}
	wantText(t, v.get("/openings?days=30"), "3 openings")
}

func TestReferenceOfTwoLetters(t *testing.T) {
	h := newHouse(t)
	first := h.letter(1)
	// Another id with the same first seven characters.
	second := letter.ID(string(first[:7]) + string(letter.NewID()[7:]))
	must(t, h.register.Admit(t.Context(), letter.Manifest{ID: second, Site: "office", Helpline: "mens-advice-line",
		Class: letter.SixMonths, Received: h.now, Pages: 1, Size: 1, SHA256: strings.Repeat("ab", 32)}))
	wantText(t, h.as(h.dpo).get("/register?about="+first.Reference()), "More than one letter has this reference", string(first), string(second))
}

// exports takes a copy of the register, after showing who asks.
func (v *visitor) exports() *httptest.ResponseRecorder {
	v.h.t.Helper()
	v.showsAgain(registerPath)
	return v.post("/register/export.ndjson", nil)
}

func TestExport(t *testing.T) {
	h := newHouse(t)
	h.readable(1)
	v := h.as(h.dpo)
	wantText(t, v.get("/register"), "show first that it is you")
	wantRedirect(t, v.post("/register/export.ndjson", nil), "/register#export")
	if n := len(h.entries("register-exported", "")); n != 0 {
		t.Errorf("%d copies are on record before anybody showed who asks", n)
	}
	w := v.exports()
	wantStatus(t, w, http.StatusOK)
	if w.Header().Get("Content-Type") != "application/x-ndjson" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers are %v", w.Header())
	}
	head, err := register.Verify(bytes.NewReader(w.Body.Bytes()), h.verifier)
	must(t, err)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if last := lines[len(lines)-2]; !strings.Contains(last, `"kind":"register-exported"`) || !strings.Contains(last, fmt.Sprintf(`"by":%d`, h.dpo)) {
		t.Errorf("of %d entries the last is not that of the export: %s", head.Entries, last)
	}
	if strings.Contains(w.Body.String(), "Lead") || strings.Contains(w.Body.String(), "@") {
		t.Error("a name or address is in the export")
	}
}
