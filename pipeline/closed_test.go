package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// sweepOnce is one sweep of a process that remembers w.
func (o *office) sweepOnce(w *watch) error {
	o.t.Helper()
	queue, err := startJobs(o.t.Context(), o.cfg.Register, o.cfg.Log, "office", true, o.Advance)
	o.must(err)
	defer func() { o.must(queue.stop()) }()
	return o.Server.sweep(o.t.Context(), queue, w)
}

// everything is what the bucket holds, with the versions.
func (o *office) everything() (all []string) {
	o.t.Helper()
	for _, prefix := range []string{letter.LettersPrefix, letter.IncomingPrefix, letter.ReceiptsPrefix, letter.CheckpointsPrefix, "keys/"} {
		for key, err := range o.store.Store.List(o.t.Context(), prefix) {
			o.must(err)
			traces, err := o.store.Store.Traces(o.t.Context(), key)
			o.must(err)
			for _, tr := range traces {
				all = append(all, key+" "+tr.ID)
			}
		}
	}
	slices.Sort(all)
	return all
}

func (o *office) entries() int64 {
	o.t.Helper()
	n, _, err := o.cfg.Register.Checkpoint(o.t.Context())
	o.must(err)
	return n
}

// oldCopy is an office whose database is an hour old: since then a letter was
// ended, its key is not yet dead, and another has come.
func oldCopy(t *testing.T) (o *office, gone, waits letter.Manifest) {
	t.Helper()
	o = newOffice(t)
	o.person(register.DPO, "dpo@example.org")
	o.person(register.Administrator, "admin@example.org")
	gone = o.deposit()
	o.work(gone.ID)
	o.must(o.sweepOnce(&watch{}))
	copied := o.backUp()
	o.toDeadline(gone)
	o.must(o.sweepOnce(&watch{}))
	o.work(gone.ID)
	o.deletion(gone.ID)
	o.must(o.sweepOnce(&watch{}))
	o.restore(copied)
	o.must(o.cfg.Register.ConfirmClock(t.Context())) // which is a person's, and before any replay
	waits = o.deposit()
	o.post.taken = nil
	return o, gone, waits
}

// A restored database does nothing and says so, in this process and in every
// later one, until it is opened; what came meanwhile is then taken in.
func TestAnOlderCopyDoesNothing(t *testing.T) {
	o, gone, waits := oldCopy(t)
	entries, bucket := o.entries(), o.everything()
	for range 3 { // as many starts
		o.Server = New(o.cfg)
		w := &watch{}
		for range 3 {
			o.must(o.sweepOnce(w))
			o.now = o.now.Add(2 * bucketEvery)
		}
		asked := o.store.calls
		o.must(o.Advance(t.Context(), gone.ID))
		if o.store.calls != asked {
			t.Error("the storage was asked for a letter")
		}
		if !o.Closed(t.Context()) {
			t.Fatal("it is open")
		}
	}
	if n := o.entries(); n != entries {
		t.Errorf("%d entries, and there were %d", n, entries)
	}
	if got := o.everything(); !slices.Equal(got, bucket) {
		t.Errorf("the bucket holds %v and held %v", got, bucket)
	}
	if l := o.state(gone.ID); l.State == register.Expiring {
		t.Errorf("the letter that is gone is %s", l.State)
	}
	for what, err := range map[string]error{
		"publishing": o.PublishRecipients(t.Context()),
		"adopting":   o.AdoptBucket(t.Context()),
		"revoking":   o.cfg.Register.RevokeEdge(t.Context(), "office", 0),
	} {
		if !errors.Is(err, register.ErrClosed) {
			t.Errorf("%s is not refused: %v", what, err)
		}
	}
	o.saysClosed()
	o.opened()
	w := &watch{}
	o.must(o.sweepOnce(w))
	if o.Closed(t.Context()) || !ok(o.Check(t.Context()), "restore") {
		t.Fatal("it was opened, and is closed")
	}
	o.work(waits.ID)
	if l := o.state(waits.ID); !l.State.CanBeOpened() {
		t.Errorf("the letter that waited is %s", l.State)
	}
}

