package scanner

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// isPlaintext reports whether scans and their names may lie there: in the
// folders of people, and in claims.
func isPlaintext(name string) bool {
	switch {
	case strings.HasPrefix(name, folder.ClaimedDir+"/"):
		return true
	case strings.HasPrefix(name, folder.PrivateDir+"/"):
		return false
	}
	return !strings.Contains(name, "/"+folder.TakenDir+"/")
}

// isForAll reports whether a file of the edge's is for everybody's eyes.
func isForAll(name string) bool {
	switch path.Base(name) {
	case folder.StatusFile, folder.SlipsFile:
		return true
	}
	return strings.HasSuffix(name, ".txt")
}

// private looks for plaintext and file names on both disks.
func (s *simulation) private() {
	holds := func(name string, data []byte) bool {
		return strings.Contains(strings.ToLower(name), private) || strings.Contains(string(data), private)
	}
	s.share.Files(func(name string, data []byte) {
		if !isPlaintext(name) && holds(name, data) || isForAll(name) && holds("", data) {
			s.violated("plaintext, or a scan's name, lies in %s", name)
		}
	})
	s.state.Files(func(name string, data []byte) {
		if holds(name, data) {
			s.violated("plaintext, or a scan's name, lies in the state folder in %s", name)
		}
	})
}

// isScan reports whether a file is a scan: not a note, not the edge's own.
func isScan(name string) bool { return strings.HasSuffix(name, ".pdf") && !isMadeBy(name) }

// isMadeBy reports whether the edge has made the file.
func isMadeBy(name string) bool {
	return strings.HasPrefix(name, folder.ClaimedDir+"/") && !strings.Contains(name, "/scan/")
}

type simFile struct {
	name string
	data []byte
}

// lying are all scans on the share, by inode, as they are just now.
func (s *simulation) lying() map[uint64]simFile {
	all := map[uint64]simFile{}
	s.share.Files(func(name string, data []byte) {
		if isScan(name) {
			info, err := s.share.Lstat(name)
			s.must(err)
			all[disktest.Inode(info)] = simFile{name, data}
		}
	})
	return all
}

// powerCut stops the machine with the share on it. What was not safe on disk
// when it was dropped may be lost or ruined, and nobody here can help it; what
// was must not be.
func (s *simulation) powerCut() {
	for _, w := range s.sends {
		// All of it may be there, though nobody has said that it is sent.
		if !w.again {
			w.scan.arrived(s.now)
			w.scan.unsure++
		}
		s.note("scan %d does not arrive", w.scan.number)
	}
	sent := s.sends
	s.sends = nil // whoever sent has lost the connection
	before := s.lying()
	s.share.PowerCut(s.chance)
	s.state.PowerCut(s.chance)
	after := s.lying()
	for _, inode := range slices.Sorted(maps.Keys(before)) {
		was := before[inode]
		d := s.scans[string(was.data)]
		now, there := after[inode]
		switch {
		case d == nil || there && string(now.data) == string(was.data):
		case s.safe[inode]:
			s.violated("a power cut takes scan %d, which was safe on disk as %s", d.number, was.name)
		default:
			d.unsure++
			s.note("scan %d is ruined", d.number)
			s.resembles(now.data)
		}
	}
	for _, w := range sent {
		if data, err := disk.ReadFile(s.share, w.path); err == nil && string(data) != string(w.scan.data) {
			s.resembles(data)
		}
	}
	s.torn()
}

// resembles takes into the account that what is left of a scan may look like
// what there was of another.
func (s *simulation) resembles(data []byte) {
	if other := s.scans[string(data)]; other != nil {
		other.arrived(s.now)
		other.unsure++
	}
}

// torn takes into the account what is no scan that was ever dropped: the remains
// of one that was being sent, or was not safe yet.
func (s *simulation) torn() {
	s.share.Files(func(name string, data []byte) {
		if isScan(name) && s.scans[string(data)] == nil && !s.isSent(name) {
			d := s.fragment(data)
			d.remains = true
			s.note("what is left of a scan is %d", d.number)
		}
	})
}

