package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"letterlock/pipeline"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// plan says what setup would find, make and change, and does nothing: it opens no
// register and no keyring, since opening makes them, and asks the storage, the database
// and the mail server nothing but questions. What depends on the register, as whether this is
// the bucket with its letters, is found out by setup itself, which stops there.
//
// text is the configuration where none is there.
func (c *setupCmd) plan(w *world, text string) error {
	err := c.foresees(w, text)
	if err == nil {
		_, err = fmt.Fprintln(w.out, "Nothing was changed.")
	}
	return err
}

// foresees is plan where something may be changed afterwards.
func (c *setupCmd) foresees(w *world, text string) error {
	in := &installation{dir: w.dir, beside: w.dir, log: w.log}
	defer in.close()
	say := func(format string, args ...any) { fmt.Fprintf(w.out, format+"\n", args...) }
	fate := func(what, path string) {
		if exists(path) {
			say("%s: %s is there, and stays as it is.", what, path)
		} else {
			say("%s: %s would be made.", what, path)
		}
	}
	if text != "" && exists(w.dir.config) {
		say("Configuration: %s is there, and would be filled in.", w.dir.config)
	} else {
		fate("Configuration", w.dir.config)
	}
	if text != "" {
		for _, line := range c.says(w.dir.config) {
			say("  it would say %s", line)
		}
		if c.DryRun && atTerminal() && !c.NoInput {
			say("  without --dry-run, what no flag says is asked for first.")
		}
	}
	fate("Policy", w.dir.policy())
	var err error
	if text == "" {
		in.cfg, err = readConfig(w.dir.config)
	} else {
		in.cfg, err = parseConfig(w.dir.config, text)
	}
	if err != nil {
		return err
	}
	if c.Settings {
		return nil
	}
	if in.cfg.Database == nil {
		fate("Register", w.dir.database())
	} else if err := in.lookIntoDatabase(w); err != nil {
		return err
	} else {
		say("Register: in the PostgreSQL that [database] names, which lets Letterlock in. Its tables would be made or brought up to date.")
	}
	for _, name := range []string{ofRegister.file, ofServer.file, filepath.Base(w.dir.codesPath())} {
		if path := w.dir.in("state", name); exists(path) {
			say("Key: %s is there, and stays as it is.", path)
		} else {
			say("Key: %s would be made where the register is new.", path)
		}
	}
	if err := c.serverUserFlags.plan(w, in); err != nil {
		return err
	}
	if err := c.planBucket(w, in); err != nil {
		return err
	}
	missing, folder := 0, w.dir.named(in.cfg.KeyringFolder, w.dir.in("keyring"))
	weeks := pipeline.WeeksAhead(letter.DateOf(time.Now()))
	for _, week := range weeks {
		if !exists(filepath.Join(folder, string(week)+".txt")) {
			missing++
		}
	}
	say("Expiry keys: of the %d that scanners may seal to, %d would be made in %s. The recipients list in the bucket would be written anew.", len(weeks), missing, folder)
	if c.named() {
		say("First administrator: where there is none yet, would be made, and the code said with which they enrol.")
	} else {
		say("First administrator: where nobody can sign in as one yet, 'letterlock serve' or 'letterlock up' makes the first at its start, and says the code.")
	}
	if c.Edge != "" {
		if in.cfg.Storage == nil {
			return in.meetsNoScanner()
		}
		fate("Scanner", filepath.Join(c.EdgeFolder, "site.key"))
		say("Scanner: %s would be enrolled, its storage credentials set and its scanner.toml written in %s.", c.Edge, c.EdgeFolder)
	}
	if c.TestMail != "" {
		say("Mail: a test message would be sent.")
	}
	if in.cfg.Mail.SMTP == "" {
		say("Mail: no mail server is set.")
	} else if err := in.tryMail(w, ""); err != nil {
		return err
	}
	return nil
}

// lookIntoDatabase finds out whether the database lets Letterlock in, and whether a register
// may stand there or does. It changes nothing.
func (in *installation) lookIntoDatabase(w *world) error {
	cfg, err := in.registerConfig(in.cfg, keypair{})
	if err != nil {
		return err
	}
	defer w.screen.Begin("Asking the database", "", 0).End()
	if err := register.Vacant(w.ctx, cfg); !errors.Is(err, register.ErrNotEmpty) { // one that is there is another server's, or this one's
		return err
	}
	return nil
}

// planBucket says what would become of the bucket.
func (c *setupCmd) planBucket(w *world, in *installation) error {
	if in.cfg.Storage == nil {
		if path := in.dir.in("bucket"); exists(path) {
			fmt.Fprintf(w.out, "Bucket: the folder %s is there.\n", path)
		} else {
			fmt.Fprintf(w.out, "Bucket: the folder %s would be made.\n", path)
		}
		return nil
	}
	if err := c.openStore(in); err != nil {
		return err
	}
	store := in.store.(*archive.S3)
	defer w.screen.Begin("Asking the storage", "", 0).End()
	found, err := store.Found(w.ctx)
	if err != nil {
		return err
	}
	if !found.There {
		fmt.Fprintln(w.out, "Bucket: it would be made, with versioning and Letterlock's deletion rules, and tried out with objects of its own.")
		return nil
	}
	change, err := store.Difference(w.ctx)
	if err != nil {
		return err
	}
	if len(change) == 0 {
		fmt.Fprintln(w.out, "Bucket: it is there, with versioning and Letterlock's deletion rules. It would be tried out with objects of its own.")
		return nil
	}
	how := "only setup --repair would change, after asking"
	switch {
	case c.Repair:
		how = "would be changed, after asking"
	case !found.Versioned && !found.Ruled:
		how = "would be changed, since it is new"
	case !found.Versioned:
		how = "only setup --repair would change, after asking, but for versioning, which would be turned on"
	}
	fmt.Fprintf(w.out, "Bucket: it is there. This %s; - goes and + comes:\n  %s\n", how, strings.Join(change, "\n  "))
	return nil
}
