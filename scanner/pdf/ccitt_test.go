package pdf

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"golang.org/x/image/ccitt"
	"pgregory.net/rapid"
)

// faxPage draws rows of changes for a page of the given width.
func faxPage(t *rapid.T, width int) [][]int32 {
	rows := make([][]int32, rapid.IntRange(1, 6).Draw(t, "rows"))
	for y := range rows {
		if y > 0 && rapid.Bool().Draw(t, "like the row above") { // as writing is, give or take a dot
			for _, x := range rows[y-1] {
				x += int32(rapid.IntRange(-4, 4).Draw(t, "moved"))
				if n := len(rows[y]); x >= 0 && int(x) < width && (n == 0 || rows[y][n-1] < x) {
					rows[y] = append(rows[y], x)
				}
			}
			continue
		}
		x := rapid.IntRange(0, width).Draw(t, "first")
		for x < width {
			rows[y] = append(rows[y], int32(x))
			x += rapid.SampledFrom([]int{1, 2, 3, 7, 62, 63, 64, 65, 1791, 1792, 2559, 2560, 2561, 5121}).Draw(t, "run")
		}
	}
	return rows
}

// inEnds is a row as the decoder gives it.
func inEnds(row []int32, width int) []int32 {
	w := int32(width)
	return append(slices.Clone(row), w, w, w, w)
}

func TestRowsComeBackFromGroup4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 6000).Draw(t, "width")
		rows := faxPage(t, width)
		e := newFaxEncoder(width)
		for _, row := range rows {
			e.row(inEnds(row, width))
		}
		data := e.bytes()
		d := newFaxDecoder(data, width, group4)
		for y, row := range rows {
			got, err := d.next()
			if err != nil || !slices.Equal(got, inEnds(row, width)) {
				t.Fatalf("row %d: %v, want %v (%v)", y, got, row, err)
			}
		}
		if !bytes.Equal(d.used(), data) {
			t.Error("what the decoder used is not what the encoder wrote")
		}
		// Another decoder, which wants an end-of-block word.
		bits := new(bitsOf)
		bits.bytes(data)
		other, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(append(bits.data, 0, 0x10, 0x01, 0, 0x10, 0x01)), ccitt.MSB,
			ccitt.Group4, width, len(rows), &ccitt.Options{Invert: true}))
		if err != nil {
			t.Fatalf("golang.org/x/image/ccitt: %v", err)
		}
		stride := (width + 7) / 8
		for y, row := range rows {
			if want := packed(inEnds(row, width), width); !sameDots(other[y*stride:][:stride], want, width) {
				t.Fatalf("row %d differs in golang.org/x/image/ccitt", y)
			}
		}
	})
}

// packed draws a row as bits, 1 for black.
func packed(changes []int32, width int) []byte {
	row := make([]byte, (width+7)/8)
	for i := 0; int(changes[i]) < width; i += 2 {
		for x := changes[i]; x < changes[i+1]; x++ {
			row[x/8] |= 0x80 >> (x % 8)
		}
	}
	return row
}

// sameDots compares two rows without the bits that fill up the last byte.
func sameDots(a, b []byte, width int) bool {
	for x := range width {
		if (a[x/8]^b[x/8])&(0x80>>(x%8)) != 0 {
			return false
		}
	}
	return true
}

// bitsOf writes code words one after the other.
type bitsOf struct {
	data []byte
	used int
}

func (b *bitsOf) put(code int, n int) {
	for i := n - 1; i >= 0; i-- {
		if b.used%8 == 0 {
			b.data = append(b.data, 0)
		}
		if code>>i&1 == 1 {
			b.data[b.used/8] |= 0x80 >> (b.used % 8)
		}
		b.used++
	}
}

func (b *bitsOf) bytes(data []byte) {
	for _, v := range data {
		b.put(int(v), 8)
	}
}

func (b *bitsOf) align(n int) {
	for b.used%n != 0 {
		b.put(0, 1)
	}
}

// runs writes a row in one dimension.
func (b *bitsOf) runs(row []int32, width int) {
	x, colour := 0, 0
	for _, next := range append(slices.Clone(row), int32(width)) {
		run := int(next) - x
		for run >= 64 {
			step := min(run/64, 40)
			w := runWords[colour][63+step]
			b.put(int(w.code), int(w.bits))
			run -= 64 * step
		}
		w := runWords[colour][run]
		b.put(int(w.code), int(w.bits))
		x, colour = int(next), 1-colour
	}
}

