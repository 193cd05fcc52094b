package pdf

import (
	"fmt"
	"strconv"
)

// picture is one page that is a picture: an image XObject already written, and
// how it lies on the paper.
type picture struct {
	object        int // number of the image XObject
	width, height int // dots, as stored
	dpiX, dpiY    float64
	aspect        float64 // dpiX by dpiY where that is all that is known; else 0
	orientation   int     // 1 to 8 as in TIFF and EXIF; anything else is 1
}

// Sides of paper that a resolution may claim, in inches. A photograph that says
// 72 dots per inch because its camera had to say something is not a poster.
const (
	minSide = 1.0
	maxSide = 24.0
)

// minAspect is the narrowest dot that is believed; a fax in standard resolution
// has dots half as wide as they are high.
const minAspect = 0.2

// A4 in points, the paper of a picture that does not know its size.
const (
	a4Width  = 210 / 25.4 * 72
	a4Height = 297 / 25.4 * 72
)

// placements turn the unit square of the stored picture so that it stands
// upright: the matrix [a b c d e f] for each orientation (TIFF 6.0, tag 274).
var placements = [9][6]float64{
	1: {1, 0, 0, 1, 0, 0},
	2: {-1, 0, 0, 1, 1, 0},
	3: {-1, 0, 0, -1, 1, 1},
	4: {1, 0, 0, -1, 0, 1},
	5: {0, -1, -1, 0, 1, 1},
	6: {0, -1, 1, 0, 0, 1},
	7: {0, 1, 1, 0, 0, 0},
	8: {0, 1, -1, 0, 1, 0},
}

// put writes the page: exactly as large as the paper was, the picture filling it.
func (p picture) put(w *writer) {
	orientation := p.orientation
	if orientation < 1 || orientation > 8 {
		orientation = 1
	}
	width, height := p.paper()
	if orientation >= 5 { // lies on its side
		width, height = height, width
	}
	m := placements[orientation]
	content := fmt.Sprintf("q %s %s %s %s %s %s cm /P Do Q",
		number(m[0]*width), number(m[1]*height), number(m[2]*width), number(m[3]*height),
		number(m[4]*width), number(m[5]*height))
	contents := w.add("", []byte(content))
	w.page(fmt.Sprintf("/MediaBox[0 0 %s %s]/Resources<</XObject<</P %d 0 R>>>>/Contents %d 0 R",
		number(width), number(height), p.object, contents))
}

// paper is the size of the picture as stored, in points: by its resolution
// where that makes a believable sheet, else as large as fits on A4.
func (p picture) paper() (width, height float64) {
	if p.dpiX > 0 && p.dpiY > 0 {
		x, y := float64(p.width)/p.dpiX, float64(p.height)/p.dpiY
		if min(x, y) >= minSide && max(x, y) <= maxSide {
			return x * 72, y * 72
		}
	}
	long, short := a4Height, a4Width
	w, h := float64(p.width), float64(p.height)
	if p.aspect > minAspect && p.aspect < 1/minAspect {
		w /= p.aspect
	}
	scale := min(long/max(w, h), short/min(w, h))
	return w * scale, h * scale
}

// number writes a real number as PDF wants it: no exponent, at most three
// places after the point (a thousandth of a point is 0.35 µm).
func number(f float64) string {
	s := strconv.FormatFloat(f, 'f', 3, 64)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}
