package folder

import (
	"path"
	"strings"
)

// mayHide reports whether a scan may have that name, which begins with a dot: a copier
// whose field for the name is empty sends ".pdf". It is none of what NFS makes of a
// deleted file that is still open, nor one of Letterlock's own.
func mayHide(name string) bool {
	return strings.HasPrefix(name, ".") && !strings.HasPrefix(name, ".nfs") && !strings.HasPrefix(name, ".letterlock")
}

// hidden says of a whole scan with a hidden name that nobody takes it. It may be one
// on its way, as rsync sends it, or one that somebody's program keeps for itself.
func (r *round) hidden(as Scan) {
	s := r.see(as, r.before)
	if s == nil || !s.still() || r.now.Sub(s.since) < r.cfg.Arriving {
		return
	}
	if !s.judged {
		file, err := OpenScan(r.disk, as.path)
		if err != nil {
			return // whoever may not read it cannot say that it is a scan
		}
		defer file.Close()
		is, err := r.cfg.Complete(file, s.size)
		if err != nil {
			return
		}
		s.judged, s.is = true, is
	}
	if s.is == Whole {
		a := arrival(r.mem.waiting, as.Helpline)
		a.add(s.since)
		a.Stuck++
		r.trouble(advise(as, "a scan whose name begins with a dot, so that nobody takes it, lies", "give it another name, and set the scanner to give every scan one").Error())
	}
}

// hiddenScans looks for what round.hidden would say, for whoever has seen no file before.
type hiddenScans struct {
	*check
	counter
	old Arrival // of those that have not changed for as long as scans may be arriving
}

// in looks into a folder of the helpline, and as deep below it as scans are looked for.
func (h *hiddenScans) in(helpline, dir string, depth int) {
	own, list := dir == home(helpline), h.list(dir)
	if !own && isHome(list) {
		return // which is said to be another helpline's
	}
	for _, e := range list {
		name := path.Join(dir, e.Name())
		switch outcome(e.Name(), e.Type()) {
		case LeftAlone:
			if e.Type().IsRegular() && mayHide(e.Name()) {
				h.judge(name)
			}
		case LookedInto:
			if depth > 0 && !isHelplines(h.Helplines, e.Name(), helpline) && !(own && isOurs(h.counter.disk, dir, e.Name())) {
				h.in(helpline, name, depth-1)
			}
		}
	}
}

// judge counts the file if it is a whole scan. What cannot be read cannot be said to be one.
func (h *hiddenScans) judge(name string) {
	info, err := h.counter.disk.Lstat(name)
	if err != nil || h.Now.Sub(changed(info)) < h.Arriving {
		return
	}
	file, err := OpenScan(h.counter.disk, name)
	if err != nil {
		return
	}
	defer file.Close()
	if is, err := h.Complete(file, info.Size()); err == nil && is == Whole {
		h.old.add(changed(info))
	}
}
