package inspect

import (
	"image"
	"math"
)

// Sizes of ink on paper, in millimetres.
const (
	dustSide  = 1.1  // dust is no larger
	edgeWidth = 12.0 // how far the dark edge of a scan reaches into the page
	lineLong  = 10.0 // a faint line is at least so long
	lineThick = 1.0  // and no thicker
)

// group is ink that hangs together, also across corners.
type group struct {
	first   int // index of one of its dots
	box     image.Rectangle
	written int  // dots that count as ink
	inner   int  // dark dots further from the edges of the page than edgeWidth, and not beside the lid
	all     int  // dark and faint dots
	edge    bool // it touches the edge of the page, or the shadow on it
}

// gather finds the groups that were written, and puts the others aside.
func (p *paper) gather() {
	margin := int(edgeWidth * p.perMM)
	inner := image.Rect(margin, margin, p.width-margin, p.height-margin)
	for first, m := range p.marks {
		if m&ink == 0 {
			continue
		}
		x, y := first%p.width, first/p.width
		g := group{first: first, box: image.Rect(x, y, x+1, y+1)}
		p.spread(first, ink, func(at int) {
			x, y := at%p.width, at/p.width
			g.add(x, y, p.marks[at], inner)
			g.edge = g.edge || x == 0 || y == 0 || x == p.width-1 || y == p.height-1 || p.nextToLid(x, y)
			p.marks[at] = p.marks[at] & ink << toGroup
		})
		if p.counts(&g) {
			p.groups = append(p.groups, g)
		} else {
			p.putAside(g)
		}
	}
}

// putAside makes a group something that was not written.
func (p *paper) putAside(g group) {
	p.spread(g.first, written, func(at int) { p.marks[at] = aside })
}

// spread calls change for each dot that hangs together with the first through
// dots of a kind. It must change the dot to another kind.
func (p *paper) spread(first int, kind mark, change func(at int)) {
	change(first)
	todo := []int{first}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		x, y := at%p.width, at/p.width
		for j := max(y-1, 0); j <= min(y+1, p.height-1); j++ {
			for i := max(x-1, 0); i <= min(x+1, p.width-1); i++ {
				if next := j*p.width + i; p.marks[next]&kind != 0 {
					change(next)
					todo = append(todo, next)
				}
			}
		}
	}
}

// nextToLid reports whether a dot above, below or beside one is put aside.
func (p *paper) nextToLid(x, y int) bool {
	at := y*p.width + x
	return x > 0 && p.marks[at-1]&aside != 0 || x < p.width-1 && p.marks[at+1]&aside != 0 ||
		y > 0 && p.marks[at-p.width]&aside != 0 || y < p.height-1 && p.marks[at+p.width]&aside != 0
}

func (g *group) add(x, y int, m mark, inner image.Rectangle) {
	g.all++
	if m&dark != 0 {
		g.written++
		if m&inShadow == 0 && image.Pt(x, y).In(inner) {
			g.inner++
		}
	}
	g.box = g.box.Union(image.Rect(x, y, x+1, y+1))
}

// counts reports whether a group was written, and how much of it.
func (p *paper) counts(g *group) bool {
	if g.edge { // what reaches further into the page is no shadow of its edge
		g.written = g.inner
	}
	switch {
	case float64(max(g.box.Dx(), g.box.Dy()))/p.perMM <= dustSide:
		return false
	case p.faintLine(g):
		g.written = g.all
		return true
	}
	// What shines through from the back has a darker spot here and there.
	const spots = 4
	return g.written > 0 && g.written*spots >= g.all
}

// faintLine reports whether a group is a line by its shape, however faint it is.
// What shines through from the back is soft and as thick as letters.
func (p *paper) faintLine(g *group) bool {
	long := math.Hypot(float64(g.box.Dx()), float64(g.box.Dy())) / p.perMM
	thick := float64(g.all) / (p.perMM * p.perMM) / long
	return !g.edge && long >= lineLong && thick <= lineThick
}
