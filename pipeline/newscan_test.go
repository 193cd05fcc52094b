package pipeline

import (
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// rescan leaves a new scan of the letter in the bucket, as its edge does: with the
// time at which the paper came.
func (o *office) rescan(old letter.Manifest) letter.Manifest {
	o.t.Helper()
	now := o.now
	o.now = old.Received
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Replaces = old.ID })
	o.now = now
	return m
}

// unreadable is a letter of which a leader has said that it cannot be read.
func (o *office) unreadable() letter.Manifest {
	o.t.Helper()
	m := o.read()
	o.must(o.cfg.Register.MarkScanAgain(o.t.Context(), m.ID, oneLeader, register.PagesMissing))
	o.work(m.ID)
	return m
}

// A new scan comes weeks later, longer than a manifest may be on its way, and ends
// the old one once somebody has read it: with proof, and with the old deadline.
func TestALetterIsScannedAnew(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	old := o.unreadable()
	o.days(30)
	o.must(o.PublishRecipients(ctx)) // the list of that day has a key for the day on which the paper came
	mails := len(o.post.taken)
	m := o.rescan(old)
	o.work(m.ID)
	o.work(old.ID)
	if held := o.held(); len(held) > 0 {
		t.Fatalf("it is held: %v", held)
	}
	l := o.state(m.ID)
	if l.Replaces != old.ID || l.State != register.Notified || l.Deadline() != old.Deadline() || l.Week() != old.Week() {
		t.Errorf("the new scan is %+v", l)
	}
	if n := len(o.post.taken) - mails; n != 1 {
		t.Errorf("%d mails tell of it", n)
	}
	if r := o.receiptOf(old); r.Paper != letter.PaperReplaced {
		t.Errorf("the old receipt says %q", r.Paper)
	}
	o.opens(old) // still

	o.must(o.cfg.Register.RecordOpening(ctx, m.ID, oneLeader, []byte("s"), register.ShownPages))
	o.must(o.cfg.Register.MarkReadable(ctx, m.ID, oneLeader))
	o.work(old.ID)
	o.work(m.ID)
	if ev := o.deletion(old.ID); ev.Early != register.NewerScan || ev.NewScan != m.ID || ev.Versions != 1 || ev.RowsErased.IsZero() || ev.PaperKept {
		t.Errorf("the proof is %+v", ev)
	}
	if n := o.traces(old.ObjectKey()); n != 0 {
		t.Errorf("%d traces are left of the old scan", n)
	}
	if r := o.receiptOf(m); r.Paper != letter.PaperMayGo {
		t.Errorf("the new receipt says %q", r.Paper)
	}
	if gone, err := o.cfg.Register.Gone(ctx); err != nil || len(gone["office"]) != 1 || gone["office"][0] != (letter.GoneLetter{ID: old.ID, Paper: letter.PaperDestroyed, SHA256: old.SHA256}) {
		t.Errorf("the edge is told %v, %v", gone, err) // it has no slip of its own any more
	}
	o.opens(m)

	o.announce(m) // its edge has missed the receipt
	o.work(m.ID)
	if story := o.story(m.ID); strings.Count(story, "new-scan-taken") != 1 || strings.Count(story, "letter-admitted") != 1 {
		t.Errorf("announced twice it is %s", story)
	}
	o.toDeadline(m)
	o.work(m.ID)
	o.deletion(m.ID)
	if b, err := o.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
		t.Errorf("%+v, %v", b, err)
	}
}

// A stolen scanner gains nothing: what it says to be a new scan of a letter that it
// does not know is held as any old manifest, and an honest one that comes too late
// waits for a person.
func TestALateNewScanOfNothing(t *testing.T) {
	o := newOffice(t)
	old := o.deposit(func(m *letter.Manifest, _ *[]byte) {})
	o.days(30) // and it was never admitted
	o.rescan(old)
	o.must(o.Admit(t.Context()))
	for _, why := range o.held() {
		if why != register.TooOld {
			t.Errorf("held as %s", why)
		}
	}
	if n := len(o.held()); n != 2 {
		t.Errorf("%d are held", n)
	}
}

