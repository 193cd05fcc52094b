package pipeline

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// hold puts a letter on hold or, without one, everything of a helpline.
func (o *office) hold(id letter.ID, helpline string) int64 {
	o.t.Helper()
	n, err := o.cfg.Register.PlaceHold(o.t.Context(), register.Hold{Letter: id, Helpline: helpline, Reason: register.CourtCase, Owner: o.manager(),
		Review: letter.DateOf(o.now).AddDays(90)}, o.manager())
	o.must(err)
	return n
}

func (o *office) manager() int64 {
	o.t.Helper()
	people, err := o.cfg.Register.People(o.t.Context())
	o.must(err)
	for _, p := range people {
		if p.Role == register.Manager {
			return p.Number
		}
	}
	return o.person(register.Manager, "")
}

// release has one person release the hold, and where it takes two another.
func (o *office) release(hold int64) {
	o.t.Helper()
	released, err := o.cfg.Register.ReleaseHold(o.t.Context(), hold, o.manager())
	if err == nil && !released {
		released, err = o.cfg.Register.ReleaseHold(o.t.Context(), hold, o.person(register.DPO, ""))
	}
	if o.must(err); !released {
		o.t.Error("two people do not release a hold")
	}
}

func (o *office) days(n int) {
	o.t.Helper()
	o.now = o.now.AddDate(0, 0, n)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
}

