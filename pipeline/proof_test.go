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

// atDeadline is an office with one letter that is due.
func atDeadline(t *testing.T, opts ...option) (*office, letter.Manifest) {
	t.Helper()
	o := newOffice(t, opts...)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	return o, m
}

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

// What a listing does not show is asked for by its name, removed and counted.
func TestAListingThatShowsNothing(t *testing.T) {
	o, m := atDeadline(t)
	o.store.shows = func(string, []archive.Trace) []archive.Trace { return nil }
	o.work(m.ID)
	o.store.shows = nil
	if n := o.traces(m.ObjectKey()); n != 0 {
		t.Errorf("%d traces are left", n)
	}
	if ev := o.deletion(m.ID); ev.Versions != 1 || ev.By != register.ByLetterlock {
		t.Errorf("%+v", ev)
	}
}

// A listing that goes on showing what is gone delays the proof, is an alarm,
// and does not make two of one.
func TestAListingThatIsLate(t *testing.T) {
	o, m := atDeadline(t)
	var before []archive.Trace
	o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
		if key == m.ObjectKey() && before == nil {
			before = slices.Clone(there)
		}
		if key == m.ObjectKey() {
			return before
		}
		return there
	}
	o.work(m.ID)
	if l := o.state(m.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
		t.Fatalf("it is %s because of %q", l.State, l.Trouble)
	}
	if !o.overdueIsLoud() || ok(o.Check(t.Context()), "overdue") {
		t.Error("nobody hears of it")
	}
	o.store.shows = nil
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 1 {
		t.Errorf("%+v", ev)
	}
}

// The last listing must be empty of what the two roles have said, too.
func TestAReceiptThatStays(t *testing.T) {
	o, m := atDeadline(t)
	receipt := letter.ReceiptKey(m.Site, m.ID)
	o.store.shows = func(key string, there []archive.Trace) []archive.Trace {
		if key == receipt {
			return []archive.Trace{{Kind: archive.Version, ID: "x"}}
		}
		return there
	}
	o.work(m.ID)
	if l := o.state(m.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
		t.Errorf("it is %s because of %q", l.State, l.Trouble)
	}
	o.store.shows = nil
	o.work(m.ID)
	o.deletion(m.ID)
}

// An edge that tries again puts another version while the letter is being
// ended: it goes too, and the proof counts it.
func TestAVersionThatComesInMeanwhile(t *testing.T) {
	o, m := atDeadline(t)
	late := 0
	o.cfg.Step = func(step string, _ letter.ID) {
		if step == "store-emptied" && late < 2 {
			late++
			o.putRaw(m.ObjectKey(), []byte{byte(late)})
		}
	}
	o.work(m.ID)
	if n := o.traces(m.ObjectKey()); n != 0 || late != 2 {
		t.Errorf("%d traces are left of %d that came in", n, late)
	}
	if ev := o.deletion(m.ID); ev.Versions != 3 || ev.By != register.ByLetterlock {
		t.Errorf("%+v", ev)
	}
}

// What the storage takes between the first look and the removal, it has removed.
func TestTheStorageIsFirstByAMoment(t *testing.T) {
	o, m := atDeadline(t, func(c *Config) { c.HasLifecycle = true })
	o.days(3) // its own rule may have removed it by now
	o.cfg.Step = func(step string, _ letter.ID) {
		if step == string(register.Expiring) {
			o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
		}
	}
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 0 || ev.By != register.ByStorage {
		t.Errorf("%+v", ev)
	}
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
	}{
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
			var lies atomic.Bool
			honest := server.Config()
			liar := lyingtest.Before(t, honest, c.lie, lies.Load)
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
			o, m := atDeadline(t, onStore(open()))
			lies.Store(true)
			o.tryFor(5, m.ID)
			entries, err := o.cfg.Register.Entries(t.Context(), -1, "letter-deleted", m.ID, 10)
			o.must(err)
			if (len(entries) > 0) != c.proven {
				t.Errorf("while it lies there are %d proofs", len(entries))
			}
			if o.overdueIsLoud() == c.proven {
				t.Error("what is loud is not what is wrong")
			}
			lies.Store(false)
			o.work(m.ID)
			if n := o.traces(m.ObjectKey()); n != 0 {
				t.Errorf("%d traces are left", n)
			}
			if ev := o.deletion(m.ID); ev.Versions != 1 || ev.By != register.ByLetterlock {
				t.Errorf("%+v", ev)
			}
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
		r, err := retention.Make(p, o.now, o.cfg.Register.Story(t.Context(), retention.Kinds))
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
