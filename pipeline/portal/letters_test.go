package portal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// under is the part of the page below that heading, up to the next.
func under(page, heading string) string {
	_, rest, _ := strings.Cut(page, ">"+heading+"</h2>")
	part, _, _ := strings.Cut(rest, "</section>")
	return part
}

// opens opens the letter and decides nothing.
func (h *house) opens(id letter.ID, who int64) {
	h.t.Helper()
	must(h.t, h.register.RecordOpening(h.t.Context(), id, who, fmt.Appendf(nil, "session of %d", who), "pages"))
}

func TestMineToReadFirst(t *testing.T) {
	h := newHouse(t)
	done, unsaid := h.readable(1), h.readable(1)
	mine, hers, nobodys := h.letter(1), h.letter(1), h.letter(1)
	h.opens(done, h.lead)
	must(t, h.register.AnswerRisk(t.Context(), done, register.RiskNone, "", h.lead))
	h.opens(mine, h.lead)
	h.opens(hers, h.lead2)
	const unfinished, riskUnsaid = "Opened, and not yet said whether it can be read", "Not yet said whether somebody is at risk"
	for _, c := range []struct {
		who  int64
		want map[string][]letter.ID
	}{
		{h.lead, map[string][]letter.ID{"Waiting to be opened": {nobodys}, "Opened by a colleague, and not by you": {hers}, unfinished: {mine}, riskUnsaid: {unsaid}, "Opened": {done}}},
		{h.lead2, map[string][]letter.ID{"Waiting to be opened": {nobodys}, "Opened by a colleague, and not by you": {mine}, unfinished: {hers}, riskUnsaid: {unsaid}, "Opened": {done}}},
		{h.manager, map[string][]letter.ID{"Waiting to be opened": {nobodys}, "Opened by a colleague, and not by you": nil, unfinished: {mine, hers}, riskUnsaid: {unsaid}, "Opened": {done}}},
	} {
		page := h.as(c.who).get("/letters").Body.String()
		for heading, ids := range c.want {
			part := under(page, heading)
			for _, id := range []letter.ID{mine, hers, nobodys, unsaid, done} {
				if listed, want := strings.Contains(part, id.Reference()), strings.Contains(fmt.Sprint(ids), string(id)); listed != want {
					t.Errorf("for %d, under %q: %t, want %t", c.who, heading, listed, want)
				}
			}
		}
	}
	wantText(t, h.as(h.lead).get("/letters"), "Opened by</dt><dd>Bea Lead", "Still to read</dt><dd>you")
}

func TestLettersAreFiltered(t *testing.T) {
	h := newHouse(t)
	unopened, opened, kept, again := h.letter(1), h.letter(1), h.letter(1), h.letter(1)
	h.opens(opened, h.lead)
	for _, id := range []letter.ID{kept, again} {
		h.opens(id, h.lead)
	}
	must(t, h.register.MarkScanAgain(t.Context(), again, h.lead, register.TooFaint))
	readable, recused := h.readable(1), h.letter(1)
	h.opens(recused, h.lead2)
	must(t, h.register.Recuse(t.Context(), recused, h.lead2))
	review := letter.DateOf(h.now).AddDays(2)
	must(t, h.register.Safeguard(t.Context(), kept, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.Tolds[0], Review: review, Named: h.lead}, h.lead))
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: readable, Reason: register.Inquiry, Owner: h.manager, Review: review.AddDays(9)}, h.manager)
	must(t, err)
	all := map[string]letter.ID{"unopened": unopened, "begun": opened, "kept": kept, "again": again, "readable": readable, "recused": recused}
	lists := func(path, want string) {
		t.Helper()
		body := h.as(h.manager).get(path).Body.String()
		for name, id := range all {
			if listed := strings.Contains(body, id.Reference()+"</span>"); listed != strings.Contains(want, name) {
				t.Errorf("%s lists the %s letter: %t", path, name, listed)
			}
		}
	}
	for state, want := range map[string]string{
		"": "unopened begun kept again readable recused", "unopened": "unopened recused", "unopened-1": "", "unfinished": "begun kept", "readable": "readable",
		"scan-again": "again", "held": "readable", "five-years": "kept", "review-due": "", "recused": "recused",
	} {
		lists("/letters?state="+state, want)
		lists("/letters?helpline=respect-phoneline&state="+state, want)
		lists("/letters?helpline=mens-advice-line&state="+state, "")
	}
	for name, id := range all {
		lists("/letters?reference="+strings.ToLower(strings.Replace(id.Reference(), "-", "+", 1)), name)
		lists("/letters?helpline=mens-advice-line&reference="+id.Reference(), "")
	}
	h.now = h.now.AddDate(0, 0, 2) // from Tuesday to Thursday
	lists("/letters?state=unopened-1", "unopened recused")
	lists("/letters?state=unopened-2", "unopened recused")
	lists("/letters?state=review-due", "kept")
}

