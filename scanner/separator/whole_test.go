package separator

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"
)

// laidOver lays the upper left part of a paper on a page, both of printDPI, and turns it
// by degrees; lengths are in millimetres.
func laidOver(page, paper *image.Gray, x, y, width, height int, degrees float64) *image.Gray {
	const dots = printDPI * 10 // 25.4 mm
	left, top, w, h := x*dots/254, y*dots/254, width*dots/254, height*dots/254
	over := image.NewGray(image.Rect(0, 0, w, h))
	each := func(x, y int) uint8 { return min(at(paper, x, y), 250) }
	for i := range over.Pix {
		over.Pix[i] = each(i%w, i/w)
	}
	over = resample(over, 1, degrees)
	out := blot(page, 0, 0, 0, 0, 0)
	for i, v := range over.Pix {
		if p := (image.Point{X: left + i%w, Y: top + i/w}); p.In(out.Rect) {
			out.Pix[p.Y*out.Stride+p.X] = v
		}
	}
	return out
}

// A page of a letter that went through the scanner over a sheet is no sheet: it would
// be left out, and lost. Any paper, anywhere, either way up, as long as a code shows.
func TestALettersPageOverASheetIsHeld(t *testing.T) {
	pages := append(printed(t, A4, respect, longest), printed(t, USLetter, respect)...)
	blank := image.NewGray(pages[0].Rect)
	for i := range blank.Pix {
		blank.Pix[i] = 250
	}
	for name, c := range map[string]struct {
		x, y, width, height int
		degrees             float64
	}{
		"a page over one end":       {0, 200, 210, 297, 0},
		"a page over the other end": {0, -200, 210, 297, 1},
		"a page from the side":      {120, 5, 210, 297, -2},
		"a page askew":              {-60, 70, 210, 297, 3},
		"a small page":              {40, 100, 148, 210, 1},
		"a card among the words":    {50, 75, 105, 148, 0},
		"a card on a code":          {5, 5, 85, 55, 0},
		"a note between the bars":   {60, 165, 85, 55, 0},
		"a strip over one end":      {0, 0, 210, 20, 0},
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(c.x), uint64(c.height)))
			letter := letterPage(uint64(c.height), 1+random.IntN(3))
			for kind, paper := range map[string]*image.Gray{"a letter": letter, "blank": blank} {
				n := random.IntN(len(pages))
				page := laidOver(pages[n], paper, c.x, c.y, c.width, c.height, c.degrees)
				s := scanned{dpi: 100, reads: 100, noise: 10, turn: []float64{0, 180, 2}[random.IntN(3)]}
				if random.IntN(2) == 0 {
					s = scanned{dpi: 200, reads: 100, bilevel: true, turn: s.turn}
				}
				if m, err := Read(s.of(t, page)); len(m.Codes) != 1 || !m.Damaged || err != nil {
					t.Errorf("%s on sheet %d, %+v: %+v, %v", kind, n, s, m, err)
				}
			}
		})
	}
}

// A page that looks out from below a sheet is one, too.
func TestALettersPageBesideASheetIsHeld(t *testing.T) {
	sheet, letter := printed(t, A4, respect)[0], letterPage(5, 1)
	w, h := sheet.Rect.Dx(), sheet.Rect.Dy()
	long := image.NewGray(image.Rect(0, 0, w, h*13/10))
	paste(long, letter, 0, 0)
	copy(long.Pix[w*h:], letter.Pix) // its head
	paste(long, sheet, 0, 0)
	if m, err := Read(scanned{dpi: 100, reads: 100, turn: 1}.of(t, long)); len(m.Codes) != 1 || !m.Damaged || err != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

// Sheets wear out. What cannot be a letter's page does not hold a stack.
func TestAWornSheetIsASheet(t *testing.T) {
	sheet := printed(t, A4, respect)[0]
	corner := func(shade uint8) *image.Gray {
		const legs = 50 * printDPI * 10 / 254
		return each(sheet, func(x, y int, v uint8) uint8 {
			if x+y < legs {
				return shade
			}
			return v
		})
	}
	holes := blot(sheet, 0, 0, 0, 0, 0)
	for i := range 8 {
		fill(holes, 60+20*(i%4), 60+300*(i/4), 8, 0)
	}
	words := blot(sheet, 0, 0, 0, 0, 0)
	for i := range 9 { // a few words by hand, in the middle
		for r := range 40 {
			fill(words, 800+90*i+r, 1740-r*(i%3), 3, 40)
			fill(words, 800+90*i, 1700+r*2, 3, 40)
		}
	}
	for name, page := range map[string]*image.Gray{
		"torn corner":           corner(255),
		"torn corner, on black": corner(0),
		"staple holes":          holes,
		"a few words":           words,
		"rings of coffee":       rings(sheet),
		"no bars yet":           beforeBars(sheet),
		"streaks":               streaked(sheet, 6, 60),
	} {
		m, err := Read(scanned{dpi: 100, reads: 100, turn: 1, noise: 8}.of(t, page))
		if fmt.Sprint(m.Codes) != fmt.Sprint([]Code{respect.Code}) || m.Damaged || err != nil {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
