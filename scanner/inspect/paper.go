package inspect

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// paper is a drawn page seen as paper with ink on it.
type paper struct {
	width, height int
	perMM         float64 // dots in a millimetre
	marks         []mark  // of each dot
	groups        []group // of dots that touch, those that count as written
}

// mark is what a dot is taken for, a bit each; none of them is paper.
type mark uint8

const (
	faint mark = 1 << iota // darker than paper, as pencil is, and the print on the back that shines through
	dark                   // ink
	faintWritten
	darkWritten
	aside    // dark, but not written: the lid of the scanner, its shadow, a punch hole, dust
	inShadow // beside the lid of the scanner, whatever it is

	ink     = faint | dark               // what belongs to no group yet
	written = faintWritten | darkWritten // what belongs to one
	toGroup = 2                          // bits from ink to written
)

// How much darker than the paper around it a dot is, of 255. Pencil that a
// person would call faint is darker by 25 to 40 at 100 dots per inch, what
// shines through from the back by up to some 20. A thin line may be fainter
// still. All of it must stand out from the scanner's noise, by some standard
// deviations.
const (
	darkBy, darkNoise         = 24, 6
	faintBy, faintNoise       = 11, 4
	faintestBy, faintestNoise = 5, 5
)

// newPaper looks for ink on a page that was drawn in so many dots per inch.
func newPaper(img *image.Gray, dpi float64) *paper {
	const mmPerInch = 25.4
	perMM := max(dpi, 1) / mmPerInch
	if histogram(img, img.Rect).exceededBy(2) < darkPage {
		img = negative(img)
	}
	t := newTiles(img, max(int(tileSide*perMM), 4))
	noise := func(deviations float64) int { return int(math.Ceil(deviations * t.noise)) }
	usual := levels{max(darkBy, noise(darkNoise)), max(faintBy, noise(faintNoise))}
	p := paperOf(img, perMM, t, usual)
	if by := max(faintestBy, noise(faintestNoise)); by < usual.faint && len(p.groups) == 0 {
		return paperOf(img, perMM, t, levels{usual.dark, by})
	}
	return p
}

// darkPage is the shade of a page that is brighter where it is written.
const darkPage = 96

// darkness is the part of a page that is black or nearly so, 0 to 1.
func darkness(img *image.Gray) float64 {
	dark := 0
	for _, n := range histogram(img, img.Rect)[:darkPage] {
		dark += n
	}
	return float64(dark) / float64(img.Rect.Dx()*img.Rect.Dy())
}

func negative(img *image.Gray) *image.Gray {
	to := image.NewGray(img.Rect)
	for i, v := range img.Pix {
		to.Pix[i] = 0xff - v
	}
	return to
}

// levels are by how much ink is darker than paper.
type levels struct{ dark, faint int }

func paperOf(img *image.Gray, perMM float64, t tiles, by levels) *paper {
	p := &paper{width: img.Rect.Dx(), height: img.Rect.Dy(), perMM: perMM}
	p.marks = make([]mark, p.width*p.height)
	p.mark(img, t, by)
	p.gather()
	p.putHolesAside()
	return p
}

// mark tells ink from paper, dot by dot.
func (p *paper) mark(img *image.Gray, t tiles, by levels) {
	for y := range p.height {
		row, marks := img.Pix[y*img.Stride:], p.marks[y*p.width:][:p.width]
		for x := range marks {
			tile := t.at(x, y)
			darker := int(tile.shade) - int(row[x])
			switch {
			case tile.lid:
				marks[x] = aside
				continue
			case darker >= by.dark:
				marks[x] = dark
			case darker >= by.faint:
				marks[x] = faint
			}
			if tile.shadow {
				marks[x] |= inShadow
			}
		}
	}
}

// written is how much ink is on the page, in square millimetres.
func (p *paper) written() (area float64) {
	for _, g := range p.groups {
		area += float64(g.written)
	}
	return area / (p.perMM * p.perMM)
}

