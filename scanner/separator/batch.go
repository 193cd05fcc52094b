package separator

import (
	"errors"
	"slices"
	"strings"

	"letterlock/scanner/texts"
)

// Marks is what Read finds on a page.
type Marks struct {
	// Codes are the sheets' codes on the page, each once. A page of a letter has
	// none, and somebody else's QR code is none.
	Codes []Code `json:"codes,omitempty"`
	// Damaged: the page has a code of the size and make of a sheet's and none
	// that can be read, or one that only another version can have printed, or one
	// that shines through from the other side. With a code: a part of the sheet is
	// hidden, or has something else on it, so that it may be a page of a letter
	// that lies there.
	Damaged bool `json:"damaged,omitempty"`
}

// any reports whether the page is or could be a side of a sheet.
func (m Marks) any() bool { return m.Damaged || len(m.Codes) > 0 }

// Page is what Split has to know of a page.
type Page struct {
	Marks Marks `json:"marks"`
	Blank bool  `json:"blank,omitempty"` // nothing is on it
}

// Duplex is how a stack was scanned.
type Duplex string

// What a setting can say. See Split for what Auto does.
const (
	DuplexAuto Duplex = "auto"
	DuplexYes  Duplex = "yes" // both sides of every sheet, blank backs too
	DuplexNo   Duplex = "no"  // one side
)

// Valid reports whether d is one of the three words.
func (d Duplex) Valid() bool { return d == DuplexAuto || d == DuplexYes || d == DuplexNo }

// Letter is one letter of a stack.
type Letter struct {
	Pages  []int `json:"pages"`  // from 1, ascending, blank ones included
	Sheets int   `json:"sheets"` // of paper
	Sides  int   `json:"sides"`  // that have something on them
	// Uncertain: Sheets is only the likelier number, because nobody has said
	// whether both sides were scanned and the pages do not prove it, or because a
	// page of it may be a sheet.
	Uncertain bool `json:"uncertain,omitempty"`
	// Kept are those of Pages that may be a sheet, or lie over one.
	Kept []int `json:"kept,omitempty"`
}

// Cuts is where a stack is cut into letters.
type Cuts struct {
	Begins   []int `json:"begins"`              // the pages at which a letter begins, ascending from 1
	LeaveOut []int `json:"leave_out,omitempty"` // the pages that belong to no letter: the sheets and their backs
	// Kept are doubtful pages that stay with the letter before them, or with the first
	// letter when there is none before, whatever is left out in between. Where no letter
	// begins they are one.
	Kept []int `json:"kept,omitempty"`
	// Despite are pages that are a letter's although a sheet's code is on them: a person
	// has looked and said so of each. Begins and LeaveOut hold for them as for any page.
	Despite []int `json:"despite,omitempty"`
}

// Batch is a stack cut into letters, or held.
type Batch struct {
	// Letters in the stack's order; none as long as the stack is held.
	Letters []Letter `json:"letters,omitempty"`
	// Held is why a person has to look; empty when there is no need to.
	Held []Hold `json:"held,omitempty"`
	// Cuts is how the stack was cut, or, of one that is held, what a person may
	// be shown as a proposal. Of a stack that holds nothing but sheets there is
	// none.
	Cuts Cuts `json:"cuts"`
	// Cover is the stack's cover sheet, if it has one.
	Cover *Code `json:"cover,omitempty"`

	Helpline string `json:"helpline"` // in whose folder the stack lay
	Duplex   Duplex `json:"duplex"`   // as it was taken: yes or no
	Sure     bool   `json:"sure"`     // whether Duplex was said, or proven by the pages
	Pages    []Page `json:"pages"`
}

// WasCut reports whether the stack had sheets in it. A scan of one letter has
// none.
func (b Batch) WasCut() bool { return len(b.Cuts.LeaveOut) > 0 || len(b.Cuts.Begins) > 1 }

// Reason is why a stack is held.
type Reason string

