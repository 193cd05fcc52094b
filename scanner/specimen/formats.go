package specimen

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
)

// JPEG is page n, from 1, as a photograph, with its resolution in the JFIF header.
func (l Letter) JPEG(n int) []byte {
	var out bytes.Buffer
	must(jpeg.Encode(&out, l.Image(n), &jpeg.Options{Quality: 80}))
	// Go writes no JFIF header: put one behind the SOI, version 1.1, dots per inch.
	jfif := []byte{0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(jfif[12:], uint16(l.dpi()))
	binary.BigEndian.PutUint16(jfif[14:], uint16(l.dpi()))
	return bytes.Join([][]byte{out.Bytes()[:2], jfif, out.Bytes()[2:]}, nil)
}

// PNG is page n, from 1,, without a resolution.
func (l Letter) PNG(n int) []byte {
	var out bytes.Buffer
	must(png.Encode(&out, l.Image(n)))
	return out.Bytes()
}

// ColourPDF is the whole letter as a colour scanner writes it: each page a JPEG
// on A4. With a Canary each page also has an invisible text layer, as from a
// scanner that reads the text, which holds it.
func (l Letter) ColourPDF() []byte {
	var out bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&out, format, args...)
		out.WriteString("\nendobj\n")
	}
	stream := func(dict string, data []byte) {
		object("<</Length %d%s>>\nstream\n%s\nendstream", len(data), dict, data)
	}
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	kids := make([]string, l.Pages())
	for n := range kids {
		kids[n] = fmt.Sprintf("%d 0 R", 4+3*n)
	}
	object("<</Type/Pages/Count %d/Kids[%s]>>", len(kids), strings.Join(kids, " "))
	object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	const width, height = a4Width * 72, a4Height * 72
	for n := range kids {
		first := 4 + 3*n
		object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Contents %d 0 R"+
			"/Resources<</Font<</F1 3 0 R>>/XObject<</Im0 %d 0 R>>>>>>", width, height, first+1, first+2)
		content := fmt.Sprintf("q %.2f 0 0 %.2f 0 0 cm /Im0 Do Q\n", width, height)
		if l.Canary != "" {
			content += fmt.Sprintf("BT 3 Tr /F1 8 Tf 72 60 Td (%s) Tj ET\n", escape(l.Canary))
		}
		stream("", []byte(content))
		size := l.size()
		stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceRGB"+
			"/BitsPerComponent 8/Filter/DCTDecode", size.X, size.Y), l.JPEG(n+1))
	}
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	return out.Bytes()
}

// size is that of every page in dots.
func (l Letter) size() image.Point {
	return image.Pt(dots(a4Width, l.dpi()), dots(a4Height, l.dpi()))
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace(s)
}

// G4TIFF is the whole letter as an office scanner writes it in black and white:
// a TIFF of one CCITT Group 4 strip a page.
func (l Letter) G4TIFF() []byte {
	var t tiffWriter
	for n := range l.Body {
		b := l.bilevel(n + 1)
		t.page(tiffPage{
			width: b.width, height: b.height, dpi: l.dpi(), number: n, of: l.Pages(),
			compression: 4, photometric: 0, bits: []uint16{1}, data: group4(b),
		})
	}
	return t.bytes()
}

// MultiPageTIFF is the whole letter in colour, a TIFF with Deflate compression.
func (l Letter) MultiPageTIFF() []byte {
	var t tiffWriter
	for n := range l.Body {
		page := l.Image(n + 1)
		var data bytes.Buffer
		z := zlib.NewWriter(&data)
		for i := 0; i < len(page.Pix); i += 4 {
			_, err := z.Write(page.Pix[i : i+3])
			must(err)
		}
		must(z.Close())
		t.page(tiffPage{
			width: page.Rect.Dx(), height: page.Rect.Dy(), dpi: l.dpi(), number: n, of: l.Pages(),
			compression: 8, photometric: 2, bits: []uint16{8, 8, 8}, data: data.Bytes(),
		})
	}
	return t.bytes()
}

// must is for writing to memory, which does not fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
