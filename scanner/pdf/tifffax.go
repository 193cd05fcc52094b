package pdf

import (
	"fmt"
	"io"
	"math/bits"
)

// faxCoding is how a page in one of CCITT's codings is written, if it is in one.
func (p *tiffPage) faxCoding() (faxCoding, bool) {
	const mixed = 1 // bit of T4Options
	switch {
	case p.compression == packedHuffman:
		return huffman, true
	case p.compression == packedHuffmanW:
		return huffmanWord, true
	case p.compression == packedGroup3 && p.t4Options&mixed != 0:
		return group3Mixed, true
	case p.compression == packedGroup3:
		return group3, true
	case p.compression == packedGroup4:
		return group4, true
	}
	return faxCoding{}, false
}

// drawFax writes a black and white page in fax coding, all rows of which are
// decoded on the way to see that they are there.
//
// A page in one strip passes through bit by bit, without what stands behind its
// last row. Strips cannot simply be joined: each begins on a byte, and in Group
// 4 also with a white row to refer to. One picture a strip would leave hairs
// between them in some viewers, so the same dots are written as one stream of
// Group 4. That is smaller than the strips, and exact.
func (t *tiffFile) drawFax(p *tiffPage, c faxCoding, w *writer) (int, Look, error) {
	maker := newLookMaker(int(p.width), int(p.length), 1)
	anew, encoder := p.piecesNeeded() > 1, newFaxEncoder(int(p.width))
	d, err := t.readFax(p, c, func(y int, row []int32) {
		maker.planes[0].runs(y, row)
		if anew {
			encoder.row(row)
		}
	})
	if err == nil && !anew && !d.passes(int(p.length)) {
		anew = true
		_, err = t.readFax(p, c, func(_ int, row []int32) { encoder.row(row) })
	}
	if err != nil {
		return 0, Look{}, err
	}
	data := d.used()
	if anew {
		data, c = encoder.bytes(), group4
	}
	tone := negative // what changes first is black
	if p.photometric == blackIsZero {
		tone = grey
	}
	return w.add(p.faxDict(c), data), maker.look(tone, int(p.orientation)), nil
}

// readFax decodes the strips of a page row by row, and returns the decoder of
// the last.
func (t *tiffFile) readFax(p *tiffPage, c faxCoding, each func(y int, row []int32)) (*faxDecoder, error) {
	var d *faxDecoder
	for y := range int(p.length) {
		if y%int(p.pieceLength) == 0 {
			strip, err := t.piece(p, y/int(p.pieceLength))
			if err != nil {
				return nil, err
			}
			d = newFaxDecoder(strip, int(p.width), c)
		}
		row, err := d.next()
		if err != nil {
			return nil, err
		}
		each(y, row)
	}
	return d, nil
}

// passes reports whether PDF has a word for how the rows were written: they
// begin with end-of-line words all or none, and on whole bytes if they are
// aligned.
func (d *faxDecoder) passes(rows int) bool {
	if d.endOfLines {
		return d.lines == rows || d.lines == 0 && !d.twoDimensional
	}
	return d.align <= 8
}

// faxDict is the image dictionary of a fax-coded page (PDF 32000-1, table 11).
// The data ends with its last row and has no end-of-block word.
func (p *tiffPage) faxDict(c faxCoding) string {
	k := 0
	switch {
	case c == group4:
		k = -1
	case c.twoDimensional:
		k = 4
	}
	parms := fmt.Sprintf("/K %d/Columns %d/Rows %d/EndOfBlock false", k, p.width, p.length)
	if c.align == 8 {
		parms += "/EncodedByteAlign true"
	}
	if p.photometric == blackIsZero {
		parms += "/BlackIs1 true"
	}
	return imageDict(int(p.width), int(p.length)) + samples{bits: 1}.dict() +
		"/Filter/CCITTFaxDecode/DecodeParms<<" + parms + ">>"
}

// faxRows gives the decoded rows of a tile as packed bits, 1 for black.
type faxRows struct {
	decoder *faxDecoder
	width   int
	row     []byte // what is left of it to give
}

func (f *faxRows) Read(b []byte) (int, error) {
	if len(f.row) == 0 {
		changes, err := f.decoder.next()
		if err == errFaxEnd {
			return 0, io.EOF
		}
		if err != nil {
			return 0, err
		}
		f.row = make([]byte, (f.width+7)/8)
		for i := 0; int(changes[i]) < f.width; i += 2 {
			for x := changes[i]; x < changes[i+1]; x++ {
				f.row[x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	n := copy(b, f.row)
	f.row = f.row[n:]
	return n, nil
}

func reverseBits(data []byte) {
	for i, b := range data {
		data[i] = bits.Reverse8(b)
	}
}
