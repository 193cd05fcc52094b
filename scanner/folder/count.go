package folder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
)

// ManifestExt ends the name of a signed manifest in SpoolDir: its letter is
// sealed and waits for the server's receipt.
const ManifestExt = ".manifest"

// Counts says how many scans and letters are where.
type Counts struct {
	Arriving int `json:"arriving"` // dropped, not claimed yet
	Claimed  int `json:"claimed"`  // claimed, not sealed yet
	Waiting  int `json:"waiting"`  // sealed, no receipt yet
	Refused  int `json:"refused"`  // scans that lie in the refused folders
	Asked    int `json:"asked"`    // scans about which a person is asked
	// GivenBack is since when the oldest of Refused and Asked lies; zero for none.
	GivenBack time.Time `json:"given_back,omitzero"`
	// Other counts those of Asked that were taken before for another helpline:
	// one of the two may be in the wrong place.
	Other int `json:"taken_for_another_helpline"`
	// Elsewhere counts files in folders of the scanner folder that are no
	// helpline's. They are never touched: a wrong setting must not empty
	// somebody's home folder.
	Elsewhere int `json:"elsewhere"`
	// Misplaced counts files among the slips and among what was given back that
	// nobody has put there but by mistake.
	Misplaced int `json:"misplaced"`
	// Dragged counts folders of helplines that lie in another's, or under another
	// name. Nobody looks into them.
	Dragged int `json:"dragged,omitempty"`
	// Oldest is when the oldest scan that is claimed was claimed; zero for none.
	Oldest time.Time `json:"oldest,omitzero"`
	// Arrivals is Arriving for each helpline that has any, strays first.
	Arrivals []Arrival `json:"arrivals,omitempty"`
}

// Count looks into the scanner folder dir, of which those helplines are
// part, without taking it: it works beside a running edge.
func Count(dir string, helplines []string) (Counts, error) {
	d, err := disk.Open(dir)
	if err != nil {
		return Counts{}, disk.Plain("opening the scanner folder", err)
	}
	defer d.Close()
	c := counter{disk: d, helplines: helplines}
	waiting, done := 0, 0 // done lingers: the server has it
	for _, name := range c.names(SpoolDir, func(e fs.DirEntry) bool { return path.Ext(e.Name()) == ManifestExt }) {
		if disk.Exists(d, path.Join(RecordDir, strings.TrimSuffix(name, ManifestExt)+".json")) {
			done++
		} else {
			waiting++
		}
	}
	claimed := 0
	for _, name := range c.names(ClaimedDir, fs.DirEntry.IsDir) {
		if c.claim(name) {
			claimed++
		}
	}
	c.counts.Waiting, c.counts.Claimed = waiting, max(0, claimed-waiting-done)
	c.home("", 0)
	for _, helpline := range helplines {
		c.home(helpline, maxDepth)
	}
	c.elsewhere(helplines)
	return c.counts, errors.Join(c.errs...)
}

type counter struct {
	disk      disk.Disk
	helplines []string
	counts    Counts
	errs      []error
}

// home counts in a helpline's folder, or in the root.
func (c *counter) home(helpline string, depth int) {
	dir := home(helpline)
	c.counts.Refused += c.returned(path.Join(dir, RefusedDir))
	for _, question := range QuestionDirs {
		asked := c.returned(path.Join(dir, question))
		c.counts.Asked += asked
		if question == OtherLineDir {
			c.counts.Other += asked
		}
	}
	for _, corner := range corners(helpline) {
		c.counts.Misplaced += c.misplaced(helpline, corner)
	}
	a := Arrival{Helpline: helpline}
	c.arriving(&a, dir, depth, true)
	for _, answer := range answers {
		c.arriving(&a, AnswerPath(helpline, "", answer.answer), 0, false)
	}
	if helpline != "" {
		c.arriving(&a, againPath(helpline, "", ""), depth, false)
	}
	if a.Files > 0 {
		c.counts.Arriving += a.Files
		c.counts.Arrivals = append(c.counts.Arrivals, a)
	}
}

// claim takes in when a claim was made, if it can be told. It reports whether
// there is one: it may have just begun, or just ended.
func (c *counter) claim(name string) bool {
	var claim Claim
	data, err := disk.ReadFile(c.disk, path.Join(ClaimedDir, name, claimFile))
	if err != nil || json.Unmarshal(data, &claim) != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	if c.counts.Oldest.IsZero() || claim.Received.Before(c.counts.Oldest) {
		c.counts.Oldest = claim.Received
	}
	return true
}

// elsewhere counts what was dropped into folders that nobody looks into.
func (c *counter) elsewhere(helplines []string) {
	var a Arrival
	for _, dir := range c.names(".", func(e fs.DirEntry) bool { return outcome(e.Name(), e.Type()) == LookedInto }) {
		if !slices.Contains(ours, dir) && !slices.Contains(helplines, dir) {
			c.arriving(&a, dir, maxDepth, false)
			if wasHelplines(c.disk, helplines, dir) {
				c.counts.Dragged++
			}
		}
	}
	c.counts.Elsewhere = a.Files
}

// arriving counts the files that Look would see in a folder and below it; own
// says that it is a helpline's, in which some things are ours.
func (c *counter) arriving(a *Arrival, dir string, depth int, own bool) {
	list := c.list(dir)
	if !own && a.Helpline != "" && path.Base(dir) != AgainDir && isHome(list) {
		c.counts.Dragged++
		return
	}
	for _, e := range list {
		name := path.Join(dir, e.Name())
		switch is := outcome(e.Name(), e.Type()); {
		case is == LookedInto && a.Helpline != "" && isHelplines(c.helplines, e.Name(), a.Helpline):
			c.counts.Dragged++
		case is == LookedInto && depth > 0 && !(own && isOurs(c.disk, dir, e.Name())):
			c.arriving(a, name, depth-1, false)
		case is == Waits, is == Taken && !(own && isOurFile(e.Name())):
			// Its last change is known to the edge only; copies keep old times,
			// but the file's own change of name or owner is then younger.
			if info, err := c.disk.Lstat(name); err == nil {
				a.add(changed(info))
			}
		}
	}
}

// returned counts the scans in a folder of what was given back: what lies
// beside its note. A note whose scan somebody has taken away is no scan.
func (c *counter) returned(dir string) (scans int) {
	names := c.names(dir, func(e fs.DirEntry) bool { return e.Name() != disk.Unfinished })
	there := make(map[string]struct{}, len(names))
	for _, name := range names {
		there[name] = struct{}{}
	}
	for _, name := range names {
		if scan, ok := strings.CutSuffix(name, NoteExt); ok {
			if _, ok := there[scan]; ok {
				scans++
				c.older(path.Join(dir, name))
			}
		}
	}
	return scans
}

// names lists what is wanted of a folder. A folder that is missing is empty.
func (c *counter) names(dir string, wanted func(fs.DirEntry) bool) []string {
	var names []string
	for _, e := range c.list(dir) {
		if wanted(e) {
			names = append(names, e.Name())
		}
	}
	return names
}

func (c *counter) list(dir string) []fs.DirEntry {
	list, err := c.disk.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.errs = append(c.errs, disk.Plain("counting scans", err))
	}
	return list
}
