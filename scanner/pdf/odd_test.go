package pdf_test

import (
	"bytes"
	"compress/lzw"
	"encoding/ascii85"
	"fmt"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
)

// onePage is a PDF of one page of 200 × 200 points with content and resources;
// more objects are numbered from 5.
func onePage(resources, content string, more ...string) []byte {
	return build(append([]string{"<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<" + resources + ">>>>",
		stream("", content)}, more...)...)
}

// paged is a PDF with one page that has the entries given, and content.
func paged(entries string) []byte {
	return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/Resources<<>>"+entries+">>", stream("", squares))
}

const squares = "1 0 0 rg 10 10 50 50 re f 0 0 1 rg 100 120 60 30 re f"

// grey8 is an image of 8 × 8 dots in grey.
func grey8(more, data string) string {
	return stream("/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceGray"+more, data)
}

// ramp are the samples of grey8.
func ramp() string {
	var s strings.Builder
	for i := range 64 {
		s.WriteByte(byte(4 * i))
	}
	return s.String()
}

func a85(data string) string {
	out := make([]byte, ascii85.MaxEncodedLen(len(data)))
	return string(out[:ascii85.Encode(out, []byte(data))]) + "~>"
}

func lzwLate(data string) string { // codes grow late: EarlyChange 0
	var out bytes.Buffer
	w := lzw.NewWriter(&out, lzw.MSB, 8)
	_, _ = w.Write([]byte(data)) // memory does not fail
	_ = w.Close()
	return out.String()
}

func runLength(data string) string {
	var out strings.Builder
	for i := 0; i < len(data); i += 16 {
		out.WriteString("\x0f" + data[i:min(i+16, len(data))])
	}
	return out.String() + "\xfd~\x80" // and four of the same, which nobody asked for
}

const drawP = "q 180 0 0 180 10 10 cm /P Do Q"

// updated appends an incremental update that replaces object 4.
func updated(scan []byte, object string) []byte {
	at := len(scan)
	scan = append(bytes.Clone(scan), "4 0 obj\n"+object+"\nendobj\n"...)
	table := len(scan)
	prev := scan[bytes.LastIndex(scan, []byte("startxref"))+10:]
	prev = prev[:bytes.IndexByte(prev, '\n')]
	return fmt.Appendf(scan, "xref\n4 1\n%010d 00000 n \ntrailer\n<</Size 5/Root 1 0 R/Prev %s>>\nstartxref\n%d\n%%%%EOF\n", at, prev, table)
}

// hybrid ends as Word's PDFs do: in an empty table that leads to the one for old
// readers, and to a stream that says where the tags are, hidden from them.
func hybrid() []byte {
	plain := build("<</Type/Catalog/Pages 2 0 R/StructTreeRoot 6 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>", stream("", squares),
		stream("/Type/ObjStm/N 1/First 4", "6 0 <</Type/StructTreeRoot>>"))
	out := bytes.NewBuffer(plain)
	prev := bytes.LastIndex(plain, []byte("xref\n0"))
	tags := out.Len()
	fmt.Fprintf(out, "7 0 obj\n%s\nendobj\n", stream("/Type/XRef/Size 8/Root 1 0 R/W[1 1 1]/Index[6 1]", "\x02\x05\x00"))
	table := out.Len()
	fmt.Fprintf(out, "xref\n0 0\ntrailer\n<</Size 8/Root 1 0 R/Prev %d/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n", prev, tags, table)
	return out.Bytes()
}