// saysClosed checks that everybody who can see to it has heard of it.
func (o *office) saysClosed() {
	o.t.Helper()
	loud, err := o.cfg.Register.Alarms(o.t.Context())
	o.must(err)
	if len(loud) == 0 || loud[0].Kind != register.OlderCopy || loud[0].Since.IsZero() {
		o.t.Errorf("loud is %v", loud)
	}
	text, err := o.metricsText(o.t.Context())
	o.must(err)
	if !strings.Contains(text, `letterlock_alarm{kind="older-copy"} 1`) {
		o.t.Error("the metrics do not say it")
	}
	if n := strings.Count(o.log.String(), "Letterlock is closed"); n != 3 {
		o.t.Errorf("the log says it %d times for three starts within a minute", n)
	}
	for _, l := range o.Check(o.t.Context()) {
		if l.Name == "restore" && (l.OK || !strings.Contains(l.Says, "letterlock restore")) {
			o.t.Errorf("check says: %s", l.Says)
		}
	}
	var told []string
	for _, m := range o.post.taken {
		if m.Checkpoint != "" {
			o.t.Error("the mail carries a checkpoint of the older copy")
		}
		told = append(told, m.To)
	}
	slices.Sort(told)
	if want := []string{"admin@example.org", "dpo@example.org"}; !slices.Equal(told, want) {
		o.t.Errorf("mailed to %v, want %v", told, want)
	}
}

// opened does what the last steps of a replay do.
func (o *office) opened() {
	o.t.Helper()
	ctx := register.Replaying(o.t.Context())
	o.must(o.cfg.Register.RaiseSerial(ctx, 1000))
	o.must(o.PublishRecipients(ctx))
	o.remember()
	for key, err := range o.store.Store.List(ctx, letter.CheckpointsPrefix) {
		o.must(err)
		o.must(o.store.Store.Remove(ctx, key, o.only(key)))
	}
	o.must(o.cfg.Register.KeepAnchored(ctx, ""))
	_, err := o.cfg.Register.DB().ExecContext(ctx, `DELETE FROM meta WHERE name IN ('closed', 'closed_since')`)
	o.must(err)
}

// Whatever is an older copy of the other, the sign is found by the first sweep,
// before anything else is done, and while the server runs as well.
func TestASignIsFoundBeforeAnythingIsDone(t *testing.T) {
	for name, change := range map[string]func(o *office){
		"the keyring": func(o *office) {
			copied := o.backUp()
			o.must(o.cfg.Register.Record(t.Context(), register.LifecycleInstalled{}, 0))
			o.remember()
			o.restore(copied)
		},
		"the bucket's checkpoints": func(o *office) {
			key, err := o.cfg.Register.Anchored(t.Context())
			o.must(err)
			o.must(o.store.Store.Remove(t.Context(), key, o.only(key)))
		},
		"a scanner": func(o *office) { o.sees(100) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			w := &watch{}
			o.must(o.sweepOnce(w))
			change(o)
			for _, w := range []*watch{w, {}} { // the process that runs, and another
				m := o.deposit()
				o.now = o.now.Add(bucketEvery)
				entries := o.entries()
				o.must(o.sweepOnce(w))
				if _, err := o.cfg.Register.Letter(t.Context(), m.ID); !errors.Is(err, register.ErrNotFound) || o.entries() != entries {
					t.Errorf("a letter was taken in: %v", err)
				}
				if err := o.PublishRecipients(t.Context()); !o.Closed(t.Context()) || !errors.Is(err, register.ErrClosed) {
					t.Errorf("it is open, or publishes: %v", err)
				}
			}
		})
	}
}

