package folder

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
)

// maxDepth bounds how deep below a helpline's folder scans are looked for.
const maxDepth = 8

// Bounds of one look, so that however many files there are it comes to an end
// soon. What is left over is decided by the next, without a new walk through
// the folders unless the last is too long ago.
const (
	offeredAtOnce = 128  // scans that a look returns
	openedAtOnce  = 1024 // files that it opens for that
	walkEvery     = 10 * time.Second
)

// View is what one look saw.
type View struct {
	// Settled is at most 128 scans; More says that there may be others, which
	// the next look returns once some of these were claimed.
	Settled []Scan
	More    bool
	// Arriving is about the files that are not settled, or not decided on yet:
	// strays first, then the helplines in the order of the configuration. One
	// without such files is missing.
	Arriving []Arrival
	// Soon is set while some file only has to be seen again: the next look
	// should follow after Config.Settle. The other files that are arriving
	// wait for somebody else.
	Soon bool
	// Trouble is what keeps files or folders from being taken, in plain clauses
	// without a name; nil if there is nothing. It stays the same while nothing
	// is new.
	Trouble error
}

// Arrival is what is arriving for one helpline.
type Arrival struct {
	Helpline string    `json:"helpline"` // "" for strays
	Files    int       `json:"files"`
	Since    time.Time `json:"since"` // the last change of the file that has waited longest
	// Stuck counts those of Files that wait for a person: without the right to
	// read them or take them away, for instance. Only a running edge knows.
	Stuck int `json:"stuck,omitempty"`
}

// add takes in a file that has not changed since then.
func (a *Arrival) add(since time.Time) {
	a.Files++
	if a.Since.IsZero() || since.Before(a.Since) {
		a.Since = since
	}
}

// memory is what a folder remembers of the looks so far.
type memory struct {
	seen map[string]*sight // by path

	walked  time.Time
	offered []Scan // settled, and returned by the last look
	queue   []Scan // still, and not decided on yet
	// Of the other files since the last walk.
	waiting map[string]*Arrival // by helpline
	soon    bool
	trouble []string
}

// Look sees which files have changed in the folders in which scans may be
// dropped, and returns those that have settled. It is cheap enough to be called
// at every hint and every few seconds; what other hosts write to a mounted
// share gives no hints. It fails with ErrGone when the folder is no longer
// there, and with a *HeldError when another scanner has taken it over.
func (f *Folder) Look(ctx context.Context) (View, error) {
	if err := f.present(); err != nil {
		return View{}, err
	}
	if err := f.Beat(); err != nil {
		return View{}, err
	}
	r := round{Folder: f, ctx: ctx, now: f.cfg.Now()}
	if age := r.now.Sub(f.mem.walked); len(f.mem.queue) == 0 || age >= walkEvery || age < 0 {
		r.walkAll()
	}
	if err := ctx.Err(); err != nil {
		f.mem = memory{seen: f.mem.seen} // half a walk is none
		return View{}, err
	}
	r.decide()
	return f.view(), nil
}

func (f *Folder) view() View {
	m := &f.mem
	v := View{Settled: slices.Clone(m.offered), More: len(m.queue) > 0, Soon: m.soon}
	left := map[string]*Arrival{}
	for _, s := range m.queue {
		if seen := m.seen[s.path]; seen != nil {
			arrival(left, s.Helpline).add(seen.since)
		}
	}
	for _, helpline := range append([]string{""}, f.cfg.Helplines...) {
		a := *arrival(m.waiting, helpline)
		if more := left[helpline]; more != nil {
			files := a.Files
			a.add(more.Since)
			a.Files = files + more.Files
		}
		if a.Files > 0 {
			v.Arriving = append(v.Arriving, a)
		}
	}
	if len(m.trouble) > 0 {
		slices.Sort(m.trouble) // folders are listed in no order
		v.Trouble = errors.New(strings.Join(m.trouble, "; "))
	}
	return v
}

func arrival(of map[string]*Arrival, helpline string) *Arrival {
	if of[helpline] == nil {
		of[helpline] = &Arrival{Helpline: helpline}
	}
	return of[helpline]
}

// round is one look under way.
type round struct {
	*Folder
	ctx    context.Context
	now    time.Time
	before map[string]*sight // what earlier looks saw, if this one walks
	opened int
}

// walkAll goes once through all the folders.
func (r *round) walkAll() {
	r.before = r.mem.seen
	r.mem = memory{seen: make(map[string]*sight, len(r.before)), waiting: map[string]*Arrival{}, walked: r.now}
	r.home("", 0)
	for _, helpline := range r.cfg.Helplines {
		r.home(helpline, maxDepth)
	}
	if r.ctx.Err() != nil {
		r.mem.seen = r.before
	}
}

// home looks into a helpline's folder, or the root, and the folders of answers
// below it. A helpline's folder that somebody has removed is made anew.
func (r *round) home(helpline string, depth int) {
	dir := home(helpline)
	switch info, err := r.disk.Lstat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		if err := disk.MkdirAll(r.disk, dir, 0o770); err != nil {
			r.trouble(disk.Plain("the folder of "+helpline+" was removed and cannot be made", err).Error())
			return
		}
	case err == nil && !info.IsDir():
		r.trouble("the folder of " + helpline + " is no folder, or a link: mount or move the real one there")
		return
	}
	r.walk(Scan{Helpline: helpline}, dir, depth)
	for _, a := range answers {
		dir := AnswerPath(helpline, "", a.answer)
		if info, err := r.disk.Lstat(dir); err == nil && info.IsDir() {
			r.walk(Scan{Helpline: helpline, Answer: a.answer}, dir, 0)
		}
	}
	if info, err := r.disk.Lstat(againPath(helpline, "", "")); helpline != "" && err == nil && info.IsDir() {
		r.walk(Scan{Helpline: helpline, Answer: Again}, againPath(helpline, "", ""), depth)
	}
	r.lookIntoCorners(helpline)
}

