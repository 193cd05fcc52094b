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
	list := c.list(corner)
	there := make(map[string]struct{}, len(list))
	for _, e := range list {
		there[e.Name()] = struct{}{}
	}
	var a Arrival
	for _, e := range list {
		name := path.Join(corner, e.Name())
		_, noted := there[e.Name()+NoteExt]
		switch is := outcome(e.Name(), e.Type()); {
		case is == LookedInto && !slices.Contains(corners(helpline), name):
			c.arriving(&a, name, maxDepth, false)
		case is == Taken && !noted && !strings.HasSuffix(e.Name(), NoteExt) && slices.Contains(ours, path.Base(corner)):
			a.Files++
		}
	}
	return a.Files
}

// cornerSeen is what was last seen of a corner.
type cornerSeen struct {
	modified time.Time // of the folder
	at       time.Time // when that was
	files    int
}

// A corner may hold a hundred thousand files, so it is listed only when
// something has come or gone, and else sometimes, for what lies deeper.
const (
	cornersAtMost  = 10 * time.Second
	cornersAtLeast = 10 * time.Minute
)

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
		return seen.files
	}
	info, err := r.disk.Lstat(corner)
	if err != nil || !info.IsDir() {
		delete(r.corners, corner)
		return 0
	}
	if age := r.now.Sub(seen.at); age < 0 || age >= cornersAtLeast || !info.ModTime().Equal(seen.modified) {
		c := counter{disk: r.disk}
		seen = cornerSeen{modified: info.ModTime(), at: r.now, files: c.misplaced(helpline, corner)}
		r.corners[corner] = seen
	}
	return seen.files
}