// A filter that finds nothing, or that is none, says so; what is another's is
// found as little as what is not there.
func TestFilterSaysWhatIsNotThere(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	for path, says := range map[string]string{
		"/letters?state=held":                                     "No letter of Respect Phoneline is on hold.",
		"/letters?state=scan-again&helpline=":                     "No letter of Respect Phoneline is to be scanned again.",
		"/letters?state=unopened&unopened=99999999999.x":          id.Reference(),
		"/letters?reference=" + letter.NewID().Reference():        "No letter of Respect Phoneline with this reference can be opened.",
		"/letters?reference=%20" + id.Reference() + "&state=held": id.Reference(),
	} {
		w := h.as(h.lead).get(path)
		wantStatus(t, w, http.StatusOK)
		wantText(t, w, says)
	}
	stranger := h.as(h.stranger)
	nothing := stranger.get("/letters?reference=" + letter.NewID().Reference()).Body.String()
	foreign := stranger.get("/letters?reference=" + id.Reference()).Body.String()
	wantText(t, stranger.get("/letters?reference="+id.Reference()), "is not stored yet, may be opened by others only, or is deleted already.")
	if !strings.Contains(foreign, "No letter of Men’s Advice Line with this reference") || len(foreign) != len(nothing) {
		t.Errorf("a letter of another helpline is not like one that is not there:\n%s", foreign)
	}
	for query, field := range map[string]string{"helpline=mens-advice-line": "helpline", "helpline=<b>": "helpline", "state=x": "state", "reference=K7QM": "reference"} {
		w := h.as(h.lead).get("/letters?" + query)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, `<a href="#`+field+`">`, `id="`+field+`-flaw"`)
	}
}

// Page by page, a filtered list is the whole of it: the links keep the filter.
func TestFilterIsKeptInLinks(t *testing.T) {
	full := newHouse(t)
	full.many(400)
	for i, who := range []int64{full.lead, full.manager} {
		for _, fill := range []string{
			`UPDATE letters SET risk = 'urgent' WHERE state = 'notified' AND rowid % 3 = 0`,
			`UPDATE letters SET risk = 'share' WHERE state = 'notified' AND rowid % 3 = 1`,
			`UPDATE letters SET review = '2026-11-01' WHERE class = 'five-years'`,
			fmt.Sprintf(`UPDATE letters SET handed_to = %d WHERE rowid %% 5 = 0`, who),
			fmt.Sprintf(`INSERT INTO walls (letter, person) SELECT id, %d FROM letters WHERE rowid %% 7 = %d`, full.lead2, i),
		} {
			_, err := full.register.DB().ExecContext(t.Context(), fill)
			must(t, err)
		}
		v := full.as(who)
		for _, path := range []string{"/letters", "/letters?unopened=", "/letters?state=five-years"} {
			t.Logf("%s has %d bytes", path, v.weighs(path))
		}
		wantText(t, v.get("/letters"), `<a href="/letters?unopened=">More letters that nobody has opened`)
		wantText(t, v.get("/letters?unopened="), "More letters that nobody has opened", "Back to the beginning")
	}
	h := newHouse(t)
	want := map[string]bool{}
	for range 2*perPage + 3 {
		want[h.readable(1).Reference()] = true
		h.letter(1)
		h.now = h.now.Add(time.Minute)
	}
	at, seen := "/letters?helpline=respect-phoneline&state=readable", map[string]bool{}
	for pages := 1; ; pages++ {
		page := h.as(h.manager).get(at).Body.String()
		for _, part := range strings.Split(page, `<span class="reference">`)[1:] {
			reference, _, _ := strings.Cut(part, "<")
			if !want[reference] || seen[reference] {
				t.Fatalf("page %d lists %s, which is not in the list or was there before", pages, reference)
			}
			seen[reference] = true
		}
		_, rest, more := strings.Cut(page, `<a href="/letters?helpline=respect-phoneline&amp;readable=`)
		if !more {
			if pages != 3 || len(seen) != len(want) {
				t.Errorf("%d pages with %d letters of %d", pages, len(seen), len(want))
			}
			wantText(t, h.as(h.manager).get(at), `<a href="/letters?helpline=respect-phoneline&amp;state=readable">Back to the beginning`)
			return
		}
		cursor, _, _ := strings.Cut(rest, `"`)
		at = "/letters?helpline=respect-phoneline&readable=" + strings.ReplaceAll(cursor, "&amp;", "&")
	}
}

