package pdf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Markers of a JPEG 2000 codestream (ITU-T T.800, table A.2).
const (
	jpSOC = 0xff4f // start of codestream
	jpSIZ = 0xff51 // size
	jpCOD = 0xff52 // how it is coded
	jpCOM = 0xff64 // comment
	jpSOT = 0xff90 // start of tile-part
	jpSOD = 0xff93 // start of its data
	jpEOC = 0xffd9 // end of codestream
)

var errJPX = errors.New("not the structure of JPEG 2000")

// jpxBoxes are the boxes of a JP2 file that say how its codestream is drawn
// (T.800, annex I), and headerBoxes those in its header. XML, identifiers, links
// and what nobody knows is left.
var (
	jpxBoxes    = set("jP  ", "ftyp", "jp2h", "jp2c")
	headerBoxes = set("ihdr", "bpcc", "colr", "pclr", "cmap", "cdef", "res ")
)

// stripJPX walks through JPEG 2000, in a JP2 file or bare, to the end of its
// codestream, and leaves out what is not picture. Comments inside the
// codestream are overwritten, since its lengths are counted.
func stripJPX(data []byte, limits Limits) ([]byte, error) {
	if bytes.HasPrefix(data, []byte{jpSOC >> 8, jpSOC & 0xff}) {
		stripped, err := stripCodestream(data, limits)
		return stripped, jpxRefusal(err)
	}
	if len(data) >= 8 && string(data[4:8]) != "jP  " {
		return nil, jpxRefusal(errJPX)
	}
	stripped, err := stripBoxes(data, jpxBoxes, limits)
	if err == nil && !bytes.Contains(stripped, []byte("jp2c")) {
		err = io.ErrUnexpectedEOF
	}
	return stripped, jpxRefusal(err)
}

// stripBoxes copies the boxes that are kept, up to the codestream.
func stripBoxes(data []byte, keep map[string]bool, limits Limits) ([]byte, error) {
	var kept []byte
	for len(data) > 0 {
		kind, head, size, err := nextBox(data)
		if err != nil {
			return nil, err
		}
		body := data[head:size]
		data = data[size:]
		if !keep[kind] {
			continue
		}
		switch kind {
		case "jp2h":
			body, err = stripBoxes(body, headerBoxes, limits)
		case "jp2c":
			body, err = stripCodestream(body, limits)
			data = nil // a second picture is not this one
		}
		if err != nil {
			return nil, err
		}
		kept = binary.BigEndian.AppendUint32(kept, uint32(8+len(body)))
		kept = append(append(kept, kind...), body...)
	}
	return kept, nil
}

// nextBox reads the head of the box at the start of b (T.800, I.4). A box may
// go on to the end of the file.
func nextBox(b []byte) (kind string, head, size int, err error) {
	if len(b) < 8 {
		return "", 0, 0, io.ErrUnexpectedEOF
	}
	length, head := uint64(binary.BigEndian.Uint32(b)), 8
	switch {
	case length == 1 && len(b) >= 16:
		length, head = binary.BigEndian.Uint64(b[8:]), 16
	case length == 0:
		length = uint64(len(b))
	}
	if length < uint64(head) {
		return "", 0, 0, errJPX
	}
	if length > uint64(len(b)) {
		return "", 0, 0, io.ErrUnexpectedEOF
	}
	return string(b[4:8]), head, int(length), nil
}

// codestream is a walk through one.
type codestream struct {
	b                     []byte
	at                    int
	limits                Limits
	tiles                 int
	packets               int // that a tile may have, as far as is known
	components            int
	tileWidth, tileHeight int64
	seen                  map[int]int // parts of each tile that have come
	parts                 map[int]int // that each tile said it has
}

// stripCodestream copies a codestream up to its end, without its comments.
func stripCodestream(b []byte, limits Limits) ([]byte, error) {
	c := codestream{b: bytes.Clone(b), limits: limits}
	if err := c.walk(); err != nil {
		return nil, err
	}
	return c.b[:c.at], nil
}

