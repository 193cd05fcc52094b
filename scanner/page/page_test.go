package page_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

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

// cache keeps PDFium's compiled code between runs, as an installation does.
func cache(t testing.TB) string {
	t.Helper()
	user, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	dir := filepath.Join(user, "letterlock-test-pdfium")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return t.TempDir()
	}
	return dir
}

func renderer(t testing.TB, config page.Config) *page.Renderer {
	t.Helper()
	config.CacheDir = cache(t)
	r, err := page.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func document(t testing.TB, r *page.Renderer, pdf []byte) *page.Document {
	t.Helper()
	d, err := r.Document(t.Context(), pdf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestALetterIsSeenPageByPage(t *testing.T) {
	l := specimen.New(1, 3)
	r := renderer(t, page.Config{Children: 1})
	if err := r.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := document(t, r, l.ColourPDF())
	if d.Pages() != 3 {
		t.Errorf("%d pages", d.Pages())
	}
	for _, c := range []struct{ n, dpi, width, height int }{{1, 150, 1240, 1754}, {3, 72, 595, 842}, {2, 9999, 2480, 3508}} {
		raw, err := d.JPEG(t.Context(), c.n, c.dpi)
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if w, h := img.Bounds().Dx(), img.Bounds().Dy(); max(w-c.width, c.width-w, h-c.height, c.height-h) > 1 {
			t.Errorf("page %d at %d dpi: %d × %d", c.n, c.dpi, w, h)
		}
		dark := 0
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 0x60 {
					dark++
				}
			}
		}
		if share := float64(dark) / float64(img.Bounds().Dx()*img.Bounds().Dy()); share < 0.003 || share > 0.1 {
			t.Errorf("page %d: %.4f of it is ink: not a page of writing", c.n, share)
		}
	}
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, n := range []int{0, 4, -1} {
		if _, err := d.JPEG(t.Context(), n, 72); !errors.Is(err, page.ErrRender) {
			t.Errorf("page %d: %v", n, err)
		}
	}
}

func TestWhatCannotBeRenderedIsSaidAndTheNextLetterIsSeen(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	good := specimen.New(2, 1).ColourPDF()
	for name, bad := range map[string][]byte{
		"nothing": nil, "a text": []byte("not a PDF"), "half": good[:len(good)/3], "only a head": []byte("%PDF-1.7\n%%EOF\n"),
	} {
		d, err := r.Document(t.Context(), bad)
		if err == nil {
			err = d.Check(t.Context())
			d.Close()
		}
		if name == "half" && err == nil {
			continue // PDFium mends what it can: opening is not completeness
		}
		if !errors.Is(err, page.ErrRender) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := document(t, r, good).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAPageLargerThanAWallIsSeenSmaller(t *testing.T) {
	wall := bytes.Replace(specimen.New(3, 1).ColourPDF(), []byte("/MediaBox[0 0 595.28 841.89]"),
		[]byte("/MediaBox[0 0 14400 14400] "), 1)
	d := document(t, renderer(t, page.Config{}), wall)
	raw, err := d.JPEG(t.Context(), 1, 150)
	if err != nil {
		t.Fatal(err)
	}
	config, err := jpeg.DecodeConfig(bytes.NewReader(raw))
	if err != nil || config.Width*config.Height > 25_000_000 || config.Width < 4000 {
		t.Errorf("%d × %d, %v", config.Width, config.Height, err)
	}
}

// endless is a page that takes far longer than anyone waits: it is painted all
// over a hundred thousand times.
func endless() []byte {
	return build("<</Type/Page/Parent 2 0 R/MediaBox[0 0 5000 5000]/Contents 4 0 R>>",
		stream([]byte(strings.Repeat("0 0 5000 5000 re f\n", 100_000))))
}

func stream(data []byte) string {
	return fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(data), data)
}

// build makes a PDF of one page, which is object 3.
func build(objects ...string) []byte {
	objects = append([]string{"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>"}, objects...)
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return out.Bytes()
}

// starved is how long a page may take where one never ends: all but that one end within
// it on a machine on which much else runs, too.
const starved = 15 * time.Second

// small is a document that is seen at once, by a new child too.
func small() []byte {
	return build("<</Type/Page/Parent 2 0 R/MediaBox[0 0 50 50]/Contents 4 0 R>>", stream([]byte("9 9 9 9 re f")))
}

func TestAPageThatNeverEndsIsStoppedAndTheNextLetterIsSeen(t *testing.T) {
	r := renderer(t, page.Config{Children: 1, Time: starved})
	d := document(t, r, endless())
	if err := d.Check(t.Context()); !errors.Is(err, page.ErrRender) || !strings.Contains(err.Error(), "page 1 of 1") {
		t.Errorf("%v", err)
	}
	if _, err := d.JPEG(t.Context(), 1, 72); !errors.Is(err, page.ErrRender) {
		t.Errorf("a second try: %v", err)
	}
	d.Close()
	if err := document(t, r, small()).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAReaderWhoGoesAwayIsNotWaitedFor(t *testing.T) {
	r := renderer(t, page.Config{Children: 1, Time: starved})
	d := document(t, r, endless())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := d.JPEG(ctx, 1, 72); !errors.Is(err, context.Canceled) || errors.Is(err, page.ErrRender) {
		t.Errorf("%v", err)
	}
	// All children are taken by the page that nobody wants any more.
	d.Close()
	if _, err := r.Document(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := document(t, r, small()).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func TestAChildThatIsKilledIsReplaced(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: a Linux system")
	}
	r := renderer(t, page.Config{Children: 1})
	letter := specimen.New(6, 1).ColourPDF()
	d := document(t, r, letter)
	killChildren(t)
	if _, err := d.JPEG(t.Context(), 1, 72); !errors.Is(err, page.ErrRender) {
		t.Errorf("%v", err)
	}
	d.Close()

	document(t, r, letter).Close()
	if err := r.Warm(t.Context()); err != nil { // waits until the child is idle again
		t.Fatal(err)
	}
	killChildren(t)
	if err := document(t, r, letter).Check(t.Context()); err != nil {
		t.Errorf("after an idle child was killed: %v", err)
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
	return pids
}

// killChildren kills every child of this process and waits for their ends.
func killChildren(t *testing.T) {
	t.Helper()
	all := children()
	if len(all) == 0 {
		t.Fatal("no child to kill")
	}
	for _, pid := range all {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	for len(children()) > 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestManyReadersShareTheChildren(t *testing.T) {
	r := renderer(t, page.Config{Children: 2})
	var all sync.WaitGroup
	for n := range 6 {
		all.Go(func() {
			l := specimen.New(uint64(n), 1+n%3)
			l.DPI = 50
			d, err := r.Document(t.Context(), l.ColourPDF())
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if d.Pages() != 1+n%3 {
				t.Errorf("%d pages of another's letter", d.Pages())
			}
			if err := d.Check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestACloseEndsEverything(t *testing.T) {
	r := renderer(t, page.Config{Children: 1})
	d := document(t, r, specimen.New(7, 1).ColourPDF())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.JPEG(t.Context(), 1, 72); !errors.Is(err, page.ErrRender) {
		t.Errorf("%v", err)
	}
	d.Close()
	if _, err := r.Document(t.Context(), nil); !errors.Is(err, page.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestALetterThatNeedsTooMuchMemoryCostsOneChild(t *testing.T) {
	if err := renderer(t, page.Config{}).Warm(t.Context()); err != nil {
		t.Fatal(err) // fills the cache: compiling needs more than what follows
	}
	r := renderer(t, page.Config{Children: 1, AddressSpace: 256 << 20})
	heavy := build("<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]>>", stream(make([]byte, 300<<20)))
	d, err := r.Document(t.Context(), heavy)
	if !errors.Is(err, page.ErrRender) {
		t.Errorf("%v", err)
	}
	if err == nil {
		d.Close()
	}
	if err := document(t, r, specimen.New(8, 1).ColourPDF()).Check(t.Context()); err != nil {
		t.Errorf("after that: %v", err)
	}
}

func BenchmarkPage(b *testing.B) {
	r := renderer(b, page.Config{Children: 1})
	d, err := r.Document(context.Background(), specimen.New(1, 1).ColourPDF())
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for b.Loop() {
		if _, err := d.JPEG(context.Background(), 1, 150); err != nil {
			b.Fatal(err)
		}
	}
}
