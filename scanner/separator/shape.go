package separator

import (
	"cmp"
	"image"
	"math"
	"slices"
	"sync"
)

// Where not one code can be read, a sheet is still known by its shape: the two
// rows of codes, the words and the bars, as grey patches of a few millimetres.
// They outlive what ruins a code. A page is so compared with a sheet at three
// millimetres a dot, in either orientation, askew, shrunk or enlarged, black for
// white, or seen from behind.
//
// There are too many places to try them all. But every sheet looks the same upside
// down, and few pages do: so the middle of a sheet is looked for first, as a point
// around which the page can be turned by half without changing much. That does not
// depend on scale or turn.

// shape reports whether the page looks like a sheet as a whole, or like one
// whose rows of codes are gone.
//
// Measured on sheets that bear bars, of whose codes none can be read (shape_test.go):
// none is missed that is blurred by up to 2.5 mm (standard deviation), printed at 50
// to 130 %, askew by up to 10 degrees, or has a tenth of the contrast. Not known by
// its shape is half of a sheet, nor one that lies under something else by more than
// a third. A sheet of before there were bars is not known without its rows of codes.
func shape(page *image.Gray) bool {
	if shortSide(page) < 64 {
		return false // no page
	}
	best := bestFit(page)
	return math.Abs(best.alike) >= alikeEnough && math.Abs(best.contrast) >= leastContrast
}

const (
	coarseMM = 6.0 // a dot, on a page as wide as A4
	fineMM   = 3.0
	middles  = 8 // points that are tried as the middle of a sheet
	climbs   = 2 // coarse fits of each figure that are made better
	hopeless = 0.3

	smallestShape, largestShape = 0.5, 1.35 // of a sheet's size
	mostTurn                    = 10        // degrees

	// Sheets that are as bad as shape says are alike by 0.7 and more; pages of
	// letters by less than 0.4, of 268 of manuals, forms and drawings one by 0.54.
	alikeEnough   = 0.6
	leastContrast = 12  // grey levels of 255 between the sheet's black and white
	leastBars     = 0.5 // correlation; of the same sheets 0.58 and more
)

// bestFit is the figure that fits the page best.
func bestFit(page *image.Gray) (best fit) {
	coarse, fine := newRaster(page, coarseMM), newRaster(page, fineMM)
	points := coarse.symmetric()
	for _, f := range figures() {
		var tried []fit
		for scale := smallestShape; scale <= largestShape; scale *= 1.09 {
			for turn := -mostTurn; turn <= mostTurn; turn += 4 {
				for _, p := range points {
					for _, quarter := range []int{0, 90} {
						tried = append(tried, coarse.try(fit{figure: f, middle: p, scale: scale, turn: float64(turn + quarter)}))
					}
				}
			}
		}
		slices.SortFunc(tried, fit.compare)
		for _, f := range tried[:climbs] {
			if math.Abs(f.alike) < hopeless {
				break
			}
			if f = fine.climb(f); f.compare(best) < 0 && (f.figure != middle() || fine.bars(f) >= leastBars) {
				best = f
			}
		}
	}
	return best
}

// figure is what a sheet looks like, or a part of it, drawn in dots of a
// millimetre around its middle.
type figure struct {
	width, height int // millimetres, of what is compared
	fine, coarse  []float32
}

// fit is a figure laid on a page.
type fit struct {
	figure   *figure
	middle   point // millimetres, on a page as wide as A4
	scale    float64
	turn     float64 // degrees
	alike    float64 // correlation, from -1, black for white, to 1
	contrast float64 // grey levels
}

func (f fit) compare(other fit) int { return cmp.Compare(math.Abs(other.alike), math.Abs(f.alike)) }

// middle is a sheet without its codes. What is left of it, light between two dark sides or
// the other way round, photographs have as well: one in some hundred is alike by 0.66. But
// along their sides they have no rhythm.
var middle = sync.OnceValue(func() *figure { return newFigure(A4, true, 160) })

// figures are drawn for the first page that is looked at: most runs of the program look
// at none.
var figures = sync.OnceValue(func() []*figure {
	return []*figure{
		newFigure(A4, true, 297),
		middle(),
		newFigure(USLetter, true, 279),
		newFigure(A4, false, 297),
		newFigure(USLetter, false, 279),
	}
})

// newFigure draws that much of a sheet's height; withBars, as sheets are printed now.
func newFigure(paper Paper, withBars bool, height int) *figure {
	w, h, _ := paper.size()
	f := &figure{width: int(w), height: height}
	sharp := make([]float32, f.width*f.height)
	above := (h - float64(height)) / 2
	for _, s := range strokes(paper, withBars) {
		for y := max(int(math.Round(s.y0-above)), 0); y < min(int(math.Round(s.y1-above)), height); y++ {
			for x := int(math.Round(s.x0)); x < int(math.Round(s.x1)); x++ {
				sharp[y*f.width+x] = float32(s.shade)
			}
		}
	}
	f.fine, f.coarse = mean(sharp, f.width, 1), mean(sharp, f.width, 3)
	return f
}

