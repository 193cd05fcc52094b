package register

import (
	"errors"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register/postgrestest"
)

// Each migration goes down again with data in the tables, and up once more: where a new
// version had to be taken back after a few days, the register goes on whole, with every
// letter, paper and person. Only what an older program knows nothing of is lost, as
// which servers are at work. Taken back as far as there was nothing, nothing is left.
func TestMigrationsGoDownAgain(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	for range 2 {
		l := d.receipted()
		d.opens(l.ID, leader)
		d.answered(l.ID, leader)
	}
	d.must(d.Join(ctx, Running{Name: "a", Boot: "b", Exposed: "192.0.2.1:80"}))
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "t", Person: leader, Body: "{}", Ends: d.now.AddDate(0, 0, 1)}, Room{}))
	kept := func() map[string]int {
		all := d.rowsOf(d.Register)
		maps.DeleteFunc(all, func(row string, _ int) bool {
			table, _, _ := strings.Cut(row, " ")
			return table == "servers" || table == "underway" || strings.HasPrefix(table, "goose")
		})
		return all
	}
	rows, tables, cfg := kept(), d.tables(), d.cfg
	downTo := func(version int64) {
		t.Helper()
		provider, err := d.engine.provider(d.write, func(string) {})
		d.must(err)
		done, err := provider.DownTo(ctx, version)
		if err != nil || len(done) == 0 {
			t.Fatalf("down to %d: %d migrations, %v", version, len(done), err)
		}
	}
	up := func() {
		t.Helper()
		d.must(d.Close())
		again, err := Open(ctx, cfg)
		d.must(err)
		t.Cleanup(func() { _ = again.Close() })
		d.Register = again
		if diff := cmp.Diff(tables, d.tables()); diff != "" {
			t.Errorf("up again, the tables differ:\n%s", diff)
		}
	}
	const released = 92 // what the oldest program has that a database of either kind may come from
	downTo(released)
	up()
	if diff := cmp.Diff(rows, kept()); diff != "" {
		t.Errorf("down and up again, the rows differ:\n%s", diff)
	}
	d.receipted()
	d.must(verify(d.export(), d.pub))
	downTo(0)
	if left := d.names(); len(left) != 0 {
		t.Errorf("all the way down, there are left: %v", left)
	}
	up()
	d.receipted()
}

// A program that is older than its data refuses it, names the version that is
// needed, and leaves everything as it is: in a file every byte.
func TestAnOlderProgramRefusesNewerData(t *testing.T) {
	d := newDesk(t)
	d.must(d.SetMeta(t.Context(), metaProgram, "v7.1.0"))
	_, err := d.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, TRUE)`)
	d.must(err)
	cfg, rows := d.cfg, d.rowsOf(d.Register)
	var before []byte
	if !postgrestest.OnPostgreSQL() {
		d.must(d.Close())
		before, err = os.ReadFile(d.path)
		d.must(err)
	}

	cfg.Program = "v6.0.0"
	_, err = Open(t.Context(), cfg)
	newer, ok := errors.AsType[*TooNewError](err)
	if !ok || newer.Program != "v7.1.0" || newer.Tables != 90001 || newer.Known < 76 {
		t.Fatalf("opened by an older program: %v", err)
	}
	if postgrestest.OnPostgreSQL() {
		if diff := cmp.Diff(rows, d.rowsOf(d.Register)); diff != "" {
			t.Errorf("the refused database was changed:\n%s", diff)
		}
		return
	}
	after, err := os.ReadFile(d.path)
	d.must(err)
	if string(before) != string(after) {
		t.Error("the refused database was changed")
	}
}

// Another process makes the tables and takes its time. Whoever begins beside it waits, as
// long as more of them are there each time.
func TestTablesThatAnotherMakesSlowly(t *testing.T) {
	postgrestest.OnSQLite(t) // elsewhere one has a lock for it
	d, ctx := newDesk(t), t.Context()
	provider, err := d.engine.provider(d.write, func(string) {})
	d.must(err)
	made, err := d.migrated(ctx)
	d.must(err)
	const slow = 40 // of a tenth of a second, in which a look may come
	rest := made[len(made)-slow:]
	_, err = d.write.ExecContext(ctx, `DELETE FROM goose_db_version WHERE version_id >= $1`, rest[0])
	d.must(err)
	var another sync.WaitGroup
	another.Go(func() {
		for _, version := range rest {
			time.Sleep(100 * time.Millisecond)
			if _, err := d.write.ExecContext(ctx, `INSERT INTO goose_db_version (version_id, is_applied) SELECT $1, TRUE WHERE NOT EXISTS (SELECT 1 FROM goose_db_version WHERE version_id = $1)`, version); err != nil {
				t.Error(err)
			}
		}
	})
	if err := d.bringUpToDate(ctx, provider); err != nil {
		t.Errorf("it gives up while they are made: %v", err)
	}
	another.Wait()
}

// Whoever changes the tables leaves its name for that refusal.
func TestTheProgramThatMadeTheTablesIsNoted(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	cfg := d.cfg
	d.must(d.Close())
	d.must(os.Remove(d.path))
	for _, step := range []struct{ program, want string }{{"v6.0.0", "v6.0.0"}, {"v6.0.1", "v6.0.0"}} { // the second changes none
		cfg.Program = step.program
		r, err := Open(t.Context(), cfg)
		d.must(err)
		if noted, err := r.Meta(t.Context(), metaProgram); err != nil || noted != step.want {
			t.Errorf("opened by %s, the tables are noted as of %q, %v", step.program, noted, err)
		}
		d.must(r.Close())
	}
}
