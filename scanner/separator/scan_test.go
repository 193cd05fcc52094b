package separator

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"letterlock/scanner/realpart"
	"letterlock/scanner/texts"
)

// A scan of a printed page, as bad as scans are. What the scanner does to the
// page is done here, since no tool does all of it.
type scanned struct {
	dpi     int     // that the scanner works at
	turn    float64 // degrees
	noise   float64 // standard deviation, of 255
	blur    int     // dots around each
	stains  int
	shadow  bool // one side is in the dark
	bilevel bool // black and white only, as G4 is
	quality int  // of JPEG; 0 for none
	reads   int  // dpi of the picture that Read is given
	faint   bool // little toner on grey paper
	streaks int  // dark lines that a dirty scanner draws down the page
	dither  bool // as bilevel, the greys scattered into dots
}

// of scans a page that was printed at printDPI.
func (s scanned) of(t testing.TB, printed *image.Gray) *image.Gray {
	random := rand.New(rand.NewPCG(uint64(s.dpi), uint64(s.stains)))
	img := resample(printed, float64(printDPI)/float64(s.dpi), s.turn)
	for range s.stains {
		stain(img, random)
	}
	for range s.blur {
		img, _ = soft(img)
	}
	for range s.streaks {
		x := random.IntN(img.Rect.Dx() - 3)
		for i := range img.Pix {
			if d := i%img.Stride - x; d >= 0 && d < 1+s.dpi/150 {
				img.Pix[i] = 60
			}
		}
	}
	carry := 0.0
	for i, v := range img.Pix {
		f := float64(v)*0.82 + 28 // paper is not white, nor ink black
		if s.faint {
			f = float64(v)*0.25 + 140
		}
		if s.shadow {
			f *= 0.4 + 0.6*float64(i%img.Stride)/float64(img.Stride)
		}
		if s.noise > 0 {
			f += random.NormFloat64() * s.noise
		}
		switch {
		case s.dither:
			if f += carry; f < 128 {
				carry, f = f, 0
			} else {
				carry, f = f-255, 255
			}
		case s.bilevel:
			if f < 128 {
				f = 0
			} else {
				f = 255
			}
		}
		img.Pix[i] = uint8(min(max(f, 0), 255))
	}
	if s.quality > 0 {
		var b bytes.Buffer
		must(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: s.quality}))
		back, err := jpeg.Decode(&b)
		must(t, err)
		img = back.(*image.Gray)
	}
	if s.reads != s.dpi {
		img = resample(img, float64(s.dpi)/float64(s.reads), 0)
	}
	return img
}

// resample makes a picture smaller by a factor and turns it around its middle.
// Each dot is the mean of four; beside the page all is white.
func resample(img *image.Gray, by, degrees float64) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, int(float64(w)/by), int(float64(h)/by)))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	var across, down [4]float64 // from a dot's middle to its four samples
	for i, sub := range [4][2]float64{{-1, -1}, {1, -1}, {-1, 1}, {1, 1}} {
		across[i], down[i] = (cos*sub[0]-sin*sub[1])*by/4, (sin*sub[0]+cos*sub[1])*by/4
	}
	for y := range out.Rect.Dy() {
		dx, dy := by/2-float64(w)/2, (float64(y)+.5)*by-float64(h)/2
		sx, sy := cos*dx-sin*dy+float64(w)/2, sin*dx+cos*dy+float64(h)/2
		for x := range out.Rect.Dx() {
			sum := 0
			for i := range across {
				sum += int(at(img, int(sx+across[i]), int(sy+down[i])))
			}
			out.Pix[y*out.Stride+x] = uint8(sum / 4)
			sx, sy = sx+cos*by, sy+sin*by
		}
	}
	return out
}

func at(img *image.Gray, x, y int) uint8 {
	if uint(x) >= uint(img.Rect.Dx()) || uint(y) >= uint(img.Rect.Dy()) {
		return 255
	}
	return img.Pix[y*img.Stride+x]
}

func stain(img *image.Gray, random *rand.Rand) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	fill(img, random.IntN(w), random.IntN(h), w/20+random.IntN(w/14), uint8(40+random.IntN(120)))
}

// fill draws a disc.
func fill(img *image.Gray, cx, cy, radius int, shade uint8) {
	for y := cy - radius; y <= cy+radius; y++ {
		for x := cx - radius; x <= cx+radius; x++ {
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) <= radius*radius && (image.Point{X: x, Y: y}).In(img.Rect) {
				img.Pix[y*img.Stride+x] = min(img.Pix[y*img.Stride+x], shade)
			}
		}
	}
}

// blot is a copy of the page with a rectangle, given in hundredths of its size,
// in one shade.
func blot(page *image.Gray, x0, y0, x1, y1 int, shade uint8) *image.Gray {
	out := image.NewGray(page.Rect)
	copy(out.Pix, page.Pix)
	w, h := page.Rect.Dx(), page.Rect.Dy()
	for y := h * y0 / 100; y < h*y1/100; y++ {
		for x := w * x0 / 100; x < w*x1/100; x++ {
			out.SetGray(x, y, color.Gray{Y: shade})
		}
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const printDPI = 300

// printed is the pages of sheets, as a printer of 300 dpi puts them on paper.
func printed(t testing.TB, paper Paper, sheets ...Sheet) []*image.Gray {
	t.Helper()
	tool := realpart.Tool(t, "pdftoppm", "pdftoppm (Debian: poppler-utils)")
	var pdf bytes.Buffer
	must(t, Print(&pdf, paper, texts.English(), sheets))
	dir := t.TempDir()
	cmd := exec.Command(tool, "-gray", "-r", fmt.Sprint(printDPI), "-", filepath.Join(dir, "p"))
	cmd.Stdin = &pdf
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "p-*.pgm"))
	must(t, err)
	var pages []*image.Gray
	for _, name := range files {
		data, err := os.ReadFile(name)
		must(t, err)
		var w, h, most int
		_, err = fmt.Sscanf(string(data[:20]), "P5\n%d %d\n%d\n", &w, &h, &most)
		must(t, err)
		pages = append(pages, &image.Gray{Pix: data[len(data)-w*h:], Stride: w, Rect: image.Rect(0, 0, w, h)})
	}
	return pages
}

func grey(img image.Image) *image.Gray {
	if g, ok := img.(*image.Gray); ok {
		return g
	}
	b := img.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, img, b.Min, draw.Src)
	return out
}

// parallel runs a function for 0 to n-1, two at a time.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for i := worker; i < n; i += 2 {
				f(i)
			}
		})
	}
	wg.Wait()
}
