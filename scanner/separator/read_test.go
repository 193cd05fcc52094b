package separator

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
	"golang.org/x/image/tiff"

	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
	"letterlock/scanner/texts"
)

var (
	respect = Sheet{NewSeparator("respect-phoneline"), "Respect Phoneline"}
	// The longest code there can be.
	longest = Sheet{NewCover("a-helpline-whose-name-has-40-characters", MaxLetters), "A helpline with a very long name"}
)

// badScans are what offices' scanners make of a page: read are all of them.
var badScans = []scanned{
	{dpi: 100}, {dpi: 100, turn: 5}, {dpi: 100, turn: -5}, {dpi: 100, turn: 180}, {dpi: 100, turn: 183},
	{dpi: 100, noise: 25}, {dpi: 100, noise: 60}, {dpi: 100, noise: 40, turn: 2}, {dpi: 100, noise: 25, blur: 1, turn: -3},
	{dpi: 100, blur: 3}, {dpi: 100, blur: 2, turn: 5}, {dpi: 100, blur: 4, noise: 20},
	{dpi: 100, quality: 40}, {dpi: 100, quality: 40, turn: -5, noise: 10}, {dpi: 100, quality: 20, blur: 1},
	{dpi: 100, stains: 12}, {dpi: 100, stains: 12, turn: 177}, {dpi: 100, stains: 30, noise: 10},
	{dpi: 100, shadow: true}, {dpi: 100, shadow: true, noise: 10, turn: 3}, {dpi: 100, faint: true, noise: 10},
	{dpi: 100, faint: true, shadow: true, noise: 5}, {dpi: 100, streaks: 12}, {dpi: 100, streaks: 12, noise: 20, stains: 8},
	{dpi: 150, reads: 150}, {dpi: 150, reads: 150, turn: 5, noise: 30}, {dpi: 150, reads: 150, quality: 40, blur: 2},
	{dpi: 150, reads: 150, stains: 12, shadow: true, quality: 40},
	{dpi: 200, bilevel: true}, {dpi: 200, bilevel: true, turn: 5}, {dpi: 200, bilevel: true, noise: 40, turn: -5},
	{dpi: 200, bilevel: true, stains: 12}, {dpi: 200, bilevel: true, shadow: true}, {dpi: 200, bilevel: true, streaks: 12},
	{dpi: 200, bilevel: true, noise: 60, reads: 150}, {dpi: 200, bilevel: true, blur: 2, turn: 184, reads: 150},
	{dpi: 200, dither: true}, {dpi: 200, dither: true, turn: 3, reads: 150}, {dpi: 300, dither: true, noise: 10},
	{dpi: 300, bilevel: true}, {dpi: 300, bilevel: true, turn: -5, noise: 40}, {dpi: 300, bilevel: true, stains: 20, turn: 2},
	{dpi: 300, reads: 300}, {dpi: 100, reads: 75}, {dpi: 100, reads: 75, turn: 4, noise: 10},
}

func TestBadScansAreRead(t *testing.T) {
	pages := printed(t, A4, respect, longest)
	want := []Code{respect.Code, respect.Code.On(Back), longest.Code, longest.Code.On(Back)}
	parallel(len(badScans), func(i int) {
		s := badScans[i]
		if s.reads == 0 {
			s.reads = 100
		}
		m, err := Read(s.of(t, pages[i%4]))
		// A stain of more than three centimetres, or a side so dark that it is black, may
		// be a thing that lies there.
		mayHide := s.stains > 0 || s.shadow && s.bilevel
		if diff := cmp.Diff(Marks{Codes: want[i%4 : i%4+1], Damaged: m.Damaged && mayHide}, m); diff != "" || err != nil {
			t.Errorf("%+v: %v\n%s", s, err, diff)
		}
	})
}

