// Package keyring keeps the private half of each expiry week's key: one age
// identity file a week in one folder, readable by stock age. When a week is
// over its file is destroyed, and with it every copy of what was sealed to it.
//
// A week has more than one key where a thief may know the first: letters that come
// later are sealed to the newest, which no thief has. All of a week's keys die with it.
//
//	x2027-W21.txt      the week's key
//	x2027-W21.2.txt    the one that was made in its place, and so on
package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"letterlock/pipeline/durable"
	"letterlock/scanner/letter"
)

// ErrNoKey is returned for a week whose private key is not in the keyring:
// never made, or destroyed.
var ErrNoKey = errors.New("the keyring holds no key of that week")

// stillMade is for how long a passing name may be that of a key which another
// process is making: commands run beside the server.
const stillMade = time.Minute

// Keyring is a folder of age identity files named by expiry week.
type Keyring struct{ dir string }

// Open opens the keyring in dir and makes the folder, for its owner's eyes
// only, when it is missing. What an interrupted Make left is removed.
func Open(dir string) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening keyring: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, durable.Passing+"*"))
	if err != nil {
		return nil, fmt.Errorf("opening keyring: %w", err)
	}
	for _, path := range left {
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()) < stillMade {
			continue // gone meanwhile, or another process is making that key just now
		}
		// Removed, not overwritten: it may be a second name of a living key.
		// Where nothing can be written, as by who makes backups, it stays.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EROFS) {
			return nil, fmt.Errorf("opening keyring: %w", err)
		}
	}
	return &Keyring{dir}, nil
}

// path is where the week's n-th key lies, from 1 on.
func (k *Keyring) path(w letter.Week, n int) string {
	if n == 1 {
		return filepath.Join(k.dir, string(w)+".txt")
	}
	return filepath.Join(k.dir, fmt.Sprintf("%s.%d.txt", w, n))
}

// keyOf reads a key's file name.
func keyOf(name string) (w letter.Week, n int, is bool) {
	name, is = strings.CutSuffix(name, ".txt")
	week, number, later := strings.Cut(name, ".")
	w, err := letter.ParseWeek(week)
	if n = 1; later && err == nil {
		if n, err = strconv.Atoi(number); n < 2 || number != strconv.Itoa(n) {
			return "", 0, false
		}
	}
	return w, n, is && err == nil
}

// numbers are those of the week's keys that are there, in their order.
func (k *Keyring) numbers(w letter.Week) (all []int, err error) {
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, fmt.Errorf("reading keyring: %w", err)
	}
	for _, f := range files {
		if week, n, is := keyOf(f.Name()); is && week == w {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// Make makes the week's hybrid (post-quantum) key pair, or finds the newest that
// is there, and returns its recipient. When it returns, the private half is on
// disk under its final name; a crash before that leaves no key under that name.
func (k *Keyring) Make(w letter.Week) (recipient string, err error) {
	if ids, err := k.identities(w); !errors.Is(err, ErrNoKey) {
		if err != nil {
			return "", err
		}
		return newest(ids), nil
	}
	return k.add(w, 1)
}

// MakeAnother makes one more key pair of the week, which is its newest from then
// on, and returns its recipient. What is sealed to the others still opens. A crash
// leaves the new key, or none.
func (k *Keyring) MakeAnother(w letter.Week) (recipient string, err error) {
	there, err := k.numbers(w)
	if err == nil && len(there) == 0 {
		err = ErrNoKey
	}
	if err != nil {
		return "", fmt.Errorf("making another key %s: %w", w, err)
	}
	return k.add(w, there[len(there)-1]+1)
}

// add makes the week's n-th key.
func (k *Keyring) add(w letter.Week, n int) (recipient string, err error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", fmt.Errorf("making key %s: %w", w, err)
	}
	if err := k.write(k.path(w, n), keyText(w, id)); err != nil {
		return "", fmt.Errorf("making key %s: %w", w, err)
	}
	// Another process may have been first: what lies there is the key.
	kept, err := k.identities(w)
	if err != nil {
		return "", err
	}
	return newest(kept), nil
}

func newest(ids []*age.HybridIdentity) (recipient string) {
	return ids[len(ids)-1].Recipient().String()
}

// keyText is a key's file, which stock age reads.
func keyText(w letter.Week, id *age.HybridIdentity) []byte {
	return fmt.Appendf(nil, "# Letterlock: everything sealed to this key must be unreadable from %s.\n# public key: %s\n%s\n",
		w.Over(), id.Recipient(), id)
}

// write makes a key's file, and never replaces one. A crash leaves a passing
// name, which the next Open removes.
func (k *Keyring) write(path string, text []byte) error {
	if err := durable.New(path, text, 0o600); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return durable.SyncDir(k.dir) // another process was first, and its key counts
}

// Recipient is the public half of the week's newest key, or ErrNoKey.
func (k *Keyring) Recipient(w letter.Week) (string, error) {
	ids, err := k.identities(w)
	if err != nil {
		return "", err
	}
	return newest(ids), nil
}

// Lacks reports whether the keyring does not hold the week's key of that public
// half, or has lost another of the week.
func (k *Keyring) Lacks(w letter.Week, recipient string) (bool, error) {
	there, err := k.numbers(w)
	if err != nil || len(there) == 0 || there[len(there)-1] != len(there) {
		return true, err
	}
	ids, err := k.identities(w)
	if errors.Is(err, ErrNoKey) { // it dies just now
		return true, nil
	}
	return !slices.ContainsFunc(ids, func(id *age.HybridIdentity) bool { return id.Recipient().String() == recipient }), err
}

// identities are the week's keys, the newest last; ErrNoKey where there is none.
func (k *Keyring) identities(w letter.Week) (ids []*age.HybridIdentity, err error) {
	there, err := k.numbers(w)
	if err != nil {
		return nil, err
	}
	for _, n := range there {
		id, err := k.identity(w, n)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it died just now
		}
		if err != nil {
			return nil, fmt.Errorf("reading key %s: %w", w, err)
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, ErrNoKey
	}
	return ids, nil
}

func (k *Keyring) identity(w letter.Week, n int) (*age.HybridIdentity, error) {
	text, err := os.ReadFile(k.path(w, n))
	if err != nil {
		return nil, err
	}
	defer clear(text)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		id, err := age.ParseHybridIdentity(string(line))
		if err != nil {
			return nil, errors.New("the file holds no hybrid age identity")
		}
		return id, nil
	}
	return nil, errors.New("the file is empty")
}

