package page

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"runtime/debug"
	"time"

	"letterlock/scanner/page/scanned"
)

// Show draws one page of a PDF that lies in memory for a person who waits for it:
// page n, from 1, upright, on white paper, in colour, every pixel opaque, and at dpi
// dots per inch as for Document.JPEG, or with up to half as many more where that is
// faster. The bytes must not change until it returns. Errors are those of
// Renderer.Document and Document.JPEG.
//
// The picture lies in room, if that is large enough: whoever shows many pages spares
// the system to find memory for each, which can take longer than to draw it. After an
// error room must not be used again: a child may still be answering into it.
//
// A page that is one plain JPEG, as most scans are, is decoded by package scanned;
// PDFium draws any other, and any that is found to be damaged. What is checked or
// compared is always drawn by PDFium: Document does so.
func (r *Renderer) Show(ctx context.Context, pdf []byte, n, dpi int, room []byte) (*image.RGBA, error) {
	switch {
	case len(pdf) > maxDocument:
		return nil, fmt.Errorf("opening a document: %w: larger than 1 GiB", ErrRender)
	case n < 1:
		return nil, fmt.Errorf("page %d: %w: there is no such page", n, ErrRender)
	}
	w, err := r.acquire(ctx)
	if err != nil {
		return nil, err
	}
	q := request{kind: askShow, page: uint32(n - 1), dpi: atMost(dpi), body: pdf, room: room}
	a, err := w.ask(ctx, q, r.config.Time+r.openingTime(len(pdf)))
	if err != nil {
		go func() { // the child may still be at work for nobody
			_, _ = w.ask(context.Background(), request{kind: askClose}, r.config.Time)
			r.release(w)
		}()
		return nil, fmt.Errorf("page %d: %w", n, err)
	}
	r.release(w)
	picture, err := a.picture()
	if err != nil {
		return nil, fmt.Errorf("page %d: %w", n, err)
	}
	return picture, nil
}

// openingTime is how long it may take to open a document of so many bytes.
func (r *Renderer) openingTime(size int) time.Duration {
	return r.config.Time + time.Duration(size/10_000_000)*time.Second
}

// rooms is where the letter lies that is shown, and the picture of its page. They are
// kept for the next one, wiped: to find memory for it anew would take several times
// as long as to decode it, and somebody waits.
type rooms struct{ letter, picture []byte }

// mostKept bounds each of them, in bytes: a page at 225 dots per inch fits, which is
// three fourths of 300, and nearly every letter.
const mostKept = 20 << 20

// show draws a page of the document that comes with q. Nothing of it is left with
// the child.
func (d *desk) show(q request, reply func(answer, error) error) error {
	d.shown.letter = q.body
	defer d.wipe()
	if picture, err := d.drawScanned(q); err == nil {
		return reply(encode(askColour, picture))
	}
	defer d.tidyLater()
	defer func() { _ = d.clear(0) }() // a sandbox in which this fails is gone all the same
	if _, err := d.open(0, bytes.NewReader(q.body), int64(len(q.body)), nil); err != nil {
		return reply(answer{}, err)
	}
	q.kind = askColour
	return d.sheets[0].render(q, reply)
}

func (d *desk) drawScanned(q request) (*image.RGBA, error) {
	p, err := scanned.Find(q.body, int(q.page))
	if err != nil {
		return nil, err
	}
	width, height, err := p.Size(fitting(p.Width, p.Height, int(q.dpi)))
	if err != nil {
		return nil, err
	}
	if width*height > maxPixels { // which is more than is shown of any page: PDFium draws it smaller
		return nil, scanned.ErrOther
	}
	d.shown.picture = roomFor(d.shown.picture, 4*width*height)
	picture := &image.RGBA{Pix: d.shown.picture, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
	return picture, p.Draw(picture)
}

// wipe leaves nothing of what was shown, and no more room than is kept.
func (d *desk) wipe() {
	for _, room := range []*[]byte{&d.shown.letter, &d.shown.picture} {
		clear(*room)
		if cap(*room) > mostKept {
			*room = nil
			d.tidyLater()
		}
	}
}

// tidyLater gives back to the system what is not needed any more. That takes as long
// as a page does, and while somebody waits there is better to do: so it is done once
// nobody has asked anything for a moment.
func (d *desk) tidyLater() {
	const moment = 200 * time.Millisecond
	if d.tidy == nil {
		d.tidy = time.AfterFunc(moment, debug.FreeOSMemory)
	} else {
		d.tidy.Reset(moment)
	}
}
