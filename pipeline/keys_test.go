package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// withKeyring gives the office a keyring whose folder the test knows.
func withKeyring(t *testing.T, dir string) option {
	return func(c *Config) {
		k, err := keyring.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		c.Keyring = k
	}
}

func (o *office) kinds(kind string) int {
	o.t.Helper()
	entries, err := o.cfg.Register.Entries(o.t.Context(), -1, kind, "", 1000)
	o.must(err)
	return len(entries)
}

// A keyring that is restored from a backup brings nothing back: the dead key
// opens nothing from the first moment, no new letter of its week is believed,
// and it is destroyed again, on record.
func TestARestoredKeyOpensNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	m := o.deposit()
	o.work(m.ID)
	file := filepath.Join(dir, string(m.Week())+".txt")
	backup, err := os.ReadFile(file)
	o.must(err)
	o.toDeadline(m)
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove" // the letter's bytes survive it all
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.work(m.ID)
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) || o.kinds("key-destroyed") == 0 {
		t.Fatal("the key lives")
	}
	o.must(os.WriteFile(file, backup, 0o600))
	if !o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the restored key is not there: the test proves nothing")
	}
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err == nil {
		t.Error("a dead key opens a letter")
	}
	if holds, err := o.holdsKey(t.Context(), m.Week()); err != nil || holds {
		t.Errorf("a dead key is taken for one that is held, %v", err)
	}
	if _, err := o.makeKey(t.Context(), m.Week()); !errors.Is(err, register.ErrKeyDead) {
		t.Errorf("a dead key is given out again: %v", err)
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) || o.kinds("key-found-again") != 1 {
		t.Errorf("it is there, or not on record: %d entries", o.kinds("key-found-again"))
	}
}

// A key of a week that is over and that this register never knew is destroyed
// as well; one of a week to come is left alone.
func TestAnUnknownKey(t *testing.T) {
	o := newOffice(t)
	over, ahead := letter.Week("x2026-W40"), letter.Week("x2031-W40")
	for _, w := range []letter.Week{over, ahead} {
		_, err := o.cfg.Keyring.Make(w)
		o.must(err)
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(over) || !o.cfg.Keyring.Has(ahead) || o.kinds("key-found-again") != 1 {
		t.Error("the wrong keys are left")
	}
}

// A keyring that is not mounted is said, and no other key is made in its place.
func TestAMissingKeyringIsNotMadeAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	o.must(os.Rename(dir, dir+"-elsewhere"))
	o.must(os.Mkdir(dir, 0o700))
	if err := o.PublishRecipients(t.Context()); err == nil || !strings.Contains(err.Error(), "is its folder mounted") {
		t.Errorf("published: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("made: %v, %v", files, err)
	}
	o.must(os.Remove(dir))
	o.must(os.Rename(dir+"-elsewhere", dir))
	o.must(o.PublishRecipients(t.Context()))
}

// Nor does a key count as destroyed that lies whole where the keyring's folder is mounted
// from; back in its place it dies like any other.
func TestAMissingKeyringEndsNoKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.work(m.ID)
	o.must(o.PublishRecipients(t.Context()))
	o.must(os.Rename(dir, dir+"-elsewhere"))
	o.must(os.Mkdir(dir, 0o700))
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	if err := o.EndKeys(t.Context()); !errors.Is(err, errEmptyKeyring) {
		t.Errorf("keys end: %v", err)
	}
	// Nor after somebody has decided to keep a letter for longer, to a key of a later week.
	if _, err := o.makeKey(t.Context(), letter.WeekOf(letter.DateOf(o.now).AddMonths(60))); !errors.Is(err, errEmptyKeyring) {
		t.Errorf("a key of five years on is made: %v", err)
	}
	if state, err := o.cfg.Register.KeyState(t.Context(), m.Week()); err != nil || state != register.KeyLiving {
		t.Errorf("it is %q on record, %v", state, err)
	}
	o.must(os.Remove(dir))
	o.must(os.Rename(dir+"-elsewhere", dir))
	o.must(o.EndKeys(t.Context()))
	if state, err := o.cfg.Register.KeyState(t.Context(), m.Week()); err != nil || state != register.KeyDead || o.cfg.Keyring.Has(m.Week()) {
		t.Errorf("afterwards it is %q on record, %v", state, err)
	}
}

func TestTheKeyringsFolderIsLookedAt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	if !ok(o.Check(t.Context()), "keyring") {
		t.Errorf("%+v", o.Check(t.Context()))
	}
	o.must(os.WriteFile(filepath.Join(dir, "x2027-W21.txt.bak"), nil, 0o600))
	if ok(o.Check(t.Context()), "keyring") {
		t.Error("a copy of a key is not seen")
	}
}

