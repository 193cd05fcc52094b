package folder

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/words"
)

// Scans that were dropped where nobody looks for any: among the slips, among
// what was given back, or into a folder that a person has made there. They are
// not taken, since nobody has said that they should be, but they are counted
// and said.

// corners are the folders below a helpline's in which that may happen.
func corners(helpline string) []string {
	all := []string{path.Join(home(helpline), TakenDir)}
	for _, dir := range returnDirs {
		all = append(all, path.Join(home(helpline), dir))
	}
	for _, a := range answers {
		all = append(all, AnswerPath(helpline, "", a.answer))
	}
	return all
}

// misplaced counts the scans in one of the corners: what is neither a slip nor
// has a note beside it, and what lies in folders that are not ours. In the
// folder of an answer only the latter: the others are taken.
func (c *counter) misplaced(helpline, corner string) int {
	misplaced, _ := c.corner(helpline, corner)
	return misplaced
}

// corner is misplaced, and how many scans lie there that were given back.
func (c *counter) corner(helpline, corner string) (misplaced, returned int) {
	list := c.list(corner)
	there := make(map[string]struct{}, len(list))
	for _, e := range list {
		there[e.Name()] = struct{}{}
	}
	var a Arrival
	for _, e := range list {
		name := path.Join(corner, e.Name())
		_, noted := there[e.Name()+NoteExt]
		if noted && e.Type().IsRegular() {
			returned++
			c.older(name + NoteExt)
		}
		switch is := outcome(e.Name(), e.Type()); {
		case is == LookedInto && !slices.Contains(corners(helpline), name):
			c.arriving(&a, name, maxDepth, false)
		case is == Taken && !noted && !strings.HasSuffix(e.Name(), NoteExt) && slices.Contains(ours, path.Base(corner)):
			a.Files++
		}
	}
	return a.Files, returned
}

// cornerSeen is what was last seen of a corner.
type cornerSeen struct {
	modified  time.Time // of the folder
	at        time.Time // when that was
	misplaced int
	returned  int       // scans that were given back
	oldest    time.Time // when the first of them was
}

// A corner may hold a hundred thousand files, so it is listed only when
// somebody else has changed what is in it, and else sometimes, for what lies
// deeper.
const (
	cornersAtMost  = 10 * time.Second
	cornersAtLeast = 10 * time.Minute
)

// Ours makes a change of Letterlock's own in a folder below a helpline's, so that
// the next look does not list it for that: ten thousand slips must not make the
// next one dear. What somebody else has dropped there before is seen by that
// look. What is dropped in the very moment of the change may be seen by the
// listing that is made every ten minutes at the latest.
func (f *Folder) Ours(dir string, change func() error) error {
	before, known := f.corners[dir]
	known = known && f.modified(dir).Equal(before.modified)
	err := change()
	if seen, still := f.corners[dir]; known && still {
		seen.modified = f.modified(dir)
		f.corners[dir] = seen
	}
	return err
}

// modified is when something has last come into a folder or gone out of it; the
// zero time if there is none.
func (f *Folder) modified(dir string) time.Time {
	info, err := f.disk.Lstat(dir)
	if err != nil || !info.IsDir() {
		return time.Time{}
	}
	return info.ModTime()
}

// gaveBack counts one more scan that was given back into a folder.
func (f *Folder) gaveBack(dir string) {
	if seen, known := f.corners[dir]; known {
		seen.returned++
		f.corners[dir] = seen
	}
}

// GivenBack is how many scans lie in a folder of a helpline's that GiveBack has
// put there, as the last look that listed it saw, and since.
func (f *Folder) GivenBack(helpline, dir string) int {
	return f.corners[path.Join(home(helpline), dir)].returned
}

// cornersNext says what to do about scans in the corners.
var cornersNext = fmt.Sprintf("look into %q, %q, %q, %q and %q, and into the folders in them, for files without a note, and move each scan into the helpline's folder itself",
	TakenDir, RefusedDir, DuplicatesDir, OtherLineDir, StacksDir)

// lookIntoCorners says what was dropped where nobody takes it.
func (r *round) lookIntoCorners(helpline string) {
	files := 0
	for _, corner := range corners(helpline) {
		files += r.corner(helpline, corner)
	}
	if files > 0 {
		r.trouble(advise(Scan{Helpline: helpline}, words.Are(files, "file")+" where nobody looks for scans", cornersNext).Error())
	}
}

func (r *round) corner(helpline, corner string) int {
	seen := r.corners[corner]
	if age := r.now.Sub(seen.at); age >= 0 && age < cornersAtMost {
		return seen.misplaced
	}
	modified := r.modified(corner)
	if modified.IsZero() {
		delete(r.corners, corner)
		return 0
	}
	if age := r.now.Sub(seen.at); age < 0 || age >= cornersAtLeast || !modified.Equal(seen.modified) {
		c := counter{disk: r.disk}
		seen = cornerSeen{modified: modified, at: r.now}
		seen.misplaced, seen.returned = c.corner(helpline, corner)
		seen.oldest = c.counts.GivenBack
		r.corners[corner] = seen
	}
	return seen.misplaced
}
