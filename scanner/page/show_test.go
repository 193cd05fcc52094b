package page_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/page"
	"letterlock/scanner/page/scanned"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// What is shown of a page that is one JPEG may differ so much from what PDFium draws
// of it, in levels of 255: all dots on average, and the mean shades of squares of
// sixteen by sixteen dots, at the most. The first is how either makes edges smaller, the
// second whether anything is there that is not, or elsewhere, or in other colours.
const (
	onAverage = 3
	ofASquare = 20
)

// A page that is one JPEG is decoded in the size in which it is shown, and looks as
// PDFium draws it.
func TestAScannedPageIsShownAsPDFiumDrawsIt(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	for _, c := range []struct {
		name       string
		resolution int
		pdf        func(l specimen.Letter) []byte
		dpi, as    int // as it is asked for, and as it is shown
	}{
		{"a PDF that was dropped", 240, func(l specimen.Letter) []byte { return normalised(t, l.ColourPDF()) }, 150, 150},
		{"a JPEG that was dropped", 200, func(l specimen.Letter) []byte { return normalised(t, l.JPEG(2)) }, 150, 150},
		{"in its own size", 150, specimen.Letter.ColourPDF, 150, 150},
		{"grey, by half", 300, grey, 150, 150},
		{"twice as large", 75, specimen.Letter.ColourPDF, 150, 150},
		{"by half, to be faster", 240, specimen.Letter.ColourPDF, 104, 120},
		{"by a fourth, to be faster", 400, grey, 96, 100},
	} {
		l := specimen.New(31, 2)
		l.DPI = c.resolution
		data := c.pdf(l)
		n := strings.Count(string(data), "/Type/Page/")
		shown, drawn := both(t, r, data, n, c.dpi, c.as)
		own := decoded(data, n, shown.Rect.Size())
		if own == nil || !bytes.Equal(own.Pix, shown.Pix) {
			t.Errorf("%s: PDFium drew it", c.name)
		}
		mean, square := differ(shown, drawn)
		if mean > onAverage || square > ofASquare {
			t.Errorf("%s: it differs by %.2f on average, and by %.1f of a square", c.name, mean, square)
		}
	}
}