// A sheet is found by what is left of it, and on paper of another size.
func TestPartsOfASheetAreRead(t *testing.T) {
	sheet := printed(t, A4, respect)[0]
	w, h := sheet.Rect.Dx(), sheet.Rect.Dy()
	onBed := image.NewGray(image.Rect(0, 0, h, w*2)) // the glass of an A3 scanner
	for i := range onBed.Pix {
		onBed.Pix[i] = 250
	}
	for y := range h {
		copy(onBed.Pix[(y+40)*onBed.Stride+60:], sheet.Pix[y*sheet.Stride:][:w])
	}
	for name, page := range map[string]*image.Gray{
		"upper half":          grey(struct{ image.Image }{sheet.SubImage(image.Rect(0, 0, w, h/2))}),
		"lower half":          grey(struct{ image.Image }{sheet.SubImage(image.Rect(0, h/2, w, h))}),
		"all but one blotted": blot(blot(sheet, 0, 0, 66, 100, 30), 66, 0, 100, 50, 30),
		"on a larger bed":     onBed,
		"on letter paper":     printed(t, USLetter, respect)[0],
	} {
		m, err := Read(scanned{dpi: 100, reads: 100, noise: 15, turn: 2}.of(t, page))
		blotted := name == "all but one blotted"
		if diff := cmp.Diff(Marks{Codes: []Code{respect.Code}, Damaged: blotted}, m); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// Where not one code can be read, the page is held for a person.
func TestARuinedSheetIsDamaged(t *testing.T) {
	sheet := printed(t, A4, respect)[0]
	crossedOut := sheet
	for _, y := range []int{9, 80} {
		for _, x := range []int{7, 40, 74} {
			crossedOut = blot(crossedOut, x, y, x+17, y+8, 20)
		}
	}
	torn := blot(blot(sheet, 0, 12, 100, 100, 255), 40, 0, 100, 100, 255) // the upper part of one code
	for name, page := range map[string]*image.Gray{
		"crossed out": crossedOut,
		"torn off":    torn,
		"corner left": blot(blot(sheet, 10, 0, 100, 100, 255), 0, 8, 100, 100, 255),
	} {
		for _, s := range []scanned{{dpi: 100, reads: 100, turn: 1}, {dpi: 200, reads: 100, bilevel: true, noise: 20}} {
			m, err := Read(s.of(t, page))
			if !m.Damaged || len(m.Codes) > 0 || err != nil {
				t.Errorf("%s, %+v: %+v, %v", name, s, m, err)
			}
		}
	}
}

// The blank back of a sheet on thin paper. What was printed on the front is seen
// from behind, and somebody may have written a letter on it.
func TestACodeThatShinesThroughIsDamaged(t *testing.T) {
	pages := printed(t, A4, respect)
	for name, strength := range map[string]int{"clearly": 2, "faintly": 5} {
		back := image.NewGray(pages[0].Rect)
		for y := range back.Rect.Dy() {
			for x := range back.Rect.Dx() {
				ink := 255 - int(at(pages[0], back.Rect.Dx()-1-x, y))
				back.Pix[y*back.Stride+x] = uint8(255 - ink/strength)
			}
		}
		s := scanned{dpi: 100, reads: 100, turn: 1, blur: 1}
		if m, err := Read(s.of(t, back)); !m.Damaged || len(m.Codes) > 0 || err != nil {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		for i, v := range pages[1].Pix { // with its own print, it is what that says
			back.Pix[i] = min(back.Pix[i], v)
		}
		if m, err := Read(s.of(t, back)); len(m.Codes) != 1 || m.Codes[0].Side != Back || m.Damaged || err != nil {
			t.Errorf("%s, printed on both sides: %+v, %v", name, m, err)
		}
	}
}

func TestTwoSheetsOnOnePageAreBothRead(t *testing.T) {
	pages := printed(t, A4, respect, longest)
	w, h := pages[0].Rect.Dx(), pages[0].Rect.Dy()
	both := blot(pages[0], 0, 0, 0, 0, 0)
	copy(both.Pix[h/2*both.Stride:], pages[2].Pix[h/2*w:])
	m, err := Read(scanned{dpi: 100, reads: 100}.of(t, both))
	if len(m.Codes) != 2 || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

// qrCode draws anybody's code; a module is so many dots.
func qrCode(t *testing.T, text string, dots int) *image.Gray {
	t.Helper()
	qr, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_M, map[gozxing.EncodeHintType]any{})
	must(t, err)
	n := qr.GetMatrix().GetWidth()
	img := image.NewGray(image.Rect(0, 0, n*dots, n*dots))
	for i := range img.Pix {
		if x, y := i%img.Stride/dots, i/img.Stride/dots; qr.GetMatrix().Get(x, y) == 0 {
			img.Pix[i] = 255
		}
	}
	return img
}

// paste lays a picture on a page.
func paste(page, img *image.Gray, x, y int) {
	for row := range img.Rect.Dy() {
		copy(page.Pix[(y+row)*page.Stride+x:], img.Pix[row*img.Stride:][:img.Rect.Dx()])
	}
}

// letterPage is a page of a letter, as if it were printed.
func letterPage(seed uint64, n int) *image.Gray {
	l := specimen.New(seed, n)
	l.DPI = printDPI
	return grey(l.Image(n))
}

func TestLettersHaveNoMarks(t *testing.T) {
	for name, put := range map[string]func(page *image.Gray){
		"nothing else": func(*image.Gray) {},
		"a payment slip's code, half a millimetre a module": func(p *image.Gray) {
			paste(p, qrCode(t, "BCD\n002\n1\nSCT\n\nSomebody\nGB29NWBK60161331926819\nEUR12.30", 6), 1500, 2600)
		},
		"a poster's code, as large as a sheet's": func(p *image.Gray) {
			paste(p, qrCode(t, "https://example.org/a/page/that/has/a/long/name?of=some&length=1", 15), 200, 2000)
		},
		"a small one": func(p *image.Gray) { paste(p, qrCode(t, "https://example.org", 3), 300, 2500) },
		"a code that cannot be read, smaller than a sheet's": func(p *image.Gray) {
			paste(p, qrCode(t, "https://example.org/somewhere", 8), 300, 2500)
			*p = *blot(p, 13, 73, 20, 90, 0)
		},
		"forms, rings and punch holes": func(p *image.Gray) {
			for i := range 12 {
				x, y := 200+180*i, 2500
				fill(p, x, y, 20+6*i, 20)
				fill(p, x, y+300, 10+4*i, 60)
				paste(p, blot(image.NewGray(image.Rect(0, 0, 40+8*i, 40+8*i)), 10, 10, 90, 90, 255), x, 2100)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			page := letterPage(uint64(len(name)), 1)
			put(page)
			for _, s := range []scanned{
				{dpi: 100, reads: 100, turn: 2, noise: 10}, {dpi: 200, reads: 100, bilevel: true, noise: 30}, {dpi: 150, reads: 150, streaks: 12, stains: 12, quality: 40},
			} {
				if m, err := Read(s.of(t, page)); m.any() || err != nil {
					t.Errorf("%+v: %+v, %v", s, m, err)
				}
			}
		})
	}
	t.Run("many letters", func(t *testing.T) {
		parallel(24, func(i int) {
			s := badScans[i]
			s.reads = s.dpi
			if m, err := Read(s.of(t, letterPage(uint64(i), 1+i%3))); m.any() || err != nil {
				t.Errorf("letter %d, %+v: %+v, %v", i, s, m, err)
			}
		})
	})
}

// A code that claims to be a sheet's and is none of this version holds the stack:
// it cannot be told what it would have said.
func TestACodeOfAnotherVersionIsDamaged(t *testing.T) {
	text, err := respect.Code.Text()
	must(t, err)
	for _, text := range []string{
		"LETTERLOCK2 SEP RESPECT-PHONELINE F 00000000",
		strings.Replace(text, "RESPECT", "RESPEKT", 1), // the checksum does not fit
	} {
		page := letterPage(7, 1)
		paste(page, qrCode(t, text, 15), 300, 2000)
		if m, err := Read(scanned{dpi: 100, reads: 100}.of(t, page)); !m.Damaged || len(m.Codes) > 0 || err != nil {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
}

func TestPagesThatAreNone(t *testing.T) {
	if _, err := Read(nil); err == nil {
		t.Error("no page, and no error")
	}
	for _, size := range []image.Point{{}, {X: 1, Y: 1}, {X: 20, Y: 2000}, {X: 64, Y: 64}, {X: 3000, Y: 64}} {
		for _, shade := range []uint8{0, 128, 255} {
			page := image.NewGray(image.Rectangle{Max: size})
			for i := range page.Pix {
				page.Pix[i] = shade
			}
			if m, err := Read(page); m.any() || err != nil {
				t.Errorf("%v of shade %d: %+v, %v", size, shade, m, err)
			}
		}
	}
}

// A page that is all corner patterns costs some time and no more.
func TestAPageOfCornersIsDamaged(t *testing.T) {
	page := image.NewGray(image.Rect(0, 0, 1240, 1754))
	for y := range page.Rect.Dy() {
		for x := range page.Rect.Dx() {
			mx, my := x/8%8, y/8%8 // a corner every eight modules
			if ring := max(abs(mx-3), abs(my-3)); mx == 7 || my == 7 || ring == 2 {
				page.Pix[y*page.Stride+x] = 255
			}
		}
	}
	if m, err := Read(page); !m.Damaged || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func abs(n int) int { return max(n, -n) }

// The way of a real black-and-white scan: printed by Ghostscript to G4 as a
// multi-function printer does, and read back from the TIFF.
func TestGhostscriptsG4IsRead(t *testing.T) {
	gs := realpart.Tool(t, "gs", "gs (Debian: ghostscript)")
	dir := t.TempDir()
	var pdf bytes.Buffer
	must(t, Print(&pdf, A4, texts.English(), []Sheet{longest}))
	must(t, os.WriteFile(filepath.Join(dir, "s.pdf"), pdf.Bytes(), 0o600))
	for _, resolution := range []string{"200", "300"} {
		cmd := exec.Command(gs, "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=tiffg4", "-r"+resolution, "-dLastPage=1",
			"-sOutputFile="+filepath.Join(dir, "s.tif"), filepath.Join(dir, "s.pdf"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("gs: %v\n%s", err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "s.tif"))
		must(t, err)
		img, err := tiff.Decode(bytes.NewReader(data))
		must(t, err)
		m, err := Read(grey(img))
		if diff := cmp.Diff(Marks{Codes: []Code{longest.Code}}, m); diff != "" || err != nil {
			t.Errorf("at %s dpi: %v\n%s", resolution, err, diff)
		}
	}
}

// FuzzRead: no picture makes Read fail or find a sheet that nobody printed.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	must(f, png.Encode(&b, image.NewGray(image.Rect(0, 0, 80, 80))))
	f.Add([]byte("some dots"), uint8(70))
	f.Add(b.Bytes(), uint8(100))
	f.Fuzz(func(t *testing.T, dots []byte, width uint8) {
		w := int(width) + 1
		page := image.NewGray(image.Rect(0, 0, w, max(len(dots)/w, 1)))
		copy(page.Pix, dots)
		if m, err := Read(page); len(m.Codes) > 0 || err != nil {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func BenchmarkReadLetter(b *testing.B) {
	page := resample(letterPage(3, 1), 3, 0)
	for b.Loop() {
		if _, err := Read(page); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSheet(b *testing.B) {
	page := resample(printed(b, A4, respect)[0], 3, 0)
	for b.Loop() {
		if _, err := Read(page); err != nil {
			b.Fatal(err)
		}
	}
}
