package separator

import (
	"image"
	"math"
	"slices"
)

// A page of which a code can be read is left out of the letters. But two papers may
// have gone through the scanner together: a page of a letter lies over the sheet,
// and only a part of the sheet can be seen. That page would be lost. So a page is
// only a sheet when the rest of it looks as it was printed.
//
// Where the rest should be is known from the code that was read: the other codes say
// the same, dot by dot, and bars and words have their places. What tells paper from a
// stain is that paper hides print under something light, and that writing on it is
// made of thin strokes; a stain is dark and has no strokes, a streak goes on for too
// long to be one. What is dark all over is a stain if it is small, or if print is seen
// through it.

// place is where a code lies on a page, in the page's dots.
type place struct {
	middle       point // of the code's upper left corner pattern
	across, down point // from one module to the next
}

func placeOf(topLeft, topRight, bottomLeft point) place {
	const apart = modules - 7 // between the middles of two corner patterns
	return place{
		middle: topLeft,
		across: point{(topRight.x - topLeft.x) / apart, (topRight.y - topLeft.y) / apart},
		down:   point{(bottomLeft.x - topLeft.x) / apart, (bottomLeft.y - topLeft.y) / apart},
	}
}

// whole says of a page with one code whether it is that sheet and nothing else.
func (m Marks) whole(page *image.Gray, at []place) (Marks, error) {
	if len(m.Codes) > 1 || m.Damaged {
		return m, nil // held anyway
	}
	mm2, err := covered(page, m.Codes[0], at)
	m.Damaged = err != nil || mm2 > mostCovered
	return m, nil
}

// mostCovered is how much of a sheet may be hidden or written over, in square
// millimetres, until it can be a page of a letter that lies there. A torn-off corner
// of five centimetres along both edges is less, and so are a few words by hand. So is,
// and is not found, what lies over the margin only.
const mostCovered = 1000

// mostDark is the same of one dark thing. A corner torn off on a black bed is less; a
// photograph for a passport, of 1575 mm², is more.
const mostDark = 1200

// covered is how much of the sheet is hidden, or has writing on it that was not
// printed, in square millimetres; what lies beside the sheet counts as well. The page
// bears this code at these places, of which the first few are tried.
func covered(page *image.Gray, code Code, at []place) (float64, error) {
	m, err := encode(code)
	if err != nil {
		return 0, err
	}
	best := fitted(page, m, at)
	best.expect(m)
	if best.edgeHidden() {
		return math.Inf(1), nil
	}
	return best.hidden() + best.wordsHidden() + best.wordsDiffer() + best.writing() + best.darkened()*mostCovered/mostDark, nil
}

// fitted lays the page on the sheet as it fits best: which of the codes was read is
// not known, nor on what paper.
func fitted(page *image.Gray, m matrix, at []place) (best *laid) {
	const tried = 2
	for _, p := range at[:min(len(at), tried)] {
		for _, paper := range []Paper{A4, USLetter} {
			for column := range columns {
				l := lay(page, p, paper, column)
				l.find(m)
				if best == nil || l.agreement() > best.agreement() {
					best = l
				}
				if best.certain() {
					return best
				}
			}
		}
	}
	return best
}

const (
	columns = 3            // of codes on a sheet
	dotMM   = moduleMM / 2 // of what is compared
	cell    = 8            // dots: 5.2 mm
	cellMM2 = cell * dotMM * cell * dotMM
)

// laid is a page as it lies on a sheet, in dots of half a module: the sheet's upper
// left corner is at left, top. The page may be larger than the sheet, or smaller.
type laid struct {
	paper         Paper
	width, height float64 // of the sheet, millimetres
	left, top     int
	raster                  // 0 is paper, 1 is print
	dim           []float32 // the same, but a dark paper is dark
	seen          []bool    // whether a dot is on the page
	noise         float64   // of bare paper
	codes         [2 * columns]found
	want          []expected
}

// found is where a code is on the sheet beside its place, in dots, and how much of
// it is seen there: by how many shades its black is darker than its white, times the
// share of it that is on the page.
type found struct {
	right, below int
	contrast     float64
}

// lay lays the page on a sheet whose code in this column of the upper row, the
// sheet turned so that it is upright, is at the place.
func lay(page *image.Gray, at place, paper Paper, column int) *laid {
	l := &laid{paper: paper}
	l.width, l.height, _ = paper.size()
	x0, y0 := l.corner(column)
	// From millimetres on the sheet to the page's dots.
	onPage := func(x, y float64) (float64, float64) {
		u, v := (x-x0)/moduleMM-3.5, (y-y0)/moduleMM-3.5
		return at.middle.x + u*at.across.x + v*at.down.x, at.middle.y + u*at.across.y + v*at.down.y
	}
	l.frame(page, at, x0, y0)
	l.mm = dotMM
	l.dots, l.seen = make([]float32, l.w*l.h), make([]bool, l.w*l.h)
	for i := range l.dots {
		x, y := (float64(i%l.w-l.left)+.5)*dotMM, (float64(i/l.w-l.top)+.5)*dotMM
		sum, n := 0, 0
		for _, sub := range [...]point{{-1, -1}, {1, -1}, {-1, 1}, {1, 1}} {
			px, py := onPage(x+sub.x*dotMM/4, y+sub.y*dotMM/4)
			if c := (image.Point{X: int(math.Floor(px)), Y: int(math.Floor(py))}); c.In(page.Rect) {
				sum += int(page.Pix[c.Y*page.Stride+c.X])
				n++
			}
		}
		if n > 0 {
			l.dots[i], l.seen[i] = float32(sum)/float32(n), true
		}
	}
	return l
}