// A key that cannot be destroyed when its week is over, or that has come back and
// cannot be destroyed again, is loud until it is gone.
func TestAKeyThatDoesNotDieIsLoud(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	o.person(register.Manager, "mo@example.org")
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.work(m.ID)
	o.deletion(m.ID)
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	loud := func() bool {
		t.Helper()
		o.must(o.watchAlarms(t.Context(), &watch{}))
		o.now = o.now.Add(20 * time.Minute)
		o.must(o.watchAlarms(t.Context(), &watch{}))
		found, err := o.cfg.Register.Alarms(t.Context())
		o.must(err)
		return slices.ContainsFunc(found, func(a register.Alarm) bool { return a.Kind == register.KeyOverdue && a.Count == 1 })
	}
	file, aside := filepath.Join(dir, string(m.Week())+".txt"), filepath.Join(t.TempDir(), "key")
	o.must(os.Rename(file, aside))
	o.must(o.PublishRecipients(t.Context()))
	for _, what := range []string{"it does not die", "it has come back"} {
		o.must(os.Mkdir(file, 0o700)) // what no account can overwrite
		if err := o.EndKeys(t.Context()); err == nil {
			t.Fatal("it is gone: the test proves nothing")
		}
		o.mailed()
		if !loud() || ok(o.Check(t.Context()), "keys") {
			t.Errorf("%s, and nobody hears of it: %+v", what, o.Check(t.Context()))
		}
		if got := o.mailed(); !slices.Equal(got, []string{"mo@example.org"}) {
			t.Errorf("%s, and written to are %v", what, got)
		}
		o.must(os.Remove(file))
		if what == "it does not die" {
			o.must(os.Rename(aside, file))
		}
		o.must(o.EndKeys(t.Context()))
		if o.cfg.Keyring.Has(m.Week()) || loud() || !ok(o.Check(t.Context()), "keys") {
			t.Errorf("%s, is mended, and it is not well: %+v", what, o.Check(t.Context()))
		}
		o.now = o.now.AddDate(0, 0, 1)
	}
}

// Two servers on one register end a key once, and neither takes the other's act
// for a failure; one that stops in the middle is finished by the other.
func TestTwoServersEndOneKey(t *testing.T) {
	for _, stopAt := range []string{"", "key-dying", "key-overwritten", "key-gone"} {
		o := newOffice(t)
		m := o.deposit()
		o.work(m.ID)
		o.toDeadline(m)
		o.work(m.ID)
		o.now = m.Week().Over().Start()
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		other := o.cfg
		met := false
		other.Step = func(step string, _ letter.ID) {
			if step == stopAt && !met {
				met = true
				o.must(o.EndKeys(t.Context())) // the second does all of it here
			}
		}
		o.must(New(other).EndKeys(t.Context()))
		o.must(o.EndKeys(t.Context()))
		begun, ended := o.kinds("key-death-begun"), o.kinds("key-destroyed")
		if o.cfg.Keyring.Has(m.Week()) || begun == 0 || begun != ended || o.kinds("key-found-again") != 0 {
			t.Errorf("met at %q: %d deaths begun, %d done", stopAt, begun, ended)
		}
	}
}

// besideWithOwnKeys is another server whose keyring is a folder of its own, a copy
// of the office's, against what several servers need.
func (o *office) besideWithOwnKeys(dir string) (s *Server, own string) {
	o.t.Helper()
	own = filepath.Join(o.t.TempDir(), "own")
	o.must(os.CopyFS(own, os.DirFS(dir)))
	s = o.beside("second")
	keys, err := keyring.Open(own)
	o.must(err)
	s.cfg.Keyring = keys
	return s, own
}

// A key that has died at the server that leads dies in the keyring of every other
// server too, and that it was there is on record.
func TestAKeyDiesInEveryKeyring(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	m := o.deposit()
	o.work(m.ID)
	second, _ := o.besideWithOwnKeys(dir)
	there := func() bool { return second.cfg.Keyring.Has(m.Week()) }
	o.toDeadline(m)
	o.work(m.ID)
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	var w watch
	o.must(second.follow(t.Context(), &w))
	if !there() || o.kinds("key-death-begun") != 0 {
		t.Fatal("a server that does not lead has ended a key that lives on record")
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) || !there() {
		t.Fatal("the test proves nothing")
	}
	o.must(second.follow(t.Context(), &w))
	if !there() {
		t.Error("it looks with every turn")
	}
	o.now = o.now.Add(time.Hour)
	o.must(second.follow(t.Context(), &w))
	if there() || o.kinds("key-found-again") == 0 {
		t.Errorf("the key lives: %v, found %d times", there(), o.kinds("key-found-again"))
	}
}

