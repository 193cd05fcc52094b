package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"os"
)

// maxRendered is the largest PDF that Rendered writes, in bytes: more than that
// no reader opens (scanner/page).
const maxRendered = 1 << 30

// Rendered writes a clean PDF whose pages are pictures that a viewer drew of the
// pages of another PDF, which Normalise could not take. page draws page n, from
// 1, upright, and says in how many dots per inch; each is asked for once, in
// order, and let go of before the next. out must be open for reading and writing
// and loses what it held; it is left at its start and not synced.
//
// An error of page is returned as it is; a *Refusal says that the pages are too
// large. After an error out is empty.
func Rendered(out *os.File, pages int, page func(n int) (img image.Image, dpi float64, err error)) (Result, error) {
	if pages < 1 {
		return Result{}, refuse(Empty)
	}
	if err := rewind(out); err != nil {
		return Result{}, fmt.Errorf("emptying the clean PDF: %w", bare(err))
	}
	result, err := rendered(out, pages, page)
	if err != nil {
		// Nothing half clean may be taken for a letter later.
		if again := rewind(out); again != nil {
			err = errors.Join(err, fmt.Errorf("emptying the clean PDF: %w", bare(again)))
		}
		return Result{}, err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return Result{}, fmt.Errorf("going to the start of the clean PDF: %w", bare(err))
	}
	return result, nil
}

func rendered(out *os.File, pages int, page func(int) (image.Image, float64, error)) (Result, error) {
	w := newWriter(out)
	result := Result{Pages: pages, Format: PDF}
	for n := 1; n <= pages; n++ {
		img, dpi, err := page(n)
		if err != nil {
			return Result{}, err
		}
		if dpi <= 0 || img.Bounds().Empty() {
			return Result{}, refusePage(Damaged, n)
		}
		drawn := newDrawn(img)
		result.Looks = append(result.Looks, LookOf(drawn.RGBA))
		drawn.put(w, dpi)
		if w.err != nil {
			break
		}
		if w.at > maxRendered {
			return Result{}, refusePage(TooLarge, n)
		}
	}
	if err := w.finish(""); err != nil {
		return Result{}, fmt.Errorf("writing the clean PDF: %w", bare(err))
	}
	return result, nil
}

// drawn is a page that a viewer drew, and how much of its colours it needs.
type drawn struct {
	*image.RGBA
	inGray  bool // no dot has a colour
	inBlack bool // every dot is black or white
}

func newDrawn(img image.Image) drawn {
	d := drawn{inGray: true, inBlack: true}
	d.RGBA, _ = img.(*image.RGBA)
	if d.RGBA == nil || d.Rect.Min != (image.Point{}) {
		d.RGBA = image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
		draw.Draw(d.RGBA, d.Rect, img, img.Bounds().Min, draw.Src)
	}
	for y := 0; y < d.Rect.Dy() && d.inGray; y++ {
		line := d.Pix[y*d.Stride:][:4*d.Rect.Dx()]
		for i := 0; i < len(line); i += 4 {
			p := line[i : i+3 : i+3]
			d.inGray = d.inGray && p[0] == p[1] && p[1] == p[2]
			d.inBlack = d.inBlack && (p[0] == 0 || p[0] == 0xff)
		}
	}
	d.inBlack = d.inBlack && d.inGray
	return d
}

// put writes the page.
func (d drawn) put(w *writer, dpi float64) {
	const perInch = 72
	width, height := number(float64(d.Rect.Dx())/dpi*perInch), number(float64(d.Rect.Dy())/dpi*perInch)
	object := d.add(w)
	contents := w.add("", fmt.Appendf(nil, "q %s 0 0 %s 0 0 cm /P Do Q", width, height))
	w.page(fmt.Sprintf("/MediaBox[0 0 %s %s]/Resources<</XObject<</P %d 0 R>>>>/Contents %d 0 R",
		width, height, object, contents))
}

// add writes the picture and returns its object number: without loss in as few
// colours as it needs, or as a JPEG where that is much smaller. It is, several
// times, for a page that is a photograph of paper, whose grain is all that a
// JPEG of this quality blurs; and the viewer that drew the page has fitted the
// picture to its own dots anyway. Print and drawings are small without loss.
func (d drawn) add(w *writer) int {
	const quality, muchSmaller = 92, 3
	lossless := d.lossless()
	if !d.inBlack {
		var file bytes.Buffer
		var img image.Image = d.RGBA
		space := "/DeviceRGB"
		if d.inGray {
			gray := image.NewGray(d.Rect)
			for y := range d.Rect.Dy() {
				d.grayRow(y, gray.Pix[y*gray.Stride:])
			}
			img, space = gray, "/DeviceGray"
		}
		_ = jpeg.Encode(&file, img, &jpeg.Options{Quality: quality}) // memory does not fail
		if file.Len() < lossless.out.Len()/muchSmaller {
			return w.add(imageDict(d.Rect.Dx(), d.Rect.Dy())+"/BitsPerComponent 8/Filter/DCTDecode/ColorSpace"+space, file.Bytes())
		}
	}
	return lossless.add(w)
}

// lossless is the picture compressed without loss.
func (d drawn) lossless() *raster {
	kind := samples{colours: rgb, bits: 8}
	switch {
	case d.inBlack:
		kind = samples{colours: gray, bits: 1}
	case d.inGray:
		kind = samples{colours: gray, bits: 8}
	}
	r := newRaster(d.Rect.Dx(), d.Rect.Dy(), kind)
	row, dots := make([]byte, kind.stride(r.width)), make([]byte, r.width)
	for y := range r.height {
		switch {
		case d.inBlack:
			d.grayRow(y, dots)
			clear(row)
			for x, v := range dots {
				row[x/8] |= v & (0x80 >> (x % 8))
			}
		case d.inGray:
			d.grayRow(y, row)
		default:
			for x := range r.width {
				copy(row[3*x:3*x+3], d.Pix[y*d.Stride+4*x:])
			}
		}
		r.row(row)
	}
	return r
}

// grayRow puts row y of a picture without colours into to.
func (d drawn) grayRow(y int, to []byte) {
	for x := range d.Rect.Dx() {
		to[x] = d.Pix[y*d.Stride+4*x]
	}
}
