package page_test

import (
	"errors"
	"image"
	"image/color"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/page"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// file is an open file of that content.
func file(t testing.TB, content []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "letter"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func opened(t testing.TB, r *page.Renderer, f *os.File) *page.Document {
	t.Helper()
	d, err := r.File(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestALetterInAFileIsSeenAsTheOneInMemory(t *testing.T) {
	l := specimen.New(1, 2)
	l.DPI = 100
	letter := l.ColourPDF()
	r := renderer(t, page.Config{Children: 2})

	f := file(t, letter)
	if _, err := f.Seek(5, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	d := opened(t, r, f)
	want := document(t, r, letter)
	for n := 1; n <= 2; n++ {
		a, err := d.Colour(t.Context(), n, 60)
		if err != nil {
			t.Fatal(err)
		}
		b, err := want.Colour(t.Context(), n, 60)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(a, b) {
			t.Errorf("page %d differs", n)
		}
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != 5 {
		t.Errorf("the file is at %d: %v", at, err)
	}
	f.Close()
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("once its own descriptor is closed: %v", err)
	}
}

func TestTwoLettersLieSideBySide(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	one, three := specimen.New(1, 1), specimen.New(2, 3)
	d := opened(t, r, file(t, one.ColourPDF()))
	for range 2 { // another one after the first was put away
		b, err := d.Beside(t.Context(), file(t, three.ColourPDF()))
		if err != nil {
			t.Fatal(err)
		}
		if d.Pages() != 1 || b.Pages() != 3 {
			t.Errorf("%d and %d pages", d.Pages(), b.Pages())
		}
		if err := errors.Join(b.Check(t.Context()), d.Check(t.Context())); err != nil {
			t.Error(err)
		}
		if _, err := b.Beside(t.Context(), file(t, nil)); !errors.Is(err, page.ErrRender) {
			t.Errorf("a third: %v", err)
		}
		b.Close()
	}
	if _, err := d.Beside(t.Context(), file(t, []byte("no PDF"))); !errors.Is(err, page.ErrRender) {
		t.Errorf("%v", err)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("after one beside it that is no PDF: %v", err)
	}

	b, err := d.Beside(t.Context(), file(t, three.ColourPDF()))
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	after := opened(t, r, file(t, one.ColourPDF())) // the same child, once it is free
	if _, err := b.Gray(t.Context(), 3, 50); !errors.Is(err, page.ErrRender) {
		t.Errorf("a document is still there when the one beside it was closed: %v", err)
	}
	if err := after.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAChildThatIsKilledTakesBothLetters(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: a Linux system")
	}
	r := renderer(t, page.Config{Children: 1})
	letter := file(t, specimen.New(1, 1).ColourPDF())
	d := opened(t, r, letter)
	b, err := d.Beside(t.Context(), letter)
	if err != nil {
		t.Fatal(err)
	}
	killChildren(t)
	for _, d := range []*page.Document{b, d} {
		if _, err := d.Gray(t.Context(), 1, 72); !errors.Is(err, page.ErrRender) {
			t.Errorf("%v", err)
		}
	}
	b.Close()
	d.Close()
	if err := opened(t, r, letter).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAFileThatCannotBeReadIsNotTheLettersFault(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	folder, err := os.Open(t.TempDir()) // to read one is an error of the system
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	closed := file(t, nil)
	closed.Close()
	for name, f := range map[string]*os.File{"a folder": folder, "a closed file": closed} {
		_, err := r.File(t.Context(), f)
		if err == nil || errors.Is(err, page.ErrRender) || strings.Contains(err.Error(), f.Name()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := opened(t, r, file(t, specimen.New(1, 1).ColourPDF())).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestPixelsAreWhatAReaderSees(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	// The page is see-through, lies on its side and is red in its lower left
	// corner; half of what covers the right is dark.
	d := document(t, r, build("<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 200]/Rotate 90/Contents 4 0 R"+
		"/Group<</S/Transparency/CS/DeviceRGB>>/Resources<</ExtGState<</G<</ca 0.5>>>>>>>>",
		stream([]byte("1 0 0 rg 0 0 50 50 re f /G gs 0 g 60 0 40 200 re f"))))
	colour, err := d.Colour(t.Context(), 1, 72)
	if err != nil {
		t.Fatal(err)
	}
	if colour.Rect != image.Rect(0, 0, 200, 100) || !colour.Opaque() {
		t.Fatalf("%v", colour.Rect)
	}
	for at, want := range map[image.Point]color.RGBA{
		{25, 25}:  {0xff, 0, 0, 0xff},
		{150, 25}: {0xff, 0xff, 0xff, 0xff},
		{150, 80}: {0x80, 0x80, 0x80, 0xff},
	} {
		got := colour.RGBAAt(at.X, at.Y)
		if max(diff(got.R, want.R), diff(got.G, want.G), diff(got.B, want.B)) > 1 {
			t.Errorf("%v is %v, not %v", at, got, want)
		}
	}
	gray, err := d.Gray(t.Context(), 1, 72)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 100 {
		for x := range 200 {
			if gray.GrayAt(x, y) != color.GrayModel.Convert(colour.At(x, y)) {
				t.Fatalf("gray at %d %d is %v of %v", x, y, gray.GrayAt(x, y), colour.At(x, y))
			}
		}
	}
}

func diff(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

func TestAStampIsSeen(t *testing.T) {
	d := document(t, renderer(t, page.Config{Children: 1}), build(
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Annots[4 0 R]>>",
		"<</Type/Annot/Subtype/Stamp/F 4/Rect[20 20 80 80]/AP<</N 5 0 R>>>>",
		"<</Type/XObject/Subtype/Form/BBox[0 0 60 60]/Length 16>>\nstream\n0 0 60 60 re f  \nendstream"))
	img, err := d.Gray(t.Context(), 1, 72)
	if err != nil {
		t.Fatal(err)
	}
	if img.GrayAt(50, 50).Y != 0 || img.GrayAt(10, 10).Y != 0xff {
		t.Errorf("%v %v", img.GrayAt(50, 50), img.GrayAt(10, 10))
	}
}

func TestAPageIsMeasured(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	// picture is an image of 600 by 300 dots.
	picture := "<</Type/XObject/Subtype/Image/Width 600/Height 300/ColorSpace/DeviceGray/BitsPerComponent 1" +
		"/Length 22500>>\nstream\n" + strings.Repeat("U", 22500) + "\nendstream"
	form := "<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Matrix[0 144 -144 0 144 0]/Resources<</XObject<</P 5 0 R>>>>/Length 5>>\n" +
		"stream\n/P Do\nendstream"
	for _, c := range []struct {
		name, box, content string
		want               page.Measures
	}{
		{"a scan", "0 0 144 72", "144 0 0 72 0 0 cm /P Do", page.Measures{Width: 144, Height: 72, DPI: 300}},
		{"squeezed", "0 0 144 144", "144 0 0 144 0 0 cm /P Do", page.Measures{Width: 144, Height: 144, DPI: 150}},
		{"in two strips", "0 0 144 144", "q 144 0 0 72 0 0 cm /P Do Q q 144 0 0 72 0 72 cm /P Do Q",
			page.Measures{Width: 144, Height: 144, DPI: 300}},
		{"paper and ink apart", "0 0 288 144", "q 288 0 0 144 0 0 cm /P Do Q q 144 0 0 72 50 50 cm /P Do Q",
			page.Measures{Width: 288, Height: 144, DPI: 300}},
		{"with a sharp logo", "0 0 288 144", "q 288 0 0 144 0 0 cm /P Do Q q 48 0 0 24 50 50 cm /P Do Q",
			page.Measures{Width: 288, Height: 144, DPI: 150}},
		{"a small picture", "0 0 600 800", "144 0 0 72 0 0 cm /P Do", page.Measures{Width: 600, Height: 800}},
		{"a drawing", "0 0 600 800", "0 0 100 100 re f", page.Measures{Width: 600, Height: 800}},
		{"inside of a form, on its side", "0 0 144 144", "/F Do", page.Measures{Width: 144, Height: 144, DPI: 150}},
	} {
		d := document(t, r, build("<</Type/Page/Parent 2 0 R/MediaBox["+c.box+"]/Contents 4 0 R"+
			"/Resources<</XObject<</P 5 0 R/F 6 0 R>>>>>>", stream([]byte(c.content)), picture, form))
		got, err := d.Measure(t.Context(), 1)
		d.Close()
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, not %+v: %v", c.name, got, c.want, err)
		}
	}
}

func TestWhatAPersonMustKnowOfAPDF(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	plain := file(t, specimen.New(1, 1).ColourPDF())
	if d := opened(t, r, plain); d.Form() {
		t.Error("a plain scan is taken for a form")
	} else {
		d.Close()
	}
	form := build("<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>", stream([]byte("<xdp/>")))
	form = []byte(strings.Replace(string(form), "/Pages 2 0 R", "/Pages 2 0 R/AcroForm<</XFA 4 0 R>>", 1))
	if d := document(t, r, form); !d.Form() {
		t.Error("a form is not known")
	} else {
		d.Close()
	}

	qpdf := realpart.Tool(t, "qpdf", "qpdf (Debian package qpdf)")
	locked := filepath.Join(t.TempDir(), "locked.pdf")
	if out, err := exec.Command(qpdf, "--encrypt", "secret", "owner", "256", "--", plain.Name(), locked).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(locked)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := r.File(t.Context(), f); !errors.Is(err, page.ErrLocked) || !errors.Is(err, page.ErrRender) {
		t.Errorf("a file that needs a password: %v", err)
	}
}

func TestMemoryDoesNotGrowWithThePages(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc: a Linux system")
	}
	warm := renderer(t, page.Config{})
	if err := warm.Warm(t.Context()); err != nil {
		t.Fatal(err) // compiling takes more than all that follows
	}
	warm.Close()
	l := specimen.New(1, 8)
	l.DPI = 200
	d := opened(t, renderer(t, page.Config{Children: 1}), file(t, l.ColourPDF()))
	var first int
	for n := 1; n <= d.Pages(); n++ {
		if _, err := d.Gray(t.Context(), n, 100); err != nil {
			t.Fatal(err)
		}
		if n == 2 {
			first = childrenPeak(t)
		}
	}
	const most = 160 // MB; 102 were seen
	last := childrenPeak(t)
	if last > most || last > first+first/5 {
		t.Errorf("the child had %d MB after two pages and %d after all", first, last)
	}
	t.Logf("%d MB", last)
}
