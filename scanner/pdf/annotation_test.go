package pdf_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
)

// stamped is a PDF of one page with text, an annotation and its appearance.
func stamped(page, annotation, look, content string) []byte {
	return stampedOver("BT /F 20 Tf 20 150 Td (Dear all) Tj ET", page, annotation, look, content)
}

// stampedOver is the same over other content.
func stampedOver(text, page, annotation, look, content string) []byte {
	return build("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 6 0 R/Resources<</Font<</F 7 0 R>>>>/Annots[4 0 R]"+page+">>",
		"<</Type/Annot"+annotation+"/AP<</N 5 0 R>>>>",
		stream("/Type/XObject/Subtype/Form"+look, content),
		stream("", text),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
}

const box9 = "1 0 0 rg 0 0 60 20 re f 0 0 1 rg 5 5 10 10 re f"

// What was laid on a page becomes part of it, exactly where viewers show it.
func TestWhatLiesOnAPageBecomesPartOfIt(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	stamp := "/Subtype/Stamp/Rect[20 30 140 70]"
	for name, scan := range map[string][]byte{
		"a stamp":                    stamped("", stamp, "/BBox[0 0 60 20]", box9),
		"a stamp from another place": stamped("", stamp, "/BBox[3 -5 60 20]/Matrix[1 0 0 1 100 100]", box9),
		"a stamp on its side":        stamped("", stamp, "/BBox[0 0 60 20]/Matrix[0 1 -1 0 0 0]", box9),
		"a stamp at an angle":        stamped("", stamp, "/BBox[0 0 60 20]/Matrix[.8 .6 -.6 .8 7 9]", box9),
		"a rectangle the other way":  stamped("", "/Subtype/Stamp/Rect[140 70 20 30]", "/BBox[60 20 0 0]", box9),
		"a page that is turned":      stamped("/Rotate 90", stamp, "/BBox[0 0 60 20]", box9),
		"a page with an origin":      stamped("/CropBox[10 10 190 190]/UserUnit 2", stamp, "/BBox[0 0 60 20]", box9),
		"free text":                  stamped("", "/Subtype/FreeText/Rect[20 30 140 70]/Contents(Paid)/DA(/F 9 Tf)", "/BBox[0 0 60 20]", box9),
		"a field that is filled in":  stamped("", "/Subtype/Widget/FT/Tx/T(n)/V(Anna)/Rect[20 30 140 70]", "/BBox[0 0 60 20]", "/Tx BMC "+box9+" EMC"),
		"a signature":                stamped("", "/Subtype/Widget/FT/Sig/T(s)/Rect[20 30 140 70]", "/BBox[0 0 60 20]", box9),
		"a transparent look": stamped("", stamp, "/BBox[0 0 60 20]/Group<</S/Transparency>>/Resources<</ExtGState<</G<</ca .5>>>>>>",
			"/G gs "+box9),
		"content that is not closed": stampedOver("q q 2 0 0 2 0 0 cm BT /F 9 Tf (Dear) Tj ET", "", stamp, "/BBox[0 0 60 20]", box9),
		"a page with nothing else":   bytes.Replace(stamped("", stamp, "/BBox[0 0 60 20]", box9), []byte("/Contents 6 0 R"), []byte("               "), 1),
		"one of several looks": build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
			"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>",
			"<</Type/Annot/Subtype/Widget/FT/Btn/T(b)/V/Yes/AS/Yes/Rect[20 30 140 70]/AP<</N<</Yes 5 0 R/Off 6 0 R>>>>>>",
			stream("/Type/XObject/Subtype/Form/BBox[0 0 60 20]", box9), stream("/Type/XObject/Subtype/Form/BBox[0 0 60 20]", "")),
	} {
		t.Run(name, func(t *testing.T) {
			made, _ := mustClean(t, scan)
			// At 72 dots per inch edges lie between dots, but for a rounding here and there.
			if n := differing(render(t, pdftoppm, scan, 72), render(t, pdftoppm, made, 72), 32); n > 0 {
				t.Errorf("%d samples are others than the scan's", n)
			}
			if bytes.Contains(made, []byte("Annot")) {
				t.Error("the annotation is still one")
			}
			if blue := bytes.Count(render(t, pdftoppm, made, 50), []byte{0, 0, 255}); name != "a transparent look" && blue < 10 {
				t.Errorf("%d blue dots: it is not to be seen", blue)
			}
		})
	}
}

