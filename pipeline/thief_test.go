package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
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
		o.store.reads = func(string, string) error { dies(); return nil }
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
	o.store.reads = func(key, _ string) error {
		if key == large.ObjectKey() {
			t.Error("it was read")
		}
		return nil
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

// withholds has the store answer for that version of the key as one does that gives it to
// nobody: encrypted with somebody's own key, or archived.
func (o *office) withholds(key, version string) {
	o.store.reads = func(k, v string) error {
		if k == key && v == version {
			return fmt.Errorf("reading object: %w", deposit.ErrRefused)
		}
		return nil
	}
}

// What cannot be read says nothing, and stops nothing: neither what a scanner says beside
// its manifests, nor a manifest, nor the looking for signs.
func TestAnObjectThatNobodyCanReadStopsNothing(t *testing.T) {
	manifest := letter.IncomingKey("office", letter.NewID())
	for _, key := range []string{letter.SeenKey("office"), letter.ReportKey("office"), letter.JoinKey("office"), manifest} {
		o := newOffice(t).begun()
		o.putRaw(key, []byte("x"))
		o.withholds(key, "")
		other := o.deposit()
		if signs, err := o.RestoreSigns(t.Context()); err != nil || len(signs) > 0 {
			t.Errorf("%s: signs %v, %v", key, signs, err)
		}
		o.must(o.Admit(t.Context()))
		if l := o.state(other.ID); l.State != register.Admitted || len(o.held()) != 0 {
			t.Errorf("%s: a letter beside it is %s, held %v", key, l.State, o.held())
		}
		n, err := o.oddSites(t.Context())
		o.must(err)
		if odd, err := o.keptOdd(t.Context()); n != 1 || !slices.Equal(odd["office"], []oddity{oddUnreadable}) {
			t.Errorf("%s: odd are %v, %v", key, odd, err)
		}
	}
}

// A storage that gives this server nothing of what scanners leave is told as that, and as
// no scanner's fault; nothing else stops for it, and then everything is taken in.
func TestAStorageThatRefusesWhatIsIncoming(t *testing.T) {
	o := newOffice(t).begun()
	ctx := t.Context()
	m := o.deposit()
	o.putRaw(letter.ReportKey("office"), []byte("x"))
	o.store.reads = func(key, _ string) error {
		if strings.HasPrefix(key, letter.IncomingPrefix) {
			return fmt.Errorf("reading object: %w", deposit.ErrRefused)
		}
		return nil
	}
	if signs, err := o.RestoreSigns(ctx); err != nil || len(signs) > 0 {
		t.Errorf("signs %v, %v", signs, err)
	}
	err := o.Admit(ctx)
	if !errors.Is(err, deposit.ErrRefused) {
		t.Errorf("it admits with %v", err)
	}
	if o.report(ctx, err); !strings.Contains(o.log.String(), storageRefuses) || strings.Contains(o.log.String(), "no scanner leaves") {
		t.Errorf("the log says %s", o.log)
	}
	if n, err := o.oddSites(ctx); err != nil || n != 0 || len(o.held()) != 0 {
		t.Errorf("%d scanners are odd, %v; held %v", n, err, o.held())
	}
	o.store.reads = nil
	o.now = o.now.Add(2 * heldRest)
	o.work(m.ID)
	if got := o.story(m.ID); got != wholeStory {
		t.Errorf("on the register: %s", got)
	}
}

// A version that cannot be read, put above the true one, hides it from nobody; where
// there is no other, the letter waits. A store that is away ends the search.
func TestAnUnreadableVersionHidesNoLetter(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.must(o.Admit(t.Context()))
	above := archive.Trace{Kind: archive.Version, ID: "above"}
	o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
		if key == m.ObjectKey() {
			return append([]archive.Trace{above}, there...)
		}
		return there
	}
	whole := o.only(m.ObjectKey())
	o.withholds(m.ObjectKey(), whole.ID)
	o.must(o.Advance(t.Context(), m.ID))
	if l := o.state(m.ID); l.State != register.Admitted || l.Trouble != register.StoreDown {
		t.Errorf("the true one cannot be read, and it is %s, %s", l.State, l.Trouble)
	}
	o.now = *o.state(m.ID).NotBefore
	o.store.reads = func(_, version string) error {
		if version == above.ID {
			return fmt.Errorf("reading object: %w", deposit.ErrUnavailable)
		}
		return nil
	}
	o.must(o.Advance(t.Context(), m.ID))
	if l := o.state(m.ID); l.State != register.Admitted || l.Trouble != register.StoreDown {
		t.Errorf("the store is away, and it is %s, %s", l.State, l.Trouble)
	}
	o.now = *o.state(m.ID).NotBefore
	o.withholds(m.ObjectKey(), above.ID)
	o.work(m.ID)
	if got := o.story(m.ID); got != wholeStory {
		t.Errorf("on the register: %s\n%s", got, o.log)
	}
}

