package inspect

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// Resolutions in dots per inch in which a repaired page is drawn: that of its
// picture, but not less than people need nor more than helps.
const (
	repairLeast = 200
	repairMost  = 300
)

// maxRepaired is the largest number of pages that are repaired, as many as
// pdf.Limits allows by default.
const maxRepaired = 2000

// Repair makes a clean PDF of a PDF that pdf.Normaliser refused as damaged and
// PDFium can draw: its pages are pictures of what PDFium shows. in is open for
// reading and stays where it is; out must be open for reading and writing, loses
// what it held, is left at its start and not synced.
//
// What PDFium cannot read of a page it leaves out without a word. So a repaired
// letter must be marked as one, and a person must look at it.
//
// The error is a *pdf.Refusal for what is not repaired: not a PDF, one that
// needs a password, a form, one with a page that cannot be drawn. It is ctx's when ctx ends first; anything else is not the scan's fault. After an
// error out is empty or as it was.
func Repair(ctx context.Context, renderer *page.Renderer, in, out *os.File) (pdf.Result, error) {
	result, err := repair(ctx, renderer, in, out)
	if errors.Is(err, page.ErrRender) {
		// Somebody may have killed the child.
		result, err = repair(ctx, renderer, in, out)
	}
	if errors.Is(err, page.ErrLocked) {
		err = &pdf.Refusal{Code: pdf.Encrypted}
	}
	if err != nil {
		var failed *pageError
		number := 0
		if errors.As(err, &failed) {
			number = failed.number
		}
		return pdf.Result{}, fmt.Errorf("repairing a scan: %w", refusal(err, pdf.Damaged, number))
	}
	return result, nil
}

func repair(ctx context.Context, renderer *page.Renderer, in, out *os.File) (pdf.Result, error) {
	d, err := renderer.File(ctx, in)
	if err != nil {
		return pdf.Result{}, err
	}
	defer d.Close()
	switch {
	case d.Form():
		return pdf.Result{}, &pdf.Refusal{Code: pdf.FormOrComments}
	case d.Pages() > maxRepaired:
		return pdf.Result{}, &pdf.Refusal{Code: pdf.TooManyPages}
	}
	return pdf.Rendered(out, d.Pages(), func(n int) (image.Image, float64, error) {
		img, dpi, err := drawn(ctx, d, n)
		if err != nil {
			return nil, 0, &pageError{n, err}
		}
		return img, dpi, nil
	})
}

// drawn draws a page, and says in which resolution it was drawn, which is lower
// than asked for where the page is larger than a wall.
func drawn(ctx context.Context, d *page.Document, n int) (*image.RGBA, float64, error) {
	m, err := d.Measure(ctx, n)
	if err != nil {
		return nil, 0, err
	}
	img, err := d.Colour(ctx, n, min(max(m.DPI, repairLeast), repairMost))
	if err != nil {
		return nil, 0, err
	}
	return img, float64(img.Rect.Dx()) / m.Width * perInch, nil
}

// pageError is what went wrong with a page.
type pageError struct {
	number int
	error
}

// Unwrap returns what went wrong.
func (e *pageError) Unwrap() error { return e.error }