// settleDown is the end of all mishaps, and enough time for everything that is
// under way.
func (s *simulation) settleDown() {
	s.note("everything is well again")
	s.ended, s.weather, s.skew = true, simWeathers[0], 0
	s.share.Room, s.state.Room, s.down = 0, 0, 0
	s.server.publish("good")
	s.hangNoMore(true)
	for len(s.onTheWire) > 0 {
		s.deliver()
	}
	for len(s.sends) > 0 {
		s.goOn(s.sends[0])
	}
	for range 60 {
		for range 12 {
			s.edgeTurn()
			s.server.act()
			s.pass(time.Second)
		}
		if s.quiet() && len(s.server.due) == 0 {
			return
		}
		for range 7 {
			s.pass(5 * time.Minute)
			s.edgeTurn()
		}
		s.pass(time.Duration(1+s.chance.IntN(9)) * time.Hour)
		s.server.publish("good")
	}
	s.violated("it does not come to an end:\n%s", s.share)
}

// quiet reports whether nothing is under way.
func (s *simulation) quiet() bool {
	quiet := true
	s.share.Files(func(name string, _ []byte) {
		switch {
		case strings.HasPrefix(name, folder.ClaimedDir+"/"),
			strings.HasPrefix(name, folder.SpoolDir+"/") && path.Base(name) != disk.Unfinished && path.Base(name) != disk.Prepared,
			isScan(name) && !s.isAnswered(name):
			quiet = false
		}
	})
	return quiet
}

// isAnswered reports whether a scan lies where people have it, and not where the
// edge is to take it.
func (s *simulation) isAnswered(name string) bool {
	switch path.Base(path.Dir(name)) {
	case folder.RefusedDir, folder.DuplicatesDir, folder.OtherLineDir, folder.StacksDir:
		return true
	}
	return false
}

