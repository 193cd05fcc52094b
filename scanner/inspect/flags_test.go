package inspect

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/letter"
	"letterlock/scanner/page"
)

// flagsOf are those of a page that shows the same as its scan.
func flagsOf(t *testing.T, img *image.Gray, dpi int) []letter.Flag {
	t.Helper()
	s := sheet{number: 1, of: 1, clean: img, scan: img,
		Measures: page.Measures{Width: float64(img.Rect.Dx()) / DPI * perInch, DPI: dpi}}
	p, err := look(s, Scan{PDF: os.Stdin})
	if err != nil {
		t.Fatal(err)
	}
	return p.Flags
}

func TestBlankPages(t *testing.T) {
	blank, nearly := []letter.Flag{letter.Blank}, []letter.Flag{letter.NearlyBlank}
	for _, c := range []struct {
		name string
		page func() canvas
		want []letter.Flag
	}{
		// Nothing was written, whatever was scanned along.
		{"white", func() canvas { return sheetOf(255) }, blank},
		{"paper", func() canvas { return sheetOf(240).grain(4) }, blank},
		{"a poor scanner", func() canvas { return sheetOf(240).grain(10) }, blank},
		{"grey paper", func() canvas { return sheetOf(160).grain(5) }, blank},
		{"uneven light", func() canvas {
			return sheetOf(240).all(func(x, _, v float64) float64 { return v - 60*x/a4Width }).grain(4)
		}, blank},
		{"the shadow of a fold at the edge", func() canvas {
			return sheetOf(240).all(func(x, _, v float64) float64 { return v - 60*math.Exp(-x/8) }).grain(4)
		}, blank},
		{"print on the back", func() canvas { return sheetOf(240).shining(.06).grain(4) }, blank},
		{"much print on the back", func() canvas { return sheetOf(240).shining(.10).grain(4) }, blank},
		{"dark punch holes", func() canvas { return sheetOf(240).punched(20).grain(4) }, blank},
		{"grey punch holes", func() canvas { return sheetOf(240).punched(200).grain(4) }, blank},
		{"bright punch holes with a shadow", func() canvas { return sheetOf(250).shadowed().grain(4) }, blank},
		{"a dark border", func() canvas { return sheetOf(240).bordered(4, 3, 0.01).grain(4) }, blank},
		{"a small sheet on the dark lid", func() canvas { return sheetOf(240).bordered(60, 100, 0.02).grain(4) }, blank},
		{"all of these", func() canvas { return sheetOf(240).shining(.05).bordered(4, 3, 0.01).shadowed().grain(4) }, blank},
		{"dust", func() canvas { return sheetOf(240).disc(80, 80, .6, 100).disc(130, 200, .7, 60).grain(4) }, blank},
		{"in black and white, with border and holes", func() canvas {
			return sheetOf(240).bordered(4, 3, 0.01).punched(20).grain(20).inBlack()
		}, blank},

		// What is black is not blank.
		{"black", func() canvas { return sheetOf(20).grain(4) }, []letter.Flag{letter.MostlyBlack}},
		{"black below a white margin", func() canvas {
			return sheetOf(240).within(0, 60, a4Width, a4Height, func(_, _, _ float64) float64 { return 10 }).grain(4)
		}, []letter.Flag{letter.MostlyBlack}},
		{"a note on the dark lid", func() canvas {
			return sheetOf(240).bordered(120, 200, 0).line(150, 240, 170, 242, .5, 60).grain(4)
		}, []letter.Flag{letter.MostlyBlack}},

		// A single pencil line is never lost.
		{"a pencil line", func() canvas { return sheetOf(240).line(60, 100, 110, 103, .5, 40).grain(4) }, nearly},
		{"a faint one", func() canvas { return sheetOf(240).line(60, 100, 110, 103, .5, 25).grain(4) }, nearly},
		{"a thin faint one", func() canvas { return sheetOf(240).line(60, 100, 110, 103, .3, 25).grain(4) }, nearly},
		{"the faintest", func() canvas { return sheetOf(240).line(60, 100, 110, 103, .3, 14).grain(2) }, nearly},
		{"upright", func() canvas { return sheetOf(240).line(60, 100, 62, 140, .5, 25).grain(4) }, nearly},
		{"a short stroke", func() canvas { return sheetOf(240).line(60, 100, 64, 103, .5, 35).grain(4) }, nearly},
		{"with print on the back", func() canvas {
			return sheetOf(240).shining(.06).line(60, 100, 110, 103, .5, 25).grain(4)
		}, nearly},
		{"with all of it", func() canvas {
			return sheetOf(240).shining(.05).bordered(4, 3, 0.01).shadowed().line(60, 100, 110, 103, .5, 25).grain(4)
		}, nearly},
		{"in the margin", func() canvas { return sheetOf(240).line(6, 100, 8, 140, .5, 40).grain(4) }, nearly},
		{"beside punch holes", func() canvas { return sheetOf(240).punched(20).line(12, 60, 12, 95, .5, 40).grain(4) }, nearly},
		{"one round letter where a hole could be", func() canvas {
			return sheetOf(240).disc(14, 108, 6, 40).disc(14, 108, 5, 240).grain(4)
		}, nearly},
		{"in black and white", func() canvas { return sheetOf(255).line(60, 100, 110, 103, .3, 255).inBlack() }, nearly},

		// A letter is a letter.
		{"a letter", func() canvas { return sheetOf(240).typed(1, 0).grain(4) }, nil},
		{"a letter in black and white", func() canvas { return sheetOf(240).typed(1, 0).grain(4).inBlack() }, nil},
		{"a letter, punched and bordered", func() canvas {
			return sheetOf(240).typed(1, 0).punched(20).bordered(4, 3, 0.01).grain(4)
		}, nil},
		{"white writing on black", func() canvas {
			return sheetOf(240).typed(1, 0).all(func(_, _, v float64) float64 { return 255 - v })
		}, nil},
		{"a long pencil line", func() canvas { return sheetOf(240).line(20, 100, 180, 103, .6, 60).grain(4) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := flagsOf(t, c.page().scanned(), 300); !cmp.Equal(got, c.want) {
				t.Errorf("%v, not %v", got, c.want)
			}
		})
	}
}

