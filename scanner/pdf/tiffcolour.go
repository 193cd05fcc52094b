package pdf

import (
	"io"
	"slices"
)

// tiffShape is how a page's dots are stored, and what becomes of them.
type tiffShape struct {
	samples        // as they are written
	stored  int    // bits of a stored sample; the written ones have 8 if they had fewer and more than colour
	extras  extras // stored behind the colour
	width   int
	wide    []byte // a row of stored samples with 8 bits each
	flat    []byte // a row without the extra samples
}

// shape looks what kind of page it is.
func (p *tiffPage) shape() (*tiffShape, error) {
	s := &tiffShape{stored: int(p.bits), width: int(p.width)}
	s.bits = s.stored
	if !p.known() {
		return nil, errTIFFUnsupported
	}
	switch p.photometric {
	case whiteIsZero, blackIsZero:
		s.inverted = p.photometric == whiteIsZero
	case rgbColours, yCbCr:
		s.colours = rgb
	case separated:
		s.colours = cmyk
	case paletted:
		s.colours, s.palette = indexed, p.entries()
		if s.bits > 8 || len(s.palette) < 3<<s.bits {
			return nil, errTIFFUnsupported
		}
	}
	s.extras = p.extrasBehind(s.components())
	if s.extras.count < 0 || s.extras.count > 0 && s.colours == indexed ||
		p.photometric == yCbCr && p.compression != packedJPEG && !p.plainYCbCr() {
		return nil, errTIFFUnsupported
	}
	if s.extras.count > 0 {
		if s.bits = max(s.bits, 8); s.stored < 8 {
			s.wide = make([]byte, s.width*int(p.samples))
		}
		s.flat = make([]byte, s.stride(s.width))
	}
	return s, nil
}

// known reports whether samples are unsigned numbers of a usual size, and no
// other tag asks for more than is done here.
func (p *tiffPage) known() bool {
	const unsigned, untold, cmykInks = 1, 4, 1
	switch {
	case !slices.Contains([]int64{1, 2, 4, 8, 16}, p.bits), p.samples < 1 || p.samples > 16,
		p.sampleFormat != unsigned && p.sampleFormat != untold,
		p.planar != 1 && p.planar != 2, p.planar == 2 && p.samples > 1 && p.bits < 8,
		p.predictor != 1 && (p.predictor != 2 || p.bits < 8 || p.isFax() || p.photometric == yCbCr),
		p.tiled && (p.pieceWidth%8 != 0 || p.pieceWidth > 2*p.width+64),
		p.photometric < whiteIsZero || p.photometric > yCbCr || p.photometric == mask,
		p.photometric == separated && p.inkSet != cmykInks:
		return false
	}
	return true
}

// plainYCbCr reports whether the page is in YCbCr of the usual kind.
func (p *tiffPage) plainYCbCr() bool {
	sub := p.subsampling
	return p.bits == 8 && p.samples == 3 && p.planar == 1 && p.fits(sub[0]) && p.fits(sub[1]) && sub[1] <= sub[0]
}

func (p *tiffPage) fits(factor int64) bool { return factor == 1 || factor == 2 || factor == 4 }

// extrasBehind looks what stands behind the colour's n samples.
func (p *tiffPage) extrasBehind(n int) extras {
	const associated, unassociated = 1, 2
	e := extras{count: int(p.samples) - n}
	if e.count > 0 && len(p.extraSamples) > 0 {
		e.associated = p.extraSamples[0] == associated
		e.alpha = e.associated || p.extraSamples[0] == unassociated
	}
	return e
}

// entries is the palette with 8 bits a colour, of the 16 that there are. Some
// programs fill only the lower 8, some only the upper.
func (p *tiffPage) entries() []byte {
	n := len(p.palette) / 3
	eight, low := func(v int64) int64 { return (v*0xff + 0x7fff) / 0xffff }, int64(0)
	for _, v := range p.palette {
		low |= v & 0xff
	}
	switch {
	case slices.Max(append([]int64{0}, p.palette...)) <= 0xff:
		eight = func(v int64) int64 { return v }
	case low == 0:
		eight = func(v int64) int64 { return v >> 8 }
	}
	entries := make([]byte, 0, 3*n)
	for i := range min(n, 1<<min(p.bits, 8)) {
		for c := range 3 {
			entries = append(entries, byte(eight(p.palette[c*n+i])))
		}
	}
	return entries
}

// row turns a stored row into the one that is written.
func (s *tiffShape) row(stored []byte) []byte {
	if s.extras.count == 0 {
		return stored
	}
	if s.wide != nil {
		unpack(s.wide, stored, s.stored, 0xff/(1<<s.stored-1))
		stored = s.wide
	}
	s.flatten(s.flat, stored, s.extras)
	return s.flat
}

// yCbCrReader turns the units of luma and colour differences of an uncompressed
// YCbCr picture (TIFF 6.0, section 21) into rows of red, green and blue.
type yCbCrReader struct {
	from         io.Reader
	width        int
	across, down int    // dots of a unit
	units        []byte // of a row of units
	rows         []byte // what is left of them to give
}

func newYCbCrReader(from io.Reader, width int, subsampling [2]int64) *yCbCrReader {
	r := &yCbCrReader{from: from, width: width, across: int(subsampling[0]), down: int(subsampling[1])}
	r.units = make([]byte, ceil(width, r.across)*(r.across*r.down+2))
	return r
}

func (r *yCbCrReader) Read(b []byte) (int, error) {
	if len(r.rows) == 0 {
		if _, err := io.ReadFull(r.from, r.units); err != nil {
			return 0, err
		}
		r.convert()
	}
	n := copy(b, r.rows)
	r.rows = r.rows[n:]
	return n, nil
}

// convert is ITU-R BT.601 over the whole range of values, as libtiff has it.
func (r *yCbCrReader) convert() {
	r.rows = make([]byte, 3*r.width*r.down)
	size := r.across*r.down + 2
	for x := range r.width {
		unit := r.units[x/r.across*size:][:size]
		cb, cr := float64(unit[size-2])-128, float64(unit[size-1])-128
		for y := range r.down {
			luma := float64(unit[y*r.across+x%r.across])
			dot := r.rows[3*(y*r.width+x):]
			for i, v := range [3]float64{luma + 1.402*cr, luma - 0.344136*cb - 0.714136*cr, luma + 1.772*cb} {
				dot[i] = byte(min(max(v, 0), 255) + 0.5)
			}
		}
	}
}
