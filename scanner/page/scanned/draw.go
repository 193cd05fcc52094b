package scanned

import (
	"image"
	"math"
	mathbits "math/bits"
)

// A block of eight by eight coefficients says of its piece of the picture how strong
// each of 64 waves is in it. Where these waves are looked at more or less often than
// eight times, the piece comes out larger or smaller, without its ever being drawn
// in its own size; and waves finer than that are left out, as a lens would.

// mostEighths is twice the size.
const mostEighths = 16

// basis is the eight waves, each looked at n times.
type basis struct {
	n, used int // used is how many are not finer than that
	waves   [8][2 * mostEighths]float32
}

func newBasis(n int) *basis {
	b := &basis{n: n, used: min(n, 8)}
	for u := range b.used {
		strength := 0.5
		if u == 0 {
			strength /= math.Sqrt2
		}
		for x := range n {
			b.waves[u][x] = float32(strength * math.Cos(float64((2*x+1)*u)*math.Pi/float64(2*n)))
		}
	}
	return b
}

// draw decodes the picture to so many eighths of its size, and into to.
func (d *decoder) draw(to *image.RGBA, eighths int) error {
	across := (d.width + 8*d.hMax - 1) / (8 * d.hMax)
	down := (d.height + 8*d.vMax - 1) / (8 * d.vMax)
	for i := range d.components {
		c := &d.components[i]
		c.across, c.down = newBasis(eighths*d.hMax/c.h), newBasis(eighths*d.vMax/c.v)
		c.stride = across * c.h * c.across.n
		c.band = make([]byte, c.stride*c.v*c.down.n)
		c.factors = *d.quantisers[c.quantiser]
		defer clear(c.band)
	}
	p := newPlacing(to, scaled(d.width, eighths), scaled(d.height, eighths))
	left, marker := d.restart, byte(0)
	for y := range down {
		for x := range across {
			if d.restart > 0 && left == 0 {
				if err := d.next(rst0 + marker); err != nil {
					return err
				}
				left, marker = d.restart, (marker+1)%8
			}
			left--
			if err := d.mcu(x); err != nil {
				return err
			}
		}
		if d.overrun() {
			return errJPEG
		}
		p.rows(d.components, y*d.vMax*eighths, d.vMax*eighths)
	}
	return d.next(eoi)
}

// mcu decodes what is coded together, the x-th of its row.
func (d *decoder) mcu(x int) error {
	for i := range d.components {
		c := &d.components[i]
		for v := range c.v {
			for h := range c.h {
				var k [64]float32
				rows, columns, err := d.block(c, &k)
				if err != nil {
					return err
				}
				c.draw(&k, rows, columns, c.band[v*c.down.n*c.stride+(x*c.h+h)*c.across.n:])
			}
		}
	}
	return nil
}

// level is the byte of a sample, which the coefficients have around 0.
func level(v float32) byte { return byte(min(max(int32(v+128.5), 0), 255)) }

// draw makes samples of a block of which those rows and columns have coefficients.
func (c *component) draw(k *[64]float32, rows, columns byte, to []byte) {
	nx, ny := c.across.n, c.down.n
	rows &= byte(1<<c.down.used - 1)
	columns &= byte(1<<c.across.used - 1)
	if rows == 1 && columns == 1 {
		flat := level(k[0] / 8)
		for y := range ny {
			line := to[y*c.stride : y*c.stride+nx]
			for x := range line {
				line[x] = flat
			}
		}
		return
	}
	// Each row of waves on its own, then the rows together.
	var lines [8][2 * mostEighths]float32
	var used [8]int
	n := 0
	for r := rows; r != 0; r &= r - 1 {
		v := mathbits.TrailingZeros8(r)
		line := lines[n][:nx]
		for q := columns; q != 0; q &= q - 1 {
			u := mathbits.TrailingZeros8(q)
			if f := k[8*v+u]; f != 0 {
				wave := c.across.waves[u][:nx]
				for x := range line {
					line[x] += f * wave[x]
				}
			}
		}
		used[n] = v
		n++
	}
	for y := range ny {
		var sum [2 * mostEighths]float32
		line := sum[:nx]
		for i, v := range used[:n] {
			f := c.down.waves[v][y]
			from := lines[i][:nx]
			for x := range line {
				line[x] += f * from[x]
			}
		}
		out := to[y*c.stride : y*c.stride+nx]
		for x := range out {
			out[x] = level(line[x])
		}
	}
}

// placing puts decoded rows where they belong.
type placing struct {
	to      *image.RGBA
	columns []int32 // which column is drawn at each place
	height  int     // of what is decoded
	drawn   int     // rows of to
}

func newPlacing(to *image.RGBA, width, height int) *placing {
	p := &placing{to: to, columns: make([]int32, to.Rect.Dx()), height: height}
	for x := range p.columns {
		p.columns[x] = int32(place(x, len(p.columns), width))
	}
	return p
}

// place is which of so many is drawn at place i of n.
func place(i, n, many int) int { return min((2*i+1)*many/(2*n), many-1) }

// rows draws what was decoded of rows from to from+n.
func (p *placing) rows(components []component, from, n int) {
	for height := p.to.Rect.Dy(); p.drawn < height; p.drawn++ {
		y := place(p.drawn, height, p.height)
		if y >= from+n {
			return
		}
		line := p.to.Pix[p.drawn*p.to.Stride:][:4*len(p.columns)]
		band := func(i int) []byte {
			c := &components[i]
			return c.band[(y-from)*c.stride : (y-from+1)*c.stride]
		}
		if len(components) == 1 {
			inGray(line, band(0), p.columns)
		} else {
			inColour(line, band(0), band(1), band(2), p.columns)
		}
	}
}

func inGray(line, gray []byte, columns []int32) {
	for x, at := range columns {
		g := gray[at]
		to := line[4*x : 4*x+4 : 4*x+4]
		to[0], to[1], to[2], to[3] = g, g, g, 0xff
	}
}

// inColour is YCbCr in red, green and blue, as JFIF defines it.
func inColour(line, luma, blue, red []byte, columns []int32) {
	const half = 1 << 15
	for x, at := range columns {
		y, b, r := int32(luma[at])<<16+half, int32(blue[at])-128, int32(red[at])-128
		to := line[4*x : 4*x+4 : 4*x+4]
		to[0] = within((y + 91881*r) >> 16)
		to[1] = within((y - 22554*b - 46802*r) >> 16)
		to[2] = within((y + 116130*b) >> 16)
		to[3] = 0xff
	}
}

func within(v int32) byte {
	if uint32(v) > 255 {
		return byte(^(v >> 31)) // 0 below, 255 above
	}
	return byte(v)
}
