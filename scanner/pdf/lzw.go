package pdf

import (
	"errors"
	"io"
)

// Codes of LZW as TIFF writes it (TIFF 6.0, section 13).
const (
	lzwClear    = 256
	lzwEnd      = 257
	lzwFirst    = 258
	lzwMaxWidth = 12
)

var errLZW = errors.New("not a code of LZW data")

// lzwReader unpacks LZW. Before TIFF 6.0 some programs wrote the bits from the
// lowest up, and made codes longer one code later; libtiff tells such data by
// its first code, and so does this.
type lzwReader struct {
	data    []byte
	old     bool
	hold    uint32
	held    uint
	width   uint // of a code
	next    int  // the code that the next string gets
	last    int  // the code before; -1 at the start
	prefix  [1 << lzwMaxWidth]uint16
	suffix  [1 << lzwMaxWidth]byte
	string  [1 << lzwMaxWidth]byte // the last string, at the end of the array
	pending []byte                 // what is left of it to give
	err     error
}

func newLZWReader(data []byte) *lzwReader {
	r := &lzwReader{data: data, old: len(data) > 1 && data[0] == 0 && data[1]&1 == 1}
	r.clear()
	return r
}

func (r *lzwReader) clear() { r.width, r.next, r.last = 9, lzwFirst, -1 }

func (r *lzwReader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(r.pending) == 0 {
			if r.err == nil {
				r.err = r.step()
			}
			if r.err != nil {
				return n, r.err
			}
		}
		m := copy(b[n:], r.pending)
		n, r.pending = n+m, r.pending[m:]
	}
	return n, nil
}

// code reads the next code; data that ends without an end code is at its end.
func (r *lzwReader) code() int {
	for r.held < r.width {
		if len(r.data) == 0 {
			return lzwEnd
		}
		if r.old {
			r.hold |= uint32(r.data[0]) << r.held
		} else {
			r.hold = r.hold<<8 | uint32(r.data[0])
		}
		r.data = r.data[1:]
		r.held += 8
	}
	r.held -= r.width
	if r.old {
		code := r.hold & (1<<r.width - 1)
		r.hold >>= r.width
		return int(code)
	}
	return int(r.hold >> r.held & (1<<r.width - 1))
}

// step reads codes up to the next string.
func (r *lzwReader) step() error {
	code := r.code()
	for code == lzwClear {
		r.clear()
		code = r.code()
	}
	if code == lzwEnd {
		return io.EOF
	}
	if r.last < 0 {
		if code > 0xff {
			return errLZW
		}
		r.last = code
		r.spell(code)
		return nil
	}
	switch {
	case code < r.next:
		r.spell(code)
	case code == r.next && r.next < len(r.prefix): // the last string and its own first byte
		r.spell(r.last)
		first := r.pending[0]
		copy(r.string[len(r.string)-len(r.pending)-1:], r.pending)
		r.string[len(r.string)-1] = first
		r.pending = r.string[len(r.string)-len(r.pending)-1:]
	default:
		return errLZW
	}
	r.learn(r.last, r.pending[0])
	r.last = code
	return nil
}

// learn gives the next code to a string and its successor's first byte.
func (r *lzwReader) learn(last int, b byte) {
	if r.next == len(r.prefix) {
		return
	}
	r.prefix[r.next], r.suffix[r.next] = uint16(last), b
	r.next++
	full := r.next
	if !r.old {
		full++ // codes become longer one code early
	}
	if full >= 1<<r.width && r.width < lzwMaxWidth {
		r.width++
	}
}

// spell puts the string of a code at the end of the array.
func (r *lzwReader) spell(code int) {
	at := len(r.string)
	for code >= lzwFirst {
		at--
		r.string[at] = r.suffix[code]
		code = int(r.prefix[code])
	}
	at--
	r.string[at] = byte(code)
	r.pending = r.string[at:]
}
