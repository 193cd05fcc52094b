package inspect

import (
	"bytes"
	"errors"
	"image"
	"image/draw"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// broken is a letter in a PDF whose page tree says nonsense: viewers show it,
// Normalise does not guess.
func broken(t *testing.T, l specimen.Letter) []byte {
	t.Helper()
	bad := bytes.Replace(l.ColourPDF(), []byte("/Type/Pages/Count "), []byte("/Type/Pages/Count x"), 1)
	_, err := pdf.Normaliser{}.Normalise(t.Context(), file(t, bad), file(t, nil))
	refusedAs(t, err, pdf.Damaged, 0)
	return bad
}

func TestARepairedLetterShowsItsPages(t *testing.T) {
	l := specimen.New(1, 2)
	r := renderer(t, page.Config{})
	in, out := file(t, broken(t, l)), file(t, []byte("something older, which is much longer than it is allowed to be"))
	result, err := Repair(t.Context(), r, in, out)
	if err != nil || result.Pages != 2 || result.Format != pdf.PDF || len(result.Looks) != 2 {
		t.Fatalf("%d pages, %v", result.Pages, err)
	}
	if at, err := out.Seek(0, io.SeekCurrent); err != nil || at != 0 {
		t.Errorf("out is at %d: %v", at, err)
	}
	// What was drawn is what the letter shows, and the new PDF shows that.
	for n := 1; n <= 2; n++ {
		if !sameLook(result.Looks[n-1], grayOf(l.Image(n))) {
			t.Errorf("page %d is not the letter's", n)
		}
	}
	if _, err := (Inspector{Renderer: r}).Inspect(t.Context(), out, Scan{Looks: result.Looks}); err != nil {
		t.Error(err)
	}
	d, err := r.File(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, err := d.Measure(t.Context(), 1)
	const a4 = 595.28
	if err != nil || m.DPI < repairLeast-1 || m.DPI > repairLeast+1 || m.Width < a4-1 || m.Width > a4+1 {
		t.Errorf("%+v, %v", m, err)
	}
	// It passes the gate like any other.
	if _, err := (pdf.Normaliser{}).Normalise(t.Context(), out, file(t, nil)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotRepaired(t *testing.T) {
	r := renderer(t, page.Config{Time: starved})
	good := specimen.New(1, 1).ColourPDF()
	form := bytes.Replace(good, []byte("/Type/Catalog"), []byte("/AcroForm<</Fields[]>>/Type/Catalog"), 1)
	none := bytes.Replace(good, []byte("/Count 1/Kids[4 0 R]"), []byte("/Count 0/Kids[]     "), 1)
	for name, c := range map[string]struct {
		scan []byte
		code pdf.Code
		page int
	}{
		"no PDF": {[]byte("no PDF"), pdf.Damaged, 0}, "nothing": {nil, pdf.Damaged, 0},
		"without a page": {none, pdf.Empty, 0}, "a form": {form, pdf.FormOrComments, 0},
		"a page that never ends": {endless(), pdf.Damaged, 1},
	} {
		out := file(t, nil)
		_, err := Repair(t.Context(), r, file(t, c.scan), out)
		t.Log(name)
		refusedAs(t, err, c.code, c.page)
		if info, err := out.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%s: left %d bytes", name, info.Size())
		}
	}

	_, err := Repair(t.Context(), r, locked(t, good, "secret"), file(t, nil))
	refusedAs(t, err, pdf.Encrypted, 0)
}

// locked is a scan that a real program has encrypted.
func locked(t *testing.T, scan []byte, user string) *os.File {
	t.Helper()
	qpdf := realpart.Tool(t, "qpdf", "qpdf (Debian package qpdf)")
	to := filepath.Join(t.TempDir(), "locked.pdf")
	if out, err := exec.Command(qpdf, "--encrypt", user, "owner", "128", "--use-aes=y", "--", file(t, scan).Name(), to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A scan that is encrypted and opens without a password is compared as it is seen.
func TestALockWithoutAKeyIsCompared(t *testing.T) {
	r := renderer(t, page.Config{})
	scan, other := locked(t, specimen.New(1, 2).ColourPDF(), ""), locked(t, specimen.New(2, 2).ColourPDF(), "")
	clean := file(t, nil)
	if _, err := (pdf.Normaliser{}).Normalise(t.Context(), scan, clean); err != nil {
		t.Fatal(err)
	}
	if _, err := (Inspector{Renderer: r}).Inspect(t.Context(), clean, Scan{PDF: scan}); err != nil {
		t.Error(err)
	}
	_, err := Inspector{Renderer: r}.Inspect(t.Context(), clean, Scan{PDF: other})
	refusedAs(t, err, pdf.NotAsScanned, 1)
}

// Viewers open what is encrypted in a way that Normalise does not undo.
func TestAnOddLockIsRepaired(t *testing.T) {
	l := specimen.New(1, 2)
	scan, err := io.ReadAll(locked(t, l.ColourPDF(), ""))
	if err != nil {
		t.Fatal(err)
	}
	odd := bytes.Replace(scan, []byte("/Length 128"), []byte("           "), 1)
	_, err = pdf.Normaliser{}.Normalise(t.Context(), file(t, odd), file(t, nil))
	refusedAs(t, err, pdf.Protected, 0)
	r := renderer(t, page.Config{})
	result, err := Repair(t.Context(), r, file(t, odd), file(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 2; n++ {
		if !sameLook(result.Looks[n-1], grayOf(l.Image(n))) {
			t.Errorf("page %d is not the letter's", n)
		}
	}
}

// grayOf is a picture without its colours.
func grayOf(img image.Image) *image.Gray {
	gray := image.NewGray(img.Bounds())
	draw.Draw(gray, gray.Rect, img, gray.Rect.Min, draw.Src)
	return gray
}

func TestARepairSurvivesAKilledChild(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: a Linux system")
	}
	r := renderer(t, page.Config{})
	if err := r.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	in := file(t, broken(t, specimen.New(1, 2)))
	for _, after := range []time.Duration{0, 20, 80, 200, 400} { // milliseconds
		out := file(t, nil)
		var killing sync.WaitGroup
		killing.Go(func() {
			time.Sleep(after * time.Millisecond)
			killChildren(t)
		})
		result, err := Repair(t.Context(), r, in, out)
		killing.Wait()
		var refused *pdf.Refusal
		switch {
		case errors.As(err, &refused):
			t.Errorf("after %d ms: %v", after, err)
		case err == nil && result.Pages != 2:
			t.Errorf("after %d ms: %d pages", after, result.Pages)
		}
	}
	if _, err := Repair(t.Context(), r, in, file(t, nil)); err != nil {
		t.Errorf("after all that: %v", err)
	}
}
