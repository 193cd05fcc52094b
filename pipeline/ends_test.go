package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// toDeadline takes a letter past its deadline, with the clock confirmed.
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

// ends are what comes to an end on a deadline of its own, each as it lies there until
// then.
var ends = map[string]func(*office) letter.ID{
	"a letter": func(o *office) letter.ID {
		m := o.deposit()
		o.work(m.ID)
		return m.ID
	},
	"a five-year copy": func(o *office) letter.ID {
		m := o.safeguarded()
		o.work(m.ID)
		return m.ID
	},
	"an answer": func(o *office) letter.ID { // whose letter is gone by then
		m := o.read()
		o.days(3)
		id := o.kept(m, onePage())
		o.work(id)
		o.toDeadline(m)
		o.work(m.ID)
		o.deletion(m.ID)
		return id
	},
}

// atDeadline is an office at which one of ends is due, and nothing else.
func atDeadline(t *testing.T, what string, opts ...option) (*office, register.Letter) {
	t.Helper()
	o := newOffice(t, opts...)
	l := o.state(ends[what](o))
	if l.MoveDue() || l.NotBefore != nil {
		t.Fatalf("something is still to be done for it: %+v", l)
	}
	o.now = l.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	return o, l
}

// eachEnd runs a test for each of ends.
func eachEnd(t *testing.T, test func(t *testing.T, what string)) {
	t.Helper()
	for what := range ends {
		t.Run(what, func(t *testing.T) { test(t, what) })
	}
}

// gone reports whether it is proven gone.
func (o *office) gone(id letter.ID) bool {
	o.t.Helper()
	proven, err := o.cfg.Register.ProvenGone(o.t.Context(), []letter.ID{id})
	o.must(err)
	return len(proven) == 1
}

// endedOnce checks that it is gone with one proof, of one version.
func (o *office) endedOnce(l register.Letter) {
	o.t.Helper()
	for _, at := range l.Places() {
		if n := o.traces(at.Key(l.ID)); n != 0 {
			o.t.Errorf("%d traces are left in %s", n, at.Class)
		}
	}
	if ev := o.deletion(l.ID); ev.Versions != 1 || ev.By != register.ByLetterlock || ev.Class != l.Class || ev.RowsErased.IsZero() {
		o.t.Errorf("%+v", ev)
	}
	if n, err := o.cfg.Register.Overdue(o.t.Context(), letter.DateOf(o.now)); n != 0 || err != nil {
		o.t.Errorf("%d are overdue, %v", n, err)
	}
}

// Expiry meets every fault of the storage, at one more call with each try; the proof
// is true all the same, and says what was found before the first.
func TestExpiryAgainstFaults(t *testing.T) {
	eachEnd(t, func(t *testing.T, what string) {
		for _, how := range []fault{fails, loses, pretends} {
			t.Run(fmt.Sprint(how), func(t *testing.T) {
				o, l := atDeadline(t, what)
				least := 8 // calls, each of which fails once
				if how != fails {
					o.store.only, least = "Remove", 1
				}
				met := 0
				for ; !o.gone(l.ID); met++ {
					if met > 50 {
						t.Fatalf("it does not end: %+v\n%s", o.state(l.ID), o.log)
					}
					o.store.calls, o.store.at, o.store.how = 0, met+1, how
					if how == loses { // what it removed is gone, and not asked for again
						o.store.at = 1
					}
					o.must(o.Advance(t.Context(), l.ID))
					_, err := o.cfg.Register.ProveErased(t.Context())
					o.must(err)
					o.now = o.now.Add(2 * time.Minute) // waits pass
				}
				if met <= least {
					t.Errorf("it has met %d faults", met-1)
				}
				o.store.at = 0
				o.endedOnce(l)
			})
		}
	})
}

// endSteps are the boundaries of an end, up to the proof.
var endSteps = []string{"expiring", "store-emptied", "rows-deleted"}

