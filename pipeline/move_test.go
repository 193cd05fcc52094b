package pipeline

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// moveSteps are the boundaries of a letter's way to another place.
var moveSteps = []string{"move-key", "move-begun", "move-sealed", "move-put", "moved", "move-leaving", "move-left", "move-done"}

const (
	oneLeader = 1 // of every office here
)

// safeguarded is a letter that its leader has read and decided to keep for five years.
func (o *office) safeguarded() letter.Manifest {
	o.t.Helper()
	m := o.deposit()
	o.work(m.ID)
	o.must(o.cfg.Register.RecordOpening(o.t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	o.safeguard(m.ID)
	return m
}

func (o *office) safeguard(id letter.ID) {
	o.t.Helper()
	o.must(o.cfg.Register.Safeguard(o.t.Context(), id, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.WasTold,
		Review: letter.DateOf(o.now).AddDays(30), Named: oneLeader}, oneLeader))
}

// unkept is a letter that was kept for five years, and is not after all.
func (o *office) unkept() letter.Manifest {
	o.t.Helper()
	m := o.read()
	o.now = o.now.AddDate(0, 0, 3) // its six months count from its receipt
	o.safeguard(m.ID)
	o.work(m.ID)
	o.must(o.cfg.Register.AskWithdrawal(o.t.Context(), m.ID, register.NoneApplies, oneLeader))
	o.confirm(m.ID)
	return m
}

// moves are the ways on which a letter goes, to another place and back.
var moves = map[string]func(*office) letter.Manifest{"there": (*office).safeguarded, "back": (*office).unkept}

// lies checks that exactly one copy of the letter is in the bucket, where its
// decisions want it, and that it opens.
func (o *office) lies(m letter.Manifest) register.Letter {
	o.t.Helper()
	l := o.state(m.ID)
	if l.MoveDue() || l.NotBefore != nil {
		o.t.Errorf("something is still to be moved: it lies in %+v, comes to %+v, leaves %+v because of %q\n%s", l.Lies, l.Coming, l.Leaving, l.Trouble, o.log)
	}
	for _, at := range append(l.Places(), register.Lodging{Class: letter.SixMonths, Helpline: m.Helpline, Since: m.ReceivedOn()},
		register.Lodging{Class: letter.FiveYears, Helpline: m.Helpline, Since: letter.DateOf(o.now)}) {
		want := 0
		if at == l.Wanted() {
			want = 1
		}
		if n := o.traces(at.Key(m.ID)); n != want {
			o.t.Errorf("%d traces in %s of %s, want %d\n%s", n, at.Class, at.Since, want, o.log)
		}
	}
	o.opens(m)
	return l
}

func (o *office) opens(m letter.Manifest) {
	o.t.Helper()
	if plain, err := o.PDF(o.t.Context(), o.state(m.ID)); err != nil || !bytes.HasPrefix(plain, []byte("%PDF")) {
		o.t.Errorf("the letter does not open: %v\n%s", err, o.log)
	}
}

func TestALetterIsKeptForFiveYears(t *testing.T) {
	t.Run("in a folder", func(t *testing.T) { keptForFiveYears(t, newOffice(t)) })
	t.Run("on S3", func(t *testing.T) { keptForFiveYears(t, newS3Office(t)) })
}

func newS3Office(t *testing.T) *office {
	t.Helper()
	s3, err := archive.OpenS3(deposittest.Start(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s3.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return newOffice(t, func(c *Config) {
		flaky := c.Store.(*flaky)
		// The storage's clock is the real one; this office's is not.
		flaky.Store, flaky.clock = s3, func() (time.Time, error) { return c.Now(), nil }
	})
}

func keptForFiveYears(t *testing.T, o *office) {
	m := o.safeguarded()
	decided := letter.DateOf(o.now)
	if got := o.state(m.ID).Deadline(); got != decided.AddMonths(60) {
		t.Errorf("before it is moved, its deadline is %s", got)
	}
	o.putRaw(o.state(m.ID).Wanted().Key(m.ID), []byte("a stranger with an edge's credentials was here first"))
	o.work(m.ID)
	l := o.lies(m)
	if l.Lies.Class != letter.FiveYears || l.Week() != letter.WeekOf(decided.AddMonths(60)) || l.Lies.SHA256 == m.SHA256 {
		t.Errorf("it lies as %+v", l.Lies)
	}
	if got := o.story(m.ID); !strings.HasSuffix(got, "letter-safeguarded letter-move-begun letter-move-given-up old-copy-removed letter-move-begun letter-moved old-copy-removed") {
		t.Errorf("on the register: %s", got)
	}

	// The edge asks for its receipt again: it is in the words of what it deposited.
	o.announce(m)
	o.work(m.ID)
	if r := o.receiptOf(m); r == nil || r.SHA256 != m.SHA256 || len(o.held()) > 0 {
		t.Errorf("receipt %+v, held %v", r, o.held())
	}

	// Its old deadline and its old key pass it by.
	o.toDeadline(m)
	o.work(m.ID)
	o.now = m.Week().Over().Start().Add(time.Hour)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) {
		t.Error("the key to which it is no longer sealed lives on")
	}
	o.opens(m)
	if ok(o.Check(t.Context()), "reviews") {
		t.Error("the check says nothing of the review that is due")
	}

	// Five years after the decision it is gone, with proof.
	o.now = decided.AddMonths(60).Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Class != letter.FiveYears || ev.Versions != 1 || ev.Week != l.Week() || ev.Deadline != l.Deadline() {
		t.Errorf("%+v", ev)
	}
	if n := o.traces(l.ObjectKey()); n != 0 {
		t.Errorf("%d traces are left", n)
	}
}

// Each call to the storage fails, loses its answer or lies once: in the end
// there is one copy, in the right place.
func TestMovingAgainstFaults(t *testing.T) {
	for where, begun := range moves {
		for _, how := range []fault{fails, loses, pretends} {
			for at := 1; at <= 9; at++ {
				t.Run(fmt.Sprintf("%s, %d at call %d", where, how, at), func(t *testing.T) {
					o := newOffice(t)
					m := begun(o)
					o.store.at, o.store.how, o.store.calls = at, how, 0
					if how == pretends {
						if o.store.only = "Put"; at > 1 {
							o.store.only, o.store.at = "Remove", at-1
						}
					}
					o.work(m.ID)
					o.store.at = 0
					o.lies(m)
				})
			}
		}
	}
}

// The process dies between any two steps: at least one copy is on record and
// opens, and the next start leaves exactly one.
func TestMovingIsCutOffAnywhere(t *testing.T) {
	for where, begun := range moves {
		for _, step := range moveSteps {
			t.Run(where+" "+step, func(t *testing.T) {
				o := newOffice(t)
				m := begun(o)
				reached := false
				o.cfg.Step = func(at string, _ letter.ID) {
					if at == step && !reached {
						reached = true
						runtime.Goexit() // nothing after this line happens, as with a kill
					}
				}
				var done sync.WaitGroup
				done.Go(func() { _ = o.Advance(t.Context(), m.ID) })
				done.Wait()
				if !reached {
					t.Fatal("the step was never reached")
				}
				o.opens(m)
				o.work(m.ID)
				o.lies(m)
			})
		}
	}
}

// One worker stops at any step for as long as another takes to do the whole of
// it, and then goes on.
func TestTwoWorkersMoveOneLetter(t *testing.T) {
	for where, begun := range moves {
		for _, step := range moveSteps {
			t.Run(where+" "+step, func(t *testing.T) {
				o := newOffice(t)
				m := begun(o)
				var stopped atomic.Bool
				waits, goOn := make(chan struct{}), make(chan struct{})
				o.cfg.Step = func(at string, _ letter.ID) {
					if at == step && stopped.CompareAndSwap(false, true) {
						close(waits)
						<-goOn
					}
				}
				done := make(chan error)
				go func() { done <- o.Advance(t.Context(), m.ID) }()
				<-waits
				o.must(o.Advance(t.Context(), m.ID))
				o.opens(m)
				close(goOn)
				if err := <-done; err != nil {
					t.Errorf("the slow worker: %v", err)
				}
				o.work(m.ID)
				o.lies(m)
			})
		}
	}
}

// A listing that hides the old copy is no proof that it is gone.
func TestAnOldCopyThatIsNotListed(t *testing.T) {
	o := newOffice(t)
	m := o.safeguarded()
	o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
		if key == m.ObjectKey() {
			return nil
		}
		return there
	}
	o.work(m.ID)
	o.store.shows = nil
	o.lies(m)
}

// What cannot be read where it lies is not moved, not removed, and said.
func TestALetterThatCannotBeMoved(t *testing.T) {
	o := newOffice(t)
	m := o.safeguarded()
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	o.must(o.Advance(t.Context(), m.ID))
	if l := o.state(m.ID); l.Trouble != register.CannotMove || l.Lies.Class != letter.SixMonths {
		t.Errorf("trouble %q, and it lies in %s", l.Trouble, l.Lies.Class)
	}
	if ok(o.Check(t.Context()), "letters") {
		t.Error("the check says nothing of it")
	}
}

// The storage refuses the copy that is to be kept for five years, and goes on refusing: it
// is an alarm once a day has gone by, months before the storage would end the letter
// where it lies, and none any more once the letter lies where it is to.
func TestALetterThatTheStorageDoesNotTakeIsLoudAfterADay(t *testing.T) {
	o := newOffice(t)
	m := o.safeguarded()
	o.store.only, o.store.at, o.store.how = "Put", -1, fails
	for day, want := range []int{0, 0, 1} {
		o.must(o.Advance(t.Context(), m.ID))
		if l := o.state(m.ID); l.Trouble != register.StoreDown || l.Lies.Class != letter.SixMonths {
			t.Fatalf("trouble %q, and it lies in %s", l.Trouble, l.Lies.Class)
		}
		if got := o.alarms(); len(got) != want || want == 1 && got[0] != register.KeyNeeded {
			t.Errorf("on day %d loud is %v", day, got)
		}
		o.now = o.now.AddDate(0, 0, 1)
	}
	o.store.how = works
	o.must(o.PublishRecipients(t.Context())) // which could not be put either
	o.work(m.ID)
	o.lies(m)
	if got := o.alarms(); len(got) != 0 {
		t.Errorf("moved, and loud is %v", got)
	}
	// One that comes under a hold which is older than it waits since it came.
	o.hold("", m.Helpline)
	o.now = o.now.AddDate(0, 0, 9)
	o.must(o.PublishRecipients(t.Context()))
	late := o.deposit()
	o.must(o.Admit(t.Context()))
	o.store.how = fails
	o.must(o.Advance(t.Context(), late.ID)) // which verifies it, and tells nobody yet
	for day, want := range []bool{false, false, true} {
		o.must(o.Advance(t.Context(), late.ID))
		if l := o.state(late.ID); l.Trouble != register.StoreDown {
			t.Fatalf("trouble %q, in state %s", l.Trouble, l.State)
		}
		if got := slices.Contains(o.alarms(), register.KeyNeeded); got != want {
			t.Errorf("on day %d under an older hold it is loud: %v", day, got)
		}
		o.now = o.now.AddDate(0, 0, 1)
	}
}

// A sealed letter on its way leaves no file behind.
func TestMovingLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	o := newOffice(t, func(c *Config) { c.Spool = dir })
	m := o.safeguarded()
	o.work(m.ID)
	o.lies(m)
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