// walk looks at the files in a folder, which are like as, and below it.
func (r *round) walk(as Scan, dir string, depth int) {
	list, err := r.disk.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return // removed this moment
	}
	if err != nil {
		r.trouble(disk.Plain(whose(as, "a folder cannot be read that lies").Error(), err).Error())
		return
	}
	if below := dir != home(as.Helpline) && dir != againPath(as.Helpline, "", ""); below && as.Helpline != "" && isHome(list) {
		r.dragged(as)
		return
	}
	r.listen(dir)
	root := as.Answer == NoAnswer && dir == home(as.Helpline)
	for _, e := range list {
		if r.ctx.Err() != nil {
			return
		}
		as.path = path.Join(dir, e.Name())
		switch outcome(e.Name(), e.Type()) {
		case Waits:
			r.upload(as)
		case LeftAlone:
			if e.Type().IsRegular() && mayHide(e.Name()) {
				r.hidden(as)
			}
		case LookedInto:
			if root && as.Helpline == "" {
				r.renamed(as, e.Name())
			}
			if as.Helpline != "" && isHelplines(r.cfg.Helplines, e.Name(), as.Helpline) {
				r.dragged(as)
				continue
			}
			if root && (as.Helpline == "" || isOurs(r.disk, dir, e.Name())) || as.Answer != NoAnswer && as.Answer != Again {
				continue
			}
			below := as
			if as.Answer == Again && as.Again == "" {
				below.Again = e.Name()
			}
			r.enter(below, depth)
		case Taken:
			if !root || !isOurFile(e.Name()) {
				r.file(as)
			}
		}
	}
}

// enter looks into a folder below a helpline's.
func (r *round) enter(as Scan, depth int) {
	if depth > 0 {
		r.walk(as, as.path, depth-1)
	} else if list, err := r.disk.List(as.path); err != nil || len(list) > 0 {
		r.trouble(advise(as, "something lies more than 8 folders deep, where nobody looks,", "move it up").Error())
	}
}

// see looks at a file without opening it. It returns nil if there is none.
func (r *round) see(as Scan, known map[string]*sight) *sight {
	info, err := r.disk.Lstat(as.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.trouble(disk.Plain(whose(as, "something cannot be looked at that lies").Error(), err).Error())
		}
		return nil
	}
	s := known[as.path]
	if s == nil {
		s = new(sight)
	}
	s.look(r.now, shapeOf(info), r.cfg.Settle)
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil // another thing since it was listed
	}
	r.mem.seen[as.path] = s
	return s
}

// file sees a file, and puts it among those to be decided on if it is still.
func (r *round) file(as Scan) {
	switch s := r.see(as, r.before); {
	case s == nil:
	case s.still():
		as.seen = s.shape
		r.mem.queue = append(r.mem.queue, as)
	default:
		arrival(r.mem.waiting, as.Helpline).add(s.since)
		r.mem.soon = true
	}
}

// upload sees a file under a temporary name: whoever sends it is to rename it.
func (r *round) upload(as Scan) {
	if s := r.see(as, r.before); s != nil {
		a := arrival(r.mem.waiting, as.Helpline)
		a.add(s.since)
		if r.now.Sub(s.since) >= r.cfg.Arriving {
			a.Stuck++
			r.trouble(advise(as, "what was sent under a temporary name was never finished or renamed, and lies", "send it again, or give it its name").Error())
		}
	}
}

// decide opens the files that are still until enough of them have settled.
func (r *round) decide() {
	// Those offered before are looked at again: nobody has claimed them.
	queue := append(slices.Clip(r.mem.offered), r.mem.queue...)
	fresh := r.before != nil // just seen
	r.mem.offered = nil
	for ; len(queue) > 0 && len(r.mem.offered) < offeredAtOnce && r.opened < openedAtOnce; queue = queue[1:] {
		scan := queue[0]
		s := r.mem.seen[scan.path]
		if !fresh {
			s = r.see(scan, r.mem.seen)
		}
		if s == nil {
			continue
		}
		settled, why := false, error(nil)
		if s.still() {
			settled, why = r.settled(s, scan)
		}
		if why != nil {
			r.trouble(why.Error())
		}
		if settled {
			scan.seen = s.shape
			r.mem.offered = append(r.mem.offered, scan)
			continue
		}
		a := arrival(r.mem.waiting, scan.Helpline)
		a.add(s.since)
		if why != nil {
			a.Stuck++
		}
		r.mem.soon = r.mem.soon || !s.still()
	}
	r.mem.queue = queue
}

// claimed takes a scan out of those offered.
func (m *memory) claimed(s Scan) {
	if at := slices.IndexFunc(m.offered, func(o Scan) bool { return o.path == s.path }); at >= 0 {
		m.offered = slices.Delete(m.offered, at, at+1)
	}
}

func (r *round) trouble(clause string) {
	if !slices.Contains(r.mem.trouble, clause) {
		r.mem.trouble = append(r.mem.trouble, clause)
	}
}
