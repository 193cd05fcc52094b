// Package scanned draws the pages of a clean PDF that are what a scanner makes of
// a sheet: one JPEG that covers the paper, and nothing else. That takes a fourth of
// the time that PDFium takes for it, because the JPEG is decoded straight to the
// size that is asked for, and a person is waiting.
//
// Only the plain case is taken. For whatever is not written as this program's own
// writer of PDFs writes it, or has anything on it beside its JPEG, the answer is
// that it cannot be drawn here, and PDFium draws it. So nothing can get lost: a
// stamp, a mask or a second picture is never overlooked, since everything that is
// not known here is a reason to leave the page to PDFium.
package scanned

import (
	"errors"
	"image"
)

// ErrOther says that a page is not such a one, or that its JPEG is of a kind, or
// damaged in a way, that is not decoded here.
var ErrOther = errors.New("the page is not just one plain JPEG")

// Page is a page that is one JPEG.
type Page struct {
	// Width and Height are the paper's size in points of 1/72 inch.
	Width, Height float64
	jpeg          []byte // lies in the PDF
	gray          bool
	across, down  int // dots
}

// Find looks at page n, from 0, of a PDF as package pdf writes it. It does not look
// at the rest of the PDF, and takes some microseconds. The error is ErrOther.
func Find(pdf []byte, n int) (Page, error) {
	f, ok := openFile(pdf)
	if !ok {
		return Page{}, ErrOther
	}
	p, ok := f.page(n)
	if !ok {
		return Page{}, ErrOther
	}
	return p, nil
}

// Draw fills a picture, whose corner is at 0, with the page in its size, every dot
// opaque. It differs from what PDFium draws by what the two make smaller in different
// ways: see the test for how little that is. The error is ErrOther, for a size, too,
// that is none of the sixteen that a JPEG can be decoded to; the picture is then of
// no use.
func (p Page) Draw(to *image.RGBA) error {
	d := decoder{bits: bits{data: p.jpeg}}
	if err := d.header(); err != nil {
		return ErrOther
	}
	if d.width != p.across || d.height != p.down || (len(d.components) == 1) != p.gray {
		return ErrOther
	}
	const mostDots = 100_000_000 // as the scanner takes at most
	eighths, ok := scale(p.across, p.down, to.Rect.Dx(), to.Rect.Dy())
	if !ok || p.across*p.down > mostDots {
		return ErrOther
	}
	if err := d.draw(to, eighths); err != nil {
		return ErrOther
	}
	return nil
}

// Size is the size in which the page is drawn where at least that size is wanted: the
// same, or else the smallest of the sixteen that is larger. The error is ErrOther, where
// that would be larger by more than half, which nobody wants to wait for, or where the
// dots are not as wide as they are high.
func (p Page) Size(wantWidth, wantHeight int) (width, height int, err error) {
	if p.across <= 0 || p.down <= 0 {
		return 0, 0, ErrOther
	}
	if _, ok := scale(p.across, p.down, wantWidth, wantHeight); ok {
		return wantWidth, wantHeight, nil
	}
	eighths := (8*wantWidth + p.across - 1) / p.across
	width, height = scaled(p.across, eighths), scaled(p.down, eighths)
	if eighths > mostEighths || 2*width > 3*wantWidth || !near(height, (wantHeight*width+wantWidth/2)/wantWidth) {
		return 0, 0, ErrOther
	}
	return width, height, nil
}

// scale is in how many eighths of its size a JPEG is decoded to come out in the size
// that is wanted. Paper and dots do not always agree to the last: a dot in 256 may be
// drawn twice, or not, which moves nothing by more than that.
func scale(width, height, wantWidth, wantHeight int) (eighths int, ok bool) {
	if width <= 0 || height <= 0 {
		return 0, false
	}
	eighths = (16*wantWidth/width + 1) / 2 // the nearest
	return eighths, eighths >= 1 && eighths <= mostEighths &&
		near(scaled(width, eighths), wantWidth) && near(scaled(height, eighths), wantHeight)
}

// near reports whether so many dots pass for those that are wanted.
func near(got, want int) bool { return max(got-want, want-got) <= 1+want/256 }

// scaled is how many dots so many become, those that are begun included.
func scaled(dots, eighths int) int { return (dots*eighths + 7) / 8 }
