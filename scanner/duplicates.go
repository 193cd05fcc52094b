package scanner

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// Of every scan that it takes the edge remembers a keyed hash (HMAC-SHA256)
// until the letter's deadline, so that the same bytes are not taken twice by
// themselves. Without the key, which never leaves the state folder, the hash
// cannot confirm what anybody guesses of a letter.
//
//	STATE/duplicates.key       32 random bytes
//	STATE/taken/DAY/HASH-ID-HELPLINE    an empty file for each scan received on
//	                           that day; ID is its first letter's
//
// Earlier versions did not write down the helpline.
//
// Once it is sure that the scan becomes a letter, when that is sealed, the spool
// says it; the file is made when the server has the letter, before the spool
// forgets it. A scan that is given back is not remembered: nothing must be deleted
// for being the same as what was never taken.
const (
	duplicatesKey = "duplicates.key"
	takenDir      = "taken"
)

// takenScan is when a scan with certain bytes was received, as which letter, and
// for whom.
type takenScan struct {
	hash     string
	id       letter.ID
	day      letter.Date
	helpline string // "" if it is not known
}

func (s takenScan) mark() string {
	return path.Join(takenDir, s.day.String(), s.hash+"-"+string(s.id)+"-"+s.helpline)
}

// readMark is the scan whose mark has that name.
func readMark(day letter.Date, name string) (takenScan, bool) {
	hash, rest, _ := strings.Cut(name, "-")
	id, helpline, _ := strings.Cut(rest, "-")
	parsed, err := letter.ParseID(id)
	return takenScan{hash, parsed, day, helpline}, err == nil
}

// duplicates is the edge's memory of the scans that it took.
type duplicates struct {
	key    []byte
	taken  map[string][]takenScan // by keyed hash, hex; several if a person has said so
	hashes map[letter.ID]string   // of taken, by the id of a scan's first letter
	// unsure is a claim that may have been taken: the disk has said that it
	// failed, and may have kept it all the same. By keyed hash.
	unsure map[string]letter.ID
	kept   map[takenScan]bool // those of them whose mark is on disk
	made   letter.Date        // the day whose folder outlives a power cut
	swept  letter.Date        // the day on which it was last swept
}

// add takes in a scan that is sure to become a letter. Its mark may follow. One whose
// hash is not known has no twins.
func (d *duplicates) add(s takenScan) {
	if s.hash == "" {
		return
	}
	all := d.taken[s.hash]
	d.hashes[s.id] = s.hash
	switch at := slices.IndexFunc(all, func(o takenScan) bool { return o.id == s.id }); {
	case at < 0:
		d.taken[s.hash] = append(all, s)
	case s.helpline != "": // which an older mark does not say
		all[at] = s
	}
}

// drop forgets of the scans with that hash those that are over.
func (d *duplicates) drop(hash string, over func(takenScan) bool) {
	d.taken[hash] = slices.DeleteFunc(d.taken[hash], func(s takenScan) bool {
		is := over(s)
		if is {
			delete(d.hashes, s.id)
		}
		return is
	})
	if len(d.taken[hash]) == 0 {
		delete(d.taken, hash)
	}
}

// recall reads the key, or draws it at the first start.
func (e *Edge) recall() error {
	key, err := disk.ReadFile(e.state, duplicatesKey)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key)
		err = disk.WriteBytes(e.state, duplicatesKey, 0o600, key)
	}
	if err == nil && len(key) != 32 {
		err = errors.New("the file " + duplicatesKey + " in the state folder is damaged")
	}
	if e.known.taken == nil {
		e.known.taken, e.known.hashes, e.known.kept = map[string][]takenScan{}, map[letter.ID]string{}, map[takenScan]bool{}
	}
	e.known.key = key
	if err != nil {
		return fmt.Errorf("reading the key for duplicates: %w", err)
	}
	return nil
}

