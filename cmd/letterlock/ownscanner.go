package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/sitekey"
	"letterlock/pipeline/register"
	"letterlock/scanner/words"
)

// siteKey is the file with the key of this machine's own scanner, that of 'letterlock up'.
func (in *installation) siteKey() string { return in.dir.in("state", "edge", "site.key") }

// takeOwnKey puts the scanner's next key in the place of its former. It keeps out of the
// way of a backup, which takes either file.
func (in *installation) takeOwnKey() error {
	unlock, err := in.dir.lockBackups()
	if err != nil {
		return err
	}
	defer unlock()
	return sitekey.Take(in.siteKey())
}

// enrolOwn enrols this machine's own scanner, and is its key. That is made for a site that
// the register does not know, and never for one that it does: nothing that another key
// signs would be believed. A change of the key that was cut off when the register had the
// new one, and the old one was in its place, is brought to its end.
func (in *installation) enrolOwn(ctx context.Context) (key keypair, err error) {
	path, site := in.siteKey(), in.cfg.Scanner.Site
	known, err := in.register.Edge(ctx, site)
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		return key, fmt.Errorf("enrolling this machine's scanner: %w", err)
	}
	if _, next, err := sitekey.Read(path+sitekey.NextExt, site); err == nil && next == known {
		if err := in.takeOwnKey(); err != nil {
			return key, err
		}
	}
	if known != "" && !exists(path) {
		return key, errOwnKeyLost
	}
	if key, err = signingKey(path, site); err != nil {
		return key, err
	}
	if known != "" && known != key.verifier {
		return key, errOwnKeyLost
	}
	if err := in.register.AddEdge(ctx, site, key.verifier); errors.Is(err, register.ErrClosed) {
		in.log.Warn("the register does not know this machine's scanner, and is closed; the scanner is enrolled when Letterlock is started again after 'letterlock restore'")
	} else if err != nil {
		return key, fmt.Errorf("enrolling this machine's scanner: %w", err)
	}
	return key, nil
}

// errOwnKeyLost says that nothing would be believed that this machine's scanner announces.
var errOwnKeyLost = configfile.Wrong("state/edge/site.key is missing, or is not the key with which this machine's scanner is enrolled: if a scanner on another machine has this site's name, choose another for site in [scanner]; else put the key back, from a backup, or if it is lost, run: letterlock edge rotate-key --lost. Scans wait meanwhile")

type edgeRotateKeyCmd struct {
	Lost bool          `help:"The key is lost, or was stolen: another one is believed at once. 'letterlock up' is ended first."`
	Yes  bool          `help:"Do not ask before --lost."`
	Wait time.Duration `help:"For how long to wait until it is done." default:"2m" placeholder:"SPAN"`
}

// Run makes the next key of this machine's own scanner; 'letterlock up' does the rest, as
// 'scanner run' does on a machine of its own. A crash leaves the next key lying there, and
// the scanner goes on with it.
func (c *edgeRotateKeyCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		_, err := in.register.Edge(w.ctx, in.cfg.Scanner.Site)
		if errors.Is(err, register.ErrNotFound) {
			return configfile.Wrong("this machine has no scanner of its own: 'letterlock up' has never run in %s. The key of one on another machine is changed there, with: scanner key rotate", in.dir.path)
		} else if err != nil {
			return err
		}
		if c.Lost {
			return c.replace(w, in)
		}
		if _, _, err := sitekey.Read(in.siteKey(), in.cfg.Scanner.Site); err != nil {
			return errOwnKeyLost
		}
		text, underWay, err := sitekey.Begin(in.siteKey(), in.cfg.Scanner.Site)
		if err != nil {
			return err
		}
		if underWay {
			fmt.Fprintln(w.out, "A change of this scanner's key is under way, and goes on.")
		}
		crashPoint("own-key-made", "")
		work := w.screen.Begin("Waiting for the scanner", "", 0)
		changed, err := sitekey.Await(w.ctx, in.siteKey(), text, c.Wait)
		work.End()
		if err != nil {
			return err
		}
		if !changed {
			return fmt.Errorf("the new key is made, and nothing is lost. The scanner changes over by itself while 'letterlock up' runs. Waited %s", words.Lasted(c.Wait))
		}
		return c.changed(w)
	})
}

// replace has another key believed at once, on the console's word. What the former has
// announced and the server has not taken in is announced anew within a day.
func (c *edgeRotateKeyCmd) replace(w *world, in *installation) error {
	unlock, err := in.dir.lock()
	if err != nil {
		return err
	}
	defer unlock()
	site := in.cfg.Scanner.Site
	fmt.Fprintf(w.out, "This is about the scanner of 'letterlock up' on this machine, site %s. If a scanner on another machine has that name, say no, and choose another name for site in [scanner]: nothing more would be believed that it announces.\n", site)
	if err := w.agree("Is another key to be believed for this machine's scanner from now on?", c.Yes); err != nil {
		return err
	}
	next := in.siteKey() + sitekey.NextExt
	// One that lies there may be in other hands just as its former is, and believed already.
	if err := sitekey.DropNext(in.siteKey()); err != nil {
		return err
	}
	if _, err := sitekey.Make(next, site); err != nil {
		return err
	}
	_, public, err := sitekey.Read(next, site)
	if err != nil {
		return fmt.Errorf("the new key cannot be read: %s", configfile.Reason(err))
	}
	// A crash here leaves a key that nobody believes, and the next run makes another. One
	// after the register has it leaves it to the next start, which puts it in its place, or
	// to the next run, which makes one more.
	crashPoint("own-key-lost-made", "")
	if err := in.register.ReplaceEdge(w.ctx, site, public); err != nil {
		return err
	}
	crashPoint("own-key-lost-recorded", "")
	if err := in.takeOwnKey(); err != nil {
		return err
	}
	return c.changed(w)
}

func (c *edgeRotateKeyCmd) changed(w *world) error {
	_, err := fmt.Fprintln(w.out, "Another key signs what this machine's scanner announces. The server believes nothing more that the old one signs. Run now: letterlock backup")
	return err
}
