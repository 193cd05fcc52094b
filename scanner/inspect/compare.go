package inspect

import (
	"bytes"
	"image"
	"math"
	"slices"

	"letterlock/scanner/pdf"
)

// The tolerances of samePage. The same program draws both pages, so that they
// are the same to the last bit, unless the clean PDF says a number or a colour
// in another way.
const (
	// sameShade is by how much a dot may be brighter or darker, of 255: less
	// than a faint pencil line is darker than paper.
	sameShade = 10
	// oneIn is of how many dots one may differ by more. On A4 that is nine, half
	// a square millimetre: less than a figure in the smallest print.
	oneIn = 100_000
)

// samePage reports whether two drawings of a page at the same resolution show
// the same. Every dot of each must have its like at the same place of the other,
// or beside it: where page sizes are rounded, edges move by a dot.
func samePage(a, b *image.Gray) bool {
	w, h := a.Rect.Dx(), a.Rect.Dy()
	if v := b.Rect; v.Dx() < w-1 || v.Dx() > w+1 || v.Dy() < h-1 || v.Dy() > h+1 {
		return false
	}
	if a.Rect == b.Rect && bytes.Equal(a.Pix, b.Pix) {
		return true
	}
	allowed := w * h / oneIn
	return unlike(a, b, allowed) <= allowed && unlike(b, a, allowed) <= allowed
}

// unlike counts the dots of a that b has nothing like within one dot, and stops
// once there are more than enough.
func unlike(a, b *image.Gray, enough int) (n int) {
	for y := range a.Rect.Dy() {
		for x, v := range a.Pix[y*a.Stride:][:a.Rect.Dx()] {
			if y < b.Rect.Dy() && x < b.Rect.Dx() && alike(v, v, b.Pix[y*b.Stride+x]) {
				continue
			}
			if low, high := around(b, x, y); !alike(low, high, v) {
				if n++; n > enough {
					return n
				}
			}
		}
	}
	return n
}

func alike(low, high, v byte) bool {
	return int(low)-sameShade <= int(v) && int(v) <= int(high)+sameShade
}

