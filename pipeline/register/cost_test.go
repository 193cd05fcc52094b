package register

import (
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// question is a query and what it is asked with.
type question struct {
	query string
	args  []any
}

// askedOften is what the server asks every few seconds, and for every letter.
func askedOften() map[string]question {
	ofLetter, ofLetterArgs := entriesQuery(1, "", "x", 10)
	ofKind, ofKindArgs := entriesQuery(1, "x", "", 10)
	return map[string]question{
		"due now":             {dueNow, []any{1, 2, 10, 0}},
		"past the deadline":   {pastDeadline, []any{"2027-05-24", "store-down", "still-shown", 1, 2, 10}},
		"a letter's entries":  {ofLetter, ofLetterArgs},
		"entries of a kind":   {ofKind, ofKindArgs},
		"an id on record":     {onRecord, []any{"x"}},
		"a letter's mails":    {unsentMails, []any{"x"}},
		"letters of a week":   {livingOfWeek, []any{"x2027-W21", "2027-05-24"}},
		"moves that fail":     {stuckMovesQuery, []any{"store-down", "cannot-move", "2027-05-24", 1}},
		"letters overdue":     {overdue, []any{"2027-05-24"}},
		"one letter":          {`SELECT ` + letterColumns + ` WHERE l.id = $1`, []any{"x"}},
		"papers for the desk": {PapersMayGo.query(), []any{-1, "", 10}},
		"papers for another":  {PapersAnother.query(), []any{-1, "", 10}},
	}
}

// Of letters that nobody has opened only those are looked at that have waited long
// enough for somebody to be reminded, on a day with many new ones too.
func TestRemindersDoNotLookAtNewLetters(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	rows, err := d.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN SELECT p.number`+remindedOf, 1, 2)
	d.must(err)
	var bounded int
	for rows.Next() {
		var id, parent, unused int
		var step string
		d.must(rows.Scan(&id, &parent, &unused, &step))
		if strings.Contains(step, "received<?") {
			bounded++
		}
	}
	d.must(rows.Close())
	if bounded != 2 { // leaders' letters and managers'
		t.Errorf("%d of two looks at unread letters are bounded by a moment", bounded)
	}
}

// What the server asks every few seconds, and for every letter, must cost what
// is due and not what is kept: no query may walk a whole table.
func TestQueriesFollowTheWorkDue(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	for name, q := range askedOften() {
		rows, err := d.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+q.query, q.args...)
		d.must(err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			d.must(rows.Scan(&id, &parent, &unused, &detail))
			if strings.Contains(detail, "SCAN") && !strings.Contains(detail, "CONSTANT ROW") && !strings.Contains(detail, "erasures") {
				t.Errorf("%s: %s", name, detail)
			}
		}
		d.must(rows.Close())
	}
}
