package pdf

import (
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// checkFax decodes a CCITT-coded picture to its last row (ISO 32000-1, 7.4.6):
// viewers leave the rows blank that they cannot read.
func (d *document) checkFax(data []byte, c codec, rows int64) error {
	columns := d.number(c.parms, "Columns", 1728)
	if columns < 1 || columns > d.limits.MaxPixels || rows > d.limits.MaxPixels/columns {
		return refuse(TooLarge)
	}
	var err error
	for _, coding := range d.codings(c.parms) {
		if err = decodeFax(newFaxDecoder(data, int(columns), coding), rows); err == nil {
			return nil
		}
	}
	switch {
	case errors.Is(err, errFaxEnd):
		return io.ErrUnexpectedEOF
	case errors.Is(err, errFaxUnsupported):
		return refuse(Unsupported)
	}
	return refuse(Damaged)
}

// codings are the ways in which the data may be coded, according to the filter's
// parameters. Group 3 that aligns its rows to bytes may do so with fill bits
// before end-of-line words, or without such words.
func (d *document) codings(parms types.Dict) []faxCoding {
	align := 0
	if d.flag(parms, "EncodedByteAlign") {
		align = 8
	}
	switch k := d.number(parms, "K", 0); {
	case k < 0:
		return []faxCoding{{twoDimensional: true, align: align}}
	case k > 0:
		return []faxCoding{group3Mixed}
	case align > 0:
		return []faxCoding{group3, {align: align}}
	}
	return []faxCoding{group3}
}

// decodeFax reads rows. A page that its encoder ended, a little short of what
// the dictionary says, is whole: some scanners say how high it is before they
// have seen the end of the paper.
func decodeFax(f *faxDecoder, rows int64) error {
	const short = 16 // of so many rows one may be missing
	for row := range rows {
		_, err := f.next()
		if err == nil {
			continue
		}
		if errors.Is(err, errFaxEnd) && f.marked() && rows-row <= rows/short {
			return nil
		}
		return err
	}
	return f.rest()
}

// rest looks at what stands behind the last row: the mark of the page's end, and
// zeros up to a round length. More rows than the dictionary says are a piece of
// the letter that no viewer draws.
func (f *faxDecoder) rest() error {
	other := 0
	for _, b := range f.data[min((f.at+7)/8, len(f.data)):] {
		if b != 0 {
			other++
		}
	}
	if other > restBytes {
		return errRest
	}
	return nil
}

// marked reports whether the mark that ends a page stands where the decoder
// stopped: two end-of-line words, of which Group 3's first may be behind it.
func (f *faxDecoder) marked() bool {
	const word, two = 12, 0x001001
	if f.at+2*word <= f.bits && f.peek(2*word) == two {
		return true
	}
	return f.lines > 0 && f.at+word < f.bits && (f.peek(word) == 1 || f.peek(word+1)&(1<<word-1) == 1)
}
