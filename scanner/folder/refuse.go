package folder

import (
	"path"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// noteExt is what the note's name adds to the name of the refused scan.
const noteExt = ".txt"

// Note is what people read beside a refused scan: plain sentences.
type Note struct {
	What string // what is wrong with the scan
	Next string // what to do now, and that nothing is lost
}

// text is the note as a file that opens on any computer.
func (n Note) text(at time.Time) string {
	return strings.Join([]string{
		"This scan was not taken.",
		"What is wrong: " + n.What,
		"What to do: " + n.Next,
		"When: " + at.In(letter.London).Format("Monday 2 January 2006, 15:04"),
	}, "\r\n\r\n") + "\r\n"
}

// Refuse gives a claimed scan back under its own name, unchanged, with a note
// beside it, in the helpline's refused folder. It replaces nothing there. It
// sets c.Refusing once the note is written; a claim that is Refusing keeps
// that note, and n is ignored.
func (f *Folder) Refuse(c *Claim, n Note) error {
	dir := path.Join(home(c.Helpline), RefusedDir)
	if err := disk.MkdirAll(f.disk, dir, 0o770); err != nil {
		return disk.Plain("making the folder of refused scans", err)
	}
	if !c.Refusing {
		if err := f.writeNote(*c, dir, n); err != nil {
			return err
		}
		c.Refusing = true
	}
	f.step("refusing", c.ID)
	// A crash from here on leaves a claim that is Refusing. The scan moves
	// first: a note without its scan would point at nothing.
	note, err := f.note(*c)
	if err != nil {
		return disk.Plain("finding the note of a refusal", err)
	}
	target := strings.TrimSuffix(note, noteExt)
	if name, err := f.scan(*c); err == nil {
		if target, err = disk.MoveFree(f.disk, path.Join(c.Path(scanDir), name), dir, target); err != nil {
			return err
		}
	}
	f.step("returned", c.ID)
	if _, err := disk.MoveFree(f.disk, path.Join(c.Path(noteDir), note), dir, target+noteExt); err != nil {
		return err
	}
	f.step("noted", c.ID)
	// A crash here leaves an empty claim, which Claims clears away.
	return f.Release(*c)
}

// writeNote decides that the scan is refused, and under which name.
func (f *Folder) writeNote(c Claim, dir string, n Note) error {
	name, err := f.scan(c)
	if err != nil {
		return disk.Plain("finding a claimed scan", err)
	}
	if err := disk.MkdirAll(f.disk, c.Path(noteDir), 0o700); err != nil {
		return disk.Plain("writing the note of a refusal", err)
	}
	target := f.freeTarget(dir, name)
	note := path.Join(c.Path(noteDir), target+noteExt)
	return disk.WriteBytes(f.disk, note, 0o660, []byte(n.text(f.cfg.Now())))
}

// freeTarget is a name that neither a refused scan nor a note has, short
// enough for the note's name to exist too.
func (f *Folder) freeTarget(dir, name string) string {
	for n := 1; ; n++ {
		target := disk.Numbered(name, n, disk.MaxName-len(noteExt))
		if !disk.Exists(f.disk, path.Join(dir, target)) && !disk.Exists(f.disk, path.Join(dir, target+noteExt)) {
			return target
		}
	}
}