// What viewers show is taken, and looks the same afterwards.
func TestOddButSoundPDFsAreTakenWithTheSamePixels(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	plain := paged("/MediaBox[0 0 200 200]/Contents 4 0 R")
	jpg := string(jpegOf(t, patches(8, 8)))
	for name, scan := range map[string][]byte{
		"settings from above": build("<</Type/Catalog/Pages 2 0 R>>",
			"<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 200 200]/Rotate 90/Resources<</XObject<</P 6 0 R>>>>>>",
			"<</Type/Pages/Parent 2 0 R/Count 1/Kids[4 0 R]/CropBox[5 5 190 195]>>",
			"<</Type/Page/Parent 3 0 R/Contents 5 0 R>>", stream("", drawP), grey8("", ramp())),
		"turned by 270":        paged("/MediaBox[0 0 200 100]/Rotate 270/Contents 4 0 R"),
		"turned by -90":        paged("/MediaBox[0 0 200 100]/Rotate -90/Contents 4 0 R"),
		"turned by 450":        paged("/MediaBox[0 0 200 100]/Rotate 450/Contents 4 0 R"),
		"a crop box":           paged("/MediaBox[0 0 200 200]/CropBox[20 20 150 150]/Contents 4 0 R"),
		"a crop box too large": paged("/MediaBox[0 0 200 200]/CropBox[-20 -20 350 350]/Contents 4 0 R"),
		"boxes the other way":  paged("/MediaBox[200 200 0 0]/Contents 4 0 R"),
		"an origin elsewhere":  paged("/MediaBox[-50 -50 150 150]/Contents 4 0 R"),
		"a box with fractions": paged("/MediaBox[0 0 199.5 200.25]/Contents 4 0 R"),
		"a user unit":          paged("/MediaBox[0 0 200 200]/UserUnit 1.5/Contents 4 0 R"),
		"no content":           paged("/MediaBox[0 0 200 200]"),
		"content in two parts": build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents[4 0 R 5 0 R]>>", stream("", "1 0 0 rg 10 10"), stream("", "50 50 re f")),
		"content empty":        build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents[]>>"),
		"rubbish before":       append([]byte(strings.Repeat("junk from a printer\r\n", 40)), plain...),
		"rubbish behind":       append(bytes.Clone(plain), strings.Repeat("\r\n<!-- thank you -->", 40)...),
		"zeros behind":         append(bytes.Clone(plain), make([]byte, 5000)...),
		"changed later":        updated(plain, stream("", "0 1 0 rg 10 10 80 80 re f")),
		"changed twice":        updated(updated(plain, stream("", "0 1 0 rg 10 10 80 80 re f")), stream("", "0 1 1 rg 10 10 80 80 re f")),
		"two tables":           hybrid(),
		"lines that end in CR": bytes.ReplaceAll(bytes.ReplaceAll(plain, []byte("\n"), []byte("\r")), []byte("stream\r1"), []byte("stream\n1")),
		"PDF 2.0":              bytes.Replace(plain, []byte("%PDF-1.7"), []byte("%PDF-2.0"), 1),
		"text that is not seen": onePage("/XObject<</P 5 0 R>>/Font<</F 6 0 R>>",
			drawP+" BT 3 Tr /F 12 Tf 20 100 Td (Dear all) Tj ET", grey8("", ramp()), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"),
		"a compact PDF: paper, ink and its mask": onePage("/XObject<</Paper 5 0 R/Ink 6 0 R>>",
			"q 200 0 0 200 0 0 cm /Paper Do Q q 200 0 0 200 0 0 cm /Ink Do Q",
			stream("/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode", jpg),
			stream("/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/DCTDecode/Mask 7 0 R", jpg),
			stream("/Type/XObject/Subtype/Image/ImageMask true/Width 8/Height 8/BitsPerComponent 1/Decode[1 0]/Filter/FlateDecode", deflated("\x81\x42\x24\x18\x18\x24\x42\x81"))),
		"a compact PDF: ink as a stencil": onePage("/XObject<</Paper 5 0 R/Ink 6 0 R>>",
			"q 200 0 0 200 0 0 cm /Paper Do Q q 200 0 0 200 0 0 cm 0 0 .4 rg /Ink Do Q", grey8("", ramp()),
			stream("/Type/XObject/Subtype/Image/ImageMask true/Width 8/Height 8/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 8/Rows 8>>", "\xff\x00\x10\x01")),
		"intents and descriptions": build("<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R/OutputIntents[<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/DestOutputProfile 6 0 R>>]>>",
			pagesOf3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>", stream("", squares),
			stream("/Type/Metadata/Subtype/XML", "<x/>"), stream("/N 3", "a profile")),
		"a picture in several strips": onePage("/XObject<</P 5 0 R/Q 6 0 R>>", "q 180 0 0 90 10 100 cm /P Do Q q 180 0 0 90 10 10 cm /Q Do Q", grey8("", ramp()), grey8("/Decode[1 0]", ramp())),
		"a size with a point":         onePage("/XObject<</P 5 0 R>>", drawP, stream("/Type/XObject/Subtype/Image/Width 8.0/Height 8.0/BitsPerComponent 8/ColorSpace/DeviceGray", ramp())),
		"two pages the same":          build("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 2/Kids[3 0 R 5 0 R]>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>", stream("", squares), "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>"),
		"a picture":                   onePage("/XObject<</P 5 0 R>>", drawP, grey8("", ramp())),
		"a size by reference":         onePage("/XObject<</P 5 0 R>>", drawP, stream("/Type/XObject/Subtype/Image/Width 6 0 R/Height 6 0 R/BitsPerComponent 8/ColorSpace/DeviceGray", ramp()), "8"),
		"filter by reference":         onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter 6 0 R", deflated(ramp())), "[/FlateDecode]"),
		"ASCII85":                     onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/ASCII85Decode", a85(ramp()))),
		"hexadecimal":                 onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/ASCIIHexDecode", fmt.Sprintf("%x\n>", ramp()))),
		"run length":                  onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/RunLengthDecode", runLength(ramp()))),
		"LZW":                         onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/LZWDecode/DecodeParms<</EarlyChange 0>>", lzwLate(ramp()))),
		"several filters":             onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter[/ASCII85Decode/FlateDecode/RunLengthDecode]", a85(deflated(runLength(ramp()))))),
		"filters around a JPEG":       onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter[/ASCIIHexDecode/FlateDecode/DCTDecode]/DecodeParms[null null null]", fmt.Sprintf("%x>", deflated(jpg)))),
		"differences":                 onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 8>>", deflated(filtered(ramp())))),
		"differences as in TIFF":      onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/FlateDecode/DecodeParms<</Predictor 2/Columns 8>>", deflated(ramp()))),
		"a soft mask":                 onePage("/XObject<</P 5 0 R>>", squares+" "+drawP, grey8("/SMask 6 0 R", ramp()), grey8("/Decode[1 0]", ramp())),
		"a stencil":                   onePage("/XObject<</P 5 0 R>>", squares+" "+drawP, grey8("/Mask 6 0 R", ramp()), stream("/Type/XObject/Subtype/Image/ImageMask true/Width 8/Height 8/BitsPerComponent 1", "\x81\x42\x24\x18\x18\x24\x42\x81")),
		"a colour left out":           onePage("/XObject<</P 5 0 R>>", squares+" "+drawP, grey8("/Mask[100 200]", ramp())),
		"a palette":                   onePage("/XObject<</P 5 0 R>>", drawP, stream("/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 4/ColorSpace[/Indexed/DeviceRGB 15 6 0 R]", ramp()[:32]), stream("/Filter/FlateDecode", deflated(ramp()[:48]))),
		"no checksum":                 onePage("/XObject<</P 5 0 R>>", drawP, grey8("/Filter/FlateDecode", deflated(ramp())[:len(deflated(ramp()))-4])),
		"a form in a form": onePage("/XObject<</A 5 0 R>>", "/A Do", stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources<</XObject<</B 6 0 R>>>>", "/B Do"),
			stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Matrix[.5 0 0 .5 9 9]", squares)),
		"a form that draws itself":         onePage("/XObject<</A 5 0 R>>", "/A Do", stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources<</XObject<</A 5 0 R>>>>", squares+" /A Do")),
		"a form with the page's resources": onePage("/XObject<</A 5 0 R/P 6 0 R>>", "/A Do", stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]", drawP), grey8("", ramp())),
		"a drawn font": onePage("/Font<</F 5 0 R>>", "BT /F 40 Tf 20 100 Td (aba) Tj ET",
			"<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 98/Widths[12 12]"+
				"/Encoding<</Type/Encoding/Differences[97/square/picture]>>/CharProcs<</square 6 0 R/picture 7 0 R>>/Resources<</XObject<</P 8 0 R>>>>>>",
			stream("", "12 0 0 0 10 10 d1 0 0 9 9 re f"), stream("", "12 0 d0 q 9 0 0 9 0 0 cm /P Do Q"), grey8("", ramp())),
		"a drawn font with the page's resources": onePage("/Font<</F 5 0 R>>/XObject<</P 7 0 R>>", "BT /F 40 Tf 20 100 Td (a) Tj ET",
			"<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 97/Widths[12]"+
				"/Encoding<</Type/Encoding/Differences[97/picture]>>/CharProcs<</picture 6 0 R>>>>",
			stream("", "12 0 d0 q 9 0 0 9 0 0 cm /P Do Q"), grey8("", ramp())),
		"a pattern": onePage("/Pattern<</T 5 0 R>>", "/Pattern cs /T scn 0 0 150 150 re f",
			stream("/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 20 20]/XStep 20/YStep 20/Resources<<>>", "1 0 0 rg 0 0 9 9 re f")),
		"a gradient": onePage("/Shading<</S 5 0 R>>", "/S sh",
			"<</ShadingType 2/ColorSpace/DeviceRGB/Coords[0 0 200 200]/Extend[true true]/Function<</FunctionType 2/N 1/Domain[0 1]/C0[1 0 0]/C1[0 0 1]>>>>"),
		"a soft mask of a form": onePage("/ExtGState<</G 5 0 R>>", "/G gs "+squares,
			"<</Type/ExtGState/SMask<</Type/Mask/S/Luminosity/G 6 0 R>>>>",
			stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Group<</S/Transparency/CS/DeviceGray>>/Resources<<>>", "1 g 0 0 90 200 re f")),
		"an escape in a name": onePage("/XObject<</P#41#20x 5 0 R>>", "q 180 0 0 180 10 10 cm /#50A#20x Do Q", grey8("", ramp())),
		"a layer that is off": build("<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[5 0 R 6 0 R]/D<</BaseState/ON/OFF[5 0 R]/Order[5 0 R]>>>>>>", pagesOf3,
			"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Properties<</L 5 0 R/M 6 0 R>>>>>>",
			stream("", "/OC /L BDC "+squares+" EMC /OC /M BDC 0 1 0 rg 90 90 20 20 re f EMC"), "<</Type/OCG/Name(off)>>", "<</Type/OCG/Name(on)>>"),
		"brackets left over": onePage("", squares+" ) > ] 0 1 0 rg 80 80 9 9 re f"),
		"unknown operators":  onePage("", "BX 1 2 frobnicate EX frob "+squares),
	} {
		t.Run(name, func(t *testing.T) {
			made := samePixels(t, pdftoppm, scan)
			if drawn := len(bytes.TrimRight(render(t, pdftoppm, made, 50), "\xff")); drawn < 20 != strings.Contains(name, "no content") && !strings.Contains(name, "empty") {
				t.Errorf("the picture ends at %d: is the page blank?", drawn)
			}
		})
	}
}

// filtered writes rows of eight samples with PNG's filters.
func filtered(samples string) string {
	var out []byte
	before := make([]byte, 8)
	for y := 0; y*8 < len(samples); y++ {
		row := []byte(samples[y*8 : y*8+8])
		out = append(out, byte(y%3)) // none, left, above
		for x, v := range row {
			switch {
			case y%3 == 1 && x > 0:
				v -= row[x-1]
			case y%3 == 2:
				v -= before[x]
			}
			out = append(out, v)
		}
		before = row
	}
	return string(out)
}

// A picture may stand in the middle of page content, where nothing says how long
// it is.
func TestInlinePicturesAreLookedAtToTheirEnd(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	head := "q 180 0 0 180 10 10 cm BI /W 8 /H 8 /BPC 8 /CS /G "
	long := "q 180 0 0 180 10 10 cm BI /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray "
	after := "\nEI Q 1 0 0 rg 0 0 9 9 re f"
	misleading := ramp()[:20] + " EI Q\n" + ramp()[26:]
	jpg := string(commented(t))
	jpg = jpg[:strings.LastIndex(jpg, "\xff\xd9")+2]
	for name, content := range map[string]string{
		"raw":             head + "ID " + ramp() + after,
		"long names":      long + "ID " + ramp() + after,
		"no space behind": head + "ID " + ramp() + "EI Q 1 0 0 rg 0 0 9 9 re f",
		"EI in the data":  head + "ID " + misleading + after,
		"Flate":           head + "/F /Fl ID " + deflated(ramp()) + after,
		"hexadecimal":     head + "/F /AHx ID " + fmt.Sprintf("%x>", ramp()) + after,
		"ASCII85":         head + "/F [/A85] ID " + a85(ramp()) + after,
		"two filters":     head + "/F [/A85 /Fl] ID " + a85(deflated(ramp())) + after,
		"a JPEG":          head + "/F /DCT ID " + jpg + after,
		"a JPEG in ASCII": head + "/F [/A85 /DCT] /DP [null null] ID " + a85(jpg) + after,
		"a stencil":       "q 180 0 0 180 10 10 cm BI /W 8 /H 8 /IM true /D [1 0] ID \x81\x42\x24\x18\x18\x24\x42\x81" + after,
		"a palette":       "q 180 0 0 180 10 10 cm BI /W 8 /H 8 /BPC 2 /CS [/I /RGB 3 <ff000000ff000000ff888888>] ID \x1b\x1b\xe4\xe4\x1b\x1b\xe4\xe4\x1b\x1b\xe4\xe4\x1b\x1b\xe4\xe4" + after,
		"fax":             "q 180 0 0 180 10 10 cm BI /W 8 /H 8 /BPC 1 /CS /G /F /CCF /DP <</K -1 /Columns 8>> ID \xff\x00\x10\x01" + after,
		"two of them":     head + "ID " + ramp() + "\nEI Q " + head + "/F /Fl ID " + deflated(ramp()) + after,
		"brackets around": head + "/I true ID " + ramp() + after,
	} {
		t.Run(name, func(t *testing.T) {
			made := samePixels(t, pdftoppm, onePage("", content))
			if strings.Contains(everything(t, made), canary) {
				t.Error("canary is still there")
			}
		})
	}
	for name, c := range map[string]struct {
		content string
		want    pdf.Code
	}{
		"too few samples":   {head + "ID " + ramp()[:40] + after, pdf.CutOff},
		"no end":            {head + "ID " + ramp(), pdf.CutOff},
		"Flate that stops":  {head + "/F /Fl ID " + deflated(ramp())[:20] + after, pdf.CutOff},
		"no dictionary":     {"BI 8 8 ID " + ramp() + after, pdf.Damaged},
		"half a JPEG":       {head + "/F /DCT ID " + jpg[:len(jpg)/2] + after, pdf.Damaged},
		"vast":              {"BI /W 100000 /H 100000 /BPC 8 /CS /G ID x" + after, pdf.TooLarge},
		"fax that stops":    {"BI /W 8 /H 8 /BPC 1 /CS /G /F /CCF /DP <</K -1 /Columns 8>> ID \xc0" + after, pdf.CutOff},
		"a string unclosed": {"BT (Dear all Tj ET", pdf.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, onePage("", c.content))
			if got := refusal(t, err); got != c.want && !(c.want == pdf.Damaged && got == pdf.CutOff) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
