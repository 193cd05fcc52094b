package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
)

type repairCmd struct {
	Scans []string `arg:"" name:"scan" help:"A refused scan, by its name or as HELPLINE/NAME."`
}

// Run moves refused scans to where the running scanner finds that they are to
// be drawn anew, as a person does who moves them by hand.
func (r *repairCmd) Run(w *world) error {
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	d, err := disk.Open(cfg.Folder)
	if err != nil {
		return fmt.Errorf("the scanner folder cannot be opened: %s", configfile.Reason(err))
	}
	defer d.Close()
	for _, scan := range r.Scans {
		helpline, name, err := refusedScan(d, cfg.Helplines, scan)
		if err != nil {
			return err
		}
		to := folder.AnswerPath(helpline, "", folder.Repair)
		if err := disk.MkdirAll(d, to, 0o770); err != nil {
			return disk.Plain("making the folder for scans to repair", err)
		}
		if _, err := disk.MoveFree(d, path.Join(helpline, folder.RefusedDir, name), to, name); err != nil {
			return fmt.Errorf("%s stays where it is: %w", scan, err)
		}
		fmt.Fprintf(w.out, "%s will be drawn anew page by page. Its reader is told; compare the pages with the paper.\n", scan)
	}
	return nil
}

// refusedScan finds the one refused scan of that name.
func refusedScan(d disk.Disk, helplines []string, scan string) (helpline, name string, err error) {
	wanted, name, both := strings.Cut(scan, "/")
	if !both {
		wanted, name = "", scan
	}
	for _, h := range helplines {
		if wanted != "" && wanted != h {
			continue
		}
		_, _, noteErr := folder.ReadNote(d, path.Join(h, folder.RefusedDir, name))
		switch {
		case errors.Is(noteErr, fs.ErrNotExist):
		case noteErr != nil:
			return "", "", noteErr
		case helpline != "":
			return "", "", configfile.Wrong("two helplines have a refused scan of that name: write %s/%s or %s/%s", helpline, name, h, name)
		default:
			helpline = h
		}
	}
	if helpline == "" {
		return "", "", configfile.Wrong("there is no refused scan of the name %q", scan)
	}
	return helpline, name, nil
}
