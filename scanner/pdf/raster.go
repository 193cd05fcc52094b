package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
)

// colours is what the samples of a dot mean.
type colours int

const (
	gray    colours = iota // 0 black
	rgb                    // red, green, blue
	cmyk                   // cyan, magenta, yellow, black ink; 0 none
	indexed                // a place in a palette
)

// samples is how a picture writes its dots down: rows of packed samples, the
// most significant bit first, each row beginning a byte. TIFF, PNG and PDF all
// do it so, which is why most pictures pass as they are.
type samples struct {
	colours  colours
	bits     int    // of a sample: 1, 2, 4, 8 or 16
	inverted bool   // of grey: 0 is white
	palette  []byte // of indexed: red, green and blue of each entry
}

// components is the number of samples of a dot.
func (s samples) components() int { return [...]int{gray: 1, rgb: 3, cmyk: 4, indexed: 1}[s.colours] }

// stride is the number of bytes of a row.
func (s samples) stride(width int) int { return (width*s.components()*s.bits + 7) / 8 }

// dict is what an image dictionary says about samples, size apart.
func (s samples) dict() string {
	dict := fmt.Sprintf("/BitsPerComponent %d", s.bits)
	switch s.colours {
	case gray:
		dict += "/ColorSpace/DeviceGray"
	case rgb:
		dict += "/ColorSpace/DeviceRGB"
	case cmyk:
		dict += "/ColorSpace/DeviceCMYK"
	case indexed:
		dict += fmt.Sprintf("/ColorSpace[/Indexed/DeviceRGB %d<%x>]", len(s.palette)/3-1, s.palette)
	}
	if s.inverted {
		dict += "/Decode[1 0]"
	}
	return dict
}

// imageDict begins the dictionary of an image XObject.
func imageDict(width, height int) string {
	return fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d", width, height)
}

// predictor is the decode parameters of rows that are filtered as in a PNG.
func (s samples) predictor(width int) string {
	return fmt.Sprintf("/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d/Columns %d>>",
		s.components(), s.bits, width)
}

// raster is a picture on its way into an image XObject, row by row and
// compressed without loss.
type raster struct {
	samples
	width, height int
	out           bytes.Buffer
	z             *zlib.Writer
	above, line   []byte // of filtered rows
}

func newRaster(width, height int, s samples) *raster {
	r := &raster{samples: s, width: width, height: height}
	r.z, _ = zlib.NewWriterLevel(&r.out, zlib.BestSpeed) // the level is one that exists
	if r.filtered() {
		r.above, r.line = make([]byte, s.stride(width)), make([]byte, 1+s.stride(width))
		r.line[0] = 2
	}
	return r
}

// filtered: pictures in grey or colour become smaller by half when each row is
// written as its difference from the row above (PNG's filter 2).
func (r *raster) filtered() bool { return r.bits >= 8 && r.colours != indexed }

// row takes the next row, which the caller may use again.
func (r *raster) row(row []byte) {
	if !r.filtered() {
		_, _ = r.z.Write(row) // memory does not fail
		return
	}
	for i, v := range row {
		r.line[1+i] = v - r.above[i]
	}
	copy(r.above, row)
	_, _ = r.z.Write(r.line)
}

// add writes the picture and returns its object number.
func (r *raster) add(w *writer) int {
	_ = r.z.Close()
	dict := imageDict(r.width, r.height) + r.dict()
	if r.filtered() {
		dict += r.predictor(r.width)
	} else {
		dict += "/Filter/FlateDecode"
	}
	return w.add(dict, r.out.Bytes())
}

// rowLook gathers the look of rows of samples.
type rowLook struct {
	samples
	maker *lookMaker
	row8  []byte    // a row with eight bits a sample
	table [256]byte // of indexed: the grey of each entry
}

func newRowLook(width, height int, s samples) *rowLook {
	l := &rowLook{samples: s, maker: newLookMaker(width, height, s.components())}
	l.row8 = make([]byte, width*s.components())
	for i := range min(len(s.palette)/3, 256) {
		p := s.palette[3*i:]
		l.table[i] = byte(luma(float64(p[0]), float64(p[1]), float64(p[2])) + 0.5)
	}
	return l
}

func (l *rowLook) row(y int, row []byte) {
	row8 := row
	switch {
	case l.colours == indexed:
		unpack(l.row8, row, l.bits, 1)
		for i, v := range l.row8 {
			l.row8[i] = l.table[v]
		}
		row8 = l.row8
	case l.bits != 8:
		unpack(l.row8, row, l.bits, 0xff/(1<<min(l.bits, 8)-1))
		row8 = l.row8
	}
	for c := range l.maker.planes {
		l.maker.planes[c].row(y, row8[c:], l.components())
	}
}

func (l *rowLook) look(orientation int) Look {
	switch {
	case l.colours == rgb:
		return l.maker.look(greyOfRGB, orientation)
	case l.colours == cmyk:
		return l.maker.look(greyOfCMYK, orientation)
	case l.inverted:
		return l.maker.look(negative, orientation)
	default:
		return l.maker.look(grey, orientation)
	}
}

// unpack spreads packed samples of 1, 2, 4, 8 or 16 bits to a byte each, times
// scale; of 16 bits the upper 8 are taken.
func unpack(to, from []byte, bits int, scale byte) {
	switch bits {
	case 8:
		copy(to, from)
	case 16:
		for i := range to {
			to[i] = from[2*i]
		}
	default:
		mask := byte(1)<<bits - 1
		for i := range to {
			at := i * bits
			to[i] = (from[at/8] >> (8 - bits - at%8) & mask) * scale
		}
	}
}

// extras is what a dot holds besides its colour.
type extras struct {
	count      int  // samples behind the colour
	alpha      bool // the first of them says how much of the dot is there
	associated bool // the colour is already multiplied with it
}

// flatten takes the extra samples of a row of 8 or 16 bits away: what is
// see-through lies on white paper.
func (s samples) flatten(to, from []byte, e extras) {
	n := s.components()
	whole, size := uint32(0xff), s.bits/8
	if size == 2 {
		whole = 0xffff
	}
	white := whole
	if s.inverted || s.colours == cmyk {
		white = 0
	}
	for len(from) >= (n+e.count)*size && len(to) >= n*size {
		there := whole
		if e.alpha {
			there = sample(from[n*size:], size)
		}
		for c := range n {
			v := sample(from[c*size:], size)
			if e.associated {
				v = min(v+(white*(whole-there)+whole/2)/whole, whole)
			} else if there != whole {
				v = uint32((uint64(v)*uint64(there) + uint64(white)*uint64(whole-there) + uint64(whole/2)) / uint64(whole))
			}
			if size == 1 {
				to[c] = byte(v)
			} else {
				binary.BigEndian.PutUint16(to[2*c:], uint16(v))
			}
		}
		from, to = from[(n+e.count)*size:], to[n*size:]
	}
}

func sample(b []byte, size int) uint32 {
	if size == 1 {
		return uint32(b[0])
	}
	return uint32(binary.BigEndian.Uint16(b))
}
