package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/words"
)

type restoreCmd struct {
	WitnessSays bool `help:"A witness on another machine has found that the register is an older copy: close Letterlock, and replay."`
	Yes         bool `help:"Do not ask."`

	From     string `help:"A backup: restore it first, into a data folder in which there is no Letterlock, or whose Letterlock has lost its PostgreSQL." type:"path" placeholder:"FILE"`
	Key      string `help:"The file with the key that opens the backup." type:"path" placeholder:"FILE"`
	Database string `help:"Where the register goes, instead of where the backup's settings have it: a file that holds the address of an empty PostgreSQL; or that address, where no password is in it; or 'sqlite' for the file in the data folder." placeholder:"TO"`
	Drill    bool   `help:"Try out beside a running server whether the backup comes back. Nothing is changed, and nothing kept."`
}

// Run restores a backup where one is named, and replays.
func (c *restoreCmd) Run(w *world) error {
	if (c.From == "") != (c.Key == "") || c.Drill && c.From == "" {
		return configfile.Wrong("--from names a backup and --key the file with its key: both are needed, also for --drill")
	}
	if c.Database != "" && (c.From == "" || c.Drill) {
		return configfile.Wrong("--database says where the register of a backup goes that is restored with --from")
	}
	if c.Drill {
		return c.drill(w)
	}
	if c.From != "" {
		unpacked, err := w.unpack(w.dir, c.From, c.Key, c.Database, false)
		if register.Refuses(err) { // once all else lies there
			return fmt.Errorf("the database's server refuses: look at its address, or make the database, empty. What was unpacked lies in %s: give the same command again, which begins anew, or remove that folder", w.dir.path)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(w.out, unpacked.says())
		if len(unpacked.moved) > 0 {
			fmt.Fprintf(w.out, "They were named below %s, and %s names them below %s now: %s.\n", unpacked.Folder, w.dir.config, w.dir.path, list(unpacked.moved))
		}
		if unpacked.living {
			return nil
		}
		fmt.Fprintf(w.out, "It is restored into %s, and closed. Should this end before the replay, go on with: letterlock restore\n\n", w.dir.path)
	}
	return c.replay(w)
}

// drill unpacks the backup beside the database, compares it with the bucket, and
// wipes it. No act of the register that is in it is carried out.
func (c *restoreCmd) drill(w *world) error {
	return w.with(func(running *installation) (err error) {
		unlock, err := running.dir.lockBackups()
		if err != nil {
			return err
		}
		defer unlock()
		if err := running.dir.wipeDrills(); err != nil {
			return err
		}
		path, err := os.MkdirTemp(running.dir.in("state"), ".drill-*") // mode 0700
		if err != nil {
			return fmt.Errorf("no room for a drill: %s", configfile.Reason(err))
		}
		defer func() { err = errors.Join(err, wipeAll(path)) }()
		dir := dataDir{path: path, config: filepath.Join(path, "letterlock.toml")}
		unpacked, err := w.unpack(dir, c.From, c.Key, "", true)
		if err != nil {
			return err
		}
		fmt.Fprintln(w.out, unpacked.says())
		crashPoint("drill-unpacked", "")
		began := time.Now()
		opening := w.screen.Begin("Opening the register", "", 0)
		in, err := openBeside(w.ctx, dir, running.dir, w.log)
		opening.End()
		if err != nil {
			return err
		}
		defer in.close()
		work := w.begin(in, "Comparing with the bucket", "letter")
		found, err := in.looks(nil).Backlog(w.ctx)
		work.End()
		if err != nil {
			return err
		}
		w.showFound(found, true)
		fmt.Fprintf(w.out, "\nThis was a drill: nothing was changed, and what was unpacked is wiped. Comparing with the bucket took %s.\n", brief(time.Since(began)))
		return running.register.KeepTime(w.ctx, register.MetaTriedOut, running.clock.Now())
	})
}

// wipeAll wipes every file below the folder, and removes it.
func wipeAll(path string) error {
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = durable.Destroy(path)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(path))
}

// replay shows what a restored database or bucket has missed, and replays it once
// the person agrees. It works beside a running server, which is closed until
// then and opens by itself.
func (c *restoreCmd) replay(w *world) error {
	if err := w.dir.notAsRoot(); err != nil {
		return err
	}
	if unlock, err := w.dir.lock(); err == nil { // else a server is at work, which has done that
		err = w.dir.wipeRestoring()
		unlock()
		if err != nil {
			return err
		}
	}
	return w.within(open, func(in *installation) error {
		pages, err := page.Open(page.Config{CacheDir: in.dir.cache()})
		if err != nil {
			return err
		}
		defer pages.Close()
		server := in.pipeline(&url.URL{}, pages, nil)
		if c.WitnessSays {
			if err := in.register.KeepClosed(w.ctx, []register.RestoreSign{register.SignPerson}); err != nil {
				return err
			}
		}
		looking := w.screen.Begin("Looking at the bucket", "", 0)
		_, err = server.Recognise(w.ctx)
		looking.End()
		if err != nil {
			return fmt.Errorf("what was restored cannot be found out: %w", err)
		}
		work := w.begin(in, "Comparing with the bucket", "letter")
		found, err := server.Backlog(w.ctx)
		work.End()
		if err != nil {
			return err
		}
		w.showBacklog(found)
		if err := w.agree("Replay all this?", c.Yes); err != nil {
			return fmt.Errorf("%w; Letterlock stays closed", err)
		}
		began := time.Now()
		work = w.begin(in, "Comparing with the bucket", "letter")
		done, err := server.Replay(w.ctx, func(step pipeline.ReplayStep) {
			work.End()
			fmt.Fprintf(w.out, "Now: %s.\n", step)
			unit := progress.Unit("letter")
			if step == pipeline.ReplayMemory {
				unit = "key"
			}
			work = w.begin(in, "Replaying", unit)
		})
		work.End()
		if err != nil {
			return err
		}
		earlier, err := in.register.FoundEarlier(w.ctx)
		if err != nil {
			return err
		}
		w.showReplayed(found, done, earlier)
		fmt.Fprintf(w.out, "The replay took %s.\n", brief(time.Since(began)))
		return nil
	})
}