// A held letter outlives its deadline, its key's death and its storage's rule;
// released, it goes at once, with proof.
func TestAHoldStopsTheEnd(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.days(100)
	hold := o.hold(m.ID, "")
	o.work(m.ID)
	l := o.lies(m)
	if l.Lies.Class != letter.FiveYears || l.Class != letter.SixMonths || l.Named != 0 {
		t.Errorf("it lies in %s and is of %s", l.Lies.Class, l.Class)
	}
	if _, err := o.cfg.Register.PlaceHold(t.Context(), register.Hold{Letter: m.ID, Reason: register.CourtCase, Owner: o.manager(),
		Review: letter.DateOf(o.now).AddDays(91)}, o.manager()); err == nil {
		t.Error("a hold of 91 days was placed")
	}
	o.days(300)
	o.must(o.EndKeys(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	o.opens(m)
	if o.cfg.Keyring.Has(m.Week()) {
		t.Error("the key that it has left lives on")
	}
	if n, err := o.cfg.Register.Overdue(t.Context(), letter.DateOf(o.now)); n != 0 || err != nil {
		t.Errorf("%d overdue, %v", n, err)
	}
	for _, line := range o.Check(t.Context()) {
		if line.Name == "holds" && (line.OK || !strings.Contains(line.Says, "Due to be looked at again: 1 hold")) {
			t.Errorf("the check says: %s", line.Says)
		}
	}
	o.release(hold)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Deadline != m.Deadline() || ev.Class != letter.SixMonths {
		t.Errorf("%+v", ev)
	}
	for _, at := range l.Places() {
		if n := o.traces(at.Key(m.ID)); n != 0 {
			t.Errorf("%d traces in %s", n, at.Class)
		}
	}
}

// Under a hold of everything of a helpline what was never verified, or was announced
// and never came, keeps no key alive: nobody can open it, and its scan is at its scanner.
// What can be opened does.
func TestAHeldDepositThatWasNeverVerifiedKeepsNoKey(t *testing.T) {
	o := newOffice(t)
	o.hold("", "respect-phoneline")
	broken := o.depositPDF([]byte("no pdf"))
	absent := o.depositPDF([]byte("no pdf"))
	o.must(o.store.Store.Remove(t.Context(), absent.ObjectKey(), o.only(absent.ObjectKey())))
	o.work(broken.ID)
	o.tryFor(2, absent.ID)
	if b, a := o.state(broken.ID), o.state(absent.ID); b.State != register.Unverifiable || a.State != register.Admitted || !b.Held() || !a.Held() {
		t.Fatalf("they are %s and %s", b.State, a.State)
	}
	o.now = broken.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	if n, err := o.cfg.Register.OutliveKey(t.Context(), broken.Week()); n != 0 || err != nil {
		t.Errorf("%d letters outlive the key, %v", n, err)
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(broken.Week()) {
		t.Error("the week's key lives on")
	}
}

// What is held, can be opened and was not sealed anew yet keeps its key.
func TestAHeldLetterThatIsNotMovedKeepsItsKey(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.hold(m.ID, "")
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	_ = o.EndKeys(t.Context())
	if !o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key of a held letter is gone")
	}
	o.opens(m)
}

// Released before its deadline, a letter goes back to the place and the key of
// its rule.
func TestAReleasedLetterGoesBack(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	first, second := o.hold(m.ID, ""), o.hold("", m.Helpline)
	o.work(m.ID)
	o.lies(m)
	o.release(first)
	o.work(m.ID)
	if l := o.lies(m); !l.Held() {
		t.Error("the helpline's hold does not count")
	}
	late := o.deposit()
	o.work(late.ID)
	if l := o.lies(late); !l.Held() {
		t.Error("a letter that came later is not held")
	}
	o.release(second)
	o.work(m.ID)
	if l := o.lies(m); l.Held() || l.ObjectKey() != m.ObjectKey() || l.Week() != m.Week() {
		t.Errorf("it lies as %+v", l.Lies)
	}
	o.toDeadline(m)
	o.work(m.ID)
	o.deletion(m.ID)
}

// A hold that goes on for years is moved on before the storage would end it.
func TestAHoldOfManyYears(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	hold := o.hold(m.ID, "")
	for year := range 12 {
		for range 5 {
			o.days(73)
			o.must(o.cfg.Register.ReviewHold(t.Context(), hold, letter.DateOf(o.now).AddDays(90), o.manager(), o.manager()))
		}
		o.work(m.ID)
		o.must(o.EndKeys(t.Context()))
		if l := o.state(m.ID); !letter.DateOf(o.now).AddMonths(6).Before(l.Lies.Deadline()) || l.MoveDue() {
			t.Fatalf("after %d years it lies where it ends on %s", year, l.Lies.Deadline())
		}
		o.opens(m)
	}
}

// A worker that seals for a place that was given up meanwhile forgets nothing.
func TestASlowWorkerAndAChangedDecision(t *testing.T) {
	for _, step := range []string{"move-begun", "move-sealed", "move-put", "moved", "move-leaving", "move-left"} {
		t.Run(step, func(t *testing.T) {
			o := newOffice(t)
			m := o.deposit()
			o.work(m.ID)
			hold := o.hold(m.ID, "")
			waits, goOn := make(chan struct{}), make(chan struct{})
			var once bool
			o.cfg.Step = func(at string, _ letter.ID) {
				if at == step && !once {
					once = true
					close(waits)
					<-goOn
				}
			}
			done := make(chan error)
			go func() { done <- o.Advance(t.Context(), m.ID) }()
			<-waits
			o.release(hold)
			o.must(o.Advance(t.Context(), m.ID)) // there and back, while the other waits
			o.opens(m)
			close(goOn)
			o.must(<-done)
			o.opens(m)
			o.work(m.ID)
			o.lies(m)
		})
	}
}

// A worker that is slow to look into the place that the letter has left does not
// take the letter away that has come back to it.
func TestASlowRemoverTakesNothingNew(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	hold := o.hold(m.ID, "")
	waits, goOn := make(chan struct{}), make(chan struct{})
	var stopped atomic.Bool
	o.store.lists = func(key string) {
		if key == m.ObjectKey() && stopped.CompareAndSwap(false, true) {
			close(waits)
			<-goOn
		}
	}
	done := make(chan error)
	go func() { done <- o.Advance(t.Context(), m.ID) }()
	<-waits
	o.must(o.Advance(t.Context(), m.ID))
	o.release(hold)
	o.must(o.Advance(t.Context(), m.ID))
	o.lies(m)
	close(goOn)
	o.must(<-done)
	o.work(m.ID)
	o.lies(m)
}

// Whatever people decide, whatever the storage does and wherever the process
// dies: a letter that is not due always opens, and in the end there is one copy
// of it, where its decisions want it; or none, with proof.
func TestDecisionsFaultsAndDeaths(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			chance := rand.New(rand.NewPCG(uint64(seed), 1))
			o := newOffice(t)
			m := o.deposit()
			o.work(m.ID)
			o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
			var holds []int64
			for range 40 {
				switch chance.IntN(6) {
				case 0:
					holds = append(holds, o.hold(m.ID, ""))
				case 1:
					if len(holds) > 0 {
						o.release(holds[0])
						holds = holds[1:]
					}
				case 2:
					if chance.IntN(6) == 0 && o.state(m.ID).Reason == "" {
						o.safeguard(m.ID)
					}
				case 3:
					o.days(1)
				}
				o.store.calls, o.store.at, o.store.how = 0, chance.IntN(9), fault(1+chance.IntN(2))
				dies := chance.IntN(12)
				o.cfg.Step = func(string, letter.ID) {
					if dies--; dies == 0 {
						runtime.Goexit()
					}
				}
				var done sync.WaitGroup
				done.Go(func() { _ = o.Advance(t.Context(), m.ID) })
				done.Wait()
				o.store.at = 0
				o.opens(m)
				o.now = o.now.Add(2 * time.Hour) // waits pass
			}
			o.cfg.Step = func(string, letter.ID) {}
			o.work(m.ID)
			l := o.lies(m)
			for _, h := range holds {
				o.release(h)
			}
			o.now = l.Deadline().Start().Add(time.Hour)
			o.must(o.cfg.Register.ConfirmClock(t.Context()))
			o.work(m.ID)
			o.deletion(m.ID)
			for _, at := range l.Places() {
				if n := o.traces(at.Key(m.ID)); n != 0 {
					t.Errorf("%d traces in %s of %s", n, at.Class, at.Since)
				}
			}
		})
	}
}

