// Package keyring keeps the private half of each expiry week's key: one age
// identity file a week in one folder, readable by stock age. When a week is
// over its file is destroyed, and with it every copy of what was sealed to it.
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
	"strings"
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
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("opening keyring: %w", err)
		}
	}
	return &Keyring{dir}, nil
}

func (k *Keyring) path(w letter.Week) string { return filepath.Join(k.dir, string(w)+".txt") }

// Make makes the week's hybrid (post-quantum) key pair, or finds the one that
// is there, and returns its recipient. When it returns, the private half is on
// disk under its final name; a crash before that leaves no key under that name.
func (k *Keyring) Make(w letter.Week) (recipient string, err error) {
	if id, err := k.identity(w); !errors.Is(err, ErrNoKey) {
		if err != nil {
			return "", err
		}
		return id.Recipient().String(), nil
	}
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", fmt.Errorf("making key %s: %w", w, err)
	}
	if err := k.write(k.path(w), keyText(w, id)); err != nil {
		return "", fmt.Errorf("making key %s: %w", w, err)
	}
	// Another process may have been first: what lies there is the key.
	kept, err := k.identity(w)
	if err != nil {
		return "", err
	}
	return kept.Recipient().String(), nil
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

// Recipient is the public half of the week's key, or ErrNoKey.
func (k *Keyring) Recipient(w letter.Week) (string, error) {
	id, err := k.identity(w)
	if err != nil {
		return "", err
	}
	return id.Recipient().String(), nil
}

func (k *Keyring) identity(w letter.Week) (*age.HybridIdentity, error) {
	text, err := os.ReadFile(k.path(w))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("reading key %s: %w", w, err)
	}
	defer clear(text)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		id, err := age.ParseHybridIdentity(string(line))
		if err != nil {
			return nil, fmt.Errorf("reading key %s: the file holds no hybrid age identity", w)
		}
		return id, nil
	}
	return nil, fmt.Errorf("reading key %s: the file is empty", w)
}

// Unseal returns the plaintext of what was sealed to the week's key.
func (k *Keyring) Unseal(w letter.Week, sealed io.Reader) (io.Reader, error) {
	id, err := k.identity(w)
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(sealed, id)
	if err != nil {
		return nil, fmt.Errorf("unsealing with key %s: %w", w, err)
	}
	return plain, nil
}

// Has reports whether the week's private key is in the keyring.
func (k *Keyring) Has(w letter.Week) bool {
	_, err := os.Stat(k.path(w))
	return err == nil
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
		name, _ := strings.CutSuffix(f.Name(), ".txt")
		switch w, err := letter.ParseWeek(name); {
		case err == nil && f.Name() != name:
			weeks = append(weeks, w)
		case f.Name() == seenFile:
		case f.Name() != "lost+found" && !strings.HasPrefix(f.Name(), durable.Passing): // a volume of its own; a key that is being made
			strangers++
		}
	}
	slices.Sort(weeks)
	return weeks, strangers, nil
}

// Overwrite writes noise over the week's private key, in place, and makes that
// durable: whatever else is a name of the same file holds noise too. A crash
// leaves a file of noise under the key's name, which opens nothing. A key that
// is gone already is no error.
func (k *Keyring) Overwrite(w letter.Week) error {
	if err := durable.Overwrite(k.path(w)); err != nil {
		return fmt.Errorf("overwriting key %s: %w", w, err)
	}
	return nil
}

// Destroy overwrites the week's private key, unlinks it and makes that
// durable. A key that is gone already is destroyed. What the volume below
// keeps by itself (snapshots, copy-on-write, wear levelling) it cannot reach:
// see Volume.
func (k *Keyring) Destroy(w letter.Week) error {
	if err := durable.Destroy(k.path(w)); err != nil {
		return fmt.Errorf("destroying key %s: %w", w, err)
	}
	return nil
}
