package pdf

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"image"
)

// raster is a decoded picture on its way into an image XObject, whose samples
// are compressed without loss.
type raster struct {
	width, height int
	space         string // its colour space, as PDF writes it
	components    int
	bits          int // of a component: 1, 8 or 16
	row           func(y int, to []byte)
	alpha         *raster // how much of each dot is there; nil when all of it
	matte         bool    // of an alpha: the picture's colours are already mixed with black by it
}

// add writes the picture and returns its object number.
func (r *raster) add(w *writer) int {
	mask := ""
	if r.alpha != nil {
		mask = fmt.Sprintf("/SMask %d 0 R", r.alpha.add(w))
	}
	if r.matte {
		mask = "/Matte[0 0 0]"
	}
	data, parms := r.deflate()
	return w.add(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent %d/ColorSpace%s"+
		"/Filter/FlateDecode%s%s", r.width, r.height, r.bits, r.space, parms, mask), data)
}

// deflate compresses the rows. Pictures in grey or colour become smaller by half
// when each row is written as its difference from the row above (PNG's filter 2).
func (r *raster) deflate() (data []byte, parms string) {
	var out bytes.Buffer
	z, _ := zlib.NewWriterLevel(&out, zlib.BestSpeed) // the level is one that exists
	stride := (r.width*r.components*r.bits + 7) / 8
	row, above, line := make([]byte, stride), make([]byte, stride), make([]byte, 1+stride)
	filter := r.bits > 1
	for y := range r.height {
		r.row(y, row)
		if !filter {
			_, _ = z.Write(row) // memory does not fail
			continue
		}
		line[0] = 2
		for i := range row {
			line[1+i] = row[i] - above[i]
		}
		_, _ = z.Write(line)
		row, above = above, row
	}
	_ = z.Close()
	if filter {
		parms = fmt.Sprintf("/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d/Columns %d>>",
			r.components, r.bits, r.width)
	}
	return out.Bytes(), parms
}

// rasterOf takes a decoded PNG or TIFF. It reports false for a kind of image
// that neither decoder makes.
func rasterOf(img image.Image) (*raster, bool) {
	r := &raster{width: img.Bounds().Dx(), height: img.Bounds().Dy(), bits: 8}
	switch img := img.(type) {
	case *image.Gray:
		r.space, r.components = "/DeviceGray", 1
		r.row = func(y int, to []byte) { copy(to, img.Pix[y*img.Stride:]) }
		if isBilevel(img) {
			r.bits = 1
			r.row = func(y int, to []byte) { pack(img.Pix[y*img.Stride:][:r.width], to) }
		}
	case *image.Gray16:
		r.space, r.components, r.bits = "/DeviceGray", 1, 16
		r.row = func(y int, to []byte) { copy(to, img.Pix[y*img.Stride:]) }
	case *image.Paletted:
		r.paletted(img)
	case *image.RGBA:
		r.colour(img.Pix, img.Stride, 8, img.Opaque(), true)
	case *image.NRGBA:
		r.colour(img.Pix, img.Stride, 8, img.Opaque(), false)
	case *image.RGBA64:
		r.colour(img.Pix, img.Stride, 16, img.Opaque(), true)
	case *image.NRGBA64:
		r.colour(img.Pix, img.Stride, 16, img.Opaque(), false)
	default:
		return nil, false
	}
	return r, true
}

// colour takes pixels of red, green, blue and alpha.
func (r *raster) colour(pix []byte, stride, bits int, opaque, premultiplied bool) {
	r.space, r.components, r.bits = "/DeviceRGB", 3, bits
	sample := bits / 8
	r.row = func(y int, to []byte) {
		from := pix[y*stride:]
		for x := range r.width {
			copy(to[3*sample*x:3*sample*(x+1)], from[4*sample*x:])
		}
	}
	if opaque {
		return
	}
	r.alpha = &raster{width: r.width, height: r.height, space: "/DeviceGray", components: 1, bits: bits, matte: premultiplied,
		row: func(y int, to []byte) {
			from := pix[y*stride:]
			for x := range r.width {
				copy(to[sample*x:sample*(x+1)], from[sample*(4*x+3):])
			}
		}}
}

// paletted keeps the palette where it can be kept: eight bits a colour and none
// of it see-through.
func (r *raster) paletted(img *image.Paletted) {
	plain := true
	var table []byte
	for _, c := range img.Palette {
		red, green, blue, alpha := c.RGBA()
		table = append(table, byte(red>>8), byte(green>>8), byte(blue>>8))
		plain = plain && alpha == 0xffff && red%0x101 == 0 && green%0x101 == 0 && blue%0x101 == 0
	}
	if plain && len(img.Palette) > 0 {
		r.space = fmt.Sprintf("[/Indexed/DeviceRGB %d<%x>]", len(img.Palette)-1, table)
		r.components = 1
		r.row = func(y int, to []byte) { copy(to, img.Pix[y*img.Stride:]) }
		return
	}
	whole := image.NewNRGBA64(image.Rect(0, 0, r.width, r.height))
	for y := range r.height {
		for x := range r.width {
			whole.Set(x, y, img.At(img.Rect.Min.X+x, img.Rect.Min.Y+y))
		}
	}
	r.colour(whole.Pix, whole.Stride, 16, whole.Opaque(), false)
}

func isBilevel(img *image.Gray) bool {
	for y := range img.Rect.Dy() {
		for _, v := range img.Pix[y*img.Stride:][:img.Rect.Dx()] {
			if v != 0 && v != 0xff {
				return false
			}
		}
	}
	return true
}

// pack writes a row of black (0) and white (255) dots as bits; white is 1.
func pack(dots, to []byte) {
	clear(to)
	for x, v := range dots {
		to[x/8] |= v & (0x80 >> (x % 8))
	}
}
