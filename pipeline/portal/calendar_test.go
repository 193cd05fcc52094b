package portal

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// TestCalendar: what is due stands under the nearest heading that holds its day,
// and what is held or far off under none.
func TestCalendar(t *testing.T) {
	h := newHouse(t)
	wantText(t, h.as(h.dpo).get("/calendar"), "Nothing is past its day.", "Nothing is on hold.")
	h.readable(1) // due on 24 May 2027
	h.letter(1)
	h.now = h.now.AddDate(0, 0, 10)
	h.letter(1) // due on 4 June
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: h.letter(1), Helpline: "respect-phoneline", Reason: register.Inquiry,
		Owner: h.manager, Review: letter.DateOf(h.now).AddDays(90)}, h.manager)
	must(t, err)
	for _, c := range []struct {
		today, overdue, week, fortnight, month string
	}{
		{"2027-04-20", "", "", "", ""},
		{"2027-04-24", "", "", "", "24 May 2027:2"},
		{"2027-05-10", "", "", "24 May 2027:2", "4 June 2027:1"},
		{"2027-05-17", "", "24 May 2027:2", "", "4 June 2027:1"},
		{"2027-05-24", "", "24 May 2027:2", "4 June 2027:1", ""},
		{"2027-05-25", "24 May 2027:2", "", "4 June 2027:1", ""},
	} {
		day, err := letter.ParseDate(c.today)
		must(t, err)
		h.now = day.Start().Add(12 * time.Hour)
		got := strings.Split(h.as(h.manager).get("/calendar").Body.String(), "<h2>")
		row := regexp.MustCompile(`<th scope="row">([^<]+)</th><td class="words">Respect Phoneline</td><td class="words">[^<]+</td><td>(\d+)</td><td>0</td><td>(\d+)</td>`)
		for i, want := range []string{"Overdue", "Within 7 days", "After that, within 14 days", "After that, within 30 days"} {
			if !strings.HasPrefix(got[i+1], want) {
				t.Errorf("on %s the part %d is called %.60q, want %q", c.today, i, got[i+1], want)
			}
		}
		for i, want := range []string{c.overdue, c.week, c.fortnight, c.month} {
			if empty := []string{"Nothing is past its day.", "Nothing is due.", "Nothing more is due.", "Nothing more is due."}[i]; want == "" && !strings.Contains(got[i+1], empty) {
				t.Errorf("on %s the part %d, of nothing, does not say %q", c.today, i, empty)
			}
			said := ""
			for _, m := range row.FindAllStringSubmatch(got[i+1], -1) {
				said += m[1] + ":" + m[2]
				if m[2] != m[3] {
					t.Errorf("on %s %s letters have %s papers", c.today, m[2], m[3])
				}
			}
			if said != want {
				t.Errorf("on %s the part %d says %q, want %q", c.today, i, said, want)
			}
		}
		if c.today == "2027-04-24" && !strings.Contains(got[0], "The papers of 2 letters below are not on record as destroyed. Destroy them before the letters go.") {
			t.Errorf("of papers it says: %s", got[0])
		}
		if !strings.Contains(got[4], "1 letter or answer is due on no day") {
			t.Errorf("on %s nothing is said of the hold", c.today)
		}
	}
}