// showBacklog says what a replay would do.
func (w *world) showBacklog(b pipeline.Backlog) {
	fmt.Fprintln(w.out, texts.English().Text(pipeline.RestoredSays(b.Signs))+"\n")
	w.showFound(b, false)
	fmt.Fprintln(w.out, "\nEverybody is signed out. Nobody is let in before all of it is done.")
}

// showFound says what was found, as far as it holds in a drill too.
func (w *world) showFound(b pipeline.Backlog, drill bool) {
	fmt.Fprintf(w.out, "The register has %d entries, the newest of %s.", b.Entries, b.Newest)
	switch {
	case b.Seen <= b.Entries:
	case drill:
		fmt.Fprintf(w.out, " That of now has at least %d more, which would be lost.", b.Seen-b.Entries)
	default:
		fmt.Fprintf(w.out, " At least %d of a later time are lost: who opened, destroyed or decided what since then is not on record any more. If you have a newer backup, end here and bring that back.", b.Seen-b.Entries)
	}
	fmt.Fprint(w.out, "\n\nIn the register and in the bucket:\n")
	for _, line := range []struct {
		n    int
		noun string
		says string
	}{
		{b.Living, "letter", "where the register has them"},
		{b.Unknown, "letter", "of which the register has never heard: read, and taken in now or, where its scanner still waits for a receipt, once the server runs"},
		{b.Elsewhere, "letter", "not where the register has them, but elsewhere: they are left there"},
		{b.Missing, "letter", "nowhere in the bucket: on record until their deadline"},
		{b.Overdue, "letter", "past the deadline: ended now, with proof"},
		{b.Again, "object", "that must not be in the bucket any more: removed now"},
		{b.Keys, "key", "past the week: destroyed now"},
	} {
		if line.n > 0 {
			fmt.Fprintf(w.out, "  %s %s\n", words.Number(line.n, line.noun), line.says)
		}
	}
}

// needsCode says what somebody needs first who cannot sign in: the restore has ended the
// codes with which passkeys are made.
func needsCode(p register.Person) string {
	if p.Passkeys > 0 || p.SSO {
		return ""
	}
	return fmt.Sprintf(" (no passkey: letterlock user code %d)", p.Number)
}

// showReplayed says what was done, and what no program can know.
func (w *world) showReplayed(b pipeline.Backlog, done register.Restored, earlier []letter.ID) {
	fmt.Fprintf(w.out, "\nDone, and on the register: %s taken in, %d found elsewhere, %d found nowhere, %d ended with proof; %s removed from the bucket, %s destroyed.\n",
		words.Number(done.Adopted, "letter"), done.Elsewhere, done.Missing, done.Deleted, words.Number(done.Strays, "object"), words.Number(done.Keys, "key"))
	if done.Answers > 0 {
		fmt.Fprintf(w.out, "Found, and uploaded since: %s. Whether one was kept is on no record: it waits a week for whoever uploaded it to say so, or is kept where they cannot be asked.\n", words.Number(done.Answers, "answer"))
	}
	if done.Unread > 0 {
		fmt.Fprintf(w.out, "%s could not be opened and may be letters; nothing was done to them. 'letterlock check' says what to do.\n", words.Number(done.Unread, "object"))
	}
	if len(earlier) > 0 {
		fmt.Fprintf(w.out, "\nFound where they end before the day that is on record, and kept until that day again: %s. Whether what keeps them longer was withdrawn or released since is on no record. A manager must look at each, and do that again if so:\n", words.Number(len(earlier), "letter"))
		for _, id := range earlier {
			fmt.Fprintf(w.out, "  %s\n", id.Reference())
		}
	}
	fmt.Fprint(w.out, "\nLook at this, since nobody can know what was changed after the backup was made. These may sign in again:\n")
	for _, p := range b.People {
		fmt.Fprintf(w.out, "  %d, %s%s\n", p.Number, p.Role, needsCode(p))
	}
	fmt.Fprintln(w.out, "Whoever has left since: letterlock user disable NUMBER. The names: letterlock user list")
	if len(b.Sites) > 0 {
		fmt.Fprintf(w.out, "These scanners are believed: %s. One that was stolen since: letterlock edge revoke SITE\n", strings.Join(b.Sites, ", "))
	}
	fmt.Fprintln(w.out, "Requests, holds and destructions of papers since then are to be recorded anew. Letterlock is open again.")
}
