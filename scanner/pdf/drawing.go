package pdf

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// decoded is the data of a stream that is no picture, without its filters, and
// whether a checksum says that it is what was written. It refuses data that is
// not there to its end, as those of a picture.
func (d *document) decoded(s *types.StreamDict) (data []byte, sound bool, err error) {
	list, err := d.codecs(s.Dict["Filter"], s.Dict["DecodeParms"])
	if err != nil {
		return nil, false, d.refusal(err)
	}
	r, err := d.decoder(s.Raw, list)
	if err == nil {
		data, err = d.all(r)
	}
	if err == nil {
		sound, err = r.settle()
	}
	if err != nil {
		return nil, false, d.refusal(err)
	}
	return data, sound, nil
}

// drawing reads the content in a stream, once however often it is drawn.
func (d *document) drawing(r types.IndirectRef, s *types.StreamDict) (*drawing, error) {
	key := r.String()
	if known := d.drawings[key]; known != nil {
		return known, nil
	}
	data, _, err := d.decoded(s)
	if err != nil {
		return nil, err
	}
	read, err := d.read(data)
	if err != nil {
		return nil, err
	}
	d.drawings[key] = read
	return read, nil
}

// drawingOf is the drawing of the stream that o refers to. What stands in its
// place and is none was one, of which pdfcpu did not find the data: a page with it
// would lack that or be blank.
func (d *document) drawingOf(o types.Object) (*drawing, error) {
	found, err := d.ctx.Dereference(o)
	if err != nil {
		return nil, refusePage(Damaged, d.page)
	}
	s, isStream := streamOf(found)
	if !isStream && found != nil {
		return nil, refusePage(Damaged, d.page)
	}
	r, isReference := o.(types.IndirectRef)
	if !isStream || !isReference {
		return &drawing{}, nil
	}
	return d.drawing(r, s)
}

// pageDrawing reads the content of a page, which may be in several streams:
// together they are one.
func (d *document) pageDrawing(o types.Object) (*drawing, error) {
	found, err := d.ctx.Dereference(o)
	if err != nil {
		return nil, refusePage(Damaged, d.page)
	}
	parts, isList := found.(types.Array)
	if !isList {
		return d.drawingOf(o)
	}
	var key strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&key, "%s ", part)
	}
	if known := d.drawings[key.String()]; known != nil {
		return known, nil
	}
	var all bytes.Buffer
	for _, part := range parts {
		found, err := d.ctx.Dereference(part)
		if err != nil {
			return nil, refusePage(Damaged, d.page)
		}
		s, ok := streamOf(found)
		if !ok && found != nil {
			return nil, refusePage(Damaged, d.page)
		}
		if !ok {
			continue
		}
		data, _, err := d.decoded(s)
		if err != nil {
			return nil, err
		}
		all.Write(data)
		all.WriteByte('\n')
	}
	read, err := d.read(all.Bytes())
	if err != nil {
		return nil, err
	}
	d.drawings[key.String()] = read
	return read, nil
}

// maxWork bounds what it takes to draw a page: bytes of content run through,
// forms as often as they are drawn, and a byte for each dotsAByte of a picture.
// It is some seconds for a viewer.
const (
	maxWork   = 256 << 20
	dotsAByte = 16
)

// work is what it takes to draw content, counted up to a little beyond maxWork.
// A form that draws itself is drawn once, as viewers do.
func (d *document) work(drawn *drawing, from types.Object, depth int) int {
	total := drawn.length
	dict, err := d.ctx.DereferenceDict(from)
	if err != nil || depth > maxDepth {
		return total
	}
	for u, times := range drawn.uses {
		if u.category != "XObject" {
			continue
		}
		if entry, found := d.entry(dict, u); found {
			total += min(d.workOf(entry, from, depth), maxWork+1) * min(times, maxWork+1)
		}
		if total > maxWork {
			return maxWork + 1
		}
	}
	return total
}

// workOf is what it takes to draw a picture or a form.
func (d *document) workOf(o, outer types.Object, depth int) int {
	r, ok := o.(types.IndirectRef)
	if !ok {
		return 0
	}
	number := r.ObjectNumber.Value()
	if known, met := d.works[number]; met {
		return known
	}
	d.works[number] = 0 // until it is known: for a form that draws itself
	found, err := d.ctx.Dereference(o)
	s, ok := streamOf(found)
	if err != nil || !ok {
		return 0
	}
	if !d.is(s.Dict, "Subtype", "Form") {
		if width, height, err := d.size(s.Dict); err == nil { // else it is refused when it is copied
			d.works[number] = int(min(width*height/dotsAByte, maxWork+1))
		}
		return d.works[number]
	}
	drawn, err := d.drawing(r, s)
	if err != nil {
		return 0 // refused when it is copied
	}
	if own := s.Dict["Resources"]; own != nil {
		outer = own
	}
	d.works[number] = d.work(drawn, outer, depth+1)
	return d.works[number]
}
