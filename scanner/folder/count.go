package folder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
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
	// Elsewhere counts files in folders of the scanner folder that are no
	// helpline's. They are never touched: a wrong setting must not empty
	// somebody's home folder.
	Elsewhere int `json:"elsewhere"`
	// Oldest is when the oldest scan that is claimed was claimed; zero for none.
	Oldest time.Time `json:"oldest,omitzero"`
}

// Count looks into the scanner folder dir, of which those helplines are
// part, without taking it: it works beside a running edge.
func Count(dir string, helplines []string) (Counts, error) {
	d, err := disk.Open(dir)
	if err != nil {
		return Counts{}, disk.Plain("opening the scanner folder", err)
	}
	defer d.Close()
	c := counter{disk: d}
	waiting := len(c.names(SpoolDir, func(e fs.DirEntry) bool { return path.Ext(e.Name()) == ManifestExt }))
	claimed := c.names(ClaimedDir, func(e fs.DirEntry) bool { return e.IsDir() && c.claimedAt(e) })
	c.counts.Waiting, c.counts.Claimed = waiting, max(0, len(claimed)-waiting)
	c.home(".", 0)
	for _, helpline := range helplines {
		c.home(helpline, maxDepth)
	}
	c.elsewhere(helplines)
	return c.counts, errors.Join(c.errs...)
}

type counter struct {
	disk   disk.Disk
	counts Counts
	errs   []error
}

// home counts in a helpline's folder, or in the root.
func (c *counter) home(dir string, depth int) {
	c.counts.Refused += c.refused(path.Join(dir, RefusedDir))
	c.arriving(dir, depth, RefusedDir, TakenDir)
}

// claimedAt takes in when a claim was made, if it can be told.
func (c *counter) claimedAt(e fs.DirEntry) bool {
	var claim Claim
	data, err := disk.ReadFile(c.disk, path.Join(ClaimedDir, e.Name(), claimFile))
	if err != nil || json.Unmarshal(data, &claim) != nil {
		return true // it has just begun, or just ended
	}
	if c.counts.Oldest.IsZero() || claim.Received.Before(c.counts.Oldest) {
		c.counts.Oldest = claim.Received
	}
	return true
}

// elsewhere counts what was dropped into folders that nobody looks into.
func (c *counter) elsewhere(helplines []string) {
	arriving := c.counts.Arriving
	for _, dir := range c.names(".", func(e fs.DirEntry) bool { return e.IsDir() && !isJunk(e.Name()) }) {
		if dir != RefusedDir && dir != TakenDir && !slices.Contains(helplines, dir) {
			c.arriving(dir, maxDepth)
		}
	}
	c.counts.Elsewhere, c.counts.Arriving = c.counts.Arriving-arriving, arriving
}

func (c *counter) arriving(dir string, depth int, but ...string) {
	c.counts.Arriving += len(c.names(dir, func(e fs.DirEntry) bool { return e.Type().IsRegular() && !isJunk(e.Name()) }))
	if depth == 0 {
		return
	}
	for _, name := range c.names(dir, func(e fs.DirEntry) bool { return e.IsDir() && !isJunk(e.Name()) }) {
		if !slices.Contains(but, name) {
			c.arriving(path.Join(dir, name), depth-1)
		}
	}
}

// names lists what is wanted of a folder. A folder that is missing is empty.
func (c *counter) names(dir string, wanted func(fs.DirEntry) bool) []string {
	list, err := c.disk.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.errs = append(c.errs, disk.Plain("counting scans", err))
	}
	var names []string
	for _, e := range list {
		if wanted(e) {
			names = append(names, e.Name())
		}
	}
	return names
}

// refused counts the scans in a refused folder: what lies beside its note. A
// note whose scan somebody has taken away is no scan.
func (c *counter) refused(dir string) int {
	names := c.names(dir, func(e fs.DirEntry) bool { return !isJunk(e.Name()) })
	there := map[string]bool{}
	for _, name := range names {
		there[name] = true
	}
	n := 0
	for _, name := range names {
		if there[name+noteExt] {
			n++
		}
	}
	return n
}
