package scanner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/folder"
)

// writeSim leaves a file on a simulated disk, safe from power cuts.
func writeSim(d *disktest.Sim, name string, data []byte) error {
	file, err := d.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close(), d.SyncDir(path.Dir(name)))
}

// litter is what lies about in the folder and must stay as it is.
var litter = []string{line + "/.DS_Store", line + "/Thumbs.db", line + "/taken/notes.doc", ".Trash-1000/old"}

// openOffice lays out the folder as people find it on the first morning.
func (s *simulation) openOffice() {
	for _, helpline := range s.cfg.Helplines {
		s.must(disk.MakeDir(s.share, helpline+"/user "+private, 0o770))
	}
	for _, name := range litter {
		s.must(disk.MakeDir(s.share, path.Dir(name), 0o770), writeSim(s.share, name, []byte("litter")))
	}
}

// sending is a scan on its way into the folder, or what will arrive of one.
type sending struct {
	scan   *simScan
	path   string // under which it is sent
	final  string // to which it is then renamed; "" for none
	parts  [][]byte
	at     int64
	file   disk.File // nil between two parts of one who opens and closes
	begun  bool
	reopen bool // open and close for each part
	linger int  // how long it stays open after the last byte
	brisk  bool // it pauses for a second only
	again  bool // it had arrived before, and somebody writes the same once more
	sync   bool
	wrote  time.Time
}

// people is one thing that people or their machines do.
func (s *simulation) people() {
	switch n := s.chance.IntN(100); {
	case len(s.sends) < 10 && n < 50 && !s.ended:
		s.send()
	case n < 80 && len(s.sends) > 0:
		s.goOn(s.sends[s.chance.IntN(len(s.sends))])
	case n < 82:
		s.tidyUp()
	default:
		s.person()
	}
}

func (s *simulation) helpline() string { return s.cfg.Helplines[s.chance.IntN(len(s.cfg.Helplines))] }

// send begins to send a scan, in one of the ways in which machines do it.
func (s *simulation) send() {
	helpline := s.helpline()
	d := s.newScan(helpline)
	if again := s.byNumber[1+s.chance.IntN(s.numbers)]; s.oneIn(12) && again.kind != cutOffScan {
		d = again // the same bytes
	}
	w := &sending{scan: d, parts: [][]byte{d.data}, sync: !s.oneIn(8)}
	if s.oneIn(15) {
		// It breaks off, and that is all that ever arrives.
		end := s.chance.IntN(len(d.data) - 1)
		w.scan, w.parts = s.fragment(d.data[:end]), [][]byte{d.data[:end]}
	}
	dir := s.dropAt(d)
	// The same names again and again, but never over a file that is there.
	s.names++
	w.path = path.Join(dir, fmt.Sprintf("Frau %s %d.pdf", private, s.names%30))
	if disk.Exists(s.share, w.path) || disk.Exists(s.share, w.path+".part") || s.isSent(w.path) {
		w.path = path.Join(dir, fmt.Sprintf("%s-%d.pdf", private, s.names))
	}
	switch s.chance.IntN(6) {
	case 0:
		w.path, w.final = w.path+".part", w.path
	case 1:
		w.parts = append([][]byte{nil}, w.parts...) // empty at first
		w.reopen = true
	case 2:
		switch {
		case d.kind == foreignScan: // which is no scan from its first bytes on
		case !d.updated:
			w.cut(s, 2+s.chance.IntN(4))
			w.reopen = s.oneIn(2)
		case w.scan == d:
			w.parts, w.reopen, w.brisk = [][]byte{d.data[:d.first], d.data[d.first:]}, true, true
		}
	case 3:
		w.linger = 1 + s.chance.IntN(8)
	}
	s.sends = append(s.sends, w)
	s.note("scan %d (%s) is sent, in %d parts, as %s", w.scan.number, w.scan.kind, len(w.parts), w.path)
	s.goOn(w)
}

// dropAt is where a scan is dropped: mostly in its helpline's folder, or in one
// that people have made below it.
func (s *simulation) dropAt(d *simScan) string {
	switch n := s.chance.IntN(80); {
	case n < 2:
		d.plain = true
		return "." // beside the helplines' folders
	case n < 14:
		if dir, paper := s.paper(d.helpline); dir != "" {
			d.papers[paper] = true
			s.count("dropped as new scans")
			return dir
		}
	case n < 18:
		if dir := s.answerAtOnce(d); dir != "" {
			d.plain = true
			return dir
		}
	}
	d.plain = true
	return []string{d.helpline, d.helpline, d.helpline, d.helpline + "/user " + private}[s.chance.IntN(4)]
}

