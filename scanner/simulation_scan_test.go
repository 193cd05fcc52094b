package scanner

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
)

// private is in the name of every file that is dropped and in the text of every
// page. It must be found nowhere but where scans may lie.
const private = "muster"

// simKind is what a workshop finds a simulated scan to be.
type simKind string

const (
	soundScan     simKind = "sound"     // a letter, or a stack of them
	damagedScan   simKind = "damaged"   // may be drawn anew
	encryptedScan simKind = "encrypted" // never taken
	foreignScan   simKind = "foreign"   // no scan at all
	cutOffScan    simKind = "cut off"   // what arrived of one
)

// simScan is a simulated scan, and the account of what became of it. Several
// files may hold the same bytes.
type simScan struct {
	number   int
	helpline string
	kind     simKind
	data     []byte
	pages    []separator.Page
	texts    []string       // of the pages
	updated  bool           // it looks whole before it is, as a PDF that is added to
	first    int            // bytes until then
	asked    bool           // a stack that a person has to look at
	sheets   reading        // its letters as the sheets between them say
	byHand   reading        // as a person has said who has looked at it
	cuts     separator.Cuts // by that person

	dropped int             // whole copies that were dropped and that no person has taken away
	since   time.Time       // when the first was
	plain   bool            // one of them lay, or was moved, where it is no new scan
	papers  map[string]bool // references of papers of which one was dropped as a new scan
	unsure  int             // copies that a power cut may have ruined before they were safe on disk
	same    int             // answers that one of them is the same letter
	another int             // answers that one of them is another letter
	repair  int             // answers that one of them is to be drawn anew
	split   int             // answers that one of them is to be split at its sheets
	cut     int             // answers that one of them is to be cut as a person has said
	found   map[string]int  // how often the server has verified a letter of those pages
	deleted bool            // a person has deleted one of them
	remains bool            // of a scan that never arrived whole: it may be there or not
}

// reading is one way of telling the letters of a scan apart.
type reading []separator.Letter

// find is which letter those pages are, or -1.
func (r reading) find(pages []int) int {
	return slices.IndexFunc(r, func(l separator.Letter) bool { return slices.Equal(l.Pages, pages) })
}

// holds is 1 if those pages are one of the letters, else 0.
func (r reading) holds(pages string) int {
	for _, l := range r {
		if fmt.Sprint(l.Pages) == pages {
			return 1
		}
	}
	return 0
}

// pdfEnd is what makes a simulated PDF whole.
const pdfEnd = "startxref\n9\n%%EOF"

// write makes the bytes of a simulated PDF: its structure is whole when its
// end has arrived, and it says on each line whose it is.
func (d *simScan) write() {
	var b bytes.Buffer
	if d.kind == foreignScan {
		fmt.Fprintf(&b, "Dear all, %s %d is no scan.\n", private, d.number)
		d.data = b.Bytes()
		return
	}
	fmt.Fprintf(&b, "%%PDF-1.7 %d %s\n", d.number, d.kind)
	if d.updated {
		b.WriteString(pdfEnd + "\n")
		d.first = b.Len()
	}
	for _, text := range d.texts {
		b.WriteString(text)
	}
	b.WriteString(pdfEnd)
	d.data = b.Bytes()
}

// arrived takes a copy into the account.
func (d *simScan) arrived(now time.Time) {
	if d.dropped++; d.since.IsZero() {
		d.since = now
	}
}

// newScan draws a scan that nobody has seen before.
func (s *simulation) newScan(helpline string) *simScan {
	s.numbers++
	d := &simScan{number: s.numbers, helpline: helpline, kind: soundScan, updated: s.oneIn(10), papers: map[string]bool{}}
	duplex := s.cfg.Duplex == separator.DuplexYes || s.cfg.Duplex == separator.DuplexAuto && s.oneIn(2)
	switch n := s.chance.IntN(100); {
	case n < 75:
		d.pages = s.letterPages(duplex)
	case n < 85:
		d.pages = s.stackPages(helpline, duplex, false)
	case n < 91:
		d.pages = s.stackPages(helpline, duplex, true)
	case n < 95:
		d.kind, d.pages = damagedScan, s.letterPages(duplex)
	case n < 97:
		d.kind, d.pages = encryptedScan, s.letterPages(duplex)
	default:
		d.kind = foreignScan
	}
	for page := range d.pages {
		d.texts = append(d.texts, fmt.Sprintf("page %d %d %s %08x\n", d.number, page+1, private, s.chance.Uint32()))
	}
	d.write()
	s.expect(d)
	s.scans[string(d.data)] = d
	s.byNumber[d.number] = d
	return d
}

// scanOf is a scan of that kind that nobody is asked about, of one letter if it is
// sound.
func (s *simulation) scanOf(kind simKind) *simScan {
	for {
		d := s.newScan(line)
		if d.kind == kind && !d.asked && (kind != soundScan || len(d.sheets) == 1) {
			d.plain = true
			return d
		}
		delete(s.scans, string(d.data))
	}
}

// expect asks the code that cuts stacks what is to become of the pages. That no
// two people's letters become one is checked here as well, once, against how
// the stack was laid.
func (s *simulation) expect(d *simScan) {
	if len(d.pages) == 0 {
		return
	}
	batch, err := separator.Split(d.helpline, d.pages, s.cfg.Duplex)
	if err != nil {
		s.violated("splitting scan %d: %v", d.number, err)
	}
	d.asked = len(batch.Held) > 0
	if d.asked {
		if batch, err = batch.Confirm(batch.AtSheets()); err != nil {
			batch.Letters = nil // there is no way of taking it at its sheets
		}
	}
	d.sheets, d.found = batch.Letters, map[string]int{}
	for _, l := range batch.Letters {
		for i, page := range l.Pages {
			kept := slices.Contains(l.Kept, page)
			if kept != d.pages[page-1].Marks.Damaged || !kept && (len(d.pages[page-1].Marks.Codes) > 0 || i > 0 && page != l.Pages[i-1]+1) {
				s.violated("scan %d: pages %v are no letter", d.number, l.Pages)
			}
		}
	}
}

