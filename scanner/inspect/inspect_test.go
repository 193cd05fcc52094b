package inspect

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

func TestMain(m *testing.M) {
	if page.RunChild(os.Args) || pdf.RunChild(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// renderer has one child, and keeps PDFium's compiled code between runs.
func renderer(t testing.TB, config page.Config) *page.Renderer {
	t.Helper()
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	config.Children, config.CacheDir = 1, filepath.Join(user, "letterlock-test-pdfium")
	r, err := page.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

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

// clean is the clean PDF of a scan, and what is known of the scan.
func clean(t testing.TB, content []byte) (*os.File, Scan) {
	t.Helper()
	in, out := file(t, content), file(t, nil)
	result, err := pdf.Normaliser{}.Normalise(t.Context(), in, out)
	if err != nil {
		t.Fatal(err)
	}
	if result.Format == pdf.PDF {
		return out, Scan{PDF: in}
	}
	return out, Scan{Looks: result.Looks}
}

// album is a PDF of pictures.
func album(t testing.TB, pictures []*image.RGBA) (*os.File, []pdf.Look) {
	t.Helper()
	out := file(t, nil)
	result, err := pdf.Rendered(out, len(pictures), func(n int) (image.Image, float64, error) {
		return pictures[n-1], albumDPI, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, result.Looks
}

// albumDPI is the resolution of its pictures.
const albumDPI = 150

func refusedAs(t *testing.T, err error, code pdf.Code, number int) {
	t.Helper()
	var r *pdf.Refusal
	if !errors.As(err, &r) || r.Code != code || r.Page != number {
		t.Errorf("%v, not %s on page %d", err, code, number)
	}
}

func TestEveryFormatShowsWhatTheScanShowed(t *testing.T) {
	r := renderer(t, page.Config{})
	l := specimen.New(1, 2)
	l.DPI = 200
	for name, scan := range map[string][]byte{
		"a colour PDF": l.ColourPDF(), "a TIFF in black and white": l.G4TIFF(), "a TIFF in colour": l.MultiPageTIFF(),
		"a JPEG": l.JPEG(2), "a PNG": l.PNG(1),
	} {
		out, known := clean(t, scan)
		var seen, done []int
		i := Inspector{
			Renderer: r,
			See: func(n int, img *image.Gray) {
				seen = append(seen, n)
				if d := img.Rect.Dx() - 827; d < -1 || d > 1 {
					t.Errorf("%s: page %d is %v", name, n, img.Rect)
				}
			},
			Progress: func(n, of int) { done = append(done, 10*n+of) },
		}
		f, err := i.Inspect(t.Context(), out, known)
		// A picture that does not know its size is fitted to A4, which makes it
		// as fine as it was.
		if err != nil || f.Pages != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		pages, progress := []int{1}, []int{11}
		if len(seen) != 1 {
			pages, progress = []int{1, 2}, []int{12, 22}
		}
		if !cmp.Equal(seen, pages) || !cmp.Equal(done, progress) {
			t.Errorf("%s: saw %v, told of %v", name, seen, done)
		}
	}
}

func TestWhatAReaderShouldKnow(t *testing.T) {
	askew := image.NewRGBA(image.Rect(0, 0, 1654, 2338))
	draw.Draw(askew, askew.Rect, sheetOf(240).typed(1, 4).grain(3), image.Point{}, draw.Src)
	blank := image.NewRGBA(image.Rect(0, 0, 1240, 1754))
	draw.Draw(blank, blank.Rect, image.White, image.Point{}, draw.Src)
	letterly := specimen.New(1, 1).Image(1)
	out, looks := album(t, []*image.RGBA{letterly, blank, askew, letterly})
	f, err := Inspector{Renderer: renderer(t, page.Config{})}.Inspect(t.Context(), out, Scan{Looks: looks})
	want := letter.Flags("1:low-resolution 2:blank 2:low-resolution 3:skewed 3:low-resolution 4:low-resolution")
	if err != nil || f.Flags() != want {
		t.Errorf("%v, %v", f, err)
	}
	if len(f.Pages) == 4 && (f.Pages[2].Skew < 3.8 || f.Pages[2].Skew > 4.2 || f.Pages[0].DPI != albumDPI) {
		t.Errorf("%+v", f.Pages)
	}
}

// tampering is what could go wrong with a page on the way from scan to PDF.
var tampering = []struct {
	name  string
	with  func(img *image.RGBA)
	small bool // only the comparison of a PDF with a PDF is sure to find it
	fine  bool // it is not wrong
}{
	{name: "nothing", with: func(*image.RGBA) {}, fine: true},
	{name: "a shade", with: func(img *image.RGBA) { shades(img, func(v uint8) uint8 { return v - v/64 }) }, fine: true},
	{name: "a figure is gone", with: func(img *image.RGBA) { wipe(img, 3.76, 10.95, 3.86, 11.15) }, small: true},
	{name: "a word is gone", with: func(img *image.RGBA) { wipe(img, 1, 2.05, 1.6, 2.25) }},
	{name: "a line is gone", with: func(img *image.RGBA) { wipe(img, 0, 2.05, 8.27, 2.25) }},
	{name: "it is blank", with: func(img *image.RGBA) { wipe(img, 0, 0, 9, 12) }},
	{name: "its lower half is blank", with: func(img *image.RGBA) { wipe(img, 0, 3, 9, 12) }},
	{name: "it is black", with: func(img *image.RGBA) { shades(img, func(uint8) uint8 { return 0 }) }},
	{name: "it is a negative", with: func(img *image.RGBA) { shades(img, func(v uint8) uint8 { return 255 - v }) }},
	{name: "it is half as strong", with: func(img *image.RGBA) { shades(img, func(v uint8) uint8 { return 127 + v/2 }) }},
	{name: "it stands on its head", with: func(img *image.RGBA) { turn(img, true, true) }},
	{name: "it is mirrored", with: func(img *image.RGBA) { turn(img, true, false) }},
	{name: "it is shifted", with: func(img *image.RGBA) { draw.Draw(img, img.Rect, copyOf(img), image.Pt(0, 12), draw.Src) }},
}

func shades(img *image.RGBA, change func(uint8) uint8) {
	for i := range img.Pix {
		if i%4 != 3 {
			img.Pix[i] = change(img.Pix[i])
		}
	}
}

// wipe makes a rectangle paper; it is given in inches.
func wipe(img *image.RGBA, x0, y0, x1, y1 float64) {
	box := image.Rect(int(x0*albumDPI), int(y0*albumDPI), int(x1*albumDPI), int(y1*albumDPI))
	draw.Draw(img, box, image.NewUniform(color.RGBA{0xf5, 0xf2, 0xe8, 0xff}), image.Point{}, draw.Src)
}

func turn(img *image.RGBA, leftRight, upDown bool) {
	from := copyOf(img)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			at := image.Pt(x, y)
			if leftRight {
				at.X = img.Rect.Dx() - 1 - x
			}
			if upDown {
				at.Y = img.Rect.Dy() - 1 - y
			}
			img.SetRGBA(x, y, from.RGBAAt(at.X, at.Y))
		}
	}
}

func copyOf(img *image.RGBA) *image.RGBA {
	return &image.RGBA{Pix: bytes.Clone(img.Pix), Stride: img.Stride, Rect: img.Rect}
}

func TestACleanPDFThatShowsSomethingElseIsRefused(t *testing.T) {
	l := specimen.New(3, 2)
	pages := []*image.RGBA{l.Image(1), l.Image(2)}
	i := Inspector{Renderer: renderer(t, page.Config{})}
	scan, looks := album(t, pages[1:])
	for _, c := range tampering {
		changed := copyOf(pages[1])
		c.with(changed)
		out, _ := album(t, []*image.RGBA{changed})
		for known, against := range map[string]Scan{"a PDF": {PDF: scan}, "pictures": {Looks: looks}} {
			_, err := i.Inspect(t.Context(), out, against)
			switch {
			case c.small && against.PDF == nil:
			case c.fine:
				if err != nil {
					t.Errorf("%s: %s: %v", known, c.name, err)
				}
			case err == nil:
				t.Errorf("%s: %s: not found", known, c.name)
			default:
				refusedAs(t, err, pdf.NotAsScanned, 1)
			}
		}
	}
	scan, looks = album(t, pages)
	for name, c := range map[string]struct {
		pages []*image.RGBA
		on    int
	}{
		"a page is missing": {pages[:1], 0}, "a page is double": {[]*image.RGBA{pages[0], pages[1], pages[1]}, 0},
		"pages are swapped": {[]*image.RGBA{pages[1], pages[0]}, 1},
	} {
		out, _ := album(t, c.pages)
		for _, against := range []Scan{{PDF: scan}, {Looks: looks}} {
			_, err := i.Inspect(t.Context(), out, against)
			t.Log(name)
			refusedAs(t, err, pdf.NotAsScanned, c.on)
		}
	}
}

func TestAFaintLineThatIsGoneIsMissed(t *testing.T) {
	sheet := image.NewRGBA(image.Rect(0, 0, 1240, 1754))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	blank, _ := album(t, []*image.RGBA{sheet})
	draw.Draw(sheet, image.Rect(300, 800, 600, 803), image.NewUniform(color.Gray{225}), image.Point{}, draw.Src)
	written, looks := album(t, []*image.RGBA{sheet})
	i := Inspector{Renderer: renderer(t, page.Config{})}
	for _, against := range []Scan{{PDF: written}, {Looks: looks}} {
		if _, err := i.Inspect(t.Context(), written, against); err != nil {
			t.Error(err)
		}
		_, err := i.Inspect(t.Context(), blank, against)
		refusedAs(t, err, pdf.NotAsScanned, 1)
	}
}

func TestAScanThatPDFiumCannotDrawIsRefused(t *testing.T) {
	good, looks := album(t, []*image.RGBA{specimen.New(1, 1).Image(1)})
	i := Inspector{Renderer: renderer(t, page.Config{})}
	_, err := i.Inspect(t.Context(), good, Scan{PDF: file(t, []byte("%PDF-1.7\nno more"))})
	refusedAs(t, err, pdf.Damaged, 0)
	_, err = i.Inspect(t.Context(), file(t, []byte("no PDF")), Scan{Looks: looks})
	refusedAs(t, err, pdf.NotAsScanned, 0)
	if _, err = i.Inspect(t.Context(), good, Scan{PDF: good}); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// starved is how long a page may take where one never ends: all but that one end within
// it on a machine on which much else runs, too.
const starved = 15 * time.Second

func TestAPageThatNeverEndsIsStopped(t *testing.T) {
	good, _ := album(t, []*image.RGBA{specimen.New(1, 1).Image(1)})
	i := Inspector{Renderer: renderer(t, page.Config{Time: starved})}
	_, err := i.Inspect(t.Context(), good, Scan{PDF: file(t, endless())})
	refusedAs(t, err, pdf.Damaged, 1)
}

// endless is a page that is painted all over, far too often.
func endless() []byte {
	content := strings.Repeat("0 0 5000 5000 re f\n", 100_000)
	return []byte("%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n" +
		"2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n" +
		"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 5000 5000]/Contents 4 0 R>>\nendobj\n" +
		"4 0 obj\n<</Length " + strconv.Itoa(len(content)) + ">>\nstream\n" + content + "\nendstream\nendobj\n" +
		"trailer\n<</Root 1 0 R>>\n%%EOF\n")
}

func TestWhatIsNotTheScansFaultIsNoRefusal(t *testing.T) {
	good, looks := album(t, []*image.RGBA{specimen.New(1, 1).Image(1)})
	closed := file(t, nil)
	closed.Close()
	r := renderer(t, page.Config{})
	i := Inspector{Renderer: r}
	ended := renderer(t, page.Config{})
	ended.Close()
	for name, try := range map[string]func() error{
		"nothing known": func() error { _, err := i.Inspect(t.Context(), good, Scan{}); return err },
		"a clean PDF that cannot be read": func() error {
			_, err := i.Inspect(t.Context(), closed, Scan{Looks: looks})
			return err
		},
		"a scan that cannot be read": func() error { _, err := i.Inspect(t.Context(), good, Scan{PDF: closed}); return err },
		"no child": func() error {
			_, err := Inspector{Renderer: ended}.Inspect(t.Context(), good, Scan{Looks: looks})
			return err
		},
		"no child to repair": func() error { _, err := Repair(t.Context(), ended, good, file(t, nil)); return err },
		"nothing to repair":  func() error { _, err := Repair(t.Context(), r, closed, file(t, nil)); return err },
	} {
		var refused *pdf.Refusal
		if err := try(); err == nil || errors.As(err, &refused) || strings.Contains(err.Error(), closed.Name()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhoeverGivesUpIsNotWaitedFor(t *testing.T) {
	l := specimen.New(1, 4)
	out, known := clean(t, l.ColourPDF())
	r := renderer(t, page.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	i := Inspector{Renderer: r, See: func(n int, _ *image.Gray) {
		if n == 2 {
			cancel()
		}
	}}
	if _, err := i.Inspect(ctx, out, known); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	i.See = nil
	if _, err := i.Inspect(t.Context(), out, known); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAChildMayBeKilledAtAnyMoment(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: a Linux system")
	}
	l := specimen.New(1, 4)
	l.DPI = 100
	for _, scan := range [][]byte{l.ColourPDF(), l.G4TIFF()} {
		out, known := clean(t, scan)
		i := Inspector{Renderer: renderer(t, page.Config{})}
		for _, at := range []int{1, 2, 3, 4} {
			var seen []int
			i.See = func(n int, _ *image.Gray) {
				if seen = append(seen, n); n == at {
					killChildren(t)
				}
			}
			if _, err := i.Inspect(t.Context(), out, known); err != nil || !cmp.Equal(seen, []int{1, 2, 3, 4}) {
				t.Errorf("killed once page %d was seen: %v: %v", at, seen, err)
			}
		}
		// Killed again and again, it may give up, but the scan is not to blame.
		i.See = func(int, *image.Gray) { killChildren(t) }
		var refused *pdf.Refusal
		if _, err := i.Inspect(t.Context(), out, known); errors.As(err, &refused) {
			t.Error(err)
		}
		i.Renderer.Close()
	}
}

// killChildren kills every child of this process.
func killChildren(t *testing.T) {
	t.Helper()
	for _, pid := range children() {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill() // it may have ended
		}
	}
}

// children are the processes that this one has started.
func children() (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		after := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(after) > 1 && after[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}