// TestEveryWayOfWritingRowsIsRead writes one-dimensional rows in the ways that
// are seen: with and without end-of-line words, filled up before and after them,
// in whole bytes and words, with a tag, with an end of page behind.
func TestEveryWayOfWritingRowsIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		coding      faxCoding
		before      func(b *bitsOf)
		end         func(b *bitsOf)
		passesAs1To int // whether it passes as it is: 1
	}{
		"Huffman":                       {huffman, func(b *bitsOf) { b.align(8) }, nil, 1},
		"Huffman in words":              {huffmanWord, func(b *bitsOf) { b.align(16) }, nil, 0},
		"Group 3 without end of line":   {group3, func(b *bitsOf) {}, nil, 1},
		"Group 3":                       {group3, func(b *bitsOf) { b.put(1, 12) }, func(b *bitsOf) { b.put(0x001001, 24) }, 1},
		"Group 3, much fill":            {group3, func(b *bitsOf) { b.put(0, 61); b.put(1, 12) }, nil, 1},
		"Group 3, ends of line on byte": {group3, func(b *bitsOf) { b.put(0, (12-b.used%8)%8); b.put(1, 12) }, nil, 1},
		"Group 3 mixed":                 {group3Mixed, func(b *bitsOf) { b.put(3, 13) }, func(b *bitsOf) { b.put(3, 13); b.put(3, 13) }, 1},
	} {
		rapid.Check(t, func(t *rapid.T) {
			width := rapid.IntRange(1, 3000).Draw(t, "width")
			rows := faxPage(t, width)
			var b bitsOf
			for _, row := range rows {
				c.before(&b)
				b.runs(row, width)
			}
			if c.end != nil {
				c.end(&b)
			}
			d := newFaxDecoder(b.data, width, c.coding)
			for y, row := range rows {
				got, err := d.next()
				if err != nil || !slices.Equal(got, inEnds(row, width)) {
					t.Fatalf("%s: row %d: %v, want %v (%v)", name, y, got, row, err)
				}
			}
			if d.passes(len(rows)) != (c.passesAs1To == 1) {
				t.Fatalf("%s: passes: %v", name, d.passes(len(rows)))
			}
			if c.end != nil {
				if _, err := d.next(); !errors.Is(err, errFaxEnd) {
					t.Fatalf("%s: a row behind the end: %v", name, err)
				}
			}
		})
	}
}

func TestAFaxThatStopsEarlyHasEndedAndOneWithAHoleIsDamaged(t *testing.T) {
	const width, height = 800, 60
	e := newFaxEncoder(width)
	row := func(y int) []int32 {
		return inEnds([]int32{int32(20 + y%7), int32(200 + y*3), int32(500 - y), 777}, width)
	}
	for y := range height {
		e.row(row(y))
	}
	whole := e.bytes()
	read := func(data []byte) error {
		d := newFaxDecoder(data, width, group4)
		for range height {
			if _, err := d.next(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := read(whole[:n]); !errors.Is(err, errFaxEnd) {
			t.Fatalf("cut at %d of %d: %v", n, len(whole), err)
		}
		zeros := append(bytes.Clone(whole[:n]), make([]byte, 100)...)
		if err := read(zeros); err == nil {
			t.Fatalf("zeros from %d on are taken for rows", n)
		}
	}
	half := newFaxEncoder(width)
	for y := range height / 2 {
		half.row(row(y))
	}
	half.put(faxWord{1, 12})
	half.put(faxWord{1, 12})
	if err := read(half.bytes()); !errors.Is(err, errFaxEnd) {
		t.Errorf("an end of block in the middle: %v", err)
	}
	back := newFaxEncoder(width)
	back.row(inEnds([]int32{1, 3}, width))
	back.put(verticalWords[3])
	back.put(verticalWords[0]) // to the left of where the row has got to
	back.put(verticalWords[3])
	if err := read(append(back.bytes(), 0xff, 0xff, 0xff)); !errors.Is(err, errFaxCode) {
		t.Errorf("a row that turns back: %v", err)
	}
	if err := read([]byte{0b0000001_1, 0x80}); !errors.Is(err, errFaxUnsupported) {
		t.Errorf("uncompressed mode: %v", err)
	}
}

// FuzzFax compares the decoder with golang.org/x/image/ccitt: what both take must
// be the same dots, and what this one takes must survive its own encoder.
func FuzzFax(f *testing.F) {
	e := newFaxEncoder(100)
	for y := range int32(20) {
		e.row(inEnds([]int32{y, 20 + y, 50, 90 - y}, 100))
	}
	f.Add(e.bytes(), 100, uint8(2))
	var b bitsOf
	for y := range int32(20) {
		b.put(1, 12)
		b.runs([]int32{y, 20 + y, 50, 90 - y}, 100)
	}
	f.Add(b.data, 100, uint8(0))
	f.Add(b.data, 100, uint8(1))
	f.Add([]byte{0x35, 0x35, 0x35}, 1, uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, width int, kind uint8) {
		coding := []faxCoding{group3, group3Mixed, group4, huffman, huffmanWord}[kind%5]
		if width < 1 || width > 5000 || len(data) > 1<<14 {
			return
		}
		d := newFaxDecoder(data, width, coding)
		e := newFaxEncoder(width)
		var rows [][]int32
		for len(rows) < 500 {
			row, err := d.next()
			if err != nil {
				break
			}
			for i := range len(row) - faxEnds {
				if row[i] < 0 || i > 0 && row[i] <= row[i-1] || int(row[i]) >= width {
					t.Fatalf("row %v of width %d", row, width)
				}
			}
			e.row(row)
			rows = append(rows, slices.Clone(row))
		}
		again := newFaxDecoder(e.bytes(), width, group4)
		for y := range rows {
			if row, err := again.next(); err != nil || !slices.Equal(row, rows[y]) {
				t.Fatalf("row %d does not survive: %v", y, err)
			}
		}
		if coding != group4 || len(rows) == 0 {
			return
		}
		other, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(data), ccitt.MSB, ccitt.Group4, width, len(rows),
			&ccitt.Options{Invert: true}))
		if err != nil {
			return
		}
		stride := (width + 7) / 8
		for y, row := range rows {
			if !sameDots(other[y*stride:][:stride], packed(row, width), width) {
				t.Fatalf("row %d differs in golang.org/x/image/ccitt", y)
			}
		}
	})
}