// TestUnusualOpenings: the night and the many in a row are marked, a day's work
// is not.
func TestUnusualOpenings(t *testing.T) {
	h := newHouse(t)
	wantText(t, h.as(h.dpo).get("/openings"), "Nobody has opened a letter in the last 30 days.")
	var ids []letter.ID
	for range manyInARow {
		ids = append(ids, h.letter(1))
	}
	open := func(who int64, id letter.ID, at time.Time) {
		t.Helper()
		h.now = at
		must(t, h.register.RecordOpening(t.Context(), id, who, fmt.Append(nil, at.String()), register.ShownPages))
	}
	noon := h.now
	for i, id := range ids {
		open(h.lead, id, noon.Add(time.Duration(i)*7*time.Minute)) // the tenth after 63 minutes
	}
	w := h.as(h.dpo).get("/openings")
	wantText(t, w, "10 openings in the last 30 days", "Nothing is unusual.")
	for i, id := range ids {
		open(h.lead2, id, noon.Add(2*time.Hour+time.Duration(i)*6*time.Minute))
	}
	night := time.Date(2026, 11, 25, 22, 0, 0, 0, letter.London)
	open(h.manager, ids[0], night.Add(-time.Minute))
	open(h.manager, ids[0], night)
	open(h.manager, ids[0], night.Add(8*time.Hour))
	w = h.as(h.dpo).get("/openings?days=7")
	wantText(t, w, "23 openings in the last 7 days", "Something is unusual about 2 people.",
		"(Bea Lead)</a></th>", "many in a row: 10 letters within an hour</span> </td><td>10</td><td>10</td>",
		"(Mo Manager)</a></th>", "at night: 1</span> </td><td>3</td><td>1</td>",
		ids[0].Reference()+`</a></th><td class="words"><span class="tag bad">at night: 1</span> </td><td>5</td><td>3</td>`,
		ids[1].Reference()+`</a></th><td class="words">nothing</td><td>2</td><td>2</td>`, "Something is unusual about 1 letter.")
	if n := strings.Count(w.Body.String(), "tag bad"); n != 3 {
		t.Errorf("%d things are marked, want 3", n)
	}
	for i := range manyTimes {
		open(h.lead, ids[1], night.Add(9*time.Hour+time.Duration(i)*20*time.Minute))
	}
	wantText(t, h.as(h.dpo).get("/openings?days=7"), "33 openings", fmt.Sprintf("opened %d times by one person", manyTimes+1), "Something is unusual about 2 letters.")
	h.now = h.now.AddDate(0, 0, 20)
	wantText(t, h.as(h.dpo).get("/openings?days=7"), "Nobody has opened a letter in the last 7 days.")
	wantText(t, h.as(h.dpo).get("/openings?days=<b>"), "33 openings in the last 30 days")

	// Where it is about a letter alone, the page does not say first that nothing is.
	for i := range manyTimes + 1 {
		open(h.lead, ids[2], noon.AddDate(0, 0, 30).Add(time.Duration(i)*20*time.Minute))
	}
	w = h.as(h.dpo).get("/openings?days=7")
	if wantText(t, w, "Something is unusual about 1 letter."); containsText(w.Body.String(), "Nothing is unusual.") || containsText(w.Body.String(), "1 person.") {
		t.Errorf("it says:\n%s", w.Body)
	}
}

// Whoever opens a letter within a day of having got a new passkey, or a new sign-in of the
// organisation's, is marked, with the letter: it may be somebody else who got hold of their
// code. Somebody else's new passkey says nothing of them.
func TestOpeningsAfterANewPasskey(t *testing.T) {
	h := newHouse(t)
	one, other := h.letter(1), h.letter(1)
	open := func(who int64, id letter.ID) {
		t.Helper()
		must(t, h.register.RecordOpening(t.Context(), id, who, fmt.Append(nil, h.now.String()), register.ShownPages))
	}
	open(h.lead, one)
	h.now = h.now.Add(time.Hour)
	must(t, h.register.AddAnotherPasskey(t.Context(), h.lead, []byte("a passkey"), "{}"))
	open(h.lead2, one)
	wantText(t, h.as(h.dpo).get("/openings"), "Nothing is unusual.", "is new for 24 hours")
	for range 2 {
		open(h.lead, other) // at once, and a moment before it is a day old
		h.now = h.now.Add(newFor - time.Second)
	}
	wantText(t, h.as(h.dpo).get("/openings"), "Something is unusual about 1 person.", "(Ada Lead)</a></th>", "new passkey: 2</span> </td><td>3</td><td>2</td>",
		other.Reference()+`</a></th><td class="words"><span class="tag bad">new passkey: 2</span>`, one.Reference()+`</a></th><td class="words">nothing</td>`)
}
