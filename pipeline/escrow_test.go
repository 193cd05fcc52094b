package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// custodians are three folders.
func custodians(t *testing.T) (dirs [keyring.Custodians]string) {
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	return dirs
}

func (o *office) share(dirs [keyring.Custodians]string) []letter.Week {
	o.t.Helper()
	made, _, err := o.MakeShares(o.t.Context(), dirs, 6)
	o.must(err)
	return made
}

// holdsNoKey looks into every file below a folder for a private key.
func holdsNoKey(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "AGE-SECRET-KEY") {
			t.Errorf("%s holds a private key", d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Three custodians get their shares, any two prove in a drill that the keys come
// back, and after the keyring is lost two of them bring it back: the letter opens.
func TestALostKeyringComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o, dirs := newOffice(t, withKeyring(t, dir)), custodians(t)
	m := o.deposit()
	o.work(m.ID)
	made := o.share(dirs)
	if !slices.Contains(made, m.Week()) || len(made) < 8 {
		t.Fatalf("shared: %v", made)
	}
	if again := o.share(dirs); len(again) != 0 {
		t.Errorf("shared again: %v", again)
	}
	if !ok(o.Check(t.Context()), "escrow") {
		t.Errorf("%+v", o.Check(t.Context()))
	}
	for i := range dirs {
		holdsNoKey(t, dirs[i])
		pair := [2]string{dirs[i], dirs[(i+1)%keyring.Custodians]}
		found, err := o.Drill(t.Context(), pair)
		o.must(err)
		for _, r := range found {
			if r.Err != nil {
				t.Errorf("key %s does not come back: %v", r.Week, r.Err)
			}
		}
		if len(found) != len(made) {
			t.Errorf("%d of %d keys were tried", len(found), len(made))
		}
	}
	if n := o.kinds("keys-recombined"); n != 3 || o.kinds("drill-done") != 3 {
		t.Errorf("three drills, and %d entries", n)
	}

	o.must(os.RemoveAll(dir))
	o.must(os.Mkdir(dir, 0o700))
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err == nil {
		t.Fatal("it opens without a key")
	}
	found, err := o.RestoreKeys(t.Context(), [2]string{dirs[2], dirs[1]})
	o.must(err)
	for _, r := range found {
		if r.Err != nil {
			t.Errorf("key %s: %v", r.Week, r.Err)
		}
	}
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err != nil || len(found) != len(made) || o.kinds("key-restored") != len(made) {
		t.Errorf("%d of %d restored; the letter: %v", len(found), len(made), err)
	}
	o.must(o.PublishRecipients(t.Context()))
}

// Database and keyring are lost together. The custodians bring the keys back
// before the replay, which cannot read a letter without them; nothing else is
// done with their shares meanwhile.
func TestALostKeyringComesBackWhileClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o, dirs := newOffice(t, withKeyring(t, dir)), custodians(t)
	made := o.share(dirs)
	o.must(os.RemoveAll(dir))
	o.must(os.Mkdir(dir, 0o700))
	o.must(o.cfg.Register.KeepClosed(t.Context(), []register.RestoreSign{register.SignPerson}))
	pair := [2]string{dirs[0], dirs[1]}
	if _, err := o.Drill(t.Context(), pair); !errors.Is(err, register.ErrClosed) {
		t.Errorf("a drill while closed: %v", err)
	}
	found, err := o.RestoreKeys(t.Context(), pair)
	o.must(err)
	for _, r := range found {
		if r.Err != nil {
			t.Errorf("key %s: %v", r.Week, r.Err)
		}
	}
	if weeks, err := o.cfg.Keyring.Weeks(); err != nil || len(weeks) != len(made) {
		t.Errorf("%d of %d keys are back, %v", len(weeks), len(made), err)
	}
	if _, err := o.Replay(t.Context(), func(ReplayStep) {}); err != nil || o.Closed(t.Context()) {
		t.Errorf("the replay: %v", err)
	}
}

// A drill says which keys have no escrow; a damaged share is named, and no
// mixture of folders is taken for another.
func TestADrillThatFails(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made := o.share(dirs)
	lost := "letterlock-" + string(made[1]) + "-custodian-2.txt"
	o.must(os.Remove(filepath.Join(dirs[1], lost)))
	found, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[1]})
	o.must(err)
	for _, r := range found {
		if (r.Err != nil) != (r.Week == made[1]) {
			t.Errorf("key %s: %v", r.Week, r.Err)
		}
	}
	for name, pair := range map[string][2]string{"one custodian twice": {dirs[0], dirs[0]}, "an empty folder": {dirs[0], t.TempDir()}} {
		_, err := o.Drill(t.Context(), pair)
		if _, ok := errors.AsType[Custody](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.must(os.WriteFile(filepath.Join(dirs[0], "letterlock-"+string(made[0])+"-custodian-1.txt"), []byte("week"), 0o600))
	if _, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[2]}); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	if _, _, err := o.MakeShares(t.Context(), [3]string{dirs[2], dirs[1], t.TempDir()}, 0); err == nil || !strings.Contains(err.Error(), "in their order") {
		t.Errorf("in another order: %v", err)
	}
}

