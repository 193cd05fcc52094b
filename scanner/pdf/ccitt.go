package pdf

import (
	"encoding/binary"
	"errors"
)

// faxCoding is one of the ways in which CCITT coding writes rows.
type faxCoding struct {
	twoDimensional bool // rows may refer to the row above
	endOfLines     bool // Group 3: rows may begin with an end-of-line word
	align          int  // rows begin at a multiple of so many bits; 0 and 1: anywhere
}

// The codings that TIFF knows; rows of mixed Group 3 say themselves how they are
// coded.
var (
	group3      = faxCoding{endOfLines: true}
	group3Mixed = faxCoding{endOfLines: true, twoDimensional: true}
	group4      = faxCoding{twoDimensional: true}
	huffman     = faxCoding{align: 8}  // TIFF's compression 2
	huffmanWord = faxCoding{align: 16} // TIFF's compression 32771
)

// Errors of the fax decoder. errFaxEnd says that the data ends before the
// picture does.
var (
	errFaxEnd         = errors.New("fax data ends before the last row")
	errFaxCode        = errors.New("not a code word of fax data")
	errFaxUnsupported = errors.New("fax data in uncompressed mode")
)

// faxDecoder reads CCITT-coded rows, strictly: a row that is not exactly as wide
// as the page ends it with an error.
type faxDecoder struct {
	faxCoding
	data  []byte // with faxSlack zeros behind it
	bits  int    // of data, without them
	at    int    // the next bit
	width int32
	// Rows are lists of the places where the colour changes, the first time to
	// black, ending in faxEnds times the width.
	above, row []int32
	lines      int // end-of-line words seen
}

const (
	faxSlack = 8 // bytes that a look at the next bits may reach beyond the data
	faxEnds  = 4 // so that a search for a change never runs off a row
)

// newFaxDecoder reads a copy of data.
func newFaxDecoder(data []byte, width int, c faxCoding) *faxDecoder {
	d := &faxDecoder{faxCoding: c, bits: 8 * len(data), width: int32(width)}
	d.data = append(data[:len(data):len(data)], make([]byte, faxSlack)...)
	d.above, d.row = make([]int32, 0, 256), make([]int32, 0, 256)
	d.row = d.ended(d.row)
	return d
}

func (d *faxDecoder) ended(row []int32) []int32 {
	return append(row, d.width, d.width, d.width, d.width)
}

// peek is the next n bits, 1 to 32.
func (d *faxDecoder) peek(n int) int {
	return int(binary.BigEndian.Uint64(d.data[d.at/8:]) << (d.at % 8) >> (64 - n))
}

// next decodes a row and returns its changes, which hold until the row after
// the next.
func (d *faxDecoder) next() ([]int32, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	flat := !d.twoDimensional
	if d.twoDimensional && d.endOfLines { // each row has a tag behind its end-of-line word
		flat = d.peek(1) == 1
		d.at++
	}
	d.above, d.row = d.row, d.above[:0]
	var err error
	if flat {
		err = d.oneDimensional()
	} else {
		err = d.followAbove()
	}
	if err != nil {
		return nil, err
	}
	if d.at > d.bits {
		return nil, errFaxEnd
	}
	d.row = d.ended(d.row)
	return d.row, nil
}

// begin goes to the start of a row, over fill bits and an end-of-line word.
func (d *faxDecoder) begin() error {
	if d.align > 1 {
		d.at = (d.at + d.align - 1) / d.align * d.align
	}
	if d.at >= d.bits {
		return errFaxEnd
	}
	if d.endOfLines {
		return d.endOfLine()
	}
	return nil
}

// maxFill is how many zeros may stand before an end-of-line word. Machines fill
// rows up with them to the time that the other side needs to print one, which is
// 40 ms at most (T.30, table 2): 1,344 at 33,600 bits a second. More of them, as a
// bad block of a disk holds, have taken the place of rows.
const maxFill = 2048

