package specimen

import "strings"

// bitmap is a page of black (set) and white dots, packed as in a TIFF.
type bitmap struct {
	width, height, stride int
	bits                  []byte
}

func newBitmap(width, height int) bitmap {
	stride := (width + 7) / 8
	return bitmap{width, height, stride, make([]byte, stride*height)}
}

func (b bitmap) set(x, y int) { b.bits[y*b.stride+x/8] |= 0x80 >> (x % 8) }

func (b bitmap) black(x, y int) bool { return b.bits[y*b.stride+x/8]&(0x80>>(x%8)) != 0 }

// changes lists where the colour changes in row y, from an imagined white dot
// before it: even places turn black, odd places white. The width follows often
// enough that a search never runs off the end.
func (b bitmap) changes(y int) []int {
	var list []int
	was := false
	for x := range b.width {
		if is := b.black(x, y); is != was {
			list, was = append(list, x), is
		}
	}
	return append(list, b.width, b.width, b.width, b.width)
}

// group4 encodes the page as ITU-T T.6 (CCITT Group 4): each row as its
// difference from the row above, the first from a white one.
func group4(b bitmap) []byte {
	var out bitWriter
	above := []int{b.width, b.width, b.width, b.width}
	for y := range b.height {
		row := b.changes(y)
		out.row(above, row, b.width)
		above = row
	}
	out.put("000000000001000000000001") // end of facsimile block
	return out.bytes
}

// vertical holds the codes for a1 being -3 … 3 dots right of b1.
var vertical = [7]string{"0000010", "000010", "010", "1", "011", "000011", "0000011"}

// row encodes one row after T.6 figure 7; a0, a1, a2, b1 and b2 are the
// standard's names.
func (w *bitWriter) row(above, row []int, width int) {
	a0, colour := -1, 0 // 0 white, 1 black
	for a0 < width {
		a1 := next(row, a0, colour)
		b1 := next(above, a0, colour)
		b2 := next(above, b1, 1-colour)
		switch {
		case b2 < a1:
			w.put("0001")
			a0 = b2
		case a1-b1 >= -3 && a1-b1 <= 3:
			w.put(vertical[a1-b1+3])
			a0, colour = a1, 1-colour
		default:
			a2 := next(row, a1, 1-colour)
			w.put("001")
			w.run(a1-max(a0, 0), colour)
			w.run(a2-a1, 1-colour)
			a0 = a2
		}
	}
}

// next is the first place right of x at which the colour turns away from
// colour. The list ends in the width.
func next(changes []int, x, colour int) int {
	for i := colour; i < len(changes); i += 2 {
		if changes[i] > x {
			return changes[i]
		}
	}
	return changes[len(changes)-1]
}

// run writes a run of length dots: make-up codes, then a terminating code.
func (w *bitWriter) run(length, colour int) {
	codes := white
	if colour == 1 {
		codes = black
	}
	for length >= 64 {
		step := min(length/64, 40)
		w.put(codes[63+step])
		length -= 64 * step
	}
	w.put(codes[length])
}

type bitWriter struct {
	bytes []byte
	used  int // bits of the last byte, 0 when it is full
}

func (w *bitWriter) put(code string) {
	for i := range len(code) {
		if w.used == 0 {
			w.bytes = append(w.bytes, 0)
		}
		if code[i] == '1' {
			w.bytes[len(w.bytes)-1] |= 0x80 >> w.used
		}
		w.used = (w.used + 1) % 8
	}
}

// white holds the codes of white runs (T.4 tables 2 and 3a): 0 to 63, then the
// make-up codes 64, 128, … 2560.
var white = strings.Fields(`
	00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010
	101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010
	00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010
	00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100
	00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 11011 10010 010111
	0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011
	011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010
	011000 010011011 00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101
	000000010110 000000010111 000000011100 000000011101 000000011110 000000011111`)

// black holds those of black runs.
var black = strings.Fields(`
	0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
	0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111
	00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 000001101010
	000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 000001101100
	000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100
	000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000
	000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 0000001111
	000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101
	0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
	0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101
	0000001011010 0000001011011 0000001100100 0000001100101 00000001000 00000001100 00000001101 000000010010
	000000010011 000000010100 000000010101 000000010110 000000010111 000000011100 000000011101 000000011110
	000000011111`)
