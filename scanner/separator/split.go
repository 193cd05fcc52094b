package separator

import (
	"errors"
	"slices"

	"letterlock/scanner/letter"
)

// Split cuts a stack that lay in the helpline's folder into letters.
//
// A scan without any sheet is one letter. Else the pages between the sheets are
// letters in their order; sheets and their backs belong to none. A sheet on top
// or at the end of the stack is no mistake, nor is one directly behind the cover
// sheet. Anything else that is odd holds the stack.
//
// What a sheet of paper is depends on how the stack was scanned. DuplexNo: each
// page is one. DuplexYes: pages 1 and 2 are one, 3 and 4 the next; the other side
// of a separator is blank or bears the same sheet's code. DuplexAuto takes a
// stack as scanned on both sides only when that fits everywhere: the number of
// pages is even, and every sheet with a code has a back that is blank or its own.
// If that rests on blank backs alone, without a cover sheet, and the stack holds one
// letter more when each page is a sheet, it is held: the back may be a faint letter.
// A letter without sheets it takes so when each second page, and no other, is
// blank. Otherwise each page counts as a sheet, and a letter's number of sheets
// is marked as uncertain. It supposes that the scanner skips no blank pages.
//
// The error says that helpline, pages or duplex are nothing that can be split; a
// stack that is held is no error.
func Split(helpline string, pages []Page, duplex Duplex) (Batch, error) {
	switch {
	case !letter.ValidName(helpline):
		return Batch{}, errors.New("splitting a stack: not the name of a helpline")
	case len(pages) == 0:
		return Batch{}, errors.New("splitting a stack: it has no pages")
	case !duplex.Valid():
		return Batch{}, errors.New("splitting a stack: duplex is yes, no or auto")
	}
	b := Batch{Helpline: helpline, Duplex: duplex, Sure: true, Pages: pages}
	if duplex == DuplexAuto {
		b.Duplex, b.Sure = guess(pages)
	}
	one := b
	b.read()
	if duplex == DuplexAuto && b.Duplex == DuplexYes && b.Cover == nil && !printedOnBoth(pages) {
		// Nothing but blank pages says that both sides were scanned. One of them may be
		// a letter of one page, of which the scanner saw too little.
		one.Duplex, one.Sure = DuplexNo, false
		if one.read(); len(one.Cuts.Begins) > len(b.Cuts.Begins) {
			b = one // which is held, for a letter that is blank
		}
	}
	if len(b.Held) > 0 {
		return b, nil
	}
	return b.Confirm(b.Cuts)
}

// read finds where the letters are, and what holds the stack.
func (b *Batch) read() {
	uneven := b.Duplex == DuplexYes && len(b.Pages)%2 == 1
	if uneven {
		b.Sure = false
	}
	w := walk{batch: b}
	for _, s := range b.paper() {
		w.sheet(s)
	}
	w.end()
	if uneven && w.met {
		b.Held = append(b.Held, Hold{Reason: SideMissing, Found: len(b.Pages)})
	}
}

// printedOnBoth reports whether a sheet's code was read on both sides of one, which
// proves that both were scanned.
func printedOnBoth(pages []Page) bool {
	for i := 0; i+1 < len(pages); i += 2 {
		if len(pages[i].Marks.Codes) > 0 && len(pages[i+1].Marks.Codes) > 0 {
			return true
		}
	}
	return false
}

// guess tells from the pages how they were scanned, and whether that is proven.
func guess(pages []Page) (duplex Duplex, sure bool) {
	if len(pages) == 1 {
		return DuplexNo, true
	}
	if len(pages)%2 == 1 {
		return DuplexNo, false
	}
	codes, fits := false, true
	blankBacks, blankFronts := 0, 0
	for i := 0; i < len(pages); i += 2 {
		front, back := pages[i], pages[i+1]
		codes = codes || len(front.Marks.Codes)+len(back.Marks.Codes) > 0
		fits = fits && (!front.Marks.any() && !back.Marks.any() || oneSheet(front, back))
		if front.Blank {
			blankFronts++
		}
		if back.Blank {
			blankBacks++
		}
	}
	switch {
	case codes:
		if fits {
			return DuplexYes, true
		}
		return DuplexNo, false
	case blankBacks > 0 && blankFronts == 0:
		return DuplexYes, blankBacks == len(pages)/2
	}
	return DuplexNo, false
}

// oneSheet reports whether two pages, of which one at least is marked, can be
// the sides of one separator or cover sheet.
func oneSheet(a, b Page) bool {
	if !a.Marks.any() || !b.Marks.any() {
		return a.Blank || b.Blank
	}
	for _, one := range a.Marks.Codes {
		for _, other := range b.Marks.Codes {
			if !one.sameSheet(other) || one.Side == other.Side {
				return false
			}
		}
	}
	return true
}