// A custodian's lost folder is made anew: the others' old shares go, and the old
// making stays due until somebody says what became of the lost one.
func TestALostFolderIsMadeAnew(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made := o.share(dirs)
	lost := dirs[1]
	dirs[1] = t.TempDir()
	if again := o.share(dirs); len(again) != len(made) {
		t.Fatalf("made anew: %v", again)
	}
	found, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[1]})
	o.must(err)
	for _, r := range found {
		o.must(r.Err)
	}
	if found, err = o.Drill(t.Context(), [2]string{dirs[0], lost}); err != nil || found[0].Err == nil {
		t.Errorf("an old share fits a new one: %v", err)
	}
	out, err := o.cfg.Register.Shares(t.Context())
	o.must(err)
	if len(out) != 4*len(made) {
		t.Errorf("%d shares may exist, want %d", len(out), 4*len(made))
	}
	// The lost folder turns up: all that is in it goes, and whoever waits sees how far it is.
	var heard []int
	o.cfg.Far = func(done, of int) { heard = append(heard, of-done) }
	ended, err := o.RetireShares(t.Context(), lost, false)
	o.must(err)
	if out, err = o.cfg.Register.Shares(t.Context()); err != nil || len(ended) != len(made) || len(out) != 3*len(made) {
		t.Errorf("%d ended, %d left, %v", len(ended), len(out), err)
	}
	if len(heard) != len(made) || heard[0] != len(made) || heard[len(made)-1] != 1 {
		t.Errorf("of %d it is heard how many are left: %v", len(made), heard)
	}
}

// A folder that cannot be written to leaves no half making behind, in no folder
// and not on record.
func TestAFolderThatCannotBeWrittenTo(t *testing.T) {
	for full := range keyring.Custodians {
		o, dirs := newOffice(t), custodians(t)
		// Not for root's eyes either: a folder stands where the passing file goes.
		o.must(os.MkdirAll(filepath.Join(dirs[full], ".letterlock-share.new", "x"), 0o700))
		if made, _, err := o.MakeShares(t.Context(), dirs, 0); err == nil || len(made) != 0 {
			t.Fatalf("shared: %v, %v", made, err)
		}
		if out, err := o.cfg.Register.Shares(t.Context()); err != nil || len(out) != 0 {
			t.Errorf("on record: %v, %v", out, err)
		}
		o.must(os.RemoveAll(filepath.Join(dirs[full], ".letterlock-share.new")))
		o.allOnRecord(dirs)
		o.share(dirs)
		o.allOnRecord(dirs)
	}
}

var errCut = errors.New("cut off")

// cutAt ends what the office does at the n-th step of that name, as a crash does.
func (o *office) cutAt(step string, n int) {
	o.cfg.Step = func(at string, _ letter.ID) {
		if at == step {
			if n--; n == 0 {
				panic(errCut)
			}
		}
	}
}

