package pipeline

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// A letter that somebody removes from the storage before its time is an alarm,
// and its deletion is not put down to the storage's own rules.
func TestALetterThatIsLostEarlyIsLoud(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	m, other := o.read(), o.read()
	o.days(10)
	if slices.Contains(o.alarms(), register.LettersMissing) {
		t.Fatal("every letter is there, and there is an alarm")
	}
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	if !slices.Contains(o.alarms(), register.LettersMissing) {
		t.Error("a letter was removed, and there is no alarm")
	}
	missing, err := o.Missing(t.Context())
	if err != nil || len(missing) != 1 || missing[0] != m.ID {
		t.Errorf("missing are %v, %v", missing, err)
	}
	for _, line := range o.Check(t.Context()) {
		if line.Name == "missing" && (line.OK || !strings.Contains(line.Says, m.ID.Reference()) || strings.Contains(line.Says, other.ID.Reference())) {
			t.Errorf("the check says: %s", line.Says)
		}
	}
	if _, err := o.PDF(t.Context(), o.state(m.ID)); !errors.Is(err, portal.ErrLost) || errors.Is(err, portal.ErrMissing) {
		t.Errorf("opening it: %v", err)
	}
	known := o.read() // by a restore, which has it on the register
	o.must(o.store.Store.Remove(t.Context(), known.ObjectKey(), o.only(known.ObjectKey())))
	o.must(o.cfg.Register.NotFound(t.Context(), known.ID))
	if _, err := o.PDF(t.Context(), o.state(known.ID)); !errors.Is(err, portal.ErrMissing) {
		t.Errorf("opening one that a restore has not found: %v", err)
	}
	for gone, by := range map[int]register.Remover{10: register.ByNobody, 182: register.ByNobody, 183: register.ByStorage} {
		o.now = m.ReceivedOn().AddDays(gone).Start()
		if l := o.state(other.ID); o.removedBy(&l) != by {
			t.Errorf("gone on day %d, it was removed by: %s", gone, o.removedBy(&l))
		}
		if l := o.state(m.ID); o.removedBy(&l) != register.ByNobody {
			t.Errorf("seen to be gone before day %d, it was removed by: %s", gone, o.removedBy(&l))
		}
	}
}

// countsLists counts how often each place is listed.
type countsLists struct {
	Store
	of map[string]int
}

func (c *countsLists) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	c.of[prefix]++
	return c.Store.List(ctx, prefix)
}

// However many letters lie in a day, the day is listed once.
func TestALookForAllLettersListsEachDayOnce(t *testing.T) {
	postgrestest.OnSQLite(t)
	s := fill(t)
	put, today := s.inDir(), letter.DateOf(s.now)
	ids := s.add(1200, put, today.AddDays(-1), today.AddDays(-2))
	lost := letter.ObjectKey(letter.SixMonths, "respect-phoneline", today.AddDays(-2), ids[1101])
	s.must(s.store.Store.Remove(t.Context(), lost, s.only(lost)))
	lists := &countsLists{Store: s.cfg.Store, of: map[string]int{}}
	s.cfg.Store = lists
	missing, err := s.Missing(t.Context())
	if err != nil || !slices.Equal(missing, ids[1101:1102]) {
		t.Errorf("missing are %v, %v", missing, err)
	}
	if len(lists.of) != 3 { // these and that of the letter they are copies of
		t.Errorf("listed were %v", lists.of)
	}
	for day, n := range lists.of {
		if n > 1 {
			t.Errorf("%s was listed %d times", day, n)
		}
	}
}

// Asked for, a letter that is not there is looked for among all at once, and not
// on the next day.
func TestAnOpeningFindsALostLetter(t *testing.T) {
	o := newOffice(t)
	m := o.read()
	var w watch
	loud := func() bool {
		t.Helper()
		o.must(o.watchAlarms(t.Context(), &w))
		o.now = o.now.Add(alarmsEvery)
		found, err := o.cfg.Register.Alarms(t.Context())
		o.must(err)
		return slices.ContainsFunc(found, func(a register.Alarm) bool { return a.Kind == register.LettersMissing })
	}
	loud()
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	if loud() {
		t.Fatal("every letter is looked for every few seconds")
	}
	if _, err := o.Page(t.Context(), o.state(m.ID), portal.View{Page: 1, DPI: 50}); !errors.Is(err, portal.ErrLost) {
		t.Fatalf("opening it: %v", err)
	}
	if !loud() {
		t.Error("no alarm")
	}
}

// What the storage may have taken by itself in a letter's last days is not missing.
func TestWhatTheStorageTakesInTheLastDaysIsNotMissing(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	o.days(100) // to where six months are 184 days
	o.must(o.PublishRecipients(t.Context()))
	m := o.read()
	last := letter.OpenUntil(m.ReceivedOn(), m.Class)
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	for day, want := range map[letter.Date]int{last: 1, last.AddDays(1): 0} {
		o.now = day.Start()
		missing, err := o.Missing(t.Context())
		if err != nil || len(missing) != want {
			t.Errorf("on %s missing are %v, %v", day, missing, err)
		}
	}
	o.now = last.AddDays(1).Start()
	l := o.state(m.ID)
	if _, err := o.PDF(t.Context(), l); !l.Open(o.now) || !errors.Is(err, portal.ErrGone) {
		t.Errorf("open %v, opening it: %v", l.Open(o.now), err)
	}
}

// What is to be kept longer than the place where it lies, and was never moved from there,
// is missing once the storage's rule has taken it: on no day is that as it should be. Its
// proof, when it ends, says who took it.
func TestWhatIsKeptLongerThanItsPlaceIsMissing(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	o.days(100)
	o.must(o.PublishRecipients(t.Context()))
	m := o.read()
	last := letter.OpenUntil(m.ReceivedOn(), m.Class)
	hold := o.hold(m.ID, "")
	o.store.at, o.store.how, o.store.only = -1, fails, "Put"
	o.tryFor(3, m.ID)
	if l := o.state(m.ID); !l.MoveDue() || l.Lies.Class != letter.SixMonths {
		t.Fatalf("it was moved: %+v", l.Lies)
	}
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	for _, day := range []letter.Date{last.AddDays(1), m.Deadline().AddDays(20)} {
		o.now = day.Start()
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		missing, err := o.Missing(t.Context())
		if err != nil || !slices.Equal(missing, []letter.ID{m.ID}) {
			t.Errorf("on %s missing are %v, %v", day, missing, err)
		}
		if _, err := o.PDF(t.Context(), o.state(m.ID)); !errors.Is(err, portal.ErrLost) {
			t.Errorf("on %s opening it: %v", day, err)
		}
	}
	o.release(hold)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.By != register.ByStorage {
		t.Errorf("its proof says that it was removed by %s", ev.By)
	}
}
