package folder

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// NoteExt is what the note's name adds to the name of the scan given back.
const NoteExt = ".txt"

// Note is what people read beside a scan that was given back: plain sentences.
type Note struct {
	What string // what is wrong with the scan
	Next string // what to do now, and that nothing is lost

	Language *texts.Language // of both; English if it is nil
}

// text is the note as a file that opens on any computer.
func (n Note) text(at time.Time) string {
	l := cmp.Or(n.Language, texts.English())
	say := func(id string, with ...any) string { return l.Text(texts.Say(id, with...)) }
	at = at.In(letter.London)
	when := say("date.stamp-weekday", "weekday", texts.Say(fmt.Sprintf("date.weekday-%d", int(at.Weekday()))),
		"day", letter.DateOf(at), "time", at.Format("15:04"))
	return strings.Join([]string{
		say("note.begins"), say("note.wrong", "what", n.What), say("note.to-do", "what", n.Next), say("note.when", "when", when),
	}, "\r\n\r\n") + "\r\n"
}

// mark is how a note is known again: its first line, and what stands before and
// behind what is wrong.
type mark struct{ begins, before, behind string }

// marks are those of every language: a note may be older than the scanner's present
// one. A language that has a fault is not spoken, and so has left no note.
var marks = sync.OnceValue(func() (all []mark) {
	for _, name := range texts.Names(texts.Files) {
		l, err := texts.New(texts.Files, name)
		if err != nil {
			continue
		}
		before, behind, _ := strings.Cut(l.Text(texts.Say("note.wrong", "what", "\x00")), "\x00")
		all = append(all, mark{l.Text(texts.Say("note.begins")), before, behind})
	}
	return all
})

// longestNote is more than any note has, in bytes.
const longestNote = 64 << 10

// ReadNote returns what the note beside a scan that was given back says is
// wrong, and when it was given back. The error is fs.ErrNotExist, wrapped, where
// no note of ours lies beside it.
func ReadNote(d disk.Disk, scan string) (what string, since time.Time, err error) {
	info, err := d.Lstat(scan + NoteExt)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longestNote) {
		err = errors.New("not a note")
	}
	var data []byte
	if err == nil {
		data, err = disk.ReadFile(d, scan+NoteExt)
	}
	at := slices.IndexFunc(marks(), func(m mark) bool { return bytes.HasPrefix(data, []byte(m.begins)) })
	if err == nil && at < 0 {
		err = errors.New("not a note")
	}
	if err != nil {
		return "", time.Time{}, disk.Plain("reading the note of a scan", err)
	}
	for _, paragraph := range strings.Split(string(data), "\r\n\r\n") {
		if after, ok := strings.CutPrefix(paragraph, marks()[at].before); ok {
			what = strings.TrimSuffix(after, marks()[at].behind)
		}
	}
	return what, info.ModTime(), nil
}

// GiveBack returns a claimed scan to people under its own name, unchanged, with
// a note beside it, in dir below the helpline's folder: RefusedDir or one of
// QuestionDirs. It replaces nothing there. It sets c.Returning
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
	if _, scanErr := f.scan(*c); errors.Is(err, fs.ErrNotExist) && errors.Is(scanErr, fs.ErrNotExist) {
		return f.givenBack(*c) // both have gone out already, and the answer was lost
	}
	if err != nil {
		return disk.Plain("finding the note of a scan given back", err)
	}
	to, err := f.makeReturn(c.Helpline, dir) // again: a person may have removed it
	if err != nil {
		return err
	}
	target := strings.TrimSuffix(note, NoteExt)
	switch name, err := f.scan(*c); {
	case err == nil:
		err := f.Ours(to, func() (err error) {
			target, err = f.moveBack(*c, dir, name, to, target)
			return err
		})
		if err != nil {
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
	err = f.Ours(to, func() error {
		_, err := disk.MoveFree(f.disk, path.Join(c.Path(noteDir), dir, target+NoteExt), to, target+NoteExt)
		return err
	})
	if err != nil {
		return err
	}
	f.gaveBack(to)
	f.step("noted", c.ID)
	// A crash here leaves an empty claim, which Claims clears away.
	return f.dropEmpty(*c)
}

// givenBack ends a claim whose scan and note are gone from it, or that never
// had a scan. Before it is deleted, the last trace of both, their arrival where
// people find them is made sure.
func (f *Folder) givenBack(c Claim) error {
	for _, dir := range returnDirs {
		_, err := f.disk.Lstat(c.Path(path.Join(noteDir, dir)))
		if err == nil {
			err = f.disk.SyncDir(path.Join(home(c.Helpline), dir))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return disk.Plain("making sure that a scan is given back", err)
		}
	}
	return f.dropEmpty(c)
}

// moveBack moves the scan out of the claim under the name that its note has, and
// returns it. Where somebody has taken that name meanwhile the note gets another
// one first, so that after a crash it still says where the scan lies.
func (f *Folder) moveBack(c Claim, dir, name, to, target string) (string, error) {
	from := path.Join(c.Path(scanDir), name)
	for {
		err := f.disk.RenameNew(from, path.Join(to, target))
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", disk.Plain("moving a scan", err)
		}
		old := c.Path(path.Join(noteDir, dir, target+NoteExt))
		if target, err = f.freeTarget(to, name); err != nil {
			return "", err
		}
		err = f.disk.Rename(old, c.Path(path.Join(noteDir, dir, target+NoteExt)))
		if err == nil {
			err = f.disk.SyncDir(c.Path(path.Join(noteDir, dir)))
		}
		if err != nil {
			return "", disk.Plain("naming the note of a scan given back", err)
		}
	}
	// The arrival is made sure before the departure.
	if err := disk.SyncDir(f.disk, to); err != nil {
		return "", err
	}
	return target, disk.SyncDir(f.disk, c.Path(scanDir))
}

// makeReturn makes a folder for scans given back, and those for the answers.
func (f *Folder) makeReturn(helpline, dir string) (string, error) {
	to := path.Join(home(helpline), dir)
	if err := disk.MakeDir(f.disk, to, 0o770); err != nil {
		return "", fmt.Errorf("giving a scan back: %w", err)
	}
	return to, f.Ours(to, func() error { return f.makeAnswers(helpline, dir) })
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
	if err := disk.MakeDir(f.disk, c.Path(path.Join(noteDir, dir)), 0o700); err != nil {
		return fmt.Errorf("writing the note of a scan given back: %w", err)
	}
	target, err := f.freeTarget(to, name)
	if err != nil {
		return err
	}
	note := path.Join(c.Path(noteDir), dir, target+NoteExt)
	return disk.WriteBytes(f.disk, note, 0o660, []byte(n.text(f.cfg.Now())))
}

// freeTarget is a name that neither a scan given back nor a note has, short
// enough for the note's name to exist too.
func (f *Folder) freeTarget(to, name string) (string, error) {
	return disk.FreeIn(f.disk, to, name, disk.MaxName-len(NoteExt), "", NoteExt)
}