// paper is the stack's pages, sheet by sheet.
func (b *Batch) paper() (sheets [][]int) {
	sides := 1
	if b.Duplex == DuplexYes {
		sides = 2
	}
	for first := 1; first <= len(b.Pages); first += sides {
		var sheet []int
		for n := first; n < first+sides && n <= len(b.Pages); n++ {
			sheet = append(sheet, n)
		}
		sheets = append(sheets, sheet)
	}
	return sheets
}

func (b *Batch) hold(why Reason, page int) {
	for _, h := range b.Held {
		if h.Reason == why && h.Page == page {
			return
		}
	}
	b.Held = append(b.Held, Hold{Reason: why, Page: page})
}

// walk goes through a stack from the top.
type walk struct {
	batch   *Batch
	started bool // some paper has been seen
	met     bool // a sheet, or what may be one, has been seen
	open    bool // a letter has begun
	filled  bool // something is on the letter's pages
	bare    bool // the last paper was a sheet after which a letter has to come
}

// sheet takes the next sheet of paper.
func (w *walk) sheet(pages []int) {
	b := w.batch
	if !slices.ContainsFunc(pages, func(n int) bool { return b.Pages[n-1].Marks.any() }) {
		w.letter(pages)
		return
	}
	code, top, bare := b.inspect(pages), !w.started, w.bare
	for _, n := range pages {
		if p := b.Pages[n-1]; !p.Marks.any() && !p.Blank {
			w.letter([]int{n}) // may be a letter's: not proposed to be left out
			continue
		}
		w.close()
		b.Cuts.LeaveOut = append(b.Cuts.LeaveOut, n)
	}
	if code != nil && bare {
		b.hold(LetterMissing, pages[0])
	}
	cover := code != nil && code.Kind == Cover
	if cover {
		w.cover(*code, pages[0], top)
	}
	w.bare = !w.open && !(cover && top) // a separator may follow the cover at once
	w.started, w.met = true, true
}

// letter takes a sheet of paper that is part of a letter.
func (w *walk) letter(pages []int) {
	b := w.batch
	if !w.open {
		b.Cuts.Begins = append(b.Cuts.Begins, pages[0])
		w.open, w.filled = true, false
	}
	for _, n := range pages {
		w.filled = w.filled || !b.Pages[n-1].Blank
	}
	w.started, w.bare = true, false
}

// close ends a letter that has begun.
func (w *walk) close() {
	if w.open && !w.filled {
		w.batch.hold(LetterMissing, w.batch.Cuts.Begins[len(w.batch.Cuts.Begins)-1])
	}
	w.open = false
}

// cover takes a cover sheet; top says whether it lies on top of the stack.
func (w *walk) cover(code Code, page int, top bool) {
	b := w.batch
	switch {
	case b.Cover != nil:
		b.hold(SecondCover, page)
		return
	case !top:
		b.hold(CoverNotFirst, page)
	}
	front := code.On(Front)
	b.Cover = &front
}

// end is called after the last sheet. One scan without any separator is a
// letter even when it is blank: that is for others to see.
func (w *walk) end() {
	b := w.batch
	if w.met {
		w.close()
	}
	if found := len(b.Cuts.Begins); found == 0 {
		b.hold(LetterMissing, len(b.Pages))
		b.Cuts = Cuts{}
	} else if b.Cover != nil && b.Cover.Letters != found {
		b.Held = append(b.Held, Hold{Reason: CountDiffers, Said: b.Cover.Letters, Found: found})
	}
}

// inspect looks at both sides of a separator or cover sheet, or what may be one,
// and says what is odd about it. It returns the sheet's code, nil when none can
// be read.
func (b *Batch) inspect(pages []int) (code *Code) {
	read := slices.ContainsFunc(pages, func(n int) bool { return len(b.Pages[n-1].Marks.Codes) > 0 })
	for _, n := range pages {
		p := b.Pages[n-1]
		// On a blank back it is the front that shines through.
		switch {
		case p.Marks.Damaged && len(p.Marks.Codes) > 0:
			b.hold(SheetCovered, n)
		case p.Marks.Damaged && !(p.Blank && read):
			b.hold(CodeDamaged, n)
		}
		if !p.Marks.any() && !p.Blank {
			b.hold(SheetWrittenOn, n)
		}
		for i, c := range p.Marks.Codes {
			if c.Helpline != b.Helpline {
				b.hold(OtherHelpline, n)
			}
			switch {
			case code == nil:
				code = &c
			case !code.sameSheet(c), i > 0:
				b.hold(CodesDisagree, n)
			case code.Side == c.Side:
				// Two fronts are two sheets, one behind the other.
				b.hold(LetterMissing, n)
			}
		}
	}
	return code
}
