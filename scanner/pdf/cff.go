package pdf

import "encoding/binary"

// Operators of a CFF font's dictionary (Adobe Technical Note 5176, table 9).
const (
	cffCharStrings = 17
	cffPrivate     = 18
)

// wholeCFF reports whether the tables of a CFF font lie inside it.
func wholeCFF(data []byte) bool {
	if len(data) < 4 || int(data[2]) > len(data) {
		return false
	}
	_, rest, ok := cffIndex(data[data[2]:]) // names
	if !ok {
		return false
	}
	tops, rest, ok := cffIndex(rest)
	if !ok || len(tops) == 0 {
		return false
	}
	for range 2 { // strings, and subroutines of all fonts
		if _, rest, ok = cffIndex(rest); !ok {
			return false
		}
	}
	for _, top := range tops {
		entries, ok := cffDict(top)
		if !ok {
			return false
		}
		glyphs := entries[cffCharStrings]
		if len(glyphs) != 1 || glyphs[0] < 4 || glyphs[0] >= len(data) {
			return false
		}
		list, _, ok := cffIndex(data[glyphs[0]:])
		if !ok || len(list) == 0 {
			return false
		}
		if p := entries[cffPrivate]; len(p) == 2 && (p[0] < 0 || p[1] < 0 || p[1] > len(data) || p[0] > len(data)-p[1]) {
			return false
		}
	}
	return true
}

// cffIndex reads an array of data of different lengths (5176, section 5), and
// gives what follows it.
func cffIndex(data []byte) (list [][]byte, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	count := int(binary.BigEndian.Uint16(data))
	if count == 0 {
		return nil, data[2:], true
	}
	if len(data) < 3 || data[2] < 1 || data[2] > 4 {
		return nil, nil, false
	}
	size := int(data[2])
	base := 3 + (count+1)*size
	if len(data) < base {
		return nil, nil, false
	}
	body, last := data[base:], 0
	for i := range count + 1 {
		off := 0
		for _, b := range data[3+i*size:][:size] {
			off = off<<8 | int(b)
		}
		off-- // they count from the byte before
		if off < last || off > len(body) || i == 0 && off != 0 {
			return nil, nil, false
		}
		if i > 0 {
			list = append(list, body[last:off])
		}
		last = off
	}
	return list, body[last:], true
}

// cffDict reads the whole numbers of a dictionary by operator; those of two bytes
// have 1200 added to the second. Real numbers count as zero.
func cffDict(data []byte) (map[int][]int, bool) {
	entries, operands := map[int][]int{}, []int{}
	for i := 0; i < len(data); {
		b := data[i]
		n, length := 0, 1
		switch {
		case b == 12: // the first of two
			length = 2
		case b <= 21:
		case b == 28:
			length = 3
		case b == 29:
			length = 5
		case b == 30:
			for length < len(data)-i && data[i+length]&0xf != 0xf {
				length++
			}
			length++
		case b >= 247 && b <= 254:
			length = 2
		case b < 32 || b == 255:
			return nil, false
		}
		if i+length > len(data) {
			return nil, false
		}
		at := data[i:][:length]
		i += length
		switch {
		case b <= 21:
			operator := int(b)
			if b == 12 {
				operator = 1200 + int(at[1])
			}
			entries[operator], operands = operands, nil
			continue
		case b == 28:
			n = int(int16(binary.BigEndian.Uint16(at[1:])))
		case b == 29:
			n = int(int32(binary.BigEndian.Uint32(at[1:])))
		case b == 30:
		case b <= 246:
			n = int(b) - 139
		case b <= 250:
			n = (int(b)-247)*256 + int(at[1]) + 108
		default:
			n = -(int(b)-251)*256 - int(at[1]) - 108
		}
		operands = append(operands, n)
	}
	return entries, true
}
