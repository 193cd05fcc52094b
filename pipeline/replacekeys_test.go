package pipeline

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"letterlock/pipeline/keyring"
	"letterlock/scanner/letter"
)

// theft is a keyring that a thief has copied, and what it opens of the office's letters.
func (o *office) theft(dir string) (opens func(letter.Manifest) bool) {
	o.t.Helper()
	stolen := filepath.Join(o.t.TempDir(), "stolen")
	o.must(os.CopyFS(stolen, os.DirFS(dir)))
	keys, err := keyring.Open(stolen)
	o.must(err)
	return func(m letter.Manifest) bool {
		_, err := keys.Unseal(m.Week(), bytes.NewReader(o.object(m.ObjectKey())))
		return err == nil
	}
}

// reads reports whether people can open these letters, or none of them.
func (o *office) reads(letters ...letter.Manifest) (all, none bool) {
	o.t.Helper()
	all, none = true, true
	for _, m := range letters {
		_, err := o.PDF(o.t.Context(), o.state(m.ID))
		all, none = all && err == nil, none && err != nil
	}
	return all, none
}

// A thief has the keyring. Once the keys are replaced, by a command that was killed at
// its steps before, letters that come are nothing to the thief, and people open the
// old ones as well as the new, on every server that shares the keyring. A register from
// before does not bring the stolen keys back into use.
func TestKeysAreReplacedAfterATheft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o := newOffice(t, withKeyring(t, dir))
	before := o.deposit()
	o.work(before.ID)
	thief, copied, second := o.theft(dir), o.backUp(), o.beside("second")
	ring, err := keyring.Open(dir)
	o.must(err)
	second.cfg.Keyring = ring
	if _, err := second.PDF(t.Context(), o.state(before.ID)); err != nil { // it knows the key that there was
		t.Error(err)
	}
	step := o.cfg.Step
	for n, at := range []string{"key-made-anew", "key-replaced"} {
		o.cutAt(at, n+1)
		if !untilCut(func() { o.must2(o.ReplaceKeys(t.Context())) }) {
			t.Fatalf("%s was never reached", at)
		}
		o.cfg.Step = step
		o.must(o.PublishRecipients(t.Context())) // as the running server does
		if all, _ := o.reads(before); !all {
			t.Errorf("%s: cut off there, the letter is not opened", at)
		}
	}
	replaced := o.kinds("key-replaced")
	weeks, err := o.ReplaceKeys(t.Context())
	o.must(err)
	if o.kinds("key-replaced") != replaced+len(weeks) || len(weeks) < 5 {
		t.Errorf("%d weeks, and %d are on record", len(weeks), o.kinds("key-replaced")-replaced)
	}
	if lacking, err := second.lackingKeys(t.Context()); err != nil || lacking != 0 {
		t.Errorf("another server lacks %d keys, %v", lacking, err)
	}
	o.must(second.PublishRecipients(t.Context())) // it gives out the new keys too
	after := o.deposit()
	o.work(after.ID)
	for _, m := range []letter.Manifest{before, after} {
		if _, err := second.PDF(t.Context(), o.state(m.ID)); err != nil {
			t.Errorf("another server does not open a letter: %v", err)
		}
	}
	if all, _ := o.reads(before, after); !all {
		t.Error("a letter is not opened")
	}
	if !thief(before) || thief(after) {
		t.Errorf("the thief opens what came before: %v, after: %v", thief(before), thief(after))
	}
	newest := o.list().Keys
	o.restore(copied)
	o.must(o.cfg.Register.RaiseSerial(t.Context(), o.list().Serial))
	o.must(o.PublishRecipients(t.Context()))
	for _, w := range weeks {
		if key := o.list().Keys[w]; key != "" && key != newest[w] {
			t.Errorf("the restored register brings another key of %s into use", w)
		}
	}
}

// Until the keys are shared anew the custodians' shares bring back what was sealed
// before, say so, and are not due; then they bring back all of it.
func TestReplacedKeysAreSharedAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keyring")
	o, dirs := newOffice(t, withKeyring(t, dir)), custodians(t)
	before := o.deposit()
	o.work(before.ID)
	o.share(dirs)
	o.must2(o.ReplaceKeys(t.Context()))
	after := o.deposit()
	o.work(after.ID)
	if due, err := o.DueShares(t.Context()); err != nil || len(due) != 0 || ok(o.Check(t.Context()), "escrow") {
		t.Errorf("due: %d, %v; check: %+v", len(due), err, o.Check(t.Context()))
	}
	if ended, err := o.RetireShares(t.Context(), dirs[0], false); err != nil || len(ended) != 0 {
		t.Errorf("retired although nothing else brings the old keys back: %d, %v", len(ended), err)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	o.must(os.CopyFS(whole, os.DirFS(dir)))
	lose := func() {
		for _, w := range []letter.Week{before.Week(), after.Week()} {
			o.must(o.cfg.Keyring.Destroy(w))
		}
	}
	lose()
	if _, none := o.reads(before, after); !none {
		t.Fatal("the keys are not lost: the test proves nothing")
	}
	found, err := o.RestoreKeys(t.Context(), [2]string{dirs[0], dirs[2]})
	o.must(err)
	if len(found) == 0 || !errors.Is(found[0].Err, errOnlyBefore) {
		t.Errorf("found: %+v", found)
	}
	if all, _ := o.reads(before); !all {
		t.Error("what was sealed before is not opened")
	}
	if _, none := o.reads(after); !none {
		t.Error("shares of before open what came later")
	}
	o.must(errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(whole))))

	if made := o.share(dirs); len(made) == 0 || !ok(o.Check(t.Context()), "escrow") {
		t.Errorf("shared anew: %v; check: %+v", made, o.Check(t.Context()))
	}
	lose()
	found, err = o.RestoreKeys(t.Context(), [2]string{dirs[1], dirs[2]})
	o.must(err)
	for _, r := range found {
		if r.Err != nil {
			t.Errorf("key %s does not come back: %v", r.Week, r.Err)
		}
	}
	if all, _ := o.reads(before, after); !all {
		t.Error("a letter is not opened with the keys that came back")
	}
}
