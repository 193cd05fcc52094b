package register

import (
	"errors"
	"os"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// A program that is older than its data refuses it, names the version that is
// needed, and leaves every byte as it is.
func TestAnOlderProgramRefusesNewerData(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	d.must(d.SetMeta(t.Context(), metaProgram, "v7.1.0"))
	_, err := d.write.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, TRUE)`)
	d.must(err)
	cfg := d.cfg
	d.must(d.Close())
	before, err := os.ReadFile(d.path)
	d.must(err)

	cfg.Program = "v6.0.0"
	_, err = Open(t.Context(), cfg)
	newer, ok := errors.AsType[*TooNewError](err)
	if !ok || newer.Program != "v7.1.0" || newer.Tables != 90001 || newer.Known < 76 {
		t.Fatalf("opened by an older program: %v", err)
	}
	after, err := os.ReadFile(d.path)
	d.must(err)
	if string(before) != string(after) {
		t.Error("the refused database was changed")
	}
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
