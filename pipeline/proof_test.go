package pipeline

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/lyingtest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/retention"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// onStore lets an office work on a real server, whose clock is not the office's.
func onStore(s *archive.S3) option {
	return func(c *Config) {
		c.HasLifecycle = true
		flaky := c.Store.(*flaky)
		flaky.Store, flaky.clock = s, func() (time.Time, error) { return c.Now(), nil }
	}
}

// overdueIsLoud reports whether somebody has been told, a while after the deadline.
func (o *office) overdueIsLoud() bool {
	o.t.Helper()
	o.alarms()
	o.now = o.now.Add(20 * time.Minute)
	return slices.Contains(o.alarms(), register.LettersOverdue)
}

// A listing that goes on showing what is gone delays the proof, is an alarm,
// and does not make two of one.
func TestAListingThatIsLate(t *testing.T) {
	eachEnd(t, func(t *testing.T, what string) {
		o, due := atDeadline(t, what)
		var before []archive.Trace
		o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
			if key == due.ObjectKey() && before == nil {
				before = slices.Clone(there)
			}
			if key == due.ObjectKey() {
				return before
			}
			return there
		}
		o.work(due.ID)
		if l := o.state(due.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
			t.Fatalf("it is %s because of %q", l.State, l.Trouble)
		}
		if lines := o.Check(t.Context()); !o.overdueIsLoud() || ok(lines, "overdue") || ok(lines, "letters") {
			t.Error("nobody hears of it")
		}
		o.store.shows = nil
		o.work(due.ID)
		o.endedOnce(due)
	})
}

// The last listing must be empty of what the two roles have said, too.
func TestAReceiptThatStays(t *testing.T) {
	o, l := atDeadline(t, "a letter")
	receipt := letter.ReceiptKey(l.Site, l.ID)
	o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
		if key == receipt {
			return []archive.Trace{{Kind: archive.Version, ID: "x"}}
		}
		return there
	}
	o.work(l.ID)
	if l := o.state(l.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
		t.Errorf("it is %s because of %q", l.State, l.Trouble)
	}
	o.store.shows = nil
	o.work(l.ID)
	o.endedOnce(l)
}

// An edge that tries again puts another version while the letter is being
// ended: it goes too, and the proof counts it.
func TestAVersionThatComesInMeanwhile(t *testing.T) {
	eachEnd(t, func(t *testing.T, what string) {
		o, l := atDeadline(t, what)
		late := 0
		o.cfg.Step = func(step string, _ letter.ID) {
			if step == "store-emptied" && late < 2 {
				late++
				o.putRaw(l.ObjectKey(), []byte{byte(late)})
			}
		}
		o.work(l.ID)
		if n := o.traces(l.ObjectKey()); n != 0 || late != 2 {
			t.Errorf("%d traces are left of %d that came in", n, late)
		}
		if ev := o.deletion(l.ID); ev.Versions != 3 || ev.By != register.ByLetterlock {
			t.Errorf("%+v", ev)
		}
	})
}

// What the storage takes between the first look and the removal, it has removed.
func TestTheStorageIsFirstByAMoment(t *testing.T) {
	eachEnd(t, func(t *testing.T, what string) {
		o, l := atDeadline(t, what, func(c *Config) { c.HasLifecycle = true })
		o.days(3) // its own rule may have removed it by now
		o.cfg.Step = func(step string, _ letter.ID) {
			if step == string(register.Expiring) {
				o.must(o.store.Store.Remove(t.Context(), l.ObjectKey(), o.only(l.ObjectKey())))
			}
		}
		o.work(l.ID)
		if ev := o.deletion(l.ID); ev.Versions != 0 || ev.By != register.ByStorage {
			t.Errorf("%+v", ev)
		}
	})
}

// A real server behind one that lies. While it does, there is no proof and an
// alarm; when it does not, what the proof says is true.
func TestProofAgainstServersThatLie(t *testing.T) {
	t.Parallel()
	server := deposittest.Start(t)
	every := func(*http.Request) bool { return true }
	for _, c := range []struct {
		name   string
		lie    lyingtest.Lie
		proven bool // even while it lies, since it is true
	}{ // each is asked thrice; a client waits for one that is down
		{"a storage that is down", lyingtest.Instead(every, 503, ""), false},
		{"removals that answer success and do nothing", lyingtest.Instead(lyingtest.IsRemoval, 204, ""), false},
		{"removals that answer failure and have done it", lyingtest.Lost(lyingtest.IsRemoval), true},
		{"removed versions that lie in a bin", lyingtest.Bin(lyingtest.IsRemoval), false},
		{"listings that are stale", lyingtest.Stale(), false},
		{"listings that show nothing", lyingtest.Replaced(func(r *http.Request) bool {
			return lyingtest.Asks(r, "GET", "versions")
		}, "<Version>.*?</Version>", ""), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEnd(t, func(t *testing.T, what string) {
				var lies atomic.Bool
				liar := lyingtest.Before(t, server.Config(), c.lie, lies.Load)
				open := func() *archive.S3 {
					s3, err := archive.OpenS3(liar)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = s3.Close() })
					return s3
				}
				if err := open().Prepare(t.Context()); err != nil {
					t.Fatal(err)
				}
				o, l := atDeadline(t, what, onStore(open()))
				lies.Store(true)
				o.tryFor(3, l.ID)
				entries, err := o.cfg.Register.Entries(t.Context(), -1, "letter-deleted", l.ID, 10)
				o.must(err)
				if (len(entries) > 0) != c.proven {
					t.Errorf("while it lies there are %d proofs", len(entries))
				}
				if o.overdueIsLoud() == c.proven {
					t.Error("what is loud is not what is wrong")
				}
				lies.Store(false)
				o.work(l.ID)
				o.endedOnce(l)
			})
		})
	}
}

// A proof that comes days late was late, and is no hole in the record for ever.
func TestAProofThatIsDaysLate(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	begin := func() {
		t.Helper()
		_, err := o.cfg.Register.BeginDay(t.Context())
		o.must(err)
	}
	begin()
	o.toDeadline(m)
	for range 3 {
		o.must(o.Advance(t.Context(), m.ID))
	}
	record := func() (wrong []string) {
		t.Helper()
		p, err := retention.ParsePeriod(strconv.Itoa(o.now.Year()))
		o.must(err)
		r, err := retention.Make(p, o.now, func(name string) string { return name }, o.cfg.Register.Story(t.Context(), retention.Kinds))
		o.must(err)
		for _, says := range r.Wrong {
			wrong = append(wrong, texts.English().Text(says))
		}
		return wrong
	}
	for range 2 {
		o.days(1)
		begin()
	}
	if wrong := record(); len(wrong) != 1 {
		t.Errorf("rows are gone for days without proof, and the record says %q", wrong)
	}
	_, err := o.cfg.Register.ProveErased(t.Context())
	o.must(err)
	o.days(1)
	begin()
	if wrong := record(); len(wrong) != 0 {
		t.Errorf("it is proven, and the record says %q", wrong)
	}
}
