package register

import (
	"database/sql"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"letterlock/pipeline/register/postgrestest"
)

// Two processes append to one register as they like, and what they take back
// again leaves nothing: it is one tree, whoever remembers which edge of it.
func TestManyHandsGrowOneTree(t *testing.T) {
	d := newDesk(t)
	other, err := Open(t.Context(), d.cfg)
	d.must(err)
	t.Cleanup(func() { _ = other.Close() })
	hands := []*Register{d.Register, other}
	want := 1
	rapid.Check(t, func(t *rapid.T) {
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 7), 1, 12).Draw(t, "steps") {
			r, takenBack, several := hands[step&1], step&2 != 0, step>>2+1
			errTakenBack := errors.New("taken back")
			err := r.inTx(t.Context(), func(tx *sql.Tx) error {
				for range several {
					if err := r.append(t.Context(), tx, FolderMade{}, "", int64(step)); err != nil {
						return err
					}
				}
				if takenBack {
					return errTakenBack
				}
				want += several
				return nil
			})
			if err != nil && !errors.Is(err, errTakenBack) {
				t.Fatal(err)
			}
		}
		if n, err := d.VerifyTip(t.Context()); err != nil || n != int64(want) {
			t.Fatalf("%d entries are under the signed head, want %d: %v", n, want, err)
		}
	})
	d.must(verify(d.export(), d.pub))
}

// A register whose rows are numbered as they were at first is the same one
// afterwards.
func TestAnOlderRegisterIsTakenOver(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	for range 5 {
		d.receipted()
	}
	before := d.export()
	provider, err := sqlite.provider(d.write, func(string) {})
	d.must(err)
	_, err = provider.ApplyVersion(t.Context(), 60, false)
	d.must(err)
	d.must(d.Close())
	d.Register, err = Open(t.Context(), d.cfg)
	d.must(err)
	if d.export() != before {
		t.Error("the export is another")
	}
	d.receipted()
	d.must(verify(d.export(), d.pub))
	if _, err := d.VerifyTip(t.Context()); err != nil {
		t.Error(err)
	}
}