// TestFilterInTheBrowser is a manager who looks for letters with JavaScript
// switched off, on a phone and by the keyboard alone.
func TestFilterInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	found, other := b.readable(1), b.letter(1)
	b.WithoutScript(true)
	b.be(b.manager)
	b.Press(`main a[href="/letters?helpline=respect-phoneline&state=unopened"]`) // of the overview
	b.Wants("Not opened yet", other.Reference())
	b.Press(`main .filter a`)
	b.Wants(other.Reference(), found.Reference())
	b.WantsNoSideways(320)
	b.Do(chromedp.SetValue(chromedp.ID("state"), "readable"), chromedp.SetValue(chromedp.ID("helpline"), "respect-phoneline"))
	b.Press("main .filter button")
	b.WantsPath("/letters?helpline=respect-phoneline&state=readable&reference=")
	b.Wants("Found readable", found.Reference())
	if strings.Contains(b.Text(), other.Reference()) {
		t.Error("the filter leaves a letter that is not readable yet")
	}
	b.Do(chromedp.SetValue(chromedp.ID("helpline"), "mens-advice-line"))
	b.Press("main .filter button")
	b.Wants("No letter of Men’s Advice Line was found readable.")
	b.Press(`main .filter a`)
	b.WantsPath("/letters")
	b.Do(chromedp.SendKeys(chromedp.ID("reference"), strings.ToLower(other.Reference())))
	b.Press("main .filter button")
	b.Press(`main a[href="/l/` + string(other) + `"]`)
	b.Wants("Letter " + other.Reference())
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

// many makes n letters of both helplines, in every state that a list knows, in
// shares that do not depend on n; the first team leader has opened every second.
func (h *house) many(n int) {
	h.t.Helper()
	ctx := h.t.Context()
	template := h.readable(2)
	db := h.register.DB()
	_, err := db.ExecContext(ctx, `CREATE TEMP TABLE one AS SELECT * FROM letters WHERE id = ?`, string(template))
	must(h.t, err)
	tx, err := db.BeginTx(ctx, nil)
	must(h.t, err)
	states := []register.State{register.Notified, register.Opened, register.Readable, register.ScanAgain}
	for i := range n {
		id, helpline, state := letter.NewID(), "respect-phoneline", states[i%len(states)]
		if i%10 == 9 {
			helpline = "mens-advice-line"
		}
		class, review, held := letter.SixMonths, "", ""
		switch i / 4 % 4 {
		case 1:
			class = letter.FiveYears
		case 2:
			held = "2026-11-24"
		}
		_, err := tx.ExecContext(ctx, `UPDATE one SET id = ?, reference = ?, helpline = ?, state = ?, class = ?, review = ?, held_since = ?, received = received + 1000`,
			string(id), id.Reference(), helpline, string(state), string(class), review, held)
		must(h.t, err)
		_, err = tx.ExecContext(ctx, `INSERT INTO letters SELECT * FROM one`)
		must(h.t, err)
		if i%8 < 4 && state != register.Notified {
			_, err = tx.ExecContext(ctx, `INSERT INTO openings (letter, session, person, at) VALUES (?, 'x', ?, 0)`, string(id), h.lead)
			must(h.t, err)
		}
		if state == register.Notified {
			_, err = tx.ExecContext(ctx, `INSERT INTO mails (letter, person, message_id, sent) VALUES (?, ?, 'x', 1)`, string(id), h.lead)
			must(h.t, err)
		}
	}
	must(h.t, tx.Commit())
}

// BenchmarkLetters sets each list of a portal with many letters against that of
// one with a few, by turns in one run.
func BenchmarkLetters(b *testing.B) {
	sizes := []int{100, 100_000}
	houses := make([]*house, len(sizes))
	for i, n := range sizes {
		houses[i] = newHouse(b)
		houses[i].many(n)
	}
	pages := map[string]string{"everything": "/letters", "helpline": "/letters?helpline=respect-phoneline"}
	for _, c := range choices {
		pages[c.Key] = "/letters?state=" + c.Key
	}
	for name, path := range pages {
		for _, role := range []string{"leader", "manager"} {
			b.Run(name+"/"+role, func(b *testing.B) {
				visitors := make([]*visitor, len(sizes))
				for i, h := range houses {
					visitors[i] = h.as(map[string]int64{"leader": h.lead, "manager": h.manager}[role])
				}
				took := make([][]time.Duration, len(sizes))
				for b.Loop() {
					for i, v := range visitors {
						begin := time.Now()
						wantStatus(b, v.get(path), http.StatusOK)
						took[i] = append(took[i], time.Since(begin))
					}
				}
				b.ReportMetric(float64(median(took[1]))/float64(median(took[0])), fmt.Sprintf("x-%d/%d", sizes[1], sizes[0]))
			})
		}
	}
}

// median is not moved by what else the machine does for a moment.
func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}
