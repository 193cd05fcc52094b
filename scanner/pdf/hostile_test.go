package pdf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// hostile is a file that is meant to do harm, or that nobody meant anything with.
type hostile struct {
	name string
	make func(t *testing.T) []byte
	// want is the reason for which it is refused; empty when it is taken, since
	// what is harmful about it is left behind.
	want pdf.Code
}

func of(b []byte) func(*testing.T) []byte { return func(*testing.T) []byte { return b } }

// structure are files that attack the reader of PDF.
func structure() []hostile {
	blank := build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage)
	at := bytes.LastIndex(blank, []byte("xref\n0"))
	script := "<</Type/Action/S/JavaScript/JS(" + canary + ")>>"
	catalog := func(entries string, more ...string) []byte {
		return build(append([]string{"<</Type/Catalog/Pages 2 0 R" + entries + ">>", pagesOf3, blankPage}, more...)...)
	}
	return []hostile{
		{"a table that leads to itself", of(endsWith(blank, "trailer", fmt.Sprintf("trailer\n<</Size 4/Root 1 0 R/Prev %d>>\nstartxref\n%[1]d\n%%%%EOF\n", at))), pdf.Damaged},
		{"tables that lead to each other", of(updated(bytes.Replace(blank, []byte("/Root 1 0 R"), fmt.Appendf(nil, "/Root 1 0 R/Prev %d", len(blank)+60), 1), "<</X 1>>")), ""},
		{"a table at nowhere", of(endsWith(blank, "startxref", "startxref\n17\n%%EOF\n")), ""},
		{"a table of zeros", of(bytes.ReplaceAll(blank, []byte("00000 n"), []byte("00000 f"))), pdf.Damaged},
		{"an object number of two thousand million", of(hugeObjectNumber()), pdf.TooHeavy},
		{"nine million entries", of(xrefStream("/Size 9000000/Index[0 9000000]/Filter/FlateDecode", bomb(0, 63_000_000, 1))), ""},
		{"nine million entries promised", of(xrefStream("/Size 9000000/Index[0 9000000]", "short")), ""},
		{"a table compressed twice", of(xrefStream("/Size 9000000/Index[0 9000000]/Filter[/FlateDecode/FlateDecode]", bomb(0, 63_000_000, 2))), ""},
		{"a table compressed a hundred times", of(xrefStream("/Size 5/Filter["+strings.Repeat("/FlateDecode", 100)+"]", bomb(0, 100, 100))), ""},
		{"a stream of objects that is a bomb", of(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage,
			stream("/Type/ObjStm/N 1000000/First 99999999/Filter/FlateDecode", bomb('0', 100_000_000, 1)))), ""},
		{"two hundred thousand pages", of(manyPages(200_000)), pdf.TooManyPages},
		{"one page a hundred thousand times", of(samePageOften(100_000)), pdf.TooManyPages},
		{"a page tree that doubles", of(doublingPages(60)), pdf.TooManyPages},
		{"a page tree a thousand deep", of(deepPages(1000)), pdf.Damaged},
		{"a page tree that is its own child", of(build("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[2 0 R]>>")), pdf.Damaged},
		{"arrays a hundred thousand deep", of(catalog("/X 4 0 R", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000))), pdf.Damaged},
		{"dictionaries a hundred thousand deep", of(catalog("/X 4 0 R", strings.Repeat("<</A", 100_000)+strings.Repeat(">>", 100_000))), pdf.Damaged},
		{"arrays a hundred thousand deep in a page", of(paged("/MediaBox[0 0 9 9]/Group " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000))), pdf.Damaged},
		{"a string of forty megabytes", of(catalog("/X(" + strings.Repeat("x", 40<<20) + ")")), ""},
		{"a string without end", of(catalog("/X(" + strings.Repeat("(", 10_000))), pdf.Damaged},
		{"a negative length", of(bytes.Replace(plainPDF(), []byte("/Length 53"), []byte("/Length -3"), 1)), ""},
		{"a length beyond the file", of(bytes.Replace(plainPDF(), []byte("/Length 53"), []byte("/Length 99"), 1)), ""},
		{"a length that is itself", of(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
			"<</Length 4 0 R>>\nstream\n"+squares+"\nendstream")), pdf.Damaged},
		{"an object that is itself", of(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox 4 0 R>>", "4 0 R")), pdf.Damaged},
		{"a locked file: two passwords", func(t *testing.T) []byte { return locked(t, "u", "o") }, pdf.Encrypted},
		{"a locked file: the owner's password", func(t *testing.T) []byte { return locked(t, "", "o") }, ""},
		{"a locked file: empty passwords", func(t *testing.T) []byte { return openly(t) }, ""},
		{"a locked file that says so in place", of(bytes.Replace(plainPDF(), []byte("/Root"), []byte("/Encrypt<</Filter/Standard/V 1/R 2>>/Root"), 1)), pdf.Protected},
		{"a locked file that says so with an escape", of(bytes.Replace(plainPDF(), []byte("/Root"), []byte("/Encr#79pt<</Filter/Standard/V 1/R 2>>/Root"), 1)), pdf.Protected},
		{"a script on opening", of(catalog("/OpenAction " + script + "/AA<</WC " + script + ">>")), ""},
		{"a program to start", of(catalog("/OpenAction<</S/Launch/F(" + canary + ".exe)>>")), ""},
		{"files inside", of(catalog("/AF[5 0 R]/Names<</EmbeddedFiles<</Names[(a) 5 0 R]>>>>", stream("/Type/EmbeddedFile", canary), "<</Type/Filespec/F(a.exe)/EF<</F 4 0 R>>>>")), ""},
		{"a form that draws itself (XFA)", of(catalog("/AcroForm<</Fields[]/XFA 4 0 R>>", stream("", "<xdp>"+canary+"</xdp>"))), pdf.FormOrComments},
		{"a film on the page", of(annotated("/Subtype/RichMedia/Rect[9 9 99 99]/Contents(" + canary + ")")), pdf.FormOrComments},
		{"content in another file", of(paged("/MediaBox[0 0 9 9]/Contents<</F(/etc/passwd)>>")), pdf.Damaged},
		{"a catalogue that is a page", of(bytes.Replace(plainPDF(), []byte("/Root 1 0 R"), []byte("/Root 3 0 R"), 1)), pdf.Damaged},
		{"no catalogue", of(bytes.Replace(plainPDF(), []byte("/Root 1 0 R"), []byte("/Toor 1 0 R"), 1)), pdf.Damaged},
	}
}

