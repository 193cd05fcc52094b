package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"letterlock/scanner/disk"
)

// looksUntilStill is how many looks, each at least Config.Settle after the one
// before, must see a file unchanged. Printers pause between pages, and a size
// that is the same twice is often only a pause.
const looksUntilStill = 3

// Scan is a file that has settled: nothing changes it any more. Mostly it is
// whole; one that was cut off while it was sent settles too, in the end.
type Scan struct {
	Helpline string // "" if it was dropped into no helpline's folder
	Answer   Answer // given by the folder that it lies in
	Again    string // with the answer Again: the folder below AgainDir; "" for none
	path     string
	seen     shape
}

// shape is what a file shows of itself without being opened. While it stays
// the same, nobody has written.
type shape struct {
	size     int64
	modified int64 // nanoseconds since 1970
	inode    uint64
}

func shapeOf(info fs.FileInfo) shape {
	return shape{info.Size(), info.ModTime().UnixNano(), inodeOf(info)}
}

// sight is what the looks so far have seen of one file.
type sight struct {
	shape
	since   time.Time // of the first look that saw this shape
	counted time.Time // of the last look that counted
	looks   int

	judged bool // whether is is known of this shape
	is     Completeness

	kept  error         // why it could not be claimed
	again time.Time     // when to try once more
	pause time.Duration // between the last two tries
}

// look takes in one more look.
func (s *sight) look(now time.Time, is shape, apart time.Duration) {
	switch {
	case s.looks == 0, is != s.shape, now.Before(s.counted):
		// New, changed, or the clock was put back: what was seen counts no more.
		*s = sight{shape: is, since: now, counted: now, looks: 1}
	case now.Sub(s.counted) >= apart:
		// A clock that was set, or a machine that slept, has not waited.
		if gap := now.Sub(s.counted); gap > longestGap {
			s.since = s.since.Add(gap - longestGap)
		}
		s.looks, s.counted = s.looks+1, now
	}
}

// longestGap is how much time between two looks counts at most.
const longestGap = 5 * time.Minute

func (s *sight) still() bool { return s.looks >= looksUntilStill }

// A scan that has no right to be taken away costs a claim at every try.
const (
	firstPause   = time.Minute
	longestPause = time.Hour
)

// keep remembers that the file cannot be claimed for now.
func (s *sight) keep(now time.Time, why error) {
	s.pause = min(max(2*s.pause, firstPause), longestPause)
	s.kept, s.again = why, now.Add(s.pause)
}

// settled decides on a file that is still. What is in the way of that, but for
// time, is the error: a plain clause for people.
func (r *round) settled(s *sight, scan Scan) (bool, error) {
	overdue := r.now.Sub(s.since) >= r.cfg.Arriving
	if s.judged && s.is == Partial && !overdue {
		return false, nil // without opening it every few seconds
	}
	if s.kept != nil && r.now.Before(s.again) {
		return false, s.kept
	}
	r.opened++
	file, err := OpenScan(r.disk, scan.path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		// It may yet be given; if not, the scan is to be refused rather than
		// to lie there unseen.
		return overdue, advise(scan, "there is no right to read a scan that lies", "let the scanning program read it")
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, errReplaced):
		return false, nil
	case err != nil:
		return false, disk.Plain(whose(scan, "a scan cannot be opened that lies").Error(), err)
	}
	defer file.Close()
	if is, _ := r.writing(file); is && overdue {
		return false, advise(scan, "a program has kept a scan open for long that lies", "close it there, or end that program")
	} else if is {
		return false, nil // somebody has only paused, for however long
	}
	if disk.Links(file) > 1 && !overdue {
		// Some programs link a file to its last name and then remove the first.
		return false, advise(scan, "another name leads to a scan that lies", "remove that other one, or put a copy in its place")
	}
	if !s.judged {
		is, err := r.cfg.Complete(file, s.size)
		if err != nil {
			return false, disk.Plain(whose(scan, "a scan cannot be read that lies").Error(), err)
		}
		s.judged, s.is = true, is
	}
	return s.is != Partial || overdue, nil
}

// whose completes a clause with where the scan lies, which is all that may be
// said of it.
func whose(scan Scan, clause string) error {
	if scan.Helpline == "" {
		return errors.New(clause + " beside the helplines' folders")
	}
	return fmt.Errorf("%s in the folder of %s", clause, scan.Helpline)
}

// advise is whose, and what a person can do about it.
func advise(scan Scan, clause, next string) error {
	return fmt.Errorf("%w: %s", whose(scan, clause), next)
}

// errReplaced says that something else has a file's name since it was looked at.
var errReplaced = errors.New("it was replaced just now")

// OpenScan opens a file for reading if it is a regular one. It neither
// follows a link nor waits for the other end of a pipe.
func OpenScan(d disk.Disk, name string) (disk.File, error) {
	before, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	file, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	if after, err := file.Stat(); err != nil || !sameFile(before, after) {
		file.Close()
		return nil, errReplaced
	}
	return file, nil
}

// home is the folder that belongs to a helpline, or the root for strays.
func home(helpline string) string { return path.Join(".", helpline) }

// unclaimed says what is to become of a scan that could not be claimed.
func (f *Folder) unclaimed(s Scan, err error) error {
	why, next := "", ""
	switch {
	case errors.Is(err, fs.ErrNotExist), inUse(err):
		// Taken away by a person, or open in a program that does not share it.
		delete(f.mem.seen, s.path)
		return ErrUnsettled
	case readOnly(err):
		why, next = "the share is read-only, so that nothing can be taken of what lies", "mount it writable"
	case otherDisk(err):
		why, next = "another file system is mounted, so that no scan can be taken of those that lie", "mount the share at the scanner folder as a whole"
	case errors.Is(err, fs.ErrPermission):
		why, next = "there is no right to take away a scan that lies", "let the scanning program move and delete it"
	default:
		return disk.Plain("claiming a scan", err)
	}
	if seen := f.mem.seen[s.path]; seen != nil {
		seen.keep(f.cfg.Now(), advise(s, why, next))
	}
	return ErrUnsettled // the next look says why
}
