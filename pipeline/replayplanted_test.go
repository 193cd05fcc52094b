package pipeline

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// A thief with a scanner's credentials puts something in the place of a letter that
// was not read back yet, and something else where it was never chosen to lie. The
// replay comes to its end all the same: where the true copy is there still, in another
// version, it is the letter, and where it is not, the letter waits for its scanner.
func TestAPlantedObjectStopsNoReplay(t *testing.T) {
	t.Run("in a folder", func(t *testing.T) { planted(t, newOffice(t), false) })
	t.Run("on S3", func(t *testing.T) { planted(t, newS3Office(t), true) })
}

func planted(t *testing.T, o *office, versions bool) {
	ctx := t.Context()
	other := o.depositPDF(specimen.New(2, 1).ColourPDF())
	o.work(other.ID)
	m := o.deposit()
	o.must(o.Admit(ctx))
	foreign := register.Lodging{Class: letter.SixMonths, Helpline: "mens-advice-line", Since: m.ReceivedOn()}
	o.putRaw(foreign.Key(m.ID), o.object(other.ObjectKey()))
	o.putRaw(m.ObjectKey(), []byte("nothing that opens"))
	o.must(o.cfg.Register.KeepClosed(ctx, []register.RestoreSign{register.SignPerson}))
	done, err := o.Replay(ctx, func(ReplayStep) {})
	if err != nil {
		t.Fatalf("the replay ended with %v", err)
	}
	o.work(m.ID)
	l := o.state(m.ID)
	if !versions {
		return
	}
	if done.Elsewhere != 0 || l.State != register.Notified || l.Helpline != m.Helpline {
		t.Errorf("did %+v, and it is %+v", done, l)
	}
	o.opens(m)
}

// damaged is a store whose object of that key is not what it was.
type damaged struct {
	Store
	key string
}

func (d damaged) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	body, size, err := d.Store.Read(ctx, key, version)
	if err != nil || key != d.key {
		return body, size, err
	}
	return io.NopCloser(bytes.NewReader(make([]byte, size))), size, body.Close()
}

// A copy that cannot be read any more stops no replay either, and what anybody can have
// put is not believed in its stead.
func TestADamagedLetterStopsNoReplay(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.deposit()
	o.work(m.ID)
	foreign := register.Lodging{Class: letter.SixMonths, Helpline: "mens-advice-line", Since: m.ReceivedOn()}
	o.putRaw(foreign.Key(m.ID), o.object(m.ObjectKey()))
	o.store.Store = damaged{o.store.Store, m.ObjectKey()}
	o.must(o.cfg.Register.KeepClosed(ctx, []register.RestoreSign{register.SignPerson}))
	done, err := o.Replay(ctx, func(ReplayStep) {})
	if err != nil || done.Elsewhere != 0 || done.Unread != 1 {
		t.Errorf("did %+v, %v", done, err)
	}
}

// A decision that was withdrawn after the backup comes back with it. The letter lies
// where it was put since, which ends earlier: it is kept as decided, and named to whoever
// replays.
func TestAWithdrawnDecisionComesBackAndIsNamed(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m, later := o.read(), o.read()
	o.safeguard(m.ID)
	o.work(m.ID)
	copied := o.backUp()
	o.person(register.Manager, "max@example.org")
	o.must(o.cfg.Register.AskWithdrawal(ctx, m.ID, register.NoneApplies, oneLeader))
	o.secondPerson(m)
	o.safeguard(later.ID)
	o.work(later.ID)
	if done := o.loses(copied, m.ID, later.ID); done.Elsewhere != 2 {
		t.Errorf("did %+v", done)
	}
	if l := o.lies(m); l.Lies.Class != letter.FiveYears {
		t.Errorf("it lies in %s", l.Lies.Class)
	}
	if ids, err := o.cfg.Register.FoundEarlier(ctx); err != nil || len(ids) != 1 || ids[0] != m.ID {
		t.Errorf("named are %v, %v", ids, err)
	}
}

// A place that a letter has left is not emptied by a register from a backup: it may
// not know of what was decided since.
func TestAnOlderRegisterEmptiesNoPlace(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.safeguarded()
	o.cfg.Step = func(step string, _ letter.ID) {
		if step == "moved" {
			panic(errCut)
		}
	}
	for !untilCut(func() { o.must(o.Advance(ctx, m.ID)) }) {
	}
	o.cfg.Step = func(string, letter.ID) {}
	copied := o.backUp()
	o.must(o.PublishRecipients(ctx))
	o.restore(copied)
	for range 5 {
		if err := o.Advance(ctx, m.ID); err != nil && !errors.Is(err, register.ErrClosed) {
			t.Fatal(err)
		}
	}
	if n := o.traces(m.ObjectKey()); n != 1 {
		t.Errorf("%d traces in the place that it has left", n)
	}
}

// A letter was kept for five years after the backup, and the key to which it was sealed
// then is not there: the letter is not proven gone on its old deadline, and its only copy
// stays. Once the key is back it opens.
func TestACopyThatNobodyCanOpenIsNotALettersEnd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	ctx := t.Context()
	o.person(register.Manager, "max@example.org")
	m := o.read()
	copied := o.backUp()
	o.safeguard(m.ID)
	o.work(m.ID)
	kept := o.lies(m).Lies
	file := filepath.Join(dir, string(kept.Week())+".txt")
	o.must(os.Rename(file, file+".away"))
	o.now = m.Deadline().Start().Add(time.Hour)
	if done := o.loses(copied, m.ID); done.Deleted != 0 || done.Unread != 1 {
		t.Errorf("did %+v", done)
	}
	o.must(o.endReturned(ctx))
	if o.traces(kept.Key(m.ID)) == 0 {
		t.Fatal("the only copy is gone")
	}
	l := o.state(m.ID)
	if !l.Held() || l.Lies.Class != letter.FiveYears || l.State == register.Expiring {
		t.Errorf("it is %+v", l)
	}
	o.must(os.Rename(file+".away", file))
	o.work(m.ID)
	if _, err := o.PDF(ctx, o.state(m.ID)); err != nil {
		t.Errorf("with its key it does not open: %v", err)
	}
}
