package pdf_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"regexp"
	"testing"

	"letterlock/scanner/pdf"
)

// streamData finds what stands between "stream" and "endstream".
var streamData = regexp.MustCompile(`(?s)>>\s*stream\r?\n(.*?)endstream`)

// Whatever a page is drawn with, fonts, tables of characters, forms, profiles,
// masks, has lost a part of its data: the file is refused, or every page is drawn
// as if nothing were missing.
func TestPDFsWithAHoleInAnyStreamAreRefusedOrDrawnAsTheWhole(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	b := newBench(t)
	b.write("office.pdf", testdata(b, "libreoffice/tagged.pdf"))
	for name, scan := range map[string][]byte{
		"Ghostscript":                 b.read("text.pdf"),
		"Ghostscript, no compression": b.gs("pdfwrite", "-dCompressPages=false", "-dCompressFonts=false", "letter.ps"),
		"Ghostscript, ASCII":          b.gs("pdfwrite", "-dASCII85EncodePages=true", "letter.ps"),
		"Ghostscript, PDF/A": b.gs("pdfwrite", "-dPDFA=2", "-dPDFACompatibilityPolicy=1",
			"-sColorConversionStrategy=RGB", "letter.ps"),
		"cairo":                       b.run("poppler-utils", "pdftocairo", "-pdf", "text.pdf", "-"),
		"cairo, from SVG":             b.run("librsvg2-bin", "rsvg-convert", "-f", "pdf", "letter.svg"),
		"qpdf, object streams":        b.qpdf("--object-streams=generate", "text.pdf"),
		"qpdf, nothing compressed":    b.qpdf("--stream-data=uncompress", "--compress-streams=n", "text.pdf"),
		"LibreOffice, a web page":     testdata(b, "libreoffice/webpage.pdf"),
		"LibreOffice, PDF/A":          testdata(b, "libreoffice/tagged.pdf"),
		"LibreOffice, a drawing":      testdata(b, "libreoffice/drawing.pdf"),
		"LibreOffice, not compressed": b.qpdf("--stream-data=uncompress", "--compress-streams=n", "office.pdf"),
	} {
		t.Run(name, func(t *testing.T) {
			takeWhole(t, "nothing missing", scan)
			whole := render(t, pdftoppm, scan, 50)
			for _, at := range streamData.FindAllSubmatchIndex(scan, -1) {
				if bytes.Contains(scan[max(0, at[2]-90):at[2]], []byte("DCTDecode")) {
					continue // a JPEG has tests of its own
				}
				holes(at[2], at[3], func(from, to int) {
					holed := bytes.Clone(scan)
					clear(holed[from:to])
					out := file(t, nil)
					if pdf.NormaliseHere(file(t, holed), out) != nil {
						return
					}
					made, err := os.ReadFile(out.Name())
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(render(t, pdftoppm, made, 50), whole) {
						t.Errorf("taken without the bytes %d to %d of the stream from %d to %d: %.90q",
							from, to, at[2], at[3], scan[max(0, at[2]-90):at[2]])
					}
				})
			}
		})
	}
}

// holes are stretches of the data in [from, to): of a bad block, of a small part
// of one, and of a file that stopped growing.
func holes(from, to int, each func(from, to int)) {
	n := to - from
	for _, size := range []int{64, 512, n * 2 / 5} {
		if size < 16 || size > n {
			continue
		}
		for _, start := range []int{0, n / 5, n / 2, n - size} {
			each(from+min(start, n-size), from+min(start, n-size)+size)
		}
	}
}

// What draws without samples has none to count: its checksum must be right where
// there is one, and no stretch of zeros may stand in it.
func TestContentThatIsNotWholeIsRefused(t *testing.T) {
	text := string(bytes.Repeat([]byte(squares+"\n"), 9))
	packed := deflated(text)
	form := func(filter, data string) []byte {
		return onePage("/XObject<</P 5 0 R>>", "/P Do", stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]"+filter, data))
	}
	zeros := string(make([]byte, 64))
	holed := func(data string) string { return data[:40] + zeros + data[40+64:] }
	const flate, ascii = "/Filter/FlateDecode", "/Filter/ASCIIHexDecode"
	takeWhole(t, "all of it", form(flate, packed))
	takeWhole(t, "no checksum", form(flate, packed[:len(packed)-4]))
	takeWhole(t, "hexadecimal", form(ascii, hex.EncodeToString([]byte(text))+">"))
	refuseBroken(t, "a wrong checksum", form(flate, packed[:len(packed)-4]+"oops"))
	refuseBroken(t, "half of it", form(flate, packed[:len(packed)/2]))
	refuseBroken(t, "a hole", form("", holed(text)))
	refuseBroken(t, "a hole in hexadecimal", form(ascii, holed(hex.EncodeToString([]byte(text)))+">"))
	refuseBroken(t, "a hole in a string", form("", "BT ("+zeros+") Tj ET"))
}

// What should be content and is something else was content, of which nothing is
// left that draws.
func TestContentThatIsNoStreamIsRefused(t *testing.T) {
	page := func(contents string, objects ...string) []byte {
		return build(append([]string{"<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
			"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents" + contents + ">>"}, objects...)...)
	}
	const lost = "<</Lengt\xec\xec\xecstream\n0 0 9 9 re f\nendstream\n/X 1>>"
	takeWhole(t, "one stream", page(" 4 0 R", stream("", squares)))
	takeWhole(t, "none", page("[]"))
	takeWhole(t, "one and nothing", page("[null 4 0 R]", stream("", squares)))
	takeWhole(t, "one and nothing, elsewhere", page(" 5 0 R", stream("", squares), "[4 0 R null]"))
	takeWhole(t, "nothing alone", page("[null]"))
	refuseBroken(t, "nothing, but a picture", page("[null]/Resources<</XObject<</P 4 0 R>>>>", grey8("", ramp())))
	refuseBroken(t, "a dictionary", page(" 4 0 R", "<</Length 9>>"))
	refuseBroken(t, "the remains of one", page(" 4 0 R", lost))
	refuseBroken(t, "one of two", page("[4 0 R 5 0 R]", stream("", squares), "<</Length 9>>"))
	refuseBroken(t, "a list in a list", page("[[4 0 R]]", stream("", squares)))
}
