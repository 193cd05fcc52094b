package pdf

import (
	"bytes"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
)

// smallCFF is a CFF font of one glyph that draws nothing.
func smallCFF() []byte {
	return []byte("\x01\x00\x04\x01" + // version 1.0, header of 4 bytes
		"\x00\x01\x01\x01\x02A" + // one name
		"\x00\x01\x01\x01\x05\xa4\x11\x8b\x8b" + // one dictionary: glyphs at 25, and two zeros
		"\x00\x00" + "\x00\x00" + // no strings, no subroutines
		"\x00\x00" + // what nothing leads to
		"\x00\x01\x01\x01\x02\x0e") // one glyph
}

// manyCFF is a CFF font of 80 glyphs, all of which belong to its only dictionary.
func manyCFF() []byte {
	const glyphs, dicts, choice = 40, 40 + 3 + 81 + 80, 40 + 3 + 81 + 80 + 6
	out := []byte("\x01\x00\x04\x01" + "\x00\x01\x01\x01\x02A" +
		"\x00\x01\x01\x01\x10" + // one dictionary of 15 bytes
		"\x1c\x00\x28\x11" + // glyphs at 40
		"\x1c\x00\xcc\x0c\x24" + // dictionaries at 204
		"\x1c\x00\xd2\x0c\x25" + "\x8b" + // which one for each glyph, at 210; and a zero
		"\x00\x00" + "\x00\x00")
	out = append(out, bytes.Repeat([]byte{0x55}, glyphs-len(out))...)
	out = append(out, 0, 80, 1)
	for i := range 81 {
		out = append(out, byte(1+i))
	}
	out = append(out, bytes.Repeat([]byte{0x0e}, 80)...)
	out = append(out, 0, 1, 1, 1, 2, 0x8b)
	out = append(out, make([]byte, 81)...)
	return append(out, bytes.Repeat([]byte{0x55}, 40)...)
}

// summed is a font whose table has another sum than its directory says.
func summed(t *testing.T, font []byte, tag string) []byte {
	t.Helper()
	at := bytes.Index(font, []byte(tag))
	if at < 0 {
		t.Fatalf("no table %q", tag)
	}
	return changed(font, at+4, "\x12\x34\x56\x78")
}

// changed is data with other bytes at a place.
func changed(data []byte, at int, with string) []byte {
	data = bytes.Clone(data)
	copy(data[at:], with)
	return data
}

func TestFontsAreLookedAtToTheirEnd(t *testing.T) {
	hole := string(make([]byte, stretch))
	regular, tables := goregular.TTF, map[string]table{}
	list, ok := sfntTables(regular)
	if !ok {
		t.Fatal("no tables in a font")
	}
	for _, each := range list {
		tables[each.tag] = each
	}
	type1 := []byte("%!PS-AdobeFont-1.0: A\ncurrentfile eexec\n" + string(bytes.Repeat([]byte("\xd9\xd6\x6f\x63"), 100)))
	for name, c := range map[string]struct {
		font  []byte
		sound bool // a checksum vouches for it
		whole bool
	}{
		"TrueType":                       {regular, false, true},
		"TrueType, cut off":              {regular[:len(regular)/2], true, false},
		"TrueType, no directory":         {changed(regular, 12, hole), true, false},
		"TrueType, hole in the outlines": {changed(regular, tables["glyf"].from+999, hole), false, false},
		"TrueType, hole in the map":      {changed(regular, tables["cmap"].from+99, hole), false, false},
		"TrueType, zeros as written":     {changed(regular, tables["glyf"].from+999, hole), true, true},
		"TrueType, no start":             {changed(regular, 0, hole), true, false},
		"CFF":                            {smallCFF(), false, true},
		"CFF, glyphs outside":            {changed(smallCFF(), 15, "\xef"), true, false},
		"CFF, glyphs elsewhere":          {changed(smallCFF(), 15, "\x90"), true, false},
		"CFF, names without end":         {changed(smallCFF(), 8, "\xf0"), true, false},
		"CFF, cut off":                   {smallCFF()[:28], true, false},
		"CFF, glyphs of one dictionary":  {manyCFF(), false, true},
		"CFF, hole in the glyphs":        {changed(manyCFF(), 130, hole), false, false},
		"CFF, hole behind the choice":    {changed(manyCFF(), 280, hole[:40]), false, false},
		"TrueType, hole in the names":    {changed(regular, tables["name"].from+99, hole), false, true},
		"TrueType, a wrong sum":          {changed(summed(t, regular, "cmap"), tables["cmap"].from+99, hole), false, false},
		"TrueType, zeros and no sum":     {changed(summed(t, regular, "OS/2"), tables["OS/2"].from+20, hole), false, true},
		"Type 1":                         {type1, false, true},
		"Type 1, hole":                   {changed(type1, 100, hole), false, false},
		"Type 1, no glyphs":              {type1[:30], true, false},
		"nothing":                        {nil, true, false},
		"something else":                 {[]byte("<html>"), true, false},
	} {
		if got := wholeFont(c.font, c.sound); got != c.whole {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// LibreOffice adds up the words of a font's tables the other way round.
func TestSumsOfFontsAreReadBothWays(t *testing.T) {
	part := []byte("\x00\x00\x00\x01\x00\x00\x00\x02")
	for sum, right := range map[uint32]bool{3: true, 0x03000000: true, 4: false} {
		if got := (table{tag: "cmap", sum: sum}).sumRight(part); got != right {
			t.Errorf("%x: %v", sum, got)
		}
	}
}

// FuzzFont looks at fonts: no input may crash it, and what is whole where nothing
// vouches for it is whole where something does.
func FuzzFont(f *testing.F) {
	f.Add(goregular.TTF)
	f.Add(smallCFF())
	f.Add([]byte("%!PS-AdobeFont-1.0: A\ncurrentfile eexec\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if wholeFont(data, false) && !wholeFont(data, true) {
			t.Error("whole only without a checksum")
		}
		wholeProfile(data)
	})
}
