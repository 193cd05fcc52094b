package separator

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"letterlock/scanner/texts"
)

// Paper is what the sheets are printed on.
type Paper string

// The kinds of paper.
const (
	A4       Paper = "a4"
	USLetter Paper = "letter"
)

// size is the paper's width and height in millimetres.
func (p Paper) size() (width, height float64, err error) {
	switch p {
	case A4:
		return 210, 297, nil
	case USLetter:
		return 215.9, 279.4, nil
	}
	return 0, 0, fmt.Errorf("paper is %s or %s", A4, USLetter)
}

// Sheet is one sheet to print.
type Sheet struct {
	Code  Code   // whose Side does not matter: both are printed
	Title string // what people call the helpline
}

// Print writes a PDF with two pages for each sheet, its front and its back, to
// be printed on both sides at true size; viewers that heed it are told so. On
// each page are six copies of the code, in two rows at the ends of the page, and
// the words twice, so that it can be read either way up, and bars and marks by which it
// is known when none of the codes can be read. The bytes depend on the sheets, the
// paper and the words of the language only. It fails where the font has no letters for
// that language: it has those of Latin, Greek and Cyrillic.
func Print(w io.Writer, paper Paper, language *texts.Language, sheets []Sheet) error {
	width, height, err := paper.size()
	if err != nil {
		return err
	}
	p := press{
		document: &document{}, paper: paper, language: language, width: width, height: height,
		bold: newTypeface(gobold.TTF), regular: newTypeface(goregular.TTF),
		contents: map[Sheet]drawn{},
	}
	p.pages, p.resources = p.document.promise(), p.document.promise()
	var kids strings.Builder
	for _, s := range sheets {
		for _, side := range []Side{Front, Back} {
			page, err := p.page(Sheet{s.Code.On(side), s.Title})
			if err != nil {
				return err
			}
			fmt.Fprintf(&kids, "%d 0 R ", page)
		}
	}
	d := p.document
	d.objects[p.pages-1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", 2*len(sheets), kids.String())
	d.objects[p.resources-1] = fmt.Sprintf("<</Bold %d 0 R/Regular %d 0 R>>",
		p.bold.embed(d, "GoBold"), p.regular.embed(d, "GoRegular"))
	return d.write(w, d.object(fmt.Sprintf(
		"<</Type/Catalog/Pages %d 0 R/Lang(%s)/ViewerPreferences<</PrintScaling/None/Duplex/DuplexFlipLongEdge>>>>", p.pages, language.Tag())))
}

// press prints the pages of one document.
type press struct {
	document         *document
	paper            Paper
	language         *texts.Language
	width, height    float64 // of the paper, millimetres
	bold, regular    *typeface
	pages, resources int // numbers of the page tree and of the fonts' dictionary

	contents map[Sheet]drawn // equal pages are stored once
}

// drawn is a page's content: the numbers of its stream and of its code.
type drawn struct{ contents, code int }

const pointsPerMM = 72 / 25.4

// page adds a page and returns its object number.
func (p *press) page(s Sheet) (int, error) {
	c, known := p.contents[s]
	if !known {
		m, err := encode(s.Code)
		if err != nil {
			return 0, err
		}
		words := p.words(s)
		for _, l := range words {
			if !l.face.has(l.text) {
				return 0, fmt.Errorf("the font of the sheets has no letters for the language %s: set [scanner] language to one in Latin, Greek or Cyrillic letters", p.language.Tag())
			}
		}
		c = drawn{p.document.stream("", []byte(p.draw(words))), p.code(m)}
		p.contents[s] = c
	}
	return p.document.object(fmt.Sprintf(
		"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %.2f %.2f]/Resources<</Font %d 0 R/XObject<</Code %d 0 R>>>>/Contents %d 0 R>>",
		p.pages, p.width*pointsPerMM, p.height*pointsPerMM, p.resources, c.code, c.contents)), nil
}

// code adds a code, one unit for each module, with its quiet zone.
func (p *press) code(m matrix) int {
	var b strings.Builder
	for y, row := range m {
		for x := 0; x < modules; x++ {
			start := x
			for x < modules && row[x] {
				x++
			}
			if x > start {
				// A hair too high, so that no viewer shows a seam between rows.
				fmt.Fprintf(&b, "%d %d %d 1.02 re\n", quiet+start, quiet+modules-1-y, x-start)
			}
		}
	}
	const edge = modules + 2*quiet
	return p.document.stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 %d %d]", edge, edge), []byte(b.String()+"f\n"))
}

// Places on a page, in millimetres.
const (
	margin    = 11.0 // what every printer can print on, and the code's quiet zone
	topOfWord = 26.0 // below the codes

	barWide = 22.0 // of the bars on both sides
	barHigh = 9.0  // of the lowest; they stand on each other
	beside  = 4.0  // between bars and words
)

// bars are those beside the words, from the middle of the page to its ends, one
// barHigh each. They are the same on either side and both ways up. Their rhythm is
// no table's, and so coarse that it outlives what makes a code unreadable.
var bars = [...]bool{true, true, false, true, false, false, true, true}

