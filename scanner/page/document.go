package page

import (
	"context"
	"fmt"
	"image"
	"os"
	"sync"
)

// Document is one open PDF. Its methods may be called by many goroutines and
// take turns.
type Document struct {
	renderer *Renderer
	worker   *worker
	slot     byte // its place among the documents that the child has open
	pages    int
	is       byte
	close    sync.Once
}

// Measures are what is known of a page without drawing it.
type Measures struct {
	// Width and Height are the page's size upright, in points of 1/72 inch.
	Width, Height float64
	// DPI is the resolution of the picture that the page is, in dots per inch of
	// paper, the lower of both directions. It is 0 when less than half of the
	// page is picture: text and drawings have no resolution.
	DPI int
}

// Pages is the number of pages.
func (d *Document) Pages() int { return d.pages }

// Form reports whether the PDF is a form. Its fields are drawn as the file says
// they look; what a viewer would draw for them, or for the whole of a form that
// draws its own pages (XFA), is not seen.
func (d *Document) Form() bool { return d.is == isForm }

// Beside opens a second PDF with the same child, in a sandbox of its own, to be
// looked at side by side. It is closed with d, at the latest; a third cannot be
// opened. Errors are those of Renderer.File.
func (d *Document) Beside(ctx context.Context, f *os.File) (*Document, error) {
	if d.slot+1 >= maxBeside {
		return nil, fmt.Errorf("opening a document: %w: two are open", ErrRender)
	}
	b := &Document{renderer: d.renderer, worker: d.worker, slot: d.slot + 1}
	if err := b.openFile(ctx, f); err != nil {
		return nil, err
	}
	return b, nil
}

// JPEG renders page n, from 1, at dpi dots per inch, as a JPEG of quality 85.
// More than 300 dpi are taken as 300, and a page that would become larger than
// 25 megapixels is rendered smaller. The error wraps ErrRender, or is ctx's when
// ctx ended first; the page is then finished, or stopped when its time is over,
// without anyone waiting.
func (d *Document) JPEG(ctx context.Context, n, dpi int) ([]byte, error) {
	a, err := d.render(ctx, askJPEG, n, dpi)
	return a.body, err
}

// Gray renders page n, from 1, as it is seen: upright, on white paper, with its
// annotations. Resolution, size and errors are as for JPEG.
func (d *Document) Gray(ctx context.Context, n, dpi int) (*image.Gray, error) {
	a, err := d.render(ctx, askGray, n, dpi)
	if err != nil {
		return nil, err
	}
	bounds, err := a.bounds(1)
	if err != nil {
		return nil, fmt.Errorf("page %d of %d: %w", n, d.pages, err)
	}
	return &image.Gray{Pix: a.body, Stride: bounds.Dx(), Rect: bounds}, nil
}

// Colour renders page n, from 1, like Gray, in colour. Every pixel is opaque.
func (d *Document) Colour(ctx context.Context, n, dpi int) (*image.RGBA, error) {
	a, err := d.render(ctx, askColour, n, dpi)
	if err != nil {
		return nil, err
	}
	picture, err := a.picture()
	if err != nil {
		return nil, fmt.Errorf("page %d of %d: %w", n, d.pages, err)
	}
	return picture, nil
}

// picture is the answer's picture in colour, made opaque.
func (a answer) picture() (*image.RGBA, error) {
	bounds, err := a.bounds(4)
	if err != nil {
		return nil, err
	}
	for i := 3; i < len(a.body); i += 4 {
		a.body[i] = 0xff
	}
	return &image.RGBA{Pix: a.body, Stride: 4 * bounds.Dx(), Rect: bounds}, nil
}

// bounds are those of a picture of so many bytes a pixel, if it is one.
func (a answer) bounds(pixel int) (image.Rectangle, error) {
	stride := int(a.number) * pixel
	if stride == 0 || len(a.body) == 0 || len(a.body)%stride != 0 {
		return image.Rectangle{}, fmt.Errorf("%w: its child sent half a picture", ErrRender)
	}
	return image.Rect(0, 0, int(a.number), len(a.body)/stride), nil
}

// Measure tells of page n, from 1, how large it is and how finely it was
// scanned. The error wraps ErrRender or is ctx's.
func (d *Document) Measure(ctx context.Context, n int) (Measures, error) {
	a, err := d.ask(ctx, request{kind: askMeasure}, n)
	if err != nil {
		return Measures{}, err
	}
	m, err := unmarshalMeasures(a.body)
	if err != nil {
		return Measures{}, fmt.Errorf("page %d of %d: %w: it has no size", n, d.pages, ErrRender)
	}
	return m, nil
}

// Check renders every page at a low resolution and throws the pixels away. The
// error names the first page that cannot be rendered, and wraps ErrRender or is
// ctx's. A picture whose data stops in the middle is not found: PDFium draws
// what there is.
func (d *Document) Check(ctx context.Context) error {
	_, err := d.CheckFrom(ctx, 1, func() bool { return true })
	return err
}

// CheckFrom is Check from page n on, for as long as goOn says so after a page. next is
// the page after the last that was checked.
func (d *Document) CheckFrom(ctx context.Context, n int, goOn func() bool) (next int, err error) {
	for ; n <= d.pages; n++ {
		if _, err := d.render(ctx, askPixels, n, checkDPI); err != nil {
			return n, err
		}
		if !goOn() {
			return n + 1, nil
		}
	}
	return n, nil
}

func (d *Document) render(ctx context.Context, kind byte, n, dpi int) (answer, error) {
	return d.ask(ctx, request{kind: kind, dpi: atMost(dpi)}, n)
}

// atMost is a resolution within what is drawn, in dots per inch.
func atMost(dpi int) uint32 { return uint32(min(max(dpi, 1), maxDPI)) }

// ask asks something about page n.
func (d *Document) ask(ctx context.Context, q request, n int) (answer, error) {
	if n < 1 || n > d.pages {
		return answer{}, fmt.Errorf("page %d of %d: %w: there is no such page", n, d.pages, ErrRender)
	}
	q.slot, q.page = d.slot, uint32(n-1)
	a, err := d.worker.ask(ctx, q, d.renderer.config.Time)
	if err != nil {
		return answer{}, fmt.Errorf("page %d of %d: %w", n, d.pages, err)
	}
	return a, nil
}

// opened takes the answer to the opening.
func (d *Document) opened(a answer, err error) error {
	if err == nil && len(a.body) != 1 {
		err = fmt.Errorf("%w: its child does not say what it is", ErrRender)
	}
	if err != nil {
		return fmt.Errorf("opening a document: %w", err)
	}
	d.pages, d.is = int(a.number), a.body[0]
	return nil
}

// Close lets go of the document, and of one beside it, and gives its child
// back, without waiting for a page that is still being rendered. It may be
// called more than once.
func (d *Document) Close() {
	d.close.Do(func() {
		go func() {
			// Whether it worked shows in the child itself.
			_, _ = d.worker.ask(context.Background(), request{kind: askClose, slot: d.slot}, d.renderer.config.Time)
			if d.slot == 0 {
				d.renderer.release(d.worker)
			}
		}()
	})
}
