package scanned

import (
	"encoding/binary"
	"errors"
)

// Markers of ITU-T T.81, table B.1.
const (
	sof0  = 0xc0
	sof1  = 0xc1
	dht   = 0xc4
	rst0  = 0xd0
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dri   = 0xdd
	app0  = 0xe0
	app14 = 0xee
	app15 = 0xef
	com   = 0xfe
)

var errJPEG = errors.New("not a JPEG that is decoded here")

// decoder decodes a JPEG in sequential mode, 8 bits a sample and all components in
// one scan, which is what scanners write.
type decoder struct {
	bits
	width, height int
	hMax, vMax    int // largest sampling factors
	components    []component
	quantisers    [4]*[64]float32 // in zigzag order
	dc, ac        [4]*huffman
	restart       int // MCUs between two restart markers; 0: none
}

// component is one component of the frame.
type component struct {
	id         byte
	h, v       int // sampling factors
	quantiser  byte
	dc, ac     byte
	prediction int32
	band       []byte // samples of a row of MCUs
	stride     int
	across     *basis // how a block becomes samples, in each direction
	down       *basis
	factors    [64]float32
}

// header reads up to the picture data.
func (d *decoder) header() error {
	if len(d.data) < 2 || d.data[0] != 0xff || d.data[1] != soi {
		return errJPEG
	}
	for d.at = 2; ; {
		if len(d.data)-d.at < 4 || d.data[d.at] != 0xff {
			return errJPEG
		}
		marker, length := d.data[d.at+1], int(binary.BigEndian.Uint16(d.data[d.at+2:]))
		if length < 2 || len(d.data)-d.at-2 < length {
			return errJPEG
		}
		s := d.data[d.at+4 : d.at+2+length]
		d.at += 2 + length
		if err := d.segment(marker, s); err != nil {
			return err
		}
		if marker == sos {
			return nil
		}
	}
}

func (d *decoder) segment(marker byte, s []byte) error {
	switch {
	case marker == sof0 || marker == sof1:
		return d.frame(s)
	case marker == sos:
		return d.scan(s)
	case marker == dqt:
		return d.quantiser(s)
	case marker == dht:
		return d.huffman(s)
	case marker == dri && len(s) == 2:
		d.restart = int(binary.BigEndian.Uint16(s))
		return nil
	case marker == app14 && len(s) >= 12 && string(s[:5]) == "Adobe":
		if s[11] != 1 { // other colours than YCbCr
			return errJPEG
		}
		return nil
	case marker >= app0 && marker <= app15 || marker == com:
		return nil
	}
	return errJPEG
}

func (d *decoder) frame(s []byte) error {
	if d.components != nil || len(s) < 6 || s[0] != 8 || len(s) != 6+3*int(s[5]) || s[5] != 1 && s[5] != 3 {
		return errJPEG
	}
	d.height, d.width = int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
	if d.width == 0 || d.height == 0 {
		return errJPEG
	}
	d.hMax, d.vMax = 1, 1
	for s := s[6:]; len(s) > 0; s = s[3:] {
		c := component{id: s[0], h: int(s[1] >> 4), v: int(s[1] & 15), quantiser: s[2]}
		if c.h < 1 || c.h > 2 || c.v < 1 || c.v > 2 || c.quantiser > 3 {
			return errJPEG
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
		d.components = append(d.components, c)
	}
	if len(d.components) == 1 { // its factors say nothing (A.2.2)
		d.hMax, d.vMax, d.components[0].h, d.components[0].v = 1, 1, 1, 1
		return nil
	}
	c := d.components
	if c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' || c[0].h != d.hMax || c[0].v != d.vMax || c[1].id == c[2].id {
		return errJPEG
	}
	return nil
}

func (d *decoder) quantiser(s []byte) error {
	for len(s) > 0 {
		size := 1 + int(s[0]>>4)
		if s[0]&15 > 3 || size > 2 || len(s) < 1+64*size {
			return errJPEG
		}
		var table [64]float32
		for k := range table {
			q := uint16(s[1+k])
			if size == 2 {
				q = binary.BigEndian.Uint16(s[1+2*k:])
			}
			if q == 0 {
				return errJPEG
			}
			table[k] = float32(q)
		}
		d.quantisers[s[0]&15] = &table
		s = s[1+64*size:]
	}
	return nil
}

func (d *decoder) huffman(s []byte) error {
	for len(s) > 0 {
		table, used, ok := newHuffman(s[1:])
		if !ok || s[0]&15 > 3 || s[0]>>4 > 1 {
			return errJPEG
		}
		if s[0]>>4 == 0 {
			d.dc[s[0]&15] = table
		} else {
			d.ac[s[0]&15] = table
		}
		s = s[1+used:]
	}
	return nil
}

// scan reads the header of the only scan.
func (d *decoder) scan(s []byte) error {
	n := len(d.components)
	if n == 0 || len(s) != 4+2*n || int(s[0]) != n || s[1+2*n] != 0 || s[2+2*n] != 63 || s[3+2*n] != 0 {
		return errJPEG
	}
	for i := range d.components {
		c := &d.components[i]
		c.dc, c.ac = s[2+2*i]>>4, s[2+2*i]&15
		if s[1+2*i] != c.id || c.dc > 3 || c.ac > 3 || d.dc[c.dc] == nil || d.ac[c.ac] == nil || d.quantisers[c.quantiser] == nil {
			return errJPEG
		}
	}
	return nil
}

// block reads a block's coefficients, in the order of rows, what is not there being
// 0, and says which of the rows and columns have any.
func (d *decoder) block(c *component, k *[64]float32) (rows, columns byte, err error) {
	d.fill()
	size := d.symbol(d.dc[c.dc])
	if size < 0 || size > 11 {
		return 0, 0, errJPEG
	}
	if size > 0 {
		c.prediction += d.extend(size)
	}
	k[0] = float32(c.prediction) * c.factors[0]
	rows, columns = 1, 1
	ac := d.ac[c.ac]
	for i := 1; i < 64; i++ {
		if d.held < 32 {
			d.fill()
		}
		s := d.symbol(ac)
		if s <= 0 {
			if s < 0 {
				return 0, 0, errJPEG
			}
			break
		}
		i += s >> 4
		if size = s & 15; size == 0 {
			if s != 0xf0 {
				return 0, 0, errJPEG
			}
			continue
		}
		if i > 63 {
			return 0, 0, errJPEG
		}
		at := zigzag[i&63]
		k[at&63] = float32(d.extend(size)) * c.factors[i&63]
		rows |= 1 << (at >> 3)
		columns |= 1 << (at & 7)
	}
	return rows, columns, nil
}

// zigzag is where in a block's rows each coefficient lies (figure A.6).
var zigzag = [64]byte{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// next begins a new interval behind a restart marker, the one that is due.
func (d *decoder) next(marker byte) error {
	if d.overrun() || d.at+1 >= len(d.data) || d.data[d.at] != 0xff || d.data[d.at+1] != marker {
		return errJPEG
	}
	d.at += 2
	d.fresh()
	for i := range d.components {
		d.components[i].prediction = 0
	}
	return nil
}
