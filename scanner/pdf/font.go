package pdf

import (
	"bytes"
	"encoding/binary"
)

// wholeFont reports whether the program of a font, of any kind that PDF embeds
// (ISO 32000-1, 9.9), has the structure of one. Where no checksum says that its
// data is what was written it may hold no stretch of zeros either.
func wholeFont(data []byte, sound bool) bool {
	switch {
	case len(data) < 4:
		return false
	case isSFNT(data):
		return wholeSFNT(data, sound)
	case bytes.HasPrefix(data, []byte("%!")) || data[0] == 0x80 && data[1] == 1:
		// Adobe Type 1: clear text up to "eexec", then what is encrypted. Neither
		// has zeros; those at its end are digits.
		return bytes.Contains(data, []byte("eexec")) && (sound || !bytes.Contains(data, zeros))
	case data[0] == 1: // CFF, major version 1
		return wholeCFF(data) && (sound || cffExplains(data))
	}
	return false
}

// isSFNT tells TrueType and OpenType by their first bytes.
func isSFNT(data []byte) bool {
	switch string(data[:4]) {
	case "\x00\x01\x00\x00", "true", "OTTO", "ttcf", "typ1":
		return true
	}
	return false
}

// table is one of a font's, and the sum that the directory gives for it.
type table struct {
	tag      string
	from, to int
	sum      uint32
}

// wholeSFNT looks at the directory of tables of a font, and at the outlines
// (OpenType 1.9, "Organization of an OpenType Font").
func wholeSFNT(data []byte, sound bool) bool {
	if string(data[:4]) == "ttcf" { // several fonts in one, which PDF does not have
		return sound
	}
	tables, ok := sfntTables(data)
	if !ok {
		return false
	}
	for _, t := range tables {
		part := data[t.from:t.to]
		if t.tag == "CFF " && !wholeCFF(part) {
			return false
		}
	}
	return sound || sumsExplain(data, tables)
}

// sfntTables reads the directory: tables with a printable name, inside the font.
// The last may be cut short by the bytes that fill it up.
func sfntTables(data []byte) ([]table, bool) {
	const header, entry, fill = 12, 16, 3
	if len(data) < header {
		return nil, false
	}
	count := int(binary.BigEndian.Uint16(data[4:]))
	if count == 0 || len(data) < header+entry*count {
		return nil, false
	}
	var list []table
	for i := range count {
		e := data[header+entry*i:][:entry]
		t := table{tag: string(e[:4]), sum: binary.BigEndian.Uint32(e[4:])}
		from, length := uint64(binary.BigEndian.Uint32(e[8:])), uint64(binary.BigEndian.Uint32(e[12:]))
		if e[0] < ' ' || from+length > uint64(len(data))+fill {
			return nil, false
		}
		t.from, t.to = int(min(from, uint64(len(data)))), int(min(from+length, uint64(len(data))))
		list = append(list, t)
	}
	return list, true
}

// sumsExplain reports whether every stretch of zeros lies in tables whose sum
// says that it was written, as metrics and maps of characters have some, or in
// tables that draw nothing. Programs that take glyphs out of a font often leave
// the sums as they were.
func sumsExplain(data []byte, tables []table) bool {
	for at := 0; at < len(data); {
		n := bytes.Index(data[at:], zeros)
		if n < 0 {
			return true
		}
		from := at + n
		to := from + stretch
		for to < len(data) && data[to] == 0 {
			to++
		}
		for _, t := range tables {
			if t.from < to && from < t.to && !undrawn[t.tag] && !t.sumRight(data[t.from:t.to]) {
				return false
			}
		}
		at = to
	}
	return true
}

// undrawn are the tables that no glyph of a font in a PDF is drawn with: names,
// licences, and what text programs set it by.
var undrawn = set("OS/2", "name", "DSIG", "gasp", "kern", "GDEF", "GPOS", "GSUB", "BASE", "JSTF", "PCLT",
	"LTSH", "VDMX", "hdmx", "vhea", "vmtx", "meta", "FFTM")

// sumRight reports whether the words of a table add up to its sum. LibreOffice
// adds up words whose lowest byte is the first.
func (t table) sumRight(part []byte) bool {
	const adjustment = 8 // in "head": where the sum of the whole font stands, taken for zero
	var sum, office uint32
	for i := 0; i < len(part); i += 4 {
		var word [4]byte
		copy(word[:], part[i:])
		if t.tag != "head" || i != adjustment {
			sum += binary.BigEndian.Uint32(word[:])
			office += binary.LittleEndian.Uint32(word[:])
		}
	}
	return sum == t.sum || office == t.sum
}
