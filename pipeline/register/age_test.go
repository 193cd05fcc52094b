package register

import (
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
)

func TestHowLongSomethingWaits(t *testing.T) {
	d := newDesk(t)
	helplines := []string{"mens-advice-line", "respect-phoneline"}
	wants := func(due, unread time.Time) {
		t.Helper()
		is, err := d.DueSince(t.Context())
		d.must(err)
		if !is.Equal(due) {
			t.Errorf("due since %s, want %s", is, due)
		}
		is, err = d.OldestUnread(t.Context(), helplines)
		d.must(err)
		if !is.Equal(unread) {
			t.Errorf("the oldest unread is of %s, want %s", is, unread)
		}
	}
	wants(time.Time{}, time.Time{})
	admitted := d.now
	d.must(d.Admit(t.Context(), d.manifest()))
	d.now = d.now.Add(time.Hour)
	wants(admitted, time.Time{})

	d = newDesk(t)
	l := d.receipted()
	received := d.now
	lee, err := d.AddPerson(t.Context(), Person{Name: "Lee", Role: TeamLeader, Email: "lee@example.org", Helplines: []string{"respect-phoneline"}})
	d.must(err)
	d.must(d.Notified(t.Context(), &l))
	d.now = d.now.Add(time.Hour)
	wants(time.Time{}, received)
	d.now = d.now.AddDate(0, 0, 1)
	d.receipted()
	second := d.now
	wants(second, received)
	d.must(d.RecordOpening(t.Context(), l.ID, lee, []byte("s"), ShownPages))
	wants(second, second) // of which nobody could be told yet
}

// What is asked every few seconds costs one step in an index, however many letters there are.
func TestTheAgeOfWhatWaitsCostsOneStep(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	for query, index := range map[string]string{oldestUnread: "letters_shown (helpline=? AND state=?)", dueSince: "letters_due (not_before<?)"} {
		args := []any{"respect-phoneline", Notified}
		if query == dueSince {
			args = []any{0}
		}
		rows, err := d.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
		d.must(err)
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var step string
			d.must(rows.Scan(&id, &parent, &unused, &step))
			plan.WriteString(step + "\n")
		}
		d.must(rows.Err())
		if !strings.Contains(plan.String(), index) {
			t.Errorf("%s\nis found by\n%s", query, plan.String())
		}
	}
}