func (s *simulation) letterPages(duplex bool) (pages []separator.Page) {
	for range 1 + s.chance.IntN(3) {
		pages = append(pages, separator.Page{})
		if duplex {
			pages = append(pages, separator.Page{Blank: s.oneIn(2)})
		}
	}
	return pages
}

// stackPages lays letters on each other, with sheets between them. If it is odd
// there is something for which a person must look at it.
func (s *simulation) stackPages(helpline string, duplex, odd bool) (pages []separator.Page) {
	letters := 2 + s.chance.IntN(3)
	lay := func(code separator.Code) {
		pages = append(pages, separator.Page{Marks: separator.Marks{Codes: []separator.Code{code}}})
		if duplex && s.oneIn(2) {
			pages = append(pages, separator.Page{Blank: true})
		} else if duplex {
			pages = append(pages, separator.Page{Marks: separator.Marks{Codes: []separator.Code{code.On(separator.Back)}}})
		}
	}
	what := ""
	if odd {
		what = []string{"count", "damaged", "covered", "two sheets", "other helpline", "one side"}[s.chance.IntN(6)]
	}
	if what == "count" || s.oneIn(2) {
		said := letters
		if what == "count" {
			said += 1 + s.chance.IntN(3)
		}
		lay(separator.Code{Kind: separator.Cover, Helpline: helpline, Side: separator.Front, Letters: said, Stack: "AAAAAAAA"})
	}
	for n := range letters {
		pages = append(pages, s.letterPages(duplex)...)
		if n == letters-1 {
			break
		}
		code := separator.NewSeparator(helpline)
		if what == "other helpline" {
			code.Helpline = "another-line"
		}
		first := len(pages)
		lay(code)
		switch what {
		case "damaged":
			pages[first].Marks = separator.Marks{Damaged: true}
		case "covered":
			pages[first].Marks.Damaged = true
		case "two sheets":
			lay(code)
		}
	}
	if what == "one side" {
		pages = append(pages, separator.Page{})
	}
	return pages
}

// flags are what the workshop sees on those pages, numbered anew, and which of them
// may be sheets.
func (d *simScan) flags(pages, kept []int) (flags letter.Flags) {
	for i, page := range pages {
		if d.pages[page-1].Blank {
			flags = flags.Add(i+1, letter.Blank)
		}
		if slices.Contains(kept, page) {
			flags = flags.Add(i+1, letter.MaybeSheet)
		}
	}
	return flags
}

// cleanPDF is a clean PDF of those pages.
func (d *simScan) cleanPDF(pages []int, repaired bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%%PDF-clean %d %t\n", d.number, repaired)
	for _, page := range pages {
		b.WriteString(d.texts[page-1])
	}
	b.WriteString("%%EOF\n")
	return b.Bytes()
}

// readClean tells whose pages are in a clean PDF. It fails unless it holds
// nothing but pages of one scan, each as it was.
func (s *simulation) readClean(data []byte) (d *simScan, pages []int, repaired bool, err error) {
	lines := strings.SplitAfter(string(data), "\n")
	words := strings.Fields(lines[0])
	if len(words) != 3 || len(lines) < 4 || lines[len(lines)-2] != "%%EOF\n" || lines[len(lines)-1] != "" {
		return nil, nil, false, errors.New("it is not whole")
	}
	number, err := strconv.Atoi(words[1])
	if d = s.byNumber[number]; err != nil || d == nil {
		return nil, nil, false, errors.New("it is nobody's")
	}
	for _, line := range lines[1 : len(lines)-2] {
		page := slices.Index(d.texts, line) + 1
		if page == 0 {
			return nil, nil, false, fmt.Errorf("it holds what is no page of scan %d", d.number)
		}
		pages = append(pages, page)
	}
	return d, pages, words[2] == "true", nil
}

func allPages(d *simScan) (pages []int) {
	for page := range d.pages {
		pages = append(pages, page+1)
	}
	return pages
}

// letterOf is the letter that those pages are, by a way of telling letters apart
// that people have allowed.
func (d *simScan) letterOf(pages []int) (separator.Letter, bool) {
	if n := d.sheets.find(pages); n >= 0 && (!d.asked || d.split > 0) {
		return d.sheets[n], true
	}
	if n := d.byHand.find(pages); n >= 0 && d.cut > 0 {
		return d.byHand[n], true
	}
	return separator.Letter{}, false
}

// taken is how many copies of the scan have become letters: each of those
// letters once, and no other.
func (d *simScan) taken() (int, error) {
	for copies := range max(0, d.dropped) + d.same + 2 {
		for sheets := range copies + 1 {
			if d.isTaken(sheets, copies-sheets) {
				return copies, nil
			}
		}
	}
	return 0, fmt.Errorf("not all letters were taken, or some twice: %v", d.found)
}

// isTaken reports whether what the server has verified is so many copies, cut at
// the sheets and by hand.
func (d *simScan) isTaken(sheets, byHand int) bool {
	if len(d.sheets) == 0 && sheets > 0 || len(d.byHand) == 0 && byHand > 0 {
		return false
	}
	for _, l := range slices.Concat(d.sheets, d.byHand) {
		pages := fmt.Sprint(l.Pages)
		if d.found[pages] != sheets*d.sheets.holds(pages)+byHand*d.byHand.holds(pages) {
			return false
		}
	}
	return true
}
