package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// noteExt is what the note's name adds to the name of the scan given back.
const noteExt = ".txt"

// noteBegins is the first line of every note.
const noteBegins = "This scan was not taken."

// noteWrong begins the paragraph that says what is wrong.
const noteWrong = "What is wrong: "

// Note is what people read beside a scan that was given back: plain sentences.
type Note struct {
	What string // what is wrong with the scan
	Next string // what to do now, and that nothing is lost
}

// text is the note as a file that opens on any computer.
func (n Note) text(at time.Time) string {
	return strings.Join([]string{
		noteBegins,
		noteWrong + n.What,
		"What to do: " + n.Next,
		"When: " + at.In(letter.London).Format("Monday 2 January 2006, 15:04"),
	}, "\r\n\r\n") + "\r\n"
}

// GiveBack returns a claimed scan to people under its own name, unchanged, with
// a note beside it, in dir below the helpline's folder: RefusedDir,
// DuplicatesDir or StacksDir. It replaces nothing there. It sets c.Returning
// once the note is written; a claim that is Returning keeps that note and its
// folder, and dir and n are ignored.
func (f *Folder) GiveBack(c *Claim, dir string, n Note) error {
	if !c.Returning {
		if err := f.writeNote(*c, dir, n); err != nil {
			return err
		}
		c.Returning = true
	}
	f.step("refusing", c.ID)
	// A crash from here on leaves a claim that is Returning. The scan moves
	// first: a note without its scan would point at nothing.
	dir, note, err := f.note(*c)
	if err != nil {
		return disk.Plain("finding the note of a scan given back", err)
	}
	to, err := f.makeReturn(c.Helpline, dir) // again: a person may have removed it
	if err != nil {
		return err
	}
	target := strings.TrimSuffix(note, noteExt)
	switch name, err := f.scan(*c); {
	case err == nil:
		if target, err = disk.MoveFree(f.disk, path.Join(c.Path(scanDir), name), to, target); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist): // it has left already
		if err := disk.SyncDir(f.disk, to); err != nil {
			return err
		}
	default:
		return disk.Plain("finding a claimed scan", err)
	}
	f.step("returned", c.ID)
	if _, err := disk.MoveFree(f.disk, path.Join(c.Path(noteDir), dir, note), to, target+noteExt); err != nil {
		return err
	}
	f.step("noted", c.ID)
	// A crash here leaves an empty claim, which Claims clears away.
	return f.Release(*c)
}

// makeReturn makes a folder for scans given back, and those for the answers.
func (f *Folder) makeReturn(helpline, dir string) (string, error) {
	to := path.Join(home(helpline), dir)
	if err := disk.MakeDir(f.disk, to, 0o770); err != nil {
		return "", fmt.Errorf("giving a scan back: %w", err)
	}
	return to, f.makeAnswers(helpline, dir)
}

// writeNote decides that the scan is given back, where, and under which name.
func (f *Folder) writeNote(c Claim, dir string, n Note) error {
	name, err := f.scan(c)
	if err != nil {
		return disk.Plain("finding a claimed scan", err)
	}
	to, err := f.makeReturn(c.Helpline, dir)
	if err != nil {
		return err
	}
	if err := disk.MkdirAll(f.disk, c.Path(path.Join(noteDir, dir)), 0o700); err != nil {
		return disk.Plain("writing the note of a scan given back", err)
	}
	// Neither a scan given back nor a note may have the name, and the note's
	// must not be too long.
	if _, err := f.disk.Lstat(path.Join(to, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Plain("looking whether a name is taken", err) // which is no reason for another
	}
	target, err := disk.FreeName(name, disk.MaxName-len(noteExt), func(target string) bool {
		return disk.Exists(f.disk, path.Join(to, target)) || disk.Exists(f.disk, path.Join(to, target+noteExt))
	})
	if err != nil {
		return err
	}
	note := path.Join(c.Path(noteDir), dir, target+noteExt)
	return disk.WriteBytes(f.disk, note, 0o660, []byte(n.text(f.cfg.Now())))
}
