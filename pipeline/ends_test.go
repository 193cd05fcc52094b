package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// expired takes a letter past its deadline, with the clock confirmed.
func (o *office) toDeadline(m letter.Manifest) {
	o.t.Helper()
	o.now = m.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
}

func (o *office) deletion(id letter.ID) (ev register.LetterDeleted) {
	o.t.Helper()
	entries, err := o.cfg.Register.Entries(o.t.Context(), -1, "letter-deleted", id, 10)
	o.must(err)
	if len(entries) != 1 {
		o.t.Fatalf("%d deletion entries; the story is %s\n%s", len(entries), o.story(id), o.log)
	}
	o.must(json.Unmarshal(entries[0].Data, &ev))
	return ev
}

func TestALetterEndsWithProof(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err != nil {
		t.Fatal(err)
	}
	o.work(m.ID)
	for _, key := range []string{m.ObjectKey(), letter.ReceiptKey("office", m.ID), letter.IncomingKey("office", m.ID)} {
		if n := o.traces(key); n != 0 {
			t.Errorf("%d traces of %s", n, key)
		}
	}
	ev := o.deletion(m.ID)
	if ev.Versions != 1 || ev.By != "letterlock" || ev.Week != m.Week() || ev.KeyDies != m.Week().Over() || ev.RowsErased.IsZero() {
		t.Errorf("%+v", ev)
	}
}

// A letter that the storage's lifecycle has taken is finished, not an error.
func TestTheStorageWasFirst(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.days(3) // Letterlock was off for a while
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 0 || ev.By != "storage" {
		t.Errorf("%+v", ev)
	}
}

// Expiry meets every fault of the storage at every call; the proof is true all
// the same, and says what was found before the first attempt.
func TestExpiryAgainstFaults(t *testing.T) {
	for _, how := range []fault{fails, loses, pretends} {
		for at := 1; at <= 7; at++ {
			t.Run(fmt.Sprintf("%d at call %d", how, at), func(t *testing.T) {
				o := newOffice(t)
				m := o.deposit()
				o.work(m.ID)
				o.toDeadline(m)
				o.store.at, o.store.how, o.store.calls = at, how, 0
				if how == pretends {
					o.store.only = "Remove"
				}
				o.work(m.ID)
				if n := o.traces(m.ObjectKey()); n != 0 {
					t.Errorf("%d traces are left", n)
				}
				if ev := o.deletion(m.ID); ev.Versions != 1 {
					t.Errorf("%+v", ev)
				}
			})
		}
	}
}

// A storage that answers "removed" and removes nothing is an alarm, and never a proof.
func TestAStorageThatLies(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.work(m.ID)
	if l := o.state(m.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
		t.Errorf("it is %s because of %q", l.State, l.Trouble)
	}
	if lines := o.Check(t.Context()); ok(lines, "overdue") || ok(lines, "letters") {
		t.Error("the check says nothing of it")
	}
	o.store.at = 0 // it is mended
	o.work(m.ID)
	o.deletion(m.ID)
}

// A wrong clock must not delete.
func TestAWrongClockDeletesNothing(t *testing.T) {
	t.Run("a leap, without a witness", func(t *testing.T) {
		o := newOffice(t)
		m := o.deposit()
		o.work(m.ID)
		o.now = m.Week().Over().Start().AddDate(1, 0, 0)
		o.work(m.ID)
		o.must(o.EndKeys(t.Context()))
		if o.traces(m.ObjectKey()) != 1 || !o.cfg.Keyring.Has(m.Week()) {
			t.Fatal("a leap of the clock destroyed something")
		}
		if ok(o.Check(t.Context()), "clock") {
			t.Error("the check says nothing of it")
		}
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		o.work(m.ID)
		o.deletion(m.ID)
	})
	t.Run("it differs from the storage's", func(t *testing.T) {
		o := newOffice(t)
		m := o.deposit()
		o.work(m.ID)
		o.toDeadline(m)
		o.store.clock = func() (time.Time, error) { return o.now.Add(-time.Hour), nil }
		o.work(m.ID)
		if o.traces(m.ObjectKey()) != 1 {
			t.Fatal("deleted an hour before the storage's midnight")
		}
		o.store.clock = func() (time.Time, error) { return time.Time{}, deposit.ErrUnavailable }
		o.work(m.ID)
		if o.traces(m.ObjectKey()) != 1 {
			t.Fatal("a witness that cannot be asked was taken for agreement")
		}
		o.store.clock = func() (time.Time, error) { return o.now, nil }
		o.work(m.ID)
		o.deletion(m.ID)
	})
}

func TestKeysDieWhenTheirWeekIsOver(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.must(o.EndKeys(t.Context()))
	if !o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key died before its week was over")
	}
	// The three ends are independent: a storage that does not let go of the
	// letter does not keep its key alive.
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.work(m.ID)
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key lives")
	}
	if l := o.state(m.ID); l.State != register.Expiring {
		t.Fatalf("the letter is %s", l.State)
	}
	// A keyring restored from a backup does not bring it back.
	if _, err := o.cfg.Keyring.Make(m.Week()); err != nil {
		t.Fatal(err)
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) {
		t.Error("a dead key came back")
	}
}

// A stolen edge can put another version of a letter's object, on a versioned
// bucket: what was verified stays what people open, and all of it goes.
func TestALaterVersionChangesNothing(t *testing.T) {
	s3, err := archive.OpenS3(deposittest.Start(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s3.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, func(c *Config) {
		flaky := c.Store.(*flaky)
		// The storage's clock is the real one; this office's is not.
		flaky.Store, flaky.clock = s3, func() (time.Time, error) { return c.Now(), nil }
	})
	m := o.deposit()
	o.work(m.ID)
	before, err := o.PDF(t.Context(), o.state(m.ID))
	o.must(err)
	o.putRaw(m.ObjectKey(), []byte("something else"))
	after, err := o.PDF(t.Context(), o.state(m.ID))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("people are shown something else: %v", err)
	}
	o.toDeadline(m)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 2 {
		t.Errorf("%+v", ev)
	}
}
