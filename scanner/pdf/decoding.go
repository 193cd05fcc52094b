package pdf

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/lzw"
	"encoding/ascii85"
	"encoding/binary"
	"errors"
	"hash"
	"hash/adler32"
	"io"

	tifflzw "golang.org/x/image/tiff/lzw"
)

// errRest says that something follows where a picture, or its data, has ended:
// a piece of the letter that no viewer draws.
var errRest = errors.New("data goes on behind its end")

// Bounds of what may stand behind an end without being a piece of a letter.
const (
	// restSamples are the bytes of samples behind the last row: an end of line,
	// or what fills up a word. Where a checksum says that all is as it was
	// written, it may be a whole row.
	restSamples = 4
	// restBytes are those of a stream behind the mark of its data's end, zeros
	// and white space apart: a checksum that nobody asked for, or "endstream" and
	// "endobj" where the stream's length is a little too large.
	restBytes = 64
	// restPadding are the zeros and blanks there.
	restPadding = 64 << 10
)

// decoding undoes codecs. What it gives may be far longer than the data.
type decoding struct {
	io.Reader
	inputs []*counted // of each codec, the first first
	lzw    bool       // is the last of them, whose end some writers leave unmarked
	// inflater is that of the last codec, if it is Flate.
	inflater  *inflater
	inflaters []*inflater // of each codec, nil where that is not Flate
}

// decoder undoes codecs, none of which makes dots.
func (d *document) decoder(data []byte, list []codec) (*decoding, error) {
	r := &decoding{Reader: bytes.NewReader(data)}
	for _, c := range list {
		from := &counted{Reader: bufio.NewReader(r.Reader)}
		r.inputs, r.lzw, r.inflater = append(r.inputs, from), c.name == "LZWDecode", nil
		switch c.name {
		case "FlateDecode":
			r.inflater = &inflater{from: from}
			r.Reader = r.inflater
		case "LZWDecode":
			if d.number(c.parms, "EarlyChange", 1) == 0 {
				r.Reader = lzw.NewReader(from, lzw.MSB, 8)
			} else {
				r.Reader = tifflzw.NewReader(from, tifflzw.MSB, 8)
			}
		case "RunLengthDecode":
			r.Reader = &runs{from: from}
		case "ASCII85Decode":
			r.Reader = ascii85.NewDecoder(&ascii85Body{from: from})
		case "ASCIIHexDecode":
			r.Reader = &hexBody{from: from}
		default:
			return nil, errCodec
		}
		if c.name == "FlateDecode" || c.name == "LZWDecode" {
			var err error
			if r.Reader, err = d.unpredicted(r.Reader, c.parms); err != nil {
				return nil, err
			}
		}
		r.inflaters = append(r.inflaters, r.inflater)
	}
	return r, nil
}

// picture reads so many rows of row bytes and looks whether they are all: it
// fails with io.ErrUnexpectedEOF when there are fewer, and with errRest when
// more follow. A stretch of zeros in compressed data, as a bad block of a disk
// leaves it, stands for other samples than what it displaced, and so for more or
// fewer of them.
func (r *decoding) picture(row, rows int64) error {
	n, err := io.CopyN(io.Discard, r, row*rows)
	if err == io.EOF && n < row*rows {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	rest, err := r.end(max(row, restSamples))
	if err == nil && rest > restSamples && (r.inflater == nil || !r.inflater.sound) {
		err = errRest
	}
	return err
}

// end reads what is left and says how many bytes that were. It fails with
// errRest when they are more than most, or when more than restBytes follow the
// end of any codec's data. Data that Flate compressed must come to its last
// block.
func (r *decoding) end(most int64) (rest int64, err error) {
	switch rest, err = io.CopyN(io.Discard, r, most+1); {
	case rest > most:
		return rest, errRest
	case r.lzw && errors.Is(err, io.ErrUnexpectedEOF):
	case err != io.EOF:
		return rest, err
	}
	for i := len(r.inputs) - 1; i >= 0; i-- {
		if err := padded(r.inputs[i].Reader); err != nil {
			return rest, err
		}
	}
	return rest, nil
}

// settle looks, once all data that is no picture has been read, whether it is
// what was written. There are no rows of samples to count, and so a checksum that
// is there must be right, and codes that have none may not hold a stretch of
// zeros. It says whether a checksum vouches for the data.
func (r *decoding) settle() (sound bool, err error) {
	if _, err := r.end(0); err != nil {
		return false, err
	}
	for i, from := range r.inputs {
		switch f := r.inflaters[i]; {
		case f == nil && from.longest >= stretch || f != nil && f.wrong:
			return false, errCodec
		case f != nil && f.sound:
			sound = true
		}
	}
	return sound, nil
}

// padded reads what stands behind data.
func padded(from *bufio.Reader) error {
	other := 0
	for range restPadding {
		b, err := from.ReadByte()
		switch {
		case err != nil:
			return nil // the end, or what cannot be read and so is no data
		case b != 0 && !isSpace(b):
			other++
		}
		if other > restBytes {
			return errRest
		}
	}
	return errRest
}

// stretch is how many zeros in a row, in bytes, may be what a bad block of a disk
// has left.
const stretch = 64

// inflater reads zlib data up to its last block. A wrong or missing checksum
// behind it is a fault that many scanners have and that costs no dot, as long as
// the codes themselves tell that all are there.
type inflater struct {
	from  *counted
	data  io.Reader
	sum   hash.Hash32
	given int64
	sound bool // at the end: the checksum is there, and right
	wrong bool // at the end: something else is there
}

// counted counts the bytes read of a reader, and the zeros in a row among those
// that are codes.
type counted struct {
	*bufio.Reader
	n              int64
	zeros, longest int
}

// ReadByte is how codes are read.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.Reader.ReadByte()
	c.n++
	c.zeros++
	if b != 0 {
		c.zeros = 0
	}
	c.longest = max(c.longest, c.zeros)
	return b, err
}

// Read is how data is read that was stored without a code.
func (c *counted) Read(to []byte) (int, error) {
	n, err := c.Reader.Read(to)
	c.n += int64(n)
	return n, err
}

func (i *inflater) Read(to []byte) (int, error) {
	if i.data == nil {
		var head [2]byte
		if _, err := io.ReadFull(i.from, head[:]); err != nil {
			return 0, err // no data at all is the end of it
		}
		// RFC 1950, 2.2: method 8, a check of the header, no preset dictionary.
		if head[0]&15 != 8 || binary.BigEndian.Uint16(head[:])%31 != 0 || head[1]&0x20 != 0 {
			return 0, errCodec
		}
		i.data, i.sum = flate.NewReader(i.from), adler32.New()
	}
	n, err := i.data.Read(to)
	_, _ = i.sum.Write(to[:n]) // a hash does not fail
	i.given += int64(n)
	if err == io.EOF {
		if sum, _ := i.from.Peek(adler32.Size); len(sum) == adler32.Size && !i.sound {
			i.sound = binary.BigEndian.Uint32(sum) == i.sum.Sum32()
			i.wrong = !i.sound
		}
		if !i.sound && i.doubtful() {
			err = errCodec
		}
	}
	return n, err
}

// doubtful reports, at the end, whether nothing but the checksum can tell that
// the data is what was written: it was stored without a code, or a stretch of
// zeros stands in it. That may be blank paper, of which some codes are zeros, or
// what a bad block of a disk has left.
func (i *inflater) doubtful() bool {
	const small = 4096 // bytes; what is smaller may be longer compressed
	return i.given >= small && i.from.n >= i.given || i.from.longest >= stretch
}
