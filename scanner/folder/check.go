package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/words"
)

// Line is one answer of a check: whether it is well, and in plain words what
// was found and, where it is not, what to do.
type Line struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// CheckConfig says which folder is checked.
type CheckConfig struct {
	Path      string
	Helplines []string
	Arriving  time.Duration // as in Config
	Now       time.Time
	Complete  func(r io.ReaderAt, size int64) (Completeness, error) // as in Config; nil where nobody looks for scans with hidden names
}

// Check looks at a scanner folder without taking it: it works beside a running
// edge. It makes a hidden file in each helpline's folder and moves it where
// scans are moved. It fails only if the folder cannot be opened; the error is
// fs.ErrNotExist, wrapped, if there is none.
func Check(cfg CheckConfig) ([]Line, error) {
	d, err := disk.Open(cfg.Path)
	if err != nil {
		return nil, disk.Plain("opening the scanner folder", err)
	}
	defer d.Close()
	c := check{CheckConfig: cfg, disk: d}
	c.folder()
	c.owner()
	c.counts()
	c.hidden()
	bins, err := Bins(cfg.Path)
	if err != nil {
		c.bad("bins", "It could not be found out whether deleted scans are kept: %s.", err)
	}
	for _, b := range bins {
		c.lines = append(c.lines, Line{"bins", !b.Wrong, b.Says()})
	}
	if len(bins) == 0 && err == nil {
		c.good("bins", "No recycle bin and no snapshots were found that keep deleted scans.")
	}
	return c.lines, nil
}

type check struct {
	CheckConfig
	disk  *disk.Real
	lines []Line
	touch time.Time // what time it is for the folder's file system; zero if that is not known
}

func (c *check) good(name, says string, args ...any) {
	c.lines = append(c.lines, Line{name, true, fmt.Sprintf(says, args...)})
}

func (c *check) bad(name, says string, args ...any) {
	c.lines = append(c.lines, Line{name, false, fmt.Sprintf(says, args...)})
}

// folder checks that what has to be done with every scan can be done.
func (c *check) folder() {
	if _, err := c.disk.Lstat(ClaimedDir); err != nil {
		c.good("folder", "No scanner has worked on this folder yet.")
		return
	}
	for _, helpline := range c.Helplines {
		switch err := c.probe(helpline); {
		case errors.Is(err, fs.ErrNotExist):
			c.bad("folder", "The folder of %s is missing. A running scanner makes it anew.", helpline)
			return
		case otherDisk(err):
			c.bad("folder", "The folder of %s is mounted by itself, so no scan can be taken from it. Mount the share at the scanner folder as a whole.", helpline)
			return
		case readOnly(err):
			c.bad("folder", "The share is read-only: no scan can be taken. Mount it writable.")
			return
		case err != nil:
			c.bad("folder", "This account cannot make, move and delete files in the folder of %s: %s. Give it that right, also in the folder %s.", helpline, disk.Plain("trying it", err), PrivateDir)
			return
		}
	}
	c.good("folder", "Files can be made, moved and deleted in the folder of every helpline.")
}

// probe makes a file in a helpline's folder, moves it as a scan is moved when it
// is claimed, and deletes it. Its name is hidden, so nobody takes it.
func (c *check) probe(helpline string) error {
	from, to := path.Join(helpline, ".letterlock.check"), PrivateDir+"/check"
	_ = c.disk.Remove(from) // of a check that was ended in the middle
	file, err := c.disk.OpenFile(from, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		c.touch = info.ModTime()
	}
	err = errors.Join(err, file.Close())
	if moved := c.disk.Rename(from, to); moved != nil {
		return errors.Join(err, moved, c.disk.Remove(from))
	}
	return errors.Join(err, c.disk.Remove(to))
}

// owner says who works on the folder. Whether that one is alive is told by the
// folder's own clock.
func (c *check) owner() {
	owner, err := readSignature(c.disk)
	info, statErr := c.disk.Lstat(ownerFile)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && owner.Left:
		c.good("owner", "No scanner is at work on this folder just now.")
	case err != nil || statErr != nil:
		c.bad("owner", "It could not be found out which scanner is at work on this folder: %s.", disk.Plain("reading its name", errors.Join(err, statErr)))
	case !c.touch.IsZero() && c.touch.Sub(info.ModTime()) > time.Minute:
		c.bad("owner", "The scanner that is at work on this folder (%s) has shown no sign of life for %s. Start it again.",
			owner.Holder, words.Lasted(c.touch.Sub(info.ModTime())))
	default:
		c.good("owner", "A scanner is at work on this folder: %s.", owner.Holder)
		c.open(owner.Blind)
	}
}

