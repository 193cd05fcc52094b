package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// replayOnce runs the replay as a new process does.
func (r *restoredOffice) replayOnce() (register.Restored, error) {
	step := r.cfg.Step
	r.Server = New(r.cfg)
	r.cfg.Step = step
	return r.Replay(r.t.Context(), func(ReplayStep) {})
}

// Cut off at each of its steps, once, and begun again each time, a replay ends as
// if nothing had happened; until then Letterlock is closed.
func TestAReplayCutOffAtEveryStep(t *testing.T) {
	r := aWinter(t, newOffice(t))
	r.goBack()
	seen, cuts := map[string]bool{}, 0
	r.cfg.Step = func(step string, id letter.ID) {
		if at := step + string(id); !seen[at] {
			seen[at] = true
			panic(errCut)
		}
	}
	var done register.Restored
	for untilCut(func() {
		var err error
		done, err = r.replayOnce()
		r.must(err)
	}) {
		cuts++
		if !r.Closed(t.Context()) {
			t.Fatal("cut off, and it is open")
		}
	}
	r.cfg.Step = func(string, letter.ID) {}
	if cuts < 15 {
		t.Errorf("cut off %d times: %v", cuts, seen)
	}
	done.Keys = min(done.Keys, 1)
	if done != restoredWant {
		t.Errorf("cut off %d times it did %+v, want %+v", cuts, done, restoredWant)
	}
	r.isCaughtUp()
	if n := r.kinds("restore-begun"); n != 1 {
		t.Errorf("the restore began %d times", n)
	}
}

// Whichever call to the storage fails, or is done and not answered, the replay
// stops or goes on, stays closed until its end, and ends well when run again.
func TestAReplayOnABadStorage(t *testing.T) {
	for name, how := range map[string]fault{"a call fails": fails, "an answer is lost": loses} {
		t.Run(name, func(t *testing.T) {
			r := aWinter(t, newOffice(t))
			r.goBack()
			r.must2(r.Recognise(t.Context())) // as the command does first
			var done register.Restored
			for n := 1; ; n += 1 + n/4 { // all of its first calls, and then some

				r.store.calls, r.store.at, r.store.how = 0, n, how
				var err error
				if done, err = r.replayOnce(); err == nil {
					break
				}
				if !r.Closed(t.Context()) {
					t.Fatalf("call %d: %v, and it is open", n, err)
				}
				if n > 100_000 {
					t.Fatalf("it never ends: %v", err)
				}
			}
			r.store.at = 0
			done.Keys = min(done.Keys, 1)
			if done != restoredWant {
				t.Errorf("did %+v, want %+v\n%s", done, restoredWant, r.log)
			}
			r.isCaughtUp()
		})
	}
}

// A bucket of December beside the register of now: what is gone for good is
// shown again and goes, what has moved lies in its old place and is found there,
// and what came since is lost with it, and said.
func TestABucketFromABackup(t *testing.T) {
	t.Run("in a folder", func(t *testing.T) { bucketComesBack(t, newOffice(t)) })
	// Where each object has another version than the one on record.
	t.Run("on S3", func(t *testing.T) { bucketComesBack(t, newS3Office(t)) })
}

func bucketComesBack(t *testing.T, o *office) {
	var bucket bucketCopy
	r := aWinter(t, o, func() { bucket = o.copyBucket() })
	o.putBack(bucket)
	if o.traces(r.ended.ObjectKey()) == 0 || o.traces(r.erased.ObjectKey()) == 0 || !o.shows(bucket[r.ended.ObjectKey()]) {
		t.Fatal("the copy shows nothing that is gone")
	}
	done, err := r.replayOnce()
	o.must(err)
	if done.Strays != 2 || done.Missing != 3 || done.Adopted != 0 || done.Elsewhere != 2 {
		t.Errorf("did %+v", done)
	}
	for name, m := range map[string]letter.Manifest{"ended": r.ended, "erased": r.erased} {
		if n := o.traces(m.ObjectKey()); n != 0 || strings.Count(o.story(m.ID), "stray-removed") != 1 {
			t.Errorf("%s: %d traces, %s", name, n, o.story(m.ID))
		}
		if o.shows(bucket[m.ObjectKey()]) {
			t.Errorf("%s: its bytes are in the bucket", name)
		}
	}
	for name, m := range map[string]letter.Manifest{"same": r.same, "shredded": r.shredded, "kept": r.kept, "redirected": r.redirect} {
		o.work(m.ID)
		l := o.state(m.ID)
		if _, err := o.PDF(t.Context(), l); err != nil || l.Missing || l.MoveDue() {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	if l := o.state(r.kept.ID); l.Lies.Class != letter.FiveYears || o.traces(r.kept.ObjectKey()) != 0 {
		t.Errorf("the letter that is kept lies in %s, and %d traces where it was", l.Lies.Class, o.traces(r.kept.ObjectKey()))
	}
	if l := o.state(r.redirect.ID); l.Lies.Helpline != "mens-advice-line" {
		t.Errorf("the redirected letter lies with %s", l.Lies.Helpline)
	}
	for name, m := range map[string]letter.Manifest{"arrived": r.arrived, "forgotten": r.forgotten, "old": r.old} {
		if l := o.state(m.ID); !l.Missing {
			t.Errorf("%s is not known to be missing", name)
		}
	}
	if signs, err := r.RestoreSigns(t.Context()); err != nil || len(signs) > 0 {
		t.Errorf("signs are left: %v, %v", signs, err)
	}
	if b, err := o.cfg.Register.Balance(t.Context()); err != nil || b.Differs() != 0 {
		t.Errorf("the counts differ: %+v %v", b, err)
	}
}

// A keyring that comes back with the database, and with a key that is dead: it
// opens nothing, and dies again.
func TestADeadKeyComesBackWithItsDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	keys := filepath.Join(t.TempDir(), "keys")
	r := aWinter(t, o, func() { o.must(os.CopyFS(keys, os.DirFS(dir))) })
	if o.cfg.Keyring.Has(r.ended.Week()) {
		t.Fatal("the key is not dead")
	}
	name := string(r.ended.Week()) + ".txt"
	text, err := os.ReadFile(filepath.Join(keys, name))
	o.must(err)
	o.must(os.WriteFile(filepath.Join(dir, name), text, 0o600))
	r.goBack()
	_, err = r.replayOnce()
	o.must(err)
	r.isCaughtUp()
	if o.cfg.Keyring.Has(r.ended.Week()) {
		t.Error("the dead key is in the keyring")
	}
}