// deepPages is a page tree with one page at the bottom.
func deepPages(depth int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>"}
	for i := range depth {
		objects = append(objects, fmt.Sprintf("<</Type/Pages/Parent %d 0 R/Count 1/Kids[%d 0 R]>>", i+1, i+3))
	}
	return build(append(objects, blankPage)...)
}

// drawings are files that attack who draws the page.
func drawings() []hostile {
	contents := func(data string) []byte {
		return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
			stream("/Filter/FlateDecode", data))
	}
	return []hostile{
		{"content that is a bomb", of(contents(bomb('q', 100_000_000, 1))), pdf.TooHeavy},
		{"content of brackets", of(contents(bomb('[', 20_000_000, 1))), ""},
		{"content of closing brackets", of(contents(bomb(')', 20_000_000, 1))), ""},
		{"content compressed twice", of(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
			stream("/Filter[/FlateDecode/FlateDecode]", bomb(' ', 100_000_000, 2)))), pdf.TooHeavy},
		{"content a hundred thousand times", of(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
			"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents["+strings.Repeat("4 0 R ", 100_000)+"]>>", stream("", strings.Repeat(squares+" ", 100)))), pdf.TooHeavy},
		{"forms that double", of(doublingForms(60)), pdf.TooHeavy},
		{"forms that double, two thousand deep", of(doublingForms(2000)), pdf.TooHeavy},
		{"forms two thousand deep", of(chained(2000)), ""},
		{"pages with a bomb each", of(bombs(10, 10_000_000)), pdf.TooHeavy},
		{"a picture drawn ten thousand times", of(onePage("/XObject<</P 5 0 R>>", strings.Repeat(drawP+" ", 10_000), stream(
			"/Type/XObject/Subtype/Image/Width 9000/Height 9000/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode", bomb(0, 9000*1125, 1)))), pdf.TooHeavy},
		{"a picture of a million by a million", of(claiming(1_000_000, 1_000_000, "/Filter/FlateDecode", bomb(0, 1000, 1))), pdf.TooLarge},
		{"a picture of more dots than numbers", of(claiming(1<<62, 1<<62, "", "")), pdf.TooLarge},
		{"a picture of less than nothing", of(claiming(-5, -5, "", "")), pdf.TooLarge},
		{"a picture that is not there", of(claiming(90, 90, "/Filter/FlateDecode", deflated("short"))), pdf.CutOff},
		{"a picture that unpacks for ever", of(claiming(9, 9, "/Filter/FlateDecode", bomb(0, 100_000_000, 1))), pdf.Damaged},
		{"a picture packed thirty times", of(claiming(9, 9, "/Filter["+strings.Repeat("/FlateDecode", 30)+"]", bomb(0, 9*9*3, 30))), ""},
		{"a filter nobody knows", of(claiming(9, 9, "/Filter/Frobnicate", "x")), pdf.Damaged},
		{"a JPEG in a JPEG", of(claiming(9, 9, "/Filter[/DCTDecode/DCTDecode]", "x")), pdf.Damaged},
		{"a JPEG of 65,500 dots square", func(t *testing.T) []byte { return claiming(8, 8, "/Filter/DCTDecode", string(vastJPEG(t))) }, pdf.TooLarge},
		{"half a JPEG in a PDF", func(t *testing.T) []byte {
			j := jpegOf(t, patches(200, 200))
			return claiming(200, 200, "/Filter/DCTDecode", string(j[:len(j)/2]))
		}, pdf.Damaged},
		{"half a JPEG with an end in a PDF", func(t *testing.T) []byte {
			j := jpegOf(t, patches(200, 200))
			return claiming(200, 200, "/Filter/DCTDecode", string(j[:len(j)/2])+"\xff\xd9")
		}, pdf.CutOff},
		{"a JPEG with zeros for its second half in a PDF", func(t *testing.T) []byte {
			j := testdata(bench{T: t}, "optimised.jpg")
			clear(j[len(j)/2 : len(j)-2])
			return claiming(331, 468, "/Filter/DCTDecode", string(j))
		}, pdf.Damaged},
		{"half a page of Group 4 in a PDF", of(fax("\xf0")), pdf.CutOff},
		{"Group 4 that is none", of(fax("\x00\x01\x7f\xfe\x35\x11\x00\x00\x00")), pdf.Damaged},
		{"a fax of vast rows", of(bytes.Replace(fax("\xff\x00\x10\x01"), []byte("/Columns 8"), []byte("/Columns 999999999999"), 1)), pdf.TooLarge},
		{"Flate that stops in a PDF", of(claiming(90, 90, "/Filter/FlateDecode", bomb(7, 90*90*3, 1)[:20])), pdf.CutOff},
		{"a JBIG2 page of half the world", of(jbig2PDF(96, 80, nil, jbPage(1<<31-1, 1<<31-1))), pdf.TooLarge},
	}
}

