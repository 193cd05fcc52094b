package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/scanner"
	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

type checkCmd struct {
	JSON         bool `help:"A JSON list of name, ok and says instead of text."`
	ClockIsRight bool `help:"Vouch for the system's clock as it is now, on the register; deleting goes on."`
}

func (c *checkCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		if c.ClockIsRight {
			if err := in.register.ConfirmClock(w.ctx); err != nil {
				return err
			}
			fmt.Fprintf(w.errout, "It is on the register that the clock is right at %s.\n", in.clock.Now().In(letter.London).Format("15:04 on 2 January 2006"))
		}
		sender, err := in.sender(io.Discard)
		if err != nil {
			return err
		}
		work := w.begin(in, "Checking", "question")
		server := in.looks(sender)
		if err := server.TryStorage(w.ctx); err != nil && !errors.Is(err, deposit.ErrUnavailable) && !errors.Is(err, deposit.ErrRefused) { // which has a line of its own
			w.log.Error("the storage could not be tried out", "error", err)
		}
		lines := append(append(server.Check(w.ctx), in.checkFiles()...), in.checkScanner()...)
		work.End()
		var failed bool
		for _, l := range lines {
			failed = failed || !l.OK
		}
		if c.JSON {
			if err := w.json(lines); err != nil {
				return err
			}
		} else {
			for _, l := range lines {
				fmt.Fprintf(w.out, "%-8s  %-11s  %s\n", cmp.Or(map[bool]string{true: "ok"}[l.OK], "LOOK"), l.Name, l.Says)
			}
		}
		if failed {
			return errFoundWrong
		}
		return nil
	})
}

// checkScanner looks at this machine's scanner folder.
func (in *installation) checkScanner() []pipeline.Line {
	lines, err := folder.Check(folder.CheckConfig{Path: in.scannerFolder(), Helplines: in.cfg.names(),
		Arriving: time.Duration(in.cfg.Scanner.ArrivingLimit), Now: in.clock.Now(), Complete: scanner.Complete})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []pipeline.Line{{Name: "folder", OK: true, Says: "No scanner folder here: scans are taken elsewhere."}}
	case err != nil:
		return []pipeline.Line{{Name: "folder", Says: fmt.Sprintf("The scanner folder cannot be read: %s.", configfile.Reason(err))}}
	}
	lines = append(lines, scanner.CheckFolder(in.scannerFolder(), in.dir.edgeState(), in.cfg.titles())...)
	all := make([]pipeline.Line, len(lines))
	for i, l := range lines {
		all[i] = pipeline.Line{Name: l.Name, OK: l.OK, Says: l.Says}
	}
	return all
}

// places are where on this machine's disks something of Letterlock's lies; the same
// disk may hold several.
func (in *installation) places() []pipeline.Place {
	all := []pipeline.Place{
		{What: "data", Folder: in.dir.path},
		{What: "state", Folder: in.dir.in("state")}, // of which a disk of its own may be mounted
		{What: "keyring", Folder: in.keyringFolder()},
		{What: "scanner", Folder: in.scannerFolder()},
	}
	if in.cfg.Storage == nil {
		all = append(all, pipeline.Place{What: "bucket", Folder: in.beside.in("bucket")})
	}
	if in.cfg.Backup.Folder != "" {
		all = append(all, pipeline.Place{What: "backups", Folder: in.backups()})
	}
	return all
}

// nearlyFull counts the disks of this machine that are too small by now. What cannot be
// measured a check says; that of the backups may hang, and is left to it.
func (in *installation) nearlyFull() (n int) {
	n, _ = pipeline.NearlyFull(slices.DeleteFunc(in.places(), func(p pipeline.Place) bool { return p.What == "backups" }))
	return n
}
