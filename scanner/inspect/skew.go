package inspect

import (
	"math"
	"math/rand/v2"
	"slices"
)

// How skew is looked for, in degrees and in dots of ink.
const (
	widest = 15.0
	coarse = 0.5
	fine   = 0.1
	least  = 1_000  // make lines
	enough = 20_000 // are all that is needed
	// distinct is how many times as sharp as at other angles the rows must be.
	distinct = 2.0
)

// skew is the angle in degrees by which the lines of the page fall to the right,
// or 0 when no angle stands out.
func (p *paper) skew() float64 {
	xs, ys := p.sample()
	if len(xs) < least {
		return 0
	}
	rows := make([]float64, 2*(p.width+p.height))
	angle, clearness := sharpest(xs, ys, rows)
	// The lines of a page that lies on its side are columns.
	if sideways, c := sharpest(ys, xs, rows); c > clearness {
		angle, clearness = -sideways, c
	}
	if clearness < distinct {
		return 0
	}
	return math.Round(angle*10)/10 + 0 // not -0
}

// sample is where there is ink, or where there is some of it if there is much.
// It is taken by chance, always the same: a rule would make rows of its own.
func (p *paper) sample() (xs, ys []float64) {
	all := 0
	for _, m := range p.marks {
		if m == darkWritten {
			all++
		}
	}
	every := uint32(max(all/enough, 1))
	chance := rand.New(rand.NewPCG(0, 0))
	for at, m := range p.marks {
		if m == darkWritten && chance.Uint32N(every) == 0 {
			xs, ys = append(xs, float64(at%p.width)), append(ys, float64(at/p.width))
		}
	}
	return xs, ys
}

// sharpest is the angle at which the dots lie in the sharpest rows, and how many
// times as sharp they are as at most others.
func sharpest(xs, ys, rows []float64) (angle, clearness float64) {
	var all []float64
	best := 0.0
	for a := -widest; a <= widest; a += coarse {
		s := sharpness(xs, ys, rows, a)
		all = append(all, s)
		if s > best {
			best, angle = s, a
		}
	}
	slices.Sort(all)
	for a, last := angle-coarse+fine, angle+coarse; a < last; a += fine {
		if s := sharpness(xs, ys, rows, a); s > best {
			best, angle = s, a
		}
	}
	return angle, best / all[len(all)/2]
}

// sharpness looks along rows that fall by an angle: where lines of writing lie
// in rows, those with much ink are next to those with none.
func sharpness(xs, ys, rows []float64, degrees float64) (sum float64) {
	clear(rows)
	slope := math.Tan(degrees * math.Pi / 180)
	middle := float64(len(rows) / 4)
	for i, x := range xs {
		rows[int(ys[i]-x*slope+middle)]++
	}
	for i := 1; i < len(rows); i++ {
		d := rows[i] - rows[i-1]
		sum += d * d
	}
	return sum
}
