package folder

import (
	"context"
	"errors"
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

// maxDepth bounds how deep below a helpline's folder scans are looked for.
const maxDepth = 8

// Scan is a file that has settled: nothing changes it any more. Mostly it is
// whole; one that was cut off while it was sent settles too, in the end.
type Scan struct {
	Helpline string // "" if it was dropped into no helpline's folder
	path     string
	seen     shape
}

// View is what one look saw.
type View struct {
	Settled  []Scan
	Arriving int // files that are not settled yet
	// Soon is set while some file only has to be seen again: the next look
	// should follow after Config.Settle. The other files that are arriving
	// wait for somebody else.
	Soon bool
	// Trouble is the first thing that kept a file or folder from being looked
	// at, without its name; nil if there was none.
	Trouble error
}

// shape is what a file shows of itself without being opened. While it stays
// the same, nobody has written.
type shape struct {
	size     int64
	modified int64 // nanoseconds since 1970
	inode    uint64
}

// sight is what the looks so far have seen of one file.
type sight struct {
	shape
	since   time.Time // of the first look that saw this shape
	counted time.Time // of the last look that counted
	looks   int

	judged bool // whether complete is known of this shape
	is     Completeness
}

// again takes in one more look.
func (s *sight) again(now time.Time, is shape, apart time.Duration) {
	switch {
	case s.looks == 0, is != s.shape, now.Before(s.counted):
		// New, changed, or the clock was put back: what was seen counts no more.
		*s = sight{shape: is, since: now, counted: now, looks: 1}
	case now.Sub(s.counted) >= apart:
		s.looks, s.counted = s.looks+1, now
	}
}

func (s *sight) still() bool { return s.looks >= looksUntilStill }

// Look goes once through the folders in which scans may be dropped and returns
// those that have settled. It is cheap enough to be called at every hint and
// every few seconds; what other hosts write to a mounted share gives no hints.
// It fails with ErrGone when the folder is no longer there.
func (f *Folder) Look(ctx context.Context) (View, error) {
	if err := f.present(); err != nil {
		return View{}, err
	}
	r := round{Folder: f, now: f.cfg.Now(), seen: map[string]*sight{}}
	r.walk(ctx, "", ".", 0)
	for _, helpline := range f.cfg.Helplines {
		r.walk(ctx, helpline, helpline, maxDepth)
	}
	if err := ctx.Err(); err != nil {
		return View{}, err
	}
	f.seen = r.seen
	return r.view, nil
}

// round is one look under way.
type round struct {
	*Folder
	now  time.Time
	seen map[string]*sight
	view View
}

func (r *round) walk(ctx context.Context, helpline, dir string, depth int) {
	list, err := r.disk.List(dir)
	if err != nil {
		r.trouble(disk.Plain("looking into a folder", err))
		return
	}
	r.listen(dir)
	for _, e := range list {
		name := path.Join(dir, e.Name())
		switch {
		case ctx.Err() != nil:
			return
		case isJunk(e.Name()):
		case e.IsDir():
			ours := dir == helpline && (e.Name() == RefusedDir || e.Name() == TakenDir)
			if depth > 0 && !ours {
				r.walk(ctx, helpline, name, depth-1)
			}
		case e.Type().IsRegular():
			r.file(helpline, name)
		}
		// Links, pipes, sockets and devices are nobody's scan and are never opened.
	}
}

func (r *round) file(helpline, name string) {
	info, err := r.disk.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return // gone, or another thing, since it was listed
	}
	if err != nil {
		r.trouble(disk.Plain("looking at a scan", err))
		return
	}
	s := r.Folder.seen[name]
	if s == nil {
		s = new(sight)
	}
	r.seen[name] = s
	s.again(r.now, shapeOf(info), r.cfg.Settle)
	if s.still() && r.settled(s, name) {
		r.view.Settled = append(r.view.Settled, Scan{helpline, name, s.shape})
		return
	}
	r.view.Arriving++
	r.view.Soon = r.view.Soon || !s.still()
}

// settled decides on a file that is still.
func (r *round) settled(s *sight, name string) bool {
	overdue := r.now.Sub(s.since) >= r.cfg.Arriving
	file, err := openRegular(r.disk, name)
	if err != nil {
		// No right to read it, most likely. It may yet be given; if not, the
		// scan is to be refused rather than to lie there unseen.
		r.trouble(disk.Plain("opening a scan", err))
		return overdue && errors.Is(err, fs.ErrPermission)
	}
	defer file.Close()
	if r.disk.Writing(file) {
		return false // somebody has only paused, for however long
	}
	if !s.judged {
		is, err := r.cfg.Complete(file, s.size)
		if err != nil {
			r.trouble(disk.Plain("reading a scan", err))
			return false
		}
		s.judged, s.is = true, is
	}
	return s.is != Partial || overdue
}

func (r *round) trouble(err error) {
	if r.view.Trouble == nil {
		r.view.Trouble = err
	}
}

func shapeOf(info fs.FileInfo) shape {
	return shape{info.Size(), info.ModTime().UnixNano(), inodeOf(info)}
}

// openRegular opens a file for reading if it is a regular one. It neither
// follows a link nor waits for the other end of a pipe.
func openRegular(d disk.Disk, name string) (disk.File, error) {
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
	if after, err := file.Stat(); err != nil || !os.SameFile(before, after) {
		file.Close()
		return nil, errors.New("it was replaced just now")
	}
	return file, nil
}
