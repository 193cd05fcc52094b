package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
)

type lostKeyCmd struct {
	Public string `help:"The file with a public key of the register, if register.pub in the data folder is lost too: every auditor has one." type:"path" placeholder:"FILE"`
	Yes    bool   `help:"Do not ask."`
}

// Run has a new key sign a register whose signing key is lost, with an entry that
// says so. It is one transaction; a crash after it leaves the old register.pub, which
// another run replaces.
func (c *lostKeyCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		if next := in.dir.in("state", registerKeyNext); exists(next) {
			return configfile.Wrong("%s is there: a change of the key was under way. If it is the register's key, put it in the place of register.key; if not, move it away", next)
		}
		lost, err := c.lostKey(in)
		if err != nil {
			return err
		}
		key, err := in.dir.registerKey() // the one that was made when none was found
		if err != nil {
			return err
		}
		fmt.Fprintln(w.out, `Look first for the key that is lost: state/register.key lies in every backup, and on every other server. Whoever holds the register's public key is told from now on that the register breaks here, and that only what was exported or witnessed before vouches for what it says of earlier times. That cannot be undone.`)
		if err := w.agree("Is every copy of the key lost?", c.Yes); err != nil {
			return err
		}
		change, err := in.register.ReplaceLostKey(w.ctx, lost, key.signer, register.SigningKey(key.verifier))
		wrong, is := errors.AsType[*register.Wrong](err)
		switch {
		case errors.Is(err, register.ErrKeyNotLost) || err == nil && !change.Lost:
			return configfile.Wrong("the register's signing key is here and signs: it is not lost. To change it: letterlock register rotate-key. Nothing was changed")
		case is:
			return configfile.Wrong("nothing was changed: %s. Is it this register's public key? If state/register.key is an older one, move it away, and run this again", wrong)
		case err != nil:
			return err
		}
		crashPoint("lost-key-recorded", "")
		if err := durable.Replace(in.dir.registerPub(), []byte(key.verifier+"\n"), 0o644); err != nil {
			return fmt.Errorf("the new public key cannot be written; run this again: %s", configfile.Reason(err))
		}
		_, err = fmt.Fprintf(w.out, `
On the register, as entry %d: the key was lost, and another signs. Its public key, in register.pub:

  %s

Give it by hand to everybody who has the old one, and ask each of them, and whoever runs a witness, to compare what they kept with a new export: letterlock register compare OLD NEW --key register.pub
Where several servers are at work, copy state/register.key to the same place of each. Then run: letterlock backup
`, change.Entry, change.To)
		return err
	})
}

// lostKey is the public half of a key that has signed the register.
func (c *lostKeyCmd) lostKey(in *installation) (register.SigningKey, error) {
	path := c.Public
	if path == "" {
		path = in.dir.registerPub()
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", configfile.Wrong("the register's public key cannot be read: %s", configfile.Reason(err))
	}
	key := strings.TrimSpace(string(text))
	if _, err := note.NewVerifier(key); err != nil {
		return "", configfile.Wrong("%s holds no public key of a register", path)
	}
	return register.SigningKey(key), nil
}
