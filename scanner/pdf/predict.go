package pdf

import (
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// rows undoes a predictor: samples that are stored as differences from their
// neighbours (ISO 32000-1, 7.4.4.4).
type rows struct {
	from        io.Reader
	png         bool // each row names its filter; else TIFF's predictor
	dot         int  // bytes of a dot, at least 1
	row, before []byte
	left        []byte // of row, not yet read
}

// unpredicted reads r through the predictor that parms name.
func (d *document) unpredicted(r io.Reader, parms types.Dict) (io.Reader, error) {
	const none, tiff, png = 1, 2, 10
	predictor := d.number(parms, "Predictor", none)
	if predictor == none {
		return r, nil
	}
	colours, bits := d.number(parms, "Colors", 1), d.number(parms, "BitsPerComponent", 8)
	columns := d.number(parms, "Columns", 1)
	const most = 1 << 26 // bits of a row, far beyond any picture
	if colours < 1 || colours > 32 || bits < 1 || bits > 16 || columns < 1 || columns > most/(colours*bits) {
		return nil, errCodec
	}
	if predictor == tiff && bits != 8 || predictor != tiff && predictor < png {
		return nil, errCodec
	}
	stride := (colours*bits*columns + 7) / 8
	return &rows{from: r, png: predictor >= png, dot: int(max(1, colours*bits/8)),
		row: make([]byte, stride), before: make([]byte, stride)}, nil
}

func (p *rows) Read(to []byte) (int, error) {
	if len(p.left) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(to, p.left)
	p.left = p.left[n:]
	return n, nil
}

// next reads a row. One that stops in the middle is given as far as it goes.
func (p *rows) next() error {
	p.row, p.before = p.before, p.row
	filter := []byte{0}
	if p.png {
		if _, err := io.ReadFull(p.from, filter); err != nil {
			return err
		}
	}
	n, err := io.ReadFull(p.from, p.row)
	if n == 0 {
		return err
	}
	p.left = p.row[:n]
	if !p.png {
		filter[0] = 1 // the same as PNG's "Sub", at eight bits
	}
	if !unfilter(filter[0], p.left, p.before[:n], p.dot) {
		return errCodec
	}
	return nil
}

// paeth is the neighbour that lies nearest to left + above - corner.
func paeth(left, above, corner byte) byte {
	sum := int(left) + int(above) - int(corner)
	far := func(b byte) int { return max(sum-int(b), int(b)-sum) }
	switch {
	case far(left) <= far(above) && far(left) <= far(corner):
		return left
	case far(above) <= far(corner):
		return above
	}
	return corner
}