// The reasons.
const (
	CodeDamaged    Reason = "code-damaged"     // a sheet, or what may be one, cannot be read
	SheetCovered   Reason = "sheet-covered"    // something lies over a sheet, or a large part of it is missing
	CodesDisagree  Reason = "codes-disagree"   // two different codes on one page, or on the two sides of a sheet
	OtherHelpline  Reason = "other-helpline"   // another helpline's sheet
	SheetWrittenOn Reason = "sheet-written-on" // the other side of a sheet is neither blank nor the sheet's
	LetterMissing  Reason = "letter-missing"   // two sheets with no letter, or only blank pages, between them
	CountDiffers   Reason = "count-differs"    // the cover sheet says another number of letters
	CoverNotFirst  Reason = "cover-not-first"  // a cover sheet in the middle of a stack
	SecondCover    Reason = "second-cover"     // two stacks became one
	SideMissing    Reason = "side-missing"     // both sides are scanned, but the number of pages is odd
)

// Hold is one thing that a person has to look at.
type Hold struct {
	Reason Reason `json:"reason"`
	Page   int    `json:"page,omitempty"`  // where it was seen; 0 when it is about the whole stack
	Said   int    `json:"said,omitempty"`  // of CountDiffers: the letters that the cover sheet announces
	Found  int    `json:"found,omitempty"` // of CountDiffers: the letters that were found; of SideMissing: the pages
}

// Says is the reason in a plain sentence, and what to do.
func (h Hold) Says(l *texts.Language) string {
	return l.Text(texts.Say("hold."+string(h.Reason), "page", h.Page, "said", h.Said, "found", h.Found))
}

// Says is all that a person has to look at, in plain sentences; "" for nothing.
func (b Batch) Says(l *texts.Language) string {
	var all []string
	for _, h := range b.Held {
		all = append(all, h.Says(l))
	}
	return strings.Join(all, " ")
}

