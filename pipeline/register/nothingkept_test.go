package register

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/letter"
)

// Where a letter's id comes into the database while it lives, and where it never
// does. Whoever adds a table says here which it is; and if it is the former, has the
// test below put one there.
var (
	ofLetters = []string{"calls", "entries", "erasures", "gone", "held", "holds", "letters", "mails", "meta", "openings",
		"pages_shown", "papers", "remains", "requests", "underway", "walls"}
	ofNoLetter = []string{"account_mails", "alarms", "checkpoint", "daily_mails", "edge_invitations", "edge_keys", "edges", "enrol_codes", "hold_mails", "invitations",
		"passkeys", "people", "people_helplines", "policies", "policy_readers", "reminders", "reports", "request_mails", "scan_answers", "sent_forms", "servers",
		"sessions", "shares", "sso_people", "storage_users", "tree", "week_keys"}
)

// A letter that has been through everything, and its answer, leave their ids in the
// register's entries and in no other table, a month after they are gone.
func TestNoTableKeepsALetter(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.must(d.AddEdge(ctx, "office", "office+00000000+AAAA"))
	leader, second := d.leader(), d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Email: "mo@example.org", Role: Manager})
	d.must(err)
	m := d.manifest()
	met := map[string]bool{}
	look := func(ids ...letter.ID) {
		t.Helper()
		for _, table := range d.naming(ids...) {
			met[table] = true
		}
	}

	marker := letter.IncomingKey(m.Site, m.ID)
	d.must(d.Hold(ctx, marker, UnknownSite))
	d.must(d.Accept(ctx, m.ID))
	look(m.ID)
	vouched := func() bool {
		t.Helper()
		yes, err := d.Accepted(ctx, m.ID)
		d.must(err)
		return yes
	}
	if d.must(d.KeepHeld(ctx, func(m string) bool { return m == marker })); !vouched() {
		t.Error("a manifest that lies there still is not vouched for any more")
	}
	if d.must(d.KeepHeld(ctx, func(string) bool { return false })); vouched() {
		t.Error("a manifest that vanished is vouched for still")
	}
	l := d.receiptedAs(m)
	_, err = d.QueueMails(ctx, l, "example.org")
	d.must(err)
	for _, person := range []int64{leader, second, manager} {
		d.opens(m.ID, person)
		d.must(d.PageShown(ctx, m.ID, person, 1))
	}
	d.must(d.AnswerRisk(ctx, m.ID, RiskUrgent, "", leader))
	d.must(d.HandOver(ctx, m.ID, second, leader))
	d.must(d.Recuse(ctx, m.ID, second))
	answer := d.answered(m.ID, leader)
	hold, err := d.PlaceHold(ctx, Hold{Letter: m.ID, Reason: CourtCase, Owner: manager, Review: letter.DateOf(d.now).AddDays(9)}, manager)
	d.must(err)
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "t", Person: leader, Body: string(m.ID), Ends: d.now.Add(time.Hour)}, Room{}))
	look(m.ID, answer)
	d.release(hold, manager)
	_, err = d.DestroyPaper(ctx, m.ID, Destruction{Sheets: 1, Method: Shredder, Level: "P-5", Place: "office", Authority: "policy-1"}, leader)
	d.must(err)
	d.must(d.AskErasure(ctx, m.ID, PersonAsked, leader))
	_, err = d.OwedRequestMails(ctx, "example.org")
	d.must(err)
	look(m.ID, answer)
	q, err := d.RequestOf(ctx, m.ID)
	d.must(err)
	d.must(d.ConfirmRequest(ctx, q.Number, manager))
	for _, id := range []letter.ID{m.ID, answer} {
		l := d.letter(id)
		d.must(d.ExpiryBegun(ctx, &l, Found{Versions: 1}))
		d.must(d.NoteRemains(ctx, &l, []Remain{{l.ObjectKey(), "version", "v1"}}))
		look(m.ID, answer)
		d.must(d.DeleteRows(ctx, l, ByLetterlock, d.now))
	}
	look(m.ID, answer)
	if proven, err := d.ProveErased(ctx); err != nil || proven != 2 {
		t.Fatalf("%d proven, %v", proven, err)
	}
	for _, table := range ofLetters {
		if !met[table] {
			t.Errorf("nothing came into %s: the search cannot fail", table)
		}
	}

	d.now = d.now.AddDate(0, 0, goneDays+1)
	d.must(d.ForgetGone(ctx))
	d.must(d.ForgetOver(ctx))
	if left := d.naming(m.ID, answer); !slices.Equal(left, []string{"entries"}) {
		t.Errorf("a month later these name it: %v", left)
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(ofLetters), ofNoLetter...)))
	if diff := cmp.Diff(all, d.names()); diff != "" {
		t.Errorf("tables of which nothing is said (+), or that are not there (-):\n%s", diff)
	}
}