// Whatever is not just one plain JPEG over all of the paper is drawn by PDFium, to the
// last dot.
func TestAnyOtherPageIsDrawnByPDFium(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	l := specimen.New(32, 1)
	l.DPI = 36
	plain := onePage(pageOf(""), "q 595 0 0 842 0 0 cm /P Do Q", imageOf(l, ""), l.JPEG(1))
	if decoded(plain, 1, image.Pt(298, 421)) == nil {
		t.Fatal("the plain page is not plain")
	}
	with := func(page, content, image string) []byte {
		if content == "" {
			content = "q 595 0 0 842 0 0 cm /P Do Q"
		}
		return onePage(pageOf(page), content, imageOf(l, image), l.JPEG(1))
	}
	whole := l.JPEG(1)
	for name, data := range map[string][]byte{
		"turned by the page":     with("/Rotate 180", "", ""),
		"cut":                    with("/CropBox[100 100 300 500]", "", ""),
		"in other units":         with("/UserUnit 2", "", ""),
		"with a stamp":           with("/Annots[<</Type/Annot/Subtype/Square/Rect[50 50 300 300]/C[1 0 0]/IC[1 0 0]/AP<</N 4 0 R>>>>]", "", ""),
		"drawn twice":            with("", "q 595 0 0 842 0 0 cm /P Do Q q 100 0 0 100 20 20 cm /P Do Q", ""),
		"painted over":           with("", "q 595 0 0 842 0 0 cm /P Do Q 0 0 200 200 re f", ""),
		"with words":             with("", "q 595 0 0 842 0 0 cm /P Do Q BT (x) Tj ET", ""),
		"smaller than the paper": with("", "q 200 0 0 300 50 50 cm /P Do Q", ""),
		"upside down":            with("", "q -595 0 0 -842 595 842 cm /P Do Q", ""),
		"in a mirror":            with("", "q -595 0 0 842 595 0 cm /P Do Q", ""),
		"slanted":                with("", "q 595 0 50 842 0 0 cm /P Do Q", ""),
		"cut by a path":          with("", "q 0 0 100 100 re W n 595 0 0 842 0 0 cm /P Do Q", ""),
		"drawn by nothing":       with("", "q Q", ""),
		"inverted":               with("", "", "/Decode[1 0 1 0 1 0]"),
		"masked by a colour":     with("", "", "/Mask[0 250 0 250 0 250]"),
		"masked":                 with("", "", "/SMask 5 0 R"),
		"in a layer":             with("", "", "/OC<</Type/OCG/Name(x)>>"),
		"with a key twice":       with("", "", "/Width 3"),
		"with another transform": with("", "", "/DecodeParms<</ColorTransform 0>>"),
		"cut off":                onePage(pageOf(""), "q 595 0 0 842 0 0 cm /P Do Q", imageOf(l, ""), whole[:len(whole)/2]),
		"of another size": onePage(pageOf(""), "q 595 0 0 842 0 0 cm /P Do Q",
			strings.Replace(imageOf(l, ""), "/Width", "/Width 1/W", 1), whole),
		"of colours that are not":   onePage(pageOf(""), "q 595 0 0 842 0 0 cm /P Do Q", strings.Replace(imageOf(l, ""), "RGB", "Gray", 1), whole),
		"with Adobe's own colours":  onePage(pageOf(""), "q 595 0 0 842 0 0 cm /P Do Q", imageOf(l, ""), adobe(whole)),
		"with bytes behind its end": append(bytes.Clone(plain), "%x\n"...),
	} {
		shown, drawn := both(t, r, data, 1, 36, 36)
		if decoded(data, 1, shown.Rect.Size()) != nil {
			t.Errorf("%s: it is taken for a plain JPEG", name)
		}
		if !bytes.Equal(shown.Pix, drawn.Pix) {
			t.Errorf("%s: it is not shown as PDFium draws it", name)
		}
	}
	// So is one that would be too large in the next size that is fast.
	large := specimen.New(34, 1)
	large.DPI = 262
	poster := onePage(strings.Replace(pageOf(""), "595 842", "2400 3395", 1), "q 2400 0 0 3395 0 0 cm /P Do Q", imageOf(large, ""), large.JPEG(1))
	both(t, r, poster, 1, 150, 150)
	// What PDFium cannot draw either is an error, and the child lives.
	for name, data := range map[string][]byte{"nothing": nil, "no PDF": []byte("a letter"), "half": plain[:100]} {
		if _, err := r.Show(t.Context(), data, 1, 36, nil); !errors.Is(err, page.ErrRender) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{-1, 0, 2} {
		if _, err := r.Show(t.Context(), plain, n, 36, nil); !errors.Is(err, page.ErrRender) {
			t.Errorf("page %d: %v", n, err)
		}
	}
	both(t, r, plain, 1, 36, 36)
}

// Room that had another page in it, of another size, and a child that was still at
// work for somebody who went away: of the page before not a dot is shown.
func TestNothingOfThePageBeforeIsShown(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	l := specimen.New(33, 1)
	l.DPI = 100
	plain := grey(l)
	stamped := onePage(pageOf("/Annots[<</Type/Annot/Subtype/Square/Rect[20 20 570 820]/C[1 0 0]/IC[1 0 0]/AP<</N 4 0 R>>>>]"), "q 595 0 0 842 0 0 cm /P Do Q", imageOf(l, ""), l.JPEG(1))
	d, err := r.Document(t.Context(), stamped)
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[int][]byte{} // by PDFium, by resolution
	for _, dpi := range []int{30, 60} {
		picture, err := d.Colour(t.Context(), 1, dpi)
		if err != nil {
			t.Fatal(err)
		}
		drawn[dpi] = picture.Pix
	}
	d.Close()
	var room []byte
	for i, dpi := range []int{100, 50, 200, 50, 100} {
		shown, err := r.Show(t.Context(), plain, 1, dpi, room)
		if err != nil {
			t.Fatal(err)
		}
		if own := decoded(plain, 1, shown.Rect.Size()); own == nil || !bytes.Equal(own.Pix, shown.Pix) {
			t.Errorf("at %d, after %d pages, it is not that page alone", dpi, i)
		}
		room = shown.Pix
		for at, want := range drawn {
			if shown, err = r.Show(t.Context(), stamped, 1, at, room); err != nil || !bytes.Equal(shown.Pix, want) {
				t.Errorf("at %d, after a page at %d, it is not what PDFium draws: %v", at, dpi, err)
			}
			room = shown.Pix
		}
		soon, end := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := r.Show(soon, stamped, 1, 150, room); err != nil {
			room = nil // the child may still be answering into it
		}
		end()
	}
}

// BenchmarkShow is how long a page takes as people are shown it, and as a multiple of
// what PDFium takes to draw the same alone, once the document is open: by turns in one
// run, so that a busy machine is busy for both. The quickest of each says most there.
func BenchmarkShow(b *testing.B) {
	r := renderer(b, page.Config{Children: 1})
	l := specimen.New(20, 20)
	l.DPI = 240
	office := l.ColourPDF()
	l.DPI, l.Body = 300, l.Body[:1]
	for _, c := range []struct {
		name string
		pdf  []byte
	}{{"colour of 20 at 240", office}, {"grey at 300", grey(l)}, {"Group 4 at 300", normalised(b, l.G4TIFF())}} {
		b.Run(c.name, func(b *testing.B) {
			var shown, drawn []time.Duration
			for b.Loop() {
				begin := time.Now()
				if _, err := r.Show(b.Context(), c.pdf, 1, 150, nil); err != nil {
					b.Fatal(err)
				}
				shown = append(shown, time.Since(begin))
				d, err := r.Document(b.Context(), c.pdf)
				if err != nil {
					b.Fatal(err)
				}
				begin = time.Now()
				if _, err := d.Colour(b.Context(), 1, 150); err != nil {
					b.Fatal(err)
				}
				drawn = append(drawn, time.Since(begin))
				d.Close()
			}
			slices.Sort(shown)
			slices.Sort(drawn)
			at := func(all []time.Duration, percent int) float64 {
				return all[min(len(all)*percent/100, len(all)-1)].Seconds() * 1000
			}
			b.ReportMetric(0, "ns/op") // both together say nothing
			b.ReportMetric(at(shown, 0), "ms-quickest")
			b.ReportMetric(at(shown, 50), "ms-p50")
			b.ReportMetric(at(shown, 95), "ms-p95")
			b.ReportMetric(at(shown, 0)/at(drawn, 0), "x-pdfium-quickest")
			b.ReportMetric(at(shown, 50)/at(drawn, 50), "x-pdfium-p50")
		})
	}
}

// both is a page as it is shown, and as PDFium draws it.
func both(t *testing.T, r *page.Renderer, data []byte, n, dpi, as int) (shown, drawn *image.RGBA) {
	t.Helper()
	shown, err := r.Show(t.Context(), data, n, dpi, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := r.Document(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if drawn, err = d.Colour(t.Context(), n, as); err != nil {
		t.Fatal(err)
	}
	if as != dpi && drawn.Rect.Inset(1).In(shown.Rect) && shown.Rect.Inset(1).In(drawn.Rect) { // PDFium begins a last dot that a JPEG does not have
		same := image.NewRGBA(shown.Rect)
		draw.Draw(same, same.Rect, drawn, image.Point{}, draw.Src)
		drawn = same
	}
	if shown.Rect != drawn.Rect {
		t.Fatalf("it is %v, and %v from PDFium", shown.Rect, drawn.Rect)
	}
	return shown, drawn
}

// decoded is a page drawn without PDFium, or nil.
func decoded(data []byte, n int, size image.Point) *image.RGBA {
	p, err := scanned.Find(data, n-1)
	if err != nil {
		return nil
	}
	picture := image.NewRGBA(image.Rectangle{Max: size})
	if p.Draw(picture) != nil {
		return nil
	}
	return picture
}

// differ is how much two pictures do, in levels.
func differ(a, b *image.RGBA) (mean, square float64) {
	const side = 16
	var all int
	for top := 0; top < a.Rect.Dy(); top += side {
		for left := 0; left < a.Rect.Dx(); left += side {
			var sum [3]int
			n := 0
			for y := top; y < min(top+side, a.Rect.Dy()); y++ {
				for x := left; x < min(left+side, a.Rect.Dx()); x++ {
					n++
					for c := range sum {
						d := int(a.Pix[a.PixOffset(x, y)+c]) - int(b.Pix[b.PixOffset(x, y)+c])
						sum[c] += d
						all += max(d, -d)
					}
				}
			}
			for _, s := range sum {
				square = max(square, float64(max(s, -s))/float64(n))
			}
		}
	}
	return float64(all) / float64(3*a.Rect.Dx()*a.Rect.Dy()), square
}

// normalised is the clean PDF of a scan.
func normalised(t testing.TB, scan []byte) []byte {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[i] = f
	}
	if _, err := files[0].Write(scan); err != nil {
		t.Fatal(err)
	}
	if _, err := (pdf.Normaliser{}).Normalise(t.Context(), files[0], files[1]); err != nil {
		t.Fatal(err)
	}
	clean, err := os.ReadFile(files[1].Name())
	if err != nil {
		t.Fatal(err)
	}
	return clean
}

// grey is the first page of a letter in shades of grey.
func grey(l specimen.Letter) []byte {
	from := l.Image(1)
	to := image.NewGray(from.Rect)
	draw.Draw(to, to.Rect, from, image.Point{}, draw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, to, nil); err != nil {
		panic(err)
	}
	image := strings.Replace(imageOf(l, ""), "RGB", "Gray", 1)
	return onePage("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 4 0 R/Resources<</XObject<</P 5 0 R>>>>>>",
		"q 595.28 0 0 841.89 0 0 cm /P Do Q", image, out.Bytes())
}

// adobe says of a JPEG that its components are red, green and blue.
func adobe(whole []byte) []byte {
	segment := append([]byte{0xff, 0xee, 0, 14}, "Adobe\x00\x64\x00\x00\x00\x00\x00"...)
	return bytes.Join([][]byte{whole[:2], segment, whole[2:]}, nil)
}

func pageOf(more string) string {
	return "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</P 5 0 R>>>>" + more + ">>"
}

func imageOf(l specimen.Letter, more string) string {
	size := l.Image(1).Rect.Size()
	return "/Type/XObject/Subtype/Image" + "/Width " + strconv.Itoa(size.X) + "/Height " + strconv.Itoa(size.Y) +
		"/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode" + more
}

// onePage is a PDF of a page, its content, and the picture that it draws.
func onePage(page, content, image string, data []byte) []byte {
	return build(page, stream([]byte(content)), "<</Length "+strconv.Itoa(len(data))+image+">>\nstream\n"+string(data)+"\nendstream")
}