// walk goes from the first marker to the last, tile-part by tile-part.
func (c *codestream) walk() error {
	if len(c.b) < 2 || c.marker() != jpSOC {
		return errJPX
	}
	c.at = 2
	if err := c.size(); err != nil {
		return err
	}
	c.seen, c.parts = map[int]int{}, map[int]int{}
	if err := c.header(jpSOT); err != nil {
		return err
	}
	for c.at+2 <= len(c.b) && c.marker() == jpSOT {
		if err := c.tilePart(); err != nil {
			return err
		}
	}
	// The mark of the end may be missing where every tile is there.
	if c.at+2 <= len(c.b) {
		if c.marker() != jpEOC {
			return errJPX
		}
		c.at += 2
	}
	if len(c.seen) < c.tiles {
		return io.ErrUnexpectedEOF
	}
	for tile, n := range c.parts {
		if c.seen[tile] < n {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

// marker is the one at the place where the walk is.
func (c *codestream) marker() int { return int(binary.BigEndian.Uint16(c.b[c.at:])) }

// segment is the marker segment there, without marker and length.
func (c *codestream) segment() ([]byte, error) {
	if c.at+4 > len(c.b) {
		return nil, io.ErrUnexpectedEOF
	}
	n := int(binary.BigEndian.Uint16(c.b[c.at+2:]))
	if n < 2 || c.marker() < 0xff00 {
		return nil, errJPX
	}
	if c.at+2+n > len(c.b) {
		return nil, io.ErrUnexpectedEOF
	}
	return c.b[c.at+4 : c.at+2+n], nil
}

// size reads how large picture and tiles are (T.800, A.5.1).
func (c *codestream) size() error {
	const length, mostComponents = 34, 16
	s, err := c.segment()
	if err != nil {
		return err
	}
	if c.marker() != jpSIZ || len(s) < length+2 {
		return errJPX
	}
	field := func(i int) int64 { return int64(binary.BigEndian.Uint32(s[2+4*i:])) }
	right, below, left, above := field(0), field(1), field(2), field(3)
	tileWidth, tileHeight, tileLeft, tileAbove := field(4), field(5), field(6), field(7)
	if right <= left || below <= above || tileWidth == 0 || tileHeight == 0 || tileLeft > left || tileAbove > above {
		return errJPX
	}
	if below-above > c.limits.MaxPixels/(right-left) {
		return errTooManyPixels
	}
	if c.components = int(binary.BigEndian.Uint16(s[length:])); c.components > mostComponents {
		return errTooManyPixels
	}
	c.tileWidth, c.tileHeight = min(tileWidth, right-left), min(tileHeight, below-above)
	const mostTiles = 65535
	across, down := (right-tileLeft+tileWidth-1)/tileWidth, (below-tileAbove+tileHeight-1)/tileHeight
	if across > mostTiles || down > mostTiles/across {
		return errJPX
	}
	c.tiles = int(across * down)
	c.at += 4 + len(s)
	return nil
}

// header passes over marker segments up to the marker that ends them.
func (c *codestream) header(until int) error {
	for {
		if c.at+2 > len(c.b) {
			return io.ErrUnexpectedEOF
		}
		if c.marker() == until {
			return nil
		}
		s, err := c.segment()
		if err != nil {
			return err
		}
		switch {
		case c.marker() == jpCOM && len(s) > 2:
			clear(s[2:]) // behind its kind
		case c.marker() == jpCOD:
			c.packets = max(c.packets, c.count(s))
		}
		c.at += 4 + len(s)
	}
}

// count is how many packets a tile has that is coded as the segment s says, at
// most (T.800, A.6.1): one for each layer, component, resolution and precinct.
func (c *codestream) count(s []byte) int {
	const levelsAt, sizesAt, mostLevels, wholeTile = 5, 10, 32, 15
	if len(s) < sizesAt || s[levelsAt] > mostLevels {
		return 0
	}
	precincts, levels := int64(0), int(s[levelsAt])
	for r := range levels + 1 {
		across, down := byte(wholeTile), byte(wholeTile)
		if s[0]&1 != 0 && sizesAt+r < len(s) {
			across, down = s[sizesAt+r]&15, s[sizesAt+r]>>4
		}
		shift := levels - r
		precincts += (c.tileWidth>>shift>>across + 2) * (c.tileHeight>>shift>>down + 2)
	}
	return int(precincts) * int(binary.BigEndian.Uint16(s[2:])) * c.components
}

// blanked reports whether a stretch of zeros, as a bad block of a disk leaves it,
// stands in the data of a tile-part. Decoders take each zero for a packet with
// nothing in it, and draw less; there may be no more of those than packets.
// Coded samples look like noise.
func (c *codestream) blanked(data []byte) bool {
	const stretch = 64
	return longestZeros(data) > stretch+c.packets
}

// tilePart passes over one: its head says how long it is (T.800, A.4.2).
func (c *codestream) tilePart() error {
	const length, shortest = 8, 14
	from := c.at
	s, err := c.segment()
	if err != nil {
		return err
	}
	if len(s) != length {
		return errJPX
	}
	tile, size := int(binary.BigEndian.Uint16(s)), int(binary.BigEndian.Uint32(s[2:]))
	if tile >= c.tiles {
		return errJPX
	}
	c.seen[tile]++
	c.parts[tile] = max(c.parts[tile], int(s[7]))
	c.at += 4 + len(s)
	if err := c.header(jpSOD); err != nil {
		return err
	}
	data := c.at
	switch {
	case size == 0: // the last, up to the end, which its data never resembles
		n := bytes.Index(c.b[c.at:], []byte{jpEOC >> 8, jpEOC & 0xff})
		if n < 0 {
			return io.ErrUnexpectedEOF
		}
		c.at += n
	case size < shortest || from+size < c.at+2:
		return errJPX
	case from+size > len(c.b):
		return io.ErrUnexpectedEOF
	default:
		c.at = from + size
	}
	if c.blanked(c.b[data:c.at]) {
		return errJPX
	}
	return nil
}

// jpxRefusal puts an error of the walk into a refusal, and nil into nil.
func jpxRefusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooManyPixels):
		return refuse(TooLarge)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(CutOff)
	}
	return refuse(Damaged)
}