func TestSkewIsToldByTheTenthOfADegree(t *testing.T) {
	for _, degrees := range []float64{0, 0.5, 1.9, -1.9, 2.2, -2.5, 5, -8, 12, 87, 90, 92.5, 183} {
		t.Run(fmt.Sprint(degrees), func(t *testing.T) {
			t.Parallel()
			c := sheetOf(240).typed(uint64(math.Abs(degrees)), degrees).grain(4)
			if degrees < 0 {
				c = c.inBlack()
			}
			// Which side is up is not asked for.
			want := math.Remainder(degrees, 90)
			img := c.scanned()
			if got := newPaper(img, DPI).skew(); math.Abs(got-want) > 0.15 {
				t.Errorf("%v", got)
			}
			var flags []letter.Flag
			if math.Abs(want) > 2 {
				flags = append(flags, letter.Skewed)
			}
			if got := flagsOf(t, img, 300); !cmp.Equal(got, flags) {
				t.Errorf("%v, not %v", got, flags)
			}
		})
	}
}

func TestWhereNoLineIsNothingIsAskew(t *testing.T) {
	for name, c := range map[string]canvas{
		"nothing":    sheetOf(240).grain(4),
		"one stroke": sheetOf(240).line(60, 100, 110, 110, .5, 100),
		"noise":      sheetOf(200).all(func(x, y, v float64) float64 { return float64(int(x*7919+y*104729*(1+x))%2) * 255 }),
		"a disc":     sheetOf(240).disc(100, 150, 90, 10),
	} {
		if got := newPaper(c.scanned(), DPI).skew(); got != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLowResolution(t *testing.T) {
	img := sheetOf(240).typed(1, 0).scanned()
	low := []letter.Flag{letter.LowResolution}
	for dpi, want := range map[int][]letter.Flag{0: nil, 72: low, 150: low, 194: low, 196: nil, 200: nil, 300: nil, 600: nil} {
		if got := flagsOf(t, img, dpi); !cmp.Equal(got, want) {
			t.Errorf("%d dpi: %v, not %v", dpi, got, want)
		}
	}
}

func TestOddPagesAreLookedAtWithoutHarm(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 5000}, {5000, 1}, {3, 3}, {17, 40}} {
		for _, shade := range []uint8{0, 128, 255} {
			img := image.NewGray(image.Rectangle{Max: size})
			for i := range img.Pix {
				img.Pix[i] = shade
			}
			img.SetGray(size.X/2, size.Y/2, color.Gray{Y: 255 - shade})
			flagsOf(t, img, 300)
		}
	}
}

func TestFlagsAsAManifestHoldsThem(t *testing.T) {
	f := Findings{Pages: []Page{
		{Number: 2, Flags: []letter.Flag{letter.Blank}},
		{Number: 7, Flags: []letter.Flag{letter.Skewed, letter.LowResolution}, Skew: 3.2, DPI: 150},
	}}
	if got := f.Flags(); got != "2:blank 7:skewed 7:low-resolution" {
		t.Errorf("%q", got)
	}
}

func BenchmarkPaper(b *testing.B) {
	img := sheetOf(240).typed(3, 1).grain(4).scanned()
	for b.Loop() {
		newPaper(img, DPI).skew()
	}
}
