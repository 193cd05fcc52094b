package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
)

// openingKey is the key with which the register in that database is opened: the one in
// state/register.key. That is made in a new data folder and nowhere else, since another
// key would sign nothing that there is; where it is lost, what comes back has no private
// half. Who only looks goes on with that.
//
// register.pub is read first, since it is made last: another process may make both in
// this moment. A crash between the two leaves the key, and the next start goes on.
func (in *installation) openingKey(ctx context.Context, database register.Config) (keypair, error) {
	public, unread := in.dir.publicKey()
	key, err := in.dir.registerKey()
	if !errors.Is(err, register.ErrNoKey) {
		return key, err
	}
	if unread != nil {
		return keypair{}, unread
	}
	signed, err := register.HeadOf(ctx, database)
	switch {
	case err != nil:
		return keypair{}, err
	case public != "" && signed != "":
		return keypair{verifier: public}, nil
	case public != "":
		return keypair{}, configfile.Wrong("%s is there, and neither state/register.key nor a register: this is what is left of a Letterlock. Bring it back with 'letterlock restore --from', in a folder of its own (--data)", in.dir.registerPub())
	case signed == "":
		return signingKey(in.dir.in("state", ofRegister.file), ofRegister.name)
	}
	if key, err = in.dir.registerKey(); !errors.Is(err, register.ErrNoKey) {
		return key, err // another process was faster
	}
	return keypair{}, errors.New("state/register.key and register.pub are missing, and there is a register that is signed with this key: put both back from a backup. On a further server of the same register copy the keys of the first, state/*.key and keyring/ of its data folder, or name a database of this server's own. Only if every copy of the key is lost, run: letterlock register replace-lost-key --public FILE, with the register.pub that an auditor has")
}

// notEmptied refuses to begin a register anew under the key of one that is lost, and to
// replay what there is of that into it: the keyring remembers it. A backup could not come
// back into what was begun.
func (in *installation) notEmptied(ctx context.Context, database register.Config, key keypair) error {
	if key.public() == nil || in.dir != in.beside || database.URL == "" && exists(database.Path) {
		return nil
	}
	keys, err := keyring.Open(in.keyringFolder())
	if err != nil {
		return nil // which is said by whoever opens it next
	}
	if remembers, err := pipeline.Remembers(keys, key.public()); err != nil || !remembers {
		return nil // likewise, by a check
	}
	signed, err := register.HeadOf(ctx, database)
	if err != nil || signed != "" {
		return err
	}
	return configfile.Wrong("there is no register in %s, and the keyring remembers that this server had one: it is lost, or the configuration names another database. If it is lost, stop the server and restore the newest backup: letterlock restore --from FILE --key FILE. Where there is no backup, ADMIN.md says under \"Losing things\" how a new data folder finds the letters again. Nothing was changed", in.dir.sayPlace(database))
}

// publicKey is what register.pub holds, or the file that stands in for it; "" where
// there is none.
func (d dataDir) publicKey() (string, error) {
	path := cmp.Or(d.public, d.registerPub())
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && d.public == "" {
		return "", nil
	}
	if err != nil {
		return "", configfile.Wrong("the register's public key cannot be read: %s", configfile.Reason(err))
	}
	public := strings.TrimSpace(string(text))
	if _, err := note.NewVerifier(public); err != nil {
		return "", configfile.Wrong("%s holds no public key of a register", path)
	}
	return public, nil
}

// hasRegisterKey is register.ErrNoKey where the key that signs the register is lost, and
// register.ErrOldKey where another lies in its place, a former one or another register's:
// a command that does more than to record begins with it.
func (in *installation) hasRegisterKey(ctx context.Context) error {
	err := in.register.MaySign(ctx)
	if _, others := errors.AsType[*register.Wrong](err); others {
		return register.ErrOldKey
	}
	if errors.Is(err, register.ErrNoKey) || errors.Is(err, register.ErrOldKey) {
		return err
	}
	return nil // what else is amiss is said by whoever needs it
}

