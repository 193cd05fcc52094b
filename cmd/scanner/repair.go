package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
)

type repairCmd struct {
	Scans []string `arg:"" name:"scan" help:"A refused scan, by its name, as HELPLINE/NAME, or where it lies."`
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
		helpline, name, err := refusedScan(d, cfg, scan)
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
		fmt.Fprintf(w.out, "%s is drawn anew page by page once the scanner comes to it: its slip in taken/, or a new note, says what came of it. "+
			"Its reader is told; compare the pages with the paper.\n", scan)
	}
	return nil
}

// refusedScan finds the one refused scan that is meant.
func refusedScan(d disk.Disk, cfg *Config, scan string) (helpline, name string, err error) {
	wanted, name := named(cfg.Folder, scan)
	// Who names the note beside a scan means the scan.
	for _, name := range []string{name, strings.TrimSuffix(name, folder.NoteExt)} {
		var found []string
		for _, h := range cfg.Helplines {
			if wanted != "" && wanted != h {
				continue
			}
			is, err := isRefused(d, path.Join(h, folder.RefusedDir, name))
			if err != nil {
				return "", "", err
			}
			if is {
				found = append(found, h)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], name, nil
		default:
			return "", "", configfile.Wrong("several helplines have a refused scan of that name: write %s/%s, for instance", found[0], name)
		}
	}
	return "", "", configfile.Wrong("there is no refused scan of the name %q: 'scanner status' says whether it is on its way already", scan)
}

// isRefused reports whether a scan lies there with its note beside it: the note
// of one that is to be drawn anew stays until the scanner comes to it.
func isRefused(d disk.Disk, scan string) (bool, error) {
	_, _, err := folder.ReadNote(d, scan)
	if err == nil {
		_, err = d.Lstat(scan)
		err = disk.Plain("looking at a refused scan", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// named is which scan is meant, and of which helpline if that is said: by a path
// to where it lies, as HELPLINE/NAME or by its name alone.
func named(root, scan string) (helpline, name string) {
	full, err := filepath.Abs(scan)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err == nil {
		full, err = filepath.Rel(root, full)
	}
	for _, says := range []string{full, scan} {
		parts := strings.Split(path.Clean(filepath.ToSlash(says)), "/")
		if err == nil && len(parts) == 3 && parts[1] == folder.RefusedDir {
			return parts[0], parts[2]
		}
	}
	helpline, name, both := strings.Cut(path.Clean(filepath.ToSlash(scan)), "/")
	if !both {
		return "", helpline
	}
	return helpline, name
}