// column is the bars of one side, as high as middle.
var column = sync.OnceValue(newColumn)

func newColumn() *figure {
	f := &figure{width: barWide, height: middle().height}
	for y := range f.height {
		for range f.width {
			dark := float32(0)
			if i := int(math.Abs(float64(y)+.5-float64(f.height)/2) / barHigh); i < len(bars) && bars[i] {
				dark = 1
			}
			f.fine = append(f.fine, dark)
		}
	}
	return f
}

// bars is how alike the bars are where middle lies, on that side where they are more.
func (r raster) bars(f fit) (alike float64) {
	const beside = (a4WidthMM-barWide)/2.0 - margin // of the middle, millimetres
	sin, cos := math.Sincos(f.turn * math.Pi / 180)
	for _, way := range [...]float64{-1, 1} {
		s := f
		s.figure = column()
		s.middle.x += way * cos * beside * f.scale
		s.middle.y += way * sin * beside * f.scale
		alike = max(alike, r.try(s).alike*math.Copysign(1, f.alike))
	}
	return alike
}

// mean makes each dot the mean of those around it.
func mean(dots []float32, w, around int) []float32 {
	h := len(dots) / w
	out := make([]float32, len(dots))
	for y := range h {
		for x := range w {
			var sum, n float32
			for yy := max(y-around, 0); yy <= min(y+around, h-1); yy++ {
				for xx := max(x-around, 0); xx <= min(x+around, w-1); xx++ {
					sum += dots[yy*w+xx]
					n++
				}
			}
			out[y*w+x] = sum / n
		}
	}
	return out
}

// stroke is a patch of a sheet, in millimetres from its upper left corner.
type stroke struct{ x0, y0, x1, y1, shade float64 }

// strokes are the patches of a sheet. How wide the words are depends on what they
// say; these are the usual ones.
func strokes(paper Paper, withBars bool) (out []stroke) {
	w, h, _ := paper.size()
	both := func(s stroke) {
		out = append(out, s, stroke{w - s.x1, h - s.y1, w - s.x0, h - s.y0, s.shade})
	}
	const edge = modules * moduleMM
	for i := range 3 {
		x := margin + float64(i)*(w-2*margin-edge)/2
		both(stroke{x, margin, x + edge, margin + edge, .5})
	}
	y := margin + edge + topOfWord
	for _, l := range []struct{ high, below, wide, shade float64 }{
		{15.5, 17, 136, .6}, {7, 10.5, 100, .4}, {4, 14, 115, .25}, {5.5, 9, 70, .4}, {2, 0, 120, .2},
	} {
		both(stroke{(w - l.wide) / 2, y - l.high, (w + l.wide) / 2, y, l.shade})
		y += l.below
	}
	for i, black := range bars {
		if y := h/2 - float64(i)*barHigh; black && withBars {
			both(stroke{margin, y - barHigh, margin + barWide, y, 1})
			both(stroke{w - margin - barWide, y - barHigh, w - margin, y, 1})
		}
	}
	return out
}

// raster is a page in dots of some millimetres, darkness from 0 to 255.
type raster struct {
	w, h int
	mm   float64
	dots []float32
}

// newRaster averages the page. Its shorter side is taken for the width of A4,
// unless it is too short for that: then the sheet was torn.
func newRaster(page *image.Gray, mm float64) raster {
	w, h := page.Rect.Dx(), page.Rect.Dy()
	const longest = 1.45 // of paper, length to width
	step := max(float64(min(w, h)), float64(max(w, h))/longest) * mm / a4WidthMM
	r := raster{w: int(float64(w) / step), h: int(float64(h) / step), mm: mm}
	r.dots = make([]float32, r.w*r.h)
	for y := range r.h {
		y0, y1 := int(float64(y)*step), int(float64(y+1)*step)
		for x := range r.w {
			x0, x1 := int(float64(x)*step), int(float64(x+1)*step)
			sum := 0
			for row := y0; row < y1; row++ {
				for _, v := range page.Pix[row*page.Stride:][x0:x1] {
					sum += int(v)
				}
			}
			r.dots[y*r.w+x] = 255 - float32(sum)/float32(max((y1-y0)*(x1-x0), 1))
		}
	}
	r.level()
	return r
}

// level takes out what grows evenly from one edge to the other, as where one side
// is in the dark.
func (r raster) level() {
	var alongX, alongY, xx, yy float32
	place := func(i int) (x, y float32) {
		return float32(i%r.w) - float32(r.w-1)/2, float32(i/r.w) - float32(r.h-1)/2
	}
	for i, v := range r.dots {
		x, y := place(i)
		alongX, alongY, xx, yy = alongX+v*x, alongY+v*y, xx+x*x, yy+y*y
	}
	for i := range r.dots {
		x, y := place(i)
		r.dots[i] -= alongX/xx*x + alongY/yy*y
	}
}

