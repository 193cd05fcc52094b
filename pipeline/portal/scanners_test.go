package portal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner"
	"letterlock/scanner/letter"
)

func (h *house) reports(r letter.Report) {
	h.t.Helper()
	r.Site, r.At = "office", h.now.UTC().Truncate(time.Second)
	must(h.t, h.register.AddEdge(h.t.Context(), "office", "a key"))
	must(h.t, h.register.KeepReport(h.t.Context(), r))
}

func TestIntakeShowsWhatTheScannersSay(t *testing.T) {
	h := newHouse(t)
	ops := h.as(h.ops)
	wantText(t, ops.get("/intake"), "No scanner has said yet what is in its folder.")
	refused := []letter.Refused{{Helpline: "respect-phoneline", At: h.now.AddDate(0, 0, -1), Why: "encrypted"},
		{Helpline: "respect-phoneline", At: h.now, Why: "cut-off"}, {At: h.now, Why: "mrs-smith"}, {Helpline: "mrs-jones", At: h.now, Why: "stray"}}
	h.reports(letter.Report{Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Arriving: 4, Oldest: h.now.Add(-time.Hour), Stuck: 1, OnTheWay: 2},
		{Helpline: "mens-advice-line"}, {Helpline: "mrs-jones", Taking: 5}}, Refused: refused})
	page := ops.get("/intake")
	wantText(t, page, "Scanner “office”, 24 November 2026 at 2:02pm", "<td>4, since 24 November 2026 at 1:02pm</td><td>None</td><td>2</td>",
		"Respect Phoneline: 1 file waits for a person", "Respect Phoneline: The end of the file is missing", "24 November 2026 at 2:02pm: The note beside the file says why.",
		"23 November 2026 at 2:02pm, Respect Phoneline: ", "password")
	for _, never := range []string{"mrs-", "Nothing has been heard"} {
		if strings.Contains(page.Body.String(), never) {
			t.Errorf("the page says %q", never)
		}
	}
	h.now = h.now.Add(scannerSilence + time.Minute)
	wantText(t, h.as(h.ops).get("/intake"), "Nothing has been heard of this scanner since then.")
}

func TestEveryRefusalHasASentence(t *testing.T) {
	words := scanner.RefusalWords()
	for _, why := range words {
		if !texts.English().Has("refused." + why) {
			t.Errorf("%s has none", why)
		}
	}
	for _, id := range texts.English().IDs() {
		if why, is := strings.CutPrefix(id, "refused."); is && !slices.Contains(words, why) {
			t.Errorf("no scanner says %s", id)
		}
	}
}
