package inspect

import (
	"context"
	"errors"
	"image"
	"math"
	"os"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// sheet is a page as it was drawn, of the clean PDF and, when the scan is a PDF
// too, of the scan.
type sheet struct {
	number, of int
	clean      *image.Gray
	scan       *image.Gray
	page.Measures
	err error // instead of all else
}

// dotsPerInch is the resolution of the drawn pages.
func (s sheet) dotsPerInch() float64 {
	return float64(s.clean.Rect.Dx()) / s.Width * perInch
}

// perInch is how many points there are in an inch.
const perInch = 72

// table is where the pages of both documents are laid down side by side.
type table struct {
	renderer *page.Renderer
	clean    *os.File
	scan     Scan

	cleanPages *page.Document
	scanPages  *page.Document // nil when the scan is pictures
}

// lay draws all pages and sends them in order, or the error that ended it. A
// page that cannot be drawn gets a second try with another child.
func (t *table) lay(ctx context.Context, to chan<- sheet) {
	defer close(to)
	defer t.clear()
	for number, retried := 1, 0; ; number++ {
		s, err := t.draw(ctx, number)
		if errors.Is(err, page.ErrRender) && retried != number {
			t.clear()
			retried = number
			number--
			continue
		}
		switch {
		case err != nil:
			s.err = t.judge(err, number)
		case s.number > s.of:
			return
		}
		select {
		case to <- s:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// errPages says that the documents differ in their number of pages.
var errPages = errors.New("number of pages differs")

// scanError marks what went wrong with the scan rather than with the clean PDF.
type scanError struct{ error }

func (e scanError) Unwrap() error { return e.error }

// judge says what an error of page number means.
func (t *table) judge(err error, number int) error {
	if errors.Is(err, errPages) {
		return &pdf.Refusal{Code: pdf.NotAsScanned}
	}
	if t.scanPages == nil && t.cleanPages == nil {
		number = 0 // neither could be opened
	}
	if errors.As(err, new(scanError)) {
		return refusal(err, pdf.Damaged, number)
	}
	return refusal(err, pdf.NotAsScanned, number)
}

// draw draws a page of both documents. A page behind the last gives a sheet
// whose number is larger than of.
func (t *table) draw(ctx context.Context, number int) (sheet, error) {
	if err := t.open(ctx); err != nil {
		return sheet{}, err
	}
	s := sheet{number: number, of: t.cleanPages.Pages()}
	if number > s.of {
		return s, nil
	}
	var err error
	if s.Measures, err = t.cleanPages.Measure(ctx, number); err != nil {
		return sheet{}, err
	}
	if t.scanPages != nil {
		if s.scan, err = t.scanPages.Gray(ctx, number, s.resolution()); err != nil {
			return sheet{}, scanError{err}
		}
	}
	s.clean, err = t.cleanPages.Gray(ctx, number, s.resolution())
	return s, err
}

// resolution is in how many dots per inch a page is drawn: DPI, or so few that a
// poster does not take the memory of ten letters.
func (s sheet) resolution() int {
	const poster = 6_000_000 // dots; A2 has four million at DPI
	if area := s.Width * s.Height * DPI * DPI / (perInch * perInch); area > poster {
		return int(DPI * math.Sqrt(poster/area))
	}
	return DPI
}

// open opens what is not open, both with one child.
func (t *table) open(ctx context.Context) error {
	if t.cleanPages != nil {
		return nil
	}
	clean, err := t.renderer.File(ctx, t.clean)
	if err != nil {
		return err
	}
	pages := len(t.scan.Looks)
	if t.scan.PDF != nil {
		scan, err := clean.Beside(ctx, t.scan.PDF)
		if err != nil {
			clean.Close()
			return scanError{err}
		}
		t.scanPages, pages = scan, scan.Pages()
	}
	t.cleanPages = clean
	if pages != clean.Pages() {
		return errPages
	}
	return nil
}

// clear closes both.
func (t *table) clear() {
	if t.cleanPages != nil {
		t.cleanPages.Close() // and the one beside it
	}
	t.cleanPages, t.scanPages = nil, nil
}