// While the bucket is away the register's own signs decide; without one it is
// open, and does nothing until the bucket has answered.
func TestTheBucketIsAskedFirst(t *testing.T) {
	o := newOffice(t)
	w := &watch{}
	o.must(o.sweepOnce(w))
	m := o.deposit()
	o.now = o.now.AddDate(0, 0, 1)
	bucket := o.everything()
	for _, method := range []string{"Read", "List"} {
		o.store.only, o.store.at, o.store.how = method, -1, fails
		for _, w := range []*watch{w, {}} {
			if err := o.sweepOnce(w); err == nil || o.Closed(t.Context()) {
				t.Errorf("%s fails: no error, or closed: %v", method, err)
			}
		}
	}
	if got := o.everything(); !slices.Equal(got, bucket) {
		t.Errorf("the bucket holds %v and held %v", got, bucket)
	}
	o.store.at = 0
	o.must(o.sweepOnce(w))
	o.work(m.ID)
	if l := o.state(m.ID); !l.State.CanBeOpened() {
		t.Errorf("the letter is %s", l.State)
	}
}

// A sign that cannot be put on record closes this process all the same.
func TestASignThatCannotBeKept(t *testing.T) {
	postgrestest.OnSQLite(t)
	o := newOffice(t)
	o.must(o.sweepOnce(&watch{}))
	o.sees(100)
	_, err := o.cfg.Register.DB().ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON meta WHEN NEW.name LIKE 'closed%' BEGIN SELECT RAISE(ABORT, 'full'); END`)
	o.must(err)
	m := o.deposit()
	w := &watch{}
	for range 2 {
		if err := o.sweepOnce(w); err == nil || !o.Closed(t.Context()) {
			t.Errorf("no error, or open: %v", err)
		}
	}
	if _, err := o.cfg.Register.Letter(t.Context(), m.ID); !errors.Is(err, register.ErrNotFound) {
		t.Errorf("a letter was taken in: %v", err)
	}
}

// Whether Letterlock is closed could not be found out, and then can, since the database
// is back: that it was restored is not said where nothing says it.
func TestWhatIsOpenAgainWasNotRestored(t *testing.T) {
	o := newOffice(t)
	o.must(o.sweepOnce(&watch{}))
	o.sayClosed(t.Context(), &standing{})
	if said := o.log.String(); strings.Contains(said, "restored") {
		t.Errorf("the log says:\n%s", said)
	}
}

// What another register's key has signed is said, and left to a person: it may be
// another installation's keyring.
func TestAnotherRegistersMemoryStays(t *testing.T) {
	o := newOffice(t)
	_, signed, err := newOffice(t).cfg.Register.Checkpoint(t.Context())
	o.must(err)
	o.must(o.cfg.Keyring.Remember(signed))
	for range 2 {
		o.must(o.sweepOnce(&watch{}))
	}
	if seen, err := o.cfg.Keyring.Remembered(); seen != signed || err != nil || ok(o.Check(t.Context()), "restore") {
		t.Errorf("it is replaced, or not said: %q, %v", seen, err)
	}
}

// A damaged memory is said, and written anew once the bucket has vouched.
func TestADamagedMemoryIsRenewed(t *testing.T) {
	o := newOffice(t)
	o.must(o.sweepOnce(&watch{}))
	o.must(o.cfg.Keyring.Remember("x"))
	if ok(o.Check(t.Context()), "restore") {
		t.Error("the check says nothing of it")
	}
	o.store.only, o.store.at, o.store.how = "Read", -1, fails
	if err := o.sweepOnce(&watch{}); err == nil {
		t.Error("the fault was never met")
	}
	if seen, err := o.cfg.Keyring.Remembered(); seen != "x" || err != nil {
		t.Errorf("written anew before the bucket has vouched: %q, %v", seen, err)
	}
	o.store.at = 0
	o.must(o.sweepOnce(&watch{}))
	seen, err := o.cfg.Keyring.Remembered()
	o.must(err)
	if _, err := o.cfg.Register.OpenHead(t.Context(), seen); err != nil || !ok(o.Check(t.Context()), "restore") {
		t.Errorf("it is not renewed: %q, %v", seen, err)
	}
}