// paper is the folder of a paper that is to be scanned again, and its reference;
// or one of a paper of which nobody knows.
func (s *simulation) paper(helpline string) (dir, reference string) {
	all := path.Join(helpline, folder.AgainDir)
	names, err := disk.Names(s.share, all, fs.DirEntry.IsDir)
	s.must(err)
	name := ""
	if len(names) > 0 {
		name = names[s.chance.IntN(len(names))]
	}
	switch n := s.chance.IntN(20); {
	case n == 0:
		name = "0000-0000"
	case name == "":
		return "", ""
	case n == 1:
		return all, "" // beside all of them
	case n == 2:
		name = strings.ToLower(strings.ReplaceAll(name, "-", " ")) // as people write
	}
	dir = path.Join(all, name)
	s.must(disk.MakeDir(s.share, dir, 0o770))
	return dir, strings.ToUpper(strings.ReplaceAll(name, " ", "-"))[:len("0000-0000")]
}

// answerAtOnce is the folder of an answer to a question that nobody has asked of the
// scan; "" if there is none.
func (s *simulation) answerAtOnce(d *simScan) string {
	a := []folder.Answer{folder.Repair, folder.Same, folder.Another, folder.Mistake, folder.HereToo, folder.Split}[s.chance.IntN(6)]
	dir := path.Dir(folder.AnswerPath(d.helpline, "x", a))
	if !disk.Exists(s.share, dir) {
		return ""
	}
	switch a {
	case folder.Repair:
		d.repair++
	case folder.Same, folder.Mistake:
		d.same++
	case folder.Another, folder.HereToo:
		d.another++
	case folder.Split:
		d.split++
	}
	s.count("answers that nobody asked for")
	return dir
}

// cut makes several parts of what is sent.
func (w *sending) cut(s *simulation, n int) {
	all := w.parts[0]
	w.parts = nil
	for ; n > 1 && len(all) > 1; n-- {
		at := 1 + s.chance.IntN(len(all)-1)
		w.parts, all = append(w.parts, all[:at]), all[at:]
	}
	w.parts = append(w.parts, all)
}

func (s *simulation) isSent(name string) bool {
	for _, w := range s.sends {
		if name == w.path || name == w.final {
			return true
		}
	}
	return false
}

// fragment is a scan of which this is all.
func (s *simulation) fragment(data []byte) *simScan {
	if d := s.scans[string(data)]; d != nil {
		return d
	}
	d := &simScan{number: -len(s.scans), kind: cutOffScan, data: bytes.Clone(data)}
	s.scans[string(data)] = d
	return d
}

// goOn sends the next part.
func (s *simulation) goOn(w *sending) {
	if w.file == nil {
		flag := os.O_WRONLY
		if !w.begun {
			flag |= os.O_CREATE | os.O_EXCL
		}
		file, err := s.share.OpenFile(w.path, flag, 0o660)
		if err != nil && w.begun {
			s.lost(w)
			return
		}
		s.must(err)
		w.file, w.begun = file, true
	}
	if len(w.parts) > 0 {
		n, err := w.file.WriteAt(w.parts[0], w.at)
		w.at += int64(n)
		w.parts[0], w.wrote = w.parts[0][n:], s.now
		switch {
		case err != nil && w.brisk: // the disk is full, and it gives up
			s.must(w.file.Close())
			s.gaveUp(w)
			return
		case err != nil:
			return // it is tried again
		}
		w.parts = w.parts[1:]
	}
	if len(w.parts) > 0 && w.reopen {
		s.must(w.file.Close())
		w.file = nil
		return
	}
	if len(w.parts) > 0 {
		return
	}
	if w.linger--; w.linger < 0 {
		s.arrived(w)
	}
}

// lost is the end of a scan that was taken away while it was being sent. It may
// be, after it has stood still for so long that it counts as cut off.
func (s *simulation) lost(w *sending) {
	if s.now.Sub(w.wrote) < 20*time.Minute {
		s.violated("scan %d was taken away while it was being sent", w.scan.number)
	}
	s.gaveUp(w)
}

// missed finds those whose scan was taken away between two parts, before they
// notice it by themselves.
func (s *simulation) missed() {
	for _, w := range slices.Clone(s.sends) {
		if w.begun && w.file == nil && !disk.Exists(s.share, w.path) {
			s.lost(w)
		}
	}
}

// gaveUp is the end of a scan that does not arrive. What there is of it stays.
func (s *simulation) gaveUp(w *sending) {
	s.end(w)
	s.resembles(w.scan.data[:w.at])
	s.torn()
}

// arrived is the moment in which a scan lies in the folder.
func (s *simulation) arrived(w *sending) {
	if w.again {
		s.must(w.file.Close())
		s.end(w)
		return
	}
	info, err := w.file.Stat()
	s.must(err)
	if w.sync {
		s.must(w.file.Sync())
		s.safe[disktest.Inode(info)] = true
	}
	s.must(w.file.Close())
	if w.final != "" {
		s.must(s.share.RenameNew(w.path, w.final))
		w.path = w.final
	}
	if w.sync {
		s.must(s.share.SyncDir(path.Dir(w.path)))
	}
	s.end(w)
	w.scan.arrived(s.now)
	s.count("scans dropped")
	s.note("scan %d has arrived as %s", w.scan.number, w.path)
}