// untilCut reports whether f was cut off.
func untilCut(f func()) (cut bool) {
	defer func() {
		if r := recover(); r == errCut {
			cut = true
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return false
}

// Cut off between any two steps, the same command ends what was begun: whole
// shares of one making in every folder, nothing else on record as theirs, and no
// private key anywhere but in the keyring.
func TestSharingThatIsCutOff(t *testing.T) {
	for _, at := range []struct {
		step string
		n    int
	}{{"shares-on-record", 1}, {"share-written", 1}, {"share-written", 2}, {"share-written", 3}, {"share-written", 5}, {"share-ending", 1}, {"share-gone", 1}, {"share-gone", 2}} {
		t.Run(fmt.Sprint(at.step, " ", at.n), func(t *testing.T) {
			o, dirs := newOffice(t), custodians(t)
			if strings.HasPrefix(at.step, "share-e") || strings.HasPrefix(at.step, "share-g") {
				o.share(dirs)
				dirs[0] = t.TempDir() // lost: the others' shares are ended and made anew
				o.must2(o.EndShares(t.Context(), 1, true, register.ShareLost))
			}
			o.cutAt(at.step, at.n)
			if !untilCut(func() { _, _, _ = o.MakeShares(t.Context(), dirs, 0) }) {
				t.Fatal("the step was never reached")
			}
			o.cfg.Step = func(string, letter.ID) {}
			for _, dir := range dirs {
				holdsNoKey(t, dir)
			}
			o.share(dirs)
			for _, pair := range [][2]string{{dirs[0], dirs[1]}, {dirs[1], dirs[2]}, {dirs[2], dirs[0]}} {
				found, err := o.Drill(t.Context(), pair)
				o.must(err)
				for _, r := range found {
					if r.Err != nil {
						t.Errorf("key %s: %v", r.Week, r.Err)
					}
				}
			}
			o.allOnRecord(dirs)
		})
	}
}

func (o *office) must2(_ any, err error) {
	o.t.Helper()
	o.must(err)
}

// allOnRecord holds every share that lies in a folder to the register.
func (o *office) allOnRecord(dirs [keyring.Custodians]string) {
	o.t.Helper()
	out, err := o.cfg.Register.Shares(o.t.Context())
	o.must(err)
	for _, dir := range dirs {
		shares, damaged, err := keyring.Shares(dir)
		o.must(err)
		for _, s := range shares {
			if !slices.Contains(out, onRecord(s)) {
				o.t.Errorf("custodian %d's share of %s is not on record", s.Custodian, s.Week)
			}
		}
		if files, err := os.ReadDir(dir); err != nil || damaged != 0 || len(files) != len(shares) {
			o.t.Errorf("a folder holds more than its shares: %v, %v", files, err)
		}
	}
}

// A restore that is cut off goes on.
func TestARestoreThatIsCutOff(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o, dirs := newOffice(t, withKeyring(t, dir)), custodians(t)
	made := o.share(dirs)
	o.must(os.RemoveAll(dir))
	o.must(os.Mkdir(dir, 0o700))
	o.cutAt("key-restoring", 3)
	if !untilCut(func() { _, _ = o.RestoreKeys(t.Context(), [2]string{dirs[0], dirs[1]}) }) {
		t.Fatal("the step was never reached")
	}
	o.cfg.Step = func(string, letter.ID) {}
	found, err := o.RestoreKeys(t.Context(), [2]string{dirs[0], dirs[1]})
	o.must(err)
	if weeks, err := o.cfg.Keyring.Weeks(); err != nil || len(weeks) != len(made) || len(found) != len(made)-2 {
		t.Errorf("%d keys of %d, %d in the second run, %v", len(weeks), len(made), len(found), err)
	}
}

// A share that is lost is not one that is gone: two of one making are said until
// one is found, and the key's death does not claim that nothing can be read.
func TestLostSharesStayOnRecord(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made := o.share(dirs)
	lose := func(custodian int) {
		t.Helper()
		ended, err := o.EndShares(t.Context(), custodian, true, register.ShareLost)
		if err != nil || len(ended) != len(made) {
			t.Fatalf("%d lost, %v", len(ended), err)
		}
	}
	lose(1)
	if exposed, err := o.exposedWeeks(t.Context()); err != nil || len(exposed) != 0 {
		t.Errorf("one is lost, exposed are %v, %v", exposed, err)
	}
	lose(2)
	if exposed, err := o.exposedWeeks(t.Context()); err != nil || !slices.Equal(exposed, made) {
		t.Errorf("two are lost, exposed are %v, %v", exposed, err)
	}
	if ok(o.Check(t.Context()), "escrow") {
		t.Error("the check is content")
	}
	o.now = made[0].Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.EndKeys(t.Context()))
	entries, err := o.cfg.Register.Entries(t.Context(), -1, "key-destroyed", "", 1)
	o.must(err)
	var ev register.KeyDestroyed
	o.must(json.Unmarshal(entries[0].Data, &ev))
	if ev.Shares != 1 || ev.Lost != 2 {
		t.Errorf("%+v", ev)
	}
	if ended, err := o.RetireShares(t.Context(), dirs[0], true); err != nil || len(ended) != len(made) { // found again
		t.Fatalf("%d retired, %v", len(ended), err)
	}
	if exposed, err := o.exposedWeeks(t.Context()); err != nil || len(exposed) != 0 {
		t.Errorf("one is found, exposed are %v, %v", exposed, err)
	}
	if ended, err := o.EndShares(t.Context(), 2, true, register.ShareVouched); err != nil || len(ended) != len(made) {
		t.Errorf("%d vouched, %v", len(ended), err)
	}
	if lost, err := o.cfg.Register.LostShares(t.Context()); err != nil || len(lost) != 0 {
		t.Errorf("lost are %v, %v", lost, err)
	}
}

// Who says each week that what is due is destroyed says nothing of a stick that was lost:
// what was on it stays on record as lost, until nothing else can be meant.
func TestAWordOnDueSharesIsNoneOnLostOnes(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made := o.share(dirs)
	o.must2(o.EndShares(t.Context(), 1, true, register.ShareLost))
	dirs[0] = t.TempDir() // a new stick
	o.share(dirs)
	o.now = made[0].Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.EndKeys(t.Context()))
	for _, want := range []struct{ ended, lost int }{{1, len(made)}, {len(made), 0}} {
		ended, err := o.EndShares(t.Context(), 1, false, register.ShareVouched)
		if err != nil || len(ended) != want.ended {
			t.Errorf("%d are said to be destroyed, want %d: %v", len(ended), want.ended, err)
		}
		if lost, err := o.cfg.Register.LostShares(t.Context()); err != nil || len(lost) != want.lost {
			t.Errorf("%d are lost, want %d: %v", len(lost), want.lost, err)
		}
	}
}
