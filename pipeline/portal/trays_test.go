package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// What was destroyed together is shown together, on any later day, and from the
// register alone.
func TestTraysAreShownFromTheRegister(t *testing.T) {
	h := newHouse(t)
	tray := func(by int64, papers ...letter.ID) {
		t.Helper()
		var said []register.Destroyed
		for _, id := range papers {
			said = append(said, register.Destroyed{Letter: id, Destruction: register.Destruction{Sheets: 1, ScannedBy: h.ops, Method: register.Shredder,
				Level: register.DefaultLevel, Place: "office", Witness: h.manager, WitnessWith: register.WithPasskey, Authority: "policy-1"}})
		}
		_, err := h.register.DestroyPapers(t.Context(), said, by)
		must(t, err)
	}
	a, b, c, d, e, f := h.readable(1), h.readable(2), h.readable(1), h.readable(1), h.readable(1), h.readable(1)
	tray(h.ops, a, b)
	tray(h.ops2, c)
	h.now = h.now.Add(time.Minute)
	tray(h.ops2, e) // the same two once more
	h.readable(1)   // and something else on record
	tray(h.ops2, f)
	day := "/desk/trays?day=2026-11-24"
	h.now = h.now.AddDate(0, 0, 1)
	tray(h.ops, d)
	h.expire(a) // its row and its paper's are gone; the register keeps the record
	h.now = h.now.AddDate(0, 1, 0)
	page := h.as(h.ops).get(day)
	wantStatus(t, page, http.StatusOK)
	wantText(t, page, "recorded on 24 November 2026", "2 papers, recorded on", "1 paper, recorded on", a.Reference(), b.Reference(), c.Reference(),
		"D-2026-000001", "D-2026-000002", "D-2026-000003", "staff number 5 (Ola Office)", "staff number 6 (Pat Office)", "Mo Manager), who signed with a passkey", "level P-5")
	if strings.Contains(page.Body.String(), d.Reference()) || strings.Count(page.Body.String(), "<section>") != 4 {
		t.Errorf("not four trays, or another day's is among them:\n%s", page.Body)
	}
	if i, j := strings.Index(page.Body.String(), "D-2026-000001"), strings.Index(page.Body.String(), "D-2026-000002"); i > j {
		t.Error("a tray is not in the order of its ledger numbers")
	}
	wantText(t, h.as(h.ops).get("/desk/"+string(a)), "Retention class</dt><dd>six-month</dd>")
	wantText(t, h.as(h.ops).get("/desk/trays"), "No destruction was recorded on this day.")
	bad := h.as(h.ops).get("/desk/trays?day=soon")
	wantStatus(t, bad, http.StatusUnprocessableEntity)
	wantText(t, bad, `<a href="#day">`, `id="day-flaw"`)
}