// Wherever the storage fails and the process dies between a new scan's arrival and
// the old one's proof, one of the two opens all the while, and in the end the new
// one does and of the old one nothing is left.
func TestANewScanAgainstFaultsAndDeaths(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		chance := rand.New(rand.NewPCG(uint64(seed), 81))
		o := newOffice(t)
		ctx := t.Context()
		old, rescan := o.unreadable(), o.rescan
		if seed%2 == 1 { // one that comes late is moved besides
			old, rescan = o.safeguarded(), o.lateRescan
			o.work(old.ID)
			o.days(240)
			o.must(o.PublishRecipients(ctx))
			o.must(o.cfg.Register.MarkScanAgain(ctx, old.ID, oneLeader, register.PagesMissing))
			o.work(old.ID)
		}
		m := rescan(old)
		shaken := func(do func()) {
			o.store.calls, o.store.at, o.store.how = 0, chance.IntN(9), fault(1+chance.IntN(2))
			dies := chance.IntN(8)
			o.cfg.Step = func(string, letter.ID) {
				if dies--; dies == 0 {
					runtime.Goexit()
				}
			}
			var done sync.WaitGroup
			done.Go(do)
			done.Wait()
			o.store.at, o.cfg.Step = 0, func(string, letter.ID) {}
			o.now = o.now.Add(time.Hour)
		}
		for step := range 12 {
			shaken(func() {
				_ = o.Admit(ctx)
				_ = o.Advance(ctx, m.ID)
				_ = o.Advance(ctx, old.ID)
				_, _ = o.cfg.Register.ProveErased(ctx)
			})
			if l, err := o.cfg.Register.Letter(ctx, m.ID); err != nil || l.State != register.Readable {
				o.opens(old)
			}
			if step == 6 {
				o.work(m.ID)
				o.must(o.cfg.Register.RecordOpening(ctx, m.ID, oneLeader, []byte("s"), register.ShownPages))
				o.must(o.cfg.Register.MarkReadable(ctx, m.ID, oneLeader))
			}
		}
		o.work(m.ID)
		o.work(old.ID)
		o.opens(m)
		o.deletion(old.ID)
		if n := o.traces(old.ObjectKey()); n != 0 {
			t.Errorf("%d: %d traces are left of the old scan", seed, n)
		}
		if b, err := o.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
			t.Errorf("%d: %+v, %v", seed, b, err)
		}
	}
}

// A new scan that came after the backup replaces its old one in the replay itself,
// although its scanner has long had its receipt and says nothing more; whether its
// paper was to be scanned again when the backup was made, or not yet. A newer scan
// replaces that one.
func TestANewScanOfTheLostTimeReplacesAtOnce(t *testing.T) {
	for name, asked := range map[string]bool{"asked for before the backup": true, "asked for after it": false} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			ctx := t.Context()
			old := o.read()
			ask := func(m letter.Manifest) {
				o.must(o.cfg.Register.MarkScanAgain(ctx, m.ID, oneLeader, register.PagesMissing))
				o.work(m.ID)
			}
			if asked {
				ask(old)
			}
			copied := o.backUp()
			if !asked {
				ask(old)
			}
			scans := []letter.Manifest{old}
			for range 2 {
				m := o.rescan(scans[len(scans)-1])
				o.work(m.ID)
				o.hasRead(m)
				if scans = append(scans, m); len(scans) < 3 {
					ask(m)
				}
			}
			newest := scans[2]
			if done := o.replayed(copied); done.Adopted != 2 {
				t.Errorf("did %+v", done)
			}
			for i, m := range scans {
				o.work(m.ID)
				l := o.state(m.ID)
				switch i {
				case 2:
					if l.State != register.Notified || l.Replaces != scans[1].ID || l.Paper != letter.PaperKept {
						t.Errorf("the newest is %s, of %q, its paper %q", l.State, l.Replaces, l.Paper)
					}
				default:
					if l.State != register.Replaced || l.ReplacedBy != newest.ID || l.Paper != "" {
						t.Errorf("scan %d is %s, by %q, its paper %q", i, l.State, l.ReplacedBy, l.Paper)
					}
				}
				o.opens(m)
			}
			o.must(o.cfg.Register.RecordOpening(ctx, newest.ID, oneLeader, []byte("s"), register.ShownPages))
			o.must(o.cfg.Register.MarkReadable(ctx, newest.ID, oneLeader))
			for _, m := range scans[:2] {
				o.work(m.ID)
				if ev := o.deletion(m.ID); ev.Early != register.NewerScan || ev.NewScan != newest.ID {
					t.Errorf("the proof is %+v", ev)
				}
			}
			o.announce(newest) // its edge has missed the receipt after all
			o.work(newest.ID)
			if l := o.state(newest.ID); l.State != register.Readable {
				t.Errorf("announced again it is %s", l.State)
			}
			if b, err := o.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
				t.Errorf("%+v, %v", b, err)
			}
		})
	}
}