// audit closes the accounts: every scan that was dropped is a letter, or lies
// where people find it, as it was; never both, never twice.
func (s *simulation) audit() {
	s.private()
	lies := map[*simScan]int{}
	s.share.Files(func(name string, data []byte) {
		if !isScan(name) {
			return
		}
		d := s.scans[string(data)]
		if d == nil {
			s.violated("there is a scan with other bytes than were dropped in %s", path.Dir(name))
		}
		lies[d]++
		if !disk.Exists(s.share, name+".txt") && !s.noteless[name] {
			s.violated("beside %s lies no note", name)
		}
	})
	for _, name := range litter {
		if data, err := disk.ReadFile(s.share, name); err != nil || string(data) != "litter" {
			s.violated("%s was touched: %v", name, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.scans)) {
		s.account(s.scans[key], lies[s.scans[key]])
	}
	s.share.Files(func(name string, _ []byte) {
		if !s.expected(name) {
			s.violated("left behind: %s", name)
		}
	})
	s.state.Files(func(name string, _ []byte) {
		if path.Base(name) == disk.Unfinished {
			return
		}
		if top, _, _ := strings.Cut(name, "/"); !slices.Contains([]string{duplicatesKey, serialFile, listFile, takenDir, cutsDir}, top) {
			s.violated("left behind in the state folder: %s", name)
		}
	})
}

// account is that of one scan, of which so many copies lie in the folder.
func (s *simulation) account(d *simScan, lie int) {
	taken, err := d.taken()
	if err != nil {
		s.violated("scan %d: %v", d.number, err)
	}
	if d.remains && taken == 0 {
		return
	}
	switch sum := taken + lie; {
	case sum > d.dropped:
		s.violated("scan %d (%s) was dropped %d times and is now %d letters and %d files", d.number, d.kind, d.dropped, taken, lie)
	case sum < d.dropped-d.same-d.unsure:
		s.violated("scan %d (%s) was dropped %d times and is lost: it is %d letters and %d files, and %d answers let it be deleted",
			d.number, d.kind, d.dropped, taken, lie, d.same)
	case sum == 0 && d.dropped > d.unsure && !d.deleted:
		s.violated("scan %d (%s) is lost: nothing of it is left", d.number, d.kind)
	case taken > 1+d.another:
		s.violated("scan %d was taken %d times", d.number, taken)
	}
	s.counts["given back and left so"] += lie
}

// expected reports whether a file may be there at the end.
func (s *simulation) expected(name string) bool {
	base := path.Base(name)
	switch {
	case slices.Contains(litter, name), name == folder.SpoolDir+"/"+disk.Prepared, base == disk.Unfinished && path.Dir(name) != folder.ClaimedDir, base == folder.StatusFile, base == folder.SlipsFile:
		return true
	case strings.HasPrefix(name, folder.RecordDir+"/"), strings.Contains(name, "/"+folder.TakenDir+"/"):
		return true // see auditSlips
	case s.isAnswered(name):
		return true
	case strings.HasSuffix(name, ".part"):
		return true // whoever sent it has never finished
	}
	return false
}

// auditSlips lets the edge bring its slips up to date and compares them with
// what the server says: one record and one slip for each letter, until its paper
// is destroyed.
func (s *simulation) auditSlips() {
	for range len(s.server.read)/slipsAtOnce + 2 {
		s.pass(s.cfg.SlipEvery)
		s.edgeTurn()
	}
	want := map[string]string{} // what is to be read in a slip, by id
	for id, m := range s.server.read {
		paper := letter.PaperKept
		if o, there := s.bucket.objects[letter.ReceiptKey(m.Site, id)]; there {
			r, err := letter.OpenReceipt(o.data, s.keys.public)
			s.must(err)
			paper = r.Paper
		} else {
			continue // the store keeps receipts for two weeks only
		}
		if paper != letter.PaperDestroyed {
			want[string(id)] = paper
		}
	}
	slips := map[string]bool{}
	s.share.Files(func(name string, data []byte) {
		if strings.HasPrefix(name, folder.RecordDir+"/") && path.Base(name) != disk.Unfinished {
			var r record
			s.must(json.Unmarshal(data, &r))
			s.auditSlip(r, want[string(r.ID)])
			delete(want, string(r.ID))
			slips[r.place()] = r.Paper != letter.PaperReplaced
		}
	})
	for _, id := range slices.Sorted(maps.Keys(want)) {
		s.violated("letter %s is taken and has no slip", id)
	}
	s.share.Files(func(name string, _ []byte) {
		if strings.Contains(name, "/"+folder.TakenDir+"/") && !strings.HasPrefix(name, folder.PrivateDir) &&
			!slips[name] && !slices.Contains(litter, name) && path.Base(name) != disk.Unfinished {
			s.violated("there is a slip of which nobody knows: %s", name)
		}
	})
}

// halfAYearOn is the day on which all letters are gone: the edge remembers none of
// the scans, and says of every paper that nobody has destroyed that it is overdue.
func (s *simulation) halfAYearOn() {
	s.pass(7 * 30 * 24 * time.Hour)
	s.server.lifecycle()
	for range len(s.server.read)/slipsAtOnce + 3 {
		s.edgeTurn()
		s.pass(s.cfg.SlipEvery)
	}
	s.pass(48 * time.Hour)
	s.server.lifecycle()
	for range 3 {
		s.edgeTurn()
		s.pass(time.Hour)
	}
	s.state.Files(func(name string, _ []byte) {
		info, err := s.state.Lstat(name)
		s.must(err)
		// A decision made while the clock was a year ahead is kept for longer.
		cuts := strings.HasPrefix(name, cutsDir+"/") && path.Base(name) != disk.Unfinished && info.ModTime().Before(s.now)
		if cuts || strings.HasPrefix(name, takenDir+"/") {
			s.violated("remembered for too long: %s", name)
		}
	})
	for _, id := range slices.Sorted(maps.Keys(s.edge.shelf.records)) {
		if paper := s.edge.shelf.records[id].Paper; paper != paperOverdue {
			s.violated("half a year on the slip of letter %s says %q", id, paper)
		}
	}
}

func (s *simulation) auditSlip(r record, paper string) {
	_, there := s.bucket.objects[letter.ReceiptKey(r.Site, r.ID)]
	if there && r.Paper != paper {
		s.violated("the slip of letter %s says %q, and the server %q", r.ID, r.Paper, paper)
	}
	if r.Paper == letter.PaperReplaced {
		s.counts["papers that were replaced"]++
		return
	}
	data, err := disk.ReadFile(s.share, r.place())
	if err != nil || string(data) != r.slip(s.edge.Language, s.edge.title(r.Moved)) {
		s.violated("the slip of letter %s is not as it should be: %v", r.ID, err)
	}
}
