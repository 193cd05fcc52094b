package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// hosts are zones that a machine may be set to: none of them may matter.
var hosts = []string{"UTC", "Europe/London", "Asia/Tokyo", "Pacific/Honolulu", "Pacific/Chatham"}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// received is an office that has one letter, received at that time, and the
// keys of that time.
func (o *office) received(at time.Time) letter.Manifest {
	o.t.Helper()
	ctx := o.t.Context()
	o.now = at
	o.must(o.cfg.Register.ConfirmClock(ctx))
	o.must(o.PublishRecipients(ctx))
	sealed := []byte("sealed")
	sum := sha256.Sum256(sealed)
	m := letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: at.UTC().Truncate(time.Second), Pages: 1, Size: int64(len(sealed)), SHA256: hex.EncodeToString(sum[:])}
	_, err := o.store.Store.Put(ctx, m.ObjectKey(), bytes.NewReader(sealed), m.Size, sum, deposit.CreateOnly)
	o.must(err)
	o.must(o.cfg.Register.Admit(ctx, m))
	l := o.state(m.ID)
	o.must(o.cfg.Register.Verified(ctx, &l, "1", false))
	o.must(o.cfg.Register.Receipted(ctx, &l))
	return m
}

// sweep does what Run does about ends.
func (o *office) sweep(id letter.ID) {
	o.t.Helper()
	ctx := o.t.Context()
	if l, err := o.cfg.Register.Letter(ctx, id); err == nil && o.isDue(l) {
		o.must(o.Advance(ctx, id))
	}
	_, err := o.cfg.Register.ProveErased(ctx)
	o.must(err)
	o.must(o.EndKeys(ctx))
	_, err = o.cfg.Register.BeginDay(ctx)
	o.must(err)
}

func (o *office) there(m letter.Manifest) (letterThere, keyThere bool) {
	o.t.Helper()
	_, err := o.cfg.Register.Letter(o.t.Context(), m.ID)
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		o.t.Fatal(err)
	}
	return err == nil && o.traces(m.ObjectKey()) > 0, o.cfg.Keyring.Has(m.Week())
}

// On every kind of day, and whatever zone the machine is set to, a letter lives
// to its deadline's first moment in London and no longer, and its key to the
// first moment of the Monday after.
func TestTheDayIsLondonsOnEveryMachine(t *testing.T) {
	for i, c := range []struct{ what, received, deadline, over string }{
		{"summer time begins", "2026-09-28", "2027-03-28T00:00:00Z", "2027-03-28T23:00:00Z"},
		{"summer time ends", "2026-04-25", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"},
		{"a summer's day", "2027-01-15", "2027-07-14T23:00:00Z", "2027-07-18T23:00:00Z"},
		{"a month too short", "2026-08-31", "2027-02-28T00:00:00Z", "2027-03-01T00:00:00Z"},
		{"a leap year's last of February", "2027-08-31", "2028-02-29T00:00:00Z", "2028-03-06T00:00:00Z"},
		{"received on a leap day", "2028-02-29", "2028-08-28T23:00:00Z", "2028-09-03T23:00:00Z"},
		{"week 53, in the year after", "2026-07-01", "2027-01-01T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"week 52, in the year after", "2027-07-01", "2028-01-01T00:00:00Z", "2028-01-03T00:00:00Z"},
		{"week 1, in the year before", "2029-06-30", "2029-12-30T00:00:00Z", "2029-12-31T00:00:00Z"},
		{"New Year's Eve in week 1", "2030-06-30", "2030-12-30T00:00:00Z", "2031-01-06T00:00:00Z"},
	} {
		t.Run(c.what, func(t *testing.T) {
			o := newOffice(t)
			host := zone(t, hosts[i%len(hosts)])
			day, err := letter.ParseDate(c.received)
			o.must(err)
			// Half past eleven at night, when other zones have another day.
			m := o.received(day.Start().Add(23*time.Hour + 30*time.Minute).In(host))
			at := func(rfc3339 string, off time.Duration) (letterThere, keyThere bool) {
				t.Helper()
				moment, err := time.Parse(time.RFC3339, rfc3339)
				o.must(err)
				o.now = moment.Add(off).In(host)
				o.must(o.cfg.Register.ConfirmClock(t.Context()))
				o.sweep(m.ID)
				return o.there(m)
			}
			if l, k := at(c.deadline, -time.Second); !l || !k {
				t.Error("a second before the deadline: letter, key:", l, k)
			}
			if l, k := at(c.deadline, 0); l || !k {
				t.Error("at the deadline: letter, key:", l, k)
			}
			if _, k := at(c.over, -time.Second); !k {
				t.Error("a second before its week is over the key is gone")
			}
			if _, k := at(c.over, 0); k {
				t.Error("once its week is over the key is there")
			}
		})
	}
}

// Clock jumps of every kind, restarts and people who vouch for the
// wrong time: with a storage that has a clock of its own nothing ends before
// its day, but for the five minutes in which two clocks agree; and once the
// clock is right, everything ends.
func TestNoClockEndsALetterTooEarly(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 6))
			o := newOffice(t)
			host := zone(t, hosts[r.IntN(len(hosts))])
			truth := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(6*365*24*60)) * time.Minute)
			m := o.received(truth.In(host))
			o.store.clock = func() (time.Time, error) { return truth, nil }
			deadline, over := m.Deadline().Start(), m.Week().Over().Start()
			var off time.Duration
			for range 80 {
				switch r.IntN(8) {
				case 0, 1, 2:
					truth = truth.Add(time.Duration(r.IntN(10*24*60)) * time.Minute)
				case 3:
					off = []time.Duration{4 * time.Minute, -4 * time.Minute, 6 * time.Minute, -6 * time.Minute, time.Hour, -time.Hour,
						24 * time.Hour, -24 * time.Hour, 13 * 24 * time.Hour, 366 * 24 * time.Hour, -366 * 24 * time.Hour}[r.IntN(11)]
				case 4:
					off = []time.Time{deadline, over}[r.IntN(2)].Add(time.Duration(r.IntN(120)-20) * time.Minute).Sub(truth)
				case 5:
					off = 0
				case 6:
					o.now = truth.Add(off).In(host)
					o.must(o.cfg.Register.ConfirmClock(t.Context())) // whether it is right or not
				case 7:
					o.Server = New(o.cfg)
				}
				o.now = truth.Add(off).In(host)
				o.sweep(m.ID)
				letterThere, keyThere := o.there(m)
				if !letterThere && truth.Before(deadline.Add(-clockSlack)) {
					t.Fatalf("at %s, with the clock %s ahead, the letter due on %s is gone", truth, off, m.Deadline())
				}
				if !keyThere && truth.Before(over.Add(-clockSlack)) {
					t.Fatalf("at %s, with the clock %s ahead, the key that dies on %s is gone", truth, off, m.Week().Over())
				}
			}
			o.endsInTime(m, &truth)
		})
	}
}

