package folder

import "strings"

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
