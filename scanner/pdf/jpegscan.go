package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// maxScans bounds the passes over a progressive picture: encoders write a dozen.
const maxScans = 500

// jpegDecoder reads the picture of a JPEG to its end, so that one that stops or
// breaks anywhere is found, and gathers its look on the way. It keeps what the
// look needs and of the rest only which coefficients are not 0, so that a page
// costs little memory.
type jpegDecoder struct {
	jpegBits
	width, height int
	hMax, vMax    int // largest sampling factors
	components    []jpegComponent
	quantisers    [4][64]int32 // in zigzag order, as all coefficients here
	dc, ac        [4]*huffmanTable
	restart       int // MCUs between two restart markers; 0: none
	progressive   bool
	scans         int
	cut           [][2]int // what stands between picture data and the next marker
	intervals     jpegIntervals
}

// jpegComponent is one component of the frame.
type jpegComponent struct {
	id               byte
	h, v             int // sampling factors
	quantiser        byte
	width, height    int // samples
	across, down     int // blocks that hold samples
	columns          int // blocks of a row, those that fill up MCUs included
	plane            *lookPlane
	band             []byte // samples of a row of blocks, or of the v rows of an MCU
	done             [64]uint8
	dcTable, acTable *huffmanTable
	prediction       int32
	coefficients     []int16  // of all blocks, in progressive mode, if there is a plane
	present          []uint64 // of all blocks, in progressive mode: bit k says that coefficient k is not 0
}

// scanHeader is what one scan holds.
type scanHeader struct {
	components []*jpegComponent
	from, to   int // coefficients, in zigzag order
	refines    bool
	low        uint // bits that later scans add
}

// maxRest is how many bytes may stand between the end of picture data and the
// next marker. Chips that write their codes in words of up to 64 bits leave so
// many behind the last code; libjpeg's own encoder leaves none. More than that
// is a piece of the letter that is drawn nowhere: a stretch of zeros that reads
// as blank paper, or a header that says fewer rows than were scanned.
const maxRest = 7

// errJPEGRest says that picture data goes on behind the picture.
var errJPEGRest = errors.New("picture data of a JPEG goes on behind the picture")

// check reads the whole picture. Its size is looked at before. The few bytes
// between the end of picture data and the next marker, which no decoder reads,
// are taken out; more of them are a fault (maxRest).
func (j *jpegImage) check(limits Limits) error {
	if int64(j.width)*int64(j.height) > limits.MaxPixels {
		return errTooManyPixels
	}
	d := jpegDecoder{jpegBits: jpegBits{data: j.data}, width: j.width, height: j.height}
	rest := j.data[2:]
	for {
		marker, segment, next, err := nextSegment(rest)
		if err != nil {
			return err
		}
		if marker == eoi {
			break
		}
		if err := d.segment(j, marker, segment); err != nil {
			return err
		}
		if marker == sos {
			d.at = len(j.data) - len(next)
			if err := d.scan(segment); err != nil {
				return err
			}
			next = j.data[d.at:]
		}
		rest = next
	}
	if !d.whole() {
		return errJPEGShort
	}
	d.drawAll()
	for i := len(d.cut) - 1; i >= 0; i-- {
		j.data = append(j.data[:d.cut[i][0]], j.data[d.cut[i][1]:]...)
	}
	return nil
}

// whole reports whether every coefficient has come with all its bits.
func (d *jpegDecoder) whole() bool {
	for _, c := range d.components {
		for _, done := range c.done {
			if done != complete {
				return false
			}
		}
	}
	return len(d.components) > 0
}

// complete is the state of a coefficient to which no scan adds any more; 1 to 14
// are the bits still to come plus 1.
const complete = 1

func (d *jpegDecoder) segment(j *jpegImage, marker byte, s []byte) error {
	switch marker {
	case sof0, sof0 + 1, sof2:
		d.progressive = marker == sof2
		return d.frame(j, s)
	case dqt:
		return d.quantiser(s)
	case dht:
		return d.huffman(s)
	case dri:
		if len(s) != 2 {
			return errJPEG
		}
		d.restart = int(binary.BigEndian.Uint16(s))
	case dnl:
		return errJPEGUnsupported
	}
	return nil
}