type lostKeyCmd struct {
	Public string `help:"The file with a public key of the register, if register.pub in the data folder is lost too: every auditor has one." type:"path" placeholder:"FILE"`
	Yes    bool   `help:"Do not ask."`
}

// Run has a new key sign a register whose signing key is lost, with an entry that
// says so.
func (c *lostKeyCmd) Run(w *world) error {
	w.dir.public = c.Public
	return w.with(func(in *installation) error {
		err := in.register.MaySign(w.ctx)
		_, wrong := errors.AsType[*register.Wrong](err)
		switch {
		case err == nil:
			return c.isHere(w, in)
		case !wrong && !errors.Is(err, register.ErrNoKey) && !errors.Is(err, register.ErrOldKey):
			return err
		case exists(in.dir.in("state", ofRegister.file)):
			return configfile.Wrong("nothing was changed: state/register.key is there, and is not the key that signs this register. It is an older one, or another register's: move it away, put the right one in its place, and only if every copy of that is lost, run this again")
		}
		lost, err := in.dir.publicKey()
		if err != nil {
			return err
		}
		fmt.Fprintln(w.out, `Look first for the key that is lost: state/register.key lies in every backup, and on every other server. Whoever holds the register's public key is told from now on that the register breaks here, and that only what was exported or witnessed before vouches for what it says of earlier times. That cannot be undone.`)
		if err := w.agree("Is every copy of the key lost?", c.Yes); err != nil {
			return err
		}
		unlock, err := in.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlock()
		key, err := signingKey(in.dir.in("state", ofRegister.next()), ofRegister.name)
		if err != nil {
			return err
		}
		// A crash here leaves a key that signs nothing; the next run takes it.
		crashPoint("lost-key-made", "")
		change, err := in.register.ReplaceLostKey(w.ctx, register.SigningKey(lost), key.signer, register.SigningKey(key.verifier))
		if wrong, is := errors.AsType[*register.Wrong](err); is {
			return configfile.Wrong("nothing was changed: %s. Is it this register's public key?", wrong)
		}
		if err != nil {
			return err
		}
		// A crash here leaves the new key living and in the file beside: every process
		// that opens the register puts it in its place. Up to the end register.pub is the
		// old one, which another run replaces.
		crashPoint("lost-key-recorded", "")
		if err := in.dir.replaceKey(ofRegister); err != nil {
			return err
		}
		crashPoint("lost-key-placed", "")
		return c.replaced(w, in, change)
	})
}

// isHere ends what a run has begun that was cut off, and refuses where no key was lost.
func (c *lostKeyCmd) isHere(w *world, in *installation) error {
	changes, err := in.register.KeyChanges(w.ctx)
	if err != nil {
		return err
	}
	if len(changes) == 0 || !changes[len(changes)-1].Lost {
		return configfile.Wrong("the register's signing key is here and signs: it is not lost. To change it: letterlock register rotate-key. Nothing was changed")
	}
	return c.replaced(w, in, changes[len(changes)-1])
}

// replaced writes the new public key, and says what a person is to do.
func (c *lostKeyCmd) replaced(w *world, in *installation, change register.KeyChange) error {
	if err := durable.Replace(in.dir.registerPub(), []byte(string(change.To)+"\n"), 0o644); err != nil {
		return fmt.Errorf("the new public key cannot be written; run this again: %s", configfile.Reason(err))
	}
	_, err := fmt.Fprintf(w.out, `
On the register, as entry %d: the key was lost, and another signs. Its public key, in register.pub:

  %s

Give it by hand to everybody who has the old one, and ask each of them, and whoever runs a witness, to compare what they kept with a new export: letterlock register compare OLD NEW --key register.pub
Where several servers are at work, copy state/register.key to the same place of each. Then run: letterlock backup
`, change.Entry, change.To)
	return err
}