// symmetric are the points around which the page looks most alike when it is
// turned by half.
func (r raster) symmetric() (best []point) {
	// Shadows and dark edges are no part of it.
	around := mean(r.dots, r.w, 5)
	d := make([]float32, len(r.dots))
	for i, v := range r.dots {
		d[i] = v - around[i]
	}
	// A middle may lie between two dots: all is in half dots.
	w, h := 2*r.w-1, 2*r.h-1
	scores := make([]float32, w*h)
	for cy := h / 5; cy < h-h/5; cy++ {
		for cx := w / 5; cx < w-w/5; cx++ {
			x0, x1 := max(0, cx-r.w+1), min(r.w-1, cx)
			y0, y1 := max(0, cy-r.h+1), min(r.h-1, cy)
			var with, own float32
			for y := y0; y <= y1; y++ {
				row, other := d[y*r.w:][:r.w], d[(cy-y)*r.w:][:r.w]
				for x := x0; x <= x1; x++ {
					with += row[x] * other[cx-x]
					own += row[x] * row[x]
				}
			}
			scores[cy*w+cx] = with / (own + 1)
		}
	}
	for range middles {
		at := 0
		for i, s := range scores {
			if s > scores[at] {
				at = i
			}
		}
		cx, cy := at%w, at/w
		best = append(best, point{float64(cx+1) / 2 * r.mm, float64(cy+1) / 2 * r.mm})
		for y := max(cy-2, 0); y <= min(cy+2, h-1); y++ {
			for x := max(cx-2, 0); x <= min(cx+2, w-1); x++ {
				scores[y*w+x] = 0
			}
		}
	}
	return best
}

// try lays a figure on the page and says how alike they are.
func (r raster) try(f fit) fit {
	dots := f.figure.fine
	if r.mm == coarseMM {
		dots = f.figure.coarse
	}
	sin, cos := math.Sincos(f.turn * math.Pi / 180)
	fw, fh := float64(f.figure.width), float64(f.figure.height)
	reachX := (math.Abs(cos)*fw + math.Abs(sin)*fh) / 2 * f.scale
	reachY := (math.Abs(sin)*fw + math.Abs(cos)*fh) / 2 * f.scale
	// From one dot to the next, in millimetres of the figure.
	across, down := cos*r.mm/f.scale, sin*r.mm/f.scale
	x0, x1 := max(int((f.middle.x-reachX)/r.mm), 0), min(int((f.middle.x+reachX)/r.mm)+1, r.w)
	y0, y1 := max(int((f.middle.y-reachY)/r.mm), 0), min(int((f.middle.y+reachY)/r.mm)+1, r.h)
	var n, p, pp, t, tt, pt float32
	for y := y0; y < y1; y++ {
		dx, dy := ((float64(x0)+.5)*r.mm-f.middle.x)/f.scale, ((float64(y)+.5)*r.mm-f.middle.y)/f.scale
		fx, fy := cos*dx+sin*dy+fw/2, cos*dy-sin*dx+fh/2
		for _, v := range r.dots[y*r.w:][x0:max(x0, x1)] {
			if fx >= 0 && fy >= 0 && fx < fw && fy < fh {
				s := dots[int(fy)*f.figure.width+int(fx)]
				n++
				p += v
				pp += v * v
				t += s
				tt += s * s
				pt += v * s
			}
			fx += across
			fy -= down
		}
	}
	visible := 0.7 // of the figure
	if f.figure == column() {
		visible = 0.3 // of an enlarged sheet the sides are cut off
	}
	if float64(n) < visible*fw*fh*f.scale*f.scale/r.mm/r.mm {
		f.alike = 0
		return f
	}
	ofPage, ofFigure := float64(pp-p*p/n), float64(tt-t*t/n)
	both := float64(pt - p*t/n)
	if f.alike = 0; ofPage > 1 && ofFigure > 0 {
		f.alike, f.contrast = both/math.Sqrt(ofPage*ofFigure), both/ofFigure
	}
	return f
}

// climb moves the figure until it fits best.
func (r raster) climb(f fit) fit {
	f = r.try(f)
	for step := 1.0; step > .2; step /= 2 {
		for better := true; better; {
			better = false
			for _, d := range [][4]float64{{3}, {-3}, {0, 3}, {0, -3}, {0, 0, .04}, {0, 0, -.04}, {0, 0, 0, 2}, {0, 0, 0, -2}} {
				g := f
				g.middle.x += d[0] * step
				g.middle.y += d[1] * step
				g.scale *= 1 + d[2]*step
				g.turn += d[3] * step
				if g = r.try(g); g.compare(f) < 0 {
					f, better = g, true
				}
			}
		}
	}
	return f
}