// endOfLine skips one end-of-line word, which is eleven zeros or more and a one,
// if there is one. Two in a row end the page.
func (d *faxDecoder) endOfLine() error {
	const zeros = 11
	at := d.at
	for d.at < d.bits && d.peek(1) == 0 {
		if d.at%8 == 0 && d.data[d.at/8] == 0 && d.at+8 <= d.bits {
			d.at += 8
		} else {
			d.at++
		}
	}
	if d.at-at < zeros {
		d.at = at
		return nil
	}
	if d.at >= d.bits {
		return errFaxEnd
	}
	if d.at-at > maxFill {
		return errFaxCode
	}
	d.at++
	d.lines++
	tag := 0
	if d.twoDimensional {
		tag = 1
	}
	if d.peek(tag+zeros+1)&(1<<(zeros+1)-1) == 1 {
		return errFaxEnd
	}
	return nil
}

// wrong is the error for bits that are no code word: where only zeros or an
// end-of-line word are left, the data has ended.
func (d *faxDecoder) wrong() error {
	if d.at+runBits > d.bits {
		return errFaxEnd
	}
	if d.peek(24) == 0x001001 || d.peek(12) == 1 {
		return errFaxEnd
	}
	for _, b := range d.data[d.at/8+1:] {
		if b != 0 {
			return errFaxCode
		}
	}
	return errFaxEnd
}

// change adds a change of colour. Two at one place, around a run of no dots, are
// none.
func (d *faxDecoder) change(x int32) {
	if n := len(d.row); n > 0 && d.row[n-1] == x {
		d.row = d.row[:n-1]
	} else {
		d.row = append(d.row, x)
	}
}

// run reads the words of one run.
func (d *faxDecoder) run(colour int) (int32, error) {
	var length int32
	for length <= d.width {
		c := runCodes[colour][d.peek(runBits)]
		if c.bits == 0 {
			return 0, d.wrong()
		}
		d.at += int(c.bits)
		if d.at > d.bits {
			return 0, errFaxEnd
		}
		if length += int32(c.run); c.run < 64 {
			return length, nil
		}
	}
	return 0, errFaxCode
}

// oneDimensional reads a row of runs, white first.
func (d *faxDecoder) oneDimensional() error {
	var x int32
	for colour := 0; x < d.width; colour = 1 - colour {
		run, err := d.run(colour)
		if err != nil {
			return err
		}
		if x += run; x > d.width {
			return errFaxCode
		}
		if x < d.width {
			d.change(x)
		}
	}
	return nil
}

// followAbove reads a row as its difference from the row above (T.4 section
// 4.2). a0 is the standard's: where the row has got to; above[b] is its b1, the
// first change above that lies right of a0 and turns away from the row's colour.
func (d *faxDecoder) followAbove() error {
	a0, colour, b := int32(-1), 0, 0
	for a0 < d.width {
		for d.above[b] <= a0 {
			b += 2
		}
		m := modeCodes[d.peek(modeBits)]
		d.at += int(m.bits)
		if m.bits == 0 || d.at > d.bits {
			return d.wrong()
		}
		switch m.mode {
		case modePass:
			a0 = d.above[b+1]
		case modeHorizontal:
			end, err := d.horizontal(max(a0, 0), colour)
			if err != nil {
				return err
			}
			a0 = end
		case modeExtension:
			return errFaxUnsupported
		default:
			a1 := d.above[b] + int32(m.mode) - int32(modeVertical) - 3
			if a1 < max(a0, 0) || a1 > d.width {
				return errFaxCode
			}
			if a0 = a1; a1 < d.width {
				d.change(a1)
			}
			colour = 1 - colour
			if b > 0 { // a change to the left may lie right of a0 after all
				b--
			} else {
				b++
			}
		}
	}
	return nil
}

// horizontal reads a run of each colour from x and returns where they end.
func (d *faxDecoder) horizontal(x int32, colour int) (int32, error) {
	for i := range 2 {
		run, err := d.run(colour ^ i)
		if err != nil {
			return 0, err
		}
		if x += run; x > d.width {
			return 0, errFaxCode
		}
		if x < d.width {
			d.change(x)
		}
	}
	return x, nil
}

// used is the data up to the end of the last row that was read, with nothing
// hidden in the bits behind it.
func (d *faxDecoder) used() []byte {
	data := d.data[:(d.at+7)/8]
	if spare := 8*len(data) - d.at; spare > 0 {
		data[len(data)-1] &= 0xff << spare
	}
	return data
}