// A hold of a whole helpline does not bring back what is past its deadline: its
// key may be dead, and its alarm would fall silent.
func TestAHoldComesTooLateForWhatIsOverdue(t *testing.T) {
	o := newOffice(t)
	late, early := o.read(), o.read()
	single := o.hold(early.ID, "")
	o.work(early.ID)
	o.toDeadline(late)
	o.hold("", "respect-phoneline")
	if l := o.state(late.ID); l.Held() || l.Open(o.now) {
		t.Error("a letter past its deadline is on hold")
	}
	if n, err := o.cfg.Register.Overdue(t.Context(), letter.DateOf(o.now)); n != 1 || err != nil {
		t.Errorf("%d overdue, %v", n, err)
	}
	o.work(late.ID)
	o.deletion(late.ID)
	o.release(single)
	if !o.state(early.ID).Held() {
		t.Error("the helpline's hold does not hold what another hold had kept beyond its deadline")
	}
	o.work(early.ID)
	o.opens(early)
}

// What holds everything of a helpline goes on holding a letter that is found to
// be another helpline's.
func TestAHoldGoesAlongToAnotherHelpline(t *testing.T) {
	o := newOffice(t)
	o.person(register.TeamLeader, "ben@example.org", "mens-advice-line")
	m := o.read()
	whole := o.hold("", m.Helpline)
	o.work(m.ID)
	o.toDeadline(m)
	o.must(o.cfg.Register.AskRedirection(t.Context(), m.ID, "mens-advice-line", oneLeader))
	o.confirm(m.ID)
	o.work(m.ID)
	l := o.state(m.ID)
	holds, err := o.cfg.Register.HoldsOf(t.Context(), l)
	o.must(err)
	if !l.Held() || len(holds) != 1 || holds[0].Letter != m.ID || holds[0].Number == whole {
		t.Fatalf("held %v, by %+v", l.Held(), holds)
	}
	o.opens(m)
	o.release(holds[0].Number)
	o.work(m.ID)
	o.deletion(m.ID)
}

