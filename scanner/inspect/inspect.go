// Package inspect is the second opinion on a clean PDF: another program than
// the one that made it draws every page, and what it draws is held against the
// scan. What a reader should know of a page is found on the way: that it is
// blank, lies askew, was scanned too coarsely. Nothing is ever removed for that.
//
// Pages are drawn once, at 100 dots per inch in grey, by a child process
// (scanner/page); all that is told of them is derived from that. One page is in
// memory at a time, and the next one on its way.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"

	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// DPI is the resolution in which pages are drawn and shown to See: fine enough
// for a code with modules of a millimetre, and for a pencil line.
const DPI = 100

// Inspector looks at clean PDFs. Renderer must be set.
type Inspector struct {
	Renderer *page.Renderer
	// See, if set, is called with each page once, in order, from 1: what a reader
	// sees of it at DPI dots per inch, fewer where the page is a poster. The
	// picture is See's to keep.
	See func(page int, img *image.Gray)
	// Progress, if set, is called after each page.
	Progress func(done, pages int)
}

// Scan is what is known of the scan from which a clean PDF was made: the file
// itself when it is a PDF, which PDFium can draw as well, or else what was seen
// when its pictures were decoded (pdf.Result).
type Scan struct {
	PDF   *os.File
	Looks []pdf.Look
}

// Findings are what readers should know, of those pages alone of which there is
// something to know, in order.
type Findings struct{ Pages []Page }

// Page is what is to know of one page.
type Page struct {
	Number int // from 1
	Flags  []letter.Flag
	DPI    int     // of its picture; 0 when it is none
	Skew   float64 // degrees by which its lines fall to the right; 0 when that cannot be told
}

// Flags are the findings as a manifest holds them.
func (f Findings) Flags() (flags letter.Flags) {
	for _, p := range f.Pages {
		for _, flag := range p.Flags {
			flags = flags.Add(p.Number, flag)
		}
	}
	return flags
}

// Inspect looks at every page of the clean PDF. Both files are open for reading
// and stay where they are.
//
// The error is a *pdf.Refusal when the clean PDF does not show what the scan
// showed (pdf.NotAsScanned), or when PDFium cannot draw a scan that is a PDF
// (pdf.Damaged); the tolerances are those of samePage and sameLook. It is ctx's
// when ctx ends first; anything else is not the scan's fault. A child that dies
// once on a page is not enough for a refusal: somebody may have killed it.
func (i Inspector) Inspect(ctx context.Context, clean *os.File, scan Scan) (Findings, error) {
	if (scan.PDF == nil) == (scan.Looks == nil) {
		return Findings{}, errors.New("inspecting a clean PDF: exactly one way to know the scan is needed")
	}
	laying, stop := context.WithCancel(ctx)
	defer stop()
	sheets := make(chan sheet)
	t := &table{renderer: i.Renderer, clean: clean, scan: scan}
	go t.lay(laying, sheets)
	var f Findings
	for s := range sheets {
		if s.err != nil {
			return Findings{}, fmt.Errorf("inspecting a clean PDF: %w", s.err)
		}
		p, err := look(s, scan)
		if err != nil {
			return Findings{}, err
		}
		if len(p.Flags) > 0 {
			f.Pages = append(f.Pages, p)
		}
		if i.See != nil {
			i.See(s.number, s.clean)
		}
		if i.Progress != nil {
			i.Progress(s.number, s.of)
		}
	}
	if err := ctx.Err(); err != nil {
		return Findings{}, err // not all pages may have come
	}
	return f, nil
}

// look compares one page and finds what is to know of it.
func look(s sheet, scan Scan) (Page, error) {
	same := false
	if scan.PDF != nil {
		same = samePage(s.scan, s.clean)
	} else {
		same = sameLook(scan.Looks[s.number-1], s.clean)
	}
	if !same {
		return Page{}, &pdf.Refusal{Code: pdf.NotAsScanned, Page: s.number}
	}
	p := Page{Number: s.number, DPI: s.DPI}
	paper := newPaper(s.clean, s.dotsPerInch())
	switch ink := paper.written(); {
	case ink < nearlyBlank && darkness(s.clean) > mostlyBlack:
		p.Flags = append(p.Flags, letter.MostlyBlack) // whatever it is, it is not blank paper
	case ink == 0:
		p.Flags = append(p.Flags, letter.Blank)
	case ink < nearlyBlank:
		p.Flags = append(p.Flags, letter.NearlyBlank)
	}
	if p.Skew = paper.skew(); p.Skew > maxSkew || p.Skew < -maxSkew {
		p.Flags = append(p.Flags, letter.Skewed)
	}
	if p.DPI > 0 && p.DPI < minDPI {
		p.Flags = append(p.Flags, letter.LowResolution)
	}
	return p, nil
}

const (
	// minDPI is the lowest resolution that is not flagged. Below 200 is what is
	// meant, but 196 is what faxes call 200, and rounding takes some.
	minDPI = 195
	// maxSkew is the largest skew in degrees that is not flagged. People do not
	// notice less.
	maxSkew = 2.0
	// nearlyBlank is how much ink in square millimetres is next to nothing: a
	// page number, a short word, a pencil line of eight centimetres.
	nearlyBlank = 40.0
	// mostlyBlack is the part of a page from which on its black is no border: more
	// than the dark lid around a sheet of half the size.
	mostlyBlack = 0.6
)

// refusal turns what PDFium could not draw into a refusal of the scan, and
// leaves other errors as they are.
func refusal(err error, code pdf.Code, number int) error {
	if errors.Is(err, page.ErrRender) {
		return &pdf.Refusal{Code: code, Page: number}
	}
	return err
}
