package inspect

import (
	"image"
	"math"
)

// Punch holes, in millimetres: those of ISO 838 are 6 wide with their centres 12
// from the edge, American ones up to 8.
const (
	holeSmallest = 4.5
	holeLargest  = 10.5
	holeReach    = 22.0 // from the edge
	holeOff      = 3.0  // from the line of the others
)

// putHolesAside takes punch holes off the groups: round, near an edge, and at
// least two in a line along it.
func (p *paper) putHolesAside() {
	var round []int
	for i, g := range p.groups {
		if p.round(g) {
			round = append(round, i)
		}
	}
	hole := map[int]bool{}
	for _, i := range round {
		for _, j := range round {
			if i != j && p.inLine(p.groups[i].box, p.groups[j].box) {
				hole[i] = true
			}
		}
	}
	kept := p.groups[:0]
	for i, g := range p.groups {
		if hole[i] {
			p.putAside(g)
		} else {
			kept = append(kept, g)
		}
	}
	p.groups = kept
}

// round reports whether a group has the size and the shape of a hole: a disc
// that is dark all over, or the shadow around a bright one.
func (p *paper) round(g group) bool {
	width, height := float64(g.box.Dx()), float64(g.box.Dy())
	if min(width, height) < holeSmallest*p.perMM || max(width, height) > holeLargest*p.perMM ||
		max(width, height) > 1.3*min(width, height) {
		return false
	}
	inside, onRing, all := 0, 0, 0
	for y := g.box.Min.Y; y < g.box.Max.Y; y++ {
		for x := g.box.Min.X; x < g.box.Max.X; x++ {
			if p.marks[y*p.width+x]&written == 0 {
				continue
			}
			all++
			// From the centre, the rim being at 1.
			r := math.Hypot((float64(x-g.box.Min.X)+0.5)/width*2-1, (float64(y-g.box.Min.Y)+0.5)/height*2-1)
			if r <= 1.1 {
				inside++
			}
			if r >= 0.7 && r <= 1.1 {
				onRing++
			}
		}
	}
	disc := math.Pi / 4 * width * height
	filled, ring := float64(inside) >= 0.8*disc, float64(onRing) >= 0.9*float64(all)
	return float64(inside) >= 0.95*float64(all) && (filled || ring)
}

// inLine reports whether two boxes lie in a line along an edge, near it.
func (p *paper) inLine(a, b image.Rectangle) bool {
	reach, off := int(holeReach*p.perMM), int(holeOff*p.perMM)
	both := a.Union(b)
	apart := a.Min.Add(a.Max).Sub(b.Min).Sub(b.Max).Div(2)
	along := both.Max.X <= reach || both.Min.X >= p.width-reach
	across := both.Max.Y <= reach || both.Min.Y >= p.height-reach
	return along && max(apart.X, -apart.X) <= off || across && max(apart.Y, -apart.Y) <= off
}
