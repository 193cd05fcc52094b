package folder

import (
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
)

// A note is named as its scan, after a person perhaps, and must not outlive it. Whoever
// takes a scan away to deal with it leaves its note, or moves it along into the folder
// of an answer, where it is no scan. It is removed once it has lain there without its
// scan for a while, in which that may come back: until then a person may only be looking
// at it elsewhere. GiveBack moves the scan before its note, so none is on its way.

// orphanFor is how long that is.
const orphanFor = time.Hour

// isNoteName reports whether a file may be a note by its name, and names its scan.
func isNoteName(name string) (scan string, is bool) { return strings.CutSuffix(name, NoteExt) }

// movedNote reports whether what lies in the folder of an answer is the note of a scan
// and no scan itself.
func movedNote(d disk.Disk, name string) bool {
	scan, is := isNoteName(name)
	if !is || !slices.ContainsFunc(answers, func(a answerDir) bool {
		return path.Base(path.Dir(name)) == a.dir && path.Base(path.Dir(path.Dir(name))) == a.in
	}) {
		return false
	}
	_, _, err := ReadNote(d, scan)
	return err == nil
}

// orphans sees notes that lie in a folder without their scans.
func (r *round) orphans(helpline, dir string, notes []string) {
	for note := range r.alone { // some have their scans again, or are gone
		if path.Dir(note) == dir && !slices.Contains(notes, note) {
			delete(r.alone, note)
		}
	}
	for _, note := range notes {
		r.orphan(helpline, note)
	}
}

func (r *round) orphan(helpline, note string) {
	dir := path.Dir(note)
	scan, _ := isNoteName(note)
	if disk.Exists(r.disk, scan) {
		delete(r.alone, note)
		return
	}
	if slices.ContainsFunc(answers, func(a answerDir) bool {
		return a.in == path.Base(dir) && disk.Exists(r.disk, AnswerPath(helpline, path.Base(scan), a.answer))
	}) {
		return // it goes with that, see dropNote
	}
	since, known := r.alone[note]
	switch age := r.now.Sub(since); {
	case !known || age < 0:
		r.alone[note] = r.now
	case age >= orphanFor:
		if _, _, err := ReadNote(r.disk, scan); err != nil {
			return // a person's own, or gone
		}
		// No recycle bin learns its name. One that cannot be moved only lies about.
		_ = r.Ours(dir, func() error {
			err := r.disk.Rename(note, oldNote)
			if err == nil {
				err = disk.Discard(r.disk, oldNote)
			}
			return err
		})
		delete(r.alone, note)
	}
}

// oldNote is where a note is emptied. A crash leaves it to Open.
const oldNote = PrivateDir + "/note"