// marks are the upper left corners, in millimetres, of the marks in the middle of a
// sheet: the corner pattern of a code, alone. Read takes a page with one for a sheet
// that is damaged, so they are all that has to be seen of it where a copier or another
// paper has left out or covered both rows of codes. They lie the same both ways up. A
// code's corners must not stand like three of them: they are a code's width and more
// apart, or less than two thirds of it.
func (p Paper) marks() (at []point) {
	const wide = 7 * moduleMM
	w, h, _ := p.size()
	both := func(x, y float64) {
		at = append(at, point{x, y}, point{w - wide - x, h - wide - y})
	}
	// In the gap between the bars that is twice as high as one, as near the middle of
	// the page as it goes.
	y := h/2 + 4*barHigh + moduleMM
	for _, x := range []float64{margin, margin + barWide - wide} {
		both(x, y)
		both(w-wide-x, y)
	}
	return append(at, p.middleMarks()...)
}

// middleMarks are those at the height of the sheet's middle: in a row, or on the bars
// where the words leave no room between the halves.
func (p Paper) middleMarks() (at []point) {
	const wide = 7 * moduleMM
	w, h, _ := p.size()
	y := h/2 - wide/2
	if p == USLetter {
		x := margin + (barWide-wide)/2
		return []point{{x, y}, {w - wide - x, y}}
	}
	const apart = 27.0
	for i := -2.0; i <= 2; i++ {
		at = append(at, point{w/2 - wide/2 + i*apart, y})
	}
	return at
}

// mark draws a mark: black, white and black again, one within the other, and white around
// them where it lies on a bar.
func (p *press) mark(at point) (drawn string) {
	for i, shade := range []int{1, 0, 1, 0} {
		inset := i - 1
		edge := float64(7-2*inset) * moduleMM * pointsPerMM
		drawn += fmt.Sprintf("%d g %.3f %.3f %.3f %.3f re f\n", shade, (at.x+float64(inset)*moduleMM)*pointsPerMM,
			(p.height-at.y-float64(7-inset)*moduleMM)*pointsPerMM, edge, edge)
	}
	return drawn
}

// draw is a page's content: the upper half, the same upside down, and the marks.
func (p *press) draw(words []line) string {
	half := p.half(words)
	turned := fmt.Sprintf("-1 0 0 -1 %.2f %.2f cm", p.width*pointsPerMM, p.height*pointsPerMM)
	all := half + "q " + turned + "\n" + half + "Q\n"
	for _, at := range p.paper.marks() {
		all += p.mark(at)
	}
	return all
}

// half is the upper half: three codes, and the words below them.
func (p *press) half(words []line) string {
	const edge = modules * moduleMM
	const across = 3
	var b strings.Builder
	gap := (p.width - 2*margin - across*edge) / (across - 1)
	for i := range across {
		x := margin + float64(i)*(edge+gap) - quiet*moduleMM
		y := p.height - margin - edge - quiet*moduleMM
		fmt.Fprintf(&b, "q %.4f 0 0 %.4f %.3f %.3f cm /Code Do Q\n",
			moduleMM*pointsPerMM, moduleMM*pointsPerMM, x*pointsPerMM, y*pointsPerMM)
	}
	for i, black := range bars {
		for _, x := range []float64{margin, p.width - margin - barWide} {
			if black {
				fmt.Fprintf(&b, "%.3f %.3f %.3f %.3f re f\n", x*pointsPerMM, (p.height/2+float64(i)*barHigh)*pointsPerMM,
					barWide*pointsPerMM, barHigh*pointsPerMM)
			}
		}
	}
	y := p.height - margin - edge - topOfWord
	for _, l := range words {
		b.WriteString(p.line(l, y))
		y -= l.below
	}
	return b.String()
}

// line is one line of text, in the middle of the page.
type line struct {
	face   *typeface
	name   string
	points float64 // size of the letters; less when the line is too long
	below  float64 // to the next line, millimetres
	text   string
}

func (p *press) words(s Sheet) []line {
	title := s.Title
	if title == "" || !p.bold.has(title) {
		title = s.Code.Helpline
	}
	say := func(id string, with ...any) string { return p.language.Text(texts.Say(id, with...)) }
	heading, says, use, name := say("separator.heading"), say("separator.says"), say("separator.use"), say("separator.name")
	if s.Code.Kind == Cover {
		heading, says, use, name = say("cover.heading"), say("cover.says", "n", s.Code.Letters), say("cover.use"), say("cover.name", "stack", s.Code.Stack)
	}
	side := say("separator.front")
	if s.Code.Side == Back {
		side = say("separator.back")
	}
	return []line{
		{p.bold, "Bold", 62, 17, heading},
		{p.bold, "Bold", 27, 10.5, says},
		{p.regular, "Regular", 15, 14, use},
		{p.bold, "Bold", 22, 9, title},
		{p.regular, "Regular", 8.5, 0, say("separator.foot", "helpline", s.Code.Helpline, "sheet", name, "side", side)},
	}
}

func (p *press) line(l line, y float64) string {
	shown, width := l.face.glyphs(l.text)
	room := (p.width - 2*(margin+barWide+beside)) * pointsPerMM
	points := min(l.points, room*unitsPerEm/float64(max(width, 1)))
	x := (p.width*pointsPerMM - points*float64(width)/unitsPerEm) / 2
	return fmt.Sprintf("BT /%s %.2f Tf %.2f %.2f Td <%s> Tj ET\n", l.name, points, x, y*pointsPerMM, shown)
}