// endsInTime is how it ends once the clock is right.
func (o *office) endsInTime(m letter.Manifest, truth *time.Time) {
	o.t.Helper()
	if over := m.Week().Over().Start(); truth.Before(over) {
		*truth = over
	}
	o.now = *truth
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
	for range 4 {
		o.sweep(m.ID)
		if l, err := o.cfg.Register.Letter(o.t.Context(), m.ID); err == nil && l.NotBefore != nil && l.NotBefore.After(o.now) {
			*truth, o.now = *l.NotBefore, *l.NotBefore // a wait passes
		}
	}
	if letterThere, keyThere := o.there(m); letterThere || keyThere {
		o.t.Fatalf("with the right clock, letter and key are there: %v %v\n%s", letterThere, keyThere, o.log)
	}
}

// With a folder for storage the register is the only witness: a clock that runs
// back, or leaps over more than max_silence, ends nothing, whatever comes after
// it, until somebody has looked.
func TestALeapEndsNothingWithoutAWitness(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			o := newOffice(t)
			truth := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(6*365*24*60)) * time.Minute)
			m := o.received(truth)
			deadline, over := m.Deadline().Start(), m.Week().Over().Start()
			day := 24 * time.Hour
			for range 60 {
				truth = truth.Add(time.Duration(r.IntN(6*24*60)) * time.Minute) // Letterlock runs every few days
				o.now = truth
				switch r.IntN(3) {
				case 0:
					o.now = truth.Add(15*day + time.Duration(r.IntN(800))*day)
				case 1:
					o.now = truth.Add(-time.Hour - 20*day - time.Duration(r.IntN(800))*day)
				}
				if r.IntN(4) == 0 {
					o.Server = New(o.cfg)
				}
				o.sweep(m.ID)
				if o.now.Equal(truth) && r.IntN(2) == 0 {
					o.must(o.cfg.Register.ConfirmClock(t.Context())) // somebody has looked, and it is right
					o.sweep(m.ID)
				}
				letterThere, keyThere := o.there(m)
				if !letterThere && truth.Before(deadline) || !keyThere && truth.Before(over) {
					t.Fatalf("at %s, when the clock said %s, letter (due on %s) and key are there: %v %v", truth, o.now, m.Deadline(), letterThere, keyThere)
				}
			}
			o.endsInTime(m, &truth)
		})
	}
}
