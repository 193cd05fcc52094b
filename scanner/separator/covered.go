package separator

import (
	"math"
	"slices"
)

// expected is what a dot of a sheet should be.
type expected uint8

const (
	anything expected = iota // at an edge
	black                    // of a code or a bar
	white                    // between the modules of a code
	written                  // in the words
	bare                     // far from all print, or beside the sheet
)

// expect draws the sheet that should be seen.
func (l *laid) expect(m matrix) {
	l.level(m)
	l.want = make([]expected, l.w*l.h)
	for i := range l.want {
		l.want[i] = bare
	}
	const edge = 3.0 // millimetres, of what is uncertain at edges
	l.draw(-edge, -edge, l.width+edge, edge, anything)
	l.draw(-edge, l.height-edge, l.width+edge, l.height+edge, anything)
	l.draw(-edge, -edge, edge, l.height+edge, anything)
	l.draw(l.width-edge, -edge, l.width+edge, l.height+edge, anything)
	l.drawMiddle(edge)
	turned := m.upsideDown()
	for i, f := range l.codes {
		if i == columns {
			m = turned
		}
		col, row := l.code(i)
		l.drawCode(&m, col+f.right, row+f.below)
	}
	l.noise = l.unevenness()
}

// draw sets a rectangle, in millimetres.
func (l *laid) draw(x0, y0, x1, y1 float64, what expected) {
	left, top := l.dot(x0, y0)
	right, bottom := l.dot(x1, y1)
	for y := max(top, 0); y < min(bottom, l.h); y++ {
		for x := max(left, 0); x < min(right, l.w); x++ {
			l.want[y*l.w+x] = what
		}
	}
}

func (l *laid) drawCode(m *matrix, col, row int) {
	const around = 3 // dots
	for y := max(row-around, 0); y < min(row+2*modules+around, l.h); y++ {
		for x := max(col-around, 0); x < min(col+2*modules+around, l.w); x++ {
			mx, my := (x-col)>>1, (y-row)>>1
			switch inside := mx >= 0 && my >= 0 && mx < modules && my < modules; {
			case !inside:
				l.want[y*l.w+x] = anything
			case m[my][mx]:
				l.want[y*l.w+x] = black
			default:
				l.want[y*l.w+x] = white
			}
		}
	}
}

// drawMiddle sets the middle of the sheet: words, bars and marks. Sheets that were
// printed when there were no bars have wider words, and white where the bars are; others
// have no marks.
func (l *laid) drawMiddle(edge float64) {
	mark := func(at point) {
		l.draw(at.x-edge, at.y-edge, at.x+7*moduleMM+edge, at.y+7*moduleMM+edge, anything)
	}
	for _, at := range l.paper.marks() {
		mark(at)
	}
	lines, _ := l.lines()
	for _, s := range lines {
		l.draw(margin, s.y0-edge, l.width-margin, s.y1+edge, written)
	}
	var printed []stroke
	var dark, n float64
	for _, s := range strokes(l.paper, true) {
		if s.shade < 1 {
			continue // no bar
		}
		l.draw(s.x0-edge, s.y0-edge, s.x1+edge, s.y1+edge, anything)
		inner := stroke{s.x0 + edge, s.y0 + edge, s.x1 - edge, s.y1 - edge, s.shade}
		if v, seen := l.darkness(inner); seen {
			printed = append(printed, inner)
			dark += v
			n++
		}
	}
	const some = 0.2 // of their darkness: else it has none
	if dark >= some*n {
		for _, s := range printed {
			l.draw(s.x0, s.y0, s.x1, s.y1, black)
		}
	}
	for _, at := range l.paper.middleMarks() {
		mark(at) // on a bar
	}
}

// darkness is that of a part of the sheet, and whether most of it is on the page.
func (l *laid) darkness(of stroke) (mean float64, seen bool) {
	left, top := l.dot(of.x0, of.y0)
	right, bottom := l.dot(of.x1, of.y1)
	n, all := 0, 0
	var sum float32
	for y := top; y < bottom; y++ {
		for x := left; x < right; x++ {
			all++
			if x >= 0 && y >= 0 && x < l.w && y < l.h && l.seen[y*l.w+x] {
				n++
				sum += l.dots[y*l.w+x]
			}
		}
	}
	return float64(sum) / float64(max(n, 1)), 2*n > all
}

// edgeHidden reports whether something light lies along one edge of the sheet: over the
// margin, which is bare, and no more of the codes than their outermost modules.
func (l *laid) edgeHidden() bool {
	const (
		outer = 4   // dots: two modules
		light = 0.3 // of print's darkness
		far   = 2*modules - outer
	)
	for _, edge := range [...]struct {
		codes          []int
		x0, y0, x1, y1 int // of each, in dots
	}{
		{[]int{0, 1, 2}, 0, 0, 2 * modules, outer},
		{[]int{3, 4, 5}, 0, far, 2 * modules, 2 * modules},
		{[]int{0, 5}, 0, 0, outer, 2 * modules},
		{[]int{2, 3}, far, 0, 2 * modules, 2 * modules},
	} {
		seen, hidden := 0, 0
		for _, i := range edge.codes {
			col, row := l.code(i)
			col, row = col+l.codes[i].right, row+l.codes[i].below
			for y := max(row+edge.y0, 0); y < min(row+edge.y1, l.h); y++ {
				for x := max(col+edge.x0, 0); x < min(col+edge.x1, l.w); x++ {
					if at := y*l.w + x; l.seen[at] && l.want[at] == black {
						seen++
						if l.dots[at] < light {
							hidden++
						}
					}
				}
			}
		}
		if 2*hidden > seen {
			return true
		}
	}
	return false
}

