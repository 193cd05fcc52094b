package pdf

import "math/bits"

// lookPlanes is how many components the look of a JPEG needs: of luma and
// colour differences the first.
func (j *jpegImage) lookPlanes() int {
	if j.components == 3 && !j.rgb() {
		return 1
	}
	return j.components
}

// look is the look of the page, after check.
func (j *jpegImage) look(orientation int) Look {
	switch {
	case j.components == 4:
		return j.maker.look(j.greyOfInk, orientation)
	case j.rgb():
		return j.maker.look(greyOfRGB, orientation)
	default:
		return j.maker.look(grey, orientation)
	}
}

// greyOfInk is the grey of four components: ink, or by Adobe's segment its
// opposite, or luma and colour differences of that (YCCK).
func (j *jpegImage) greyOfInk(m [4]float64) float64 {
	if j.adobe && j.transform == 2 {
		y, cb, cr := m[0], m[1]-128, m[2]-128
		// These are red, green and blue, and so the opposite of the file's
		// ink, which is the opposite of ink.
		m[0], m[1], m[2] = y+1.402*cr, y-0.344136*cb-0.714136*cr, y+1.772*cb
		for i, v := range m[:3] {
			m[i] = 255 - min(max(v, 0), 255)
		}
	}
	if j.adobe {
		for i, v := range m {
			m[i] = 255 - v
		}
	}
	return greyOfCMYK(m)
}

// drawn gives a row of blocks, or of MCUs, to the look.
func (d *jpegDecoder) drawn(h *scanHeader, y int, single bool) {
	if d.progressive {
		return // more may come
	}
	for _, c := range h.components {
		if single {
			c.show(y)
			continue
		}
		for v := range c.v {
			c.show(y*c.v + v)
		}
	}
}

// drawAll draws a progressive picture.
func (d *jpegDecoder) drawAll() {
	for i := range d.components {
		c := &d.components[i]
		if c.coefficients == nil {
			continue
		}
		for y := range c.down {
			for x := range c.across {
				var k [64]int32
				at := y*c.columns + x
				for i, v := range c.coefficients[64*at : 64*at+64] {
					k[i] = int32(v)
				}
				c.draw(x, y, &k, 63-bits.LeadingZeros64(c.present[at]|1), &d.quantisers[c.quantiser])
			}
			c.show(y)
		}
	}
}

// lines is the part of the band that holds the rows of a block row.
func (c *jpegComponent) lines(y int) []byte {
	size := 64 * c.columns
	return c.band[y%c.v*size:][:size]
}

// show gives the rows of a drawn block row to the look.
func (c *jpegComponent) show(y int) {
	if c.plane == nil {
		return
	}
	lines, stride := c.lines(y), 8*c.columns
	for i := range 8 {
		c.plane.row(8*y+i, lines[i*stride:], 1)
	}
}

// draw turns a block's coefficients, in zigzag order, into samples; none behind
// last is other than 0.
func (c *jpegComponent) draw(x, y int, k *[64]int32, last int, quantiser *[64]int32) {
	out, stride := c.lines(y)[8*x:], 8*c.columns
	var f [64]float32
	for i := range last + 1 {
		f[natural[i]] = float32(k[i] * quantiser[i])
	}
	if last == 0 { // one colour
		v := level(f[0] / 8)
		for r := range 8 {
			for i := range 8 {
				out[r*stride+i] = v
			}
		}
		return
	}
	for i := range 8 {
		inverseDCT(&f, i, 8)
	}
	for r := range 8 {
		inverseDCT(&f, 8*r, 1)
		for i, v := range f[8*r : 8*r+8] {
			out[r*stride+i] = level(v / 4)
		}
	}
}

// level shifts a sample to 0 to 255.
func level(v float32) byte { return byte(min(max(v+128.5, 0), 255)) }

// natural is where the coefficients lie, row by row, in the order in which they
// are written.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// Cosines of multiples of π/16.
const (
	cos1 = 0.980785280403230449
	cos2 = 0.923879532511286756
	cos3 = 0.831469612302545237
	cos4 = 0.707106781186547524
	cos5 = 0.555570233019602225
	cos6 = 0.382683432365089772
	cos7 = 0.195090322016128268
)

// inverseDCT transforms eight values from at on, step apart, back into samples,
// twice as large as T.81 section A.3.3 has them.
func inverseDCT(f *[64]float32, at, step int) {
	v := func(i int) float32 { return f[at+i*step] }
	sum, difference := (v(0)+v(4))*cos4, (v(0)-v(4))*cos4
	a, b := v(2)*cos2+v(6)*cos6, v(2)*cos6-v(6)*cos2
	even := [4]float32{sum + a, difference + b, difference - b, sum - a}
	odd := [4]float32{
		v(1)*cos1 + v(3)*cos3 + v(5)*cos5 + v(7)*cos7,
		v(1)*cos3 - v(3)*cos7 - v(5)*cos1 - v(7)*cos5,
		v(1)*cos5 - v(3)*cos1 + v(5)*cos7 + v(7)*cos3,
		v(1)*cos7 - v(3)*cos5 + v(5)*cos3 - v(7)*cos1,
	}
	for i := range 4 {
		f[at+i*step], f[at+(7-i)*step] = even[i]+odd[i], even[i]-odd[i]
	}
}