// Unseal returns the plaintext of what was sealed to any of the week's keys.
func (k *Keyring) Unseal(w letter.Week, sealed io.Reader) (io.Reader, error) {
	ids, err := k.identities(w)
	if err != nil {
		return nil, err
	}
	var any []age.Identity
	for _, id := range slices.Backward(ids) { // most is sealed to the newest
		any = append(any, id)
	}
	plain, err := age.Decrypt(sealed, any...)
	if err != nil {
		return nil, fmt.Errorf("unsealing with key %s: %w", w, err)
	}
	return plain, nil
}

// Has reports whether a private key of the week is in the keyring.
func (k *Keyring) Has(w letter.Week) bool {
	there, err := k.numbers(w)
	return err == nil && len(there) > 0
}

// Weeks returns the weeks whose private keys are in the keyring, in order.
func (k *Keyring) Weeks() ([]letter.Week, error) {
	weeks, _, err := k.list()
	return weeks, err
}

// Strangers counts what lies in the keyring's folder and is no key under its
// own name: perhaps a copy of one that somebody has made, and that would
// outlive it.
func (k *Keyring) Strangers() (int, error) {
	_, strangers, err := k.list()
	return strangers, err
}

func (k *Keyring) list() (weeks []letter.Week, strangers int, err error) {
	files, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, 0, fmt.Errorf("reading keyring: %w", err)
	}
	for _, f := range files {
		switch w, _, is := keyOf(f.Name()); {
		case is:
			weeks = append(weeks, w)
		case f.Name() == seenFile:
		case f.Name() != "lost+found" && !strings.HasPrefix(f.Name(), durable.Passing): // a volume of its own; a key that is being made
			strangers++
		}
	}
	slices.Sort(weeks)
	return slices.Compact(weeks), strangers, nil
}

// Overwrite writes noise over the week's private keys, in place, and makes that
// durable: whatever else is a name of the same files holds noise too. A crash
// leaves files of noise under the keys' names, which open nothing. A key that
// is gone already is no error.
func (k *Keyring) Overwrite(w letter.Week) error {
	if err := k.each(w, durable.Overwrite); err != nil {
		return fmt.Errorf("overwriting key %s: %w", w, err)
	}
	return nil
}

// Destroy overwrites the week's private keys, unlinks them and makes that
// durable. A key that is gone already is destroyed. What the volume below
// keeps by itself (snapshots, copy-on-write, wear levelling) it cannot reach:
// see Volume.
func (k *Keyring) Destroy(w letter.Week) error {
	if err := k.each(w, durable.Destroy); err != nil {
		return fmt.Errorf("destroying key %s: %w", w, err)
	}
	return nil
}

func (k *Keyring) each(w letter.Week, end func(path string) error) error {
	there, err := k.numbers(w)
	for _, n := range there {
		err = errors.Join(err, end(k.path(w, n)))
	}
	return err
}