func (s *simulation) end(w *sending) {
	left := s.sends[:0]
	for _, other := range s.sends {
		if other != w {
			left = append(left, other)
		}
	}
	s.sends = left
}

// tidyUp removes an empty folder, as people do.
func (s *simulation) tidyUp() {
	helpline := s.helpline()
	dirs := []string{helpline, path.Join(helpline, folder.TakenDir), folder.RefusedDir,
		path.Join(helpline, folder.RefusedDir), path.Join(helpline, folder.DuplicatesDir), path.Join(helpline, folder.OtherLineDir), path.Join(helpline, folder.StacksDir)}
	for _, a := range []folder.Answer{folder.Repair, folder.Same, folder.Another, folder.Mistake, folder.HereToo, folder.Split, folder.Cut} {
		dirs = append(dirs, path.Dir(folder.AnswerPath(helpline, "x", a)))
	}
	again := path.Join(helpline, folder.AgainDir)
	dirs = append(dirs, again)
	if names, err := disk.Names(s.share, again, fs.DirEntry.IsDir); err == nil {
		for _, name := range names {
			dirs = append(dirs, path.Join(again, name))
		}
	}
	if dir := dirs[s.chance.IntN(len(dirs))]; s.share.Remove(dir) == nil {
		s.note("a person removes %s", dir)
	}
}

// rewrite opens a scan that has arrived for writing, and writes what it holds.
func (s *simulation) rewrite(d *simScan, name string) {
	file, err := s.share.OpenFile(name, os.O_WRONLY, 0)
	s.must(err)
	w := &sending{scan: d, path: name, parts: [][]byte{d.data}, file: file, begun: true, again: true, linger: s.chance.IntN(6)}
	if s.oneIn(2) {
		w.parts = nil // or nothing
	}
	s.sends = append(s.sends, w)
	s.note("scan %d is opened again as %s", d.number, name)
}

// person does something with a scan that lies in one of the folders.
func (s *simulation) person() {
	dirs := []string{folder.RefusedDir, "", line, "mens-advice-line"}
	for _, helpline := range s.cfg.Helplines {
		for _, dir := range append([]string{folder.RefusedDir}, folder.QuestionDirs...) {
			dirs = append(dirs, path.Join(helpline, dir))
		}
		again := path.Join(helpline, folder.AgainDir)
		names, err := disk.Names(s.share, again, fs.DirEntry.IsDir)
		s.must(err)
		for _, name := range names {
			dirs = append(dirs, path.Join(again, name))
		}
	}
	dir := dirs[s.chance.IntN(len(dirs))]
	names := s.scansIn(dir)
	if len(names) == 0 {
		return
	}
	s.missed() // what is left of their scans may be among these
	name := path.Join(dir, names[s.chance.IntN(len(names))])
	data, err := disk.ReadFile(s.share, name)
	s.must(err)
	d := s.scans[string(data)]
	if d == nil {
		s.violated("in %s lies a scan with other bytes than were dropped", dir)
	}
	switch path.Base(dir) {
	case folder.RefusedDir:
		s.atRefused(d, name)
	case folder.DuplicatesDir:
		s.atDuplicates(d, name, folder.Same, folder.Another)
	case folder.OtherLineDir:
		s.atDuplicates(d, name, folder.Mistake, folder.HereToo)
	case folder.StacksDir:
		s.atStacks(d, name)
	default:
		switch {
		case s.oneIn(6):
			s.takeAway(d, name) // before it is taken
		case s.oneIn(3):
			s.rewrite(d, name)
		}
	}
}

// scansIn are the scans in a folder that are not just being sent.
func (s *simulation) scansIn(dir string) []string {
	names, err := disk.Names(s.share, dir, func(e fs.DirEntry) bool {
		name := e.Name()
		return e.Type().IsRegular() && strings.HasSuffix(name, ".pdf") && !s.isSent(path.Join(dir, name))
	})
	s.must(err)
	return names
}

func (s *simulation) takeAway(d *simScan, name string) {
	s.note("a person deletes scan %d as %s", d.number, name)
	s.must(s.share.Remove(name))
	if isGivenBack(name) {
		if err := s.share.Remove(name + ".txt"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			panic(err)
		}
	}
	s.must(s.share.SyncDir(path.Dir(name)))
	d.dropped--
	d.deleted = true
}

// moved puts a scan somewhere else, if it can.
func (s *simulation) moved(d *simScan, from, dir string) bool {
	to := path.Join(dir, path.Base(from))
	if s.isSent(to) || s.share.RenameNew(from, to) != nil {
		return false
	}
	s.must(s.share.SyncDir(dir), s.share.SyncDir(path.Dir(from)))
	s.note("a person moves scan %d to %s", d.number, dir)
	d.plain = true
	return true
}

func (s *simulation) home(d *simScan) string {
	if d.helpline == "" {
		return s.helpline() // nobody can tell of a fragment
	}
	return d.helpline
}
