package pipeline

import (
	"context"
	"runtime"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Whoever holds a scanner's key may sign any size: no memory is taken for a claim.
func TestAClaimedSizeTakesNoMemory(t *testing.T) {
	o := newOffice(t)
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Size = maxLetter - 1 })
	o.must(o.Admit(t.Context()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o.must(o.Advance(t.Context(), m.ID))
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
		t.Errorf("%d MB were taken for a letter of a few kB", taken>>20)
	}
	if l := o.state(m.ID); l.State != register.Admitted || l.Trouble != register.ObjectMissing {
		t.Errorf("it is %s, %s", l.State, l.Trouble)
	}
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err == nil {
		t.Error("it opens")
	}
}

// A letter on which the server dies, before it can note anything, is tried again
// later each time.
func TestALetterThatKillsTheServerRestsTheLonger(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.must(o.Admit(t.Context()))
	var rests []time.Duration
	for range 4 {
		ctx, dies := context.WithCancel(t.Context())
		o.store.reads = func(string) { dies() }
		if o.Advance(ctx, m.ID) == nil {
			t.Fatal("it lived")
		}
		l := o.state(m.ID)
		rests = append(rests, l.NotBefore.Sub(o.now))
		if o.now = *l.NotBefore; l.Attempts != len(rests) || l.State != register.Admitted {
			t.Errorf("%d attempts are noted after %d; it is %s", l.Attempts, len(rests), l.State)
		}
	}
	if rests[0] != time.Second || rests[3] != 8*time.Second {
		t.Errorf("it rested %v", rests)
	}
	o.store.reads = nil
	o.work(m.ID)
	if got := o.story(m.ID); got != wholeStory {
		t.Errorf("on the register: %s", got)
	}
}

// Of large letters one is opened at a time; another waits without being read, takes
// no worker meanwhile, and small ones pass it.
func TestLargeLettersAreCheckedOneAtATime(t *testing.T) {
	o := newOffice(t)
	large := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Size = largeLetter + 1 })
	small := o.deposit()
	o.must(o.Admit(t.Context()))
	o.large <- struct{}{}
	o.store.reads = func(key string) {
		if key == large.ObjectKey() {
			t.Error("it was read")
		}
	}
	o.must(o.Advance(t.Context(), large.ID))
	if l := o.state(large.ID); l.Attempts != 0 || !l.NotBefore.Equal(o.now.Add(largeWait)) {
		t.Errorf("%d attempts, and it waits until %v", l.Attempts, l.NotBefore)
	}
	if o.work(small.ID); o.state(small.ID).State != register.Notified {
		t.Errorf("the small one is %s", o.state(small.ID).State)
	}
	<-o.large
	o.store.reads = nil
	o.must(o.Advance(t.Context(), large.ID))
	if l := o.state(large.ID); l.Attempts != 1 || len(o.large) != 0 {
		t.Errorf("%d attempts, and %d are being checked", l.Attempts, len(o.large))
	}
}
