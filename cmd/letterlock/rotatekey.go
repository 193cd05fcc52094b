package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
)

// changing is a signing key that can be changed: it lies in the folder state, in a file
// of that name. One that is to take over lies beside it until the register says that it
// has: from then on it is the living one, and whoever finds it puts it in the old one's
// place.
//
//	NAME.next   is to take over, or has, and is not in its place yet
//	NAME.old    has ended, and is about to be wiped
type changing struct {
	file string
	name string // of the key, as it signs
}

var (
	ofRegister = changing{"register.key", "letterlock-register"}
	ofServer   = changing{"server.key", "letterlock-server"}
)

const registerKeyNext, registerKeyOld = "register.key.next", "register.key.old"

func (k changing) next() string { return k.file + ".next" }
func (k changing) old() string  { return k.file + ".old" }

// registerKey is the key in state/register.key, and register.ErrNoKey where that is
// missing.
func (d dataDir) registerKey() (keypair, error) {
	path := d.in("state", ofRegister.file)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return keypair{}, register.ErrNoKey
	}
	return signingKey(path, ofRegister.name)
}

// keyOf is that key, of the two that may be here, and whether it lies beside its place;
// nil where it is neither.
func (d dataDir) keyOf(k changing, public string) (found *keypair, beside bool, err error) {
	for _, name := range []string{k.file, k.next()} {
		path := d.in("state", name)
		key, err := readSigningKey(path, k.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // also one that another process moves just now
		}
		if err != nil {
			return nil, false, err
		}
		if key.verifier == public {
			return &key, name == k.next(), nil
		}
	}
	return nil, false, nil
}

// signerOf is the private half of a key that signs the register by now; nil where
// it is not here. One that another process was about to put in its place is put there.
func (d dataDir) signerOf(public register.SigningKey) (note.Signer, error) {
	key, beside, err := d.keyOf(ofRegister, string(public))
	if err != nil || key == nil {
		return nil, err
	}
	if beside {
		if err := d.putInPlace(ofRegister); err != nil && !errors.Is(err, errLocked) {
			return nil, err
		}
	}
	return key.signer, nil
}

// finishRotation puts a key in its place that took over and was left beside it, and
// wipes one that has ended. key is what lay in state/register.key, if anything did. What else may be
// amiss with the keys is said when something is to be recorded: who only looks goes on.
func (in *installation) finishRotation(ctx context.Context, key keypair) error {
	next, old := in.dir.in("state", registerKeyNext), in.dir.in("state", registerKeyOld)
	if !exists(next) && !exists(old) {
		return nil
	}
	living, err := in.register.LivingKey(ctx)
	if _, wrong := errors.AsType[*register.Wrong](err); wrong {
		return nil
	}
	if err != nil {
		return err
	}
	if key.signer != nil && string(living) == key.verifier {
		return in.dir.wipeOldKey(ofRegister)
	}
	_, err = in.dir.signerOf(living)
	return err
}

// wipeOldKey wipes the key that has ended, unless a rotation is at work.
func (d dataDir) wipeOldKey(k changing) error {
	return d.unlessAtWork(func() error { return durable.Destroy(d.in("state", k.old())) })
}

// putInPlace puts the key that took over in the place of the one that has ended. It
// keeps out of the way of a backup, which takes either file.
func (d dataDir) putInPlace(k changing) error {
	unlock, err := d.lockBackups()
	if err != nil {
		return err
	}
	defer unlock()
	return d.replaceKey(k)
}

// replaceKey is putInPlace for whoever holds the lock. A crash at any step
// leaves the living key under one of the two names, and the next start goes on.
func (d dataDir) replaceKey(k changing) error {
	key, next, old := d.in("state", k.file), d.in("state", k.next()), d.in("state", k.old())
	if !exists(next) { // another process was faster
		return nil
	}
	// A key that was lost is in no place.
	if err := os.Link(key, old); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the old signing key cannot be put aside: %s", configfile.Reason(err))
	}
	crashPoint("rotate-aside", "")
	if err := errors.Join(os.Rename(next, key), durable.SyncDir(d.in("state"))); err != nil {
		return fmt.Errorf("the new signing key cannot be put in its place: %s", configfile.Reason(err))
	}
	crashPoint("rotate-placed", "")
	if err := durable.Destroy(old); err != nil {
		return fmt.Errorf("the old signing key cannot be wiped: %s", configfile.Reason(err))
	}
	return nil
}

type rotateKeyCmd struct {
	Prepare bool `help:"Where several servers are at work: only make the new key, to be copied to each of them before it takes over."`
}

// Run has a new key take over. It works beside running servers: each finds out from
// the newest checkpoint that another key signs.
func (c *rotateKeyCmd) Run(w *world) error {
	cutOff := exists(w.dir.in("state", registerKeyNext))
	return w.with(func(in *installation) error {
		if err := in.hasRegisterKey(w.ctx); err != nil {
			return err
		}
		unlock, err := in.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlock()
		next := in.dir.in("state", registerKeyNext)
		if cutOff && !exists(next) {
			_, err := fmt.Fprintln(w.out, "A change of the key was under way, and is done: the new key is in its place. To change it once more, run this again.")
			return err
		}
		if !cutOff && !c.Prepare {
			if err := in.aloneAtWork(w, "register rotate-key"); err != nil {
				return err
			}
		}
		key, err := signingKey(next, ofRegister.name)
		if err != nil {
			return err
		}
		// A crash here leaves a key that signs nothing; the next run takes it.
		crashPoint("rotate-made", "")
		if c.Prepare {
			_, err := fmt.Fprintf(w.out, "The new key is in %s, and signs nothing yet. Copy that file to the same place of every other server, in a way that nobody reads it; then run: letterlock register rotate-key\n", next)
			return err
		}
		change, err := in.register.ChangeKey(w.ctx, key.signer, register.SigningKey(key.verifier))
		if err != nil {
			return err
		}
		// A crash here leaves the new key living and in the file beside: every process
		// that opens the register, or is at work on it, puts it in its place.
		crashPoint("rotate-recorded", "")
		if err := in.dir.replaceKey(ofRegister); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w.out, rotated(change))
		return err
	})
}

// rotated says what a person is to do after the key was changed.
func rotated(c register.KeyChange) string {
	return strings.TrimSpace(fmt.Sprintf(`
Another key signs the register from entry %d on. The old one is wiped here.

  %s

Give this new public key by hand to everybody who has the old one, as an auditor and whoever runs a witness: what is signed from now on verifies with either, but only the new one helps against somebody who has stolen the old. Then run: letterlock backup
A backup of before brings back the old key. Where it was stolen, run this again after such a restore.`, c.Entry, c.To))
}

// aloneAtWork refuses to change the key under other servers that do not have it:
// they could record nothing, and so do nothing, until they do.
func (in *installation) aloneAtWork(w *world, command string) error {
	servers, err := in.register.Running(w.ctx)
	if err != nil {
		return err
	}
	if len(servers) > 1 {
		dead, err := in.dead(w, servers, listenFor)
		if err != nil {
			return err
		}
		for _, s := range servers {
			if dead[s.ID()] {
				return configfile.Wrong("the server %s has died without a word, and may come back without the new key. Start it again; or if it is gone for good, run: letterlock server forget %s", s.Name, s.Name)
			}
		}
		return configfile.Wrong("%d servers are at work on this register, and each needs the new key before it takes over. Run first: letterlock %s --prepare", len(servers), command)
	}
	return nil
}
