package pdf_test

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// dots is a picture in black (true) and white.
type dots [][]bool

// newDots has a frame, a diagonal and some blots.
func newDots(width, height int) dots {
	d := make(dots, height)
	for y := range d {
		d[y] = make([]bool, width)
		for x := range d[y] {
			d[y][x] = x == 0 || y == 0 || x == width-1 || y == height-1 || x == y || (x*7+y*3)%23 == 0 && x > y
		}
	}
	return d
}

func (d dots) at(x, y int) int {
	if y < 0 || x < 0 || x >= len(d[0]) || !d[y][x] {
		return 0
	}
	return 1
}

// jbSegment writes a segment of a JBIG2 stream (T.88, 7.2) of page 1, or of none.
func jbSegment(number uint32, kind byte, page byte, refersTo []byte, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, number)
	b = append(b, kind, byte(len(refersTo))<<5)
	b = append(append(b, refersTo...), page)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// jbPage describes page 1.
func jbPage(width, height int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(width))
	b = binary.BigEndian.AppendUint32(b, uint32(height))
	return jbSegment(0, 48, 1, nil, append(b, make([]byte, 11)...))
}

// jbWhere begins a region segment.
func jbWhere(width, height, x, y int) []byte {
	var b []byte
	for _, n := range []int{width, height, x, y} {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return append(b, 0)
}

// jbGeneric codes a region dot by dot.
func jbGeneric(number uint32, d dots, y int) []byte {
	b := append(jbWhere(len(d[0]), len(d), 0, y), 0, 3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe)
	return jbSegment(number, 38, 1, nil, append(b, arithmetic(d)...))
}

// mqStates are those of the arithmetic coder (T.88, table E.1): the probability,
// and the state after the likelier and the other symbol; "!" changes which is
// the likelier.
var mqStates = strings.Fields(`5601/1/1! 3401/2/6 1801/3/9 0ac1/4/12 0521/5/29 0221/38/33 5601/7/6! 5401/8/14 4801/9/14
3801/10/14 3001/11/17 2401/12/18 1c01/13/20 1601/29/21 5601/15/14! 5401/16/14 5101/17/15 4801/18/16 3801/19/17
3401/20/18 3001/21/19 2801/22/19 2401/23/20 2201/24/21 1c01/25/22 1801/26/23 1601/27/24 1401/28/25 1201/29/26
1101/30/27 0ac1/31/28 09c1/32/29 08a1/33/30 0521/34/31 0441/35/32 02a1/36/33 0221/37/34 0141/38/35 0111/39/36
0085/40/37 0049/41/38 0025/42/39 0015/43/40 0009/44/41 0005/45/42 0001/45/43 5601/46/46`)

// mqEncoder is the arithmetic encoder of T.88, annex E.
type mqEncoder struct {
	out    []byte
	a, c   uint32
	ct     int
	state  map[int]int // of each context
	likely map[int]int
}

func (e *mqEncoder) encode(context, bit int) {
	fields := strings.Split(strings.TrimSuffix(mqStates[e.state[context]], "!"), "/")
	changes := strings.HasSuffix(mqStates[e.state[context]], "!")
	number, _ := strconv.ParseUint(fields[0], 16, 32) // the table is right
	likelier, _ := strconv.Atoi(fields[1])
	other, _ := strconv.Atoi(fields[2])
	qe := uint32(number)
	e.a -= qe
	if bit == e.likely[context] {
		if e.a&0x8000 != 0 {
			e.c += qe
			return
		}
		if e.a < qe {
			e.a = qe
		} else {
			e.c += qe
		}
		e.state[context] = likelier
	} else {
		if e.a < qe {
			e.c += qe
		} else {
			e.a = qe
		}
		if changes {
			e.likely[context] = 1 - e.likely[context]
		}
		e.state[context] = other
	}
	for ok := true; ok; ok = e.a&0x8000 == 0 {
		e.a, e.c, e.ct = e.a<<1, e.c<<1, e.ct-1
		if e.ct == 0 {
			e.byteOut()
		}
	}
}

func (e *mqEncoder) byteOut() {
	last := len(e.out) - 1
	if e.out[last] != 0xff && e.c >= 0x8000000 {
		e.out[last]++
		e.c &= 0x7ffffff
	}
	if e.out[last] == 0xff {
		e.out, e.c, e.ct = append(e.out, byte(e.c>>20)), e.c&0xfffff, 7
	} else {
		e.out, e.c, e.ct = append(e.out, byte(e.c>>19)), e.c&0x7ffff, 8
	}
}

func (e *mqEncoder) flush() []byte {
	top := e.c + e.a
	e.c |= 0xffff
	if e.c >= top {
		e.c -= 0x8000
	}
	for range 2 {
		e.c <<= e.ct
		e.byteOut()
	}
	if e.out[len(e.out)-1] != 0xff {
		e.out = append(e.out, 0xff)
	}
	return append(e.out[1:], 0xac)
}

// arithmetic codes a picture with template 0 (T.88, figure 3).
func arithmetic(d dots) []byte {
	e := &mqEncoder{out: []byte{0}, a: 0x8000, ct: 12, state: map[int]int{}, likely: map[int]int{}}
	for y := range d {
		for x := range d[y] {
			context := 0
			for _, p := range [][2]int{{-2, -2}, {-1, -2}, {0, -2}, {1, -2}, {2, -2},
				{-3, -1}, {-2, -1}, {-1, -1}, {0, -1}, {1, -1}, {2, -1}, {3, -1}, {-4, 0}, {-3, 0}, {-2, 0}, {-1, 0}} {
				context = context<<1 | d.at(x+p[0], y+p[1])
			}
			e.encode(context, d.at(x, y))
		}
	}
	return e.flush()
}

// bits packs ones and zeros, written with spaces between; "|" goes to the next byte.
func bits(s string) []byte {
	var out []byte
	n := 0
	for _, c := range s {
		switch c {
		case '0', '1':
			if n%8 == 0 {
				out = append(out, 0)
			}
			out[len(out)-1] |= byte(c-'0') << (7 - n%8)
			n++
		case '|':
			n = (n + 7) / 8 * 8
		}
	}
	return out
}

// jbSymbols is a dictionary of one shape, a box of 8 × 8 dots (7.4.2): height 8,
// width 8, no more; its dots as they are; it is exported.
func jbSymbols(number uint32, page byte) []byte {
	b := []byte{0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
	b = append(b, bits("1110 100  1110 101  111111  0 0000 |")...)
	b = append(b, 0xff, 0x81, 0x81, 0x99, 0x99, 0x81, 0x81, 0xff)
	b = append(b, bits("0 0000  0 0001")...)
	return jbSegment(number, 0, page, nil, b)
}

// jbText puts the shape twice into a line of text (7.4.3).
func jbText(number uint32, symbols byte, width, height int) []byte {
	b := append(jbWhere(width, height, 0, 0), 0, 0x11, 0, 0, 0, 0, 0, 2)
	lengths := "0000 0001" + strings.Repeat(" 0000", 33) // of the codes of code lengths
	return jbSegment(number, 6, 1, []byte{symbols},
		append(b, bits(lengths+" 0 |"+"0  0  00 0001010 0  100 0101 0  01")...))
}

// jbig2File is a JBIG2 file of one page, for a program that reads such files.
func jbig2File(segments ...[]byte) []byte {
	return slicesOf(append([][]byte{[]byte("\x97JB2\r\n\x1a\n\x01\x00\x00\x00\x01")}, segments...)...)
}

// jbig2PDF is a PDF of one page with a JBIG2 picture.
func jbig2PDF(width, height int, globals []byte, segments ...[]byte) []byte {
	parms := ""
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<</XObject<</P 5 0 R>>>>/Contents 4 0 R>>",
		stream("", "200 0 0 200 0 0 cm /P Do")}
	if globals != nil {
		parms = "/DecodeParms<</JBIG2Globals 6 0 R>>"
	}
	objects = append(objects, stream("/Type/XObject/Subtype/Image/Width "+strconv.Itoa(width)+"/Height "+strconv.Itoa(height)+
		"/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/JBIG2Decode"+parms, string(slicesOf(segments...))))
	if globals != nil {
		objects = append(objects, stream("", string(globals)))
	}
	return build(objects...)
}