// Boundaries are the pages that a person has to see to judge the cuts,
// ascending: those left out, and for each place where a letter begins or ends
// the pages before and after it, and any page that a Hold names.
func (b Batch) Boundaries() []int {
	var out []int
	see := func(n int) {
		if n >= 1 && n <= len(b.Pages) {
			out = append(out, n)
		}
	}
	for _, n := range b.Cuts.LeaveOut {
		see(n - 1)
		see(n)
		see(n + 1)
	}
	for _, n := range b.Cuts.Begins {
		see(n - 1)
		see(n)
	}
	for _, h := range b.Held {
		see(h.Page)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Doubtful are the pages, ascending, that Cuts do not give to a letter although they
// may be a letter's: nothing that can be read shows that they are sheets, or something
// lies over one. A person says what they are; no default may.
func (b Batch) Doubtful() (pages []int) {
	for _, h := range b.Held {
		if h.Reason == CodeDamaged || h.Reason == SheetCovered {
			pages = append(pages, h.Page)
		}
	}
	slices.Sort(pages)
	return slices.Compact(pages)
}

// Coded are the pages, ascending, that bear a sheet's code.
func (b Batch) Coded() (pages []int) {
	for n, p := range b.Pages {
		if len(p.Marks.Codes) > 0 {
			pages = append(pages, n+1)
		}
	}
	return pages
}

// AtSheets is Cuts for a person who has said that the stack is to be split at its
// sheets, and no word about the doubtful pages: those are kept. A sheet too many at the
// end of a letter harms nobody; a page too few may be all there was.
func (b Batch) AtSheets() Cuts {
	cuts := Cuts{Begins: b.Cuts.Begins, Kept: b.Doubtful()}
	for n := range b.Pages {
		n++
		sheet := len(cuts.Begins) == 0 || slices.Contains(b.Cuts.LeaveOut, n)
		if sheet && !slices.Contains(cuts.Kept, n) {
			cuts.LeaveOut = append(cuts.LeaveOut, n)
		}
	}
	return cuts
}

// What is wrong with a person's cuts.
var (
	ErrCutsOrder  = errors.New("the pages are not in ascending order, or not in this stack")
	ErrCutsSheet  = errors.New("a separator or cover sheet would become part of a letter")
	ErrCutsBegin  = errors.New("a letter has to begin on the first page, and on the page after one that is left out")
	ErrCutsNobody = errors.New("a letter cannot begin on a page that is left out")
	ErrCutsNone   = errors.New("there has to be at least one letter")
	ErrCutsKept   = errors.New("only a page that may be a letter's or a sheet is kept, and no letter begins on it")
	ErrCutsCode   = errors.New("only a page that bears a sheet's code, and is not left out, is a letter's despite it")
)

// Confirm cuts the stack as a person says who has looked at it. Whatever held
// it is then answered. The same must hold as of a stack that nobody had to look
// at, or the error is one of those above: each page is in one letter or left
// out, no sheet is in a letter, no letter reaches over a page that is left out, but
// for pages that are kept, and for those with a code of which the person has said that
// they are a letter's.
func (b Batch) Confirm(cuts Cuts) (Batch, error) {
	n := len(b.Pages)
	for _, pages := range [...][]int{cuts.Begins, cuts.LeaveOut, cuts.Kept, cuts.Despite} {
		if !ascending(pages, n) {
			return Batch{}, ErrCutsOrder
		}
	}
	if len(cuts.Begins)+len(cuts.Kept) == 0 {
		return Batch{}, ErrCutsNone
	}
	doubtful, coded := b.Doubtful(), b.Coded()
	open := false // whether a letter could go on with this page
	for page := 1; page <= n; page++ {
		out, begins := slices.Contains(cuts.LeaveOut, page), slices.Contains(cuts.Begins, page)
		code, despite := slices.Contains(coded, page), slices.Contains(cuts.Despite, page)
		if slices.Contains(cuts.Kept, page) {
			if out || begins || despite || !slices.Contains(doubtful, page) {
				return Batch{}, ErrCutsKept
			}
			open = false
			continue
		}
		switch {
		case out && begins:
			return Batch{}, ErrCutsNobody
		case despite && (out || !code):
			return Batch{}, ErrCutsCode
		case code && !out && !despite:
			return Batch{}, ErrCutsSheet
		case !out && !begins && !open:
			return Batch{}, ErrCutsBegin
		}
		open = !out
	}
	b.Held, b.Cuts = nil, cuts
	b.Letters = b.cut(cuts)
	return b, nil
}

func ascending(pages []int, n int) bool {
	last := 0
	for _, p := range pages {
		if p <= last || p > n {
			return false
		}
		last = p
	}
	return true
}

// cut makes the letters of cuts that are sound.
func (b Batch) cut(cuts Cuts) []Letter {
	letters := make([]Letter, max(len(cuts.Begins), 1))
	begun := 0
	for page := range b.Pages {
		page++
		if slices.Contains(cuts.Begins, page) {
			begun++
		}
		if slices.Contains(cuts.LeaveOut, page) {
			continue
		}
		l := &letters[max(begun, 1)-1]
		l.Pages = append(l.Pages, page)
		if slices.Contains(cuts.Kept, page) || slices.Contains(cuts.Despite, page) {
			l.Kept = append(l.Kept, page)
		}
	}
	for i := range letters {
		letters[i].count(b.Pages, b.Duplex, b.Sure)
	}
	return letters
}

// count counts the letter's sheets and sides.
func (l *Letter) count(pages []Page, duplex Duplex, sure bool) {
	sheets := map[int]bool{}
	for _, n := range l.Pages {
		if duplex == DuplexYes {
			sheets[(n+1)/2] = true // pages 1 and 2 are the two sides of the first sheet
		} else {
			sheets[n] = true
		}
		if !pages[n-1].Blank {
			l.Sides++
		}
	}
	l.Sheets = len(sheets)
	// A person's cut may go between the two sides of a sheet.
	first, last := l.Pages[0], l.Pages[len(l.Pages)-1]
	torn := duplex == DuplexYes && (first%2 == 0 || last%2 == 1)
	l.Uncertain = len(l.Pages) > 1 && (!sure || torn || len(l.Kept) > 0)
}
