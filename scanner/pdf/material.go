package pdf

import (
	"bytes"
	"encoding/binary"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// zeros are a stretch of them that no code and no text has. What the end of a
// stream cuts off a stretch from a disk must not make it too short.
var zeros = make([]byte, stretch/2)

// material is the data of a stream that pages are drawn with and that is neither
// picture nor content: a font, a table of characters, a colour profile, a
// function, a shading. Viewers draw what they cannot read as nothing, or in other
// shapes, without a word; and the drawing of the clean PDF would then be the same
// as the scan's. So all of it must be there.
//
// Zeros in data that no code and no checksum protects may be what was written.
// They are refused all the same where they have no business; in a palette and in
// the samples of a function or a shading, as in those of a picture, nothing can
// tell.
func (c *copier) material(s *types.StreamDict, role role) (sampled, error) {
	data, sound, err := c.decoded(s)
	if err != nil {
		return sampled{}, err
	}
	whole := true
	switch {
	case role == outlines:
		whole = wholeFont(data, sound)
	case sound:
	case role == codes || c.is(s.Dict, "Type", "CMap") || c.number(s.Dict, "FunctionType", 0) == postScript:
		whole = !bytes.Contains(data, zeros)
	case s.Dict["N"] != nil:
		whole = wholeProfile(data)
	}
	if !whole {
		return sampled{}, refusePage(Damaged, c.page)
	}
	return c.asItIs(s)
}

// postScript is the type of the functions that are text.
const postScript = 4

// wholeProfile reports whether a colour profile that no checksum protects has the
// length that it says, and all its tags inside (ICC.1:2010, 7.2 and 7.3). The
// texts in it are full of zeros, the curves are not.
func wholeProfile(data []byte) bool {
	const header, tag, most = 128, 12, 100
	if len(data) < header+4 || string(data[36:40]) != "acsp" {
		return false
	}
	count := int(binary.BigEndian.Uint32(data[header:]))
	if size := int(binary.BigEndian.Uint32(data)); size > len(data) || count > most || header+4+tag*count > size {
		return false
	}
	for i := range count {
		entry := data[header+4+tag*i:]
		part, ok := window32(data, binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:]))
		if !ok || len(part) < 8 || string(part[:4]) == "\x00\x00\x00\x00" {
			return false
		}
		if string(part[:4]) == "curv" && bytes.Contains(part, zeros) {
			return false
		}
	}
	return true
}

// window32 is n bytes of data at off, if they are there.
func window32(data []byte, off, n uint32) ([]byte, bool) {
	if uint64(off)+uint64(n) > uint64(len(data)) {
		return nil, false
	}
	return data[off:][:n], true
}
