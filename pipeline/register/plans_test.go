package register

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// As months leave them, few letters wait for somebody; for a benchmark as many are
// in each state.
const (
	fewWait = `CASE WHEN g % 400 = 0 THEN 'receipted' WHEN g % 400 = 1 THEN 'notified' WHEN g % 400 = 2 THEN 'opened' WHEN g % 400 = 3 THEN 'scan-again'
		WHEN g % 50 = 7 THEN 'filed' ELSE 'readable' END`
	allAlike = `(ARRAY['notified', 'opened', 'readable', 'scan-again'])[1 + g % 4]`
)

// grown fills the register, on PostgreSQL, with copies of the rows of one letter
// that was read. It returns that letter, and its leader.
func (d *desk) grown(copied int, state string) (Letter, int64) {
	d.t.Helper()
	ctx, leader := d.t.Context(), d.leader()
	l := d.receipted()
	d.must(d.Notified(ctx, &l))
	d.opens(l.ID, leader)
	d.must(d.MarkReadable(ctx, l.ID, leader))
	copies := func(table, key, changes string) {
		d.t.Helper()
		d.must(d.exec(fmt.Sprintf(`INSERT INTO %[1]s SELECT n.* FROM %[1]s r, generate_series(1, %[4]d) g,
			LATERAL jsonb_populate_record(r, to_jsonb(r) || jsonb_build_object(%[3]s)) n WHERE r.%[2]s = '%[5]s'`, table, key, changes, copied, l.ID)))
	}
	const other = `'letter', lpad(g::text, 26, '0')`
	copies("letters", "id", `'id', lpad(g::text, 26, '0'), 'received', r.received + g::bigint * 60000, 'deadline', (r.deadline::date + g / 50)::text,
		'week', to_char(r.deadline::date + g / 50, '"x"IYYY"-W"IW'),
		'helpline', CASE WHEN g % 5 < 4 THEN 'respect-phoneline' ELSE 'mens-advice-line' END, 'not_before', NULL, 'risk', 'none', 'trouble', '',
		'class', CASE WHEN g % 16 > 3 THEN 'six-months' ELSE 'five-years' END, 'held_since', CASE WHEN g % 16 > 3 THEN '' ELSE '2026-11-24' END, 'state', `+state)
	copies("papers", "letter", other+`, 'received', r.received + g::bigint * 60000, 'state', CASE WHEN g % 100 = 0 THEN 'kept' ELSE 'destroyed' END`)
	copies("mails", "letter", other+`, 'sent', 1`)
	copies("openings", "letter", other)
	d.must(d.exec(`INSERT INTO entries SELECT e.seq + (SELECT count(*) FROM entries) * g, e.at, e.kind, lpad(g::text, 26, '0'), e.line
		FROM entries e, generate_series(1, ` + fmt.Sprint(copied) + `) g WHERE e.letter <> ''`))
	d.must(d.exec(`ANALYZE`)) // without which nothing is known of how many there are
	return l, leader
}

// touched counts the rows that an analysed plan has read from tables, whether it
// has kept them or not.
func touched(node map[string]any) (rows float64) {
	number := func(key string) float64 { n, _ := node[key].(float64); return n }
	if _, scans := node["Relation Name"]; scans {
		rows = (number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck")) * number("Actual Loops")
	}
	below, _ := node["Plans"].([]any)
	for _, n := range below {
		rows += touched(n.(map[string]any))
	}
	return rows
}

// On PostgreSQL, with many letters, what the server asks every few seconds, for every
// letter, and for every page of a list, reads what it shows and little more.
func TestQueriesFollowTheWorkDueOnPostgreSQL(t *testing.T) {
	if !postgrestest.OnPostgreSQL() {
		return // TestOnPostgreSQL does it; on SQLite the plans themselves are looked at
	}
	d := newDesk(t)
	l, leader := d.grown(12_000, fewWait)
	all := askedOften()
	for name, q := range all {
		if at := slices.Index(q.args, any("x")); at >= 0 { // which is no letter's
			q.args[at] = string(l.ID)
		}
		all[name] = q
	}
	ofKind, ofKindArgs := entriesQuery(-1, "letter-admitted", "", 51)
	ofLetter, ofLetterArgs := entriesQuery(-1, "", l.ID, 51)
	all["entries of a kind"], all["a letter's entries"] = question{ofKind, ofKindArgs}, question{ofLetter, ofLetterArgs}
	all["oldest unread"] = question{oldestUnread, []any{"respect-phoneline", string(Notified)}}
	all["due since"] = question{dueSince, []any{0}}
	all["drafts that are over"] = question{draftsOver, []any{1, "draft", "unverifiable"}}
	all["what became of answers"] = question{becameOf, []any{leader}}
	all["answers that wait"] = question{`SELECT ` + letterColumns + ` ` + waitingOf, []any{leader}}
	for list, ways := range walks {
		for i, w := range ways {
			query, args := Listing{Readership: Readership{Helplines: bothHelplines, Person: leader, Leader: leader}, What: list, Limit: 26}.query(w, "respect-phoneline", d.now)
			all[fmt.Sprintf("list %s, %d", list, i)] = question{`SELECT ` + letterColumns + ` ` + query, args}
		}
	}
	for name, q := range all {
		plan := d.planOf(q)
		var parsed []struct{ Plan map[string]any }
		d.must(json.Unmarshal(plan, &parsed))
		if n := touched(parsed[0].Plan); n > 300 {
			t.Errorf("%s: %.0f rows are read:\n%s", name, n, plan)
		}
	}
}

// planOf runs a query by the plan that serves for whatever is asked, as the server
// does, and says what it did.
func (d *desk) planOf(q question) (plan []byte) {
	d.t.Helper()
	conn, err := d.read.Conn(d.t.Context())
	d.must(err)
	defer func() { _ = conn.Close() }()
	values := make([]string, len(q.args))
	for i, arg := range q.args {
		values[i] = fmt.Sprint(arg)
		if text, is := arg.(string); is {
			values[i] = "'" + strings.ReplaceAll(text, "'", "''") + "'"
		}
	}
	run := "EXECUTE asked"
	if len(values) > 0 {
		run += "(" + strings.Join(values, ", ") + ")"
	}
	_, err = conn.ExecContext(d.t.Context(), "PREPARE asked AS "+q.query)
	d.must(err)
	d.must(conn.QueryRowContext(d.t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+run).Scan(&plan))
	_, err = conn.ExecContext(d.t.Context(), "DEALLOCATE asked")
	d.must(err)
	return plan
}
