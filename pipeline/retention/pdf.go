package retention

import (
	"io"
	"strconv"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

const (
	margin = 18.0           // of a page, in millimetres
	width  = 210 - 2*margin // of its text
	line   = 5.5            // height of a line
	first  = width * 0.52   // of a table's first column
)

// PDF writes the sheet for printing and signing: A4, in a font that every
// printer has. The same sheet gives the same bytes.
func (s Sheet) PDF(to io.Writer) error {
	d := fpdf.New("P", "mm", "A4", "")
	d.SetMargins(margin, margin, margin)
	d.SetAutoPageBreak(true, margin)
	d.SetCreationDate(time.Unix(0, 0).UTC())
	d.SetModificationDate(time.Unix(0, 0).UTC())
	d.SetCatalogSort(true)
	text := d.UnicodeTranslatorFromDescriptor("") // the standard fonts know cp1252 only
	d.SetTitle(s.Title, true)
	d.SetFooterFunc(func() {
		d.SetY(-margin + 4)
		d.SetFont("Helvetica", "", 8)
		d.CellFormat(0, 4, text(s.Title)+", page "+strconv.Itoa(d.PageNo()), "", 0, "R", false, 0, "")
	})
	d.AddPage()
	p := printer{d, text}
	p.heading(s.Title, 15)
	p.paragraphs(s.Says)
	if len(s.Wrong) > 0 {
		p.heading("These counts do not add up", 12)
		p.paragraphs(s.Wrong)
	}
	for _, t := range s.Tables {
		p.table(t)
	}
	p.heading(s.Heading, 12)
	p.paragraphs(s.Rows)
	p.signatures("Helplines’ manager", "Data-protection officer")
	return d.Output(to)
}

// printer lays the parts of a sheet out one below the other.
type printer struct {
	*fpdf.Fpdf
	text func(string) string
}

func (p printer) heading(says string, size float64) {
	p.Ln(3)
	p.SetFont("Helvetica", "B", size)
	p.MultiCell(width, line+1.5, p.text(says), "", "L", false)
	p.Ln(1)
}

func (p printer) paragraphs(says []string) {
	p.SetFont("Helvetica", "", 9.5)
	for _, one := range says {
		p.MultiCell(width, line-0.8, p.text(one), "", "L", false)
		p.Ln(1)
	}
}

func (p printer) table(t Table) {
	p.heading(t.Caption, 12)
	p.SetFont("Helvetica", "B", 9)
	column := (width - first) / float64(max(1, len(t.Head)))
	p.CellFormat(first, line, "", "B", 0, "L", false, 0, "")
	for _, name := range t.Head {
		p.CellFormat(column, line, p.fitted(name, column), "B", 0, "R", false, 0, "")
	}
	p.Ln(line)
	for _, r := range t.Rows {
		style, border := "", ""
		if r.Sum {
			style, border = "B", "T"
		}
		p.SetFont("Helvetica", style, 9)
		p.CellFormat(first, line, p.fitted(r.Says, first), border, 0, "L", false, 0, "")
		for _, n := range r.Cells {
			p.CellFormat(column, line, strconv.Itoa(n), border, 0, "R", false, 0, "")
		}
		p.Ln(line)
	}
}

// fitted is the text, cut off where a column is too narrow for it.
func (p printer) fitted(says string, column float64) string {
	out := p.text(says)
	for p.GetStringWidth(out) > column-2 && len(out) > 1 {
		out = out[:len(out)-1]
	}
	return out
}

func (p printer) signatures(who ...string) {
	p.Ln(14)
	p.SetFont("Helvetica", "", 9)
	for _, name := range who {
		p.CellFormat(width/float64(len(who))-6, line, p.text("Seen by the "+lower(name)+", on"), "T", 0, "L", false, 0, "")
		p.CellFormat(6, line, "", "", 0, "L", false, 0, "")
	}
	p.Ln(line)
}

func lower(s string) string { return string(s[0]+'a'-'A') + s[1:] }
