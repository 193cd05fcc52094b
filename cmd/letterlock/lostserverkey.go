package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// hasServerKey is pipeline.ErrNoServerKey where the key that signs what scanners are told
// is lost, and a mistake where a stranger's lies in its place: a server begins with it. One
// that was not given the key that took over begins all the same, and says it.
func (in *installation) hasServerKey() error {
	if in.server.signer != nil {
		return nil
	}
	path := in.dir.in("state", ofServer.file)
	if !exists(path) {
		return pipeline.ErrNoServerKey
	}
	return configfile.Wrong("state/server.key is another key than the one that signs what scanners are told, and no scanner believes it: put the right one in its place, from a backup or from another server. Only if every copy of that is lost, move this one away, and run: letterlock key rotate-signing --lost")
}

// otherServerKey is the key in state/server.key, which is not the one that signs by the
// register, where it may be this server's all the same: one that has ended, on a server
// that was not given the next, or one of which scanners know and a register does not that
// was restored from before. A stranger's has no signer, and one that is lost neither.
func (in *installation) otherServerKey(ctx context.Context, living string) (keypair, error) {
	lost := keypair{verifier: living}
	path := in.dir.in("state", ofServer.file)
	if !exists(path) {
		return lost, nil
	}
	own, err := signingKey(path, ofServer.name)
	if err != nil {
		return lost, err
	}
	keys, err := in.register.ServerKeys(ctx)
	if err != nil || keys.Holds(own.public()) {
		return own, err
	}
	brief, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	there, err := in.store.Get(brief, letter.ServerKeysKey)
	if errors.Is(err, deposit.ErrNotFound) || deposit.IsNoBucket(err) {
		return lost, nil
	}
	if err != nil {
		return own, nil // the server's role finds out, once the storage is there, and signs nothing before
	}
	if told, err := letter.ReadServerKeys(there); err != nil || !told.Holds(own.public()) || !told.Holds(keypair{verifier: living}.public()) {
		return lost, nil
	}
	return own, nil
}

// noteServerKey notes the public half of the key, by which another in its place is known.
// A register that takes nothing just now is no reason not to begin.
func (in *installation) noteServerKey(ctx context.Context) {
	known, err := in.register.ServerKey(ctx)
	if err == nil && known != "" || in.server.signer == nil || !in.signsTheBucket(ctx) {
		return
	}
	if err := in.register.NoteServerKey(ctx, in.server.verifier); err != nil {
		in.log.Warn("it could not be noted which key signs what scanners are told", "error", err)
	}
}

// signsTheBucket reports whether the recipients list in the bucket is signed with this
// server's key, or there is none yet: what lies in the key's place may be a stranger's, and
// noted, it would keep the right one out.
func (in *installation) signsTheBucket(ctx context.Context) bool {
	brief, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	why, err := in.looks(nil).BucketDoubt(brief)
	return why == "" && err == nil
}

// replaceLost has another key sign what scanners are told, whose former is lost. No server
// is at work meanwhile: one that is has the key still.
func (c *rotateSigningCmd) replaceLost(w *world) error {
	if c.Now || c.Prepare {
		return configfile.Wrong("--lost is for a key of which there is no copy, --now and --prepare for one that can name the next")
	}
	return w.with(func(in *installation) error {
		living, err := in.register.ServerKey(w.ctx)
		switch {
		case err != nil:
			return err
		case in.server.signer != nil && (living == "" || living == in.server.verifier):
			lost, there, err := in.register.LostServerKey(w.ctx)
			if err != nil {
				return err
			}
			if there {
				return c.goOn(w, in, lost)
			}
			return configfile.Wrong("the server's signing key is here and signs: it is not lost. To change it: letterlock key rotate-signing. Nothing was changed")
		case exists(in.dir.in("state", ofServer.file)):
			return configfile.Wrong("nothing was changed: state/server.key is there, and is not the key that signs what scanners are told. Move it away, put the right one in its place, and only if every copy of that is lost, run this again")
		}
		work := w.screen.Begin("Listening for the other servers", "", 0)
		alone, err := in.alone(w.ctx, listenFor)
		work.End()
		if err != nil {
			return err
		}
		if !alone {
			return configfile.Wrong("nothing was changed: another server is at work on this register, and has the key. Copy state/server.key from it. Only if that one lacks it too, end it, and run this again; one that has died is named by 'letterlock server list', and forgotten with 'letterlock server forget NAME'")
		}
		unlock, err := in.dir.lock()
		if err != nil {
			return err
		}
		defer unlock()
		fmt.Fprintln(w.out, "Look first for the key that is lost: state/server.key lies in every backup, and on every other server. No scanner on another machine believes another one before it is invited again, and until then it takes no receipt and deletes no scan.")
		if err := w.agree("Is every copy of the key lost?", c.Yes); err != nil {
			return err
		}
		unlockBackups, err := in.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlockBackups()
		return c.replaceNow(w, in)
	})
}

func (c *rotateSigningCmd) replaceNow(w *world, in *installation) error {
	key, err := signingKey(in.dir.in("state", ofServer.next()), ofServer.name)
	if err != nil {
		return err
	}
	// A crash here leaves a key that signs nothing; the next run takes it.
	crashPoint("lost-signing-made", "")
	lost, err := in.register.LoseServerKey(w.ctx, key.verifier, in.ownSite())
	if err != nil {
		return err
	}
	// A crash here leaves the new key living and in the file beside: every process that
	// opens the data folder puts it in its place. Run again, this says who is to be invited,
	// as 'letterlock check' does, and signs anew what scanners read.
	crashPoint("lost-signing-recorded", "")
	if err := in.dir.replaceKey(ofServer); err != nil {
		return err
	}
	in.server = key
	return c.goOn(w, in, lost)
}

// goOn says whom to invite again, and signs the recipients list with the new key where that
// was not done yet, as after a crash.
func (c *rotateSigningCmd) goOn(w *world, in *installation, lost register.LostServerKey) error {
	fmt.Fprintf(w.out, "On the register, since %s: the key was lost, and another signs what scanners are told. The scanner of 'letterlock up' follows by itself. No invitation of before counts any more.\n", atMinute(lost.Since))
	if len(lost.Sites) > 0 {
		fmt.Fprintln(w.out, "Each of these believes it once it is invited again, keeps its scans until then, and loses none; 'letterlock check' names those that have not joined again:")
	}
	for _, site := range lost.Sites {
		fmt.Fprintf(w.out, "  letterlock edge invite %s --replace      (there: scanner enrol FILE --again --config SCANNER.TOML)\n", site)
	}
	fmt.Fprintln(w.out, "Of several servers, copy state/server.key to the same place of each, and start each anew. Then run: letterlock backup")
	if !lost.Unsigned {
		return nil
	}
	if err := in.looks(nil).PublishRecipients(w.ctx); err != nil {
		return fmt.Errorf("what scanners read in the bucket is not signed with the new key yet; once the storage is there, run this again (%w)", err)
	}
	return nil
}