// One worker stops at any step, as one does that dies there; another does the whole
// of it, proof included. Then the first goes on after all.
func TestTwoWorkersExpireOneLetter(t *testing.T) {
	eachEnd(t, func(t *testing.T, what string) {
		for _, step := range endSteps {
			t.Run(step, func(t *testing.T) {
				o, l := atDeadline(t, what)
				var stopped atomic.Bool
				waits, goOn := make(chan struct{}), make(chan struct{})
				o.cfg.Step = func(at string, _ letter.ID) {
					if at == step && stopped.CompareAndSwap(false, true) {
						close(waits)
						<-goOn
					}
				}
				done := make(chan error)
				go func() { done <- o.Advance(t.Context(), l.ID) }()
				<-waits
				o.work(l.ID)
				o.endedOnce(l)
				close(goOn)
				if err := <-done; err != nil {
					t.Errorf("the slow worker: %v", err)
				}
				o.work(l.ID)
				o.endedOnce(l)
			})
		}
	})
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

// onS3 gives the office a bucket on a real S3 server.
func onS3(t testing.TB) option {
	s3, err := archive.OpenS3(deposittest.Start(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s3.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func(c *Config) {
		flaky := c.Store.(*flaky)
		// The storage's clock is the real one; this office's is not.
		flaky.Store, flaky.clock = s3, func() (time.Time, error) { return c.Now(), nil }
	}
}

// A stolen edge can put another version of a letter's object, on a versioned
// bucket: what was verified stays what people open, and all of it goes.
func TestALaterVersionChangesNothing(t *testing.T) {
	o := newOffice(t, onS3(t))
	m := o.deposit()
	o.work(m.ID)
	before, err := o.PDF(t.Context(), o.state(m.ID))
	o.must(err)
	o.putRaw(m.ObjectKey(), []byte("something else"))
	after, err := o.PDF(t.Context(), o.state(m.ID))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("people are shown something else: %v", err)
	}
	// Left there, it would have the storage end the letter beneath it.
	var w watch
	o.must(o.uncoverLetters(t.Context(), &w))
	if newest, err := o.readSmall(t.Context(), m.ObjectKey()); err != nil || hashOf(newest) != m.SHA256 || o.traces(m.ObjectKey()) != 1 {
		t.Errorf("%d versions are left, %v", o.traces(m.ObjectKey()), err)
	}
	if n := o.kinds("letter-covered"); n != 1 {
		t.Errorf("%d times on the register", n)
	}
	o.must(o.uncoverLetters(t.Context(), &watch{}))
	o.putRaw(m.ObjectKey(), []byte("something else"))
	o.toDeadline(m)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 2 || o.kinds("letter-covered") != 1 {
		t.Errorf("%+v", ev)
	}
}

// An honest scanner put its letter once more over the verified one while no server was
// there, and the storage took the older of the two: they are the same, and it is read.
func TestTheSameBytesTakeAVersionsPlace(t *testing.T) {
	o := newOffice(t, onS3(t))
	ctx := t.Context()
	m := o.deposit()
	o.work(m.ID)
	before, err := o.PDF(ctx, o.state(m.ID))
	o.must(err)
	verified := o.state(m.ID).Lies.Version
	o.putRaw(m.ObjectKey(), o.object(m.ObjectKey()))
	o.must(o.store.Store.Remove(ctx, m.ObjectKey(), archive.Trace{Kind: archive.Version, ID: verified}))
	o.must(o.Close()) // what was held in memory
	after, err := o.PDF(ctx, o.state(m.ID))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("people are not shown the letter: %v", err)
	}
	if now := o.state(m.ID).Lies.Version; now == verified || now == "" {
		t.Errorf("on record is version %q", now)
	}
	if n := o.kinds("letter-repinned"); n != 1 {
		t.Errorf("%d times on the register", n)
	}
	o.toDeadline(m)
	o.work(m.ID)
	o.deletion(m.ID)
}