// around is the darkest and the brightest of the dots at and around x, y, which
// may lie one dot outside.
func around(img *image.Gray, x, y int) (low, high byte) {
	low, high = 0xff, 0
	for j := max(y-1, 0); j <= min(y+1, img.Rect.Dy()-1); j++ {
		for i := max(x-1, 0); i <= min(x+1, img.Rect.Dx()-1); i++ {
			v := img.Pix[j*img.Stride+i]
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// The tolerances of sameLook, in shades of 255. Scanner files of all kinds were
// within 4; in inks, whose colours PDFium mixes in its own way, within 5 once
// the page was allowed to be paler or stronger as a whole.
const (
	sameCell     = 10.0 // by how much a cell may be brighter or darker
	sameInk      = 40.0 // the same where the picture is in strong inks, whose mixture is anybody's own
	sameWhole    = 16.0 // by how much the whole page may be
	leastStrong  = 0.8  // how strong its contrast must be,
	mostStrong   = 1.25 // and may be
	uniform      = 4    // between the brightest and the darkest dot of a page on which nothing is to be seen
	dotsInCell   = 4    // that a cell must have in each direction; else it is joined with others
	lookSide     = 64   // cells of a pdf.Look in each direction
	uniformCells = 1    // the same for the cells of a look, which are rounded
)

// sameLook reports whether a drawn page shows what was seen when its picture was
// decoded.
func sameLook(want pdf.Look, drawn *image.Gray) bool {
	if len(want.Gray) != lookSide*lookSide {
		return false
	}
	// A faint line darkens no cell by much, but a page without it is empty.
	if spread(drawn.Pix) <= uniform && spread(want.Gray) > uniformCells {
		return false
	}
	was := make([]float64, len(want.Gray))
	for i, v := range want.Gray {
		was[i] = float64(v)
	}
	across, down := joinable(drawn.Rect.Dx()), joinable(drawn.Rect.Dy())
	allowed := sameCell
	if want.Inks {
		allowed = sameInk
	}
	cells := grid{join(was, across, down), lookSide / across}
	// Drawn, an edge may lie one dot further on.
	shift := lookSide / float64(min(drawn.Rect.Dx(), drawn.Rect.Dy()))
	return sameCells(cells, join(cellMeans(drawn), across, down), allowed, min(shift, 1))
}

// grid is cells in rows of so many columns.
type grid struct {
	cells   []float64
	columns int
}

// span is the difference between the brightest and the darkest of the cells at
// and around cell i.
func (g grid) span(i int) float64 {
	low, high := g.cells[i], g.cells[i]
	rows := len(g.cells) / g.columns
	for y := max(i/g.columns-1, 0); y <= min(i/g.columns+1, rows-1); y++ {
		for x := max(i%g.columns-1, 0); x <= min(i%g.columns+1, g.columns-1); x++ {
			low, high = min(low, g.cells[y*g.columns+x]), max(high, g.cells[y*g.columns+x])
		}
	}
	return high - low
}

// sameCells compares cells by the straight line that leads from their old shades
// to the new ones, as far as it is a believable one. Where shades change from
// cell to cell, a shift of edges by so much of a cell is allowed for.
func sameCells(cells grid, is []float64, allowed, shift float64) bool {
	was := cells.cells
	n := float64(len(was))
	var meanWas, meanIs, products, squares float64
	for i := range was {
		meanWas += was[i] / n
		meanIs += is[i] / n
	}
	for i := range was {
		products += (was[i] - meanWas) * (is[i] - meanIs)
		squares += (was[i] - meanWas) * (was[i] - meanWas)
	}
	strength := 1.0
	if squares > 0 {
		strength = min(max(products/squares, leastStrong), mostStrong)
	}
	for i := range was {
		if expected := meanIs + strength*(was[i]-meanWas); math.Abs(is[i]-expected) > allowed+shift*cells.span(i) {
			return false
		}
	}
	return math.Abs(meanIs-meanWas) <= sameWhole
}

func spread(shades []byte) int { return int(slices.Max(shades)) - int(slices.Min(shades)) }

// joinable is how many cells must be joined along n dots.
func joinable(n int) int {
	cells := 1
	for n*cells < dotsInCell*lookSide && cells < lookSide {
		cells *= 2
	}
	return cells
}

// join makes one cell of across by down.
func join(cells []float64, across, down int) []float64 {
	joined := make([]float64, len(cells)/across/down)
	for i, v := range cells {
		x, y := i%lookSide/across, i/lookSide/down
		joined[y*(lookSide/across)+x] += v / float64(across*down)
	}
	return joined
}

// cellMeans are the mean shades of the cells into which a drawn page is divided,
// as a pdf.Look divides its picture. A dot on a border counts for both cells by
// how much of it lies there: drawn pages are so much coarser than pictures that
// it matters.
func cellMeans(img *image.Gray) []float64 {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	rows := make([]float64, h*lookSide) // each row, divided
	for y := range h {
		divide(rows[y*lookSide:][:lookSide], w, func(x int) float64 { return float64(img.Pix[y*img.Stride+x]) })
	}
	means := make([]float64, lookSide*lookSide)
	column := make([]float64, lookSide)
	for x := range lookSide {
		divide(column, h, func(y int) float64 { return rows[y*lookSide+x] })
		for y, v := range column {
			means[y*lookSide+x] = v
		}
	}
	return means
}

// divide takes n values to the means of equal spans of them.
func divide(to []float64, n int, value func(i int) float64) {
	span := float64(n) / float64(len(to))
	for c := range to {
		from, end := float64(c)*span, float64(c+1)*span
		var sum float64
		for i := int(from); i < n && float64(i) < end; i++ {
			sum += value(i) * (min(end, float64(i+1)) - max(from, float64(i)))
		}
		to[c] = sum / span
	}
}
