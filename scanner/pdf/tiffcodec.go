package pdf

import (
	"bufio"
	"bytes"
	"io"
)

// unpacked opens a strip or tile of width dots, in a compression that is not
// JPEG, for reading the rows behind it.
func (p *tiffPage) unpacked(data []byte, width int) (io.Reader, error) {
	if coding, ok := p.faxCoding(); ok {
		if !p.bilevel() {
			return nil, errTIFFUnsupported
		}
		return &faxRows{decoder: newFaxDecoder(data, width, coding), width: width}, nil
	}
	switch p.compression {
	case packedNot:
		return bytes.NewReader(data), nil
	case packedLZW:
		return newLZWReader(data), nil
	case packedBits:
		return &packBitsReader{data: data}, nil
	case packedDeflate, packedDeflate2:
		return &inflater{from: &counted{Reader: bufio.NewReader(bytes.NewReader(data))}}, nil
	}
	return nil, errTIFFUnsupported
}

// packBitsReader reads run lengths as Apple packed them (TIFF 6.0, section 9).
type packBitsReader struct {
	data    []byte
	literal int // bytes to copy
	repeat  int // times to give the next byte
}

func (r *packBitsReader) Read(b []byte) (n int, err error) {
	for n < len(b) {
		switch {
		case len(r.data) == 0:
			return n, io.EOF
		case r.literal > 0:
			m := copy(b[n:], r.data[:min(r.literal, len(r.data))])
			n, r.literal, r.data = n+m, r.literal-m, r.data[m:]
		case r.repeat > 0:
			b[n] = r.data[0]
			n++
			if r.repeat--; r.repeat == 0 {
				r.data = r.data[1:]
			}
		default:
			switch c := int8(r.data[0]); {
			case c >= 0:
				r.literal = int(c) + 1
			case c > -128:
				r.repeat = 1 - int(c)
			}
			r.data = r.data[1:]
		}
	}
	return n, nil
}

// undoPredictor adds up what was written as the difference to the dot on the
// left: samples of 8 or 16 bits (highest byte first), step of them a dot.
func undoPredictor(row []byte, bits, step int) {
	if bits == 8 {
		for i := step; i < len(row); i++ {
			row[i] += row[i-step]
		}
		return
	}
	for i := 2 * step; i+1 < len(row); i += 2 {
		sum := sample(row[i:], 2) + sample(row[i-2*step:], 2)
		row[i], row[i+1] = byte(sum>>8), byte(sum)
	}
}
