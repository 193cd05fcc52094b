package pdf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// extract takes pages out of a clean PDF.
func extract(t testing.TB, from []byte, pages ...int) ([]byte, pdf.Result, error) {
	t.Helper()
	in, out := file(t, from), file(t, []byte("what was here before"))
	result, err := pdf.Normaliser{}.Extract(context.Background(), in, out, pages)
	made, readErr := io.ReadAll(out)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err != nil && len(made) > 0 {
		t.Errorf("an error left %d bytes", len(made))
	}
	return made, result, err
}

// word is a canary of one page, in one kind of thing.
func canaryOf(kind string, page int) string { return fmt.Sprintf("Canary-%s-%d.", kind, page) }

// batch is a PDF of three pages, of which each draws a picture, a form, a glyph,
// a pattern and a layer of its own; all share one dictionary of resources that
// has those of all pages.
func batch() []byte {
	const pages = 3
	objects := []string{"", "", ""} // catalogue, tree, resources
	add := func(o string) int {
		objects = append(objects, o)
		return len(objects)
	}
	var kids, pictures, fonts, states, patterns, layers, all strings.Builder
	for n := 1; n <= pages; n++ {
		picture := add(stream("/Type/XObject/Subtype/Image/Width 17/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray", canaryOf("picture", n)))
		inner := add(stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]", "BT /F 9 Tf ("+canaryOf("inner", n)+") Tj ET"+fmt.Sprintf(" q 9 0 0 9 0 0 cm /P%d Do Q", n)))
		form := add(stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Resources 3 0 R", fmt.Sprintf("/I%d Do", n)))
		glyph := add(stream("", "12 0 d0 % "+canaryOf("glyph", n)+"\n0 0 9 9 re f"))
		font := add(fmt.Sprintf("<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97/LastChar 97/Widths[12]"+
			"/Encoding<</Differences[97/a]>>/CharProcs<</a %d 0 R>>/Resources 3 0 R>>", glyph))
		mask := add(stream("/Type/XObject/Subtype/Form/BBox[0 0 200 200]/Group<</S/Transparency>>", "1 g 0 0 200 200 re f % "+canaryOf("mask", n)))
		state := add(fmt.Sprintf("<</Type/ExtGState/SMask<</S/Luminosity/G %d 0 R>>>>", mask))
		pattern := add(stream("/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 9 9]/XStep 9/YStep 9/Resources 3 0 R", "0 0 5 5 re f % "+canaryOf("pattern", n)))
		layer := add("<</Type/OCG/Name(x)/Usage<</Language<</Lang(" + canaryOf("layer", n) + ")>>>>>>")
		content := add(stream("/Filter/FlateDecode", deflated(fmt.Sprintf(
			"q 99 0 0 99 9 9 cm /P%d Do Q /X%d Do BT /T%d 9 Tf (a) Tj /F 9 Tf 9 150 Td (%s) Tj ET /G%d gs /Pattern cs /A%d scn 0 0 50 50 re f /OC /L%d BDC EMC",
			n, n, n, canaryOf("text", n), n, n, n))))
		page := add(fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources 3 0 R/Contents %d 0 R>>", content))
		fmt.Fprintf(&kids, "%d 0 R ", page)
		fmt.Fprintf(&pictures, "/P%d %d 0 R/I%d %d 0 R/X%d %d 0 R", n, picture, n, inner, n, form)
		fmt.Fprintf(&fonts, "/T%d %d 0 R", n, font)
		fmt.Fprintf(&states, "/G%d %d 0 R", n, state)
		fmt.Fprintf(&patterns, "/A%d %d 0 R", n, pattern)
		fmt.Fprintf(&layers, "/L%d %d 0 R", n, layer)
		fmt.Fprintf(&all, "%d 0 R ", layer)
	}
	objects[0] = fmt.Sprintf("<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[%s]/D<</ON[%s]/Order[%s]>>>>>>", &all, &all, &all)
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", pages, &kids)
	objects[2] = fmt.Sprintf("<</XObject<<%s>>/Font<<%s/F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/ExtGState<<%s>>/Pattern<<%s>>/Properties<<%s>>>>",
		&pictures, &fonts, &states, &patterns, &layers)
	return build(objects...)
}

var kinds = []string{"picture", "inner", "glyph", "mask", "pattern", "layer", "text"}

// A letter taken out of a batch holds nothing of another's.
func TestPagesTakenOutHoldNothingOfTheOthers(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	whole, _ := mustClean(t, batch())
	for _, kind := range kinds {
		for n := 1; n <= 3; n++ {
			if !strings.Contains(everything(t, whole), canaryOf(kind, n)) {
				t.Fatalf("%s is not in the batch: the search is blind", canaryOf(kind, n))
			}
		}
	}
	for _, pages := range [][]int{{1}, {2}, {3}, {1, 2}, {2, 3}, {1, 3}, {1, 2, 3}} {
		made, result, err := extract(t, whole, pages...)
		if err != nil || result.Pages != len(pages) || result.Format != pdf.PDF {
			t.Fatalf("%v: %+v, %v", pages, result, err)
		}
		all := everything(t, made)
		wanted := map[int]bool{}
		var pictures []byte
		for _, n := range pages {
			wanted[n] = true
			pictures = append(pictures, render(t, pdftoppm, whole, 50, "-f", fmt.Sprint(n), "-l", fmt.Sprint(n))...)
		}
		for _, kind := range kinds {
			for n := 1; n <= 3; n++ {
				if got := strings.Contains(all, canaryOf(kind, n)); got != wanted[n] {
					t.Errorf("pages %v: %s is there: %v", pages, canaryOf(kind, n), got)
				}
			}
		}
		if !bytes.Equal(pictures, render(t, pdftoppm, made, 50)) {
			t.Errorf("pages %v look otherwise", pages)
		}
	}
}

func TestPagesOfARealBatch(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	l := specimen.New(21, 4)
	l.DPI = 60
	for name, scan := range map[string][]byte{"colour": l.ColourPDF(), "G4": l.G4TIFF()} {
		whole, _ := mustClean(t, scan)
		made, _, err := extract(t, whole, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(render(t, pdftoppm, whole, 50, "-f", "2", "-l", "3"), render(t, pdftoppm, made, 50)) {
			t.Errorf("%s: the pages look otherwise", name)
		}
		if again, _, _ := extract(t, made, 1, 2); !bytes.Equal(again, made) {
			t.Errorf("%s: taking out all pages changes them", name)
		}
	}
}

// Where it is not certain what a page draws with, nothing is taken out.
func TestPagesThatCannotBeToldApartAreRefused(t *testing.T) {
	for name, content := range map[string]string{
		"an operator nobody knows": "/P Do frobnicate",
		"a bracket left over":      "/P Do )",
		"a name that is no name":   "(P) Do",
		"a name spelt oddly":       "/P\xc3\xa4 Do",
	} {
		whole, _ := mustClean(t, onePage("/XObject<</P 5 0 R>>", content, grey8("", ramp())))
		_, _, err := extract(t, whole, 1)
		if got := refusal(t, err); got != pdf.Inseparable {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestAskingForOtherPagesIsTheCallersMistake(t *testing.T) {
	whole, _ := mustClean(t, batch())
	var r *pdf.Refusal
	for _, pages := range [][]int{nil, {0}, {-1}, {2, 1}, {1, 1}, {4}, {1, 2, 3, 4}, {1 << 40}} {
		if _, _, err := extract(t, whole, pages...); err == nil || errors.As(err, &r) {
			t.Errorf("%v: %v", pages, err)
		}
	}
}