// PostgreSQL's statistics, which keep samples of rows that are gone, have none of what
// says who somebody is.
func TestNoStatisticSaysWho(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	if d.engine != &postgreSQL {
		return // SQLite keeps no samples
	}
	for i := range 20 {
		n, err := d.AddPerson(ctx, Person{Name: fmt.Sprint("Zuleika ", i), Email: fmt.Sprintf("zuleika%d@canary.example", i), Role: Manager})
		d.must(err)
		d.must(d.AddAnotherPasskey(ctx, n, fmt.Append(nil, "passkey ", i), fmt.Sprintf(`{"of": "Zuleika %d"}`, i)))
		d.must(d.exec(`INSERT INTO sso_people (issuer, subject, person, added) VALUES ('https://id.example.org', $1, $2, 1)`, fmt.Sprint("zuleika", i), n))
		d.must(d.exec(`INSERT INTO account_mails (token, person, why, address) VALUES ($1, $2, 'code', $3)`, fmt.Sprint(i), n, fmt.Sprintf("zuleika%d@canary.example", i)))
	}
	d.must(d.exec(`ANALYZE`))
	samples := func(what string) (n int) {
		d.must(d.read.QueryRowContext(ctx, `SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND
			(COALESCE(most_common_vals::text, '') LIKE $1 OR COALESCE(histogram_bounds::text, '') LIKE $1)`, "%"+what+"%").Scan(&n))
		return n
	}
	if samples("manager") == 0 {
		t.Fatal("the search finds nothing that is there")
	}
	for _, canary := range []string{"uleika", "canary"} {
		if n := samples(canary); n > 0 {
			t.Errorf("%d statistics keep %q", n, canary)
		}
	}
}

// names are those of the register's tables.
func (d *desk) names() (all []string) {
	d.t.Helper()
	for _, c := range d.columns() {
		if table := strings.Fields(c)[0]; !slices.Contains(all, table) {
			all = append(all, table)
		}
	}
	slices.Sort(all)
	return all
}

// columns are those of the register's tables: table, column and kind.
func (d *desk) columns() []string {
	d.t.Helper()
	query := sqliteColumns
	if d.engine == &postgreSQL {
		query = postgresColumns
	}
	return slices.DeleteFunc(d.lines(query, 6), func(line string) bool {
		return strings.HasPrefix(line, "goose") || strings.HasPrefix(line, "sqlite")
	})
}

// naming are the tables in which one of the ids stands, whatever the column.
func (d *desk) naming(ids ...letter.ID) (tables []string) {
	d.t.Helper()
	for _, c := range d.columns() {
		var table, column, kind string
		if _, err := fmt.Sscan(c, &table, &column, &kind); err != nil {
			d.t.Fatal(err)
		}
		text := `CAST("` + column + `" AS TEXT)`
		if kind == "bytes" && d.engine == &postgreSQL {
			text = `encode("` + column + `", 'escape')`
		}
		for _, id := range ids {
			var n int
			d.must(d.read.QueryRowContext(d.t.Context(), `SELECT count(*) FROM "`+table+`" WHERE `+text+` LIKE $1`, "%"+string(id)+"%").Scan(&n))
			if n > 0 && !slices.Contains(tables, table) {
				tables = append(tables, table)
			}
		}
	}
	slices.Sort(tables)
	return tables
}
