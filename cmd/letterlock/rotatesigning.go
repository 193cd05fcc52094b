package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
)

// openServerKey reads the key that signs what scanners read. It is made in a new data
// folder and nowhere else, since no scanner would believe another; where it is lost, or
// another lies in its place, there is no signer, and who only looks goes on without. One
// that took over and was left beside its place is put there, and one that has ended is
// wiped.
func (in *installation) openServerKey(ctx context.Context) error {
	living, err := in.register.ServerKey(ctx)
	if err != nil {
		return err
	}
	path := in.dir.in("state", ofServer.file)
	if living == "" {
		if begun, err := in.register.Begun(ctx); err != nil || begun && !exists(path) {
			return err
		}
		in.server, err = signingKey(path, ofServer.name)
		return err
	}
	key, beside, err := in.dir.keyOf(ofServer, living)
	if err != nil {
		return err
	}
	if key == nil {
		in.server, err = in.otherServerKey(ctx, living)
		return err
	}
	in.server = *key
	if beside {
		_, err = in.serverSignerOf(living)
		return err
	}
	if exists(in.dir.in("state", ofServer.old())) {
		return in.dir.wipeOldKey(ofServer)
	}
	return nil
}

// serverSignerOf is the private half of one of the server's keys; nil where it is not
// here. One that has taken over is put in its place, which wipes the one before: the
// register has what that one has signed about it.
func (in *installation) serverSignerOf(public string) (note.Signer, error) {
	key, beside, err := in.dir.keyOf(ofServer, public)
	if err != nil || key == nil {
		return nil, err
	}
	if beside {
		living, err := in.register.ServerKey(context.Background())
		if err != nil {
			return nil, err
		}
		if living == public {
			if err := in.dir.putInPlace(ofServer); err != nil && !errors.Is(err, errLocked) {
				return nil, err
			}
		}
	}
	return key.signer, nil
}

type rotateSigningCmd struct {
	Prepare bool `help:"Where several servers are at work: only make the new key, to be copied to each of them before it is named."`
	Now     bool `help:"The old key was stolen: the new one takes over at once, whichever scanners know it."`
	Lost    bool `help:"Every copy of the old key is lost: another one signs, and every scanner must be invited again."`
	Yes     bool `help:"Do not ask before --lost."`
}

// Run names the key that is to sign what scanners are told. The running server does the
// rest: it tells scanners, and changes over once all of them have said that they know it.
func (c *rotateSigningCmd) Run(w *world) error {
	if c.Lost {
		return c.replaceLost(w)
	}
	cutOff := exists(w.dir.in("state", ofServer.next()))
	return w.with(func(in *installation) error {
		if err := in.hasServerKey(); err != nil {
			return err
		}
		unlock, err := in.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlock()
		server := in.looks(nil)
		keys, err := in.register.ServerKeys(w.ctx)
		if err != nil {
			return err
		}
		next := in.dir.in("state", ofServer.next())
		last, ok := keys.Last()
		if cutOff && !exists(next) {
			_, err := fmt.Fprintln(w.out, "A change of the key was under way, and is done: the new key signs. To change it once more, run this again.")
			return err
		}
		if underWay := ok && last.Since.IsZero(); underWay && (exists(next) || !c.Now) {
			if !c.Now {
				return c.waits(w, in, last.To)
			}
		} else if err := c.name(w, in, keys.Signing(in.server.verifier)); err != nil || c.Prepare {
			return err
		}
		if !c.Now {
			return c.waits(w, in, "")
		}
		work := w.screen.Begin("Signing anew what scanners read", "", 0)
		unheard, err := server.ChangeServerKey(w.ctx)
		work.End()
		if err != nil {
			return err
		}
		// A crash here leaves the new key living and in the file beside: every process that
		// opens the data folder, or is at work on it, puts it in its place.
		crashPoint("signing-changed", "")
		if err := in.dir.replaceKey(ofServer); err != nil {
			return err
		}
		return c.changed(w, unheard)
	})
}

// name makes the new key and has the old one name it.
func (c *rotateSigningCmd) name(w *world, in *installation, from string) error {
	next := in.dir.in("state", ofServer.next())
	if !exists(next) && !c.Prepare {
		if err := in.aloneAtWork(w, "key rotate-signing"); err != nil {
			return err
		}
	}
	key, err := signingKey(next, ofServer.name)
	if err != nil {
		return err
	}
	// A crash here leaves a key that signs nothing; the next run takes it.
	crashPoint("signing-made", "")
	if c.Prepare {
		_, err := fmt.Fprintf(w.out, "The new key is in %s, and signs nothing yet. Copy that file to the same place of every other server, in a way that nobody reads it; then run: letterlock key rotate-signing\n", next)
		return err
	}
	if err := in.looks(nil).NameServerKey(w.ctx, from, key.verifier); err != nil {
		return err
	}
	// A crash here leaves the change under way: the running server carries it on.
	crashPoint("signing-named", "")
	return nil
}

// waits says for which scanners a change that is under way waits. named is the key that a
// former run has named; empty after this one's.
func (c *rotateSigningCmd) waits(w *world, in *installation, named string) error {
	if named != "" {
		key, _, err := in.dir.keyOf(ofServer, named)
		if err != nil {
			return err
		}
		if key == nil {
			return configfile.Wrong("the key that is to take over is not here: put back state/%s of the data folder, from the server where it was made, or from the newest backup. If it is lost, have another one made with --now; every scanner must then be invited again", ofServer.next())
		}
	}
	sites, err := in.register.Unheard(w.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(w.out, "A new key is to sign what scanners are told. The old one goes on until every scanner has said that it knows the new one; one that runs says so within ten minutes. Nothing need be restarted, but a server must be running.")
	for _, site := range sites {
		fmt.Fprintf(w.out, "  waits for the scanner of %s\n", site)
	}
	if invited, err := in.register.OpenInvitations(w.ctx); err == nil && invited {
		fmt.Fprintln(w.out, "  waits until no invitation is open that carries the old key")
	}
	_, err = fmt.Fprintln(w.out, "'letterlock check' says who has not; what is gone for good: letterlock edge revoke SITE. Run now: letterlock backup")
	return err
}

// changed says what a person is to do after the key was changed at once.
func (c *rotateSigningCmd) changed(w *world, unheard []string) error {
	fmt.Fprintln(w.out, "Another key signs what scanners are told, from now on. The old one is wiped here, and no scanner that has heard of this believes it.")
	for _, site := range slices.Sorted(slices.Values(unheard)) {
		fmt.Fprintf(w.out, "  has not said that it knows the new key: the scanner of %s\n", site)
	}
	if len(unheard) > 0 {
		fmt.Fprintln(w.out, "Those that run, and are of this version, follow by themselves within a minute, and say so within ten: 'letterlock check' and 'letterlock status' name those that have not. Each of the others believes the old key until it is invited again, and takes nothing in meanwhile that this server says:\n  letterlock edge invite SITE --replace\nWho has stolen the old key and can write to the bucket could be faster at a scanner that has not heard: change the storage's credentials first.")
	}
	_, err := fmt.Fprintln(w.out, strings.TrimSpace("Then run: letterlock backup. A backup of before brings back the old key, which no scanner believes."))
	return err
}