// open says whether the scanner at work knows who has a scan open. Where it does not,
// as of the files of other accounts without CAP_LEASE, no scan is lost for that: it
// is nobody's fault.
func (c *check) open(blind bool) {
	if !blind {
		c.good("open", "Of all scans so far the scanner at work could know whether a program still had them open.")
		return
	}
	c.good("open", "Of some scans the scanner at work cannot know whether a program still has them open: the files of other accounts, or a share of another machine. So it takes a scan that is still, and keeps it for %s before it deletes it; what a program writes into it until then is found and given back. On a disk of this machine let the scanner have the capability CAP_LEASE, as its systemd unit says (AmbientCapabilities, CapabilityBoundingSet), and let every scanner write each file in one go.", words.Lasted(c.Arriving))
}

// counts says what waits for whom.
func (c *check) counts() {
	n, err := Count(c.Path, c.Helplines)
	if err != nil {
		c.bad("arriving", "Not all of the scanner folder can be looked at: %s.", err)
	}
	var oldest time.Duration
	for _, a := range n.Arrivals {
		oldest = max(oldest, c.Now.Sub(a.Since))
	}
	switch {
	case n.Arriving == 0:
		c.good("arriving", "Nothing is arriving.")
	case oldest > c.Arriving+10*time.Minute:
		c.bad("arriving", "%s arriving, the oldest unchanged for %s, and nobody takes it: no scanner is running, or it has no right to, or the file has kept a temporary name, or another name leads to it. Its log and %s in the helpline's folder say which.",
			words.Are(n.Arriving, "file"), words.Lasted(oldest), StatusFile)
	default:
		c.good("arriving", "%s arriving, the oldest unchanged for %s.", words.Are(n.Arriving, "file"), words.Lasted(oldest))
	}
	switch waits := c.Now.Sub(n.Oldest); {
	case n.Claimed+n.Waiting == 0:
		c.good("waiting", "Nothing waits to be sealed or for the server.")
	case !n.Oldest.IsZero() && waits > 24*time.Hour:
		c.bad("waiting", "%s claimed and not yet verified by the server, the oldest for %s. The log says what they wait for; 'letterlock held' on the server lists what a person must decide.",
			words.Are(n.Claimed+n.Waiting, "scan"), words.Lasted(waits))
	default:
		c.good("waiting", "%s being taken, and on the way to the server: %s.", words.Are(n.Claimed, "scan"), words.Count(n.Waiting, "sealed letter"))
	}
	c.givenBack(n)
	if n.Other > 0 {
		c.bad("helpline", "%s asked about that were taken before for another helpline: one of the two may be in the wrong place. The notes in %q in the helplines' folders say what to do.", words.Are(n.Other, "scan"), OtherLineDir)
	}
	if n.Elsewhere > 0 {
		c.bad("elsewhere", "%s in folders of the scanner folder that are no helpline's; nobody takes what lies there. Move it into a helpline's folder.", words.Are(n.Elsewhere, "file"))
	}
	if n.Dragged > 0 {
		c.bad("dragged", "%s where nobody looks into it: in the folder of another helpline, or under another name. Look through the helplines' folders, and %s.", words.Are(n.Dragged, "folder of a helpline"), draggedNext)
	}
	if n.Misplaced > 0 {
		c.bad("misplaced", "%s where nobody looks for scans: %s.", words.Are(n.Misplaced, "file"), cornersNext)
	}
}

// hidden says of scans that nobody takes for their names.
func (c *check) hidden() {
	if c.Complete == nil {
		return
	}
	found := hiddenScans{check: c, counter: counter{disk: c.disk, helplines: c.Helplines}}
	found.in("", "", 0)
	for _, helpline := range c.Helplines {
		found.in(helpline, home(helpline), maxDepth)
	}
	if found.old.Files > 0 {
		c.bad("hidden", "%s hidden by a name that begins with a dot, the oldest unchanged for %s: nobody takes such a scan, and desktops do not show it unless they are told to. Look for them in the helplines' folders, give each another name, and set the scanner to give every scan one.",
			words.Are(found.old.Files, "scan"), words.Lasted(c.Now.Sub(found.old.Since)))
	}
}

// givenBack says what was given back to people, and how long it has lain there.
func (c *check) givenBack(n Counts) {
	says := fmt.Sprintf("In the folders of the helplines wait for operations: %s and %s.", words.Number(n.Refused, "refused scan"), words.Number(n.Asked, "question"))
	lain := words.Lasted(c.Now.Sub(n.GivenBack))
	switch LyingSince(n.GivenBack, c.Now) {
	case NotLong:
		c.good("refused", "%s", says)
	case Overlooked:
		c.bad("refused", "%s The oldest has lain there for %s: %s", says, lain, overlookedNext)
	case Outstayed:
		c.bad("refused", "%s The oldest has lain there for %s, longer than the six months for which letters are kept, and whoever may read the share can read it: %s", says, lain, overlookedNext)
	}
}

const overlookedNext = "nothing deletes it but people. Have whoever scans do what the note beside it says. Where its letter was scanned again and has its slip, delete it and its note."
