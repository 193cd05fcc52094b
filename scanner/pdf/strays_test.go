package pdf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
)

// page300 is a picture as large as a page, and nothing draws it.
var page300 = stream("/Type/XObject/Subtype/Image/Width 300/Height 300/BitsPerComponent 1/ColorSpace/DeviceGray", strings.Repeat("\xa5", 38*300))

// A PDF that lost a reference shows less than was scanned, in every viewer and
// without a word.
func TestWhatAPDFNoLongerShowsIsMissed(t *testing.T) {
	const catalog, box = "<</Type/Catalog/Pages 2 0 R>>", "/MediaBox[0 0 200 200]"
	onlyContent := func(more string, objects ...string) []byte {
		return build(append([]string{catalog, pagesOf3, "<</Type/Page/Parent 2 0 R" + box + more + ">>", stream("", drawP)}, objects...)...)
	}
	form := func(more, content string) string {
		return stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]"+more, content)
	}
	glyph := "<</Type/Font/Subtype/Type3/FontBBox[0 0 10 10]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 97/Widths[12]" +
		"/Encoding<</Type/Encoding/Differences[97/a]>>/CharProcs<</a 6 0 R>>%s>>"
	draws := stream("", "12 0 d0 q 9 0 0 9 0 0 cm /P Do Q")
	for name, c := range map[string]struct {
		scan []byte
		want pdf.Code
	}{
		"a page without its resources":           {onlyContent("/Contents 4 0 R", page300), pdf.LeftOver},
		"a page without its resources, referred": {onlyContent("/Contents 4 0 R/Thumb 5 0 R", page300), pdf.Damaged},
		"a page without its content":             {onlyContent("/Resources<</XObject<</P 5 0 R>>>>", page300), pdf.Damaged},
		"a page without both":                    {onlyContent("", page300), pdf.LeftOver},
		"a list of pages that lost one": {build(catalog, "<</Type/Pages/Count 1/Kids[3 0 R]>>", blankPage,
			"<</Type/Page/Parent 2 0 R"+box+"/Contents 5 0 R>>", stream("", squares)), pdf.LeftOver},
		"a picture's name":        {onePage("/XObject<</Q 5 0 R>>", drawP, page300), pdf.Damaged},
		"a picture's object":      {onePage("/XObject<</P 5 0 R>>", drawP, "<</Type/XObject/Subtype/Image>>"), pdf.Damaged},
		"a picture's kind":        {onePage("/XObject<</P 5 0 R>>", drawP, stream("/Width 8/Height 8/BitsPerComponent 8/ColorSpace/DeviceGray", ramp())), pdf.Damaged},
		"a font":                  {onePage("", "BT /F 12 Tf 20 100 Td (Dear all) Tj ET"), pdf.Damaged},
		"a pattern":               {onePage("", "/Pattern cs /T scn 0 0 150 150 re f"), pdf.Damaged},
		"a shading":               {onePage("", "/S sh"), pdf.Damaged},
		"a graphics state":        {onePage("", "/G gs "+squares), pdf.Damaged},
		"a colour space":          {onePage("", "/C cs 1 scn 9 9 99 99 re f"), pdf.Damaged},
		"what a form draws":       {onePage("/XObject<</A 5 0 R>>", "/A Do", form("/Resources<</XObject<<>>>>", drawP)), pdf.Damaged},
		"a form's resources":      {onePage("/XObject<</A 5 0 R>>", "/A Do", form("", drawP)), pdf.Damaged},
		"what a glyph draws":      {onePage("/Font<</F 5 0 R>>", "BT /F 40 Tf (a) Tj ET", fmt.Sprintf(glyph, "/Resources<<>>"), draws), pdf.Damaged},
		"a glyph's resources":     {onePage("/Font<</F 5 0 R>>", "BT /F 40 Tf (a) Tj ET", fmt.Sprintf(glyph, ""), draws), pdf.Damaged},
		"a name in broken text":   {onePage("", squares+" ) > ] frob "+drawP), pdf.Damaged},
		"properties":              {onePage("", "/Span /L BDC "+squares+" EMC"), ""},
		"a small picture":         {onePage("", squares, grey8("", ramp())), ""},
		"a page's small likeness": {build(catalog, pagesOf3, "<</Type/Page/Parent 2 0 R"+box+"/Contents 4 0 R/Thumb 5 0 R>>", stream("", squares), page300), ""},
		"another page's picture":  {onePage("/XObject<</P 5 0 R>>", squares, page300), ""},
		"a page in place": {build(catalog, "<</Type/Pages/Count 1/Kids[<</Type/Page/Parent 2 0 R"+box+"/Contents 3 0 R>>]>>",
			stream("", squares)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := pdf.NormaliseHere(file(t, c.scan), file(t, nil))
			var r *pdf.Refusal
			if errors.As(err, &r); r == nil && (err != nil || c.want != "") || r != nil && r.Code != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
