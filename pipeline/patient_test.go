package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/disk"
)

// hangs are the office's backups, and the keyring, on another machine that is away, so
// that nothing asked of them ever comes back, beside a disk that is nearly full.
func (o *office) hangs(asked func()) {
	o.t.Helper()
	never := make(chan struct{})
	o.t.Cleanup(func() { close(never) })
	o.cfg.Places = []Place{{"data", "/data"}, {"keyring", "/share/keys"}, {"backups", "/share"}}
	o.cfg.Room = func(folder string) (disk.Room, error) {
		if strings.HasPrefix(folder, "/share") {
			asked()
			<-never
		}
		return disk.Room{Volume: "a", Free: 5, Size: 100e9}, nil
	}
	o.cfg.Backups = &Backups{Keep: 7 * 24 * time.Hour, Made: func() (oldest, newest time.Time, err error) {
		asked()
		<-never
		return oldest, newest, nil
	}}
	o.Server = New(o.cfg)
	o.diskWait = 100 * time.Millisecond
	o.must(o.cfg.Register.KeepTime(o.t.Context(), register.MetaBackup, o.now))
}

// What answers at once is not said to be silent since another, begun beside it, hangs.
func TestOneThatHangsIsNotWaitedForInTheOthersPlace(t *testing.T) {
	var hangs, answers patient[int]
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	one, other := hangs.begin(func() (int, error) { <-never; return 0, nil }), answers.begin(func() (int, error) { return 7, nil })
	for range 50 {
		if _, err := one.wait(t.Context(), 20*time.Millisecond); !errors.Is(err, errSilent) {
			t.Fatalf("what hangs ends with %v", err)
		}
		if n, err := other.wait(t.Context(), 20*time.Millisecond); n != 7 || err != nil {
			t.Fatalf("what answered is %d, %v", n, err)
		}
	}
}

// A share that hangs stops nothing: what is overdue is told of all the same, the backups
// are an alarm, and the metrics and the check answer. It is asked once, whoever looks.
func TestAShareThatHangsStopsNothing(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	o.person(register.Manager, "mo@example.org")
	o.person(register.Administrator, "ann@example.org")
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	asked := make(chan struct{}, 100)
	o.hangs(func() { asked <- struct{}{} })
	o.post.taken = nil
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			var w watch
			o.must(o.watchAlarms(ctx, &w))
			o.must(o.tellDisks(ctx, &w))
		}
		if status, text := o.metricsPage(); status != 200 || !strings.Contains(text, "letterlock_disks_nearly_full 1\n") {
			t.Errorf("the metrics: status %d, and\n%s", status, text)
		}
		lines := o.Check(ctx)
		for name, want := range map[string]string{
			"disk":   "It cannot be found out how much room there is where these lie: the keyring and the backups. See whether their disk is there and answers: where it is another machine’s, whether that is on. A disk is nearly full: only 0 kB of 100 GB are free where these lie: the data folder.",
			"backup": "The folder of the backups cannot be read: is its disk mounted?",
		} {
			i := slices.IndexFunc(lines, func(l Line) bool { return l.Name == name })
			if lines[i].OK || !strings.HasPrefix(lines[i].Says, want) {
				t.Errorf("of the %s the check says %q", name, lines[i].Says)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits for the share")
	}
	for _, told := range []struct {
		who   string
		about mail.About
	}{{"mo@example.org", mail.AnAlarm}, {"ann@example.org", mail.AMachine}} {
		if !slices.ContainsFunc(o.post.taken, func(m mail.Message) bool { return m.To == told.who && m.About == told.about }) {
			t.Errorf("%s was not told: %+v", told.who, o.post.taken)
		}
	}
	if len(asked) != 3 {
		t.Errorf("what hangs was asked %d times, and it is three folders' looks", len(asked))
	}
}

// A disk that says it is away, as a share does whose machine is off, hides no other: that
// another is nearly full is counted, told and said.
func TestADiskThatCannotBeMeasuredHidesNoOther(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	o.person(register.Administrator, "ann@example.org")
	o.cfg.Places = []Place{{"backups", "/share"}, {"data", "/data"}}
	o.cfg.Room = func(folder string) (disk.Room, error) {
		if folder == "/share" {
			return disk.Room{}, errors.New("no route to host")
		}
		return disk.Room{Volume: "a", Free: 5, Size: 100e9}, nil
	}
	o.Server = New(o.cfg)
	o.must(o.tellDisks(ctx, &watch{}))
	if len(o.post.taken) != 1 || o.post.taken[0].Disks != 1 {
		t.Errorf("told: %+v", o.post.taken)
	}
	if status, text := o.metricsPage(); status != 200 || !strings.Contains(text, "letterlock_disks_nearly_full 1\n") {
		t.Errorf("the metrics: status %d, and\n%s", status, text)
	}
	bad, _, err := o.checkDisk(ctx)
	for _, want := range []string{"where these lie: the backups.", "A disk is nearly full"} {
		if said := texts.English().Text(bad); err != nil || !strings.Contains(said, want) {
			t.Errorf("the check says %q, %v", said, err)
		}
	}
}

// Whoever asks while a disk takes long has its answer with the others, and once it
// answers again it is asked anew.
func TestADiskThatIsSlowIsAskedOnceAndThenAgain(t *testing.T) {
	var p patient[int]
	n, answer := 0, make(chan struct{})
	find := func() (int, error) { n++; <-answer; return n, nil }
	first, second := p.begin(find), p.begin(find)
	if _, err := first.wait(t.Context(), 0); !errors.Is(err, errSilent) {
		t.Errorf("it hangs, and says %v", err)
	}
	close(answer)
	for _, l := range []*look[int]{first, second} {
		if found, err := l.wait(t.Context(), time.Minute); found != 1 || err != nil {
			t.Errorf("it has answered, and says %d, %v", found, err)
		}
	}
	if found, err := p.begin(find).wait(t.Context(), time.Minute); found != 2 || err != nil {
		t.Errorf("asked anew it says %d, %v", found, err)
	}
}
