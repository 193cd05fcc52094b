package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
)

// pngRows unpacks the rows of a PNG and undoes their filters.
type pngRows struct {
	page   *pngImage
	depth  int // bits of a dot
	source *bytes.Reader
	z      io.ReadCloser
	line   []byte // the filter's number and a row
	above  []byte
	err    error
}

func newPNGRows(p *pngImage, depth int) *pngRows {
	r := &pngRows{page: p, depth: depth, source: bytes.NewReader(p.packed)}
	r.z, r.err = zlib.NewReader(r.source)
	r.begin(p.width)
	return r
}

// begin sets the width of the rows that come, above which is nothing.
func (r *pngRows) begin(width int) {
	n := (width*r.depth + 7) / 8
	r.line, r.above = make([]byte, 1+n), make([]byte, n)
}

// next is the next row, which holds until the call after.
func (r *pngRows) next() ([]byte, error) {
	if r.err != nil {
		return nil, ended(r.err)
	}
	if _, r.err = io.ReadFull(r.z, r.line); r.err != nil {
		return nil, ended(r.err)
	}
	row := r.line[1:]
	if !unfilter(r.line[0], row, r.above, max(r.depth/8, 1)) {
		return nil, errPNG
	}
	copy(r.above, row)
	return row, nil
}

// ended makes the end of data in the wrong place unexpected.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unfilter undoes the filter of a row (PNG section 9), whose dots have size bytes.
func unfilter(filter byte, row, above []byte, size int) bool {
	switch filter {
	case 0:
	case 1:
		for i := size; i < len(row); i++ {
			row[i] += row[i-size]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i := range row {
			left := 0
			if i >= size {
				left = int(row[i-size])
			}
			row[i] += byte((left + int(above[i])) / 2)
		}
	case 4:
		for i := range row {
			var left, corner byte
			if i >= size {
				left, corner = row[i-size], above[i-size]
			}
			row[i] += paeth(left, above[i], corner)
		}
	default:
		return false
	}
	return true
}

// used ends the reading: the compressed data without what stands behind it, and
// whether it held the rows that were read and nothing else.
func (r *pngRows) used() (data []byte, exact bool, err error) {
	switch n, err := r.z.Read(make([]byte, 1)); {
	case n > 0:
		return nil, false, nil
	case err != nil && !errors.Is(err, io.EOF):
		return nil, false, err
	}
	return r.page.packed[:len(r.page.packed)-r.source.Len()], true, nil
}

// deinterlaced reads all seven passes (PNG section 8.2) and gives the rows that
// they make together.
func (r *pngRows) deinterlaced() func() ([]byte, error) {
	p := r.page
	stride := (p.width*r.depth + 7) / 8
	var whole []byte
	fill := func() error {
		whole = make([]byte, stride*p.height)
		for _, pass := range [7]struct{ x, y, dx, dy int }{
			{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
		} {
			if pass.x >= p.width {
				continue
			}
			r.begin(ceil(p.width-pass.x, pass.dx))
			for y := pass.y; y < p.height; y += pass.dy {
				row, err := r.next()
				if err != nil {
					return err
				}
				r.spread(whole[y*stride:][:stride], row, pass.x, pass.dx)
			}
		}
		return nil
	}
	y := -1
	return func() ([]byte, error) {
		if y++; y == 0 {
			if err := fill(); err != nil {
				return nil, err
			}
		}
		return whole[y*stride:][:stride], nil
	}
}

// spread puts the dots of a pass into their row, from x on, each dx.
func (r *pngRows) spread(to, from []byte, x, dx int) {
	if size := r.depth / 8; size > 0 {
		for ; len(from) >= size && size*x < len(to); x += dx {
			from = from[copy(to[size*x:size*(x+1)], from):]
		}
		return
	}
	mask := byte(1)<<r.depth - 1
	for i := 0; x < r.page.width; i, x = i+1, x+dx {
		v := from[i*r.depth/8] >> (8 - r.depth - i*r.depth%8) & mask
		to[x*r.depth/8] |= v << (8 - r.depth - x*r.depth%8)
	}
}