// corner is the upper left corner of a code in the upper row, in millimetres.
func (l *laid) corner(column int) (x, y float64) {
	const edge = modules * moduleMM
	return margin + float64(column)*(l.width-2*margin-edge)/(columns-1), margin
}

// frame makes room for the whole page, and for the sheet.
func (l *laid) frame(page *image.Gray, at place, x0, y0 float64) {
	det := at.across.x*at.down.y - at.across.y*at.down.x
	lowX, lowY, highX, highY := 0.0, 0.0, l.width, l.height
	const furthest = 400 // millimetres; no scanner's glass reaches further beyond a sheet
	for _, c := range []point{{0, 0}, {float64(page.Rect.Dx()), 0}, {0, float64(page.Rect.Dy())}, {float64(page.Rect.Dx()), float64(page.Rect.Dy())}} {
		dx, dy := c.x-at.middle.x, c.y-at.middle.y
		u, v := (dx*at.down.y-dy*at.down.x)/det, (dy*at.across.x-dx*at.across.y)/det
		x, y := x0+(u+3.5)*moduleMM, y0+(v+3.5)*moduleMM
		lowX, highX = max(min(lowX, x), -furthest), min(max(highX, x), l.width+furthest)
		lowY, highY = max(min(lowY, y), -furthest), min(max(highY, y), l.height+furthest)
	}
	l.left, l.top = int(math.Ceil(-lowX/dotMM)), int(math.Ceil(-lowY/dotMM))
	l.w, l.h = l.left+int(highX/dotMM)+1, l.top+int(highY/dotMM)+1
}

// dot is the dot that many millimetres from the sheet's upper left corner.
func (l *laid) dot(x, y float64) (col, row int) {
	return l.left + int(math.Floor(x/dotMM)), l.top + int(math.Floor(y/dotMM))
}

// code is the upper left dot of a code: three of the upper row, three of the lower,
// which are upside down.
func (l *laid) code(i int) (col, row int) {
	x, y := l.corner(i % columns)
	if i >= columns {
		x, y = l.width-x-modules*moduleMM, l.height-y-modules*moduleMM
	}
	col, row = l.dot(x+dotMM/2, y+dotMM/2)
	return col, row
}

// upsideDown turns a code by half.
func (m matrix) upsideDown() (out matrix) {
	for y := range m {
		for x := range m[y] {
			out[modules-1-y][modules-1-x] = m[y][x]
		}
	}
	return out
}

// find looks for the codes around their places: paper is never drawn in quite
// evenly, and what one code says of the far end of the sheet is not exact.
func (l *laid) find(m matrix) {
	const around = 6 // dots: 4 mm
	turned := m.upsideDown()
	for i := range l.codes {
		if i == columns {
			m = turned
		}
		// A code is seen from one dot beside its place as well, but less.
		l.search(i, &m, found{}, around, 2)
		l.search(i, &m, l.codes[i], 1, 1)
	}
}

// search looks for a code around a place in steps of so many dots.
func (l *laid) search(i int, m *matrix, middle found, around, step int) {
	col, row := l.code(i)
	for below := middle.below - around; below <= middle.below+around; below += step {
		for right := middle.right - around; right <= middle.right+around; right += step {
			if shades, seen := l.contrast(m, col+right, row+below); shades*seen > l.codes[i].contrast {
				l.codes[i] = found{right, below, shades * seen}
			}
		}
	}
}

// contrast is by how much the code's black is darker than its white, if it lies
// there, and the share of it that is on the page.
func (l *laid) contrast(m *matrix, col, row int) (shades, seen float64) {
	var sums [2]float32
	var n [2]int
	for my := range m {
		y := row + 2*my
		if y < 0 || y+1 >= l.h {
			continue
		}
		for mx, black := range m[my] {
			x := col + 2*mx
			if x < 0 || x+1 >= l.w || !l.seen[y*l.w+x] {
				continue
			}
			i := y*l.w + x
			v := l.dots[i] + l.dots[i+1] + l.dots[i+l.w] + l.dots[i+l.w+1]
			k := 0
			if black {
				k = 1
			}
			sums[k] += v / 4
			n[k]++
		}
	}
	if n[0] == 0 || n[1] == 0 {
		return 0, 0
	}
	return float64(sums[0])/float64(n[0]) - float64(sums[1])/float64(n[1]), float64(n[0]+n[1]) / (modules * modules)
}

