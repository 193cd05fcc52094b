package separator

import (
	"fmt"
	"image"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// harms are what scanners, printers and people do to a sheet until no code can be
// read. A page comes in with 100 dots per inch and goes out so; blur is in dots of
// these, in which 15 dots at 150 dpi are 10.
var harms = map[string]func(page *image.Gray) *image.Gray{
	"motion blur across":          func(p *image.Gray) *image.Gray { return smear(p, 6, 0) },
	"motion blur down":            func(p *image.Gray) *image.Gray { return smear(p, 0, 12) },
	"a tenth of the contrast":     func(p *image.Gray) *image.Gray { return shades(unsharp(p, 6), 200, 225) },
	"very dark":                   func(p *image.Gray) *image.Gray { return shades(unsharp(p, 6), 0, 40) },
	"negative":                    func(p *image.Gray) *image.Gray { return negative(unsharp(p, 6)) },
	"negative, sharp":             negative,
	"upside down":                 func(p *image.Gray) *image.Gray { return unsharp(resample(p, 1, 180), 6) },
	"from behind":                 func(p *image.Gray) *image.Gray { return mirrored(unsharp(p, 6)) },
	"on its side":                 func(p *image.Gray) *image.Gray { return rotated(unsharp(p, 6)) },
	"bands white":                 func(p *image.Gray) *image.Gray { return without(p, 23, 255) },
	"bands black":                 func(p *image.Gray) *image.Gray { return without(p, 23, 0) },
	"bands white, askew, blurred": func(p *image.Gray) *image.Gray { return unsharp(resample(without(p, 23, 255), 1, -8), 6) },
	"bands cut off":               func(p *image.Gray) *image.Gray { return grey(p.SubImage(image.Rect(0, 270, 827, 900))) },
	"upper half":                  func(p *image.Gray) *image.Gray { return blot(p, 0, 50, 100, 100, 255) },
	"lower half, on black":        func(p *image.Gray) *image.Gray { return blot(p, 0, 0, 100, 50, 0) },
	"white streaks":               func(p *image.Gray) *image.Gray { return streaked(unsharp(p, 4), 25, 255) },
	"black streaks":               func(p *image.Gray) *image.Gray { return streaked(unsharp(p, 4), 12, 0) },
	"coffee":                      func(p *image.Gray) *image.Gray { return unsharp(cup(p), 5) },
	"black and white, light":      func(p *image.Gray) *image.Gray { return threshold(unsharp(p, 6), 80) },
	"black and white, dark":       func(p *image.Gray) *image.Gray { return threshold(unsharp(p, 6), 200) },
	"negative, 55 %, streaks": func(p *image.Gray) *image.Gray {
		return streaked(negative(onPaper(resample(p, 1/.55, 0), p, 40, 40)), 12, 255)
	},
	"two on one side": func(p *image.Gray) *image.Gray { return unsharp(onPaper(rotated(resample(p, 1/.7, 0)), p, 50, 26), 5) },
	"half in the dark": func(p *image.Gray) *image.Gray {
		return scanned{dpi: 100, reads: 100, shadow: true, blur: 12}.of(nil, resample(p, 1/3., 0))
	},
	"dithered":                      func(p *image.Gray) *image.Gray { return dithered(unsharp(p, 6)) },
	"black and white, of 10 of 255": func(p *image.Gray) *image.Gray { return threshold(unsharp(p, 5), 10) },
}

func dithered(p *image.Gray) *image.Gray {
	carry := 0
	return each(p, func(_, _ int, v uint8) uint8 {
		if carry += int(v); carry >= 255 {
			carry -= 255
			return 255
		}
		return 0
	})
}

func init() {
	for _, dpi := range []int{150, 200, 300} {
		for _, deviation := range []int{2, 4, 6, 9, 12, 15} {
			harms[fmt.Sprintf("blurred by %d at %d dpi", deviation, dpi)] = func(p *image.Gray) *image.Gray {
				fine := resample(p, 100/float64(dpi), 0)
				return resample(unsharp(fine, deviation), float64(dpi)/100, 0)
			}
		}
	}
	for _, percent := range []int{50, 70, 85, 115, 130} {
		harms[fmt.Sprintf("at %d %%", percent)] = func(p *image.Gray) *image.Gray {
			return unsharp(onPaper(resample(p, 100/float64(percent), 0), p, 50, 50), 5)
		}
	}
	for _, turn := range []float64{-10, -7, -3, 3, 7, 10} {
		harms[fmt.Sprintf("askew by %.0f", turn)] = func(p *image.Gray) *image.Gray { return unsharp(resample(p, 1, turn), 6) }
	}
}

// A copier has left out the ends, two fifths of the sheet at most, so that there is nothing
// but bars, or another paper lies over them: the marks in the middle are known.
func TestTheMiddleThirdOfASheetIsKnown(t *testing.T) {
	for i, p := range append(printed(t, A4, respect), printed(t, USLetter, longest)...) {
		for name, harm := range map[string]func(*image.Gray) *image.Gray{
			"white":        func(p *image.Gray) *image.Gray { return without(p, 33, 255) },
			"black":        func(p *image.Gray) *image.Gray { return without(p, 33, 0) },
			"two fifths":   func(p *image.Gray) *image.Gray { return without(p, 40, []uint8{255, 0}[i%2]) },
			"one half":     func(p *image.Gray) *image.Gray { return blot(without(p, 23, 255), 0, 0, 100, 50, 255) },
			"the left end": func(p *image.Gray) *image.Gray { return blot(without(p, 23, 255), 20, 0, 100, 100, 255) },
		} {
			s := []scanned{{dpi: 100, reads: 100, noise: 10, turn: 1}, {dpi: 200, reads: 100, bilevel: true, turn: 180}, {dpi: 100, reads: 100, blur: 3, turn: 3}}[i%3]
			if m, err := Read(s.of(t, harm(p))); !m.Damaged || err != nil {
				t.Errorf("sheet %d, %s: %+v, %v", i, name, m, err)
			}
		}
	}
}

// sheets are pages of new and old sheets on both kinds of paper, at 100 dots per inch.
func sheets(t *testing.T) (now, before []*image.Gray) {
	for _, p := range append(printed(t, A4, respect, longest), printed(t, USLetter, respect, longest)...) {
		now = append(now, resample(p, printDPI/100, 0))
		before = append(before, beforeBars(now[len(now)-1]))
	}
	return now, before
}

// No sheet is taken for a page of a letter: its code is read, or it is damaged.
func TestNoRuinedSheetIsMissed(t *testing.T) {
	now, before := sheets(t)
	names := slices.Sorted(maps.Keys(harms))
	look := func(what, name string, page *image.Gray) {
		if m, err := Read(harms[name](page)); !m.any() || err != nil {
			best := bestFit(harms[name](page))
			t.Errorf("%s, %s: %+v, %v; alike by %.2f, contrast %.0f", what, name, m, err, best.alike, best.contrast)
		}
	}
	parallel(len(names), func(i int) {
		n := i % len(now)
		look(fmt.Sprint("sheet ", n), names[i], now[n])
		if plain := strings.HasPrefix(names[i], "blurred") || strings.HasPrefix(names[i], "askew"); plain {
			n = (i + 3) % len(before)
			look(fmt.Sprint("sheet without bars ", n), names[i], before[n])
		}
	})
}

// Harms seldom come alone.
func TestNoSheetIsMissedThatIsRuinedInSeveralWays(t *testing.T) {
	now, _ := sheets(t)
	const n = 30
	parallel(n, func(i int) {
		random := rand.New(rand.NewPCG(uint64(i), 7))
		page := now[random.IntN(len(now))]
		said := ""
		do := func(chance float64, what string, harm func(*image.Gray) *image.Gray) {
			if random.Float64() < chance {
				page, said = harm(page), said+what+"; "
			}
		}
		do(.3, "codes gone", func(p *image.Gray) *image.Gray { return without(p, 22, 255) })
		do(.5, "another size", func(p *image.Gray) *image.Gray {
			return onPaper(resample(p, .87+.8*random.Float64(), 0), p, 47+random.IntN(6), 47+random.IntN(6))
		})
		do(.5, "askew", func(p *image.Gray) *image.Gray { return resample(p, 1, -8+16*random.Float64()) })
		do(.1, "stains", cup)
		do(1, "blurred", func(p *image.Gray) *image.Gray { return unsharp(p, 4+random.IntN(4)) })
		do(.3, "faint", func(p *image.Gray) *image.Gray { return shades(p, 150, 220) })
		do(.2, "from behind", mirrored)
		do(.2, "negative", negative)
		do(.2, "on its side", rotated)
		if m, err := Read(page); !m.any() || err != nil {
			t.Errorf("%d: %sis missed: %v; alike by %.2f", i, said, err, bestFit(page).alike)
		}
	})
}

// Pages that are no sheets, and have large dark areas, lines and boxes. A page that
// is held for nothing costs a person's time, and one day their attention.
func TestNothingElseHasTheShapeOfASheet(t *testing.T) {
	const w, h = 827, 1169
	bare := image.NewGray(image.Rect(0, 0, w, h))
	draw := func(shade func(x, y int) int) func(*rand.Rand) *image.Gray {
		return func(*rand.Rand) *image.Gray {
			return each(bare, func(x, y int, _ uint8) uint8 { return uint8(min(max(shade(x, y), 0), 255)) })
		}
	}
	black := func(is bool) int {
		if is {
			return 20
		}
		return 250
	}
	pages := map[string]func(*rand.Rand) *image.Gray{
		"lined paper":       draw(func(_, y int) int { return black(y%31 < 2) }),
		"squared paper":     draw(func(x, y int) int { return black(x%20 < 2 || y%20 < 2) }),
		"a table":           draw(func(x, y int) int { return black((x%150 < 3 || y%60 < 3 || y < 160) && x > 60 && x < 760) }),
		"a calendar":        draw(func(x, y int) int { return black(x%118 < 4 || y%160 < 4 || y%160 < 30 && y > 100) }),
		"a frame":           draw(func(x, y int) int { return black(min(x, w-x, y, h-y) < 60 && min(x, w-x, y, h-y) > 40) }),
		"a copier's edges":  draw(func(x, y int) int { return black(min(x, w-x, y, h-y) < 45) }),
		"dark sides":        draw(func(x, _ int) int { return black(min(x, w-x) < 120) }),
		"three broad bands": draw(func(_, y int) int { return black(y < 250 || y > 500 && y < 670 || y > 920) }),
		"six photographs":   draw(func(x, y int) int { return black(x%270 > 30 && x%270 < 240 && y%380 > 60 && y%380 < 330) }),
		"a chess board":     draw(func(x, y int) int { return black((x/100+y/100)%2 == 0) }),
		"a photograph of hills": draw(func(x, y int) int {
			if min(x, w-x, y, h-y) < 60 {
				return 215
			}
			return max(60, 250-190*y/h)
		}),
		"a photograph, dark in the middle": draw(func(x, y int) int {
			if min(x, w-x, y, h-y) < 60 {
				return 215
			}
			return 60 + 150*abs(y-h/2)/(h/2)
		}),
		"from dark to light": draw(func(x, y int) int { return x/6 + y/12 }),
	}
	for seed := range uint64(30) {
		pages[fmt.Sprint("picture ", seed)] = picture
		pages[fmt.Sprint("boxes ", seed)] = boxes
		pages[fmt.Sprint("letter ", seed)] = func(random *rand.Rand) *image.Gray {
			p := resample(letterPage(seed, 1+int(seed)%3), printDPI/100, 8*random.Float64()-4)
			return []*image.Gray{p, unsharp(p, 4), negative(p), streaked(p, 20, 0), cup(p), shades(p, 200, 225)}[seed%6]
		}
	}
	names := slices.Sorted(maps.Keys(pages))
	parallel(len(names), func(i int) {
		page := pages[names[i]](rand.New(rand.NewPCG(uint64(i), 11)))
		if shape(page) {
			best := bestFit(page)
			t.Errorf("%s looks like a sheet: alike by %.2f, contrast %.0f", names[i], best.alike, best.contrast)
		}
	})
}

// picture is a dark photograph of nothing: clouds of many sizes.
func picture(random *rand.Rand) *image.Gray {
	page := image.NewGray(image.Rect(0, 0, 827, 1169))
	for i := range page.Pix {
		page.Pix[i] = uint8(40 + random.IntN(60))
	}
	for range 60 {
		fill(page, random.IntN(827), random.IntN(1169), 20+random.IntN(150), uint8(random.IntN(100)))
	}
	return unsharp(page, 3)
}

// boxes is a form, or a poster: boxes of any size and shade in rows.
func boxes(random *rand.Rand) *image.Gray {
	page := blot(image.NewGray(image.Rect(0, 0, 827, 1169)), 0, 0, 100, 100, 255)
	for y := 4; y < 92; {
		high := 2 + random.IntN(14)
		for x := 6; x < 90; {
			wide := 5 + random.IntN(60)
			page = blot(page, x, y, min(x+wide, 94), min(y+high, 96), uint8(random.IntN(256)))
			x += wide + random.IntN(8)
		}
		y += high + random.IntN(6)
	}
	return page
}
