package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// rowsOf are all rows of all tables, each as text, in no order.
func (d *desk) rowsOf(r *Register) map[string]int {
	d.t.Helper()
	tx, err := r.reading(d.t.Context())
	d.must(err)
	defer func() { _ = tx.Rollback() }()
	names, err := r.tables(d.t.Context(), tx)
	d.must(err)
	all := map[string]int{}
	for _, name := range names {
		rows, err := tx.QueryContext(d.t.Context(), `SELECT * FROM `+name)
		d.must(err)
		columns, err := rows.Columns()
		d.must(err)
		for rows.Next() {
			row, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range row {
				into[i] = &row[i]
			}
			d.must(rows.Scan(into...))
			all[fmt.Sprintf("%s %T %v", name, row, row)]++
		}
		d.must(errors.Join(rows.Err(), rows.Close()))
	}
	return all
}

// From one database into a file, and from that into the other again, a register is
// the same in every row, verifies, and goes on: with the next entry, and with numbers
// that nothing has had before, also where what had the last is gone.
func TestACopyIsTheSameRegister(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	_, err = d.AddPerson(ctx, Person{Name: "Dee", Email: "dee@example.org", Role: DPO})
	d.must(err)
	hold := func(id letter.ID) int64 {
		n, err := d.PlaceHold(ctx, Hold{Letter: id, Reason: Coroner, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
		d.must(err)
		return n
	}
	var last int64
	for range 30 {
		l := d.receipted()
		d.opens(l.ID, leader)
		last = hold(l.ID)
	}
	answered := d.receipted().ID
	d.opens(answered, leader)
	d.answered(answered, leader)
	d.release(last, manager)
	d.must(d.inTx(ctx, func(tx *sql.Tx) error { return d.askRelease(ctx, tx, last-1, manager) }))
	if owed, err := d.OwedRequestMails(ctx, "example.org"); err != nil || len(owed) != 1 {
		t.Fatalf("of the end of a hold %d are told, %v", len(owed), err)
	}
	d.signsIn()
	want := d.rowsOf(d.Register)

	cfg := d.cfg
	for _, at := range []Config{{Path: filepath.Join(t.TempDir(), "copy.db")}, {URL: postgrestest.Empty(t), Path: filepath.Join(t.TempDir(), "again.db")}} {
		cfg.Path, cfg.URL = at.Path, at.URL
		to, err := Open(ctx, cfg)
		d.must(err)
		defer func() { _ = to.Close() }()
		var told int64
		entries, signed, err := d.CopyTo(ctx, to, func(_ string, rows int64) { told += rows })
		d.must(err)
		got := d.rowsOf(to)
		if diff := cmp.Diff(want, got); diff != "" || told == 0 {
			t.Fatalf("the copy differs:\n%s", diff)
		}
		if n, same, err := to.Checkpoint(ctx); err != nil || n != entries || same != signed {
			t.Errorf("the copy has %d entries of %d, %v", n, entries, err)
		}
		if _, _, err := d.CopyTo(ctx, to, nil); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("copied over another: %v", err)
		}
		if diff := cmp.Diff(want, d.rowsOf(to)); diff != "" {
			t.Errorf("a refused copy has changed it:\n%s", diff)
		}
		d.Register = to // and goes on there
	}
	d.must(verify(d.export(), d.pub))
	l := d.receipted()
	if n := hold(l.ID); n != last+1 {
		t.Errorf("the next hold is number %d, after %d", n, last)
	}
	d.balanced()
}

// signsIn leaves behind what somebody does who signs in: a challenge of a stranger, who
// has no session yet, and that it was answered.
func (d *desk) signsIn() {
	d.t.Helper()
	u := Underway{Kind: "challenge", Token: "of a browser", Body: "asked", Ends: d.now.Add(24 * time.Hour)}
	d.must(d.KeepUnderway(d.t.Context(), u, Room{}))
	u.Kind = "answered"
	_, err := d.SpendUnderway(d.t.Context(), u)
	d.must(err)
}

// What is empty in a column of bytes is empty in a copy, and not null: in every such
// column of every table, from each database into each, and what is null stays null.
func TestACopyKeepsWhatIsEmpty(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	l := d.receipted()
	d.opens(l.ID, d.leader())
	d.signsIn()
	person, err := d.AddPerson(ctx, Person{Name: "Dee", Email: "dee@example.org", Role: DPO})
	d.must(err)
	_, err = d.SignIn(ctx, person, WithPasskey)
	d.must(err)
	emptied := d.emptiesBytes()
	if !slices.Contains(emptied, "underway.session") || !slices.Contains(emptied, "sessions.hash") {
		t.Fatalf("emptied: %v", emptied)
	}
	want := d.rowsOf(d.Register)
	for _, url := range []string{"", postgrestest.Empty(t), ""} {
		cfg := d.cfg
		cfg.Path, cfg.URL = filepath.Join(t.TempDir(), "copy.db"), url
		to, err := Open(ctx, cfg)
		d.must(err)
		defer func() { _ = to.Close() }()
		_, _, err = d.CopyTo(ctx, to, nil)
		d.must(err)
		if diff := cmp.Diff(want, d.rowsOf(to)); diff != "" {
			t.Fatalf("the copy differs:\n%s", diff)
		}
		d.Register = to
	}
}

// emptiesBytes makes every column of bytes empty in one row of its table, but for the
// tree, which a copy compares.
func (d *desk) emptiesBytes() (emptied []string) {
	d.t.Helper()
	ctx := d.t.Context()
	d.must(d.inTx(ctx, func(tx *sql.Tx) error {
		names, err := d.Register.tables(ctx, tx)
		if err != nil {
			return err
		}
		for _, name := range slices.DeleteFunc(names, func(name string) bool { return name == "tree" }) {
			rows, err := tx.QueryContext(ctx, `SELECT * FROM `+name)
			if err != nil {
				return err
			}
			columns, err := rows.ColumnTypes()
			if err = errors.Join(err, rows.Close()); err != nil {
				return err
			}
			for _, c := range columns {
				if kind := c.DatabaseTypeName(); kind != "BLOB" && kind != "BYTEA" {
					continue
				}
				one := `(SELECT ` + c.Name() + ` FROM ` + name + ` LIMIT 1)`
				res, err := tx.ExecContext(ctx, `UPDATE `+name+` SET `+c.Name()+` = $1 WHERE `+c.Name()+` = `+one, []byte{})
				if err != nil {
					return fmt.Errorf("%s.%s: %w", name, c.Name(), err)
				}
				if n, err := res.RowsAffected(); err != nil {
					return err
				} else if n > 0 {
					emptied = append(emptied, name+"."+c.Name())
				}
			}
		}
		return nil
	}))
	return emptied
}

// Each table to whose rows others refer is copied before these.
func TestWhatIsReferredToIsCopiedFirst(t *testing.T) {
	refers := regexp.MustCompile(`REFERENCES (\w+)`)
	for _, e := range []*engine{&sqlite, &postgreSQL} {
		d := &desk{t: t}
		names, err := fs.Glob(migrations, e.migrations+"/*.sql")
		d.must(err)
		found := 0
		for _, name := range names {
			text, err := fs.ReadFile(migrations, name)
			d.must(err)
			for _, m := range refers.FindAllStringSubmatch(string(text), -1) {
				if found++; !slices.Contains(owners, m[1]) {
					t.Errorf("%s refers to %s, which is copied in the order of the names", name, m[1])
				}
			}
		}
		if found == 0 {
			t.Error("nothing refers to anything: the search cannot fail")
		}
	}
}

// One that is cut off on its way leaves the other empty, and is done again.
func TestACopyThatIsCutOffLeavesNothing(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	cfg := d.cfg
	cfg.Path, cfg.URL = filepath.Join(t.TempDir(), "copy.db"), postgrestest.Empty(t)
	to, err := Open(ctx, cfg)
	d.must(err)
	defer func() { _ = to.Close() }()
	before := d.rowsOf(to)
	brief, cut := context.WithCancel(ctx)
	if _, _, err := d.CopyTo(brief, to, func(table string, _ int64) {
		if table == "letters" {
			cut()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cut off, it ended with %v", err)
	}
	if diff := cmp.Diff(before, d.rowsOf(to)); diff != "" {
		t.Errorf("something is left of it:\n%s", diff)
	}
	_, _, err = d.CopyTo(ctx, to, nil)
	d.must(err)
}