// A letter whose drawing takes long gives way to people who read after each page, and to
// other letters; one that takes longer than any honest one is given up.
func TestALongLetterLetsOthersPass(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	long := o.depositPDF(specimen.New(2, 3).ColourPDF(), func(m *letter.Manifest, _ *[]byte) { m.Pages = 3 })
	o.must(o.Admit(ctx))
	l := o.state(long.ID)
	_, plain, _, err := o.readBack(ctx, &l)
	o.must(err)
	defer func() { _ = plain.close() }()
	o.showing.turns <- struct{}{} // somebody waits for a page
	for n := 1; n <= 3; n++ {
		next, _, err := o.renderSome(ctx, &l, plain, n, time.Minute)
		if o.must(err); next != n+1 || len(o.drawing) != 0 {
			t.Errorf("after page %d it goes on with %d, and %d are drawn", n, next, len(o.drawing))
		}
	}
	if trouble, err := o.render(ctx, &l, plain); err != nil || trouble != register.NoTrouble {
		t.Errorf("in pieces: %s, %v", trouble, err)
	}
	<-o.showing.turns
	if next, _, err := o.renderSome(ctx, &l, plain, 1, time.Minute); err != nil || next < 2 {
		t.Errorf("nobody waits, and it goes on with page %d, %v", next, err)
	}
	if _, _, err := o.renderSome(ctx, &l, plain, 1, time.Nanosecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it was drawn in no time at all, %v", err)
	}
	l.Pages = 2
	if trouble, err := o.render(ctx, &l, plain); err != nil || trouble != register.PagesDiffer {
		t.Errorf("of more pages than it says: %s, %v", trouble, err)
	}
	l.Pages = 3
	for range drawnAtOnce {
		o.drawing <- struct{}{} // others are drawn all the time
	}
	if _, err := o.Page(ctx, l, portal.View{Page: 1, DPI: 72}); err != nil {
		t.Errorf("somebody reads: %v", err)
	}
	ends, end := context.WithTimeout(ctx, 10*time.Millisecond)
	defer end()
	if _, err := o.render(ends, &l, plain); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("more are drawn at once than the renderer has children: %v", err)
	}
}

// Letters that are yet to be checked have workers of their own.
func TestChecksTakeNoWorkersOfOthers(t *testing.T) {
	o := newOffice(t)
	done := o.deposit()
	o.work(done.ID)
	checked := func(id letter.ID) bool {
		check, err := o.cfg.Register.ToBeChecked(t.Context(), nil, id)
		o.must(err)
		return check
	}
	m := o.deposit()
	o.must(o.Admit(t.Context()))
	if !checked(m.ID) || checked(done.ID) || checked(letter.NewID()) {
		t.Error("which are to be checked is not known")
	}
	if o.now = m.Deadline().Start().Add(time.Minute); checked(m.ID) {
		t.Error("one that is due waits for checks")
	}
}
