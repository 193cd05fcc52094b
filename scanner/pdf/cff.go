package pdf

import (
	"bytes"
	"encoding/binary"
)

// Operators of a CFF font's dictionary (Adobe Technical Note 5176, table 9).
const (
	cffCharStrings = 17
	cffPrivate     = 18
	cffFontDicts   = 1236 // FDArray
	cffSelect      = 1237 // FDSelect
)

// cffTops are the dictionaries of the fonts in a CFF file.
func cffTops(data []byte) (tops []map[int][]int, ok bool) {
	if len(data) < 4 || int(data[2]) > len(data) {
		return nil, false
	}
	_, rest, ok := cffIndex(data[data[2]:]) // names
	if !ok {
		return nil, false
	}
	list, rest, ok := cffIndex(rest)
	if !ok || len(list) == 0 {
		return nil, false
	}
	for range 2 { // strings, and subroutines of all fonts
		if _, rest, ok = cffIndex(rest); !ok {
			return nil, false
		}
	}
	for _, each := range list {
		entries, ok := cffDict(each)
		if !ok {
			return nil, false
		}
		tops = append(tops, entries)
	}
	return tops, true
}

// wholeCFF reports whether the tables of a CFF font lie inside it.
func wholeCFF(data []byte) bool {
	tops, ok := cffTops(data)
	for _, entries := range tops {
		list, ok := cffAt(data, entries[cffCharStrings])
		if !ok || len(list) == 0 {
			return false
		}
		if p := entries[cffPrivate]; len(p) == 2 && (p[0] < 0 || p[1] < 0 || p[1] > len(data) || p[0] > len(data)-p[1]) {
			return false
		}
	}
	return ok
}

// cffAt reads the array whose place is the only operand.
func cffAt(data []byte, operands []int) (list [][]byte, ok bool) {
	if len(operands) != 1 || operands[0] < 4 || operands[0] >= len(data) {
		return nil, false
	}
	list, _, ok = cffIndex(data[operands[0]:])
	return list, ok
}

// cffExplains reports whether every stretch of zeros in a CFF font is what says
// of each glyph that it belongs to the first of its dictionaries, where there is
// no other (FDSelect, 5176 section 19): whatever was there stood for the same.
func cffExplains(data []byte) bool {
	if !bytes.Contains(data, zeros) {
		return true
	}
	tops, ok := cffTops(data)
	if !ok || len(tops) != 1 {
		return false
	}
	glyphs, _ := cffAt(data, tops[0][cffCharStrings])
	dicts, _ := cffAt(data, tops[0][cffFontDicts])
	choice := tops[0][cffSelect]
	if len(dicts) != 1 || len(choice) != 1 || choice[0] < 4 || choice[0]+1+len(glyphs) > len(data) || data[choice[0]] != 0 {
		return false
	}
	from, to := choice[0]+1, choice[0]+1+len(glyphs)
	// What stands before and behind is looked at with a few of the zeros, so that
	// a stretch that goes on beyond the list is found.
	edge := len(zeros) / 2
	return !bytes.Contains(data[:min(from+edge, to)], zeros) && !bytes.Contains(data[max(to-edge, from):], zeros)
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