// bombs has n pages whose content unpacks to so many bytes each.
func bombs(n, size int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	var kids strings.Builder
	data := bomb(' ', size, 1)
	for range n {
		fmt.Fprintf(&kids, "%d 0 R ", len(objects)+1)
		objects = append(objects, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents %d 0 R>>", len(objects)+2),
			stream("/Filter/FlateDecode", data))
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", n, kids.String())
	return build(objects...)
}

// otherFiles are other formats, and files that are two at once.
func otherFiles() []hostile {
	l := specimen.New(31, 1)
	l.DPI = 40
	ihdr := func(width, height uint32) [2]string {
		return [2]string{"IHDR", fmt.Sprintf("%c%c%c%c%c%c%c%c", 0, 0, width>>8, width&255, 0, 0, height>>8, height&255) + "\x08\x00\x00\x00\x00"}
	}
	return []hostile{
		{"a TIFF that goes round", of(loopedTIFF(l.G4TIFF())), pdf.Damaged},
		{"a TIFF that is its own next page", of(tiff(8, bilevel(8, 8, 200, 8))), pdf.Damaged},
		{"a TIFF with a bomb on its first page", of(tiff(0, bilevel(1<<31, 1<<31, 200, 8))), pdf.TooLarge},
		{"a TIFF with a bomb on its second page", of(tiff(0, bilevel(8, 8, 300, 8), bilevel(1<<31, 1<<31, 300, 8))), pdf.TooLarge},
		{"half a page of Group 4", of(slicesOf(l.G4TIFF()[:len(l.G4TIFF())/2])), pdf.CutOff},
		{"half a JPEG", of(l.JPEG(1)[:len(l.JPEG(1))/2]), pdf.CutOff},
		{"a JPEG of 65,500 dots square alone", vastJPEG, pdf.TooLarge},
		{"a PNG that is a bomb", of(vastPNG(60_000, 60_000, 1)), pdf.TooLarge},
		{"a PNG that unpacks for ever", of(pngChunks(ihdr(9, 9), [2]string{"IDAT", bomb(0, 100_000_000, 1)}, [2]string{"IEND", ""})), ""},
		{"a PNG without a picture", of(pngChunks(ihdr(9, 9), [2]string{"IEND", ""})), pdf.Damaged},
		{"nothing", of(nil), pdf.Empty},
		{"zeros", of(make([]byte, 100_000)), pdf.CutOff},
		{"text", of([]byte("Dear all, this is a text.\n")), pdf.NotAScan},
		{"a text file from an office", of(zipped("word/document.xml")), pdf.NotAScan},
		{"an old office file", of([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("x", 600))), pdf.NotAScan},
		{"a program", of([]byte("\x7fELF" + strings.Repeat("x", 600))), pdf.NotAScan},
		{"a GIF", of([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")), pdf.NotAScan},
		{"a WebP", of([]byte("RIFF\x24\x00\x00\x00WEBPVP8 ")), pdf.NotAScan},
		{"a HEIC", of([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00")), pdf.NotAScan},
		{"a BMP", of([]byte("BM\x36\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00")), pdf.NotAScan},
		{"PostScript", of([]byte("%!PS-Adobe-3.0\nshowpage\n")), pdf.NotAScan},
		{"a PDF that is a ZIP too", of(append(plainPDF(), zipped("evil.exe")...)), ""},
		{"a ZIP that is a PDF too", of(append([]byte("PK\x03\x04"+canary+"\n"), plainPDF()...)), ""},
		{"a PDF that is a JPEG too", of(slicesOf(l.JPEG(1), plainPDF())), pdf.SeveralScans},
		{"a web page that is a PDF too", of(append([]byte("<html><script>"+canary+"</script><!--\n"), plainPDF()...)), ""},
		{"a PDF in name only", of([]byte("%PDF-1.7\n" + strings.Repeat("x", 500) + "\nstartxref\n9\n%%EOF\n")), pdf.Damaged},
		{"a PDF of comments", of([]byte("%PDF-1.7\n" + strings.Repeat("%%%%%%%%%\n", 100_000) + "startxref\n9\n%%EOF\n")), pdf.Damaged},
	}
}

// Whatever somebody drops: it is refused for a true reason or taken without what
// is harmful, the child stays within its limits, and this process lives on.
func TestHostileFilesDoNoHarm(t *testing.T) {
	limits := pdf.Limits{AddressSpace: 768 << 20} // and the time that every scan has
	for _, h := range append(append(structure(), drawings()...), otherFiles()...) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			made, _, err := clean(t, pdf.Normaliser{Limits: limits}, h.make(t))
			if h.want == "" {
				if err != nil {
					t.Fatalf("%v, but it does no harm once it is clean", err)
				}
				if strings.Contains(everything(t, made), canary) {
					t.Error("canary is still there")
				}
				return
			}
			code := refusal(t, err)
			if code != h.want {
				t.Errorf("%s, want %s", code, h.want)
			}
		})
	}
}