// tileSide is the side, in millimetres, of the squares of which each has its own
// shade of paper.
const tileSide = 4.0

// tiles are the squares of a page.
type tiles struct {
	side, across, down int
	all                []tile
	noise              float64 // standard deviation of the paper's shade
}

type tile struct {
	shade    uint8 // of the paper
	brightly uint8 // as bright as all of it, but for a twentieth
	lid      bool  // it shows the lid of the scanner, beside the letter
	shadow   bool  // it is next to the lid
}

func (t tiles) at(x, y int) tile { return t.all[y/t.side*t.across+x/t.side] }

// newTiles looks at each square. Squares that are much darker than most of the
// page all over, and hang on its edge, are lid.
func newTiles(img *image.Gray, side int) tiles {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	t := tiles{side: side, across: (w + side - 1) / side, down: (h + side - 1) / side}
	t.all = make([]tile, t.across*t.down)
	shades, spreads := make([]uint8, len(t.all)), make([]float64, len(t.all))
	for i := range t.all {
		x, y := i%t.across*side, i/t.across*side
		c := histogram(img, image.Rect(x, y, min(x+side, w), min(y+side, h)))
		shades[i] = c.exceededBy(5)
		t.all[i].brightly = c.exceededBy(20)
		const quartersOfNormal = 1.349 // between the quarters of a normal distribution
		spreads[i] = float64(c.exceededBy(4)-c.exceededBy(4.0/3)) / quartersOfNormal
	}
	t.noise = median(spreads)
	t.shadePaper(shades)
	return t
}

// shadePaper finds the shade of the paper in each square: that of most squares
// around, of which a fifth is brighter, but nothing much darker than most of the
// page. That is ink.
func (t tiles) shadePaper(shades []uint8) {
	const much, reach = 50, 2
	sorted := slices.Sorted(slices.Values(shades))
	page := sorted[len(sorted)*3/4]
	darkest := page - min(page, much)
	t.findLid(darkest)
	for i := range t.all {
		x, y := i%t.across, i/t.across
		var around []uint8
		for j := max(y-reach, 0); j <= min(y+reach, t.down-1); j++ {
			for i := max(x-reach, 0); i <= min(x+reach, t.across-1); i++ {
				around = append(around, shades[j*t.across+i])
				if beside := t.all[j*t.across+i].lid && i-x <= 1 && x-i <= 1 && j-y <= 1 && y-j <= 1; beside {
					t.all[y*t.across+x].shadow = true
				}
			}
		}
		t.all[i].shade = max(median(around), darkest)
	}
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// findLid marks the squares that are darker than that and hang on the edge
// through others that are.
func (t tiles) findLid(darkest uint8) {
	var todo []int
	visit := func(x, y int) {
		if x < 0 || y < 0 || x >= t.across || y >= t.down {
			return
		}
		if i := y*t.across + x; !t.all[i].lid && t.all[i].brightly < darkest {
			t.all[i].lid = true
			todo = append(todo, i)
		}
	}
	for x := range t.across {
		visit(x, 0)
		visit(x, t.down-1)
	}
	for y := range t.down {
		visit(0, y)
		visit(t.across-1, y)
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		x, y := i%t.across, i/t.across
		visit(x-1, y)
		visit(x+1, y)
		visit(x, y-1)
		visit(x, y+1)
	}
}

// counts is how many dots there are of each shade.
type counts [256]int

func histogram(img *image.Gray, in image.Rectangle) *counts {
	var c counts
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for _, v := range img.Pix[y*img.Stride:][in.Min.X:in.Max.X] {
			c[v]++
		}
	}
	return &c
}

// exceededBy is the brightest shade that one in so many dots exceeds.
func (c *counts) exceededBy(oneIn float64) uint8 {
	all := 0
	for _, n := range c {
		all += n
	}
	left := int(float64(all) / oneIn)
	for v := len(c) - 1; v > 0; v-- {
		if left -= c[v]; left < 0 {
			return uint8(v)
		}
	}
	return 0
}