// A server whose keyring lacks a key, or has another in its place, leaves letters
// to the others, spoils none, and is named by every server's check.
func TestAServerLacksAKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	second, own := o.besideWithOwnKeys(dir)
	week := o.deposit().Week()
	key := filepath.Join(own, string(week)+".txt")
	company, _, err := second.join(t.Context())
	o.must(err)
	looks := func() int {
		t.Helper()
		company.lacksAt = time.Time{}
		o.must(second.noteLacking(t.Context(), company))
		return company.lacks
	}
	for name, spoil := range map[string]func(){
		"lacks it": func() {},
		"has another": func() {
			_, err := second.cfg.Keyring.Make(week)
			o.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o.must(os.Remove(key))
			spoil()
			m := o.deposit()
			o.must(o.Admit(t.Context()))
			o.must(second.Advance(t.Context(), m.ID))
			if l := o.state(m.ID); l.State != register.Admitted || l.Trouble != register.KeyMissing {
				t.Errorf("it is %s, %s", l.State, l.Trouble)
			}
			if looks() != 1 || ok(o.Check(t.Context()), "servers") {
				t.Errorf("%d keys are lacking, and check says %+v", company.lacks, o.Check(t.Context()))
			}
			o.must(o.Advance(t.Context(), m.ID))
			if got := o.story(m.ID); got != wholeStory {
				t.Errorf("on the register: %s", got)
			}
			text, err := os.ReadFile(filepath.Join(dir, string(week)+".txt"))
			o.must(err)
			o.must(os.WriteFile(key, text, 0o600))
			if looks() != 0 || !ok(o.Check(t.Context()), "servers") {
				t.Errorf("mended, %d keys are lacking: %+v", company.lacks, o.Check(t.Context()))
			}
		})
	}
}

// A keyring that cannot be read is told from one that is lost, and a key that cannot be
// from a missing one: what to do is not the same.
func TestAKeyringThatCannotBeRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	m := o.deposit()
	o.work(m.ID)
	says := func(name, want string) {
		t.Helper()
		for _, l := range o.Check(t.Context()) {
			if l.Name == name && (l.OK || !strings.Contains(l.Says, want)) {
				t.Errorf("%+v, want %q", l, want)
			}
		}
	}
	o.must(os.Rename(dir, dir+".away"))
	says("keys", "folder cannot be read")
	says("keyring", "folder cannot be read")
	o.must(os.Rename(dir+".away", dir))
	file := filepath.Join(dir, string(m.Week())+".txt")
	o.must(os.Rename(file, file+".away"))
	says("keys", "is missing from the keyring")
	o.must(os.Mkdir(file, 0o700)) // there, and no account can read it
	says("keys", "is in the keyring and cannot be read")
}

// A keyring in which no new key can be made stops every scanner two weeks later. It is
// loud long before, and keeps nothing else of the day from being done.
func TestScannersRunOutOfKeysLoudly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	var w watch
	says := func() string {
		t.Helper()
		for _, l := range o.Check(t.Context()) {
			if l.Name == "keys" && !l.OK {
				return l.Says
			}
		}
		return ""
	}
	o.must(o.daily(t.Context(), &w))
	if got := says(); got != "" {
		t.Fatalf("on a good day: %s", got)
	}
	// The keyring is full, or cannot be written to.
	newest := func() letter.Week {
		ahead := WeeksAhead(letter.DateOf(o.now))
		return ahead[len(ahead)-1]
	}
	made := newest()
	for made == newest() {
		o.must(o.daily(t.Context(), &w))
		o.now = o.now.AddDate(0, 0, 1)
	}
	next := newest()
	stuck := filepath.Join(dir, string(next)+".txt")
	o.must(os.Mkdir(stuck, 0o700))
	days := o.kinds("day-begun")
	if err := o.daily(t.Context(), &w); err == nil {
		t.Fatal("the fault was never met")
	}
	today := letter.CheckpointKey(letter.DateOf(o.now))
	if o.kinds("day-begun") != days+1 || o.traces(today) != 1 {
		t.Errorf("%d days were begun, and of the register %d checkpoints left", o.kinds("day-begun")-days, o.traces(today))
	}
	if got := says(); !strings.Contains(got, "The key "+string(next)+" is not made yet") {
		t.Errorf("with a key that is not made: %s", got)
	}
	for range 3 {
		o.now = o.now.AddDate(0, 0, 1)
		_ = o.daily(t.Context(), &w)
	}
	if got := says(); !strings.Contains(got, "was last renewed on") || !strings.Contains(got, "every scanner stops") {
		t.Errorf("with a list that is days old: %s", got)
	}
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.ListLate}) {
		t.Errorf("loud is %v", got)
	}
	// Another finding hides nothing of it.
	living, err := o.cfg.Register.Keys(t.Context(), register.KeyLiving)
	o.must(err)
	key := filepath.Join(dir, string(living[len(living)-1].Week)+".txt")
	o.must(os.Rename(key, key+".away"))
	if got := says(); !strings.Contains(got, "is missing from the keyring") || !strings.Contains(got, "every scanner stops") {
		t.Errorf("with a key that is missing too: %s", got)
	}
	o.must(os.Rename(key+".away", key))
	o.must(os.Remove(stuck))
	o.must(o.daily(t.Context(), &w))
	if got := says(); got != "" || len(o.alarms()) != 0 {
		t.Errorf("mended: %s, %v", got, o.alarms())
	}
}
