package separator

import (
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// The library's own search for several codes tries every three corner patterns
// of a page with each other. This one looks for corners of a sheet's size only,
// which hardly any letter has, and tries three that stand like a code's, a
// sheet's own size first.

// findCorners finds the corner patterns whose modules measure from least to most
// dots: black, white, black, white, black as 1 to 1 to 3 to 1 to 1, whichever way
// a line goes through them.
func findCorners(bits *gozxing.BitMatrix, least, most float64) []*detector.FinderPattern {
	finder := detector.NewFinderPatternFinder(bits, nil)
	// A corner's middle is three modules high: three lines or more meet it.
	skip := max(int(least), 1)
	var runs [5]int
	for y := skip / 2; y < bits.GetHeight(); y += skip {
		clear(runs[:])
		at := 0 // black runs are 0, 2 and 4
		for x := range bits.GetWidth() {
			switch black := bits.Get(x, y); {
			case black == (at%2 == 0):
				runs[at]++
			case at < 4:
				if at > 0 || runs[0] > 0 {
					at++
					runs[at] = 1
				}
			default: // white after the third black run
				at = corner(finder, runs[:], x, y, least, most)
				runs[at] = 1
			}
		}
		if at == 4 {
			corner(finder, runs[:], bits.GetWidth(), y, least, most)
		}
	}
	return confirmed(finder.GetPossibleCenters(), least, most)
}

// corner takes five runs that end before x for a corner if they are one, and
// returns which run the next dot belongs to.
func corner(finder *detector.FinderPatternFinder, runs []int, x, y int, least, most float64) (at int) {
	total := 0
	for _, n := range runs {
		total += n
	}
	// A line through a corner is longer when it goes askew.
	const across = 7
	fits := float64(total) >= across*least && float64(total) <= across*most*math.Sqrt2
	if fits && detector.FinderPatternFinder_foundPatternCross(runs) && finder.HandlePossibleCenter(runs, y, x) {
		clear(runs)
		return 1
	}
	copy(runs, runs[2:])
	clear(runs[3:])
	return 3
}

// confirmed keeps the corners of the right size that more than one line has met,
// those met most often first.
func confirmed(all []*detector.FinderPattern, least, most float64) (out []*detector.FinderPattern) {
	for _, p := range all {
		if size := p.GetEstimatedModuleSize(); p.GetCount() >= detector.FinderPatternFinder_CENTER_QUORUM && size >= least && size <= most {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *detector.FinderPattern) int { return b.GetCount() - a.GetCount() })
	return out[:min(len(out), mostCorners)]
}

// triples are the corners that stand like those of one code: at a right angle
// and equally far apart. Those as far apart as a sheet's come first.
func triples(corners []*detector.FinderPattern) []*detector.FinderPatternInfo {
	var own, others []*detector.FinderPatternInfo
	for i, a := range corners {
		for j, b := range corners[:i] {
			for _, c := range corners[:j] {
				info, apart, ok := code(a, b, c)
				const sure = 3 // modules
				switch {
				case !ok:
				case math.Abs(apart-(modules-7)) <= sure:
					own = append(own, info)
				default:
					others = append(others, info)
				}
			}
		}
	}
	return append(own, others...)
}

// code reports whether three corners can be one code's, and how many modules
// they are apart.
func code(a, b, c *detector.FinderPattern) (info *detector.FinderPatternInfo, apart float64, ok bool) {
	const (
		alike    = 1.35    // sizes of corners of one code, at most
		near     = 0.15    // relative difference of lengths
		shortest = 14 - .5 // modules between corners of a QR code of version 1
	)
	sizes := []float64{a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize(), c.GetEstimatedModuleSize()}
	if slices.Max(sizes) > alike*slices.Min(sizes) {
		return nil, 0, false
	}
	bl, tl, tr := gozxing.ResultPoint_OrderBestPatterns(a, b, c)
	info = detector.NewFinderPatternInfo(bl.(*detector.FinderPattern), tl.(*detector.FinderPattern), tr.(*detector.FinderPattern))
	left, top := gozxing.ResultPoint_Distance(tl, bl), gozxing.ResultPoint_Distance(tl, tr)
	diagonal := gozxing.ResultPoint_Distance(bl, tr)
	square := math.Hypot(left, top)
	apart = (left + top) / 2 * 3 / (sizes[0] + sizes[1] + sizes[2])
	ok = apart >= shortest && math.Abs(left-top) <= near*min(left, top) && math.Abs(diagonal-square) <= near*square
	return info, apart, ok
}
