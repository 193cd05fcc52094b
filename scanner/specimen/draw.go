package specimen

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// A4 in inches (210 × 297 mm).
const (
	a4Width  = 210 / 25.4
	a4Height = 297 / 25.4
)

var (
	ink   = color.RGBA{0x24, 0x2a, 0x38, 0xff}
	blue  = color.RGBA{0x1c, 0x34, 0x9c, 0xff}
	paper = color.RGBA{0xf7, 0xf4, 0xea, 0xff}
)

var typed, written = sync.OnceValue(parse(gomono.TTF)), sync.OnceValue(parse(goitalic.TTF))

func parse(ttf []byte) func() *opentype.Font {
	return func() *opentype.Font {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(err) // the font is compiled in
		}
		return f
	}
}

// pen writes on one page.
type pen struct {
	page   *image.RGBA
	dpi    int
	random *rand.Rand
}

// Image draws page n, from 1, in colour.
func (l Letter) Image(n int) *image.RGBA {
	p := pen{
		page:   image.NewRGBA(image.Rect(0, 0, dots(a4Width, l.dpi()), dots(a4Height, l.dpi()))),
		dpi:    l.dpi(),
		random: rand.New(rand.NewPCG(l.Seed, uint64(n))),
	}
	p.grain()
	y := 1.0
	if n == 1 {
		p.write(typed(), 11, ink, 5.4, y, l.Date)
		p.write(typed(), 11, ink, 1, y+0.5, l.To)
		y = 2.2
	}
	for _, line := range wrap(l.Body[n-1], 62) {
		p.write(typed(), 11, ink, 1, y, line)
		y += 0.28
	}
	if n == l.Pages() {
		p.write(written(), 22, blue, 4.6, y+0.7, l.From)
	}
	if l.Canary != "" {
		p.write(typed(), 8, ink, 1, a4Height-0.9, l.Canary)
	}
	p.write(typed(), 9, ink, 3.4, a4Height-0.6, fmt.Sprintf("page %d of %d", n, l.Pages()))
	return p.page
}

// bilevel draws page n as a black-and-white scanner sees it.
func (l Letter) bilevel(n int) bitmap {
	page := l.Image(n)
	b := newBitmap(page.Rect.Dx(), page.Rect.Dy())
	for y := range b.height {
		row := page.Pix[y*page.Stride:]
		for x := range b.width {
			if row[4*x+1] < 0x90 { // green is nearest to brightness
				b.set(x, y)
			}
		}
	}
	return b
}

func dots(inches float64, dpi int) int { return int(inches*float64(dpi) + 0.5) }

// grain fills the page with paper that is nowhere quite even.
func (p pen) grain() {
	var bits uint64
	for i := 0; i < len(p.page.Pix); i += 4 {
		if i%64 == 0 {
			bits = p.random.Uint64()
		}
		shade := uint8(bits & 3)
		bits >>= 2
		p.page.Pix[i], p.page.Pix[i+1], p.page.Pix[i+2], p.page.Pix[i+3] =
			paper.R-shade, paper.G-shade, paper.B-shade, 0xff
	}
}

// write sets a line of text with its baseline at (x, y) inches; no two letters
// stand quite level.
func (p pen) write(f *opentype.Font, points float64, c color.Color, x, y float64, text string) {
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: points, DPI: float64(p.dpi)})
	if err != nil {
		panic(err) // NewFace fails on no options of ours
	}
	defer face.Close()
	d := font.Drawer{Dst: p.page, Src: image.NewUniform(c), Face: face}
	d.Dot = fixed.P(dots(x, p.dpi), dots(y, p.dpi))
	base := d.Dot.Y
	for _, r := range text {
		d.Dot.Y = base + fixed.Int26_6(p.random.IntN(64)-32)
		d.DrawString(string(r))
	}
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
