package page

import (
	"context"
	"fmt"
	"sync"
)

// Document is one open PDF. Its methods may be called by many goroutines and
// take turns.
type Document struct {
	renderer *Renderer
	worker   *worker
	pages    int
	close    sync.Once
}

// Pages is the number of pages.
func (d *Document) Pages() int { return d.pages }

// JPEG renders page n, from 1, at dpi dots per inch, as a JPEG of quality 85.
// More than 300 dpi are taken as 300, and a page that would become larger than
// 25 megapixels is rendered smaller. The error wraps ErrRender, or is ctx's when
// ctx ended first; the page is then finished, or stopped when its time is over,
// without anyone waiting.
func (d *Document) JPEG(ctx context.Context, n, dpi int) ([]byte, error) {
	return d.render(ctx, askJPEG, n, dpi)
}

// Check renders every page at a low resolution and throws the pixels away. The
// error names the first page that cannot be rendered, and wraps ErrRender or is
// ctx's. A picture whose data stops in the middle is not found: PDFium draws
// what there is.
func (d *Document) Check(ctx context.Context) error {
	for n := 1; n <= d.pages; n++ {
		if _, err := d.render(ctx, askPixels, n, checkDPI); err != nil {
			return err
		}
	}
	return nil
}

func (d *Document) render(ctx context.Context, kind byte, n, dpi int) ([]byte, error) {
	if n < 1 || n > d.pages {
		return nil, fmt.Errorf("page %d of %d: %w: there is no such page", n, d.pages, ErrRender)
	}
	dpi = min(max(dpi, 1), maxDPI)
	answer, err := d.worker.ask(ctx, request{kind: kind, page: uint32(n - 1), dpi: uint32(dpi)}, d.renderer.config.Time)
	if err != nil {
		return nil, fmt.Errorf("page %d of %d: %w", n, d.pages, err)
	}
	return answer.body, nil
}

// Close lets go of the document and gives its child back, without waiting for a
// page that is still being rendered. It may be called more than once.
func (d *Document) Close() {
	d.close.Do(func() {
		go func() {
			// Whether it worked shows in the child itself.
			_, _ = d.worker.ask(context.Background(), request{kind: askClose}, d.renderer.config.Time)
			d.renderer.release(d.worker)
		}()
	})
}