// agreement is how well the page fits the sheet as it lies.
func (l *laid) agreement() (sum float64) {
	for _, c := range l.codes {
		sum += c.contrast
	}
	return sum
}

// certain reports whether all codes are seen: the page lies so, and no other way.
func (l *laid) certain() bool {
	least, most := l.codes[0].contrast, l.codes[0].contrast
	for _, c := range l.codes {
		least, most = min(least, c.contrast), max(most, c.contrast)
	}
	return least > most/2
}

// level makes the dots' shades into darkness: 0 is the paper around, or for dim the
// paper of the whole page, 1 the print of the code that is seen best.
func (l *laid) level(m matrix) {
	white, light := l.whites()
	l.dim = make([]float32, len(l.dots))
	for i, v := range l.dots {
		l.dim[i] = v / max(light.at(i%l.w, i/l.w), 1)
	}
	best := 0
	for i, c := range l.codes {
		if c.contrast > l.codes[best].contrast {
			best = i
		}
	}
	for i := range l.dots {
		l.dots[i] /= max(white[i], 1)
	}
	if best >= columns {
		m = m.upsideDown()
	}
	col, row := l.code(best)
	print, _ := l.contrast(&m, col+l.codes[best].right, row+l.codes[best].below)
	for i := range l.dots {
		for _, v := range []*float32{&l.dots[i], &l.dim[i]} {
			if *v = min(max((1-*v)/float32(max(print, .02)), -.3), 1.3); !l.seen[i] {
				*v = 0
			}
		}
	}
}

// whites is the shade of paper around each dot: what is lighter than most within some
// centimetres, since one side may be in the dark. What is as large and even as that is
// taken for paper; light is the shade of paper if most of the page is paper.
func (l *laid) whites() (white []float32, light plane) {
	const block = 20 // dots: 13 mm
	bw, bh := (l.w+block-1)/block, (l.h+block-1)/block
	blocks := make([]float32, bw*bh)
	var values []float32
	var of []spot
	for b := range blocks {
		values = values[:0]
		for y := b / bw * block; y < min(b/bw*block+block, l.h); y++ {
			for x := b % bw * block; x < min(b%bw*block+block, l.w); x++ {
				if l.seen[y*l.w+x] {
					values = append(values, l.dots[y*l.w+x])
				}
			}
		}
		if len(values) >= block {
			slices.Sort(values)
			blocks[b] = values[len(values)*3/4]
			of = append(of, spot{float32(b%bw*block + block/2), float32(b/bw*block + block/2), blocks[b]})
		}
	}
	const darkest = 0.5 // of the lightest paper: darker is no paper
	floor := slices.Max(blocks) * darkest
	white = make([]float32, l.w*l.h)
	for i := range white {
		x, y := i%l.w/block, i/l.w/block
		white[i] = floor
		for by := max(y-1, 0); by <= min(y+1, bh-1); by++ {
			for bx := max(x-1, 0); bx <= min(x+1, bw-1); bx++ {
				white[i] = max(white[i], blocks[by*bw+bx])
			}
		}
	}
	return white, upper(of)
}

// spot is the shade of a place.
type spot struct{ x, y, shade float32 }

// plane is a shade that grows evenly over the page.
type plane struct{ base, alongX, alongY float32 }

func (p plane) at(x, y int) float32 { return p.base + p.alongX*float32(x) + p.alongY*float32(y) }

// upper is the plane through the light spots: what lies far below it is no paper.
func upper(spots []spot) (p plane) {
	const (
		rounds = 8
		near   = 0.92 // of the plane's shade
	)
	kept := spots
	for range rounds {
		if p = through(kept); len(kept) == 0 {
			return p
		}
		kept = slices.DeleteFunc(slices.Clone(spots), func(s spot) bool { return s.shade < near*p.at(int(s.x), int(s.y)) })
	}
	return p
}

// through is the plane with the least squares.
func through(spots []spot) plane {
	var n, x, y, v, xx, xy, yy, xv, yv float64
	for _, s := range spots {
		sx, sy, sv := float64(s.x), float64(s.y), float64(s.shade)
		n, x, y, v = n+1, x+sx, y+sy, v+sv
		xx, xy, yy, xv, yv = xx+sx*sx, xy+sx*sy, yy+sy*sy, xv+sx*sv, yv+sy*sv
	}
	if n == 0 {
		return plane{}
	}
	xx, xy, yy, xv, yv = xx-x*x/n, xy-x*y/n, yy-y*y/n, xv-x*v/n, yv-y*v/n
	det := xx*yy - xy*xy
	if det <= 0 {
		return plane{base: float32(v / n)}
	}
	ax, ay := (xv*yy-yv*xy)/det, (yv*xx-xv*xy)/det
	return plane{float32((v - ax*x - ay*y) / n), float32(ax), float32(ay)}
}