// lines are the lines of words of both halves, and how dark each is at least, any few
// words of it: 0 where nobody knows how long the line is.
func (l *laid) lines() (lines []stroke, least []float64) {
	of := [...]float64{.08, .06, .05, 0, .03}
	for i, s := range strokes(l.paper, false)[2*columns:] {
		lines, least = append(lines, s), append(least, of[i/2])
	}
	return lines, least
}

// hidden is the area in which print is not seen that should be there, under
// something light.
func (l *laid) hidden() (mm2 float64) {
	for y := 0; y < l.h; y += cell {
		for x := 0; x < l.w; x += cell {
			if l.printAt(x, y).light {
				mm2 += cellMM2
			}
		}
	}
	return mm2
}

// printSeen is what is seen of print in a cell.
type printSeen struct {
	light  bool // it is under something light
	uneven bool // it is under something that is neither light nor as even as a stain
}

const enough = 8 // dots of a cell, to judge it by

func (l *laid) printAt(x, y int) (s printSeen) {
	var sum, squares, n [bare + 1]float64
	l.each(x, y, func(i int) {
		w, v := l.want[i], float64(l.dots[i])
		n[w]++
		sum[w] += v
		squares[w] += v * v
	})
	const (
		light = 0.45 // of print's darkness
		faint = 0.2  // of print's contrast
		flat  = 0.1  // what is more uneven is no stain
	)
	if n[black] < enough {
		return s
	}
	ofBlack := sum[black] / n[black]
	s.light = ofBlack < light
	if !s.light && n[white] >= enough && ofBlack-sum[white]/n[white] < faint {
		s.uneven = deviation(sum[black]+sum[white], squares[black]+squares[white], n[black]+n[white]) > flat+l.noise
	}
	return s
}

// deviation is the standard deviation of n values.
func deviation(sum, squares, n float64) float64 {
	return math.Sqrt(max(squares/n-sum*sum/n/n, 0))
}

// each calls for the dots of a cell that are on the page.
func (l *laid) each(x0, y0 int, do func(i int)) {
	for y := y0; y < min(y0+cell, l.h); y++ {
		for x := x0; x < min(x0+cell, l.w); x++ {
			if i := y*l.w + x; l.seen[i] {
				do(i)
			}
		}
	}
}

// wordsHidden is the area in which there are no words where they should be.
func (l *laid) wordsHidden() (mm2 float64) {
	const (
		step  = 8.0 // millimetres; no gap between two words is wider
		apart = 1.5 // of a line's box and what is looked at, above and below
		sure  = 0.8 // of the usual width has words on every sheet
	)
	lines, least := l.lines()
	for i, s := range lines {
		reach := (s.x1 - s.x0) / 2 * sure
		if least[i] == 0 {
			continue
		}
		diluted := least[i] * (s.y1 - s.y0) / (s.y1 - s.y0 + 2*apart)
		for x := l.width/2 - reach; x+step <= l.width/2+reach; x += step {
			if v, seen := l.darkness(stroke{x, s.y0 - apart, x + step, s.y1 + apart, 0}); seen && v < diluted {
				mm2 += step * lineApart[i/2]
			}
		}
	}
	return mm2
}

// lineApart is from each line of words to the next, in millimetres.
var lineApart = [...]float64{17, 10.5, 14, 9, 6}

// wordsDiffer is the area in which the words are not the same in both halves of the
// sheet: writing that lies over them is as dark as they are.
func (l *laid) wordsDiffer() (mm2 float64) {
	const (
		step  = 8.0 // millimetres
		apart = 1.5
		small = 3.0 // millimetres, of lines that are too fine to be compared
	)
	const long = 30 // dots: 20 mm, higher than any word; streaks and stains are
	words := slices.Clone(l.dots)
	for x := range l.w {
		open(words[x:], l.w, long)
	}
	for i, v := range l.dots {
		words[i] = v - words[i]
	}
	lines, _ := l.lines()
	for i := 0; i < len(lines); i += 2 {
		s := lines[i]
		if s.y1-s.y0 < small {
			continue
		}
		left, right := margin+barWide+beside, l.width-margin-barWide-beside
		for x := left; x+step <= right; x += step {
			if l.differs(words, stroke{x, s.y0 - apart, x + step, s.y1 + apart, 0}) {
				mm2 += step * lineApart[i/2]
			}
		}
	}
	return mm2
}

