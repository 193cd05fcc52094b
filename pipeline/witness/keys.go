package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"letterlock/pipeline/register"
)

// keyChange is the extension of a file that holds a change of the signing key.
const keyChange = ".key"

// loadKeys reads which keys are known to have taken over.
func (w *Witness) loadKeys() error {
	paths, err := filepath.Glob(filepath.Join(w.Dir, "*"+keyChange))
	if err != nil {
		return fmt.Errorf("reading the witness's folder: %w", err)
	}
	slices.Sort(paths) // by the entry's number
	var changes []register.KeyChange
	for _, path := range paths {
		var c register.KeyChange
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading the witness's folder: %w", err)
		}
		if err := json.Unmarshal(text, &c); err != nil {
			return fmt.Errorf("reading %s, which somebody has changed: %w", filepath.Base(path), err)
		}
		changes = append(changes, c)
	}
	if w.keys, err = register.KeysFrom(w.Pub, changes); err != nil {
		return fmt.Errorf("reading which keys have signed, where somebody has changed %s, or which is another register's: %w", w.Dir, err)
	}
	return nil
}

// learn takes over what a source says of changes of the signing key. Once a key has
// named the one that takes over, whatever says otherwise is evidence: that key is
// in other hands, or the register was written anew.
func (w *Witness) learn(s Source, shown []Shown, heads []kept, r *Report) error {
	for _, one := range shown {
		keys, err := register.KeysFrom(w.Pub, one.Keys)
		if err != nil { // anybody could say that
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s", s.Name(), err))
			continue
		}
		if lost := keys.Unvouched(); lost != nil { // anybody could say that too
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s. Then begin a folder of its own for the new key, and keep this one", s.Name(), lost))
			continue
		}
		if wrong, is := errors.AsType[*register.Wrong](w.follows(keys, heads)); is {
			r.Wrong = append(r.Wrong, fmt.Sprintf("%s: %s", s.Name(), wrong.Says))
			if err := w.keepChanges(one.Keys, forked); err != nil {
				return err
			}
			continue
		}
		if w.keys.Continue(keys) {
			continue
		}
		if err := w.keepChanges(one.Keys, keyChange); err != nil {
			return err
		}
		w.keys = keys
	}
	return nil
}

// follows is *register.Wrong where the keys are not those that are known, as far as
// both go, or not those of a checkpoint that is kept.
func (w *Witness) follows(keys register.Keys, heads []kept) error {
	if w.keys.Continue(keys) {
		return nil // an older look, as at a checkpoint of last year
	}
	if !keys.Continue(w.keys) {
		return &register.Wrong{Says: "one key of the register has named two others to take over: it is in other hands, or the register was written anew"}
	}
	for _, head := range heads {
		if _, err := keys.Open(head.Note); err != nil {
			return err
		}
	}
	return nil
}

// keepChanges writes each change into a file of its own; one that is there stays.
func (w *Witness) keepChanges(changes []register.KeyChange, as string) error {
	for _, c := range changes {
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		name := fmt.Sprintf("%012d-%s", c.Entry, hex.EncodeToString(sum[:8]))
		if as != keyChange { // one that is known is no evidence
			if _, err := os.Stat(filepath.Join(w.Dir, name+keyChange)); err == nil {
				continue
			}
		}
		if err := w.write(filepath.Join(w.Dir, name+as), string(text)); err != nil {
			return err
		}
	}
	return nil
}
