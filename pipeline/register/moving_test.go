package register

import (
	"errors"
	"path/filepath"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// elsewhere is another database, in which nothing is.
func (d *desk) elsewhere() (*Register, Config) {
	d.t.Helper()
	cfg := d.cfg
	cfg.Path, cfg.URL = filepath.Join(d.t.TempDir(), "elsewhere.db"), postgrestest.Empty(d.t)
	d.must(Vacant(d.t.Context(), cfg))
	to, err := Open(d.t.Context(), cfg)
	d.must(err)
	d.t.Cleanup(func() { _ = to.Close() })
	return to, cfg
}

// A register that was moved is whole in the other, and says where it came from; what
// has the old one open still records nothing there, and nobody opens it again.
func TestAMovedRegisterGoesOnInOnePlaceOnly(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	to, cfg := d.elsewhere()
	before, err := HeadOf(ctx, d.cfg)
	d.must(err)
	late := make(chan error, 1)
	if _, _, err := d.MoveTo(ctx, to, Moving{From: "there", Then: func() error {
		beside, err := Open(ctx, d.cfg) // as a command that somebody runs meanwhile
		if err != nil {
			return err
		}
		go func() {
			late <- beside.Record(ctx, RegisterExported{}, 0)
			_ = beside.Close()
		}()
		return Vacant(ctx, cfg)
	}}); err != nil {
		t.Fatal(err)
	}
	if err := <-late; !errors.Is(err, errElsewhere) {
		t.Errorf("recorded beside the move: %v", err)
	}
	if now, err := HeadOf(ctx, d.cfg); err != nil || now != before {
		t.Errorf("the old register has another head, %v", err)
	}
	d.must(to.Holds(ctx, before))
	if err := d.Record(ctx, RegisterExported{}, 0); !errors.Is(err, errElsewhere) {
		t.Errorf("recorded where it was: %v", err)
	}
	if again, err := Open(ctx, d.cfg); !errors.Is(err, errElsewhere) {
		t.Errorf("opened where it was: %v", err)
		_ = again.Close()
	}

	old, there, err := to.OldPlace(ctx)
	if err != nil || !there || old.Place != "there" || old.Going {
		t.Errorf("it came from %+v, %v", old, err)
	}
	if err := Vacant(ctx, cfg); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("in use, it can be moved over: %v", err)
	}
	d.must(to.BeginRemoval(ctx, old))
	d.must(to.EndRemoval(ctx))
	if _, there, err := to.OldPlace(ctx); err != nil || there {
		t.Errorf("removed, and there is an old place, %v", err)
	}
	d.Register = to
	d.receipted()
	d.must(verify(d.export(), d.pub))
	d.balanced()
}

// A move that fails at its end, or is cut off before, leaves the old register at
// work, and what it has left in the other is filled again, with what came since.
func TestAMoveThatFailsLeavesTheOldRegister(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	to, cfg := d.elsewhere()
	full := errors.New("no room")
	if _, _, err := d.MoveTo(ctx, to, Moving{From: "there", Then: func() error { return full }}); !errors.Is(err, full) {
		t.Fatalf("it ended with %v", err)
	}
	d.receipted()
	d.must(Vacant(ctx, cfg))
	var copied, rows int64
	far := func(done, of int64) {
		if done <= copied || rows != 0 && of != rows {
			t.Errorf("after %d of %d rows it says %d of %d", copied, rows, done, of)
		}
		copied, rows = done, of
	}
	entries, signed, err := d.MoveTo(ctx, to, Moving{From: "there", Far: far, Then: func() error { return nil }})
	d.must(err)
	if rows == 0 || copied != rows {
		t.Errorf("it ended with %d of %d rows", copied, rows)
	}
	d.must(to.Holds(ctx, signed))
	if n, _, err := to.Checkpoint(ctx); err != nil || n != entries+1 { // that it was moved
		t.Errorf("%d entries of %d, %v", n, entries, err)
	}
}

// What a move that was cut off has left is nobody's to fill once it is worked with,
// also by somebody who has not said so.
func TestACopyThatIsUsedIsNotFilledAgain(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	for what, use := range map[string]func(*Register) error{
		"used":        func(to *Register) error { return to.Use(ctx) },
		"recorded in": func(to *Register) error { return to.Record(ctx, RegisterExported{}, 0) },
	} {
		to, cfg := d.elsewhere()
		cut := errors.New("cut off")
		if _, _, err := d.MoveTo(ctx, to, Moving{Then: func() error { return cut }}); !errors.Is(err, cut) {
			t.Fatalf("it ended with %v", err)
		}
		d.must(Vacant(ctx, cfg))
		d.must(use(to))
		if err := Vacant(ctx, cfg); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%s, it can be moved over: %v", what, err)
		}
		if _, _, err := d.MoveTo(ctx, to, Moving{}); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("%s, it was moved over: %v", what, err)
		}
	}
}