// frame sets the components up; parseJPEG has looked at the header already.
func (d *jpegDecoder) frame(j *jpegImage, s []byte) error {
	for s = s[6:]; len(s) > 0; s = s[3:] {
		c := jpegComponent{id: s[0], h: int(s[1] >> 4), v: int(s[1] & 15), quantiser: s[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quantiser > 3 {
			return errJPEG
		}
		d.hMax, d.vMax = max(d.hMax, c.h), max(d.vMax, c.v)
		d.components = append(d.components, c)
	}
	j.maker = newLookMaker(j.width, j.height, j.lookPlanes())
	for i := range d.components {
		c := &d.components[i]
		if len(d.components) == 1 {
			d.hMax, d.vMax, c.h, c.v = 1, 1, 1, 1 // they say nothing
		}
		c.width, c.height = ceil(j.width*c.h, d.hMax), ceil(j.height*c.v, d.vMax)
		c.across, c.down = ceil(c.width, 8), ceil(c.height, 8)
		c.columns = ceil(j.width, 8*d.hMax) * c.h
		rows := ceil(j.height, 8*d.vMax) * c.v
		if i < len(j.maker.planes) {
			c.plane = &j.maker.planes[i]
			c.plane.width, c.plane.height = c.width, c.height
			c.band = make([]byte, 64*c.columns*c.v)
		}
		if d.progressive {
			c.present = make([]uint64, c.columns*rows)
			if c.plane != nil {
				c.coefficients = make([]int16, 64*c.columns*rows)
			}
		}
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

func (d *jpegDecoder) quantiser(s []byte) error {
	for len(s) > 0 {
		size := 1 + int(s[0]>>4)
		if s[0]&15 > 3 || size > 2 || len(s) < 1+64*size {
			return errJPEG
		}
		for k := range 64 {
			q := int32(sample(s[1+k*size:], size))
			if q == 0 {
				return errJPEG // no picture needs it (T.81, table B.4): the table was overwritten
			}
			d.quantisers[s[0]&15][k] = q
		}
		s = s[1+64*size:]
	}
	return nil
}

func (d *jpegDecoder) huffman(s []byte) error {
	for len(s) > 0 {
		if len(s) < 17 || s[0]&15 > 3 || s[0]>>4 > 1 {
			return errJPEG
		}
		table, used := newHuffmanTable(s[1:])
		if table == nil {
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

// header reads the header of a scan and looks whether it may come now.
func (d *jpegDecoder) header(s []byte) (*scanHeader, error) {
	if len(s) < 1 || len(s) != 4+2*int(s[0]) || s[0] < 1 || s[0] > 4 || d.scans == maxScans {
		return nil, errJPEG
	}
	d.scans++
	n := int(s[0])
	from, to, high, low := int(s[1+2*n]), int(s[2+2*n]), uint(s[3+2*n]>>4), uint(s[3+2*n]&15)
	if !d.progressive {
		from, to, high, low = 0, 63, 0, 0 // as libjpeg has it
	} else if from > to || to > 63 || (from == 0) != (to == 0) || from > 0 && n > 1 || low > 13 || high > 0 && high != low+1 {
		return nil, errJPEG
	}
	h := &scanHeader{from: from, to: to, refines: high > 0, low: low}
	for i := range n {
		c := d.component(s[1+2*i])
		if c == nil || !d.tables(h, c, s[2+2*i]) || !h.follows(c) {
			return nil, errJPEG
		}
		h.components = append(h.components, c)
	}
	return h, nil
}

// tables gives a component the Huffman tables of a scan, and reports whether
// those that it needs are there.
func (d *jpegDecoder) tables(h *scanHeader, c *jpegComponent, numbers byte) bool {
	if numbers>>4 > 3 || numbers&15 > 3 {
		return false
	}
	c.dcTable, c.acTable, c.prediction = d.dc[numbers>>4], d.ac[numbers&15], 0
	return (c.dcTable != nil || h.from > 0 || h.refines) && (c.acTable != nil || h.to == 0)
}

// follows reports whether the scan comes in its turn for a component: each
// coefficient's first bits once, then one bit more a scan, and nothing before
// the first coefficient.
func (h *scanHeader) follows(c *jpegComponent) bool {
	if h.from > 0 && c.done[0] == 0 {
		return false
	}
	for k := h.from; k <= h.to; k++ {
		before := uint8(0)
		if h.refines {
			before = complete + uint8(h.low) + 1
		}
		if c.done[k] != before {
			return false
		}
		c.done[k] = complete + uint8(h.low)
	}
	return true
}

func (d *jpegDecoder) component(id byte) *jpegComponent {
	for i := range d.components {
		if d.components[i].id == id {
			return &d.components[i]
		}
	}
	return nil
}

// scan reads the picture data behind the header s and goes to the next marker.
func (d *jpegDecoder) scan(s []byte) error {
	h, err := d.header(s)
	if err != nil {
		return err
	}
	if d.blanked(h) {
		return errJPEG
	}
	d.fresh()
	d.intervals.begin(d.at)
	// A single component comes without the blocks that fill up MCUs.
	single := len(h.components) == 1
	across, down := ceil(d.width, 8*d.hMax), ceil(d.height, 8*d.vMax)
	if single {
		across, down = h.components[0].across, h.components[0].down
	}
	left := d.restart
	marker := byte(rst0)
	for y := range down {
		for x := range across {
			if d.restart > 0 && left == 0 {
				if err := d.restartMarker(h, marker); err != nil {
					return err
				}
				left, marker = d.restart, rst0+(marker-rst0+1)%8
			}
			left--
			for _, c := range h.components {
				if single {
					err = d.block(h, c, x, y)
				} else {
					err = d.mcu(h, c, x, y)
				}
				if err != nil {
					return err
				}
			}
		}
		d.drawn(h, y, single)
	}
	return d.toMarker()
}

// blanked reports whether a stretch of the picture data ahead was overwritten
// with zeros, as a lost network packet or a bad block of a disk leaves it.
// Zeros are the first code word of every table. Where all those words draw
// nothing they may be blank paper, and what they have displaced is found behind
// the picture (maxRest); where one draws, so many of the same stroke are no
// picture. In data of real encoders with such tables there were never more than
// two zeros in a row.
func (d *jpegDecoder) blanked(h *scanHeader) bool {
	stretch := 16 // bytes
	switch {
	case h.refines && h.to == 0:
		return false // bits without a code, each of which is less than a shade that anybody can see
	case h.refines || h.to == 0:
		stretch = 64 // as low bits may be, or an even shade from paper to dark
	}
	ahead := d.data[d.at:]
	if !bytes.Contains(ahead[:codedLength(ahead)], make([]byte, stretch)) {
		return false
	}
	for _, c := range h.components {
		if h.from == 0 && c.dcTable.shadesInZeros() || h.to > 0 && !c.acTable.endsInZeros() {
			return true
		}
	}
	return false
}

// mcu reads the blocks of one component in an MCU of several components.
func (d *jpegDecoder) mcu(h *scanHeader, c *jpegComponent, x, y int) error {
	for v := range c.v {
		for u := range c.h {
			if err := d.block(h, c, x*c.h+u, y*c.v+v); err != nil {
				return err
			}
		}
	}
	return nil
}

// toMarker leaves the bits behind, and notes what stands before the marker.
func (d *jpegDecoder) toMarker() error {
	end := d.position()
	d.at = end + codedLength(d.data[end:])
	d.intervals.end(d.data, end)
	if !d.intervals.repeated(d.data[end:d.at]) {
		return errJPEGRest
	}
	d.drop(end)
	return nil
}

// drop notes that what stands between end and the place where the decoder is
// belongs to no picture.
func (d *jpegDecoder) drop(end int) {
	if d.at > end {
		d.cut = append(d.cut, [2]int{end, d.at})
	}
}

func (d *jpegDecoder) restartMarker(h *scanHeader, want byte) error {
	end := d.position()
	at := bytes.IndexByte(d.data[end:], 0xff)
	switch {
	case at < 0 || end+at+2 > len(d.data):
		return errJPEGShort
	case at > maxRest:
		return errJPEGRest
	}
	for d.at = end + at; d.at+2 < len(d.data) && d.data[d.at+1] == 0xff; {
		d.at++ // fill bytes, of which there may be any number
	}
	switch got := d.data[d.at+1]; {
	case got == eoi:
		return errJPEGShort
	case got != want:
		return errJPEG
	}
	d.drop(end)
	d.intervals.end(d.data, end)
	d.at += 2
	d.intervals.begin(d.at)
	d.fresh()
	for _, c := range h.components {
		c.prediction = 0
	}
	return nil
}
