package separator

import (
	"image"
	"math"
	"slices"
)

// A photograph or a dark card that lies on a sheet hides print as white paper does, but
// it is dark, as a stain is. A stain lets the print be seen through it, or is small.

// darkened is the area in square millimetres of the largest dark thing on the sheet
// that was not printed there and through which no print is seen.
func (l *laid) darkened() (mm2 float64) {
	cells := l.darkCells()
	for at := range cells {
		mm2 = max(mm2, spread(cells, at))
	}
	return mm2
}

// darkCell is a cell of a sheet on which something dark lies.
type darkCell struct {
	share        float64 // of the cell
	asked, shows bool    // whether print should be seen through it, and is
	bar          bool    // it is where a bar is, or under something pale
}

// darkCells are the cells of the sheet, and of nothing beside it, that are dark.
func (l *laid) darkCells() map[image.Point]darkCell {
	const (
		streak = 4   // dots: 2.6 mm; modules and a scanner's streaks are thinner
		letter = 7   // dots: 4.5 mm; the strokes of words are thinner
		some   = 0.3 // of a cell
		edge   = 3.0 // millimetres
	)
	fine, coarse := l.solid(streak), l.solid(letter)
	out := map[image.Point]darkCell{}
	left, top := l.dot(edge, edge)
	right, bottom := l.dot(l.width-edge, l.height-edge)
	for y := max(top, 0); y < min(bottom, l.h); y += cell {
		for x := max(left, 0); x < min(right, l.w); x += cell {
			c := l.darkAt(x, y, fine, coarse)
			if s := l.printAt(x, y); s.uneven {
				c = darkCell{share: 1, asked: true}
			}
			if c.share >= some || c.bar {
				out[image.Point{X: (x - left) / cell, Y: (y - top) / cell}] = c
			}
		}
	}
	return out
}

// solid says of each dot whether it is in something dark that is broader and higher
// than so many dots.
func (l *laid) solid(thin int) []bool {
	const dark = 0.4 // of print's darkness
	v := slices.Clone(l.dim)
	for y := range l.h {
		open(v[y*l.w:][:l.w], 1, thin)
	}
	for x := range l.w {
		open(v[x:], l.w, thin)
	}
	out := make([]bool, len(v))
	for i := range v {
		out[i] = v[i] > dark
	}
	return out
}

func (l *laid) darkAt(x, y int, fine, coarse []bool) (c darkCell) {
	var sum, n [bare + 1]float64 // of what is dark
	light, hit := 0, 0
	l.each(x, y, func(i int) {
		w := l.want[i]
		is := fine[i] && (w != written || coarse[i])
		if w > black {
			light++
		}
		if is {
			sum[w] += float64(l.dim[i])
			n[w]++
			if w > black {
				hit++
			}
		}
	})
	const (
		faint = 0.2 // of print's contrast
		pale  = 0.8 // of print's darkness
	)
	switch {
	case light >= enough:
		c.share = float64(hit) / float64(light)
	case n[black] >= enough: // of a bar: what hangs together on both sides of it does so through it
		c.bar = true
		if sum[black]/n[black] < pale {
			c.share = 1
		}
	}
	if n[black] >= enough && n[white] >= enough {
		c.asked = true
		c.shows = sum[black]/n[black]-sum[white]/n[white] >= faint
	}
	return c
}

// spread takes the cells that hang together with one out of them all, and returns their
// area; nothing of what lets more than half of the print be seen, and lies on print with
// a good part of it: along the edges of anything there is print that is seen. On a bar
// nothing dark can be seen, but what lies on both sides of it lies on it, too.
func spread(cells map[image.Point]darkCell, from image.Point) (mm2 float64) {
	var dark, bars []image.Point
	asked, shows := 0, 0
	todo := []image.Point{from}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		c, is := cells[at]
		if !is {
			continue
		}
		delete(cells, at)
		mm2 += cellMM2 * c.share
		if c.bar && c.share == 0 {
			bars = append(bars, at)
		} else {
			dark = append(dark, at)
		}
		if c.asked {
			asked++
		}
		if c.shows {
			shows++
		}
		for _, d := range [...]image.Point{{X: -1}, {X: 1}, {Y: -1}, {Y: 1}} {
			todo = append(todo, at.Add(d))
		}
	}
	const part = 4 // one in so many
	if 2*shows > asked && part*shows >= len(dark) {
		return 0
	}
	for _, at := range bars {
		if among(at, dark) {
			mm2 += cellMM2
		}
	}
	return mm2
}

// among reports whether a cell lies between others: seen from it, they are not all on
// one side.
func among(at image.Point, others []image.Point) bool {
	var angles []float64
	for _, o := range others {
		angles = append(angles, math.Atan2(float64(o.Y-at.Y), float64(o.X-at.X)))
	}
	slices.Sort(angles)
	for i := 1; i < len(angles); i++ {
		if angles[i]-angles[i-1] > math.Pi {
			return false
		}
	}
	return len(angles) > 0 && angles[len(angles)-1]-angles[0] >= math.Pi
}
