package separator

import (
	"flag"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

var darkThings = flag.Int("dark", 40, "how many dark things TestADarkThingOverASheetIsHeld lays on sheets")

// thing is a dark paper of any shade: even, a photograph, or one with words on it.
func thing(random *rand.Rand, width, height int, words *image.Gray) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	shade, kind := uint8(random.IntN(110)), random.IntN(3)
	img = each(img, func(x, y int, _ uint8) uint8 {
		if kind == 2 && at(words, 60+x, 100+y) < 160 {
			return 250
		}
		return shade
	})
	if kind != 1 {
		return img
	}
	for range 40 {
		c := uint8(random.IntN(140))
		cx, cy, radius := random.IntN(width), random.IntN(height), 3+random.IntN(width/4+1)
		img = each(img, func(x, y int, v uint8) uint8 {
			if (x-cx)*(x-cx)+(y-cy)*(y-cy) < radius*radius {
				return c
			}
			return v
		})
	}
	return unsharp(img, 2)
}

// A photograph of a letter that was left on a sheet would be lost with it, if the sheet
// were left out of the letters. Over bars a dark thing cannot always be seen.
func TestADarkThingOverASheetIsHeld(t *testing.T) {
	const (
		dpi     = 100
		certain = 2000 // square millimetres of white paper
	)
	scans := []scanned{{dpi: dpi, reads: dpi, noise: 8}, {dpi: dpi, reads: dpi, noise: 8, turn: 182, blur: 1}, {dpi: 200, reads: dpi, bilevel: true, turn: -1}, {dpi: dpi, reads: dpi}}
	var pages []*image.Gray
	for i, p := range append(printed(t, A4, respect, longest), printed(t, USLetter, respect)...) {
		pages = append(pages, scans[i%4].of(t, p), scans[(i+1)%4].of(t, p))
	}
	words := resample(letterPage(3, 1), printDPI/dpi, 0)
	var mu sync.Mutex
	said := map[string]int{}
	seen := []int{83, 755, 1031} // that were once taken for stains, for the print along their edges
	parallel(len(seen)+*darkThings, func(i int) {
		if i -= len(seen); i < 0 {
			i = seen[-i-1]
		}
		random := rand.New(rand.NewPCG(uint64(i), 23))
		dots := func(mm int) int { return mm * dpi * 10 / 254 }
		w, h, n := 25+random.IntN(76), 40+random.IntN(111), random.IntN(len(pages))
		over := shades(thing(random, dots(w), dots(h), words), 28, 237)
		if scans[(n/2+n%2)%4].bilevel {
			over = threshold(over, 128)
		}
		page, white := covering(pages[n], over, dots(random.IntN(210)), dots(random.IntN(297)), random.Float64()*180)
		m, err := Read(page)
		mm2 := float64(white) * 25.4 * 25.4 / dpi / dpi
		what := "held"
		if !m.any() {
			what = "missed"
		} else if !m.Damaged {
			what = "left out"
		}
		if err != nil || what == "missed" || what == "left out" && mm2 > certain {
			t.Errorf("thing %d of %d by %d mm, over %.0f mm2 of white, on page %d: %s, %v", i, w, h, mm2, n, what, err)
		}
		mu.Lock()
		defer mu.Unlock()
		said[fmt.Sprintf("%02d cm2 and more %s", min(int(mm2/500)*5, 20), what)]++
	})
	t.Log(said)
}

// A page that lies over little more than the margin is seen by the edge of the codes.
func TestAStripAlongAnEdgeIsHeld(t *testing.T) {
	const strip = 13 * printDPI * 10 / 254 // dots
	pages := append(printed(t, A4, respect), printed(t, USLetter, longest)...)
	parallel(4, func(edge int) {
		page := pages[edge]
		w, h := page.Rect.Dx(), page.Rect.Dy()
		over := each(page, func(x, y int, v uint8) uint8 {
			if [...]bool{y < strip, y >= h-strip, x < strip, x >= w-strip}[edge] {
				return 250
			}
			return v
		})
		s := []scanned{{dpi: 100, reads: 100, noise: 10, turn: 1}, {dpi: 200, reads: 100, bilevel: true, turn: 180}, {dpi: 100, reads: 100, blur: 3, turn: -3}, {dpi: 100, reads: 100, noise: 60}}[edge]
		if m, err := Read(s.of(t, over)); len(m.Codes) != 1 || !m.Damaged || err != nil {
			t.Errorf("edge %d: %+v, %v", edge, m, err)
		}
	})
}

// covering lays a thing on a page, its middle at x, y, and turned; white is how many
// white dots of the page it hides.
func covering(page, over *image.Gray, x, y int, degrees float64) (out *image.Gray, white int) {
	out = blot(page, 0, 0, 0, 0, 0)
	w, h := over.Rect.Dx(), over.Rect.Dy()
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	reach := (w+h)/2 + 1
	for py := max(y-reach, 0); py < min(y+reach, out.Rect.Dy()); py++ {
		for px := max(x-reach, 0); px < min(x+reach, out.Rect.Dx()); px++ {
			dx, dy := float64(px-x), float64(py-y)
			on := image.Point{X: int(math.Floor(cos*dx+sin*dy)) + w/2, Y: int(math.Floor(cos*dy-sin*dx)) + h/2}
			if !on.In(over.Rect) {
				continue
			}
			if out.Pix[py*out.Stride+px] >= 128 {
				white++
			}
			out.Pix[py*out.Stride+px] = over.Pix[on.Y*over.Stride+on.X]
		}
	}
	return out, white
}