// differs reports whether a part of the sheet is not what it is upside down. Where one
// of the two is dark there may be a stain.
func (l *laid) differs(words []float32, of stroke) bool {
	const (
		around = 4   // dots, that the other half may lie beside its place
		alike  = 0.4 // correlation
		dark   = 0.5 // no words are
		ink    = 0.1 // deviation of darkness: else nothing is there
	)
	for _, half := range [...]stroke{of, {l.width - of.x1, l.height - of.y1, l.width - of.x0, l.height - of.y0, 0}} {
		if v, seen := l.darkness(half); !seen || v > dark {
			return false
		}
	}
	best, something := 0.0, false
	for below := -around; below <= around; below++ {
		for right := -around; right <= around; right++ {
			a, b, both, n := l.turned(words, of, right, below)
			if n == 0 {
				return false
			}
			da, db := deviation(a.sum, a.squares, n), deviation(b.sum, b.squares, n)
			if max(da, db) > ink+2*l.noise {
				something = true
			}
			best = max(best, (both/n-a.sum/n*b.sum/n)/(da*db+.001))
		}
	}
	return something && best < alike
}

// sums are those of some dots and of their squares.
type sums struct{ sum, squares float64 }

// turned sums a part of the sheet, what it is upside down, and their products. It is
// nothing where either is not on the page.
func (l *laid) turned(words []float32, of stroke, right, below int) (a, b sums, both, n float64) {
	x0, y0 := l.dot(of.x0, of.y0)
	x1, y1 := l.dot(of.x1, of.y1)
	farX, farY := l.dot(l.width-of.x0, l.height-of.y0)
	for y := y0; y < y1; y++ {
		for x := x0; x < x1; x++ {
			tx, ty := farX-1-(x-x0)+right, farY-1-(y-y0)+below
			if x < 0 || y < 0 || tx < 0 || ty < 0 || x >= l.w || y >= l.h || tx >= l.w || ty >= l.h {
				return sums{}, sums{}, 0, 0
			}
			i, j := y*l.w+x, ty*l.w+tx
			if !l.seen[i] || !l.seen[j] {
				return sums{}, sums{}, 0, 0
			}
			v, u := float64(words[i]), float64(words[j])
			a = sums{a.sum + v, a.squares + v*v}
			b = sums{b.sum + u, b.squares + u*u}
			both += v * u
			n++
		}
	}
	return a, b, both, n
}

// writing is the area with thin strokes on it where the sheet is bare, and beside it.
func (l *laid) writing() (mm2 float64) {
	const some = 0.06 // of a cell's dots; lone specks are less
	stroke := l.thin()
	for y := 0; y < l.h; y += cell {
		for x := 0; x < l.w; x += cell {
			n, written := 0, 0
			l.each(x, y, func(i int) {
				if l.want[i] == bare {
					n++
					if stroke[i] && l.neighbours(stroke, i) >= 2 {
						written++
					}
				}
			})
			if n >= cell*cell/4 && float64(written) > some*float64(n) {
				mm2 += cellMM2 * float64(n) / cell / cell
			}
		}
	}
	return mm2
}

// thin says of each dot whether it is darker than what is left where everything thin
// is taken out, across as well as down.
func (l *laid) thin() []bool {
	const broadest = 10 // dots: 6.5 mm, of strokes
	across, down := slices.Clone(l.dots), slices.Clone(l.dots)
	for y := range l.h {
		open(across[y*l.w:][:l.w], 1, broadest)
	}
	for x := range l.w {
		open(down[x:], l.w, broadest)
	}
	const ink, rare = 0.22, 4 // of print's darkness; deviations
	least := float32(max(ink, rare*l.noise))
	out := make([]bool, len(l.dots))
	for i, v := range l.dots {
		out[i] = v-max(across[i], down[i]) > least
	}
	return out
}

// neighbours is how many of the eight dots around one are of a stroke: a speck has
// none.
func (l *laid) neighbours(stroke []bool, i int) (n int) {
	for _, d := range [...]int{-l.w - 1, -l.w, -l.w + 1, -1, 1, l.w - 1, l.w, l.w + 1} {
		if j := i + d; j >= 0 && j < len(stroke) && stroke[j] {
			n++
		}
	}
	return n
}

// open takes out of a line what is dark for less than so many dots; from one dot of
// the line to the next are step.
func open(line []float32, step, thin int) {
	n := (len(line) + step - 1) / step
	low := make([]float32, n)
	for i := range low {
		low[i] = line[i*step]
		for j := i; j < min(i+thin, n); j++ {
			low[i] = min(low[i], line[j*step])
		}
	}
	for i := range n {
		v := low[max(i-thin+1, 0)]
		for j := max(i-thin+1, 0); j <= i; j++ {
			v = max(v, low[j])
		}
		line[i*step] = v
	}
}

// unevenness is how much the dots of bare paper differ from each other, in that half of
// its cells where they do least.
func (l *laid) unevenness() float64 {
	var all []float64
	for y := 0; y < l.h; y += cell {
		for x := 0; x < l.w; x += cell {
			var sum, squares, n float64
			l.each(x, y, func(i int) {
				if l.want[i] == bare {
					v := float64(l.dots[i])
					n, sum, squares = n+1, sum+v, squares+v*v
				}
			})
			if n == cell*cell {
				all = append(all, deviation(sum, squares, n))
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
