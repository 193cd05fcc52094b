package scanner

import (
	"cmp"
	"slices"
	"strings"

	"letterlock/scanner/letter"
)

// shelf is what the edge knows of the slips that lie in the folder, so arranged
// that a letter costs no more where ten thousand lie than where there is none: only
// a start goes through all of them.
type shelf struct {
	records map[letter.ID]record
	whose   map[string]letter.ID   // slip lies at a place, or is to
	planned map[letter.ID]string   // where it is to lie; the record may be on disk although the disk has said that it failed
	asked   map[letter.ID]bool     // whose paper is to be scanned again
	turns   []letter.ID            // all, in the order in which they are looked after
	sheets  map[string][]letter.ID // by helpline, those that may be on its sheet, the oldest first
}

func newShelf() shelf {
	return shelf{records: map[letter.ID]record{}, whose: map[string]letter.ID{}, planned: map[letter.ID]string{}, asked: map[letter.ID]bool{}, sheets: map[string][]letter.ID{}}
}

// put takes in a record that is on disk. It reports whether it says anything new.
func (s *shelf) put(r record) bool {
	old, known := s.records[r.ID]
	if known && old == r {
		return false
	}
	if known {
		s.drop(old)
	}
	s.hold(r)
	s.turns = insert(s.turns, r.ID, cmp.Compare[letter.ID])
	if r.onSheet() {
		s.sheets[r.Helpline] = insert(s.sheets[r.Helpline], r.ID, s.older)
	}
	return true
}

// fill takes in what a start has read, which is sorted once and not for each.
func (s *shelf) fill(records []record) {
	var changed []record
	for _, r := range records {
		if _, known := s.records[r.ID]; known {
			changed = append(changed, r)
			continue
		}
		s.hold(r)
		s.turns = append(s.turns, r.ID)
		if r.onSheet() {
			s.sheets[r.Helpline] = append(s.sheets[r.Helpline], r.ID)
		}
	}
	slices.Sort(s.turns)
	for _, sheet := range s.sheets {
		slices.SortFunc(sheet, s.older)
	}
	for _, r := range changed {
		s.put(r)
	}
}

// plan keeps the place of a slip that is about to be written from every other
// letter, and gives up one that was planned for it before.
func (s *shelf) plan(r record) {
	before, is := s.planned[r.ID]
	if is && s.whose[before] == r.ID && before != s.records[r.ID].place() {
		delete(s.whose, before)
	}
	s.planned[r.ID], s.whose[r.place()] = r.place(), r.ID
}

// hold remembers what can be looked up without an order.
func (s *shelf) hold(r record) {
	s.plan(r)
	s.records[r.ID] = r
	delete(s.planned, r.ID)
	if r.Paper == letter.PaperScanAgain {
		s.asked[r.ID] = true
	}
}

// onSheet reports whether a record's slip may be on its helpline's sheet.
func (r record) onSheet() bool { return r.Paper != paperOverdue && r.Paper != letter.PaperReplaced }

// drop forgets a record.
func (s *shelf) drop(r record) {
	s.turns = remove(s.turns, r.ID, cmp.Compare[letter.ID])
	if r.onSheet() {
		s.sheets[r.Helpline] = remove(s.sheets[r.Helpline], r.ID, s.older)
	}
	delete(s.records, r.ID)
	delete(s.asked, r.ID)
	delete(s.whose, r.place())
}

// next returns whose turn it is after that letter's, and around; at most n.
func (s *shelf) next(after letter.ID, n int) []letter.ID {
	at, found := slices.BinarySearch(s.turns, after)
	if found {
		at++
	}
	ids := make([]letter.ID, min(n, len(s.turns)))
	for i := range ids {
		ids[i] = s.turns[(at+i)%len(s.turns)]
	}
	return ids
}

// newest returns at most n of a helpline's slips for its sheet, the newest first.
func (s *shelf) newest(helpline string, n int) []record {
	all := s.sheets[helpline]
	var records []record
	for i := len(all) - 1; i >= 0 && len(records) < n; i-- {
		records = append(records, s.records[all[i]])
	}
	return records
}

// older orders slips for the sheet. Stacks that were taken in the same second
// come one after the other.
func (s *shelf) older(a, b letter.ID) int {
	ra, rb := s.records[a], s.records[b]
	return cmp.Or(
		ra.Received.Compare(rb.Received),
		strings.Compare(string(rb.First), string(ra.First)),
		cmp.Compare(rb.Place, ra.Place),
		strings.Compare(string(b), string(a)),
	)
}

func insert(ids []letter.ID, id letter.ID, compare func(a, b letter.ID) int) []letter.ID {
	at, there := slices.BinarySearchFunc(ids, id, compare)
	if there {
		return ids
	}
	return slices.Insert(ids, at, id)
}

func remove(ids []letter.ID, id letter.ID, compare func(a, b letter.ID) int) []letter.ID {
	at, there := slices.BinarySearchFunc(ids, id, compare)
	if !there {
		return ids
	}
	return slices.Delete(ids, at, at+1)
}
