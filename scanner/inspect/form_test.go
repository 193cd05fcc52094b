package inspect

import (
	"bytes"
	"fmt"
	"image"
	"testing"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// filledForm is a page with a field that somebody has filled in.
func filledForm() []byte {
	const look = "0 0 1 rg 10 10 80 10 re f"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>",
		"<</Type/Pages/Count 1/Kids[3 0 R]>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Annots[4 0 R]>>",
		"<</Type/Annot/Subtype/Widget/FT/Tx/T(f)/V(yes)/DA(/Helv 12 Tf)/F 4/Rect[100 200 200 230]/AP<</N 5 0 R>>>>",
		fmt.Sprintf("<</Type/XObject/Subtype/Form/BBox[0 0 100 30]/Length %d>>\nstream\n%s\nendstream", len(look), look),
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, at)
	return out.Bytes()
}

func TestAFieldThatWasFilledInMustBeThere(t *testing.T) {
	i := Inspector{Renderer: renderer(t, page.Config{})}
	form := filledForm()
	out, known := clean(t, form)
	if _, err := i.Inspect(t.Context(), out, known); err != nil {
		t.Error(err)
	}
	without := bytes.Replace(form, []byte("/Annots[4 0 R]"), []byte("/Xnnots[4 0 R]"), 1)
	_, err := i.Inspect(t.Context(), file(t, without), known)
	refusedAs(t, err, pdf.NotAsScanned, 1)
}

func TestAPosterIsDrawnCoarser(t *testing.T) {
	poster := image.NewGray(image.Rect(0, 0, 400, 400))
	out := file(t, nil)
	result, err := pdf.Rendered(out, 1, func(int) (image.Image, float64, error) { return poster, 10, nil })
	if err != nil {
		t.Fatal(err)
	}
	var seen image.Rectangle
	i := Inspector{Renderer: renderer(t, page.Config{}), See: func(_ int, img *image.Gray) { seen = img.Rect }}
	if _, err := i.Inspect(t.Context(), out, Scan{Looks: result.Looks}); err != nil {
		t.Error(err)
	}
	if dots := seen.Dx() * seen.Dy(); dots > 6_100_000 || dots < 5_000_000 {
		t.Errorf("%v", seen)
	}
}