// differing counts the samples of two pictures that are more than a little apart.
func differing(a, b []byte, little int) int {
	if len(a) != len(b) {
		return max(len(a), len(b))
	}
	n := 0
	for i := range a {
		if max(int(a[i])-int(b[i]), int(b[i])-int(a[i])) > little {
			n++
		}
	}
	return n
}

// Where the look alone would lose something, or is not certain, a person decides.
func TestWhatSaysMoreThanItShowsIsRefused(t *testing.T) {
	look := "/BBox[0 0 60 20]"
	redrawn := bytes.Replace(stamped("", "/Subtype/Widget/FT/Tx/T(n)/V(Anna)/Rect[20 30 140 70]", look, box9),
		[]byte("/AcroForm<<"), []byte("/AcroForm<</NeedAppearances true"), 1)
	for name, scan := range map[string][]byte{
		"a note with a comment":         stamped("", "/Subtype/Text/Rect[20 30 40 50]/Contents(call her)", look, box9),
		"a comment on a line":           stamped("", "/Subtype/Highlight/Rect[20 30 40 50]/Contents(not true)", look, box9),
		"a file":                        stamped("", "/Subtype/FileAttachment/Rect[20 30 40 50]", look, box9),
		"a film":                        stamped("", "/Subtype/Movie/Rect[20 30 40 50]", look, box9),
		"a place to black out":          stamped("", "/Subtype/Redact/Rect[20 30 40 50]", look, box9),
		"a layer":                       stamped("", "/Subtype/Stamp/OC 7 0 R/Rect[20 30 40 50]", look, box9),
		"a look without area":           stamped("", "/Subtype/Stamp/Rect[20 30 40 50]", "/BBox[0 0 0 20]", box9),
		"a look without a place":        stamped("", "/Subtype/Stamp/Rect[20 30 40 50]", "", box9),
		"upright on a turned page":      stamped("/Rotate 90", "/Subtype/Stamp/F 16/Rect[20 30 40 50]", look, box9),
		"a field drawn by the viewer":   redrawn,
		"a field with an empty look":    stamped("", "/Subtype/Widget/FT/Tx/T(n)/V(Anna)/Rect[20 30 40 50]", look, "/Tx BMC EMC"),
		"drawn over unbalanced content": stampedOver("Q 1 0 0 1 9 9 cm Q", "", "/Subtype/Stamp/Rect[20 30 40 50]", look, box9),
		"a kind nobody knows":           stamped("", "/Subtype/Hologram/Contents(x)/Rect[20 30 40 50]", look, box9),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, scan)
			if got := refusal(t, err); got != pdf.FormOrComments {
				t.Errorf("%s, want %s", got, pdf.FormOrComments)
			}
		})
	}
}

// The gate looks at an appearance as at everything else on a page.
func TestALookPassesTheSameGate(t *testing.T) {
	look := func(height int) []byte {
		return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
			"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>",
			"<</Type/Annot/Subtype/Stamp/Rect[20 30 140 70]/AP<</N 5 0 R>>>>",
			stream("/Type/XObject/Subtype/Form/BBox[0 0 60 20]/Metadata 7 0 R/PieceInfo<</X("+canary+
				")>>/Resources<</XObject<</P 6 0 R/Unused 7 0 R>>>>", "/P Do "+box9),
			stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width 1/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode",
				height), deflated("short")),
			stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", canary))
	}
	_, _, err := clean(t, pdf.Normaliser{}, look(6))
	if got := refusal(t, err); got != pdf.CutOff {
		t.Errorf("%s: the picture in the look was not looked at", got)
	}
	made, _ := mustClean(t, look(5))
	if all := everything(t, made); strings.Contains(all, canary) || !strings.Contains(all, box9) {
		t.Error("the look is not what it should be")
	}
}