// A hold that nobody looks at for years loses nothing: it is renewed by itself.
func TestAHoldDoesNotEndByNeglect(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.hold(m.ID, "")
	o.work(m.ID)
	for range 12 {
		o.days(182)
		o.must(o.daily(t.Context(), &watch{}))
		o.work(m.ID)
		o.must(o.EndKeys(t.Context()))
	}
	if n := o.kinds("hold-renewed"); n != 1 {
		t.Errorf("renewed %d times", n)
	}
	if l := o.lies(m); !l.Held() || !letter.DateOf(o.now).Before(l.Lies.Deadline()) {
		t.Errorf("it lies where it ends on %s", l.Lies.Deadline())
	}
	o.opens(m)
}

// The check says that somebody still answers for a hold who has left or has lost the
// role, and the manager reads it in the day's mail: the review may be months away.
func TestTheCheckSaysWhoseOwnerHasLeft(t *testing.T) {
	for gone, end := range map[string]func(*office, int64) error{
		"has left": func(o *office, owner int64) error {
			return o.cfg.Register.DisablePerson(o.t.Context(), owner)
		},
		"is of no group that may": func(o *office, owner int64) error {
			return o.cfg.Register.TakeRole(o.t.Context(), owner)
		},
		"leads a helpline now": func(o *office, owner int64) error {
			return o.cfg.Register.GiveRole(o.t.Context(), owner, register.TeamLeader, []string{"respect-phoneline"})
		},
	} {
		o := newOffice(t)
		o.hold("", "respect-phoneline")
		holds, err := o.cfg.Register.HoldsInForce(t.Context())
		o.must(err)
		o.person(register.Manager, "nina@example.org")
		_, err = o.cfg.Register.BeginDay(t.Context())
		o.must(err)
		o.must(o.tellAlarms(t.Context()))
		if !ok(o.Check(t.Context()), "holds") || len(o.post.taken) != 0 {
			t.Errorf("somebody answers for it, and it is not well: %+v", o.post.taken)
		}
		o.must(end(o, holds[0].Owner))
		if ok(o.Check(t.Context()), "holds") {
			t.Errorf("it is well, though who answers for it %s", gone)
		}
		o.must(o.tellAlarms(t.Context()))
		if got := o.post.taken; len(got) != 1 || got[0].To != "nina@example.org" || got[0].Reviews != 1 {
			t.Errorf("who answers for it %s, and told is %+v", gone, got)
		}
	}
}

// The check says that the one leader who may open a five-year letter has left, or may not
// open it any more either.
func TestTheCheckSaysWhoseLeaderHasLeft(t *testing.T) {
	for gone, end := range map[string]func(o *office) error{
		"has left": func(o *office) error { return o.cfg.Register.DisablePerson(t.Context(), oneLeader) },
		"lost the role": func(o *office) error {
			return o.cfg.Register.GiveRole(t.Context(), oneLeader, register.Operations, nil)
		},
		"lost the helpline": func(o *office) error {
			return o.cfg.Register.GiveRole(t.Context(), oneLeader, register.TeamLeader, []string{"mens-advice-line"})
		},
	} {
		o := newOffice(t)
		o.safeguarded()
		if !ok(o.Check(t.Context()), "reviews") {
			t.Error("its leader is there, and it is not well")
		}
		o.must(end(o))
		if ok(o.Check(t.Context()), "reviews") {
			t.Errorf("it is well, though its leader %s", gone)
		}
	}
	o := newOffice(t)
	o.safeguarded()
	o.must(o.cfg.Register.GiveRole(t.Context(), oneLeader, register.Manager, nil))
	if !ok(o.Check(t.Context()), "reviews") {
		t.Error("its leader is a manager now, who opens every letter, and it is not well")
	}
}
