package separator

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// typeface is a TrueType font that is embedded whole, so that every printer has
// it, and whose text is written glyph by glyph, so that a title may be in any
// script that the font has.
type typeface struct {
	ttf    []byte
	parsed *sfnt.Font
	buffer sfnt.Buffer
	used   map[sfnt.GlyphIndex]rune
}

func newTypeface(ttf []byte) *typeface {
	parsed, err := sfnt.Parse(ttf)
	if err != nil {
		panic(err) // the font is compiled in
	}
	return &typeface{ttf: ttf, parsed: parsed, used: map[sfnt.GlyphIndex]rune{}}
}

// unitsPerEm is the scale of a PDF's glyph widths.
const unitsPerEm = 1000

// has reports whether there is a glyph for every character of the text.
func (t *typeface) has(text string) bool {
	for _, r := range text {
		if g, err := t.parsed.GlyphIndex(&t.buffer, r); err != nil || g == 0 {
			return false
		}
	}
	return true
}

// glyphs is the text as PDF shows it, in hexadecimal, and its width in
// thousandths of the font's size.
func (t *typeface) glyphs(text string) (shown string, width int) {
	var out []byte
	for _, r := range text {
		g, err := t.parsed.GlyphIndex(&t.buffer, r)
		if err != nil || g == 0 {
			continue // the callers have asked has
		}
		t.used[g] = r
		out = append(out, byte(g>>8), byte(g))
		width += t.advance(g)
	}
	return hex.EncodeToString(out), width
}

func (t *typeface) advance(g sfnt.GlyphIndex) int {
	a, err := t.parsed.GlyphAdvance(&t.buffer, g, fixed.I(unitsPerEm), font.HintingNone)
	if err != nil {
		panic(err) // a glyph that the font itself has named
	}
	return a.Round()
}

// embed writes the font, with the widths and the meaning of the glyphs that were
// used, and returns its object number.
func (t *typeface) embed(d *document, name string) int {
	var widths, meaning strings.Builder
	const mostInBlock = 100 // of a bfchar block, Adobe Technical Note 5014
	for block := range slices.Chunk(slices.Sorted(maps.Keys(t.used)), mostInBlock) {
		fmt.Fprintf(&meaning, "%d beginbfchar\n", len(block))
		for _, g := range block {
			fmt.Fprintf(&widths, "%d[%d]", g, t.advance(g))
			fmt.Fprintf(&meaning, "<%04x> <%04x>\n", g, t.used[g])
		}
		meaning.WriteString("endbfchar\n")
	}
	box, err := t.parsed.Bounds(&t.buffer, fixed.I(unitsPerEm), font.HintingNone)
	if err != nil {
		panic(err) // the font is compiled in
	}
	file := d.stream(fmt.Sprintf("/Length1 %d", len(t.ttf)), t.ttf)
	const nonSymbolic = 1 << 5
	// In the font's own coordinates y grows downwards.
	descriptor := d.object(fmt.Sprintf("<</Type/FontDescriptor/FontName/%s/Flags %d/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d/CapHeight 720/StemV 90/FontFile2 %d 0 R>>",
		name, nonSymbolic, box.Min.X.Floor(), -box.Max.Y.Ceil(), box.Max.X.Ceil(), -box.Min.Y.Floor(),
		-box.Min.Y.Floor(), -box.Max.Y.Ceil(), file))
	cid := d.object(fmt.Sprintf("<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor %d 0 R/CIDToGIDMap/Identity/W[%s]>>",
		name, descriptor, widths.String()))
	unicode := d.stream("", []byte(fmt.Sprintf(toUnicode, meaning.String())))
	return d.object(fmt.Sprintf("<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>",
		name, cid, unicode))
}

// toUnicode says which characters glyphs stand for, so that the words can be
// searched and read aloud.
const toUnicode = `/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo <</Registry(Adobe)/Ordering(UCS)/Supplement 0>> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <ffff>
endcodespacerange
%sendcmap
CMapName currentdict /CMap defineresource pop
end
end
`
