package retention

import (
	"io"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/text/encoding/charmap"

	"letterlock/pipeline/texts"
)

const (
	margin = 18.0           // of a page, in millimetres
	width  = 210 - 2*margin // of its text
	line   = 5.5            // height of a line
	first  = width * 0.52   // of a table's first column
)

// PDF writes the sheet for printing and signing, in that language: A4, in a font that
// every printer has, or, where the language has other letters than that font, in one that
// is embedded: it has those of Latin, Greek and Cyrillic. The same sheet gives the same
// bytes.
func (s Sheet) PDF(to io.Writer, l *texts.Language) error {
	d := fpdf.New("P", "mm", "A4", "")
	d.SetMargins(margin, margin, margin)
	d.SetAutoPageBreak(true, margin)
	d.SetCreationDate(time.Unix(0, 0).UTC())
	d.SetModificationDate(time.Unix(0, 0).UTC())
	d.SetCatalogSort(true)
	p := newPrinter(d, l, s.allSaid(l))
	d.SetTitle(l.Text(s.Title), true)
	d.SetFooterFunc(func() {
		d.SetY(-margin + 4)
		d.SetFont(p.face, "", 8)
		d.CellFormat(0, 4, p.text(l.Text(texts.Say("retention-record.page", "title", s.Title, "page", d.PageNo()))), "", 0, "R", false, 0, "")
	})
	d.AddPage()
	p.heading(s.Title, 15)
	p.paragraphs(s.Says)
	if len(s.Wrong) > 0 {
		p.heading(texts.Say("retention-record.do-not-add-up"), 12)
		p.paragraphs(s.Wrong)
	}
	for _, t := range s.Tables {
		p.table(t)
	}
	p.heading(s.Heading, 12)
	p.paragraphs(s.Rows)
	p.signatures(texts.Say("retention-record.seen-by-manager"), texts.Say("retention-record.seen-by-dpo"))
	return d.Output(to)
}

// allSaid is whatever the sheet says, for the choice of a font.
func (s Sheet) allSaid(l *texts.Language) string {
	var all strings.Builder
	if err := s.CSV(&all, l); err != nil {
		panic(err) // it is in memory
	}
	for _, id := range []texts.Text{texts.Say("retention-record.seen-by-manager"), texts.Say("retention-record.seen-by-dpo"),
		texts.Say("retention-record.do-not-add-up"), texts.Say("retention-record.page", "title", s.Title, "page", 1)} {
		all.WriteString(l.Text(id))
	}
	return all.String()
}

// printer lays the parts of a sheet out one below the other.
type printer struct {
	*fpdf.Fpdf
	language *texts.Language
	face     string
	text     func(string) string // as the font takes it
}

func newPrinter(d *fpdf.Fpdf, l *texts.Language, all string) printer {
	// The standard fonts know this code page only.
	if _, err := charmap.Windows1252.NewEncoder().String(all); err == nil {
		return printer{d, l, "Helvetica", d.UnicodeTranslatorFromDescriptor("")}
	}
	d.AddUTF8FontFromBytes("Go", "", goregular.TTF)
	d.AddUTF8FontFromBytes("Go", "B", gobold.TTF)
	return printer{d, l, "Go", func(s string) string { return s }}
}

func (p printer) heading(says texts.Text, size float64) {
	p.Ln(3)
	p.SetFont(p.face, "B", size)
	p.MultiCell(width, line+1.5, p.text(p.language.Text(says)), "", "L", false)
	p.Ln(1)
}

func (p printer) paragraphs(says []texts.Text) {
	p.SetFont(p.face, "", 9.5)
	for _, one := range says {
		p.MultiCell(width, line-0.8, p.text(p.language.Text(one)), "", "L", false)
		p.Ln(1)
	}
}

func (p printer) table(t Table) {
	p.heading(t.Caption, 12)
	p.SetFont(p.face, "B", 9)
	column := (width - first) / float64(max(1, len(t.Head)))
	head := [][]string{nil}
	for _, name := range t.Head {
		head = append(head, p.wrapped(name, column))
	}
	p.row(head, column, "B")
	for _, r := range t.Rows {
		style, border := "", ""
		if r.Sum {
			style, border = "B", "T"
		}
		p.SetFont(p.face, style, 9)
		cells := [][]string{p.wrapped(r.Says, first)}
		for _, n := range r.Cells {
			cells = append(cells, []string{strconv.Itoa(n)})
		}
		p.row(cells, column, border)
	}
}

// row is a row of a table, as high as the highest of its cells, each of which is given
// by its lines and ends with the row. It stands on one page.
func (p printer) row(cells [][]string, column float64, border string) {
	high := 1
	for _, lines := range cells {
		high = max(high, len(lines))
	}
	if _, page := p.GetPageSize(); p.GetY()+float64(high)*line > page-margin {
		p.AddPage()
	}
	for n := range high {
		edge := ""
		if border == "T" && n == 0 || border == "B" && n == high-1 {
			edge = border
		}
		for i, lines := range cells {
			says, wide, align := "", column, "R"
			if i == 0 {
				wide, align = first, "L"
			}
			if at := n - high + len(lines); at >= 0 {
				says = lines[at]
			}
			p.CellFormat(wide, line, p.text(says), edge, 0, align, false, 0, "")
		}
		p.Ln(line)
	}
}

// wrapped is the text in lines that fit into a column. A word that is longer than a line
// goes on in the next.
func (p printer) wrapped(says texts.Text, column float64) (lines []string) {
	fits := func(s string) bool { return p.GetStringWidth(p.text(s)) <= column-2 }
	now := ""
	for _, word := range strings.Fields(p.language.Text(says)) {
		if with := strings.TrimSpace(now + " " + word); fits(with) {
			now = with
			continue
		}
		if now != "" {
			lines = append(lines, now)
		}
		rest := []rune(word)
		for !fits(string(rest)) && len(rest) > 1 {
			n := len(rest) - 1
			for ; n > 1 && !fits(string(rest[:n])); n-- {
			}
			lines, rest = append(lines, string(rest[:n])), rest[n:]
		}
		now = string(rest)
	}
	return append(lines, now)
}

func (p printer) signatures(who ...texts.Text) {
	p.Ln(14)
	p.SetFont(p.face, "", 9)
	for _, seen := range who {
		p.CellFormat(width/float64(len(who))-6, line, p.text(p.language.Text(seen)), "T", 0, "L", false, 0, "")
		p.CellFormat(6, line, "", "", 0, "L", false, 0, "")
	}
	p.Ln(line)
}