// self tells this edge from every other, also after a restart.
func (d *duplicates) self() string {
	h := hmac.New(sha256.New, d.key)
	h.Write([]byte("owner"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ours is a scan's keyed hash that an edge has written down into the scanner folder, and
// "" if that was another one: the folder may come to a machine whose memory is new, and
// under its key the same bytes have another hash.
func (d *duplicates) ours(hash, by string) string {
	if by != "" && by != d.self() {
		return ""
	}
	return hash
}

// remember reads the memory when the edge starts.
func (e *Edge) remember() error {
	// Again, now that the folder is ours: another process may have drawn the
	// key in the same moment.
	if err := e.recall(); err != nil {
		return err
	}
	days, err := disk.Names(e.state, takenDir, fs.DirEntry.IsDir)
	for _, name := range days {
		day, dayErr := letter.ParseDate(name)
		marks, listErr := disk.Names(e.state, path.Join(takenDir, name), func(fs.DirEntry) bool { return dayErr == nil })
		err = errors.Join(err, listErr)
		for _, mark := range marks {
			if s, ok := readMark(day, mark); ok {
				e.known.add(s)
				e.known.kept[s] = true
			}
		}
	}
	if err != nil {
		return fmt.Errorf("reading which scans were taken: %w", err)
	}
	return nil
}

// hash is the keyed hash of a scan.
func (e *Edge) hash(scan io.ReaderAt, size int64) (string, error) {
	h := hmac.New(sha256.New, e.known.key)
	if _, err := io.Copy(h, io.NewSectionReader(scan, 0, size)); err != nil {
		return "", disk.Plain("reading a scan", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// mark keeps on disk what follow has taken in: a scan that is sure to become a
// letter. It may be called again. Of a letter that has ended meanwhile nothing is
// remembered any more.
func (e *Edge) mark(s takenScan) error {
	if _, gone := e.gone[s.id]; gone || e.known.kept[s] || s.hash == "" {
		return nil
	}
	dir := path.Dir(s.mark())
	if e.known.made != s.day || !disk.Exists(e.state, dir) {
		if err := disk.MakeDir(e.state, dir, 0o700); err != nil {
			return fmt.Errorf("remembering a scan: %w", err)
		}
		e.known.made = s.day
	}
	file, err := e.state.OpenFile(s.mark(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(file.Close(), e.state.SyncDir(dir))
	}
	if err != nil {
		return disk.Plain("remembering a scan", err)
	}
	e.known.kept[s] = true
	if err := e.forgetCuts(s.hash); err != nil {
		e.tell("cuts", "What a person has decided of a stack could not be forgotten: "+err.Error()+". The stack is taken all the same.")
	}
	return nil
}

// forget drops, once a day, what is remembered of letters whose deadline has
// come. It must not be called while the clock may be wrong.
func (e *Edge) forget() {
	if e.ranOut() {
		return
	}
	today := letter.DateOf(e.Now())
	if today == e.known.swept {
		return
	}
	over := func(received letter.Date) bool { return !today.Before(letter.Deadline(received, letter.SixMonths)) }
	days, err := disk.Names(e.state, takenDir, fs.DirEntry.IsDir)
	for _, name := range days {
		if day, parseErr := letter.ParseDate(name); parseErr == nil && over(day) {
			err = errors.Join(err, disk.RemoveAll(e.state, path.Join(takenDir, name)))
		}
	}
	maps.DeleteFunc(e.known.kept, func(s takenScan, _ bool) bool { return over(s.day) })
	for hash := range e.known.taken {
		e.known.drop(hash, func(s takenScan) bool { return over(s.day) })
	}
	if err = errors.Join(err, e.sweepCuts(over)); err != nil {
		e.tell("forget", "What is remembered of scans whose time is over cannot be deleted: "+disk.Plain("deleting it", err).Error()+". Trying again.")
		return
	}
	e.tell("forget", "")
	e.known.swept = today
}

// errSameAgain says that a person has answered that a scan is a letter which
// was taken before.
var errSameAgain = errors.New("a person says that this scan was taken before")

// duplicate is the error for a scan whose bytes were taken before, until a
// person has said what it is.
type duplicate struct {
	before takenScan
	other  bool   // it was taken for another helpline, or for one that is not known
	whose  string // what people call that one
}

func (d *duplicate) Error() string {
	if d.other {
		return "the same bytes were taken before for another helpline, as letter " + string(d.before.id)
	}
	return "the same bytes were taken before, as letter " + string(d.before.id)
}

func (d *duplicate) dir() string {
	if d.other {
		return folder.OtherLineDir
	}
	return folder.DuplicatesDir
}

// note asks the person who scans.
func (d *duplicate) note(l *texts.Language) folder.Note {
	with := []any{"when", d.before.day, "reference", d.before.id.Reference()}
	kept := " " + say(l, "note.kept-until")
	switch {
	case !d.other:
		return folder.Note{What: say(l, "duplicate.same", with...), Next: say(l, "duplicate.same-next") + kept}
	case d.whose == "":
		return folder.Note{
			What: say(l, "duplicate.not-known", with...),
			Next: say(l, "duplicate.not-known-next", "reference", d.before.id.Reference()) + " " + d.next(l, say(l, "duplicate.that-helpline")) + kept,
		}
	}
	return folder.Note{What: say(l, "duplicate.other", append(with, "whose", d.whose)...), Next: d.next(l, d.whose) + kept}
}

// next is what to do about a letter that is somebody else's already.
func (d *duplicate) next(l *texts.Language, whose string) string {
	return say(l, "duplicate.other-next", "whose", whose, "reference", d.before.id.Reference())
}

// askOnce looks whether the bytes of a claimed scan were taken before, and
// obeys what a person has answered to that question. It returns their hash. An
// answer to another question than would be asked now is none: what was taken
// for another helpline is not deleted because somebody knows the letter.
func (e *Edge) askOnce(c folder.Claim, scan disk.File) (hash string, err error) {
	if hash, err = e.hash(scan, c.Size); err != nil {
		return "", err
	}
	if id, ok := e.known.unsure[hash]; ok && id != c.ID {
		return "", errWaits // until that is known; it is told there
	}
	ask := e.askAbout(hash, c)
	switch c.Answer {
	case folder.Again:
		if ask != nil {
			return "", &againSame{ask.before}
		}
	case folder.Same, folder.Mistake:
		switch {
		case ask == nil:
			return "", errNotSame
		case ask.dir() == c.Answer.Question():
			return "", errSameAgain
		}
		return "", ask
	case folder.Another:
		return hash, e.rememberAnswer(hash, c.Answer, ask)
	case folder.HereToo:
		if ask != nil && !ask.other {
			return "", ask // its twin was taken here meanwhile
		}
		return hash, e.rememberAnswer(hash, c.Answer, ask)
	case folder.Split, folder.Cut, folder.Repair:
		// These answer what was asked after that.
		switch said, err := e.answeredBefore(hash); {
		case err != nil:
			return "", err
		case said == folder.Another, said == folder.HereToo && ask != nil && ask.other:
			return hash, nil
		}
	}
	if ask != nil {
		return "", ask
	}
	return hash, nil
}

// longScan is the size in bytes from which on a scan is hashed beside its
// normalisation, and not before it.
const longScan = 1 << 20

// askBeside is askOnce for a scan of which a clean PDF is made meanwhile, if it is a
// long one; stop ends that where it is not wanted. Whoever has made it, or failed
// with an error, waits for asked: it returns the hash, or what askOnce has to say of
// the scan, or that error.
func (e *Edge) askBeside(c folder.Claim, scan disk.File, stop func()) (asked func(failed error) (hash string, err error)) {
	var hash string
	var no error
	ended := make(chan struct{})
	ask := func() {
		defer close(ended)
		if hash, no = e.askOnce(c, scan); no != nil {
			stop()
		}
	}
	if c.Size < longScan {
		ask()
	} else {
		go ask()
	}
	return func(failed error) (string, error) {
		<-ended
		return hash, cmp.Or(no, failed)
	}
}

// askAbout is the question about a claimed scan with those bytes; nil if they
// were not taken before, or as this very claim. A letter of the same helpline
// comes first: what was asked about another has been answered then.
func (e *Edge) askAbout(hash string, c folder.Claim) *duplicate {
	var ask *duplicate
	for _, before := range e.known.taken[hash] {
		whose := e.takenFor(before)
		if before.id == c.ID {
			continue
		}
		if whose == c.Helpline {
			ask = &duplicate{before: before}
		} else if ask == nil || ask.other {
			ask = &duplicate{before: before, other: true, whose: e.title(whose)}
		}
	}
	return ask
}

// takenFor is for which helpline a scan was taken, "" if that is not known.
func (e *Edge) takenFor(s takenScan) string {
	if s.helpline == "" {
		return e.shelf.records[s.id].Helpline // while its slip lies in the folder
	}
	return s.helpline
}
