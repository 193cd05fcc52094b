package separator

import (
	"errors"
	"image"
	"math"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

// ErrUnread says that a page could not be looked at. Nobody can say then that it
// is no sheet.
var ErrUnread = errors.New("a page could not be searched for codes")

// Read finds the codes of separator and cover sheets on a page: upright or not,
// askew, stained, several of them. It wants the whole page in grey, some 100 to
// 150 dots per inch; more is shrunk first. A page on which not one code can be
// read is Damaged when it has a corner pattern of a code that is as large as a
// sheet's and belongs to no other QR code that can be read, when a sheet's code
// shines through from the other side, or when the page as a whole has the shape
// of a sheet. A page with a code is Damaged as well when more than mostCovered of
// the sheet is hidden or written over.
//
// The page's shorter side is taken for the width of the paper. The error wraps
// ErrUnread.
func Read(page *image.Gray) (Marks, error) {
	if page == nil {
		return Marks{}, ErrUnread
	}
	page = shrink(page, (shortSide(page)+mostDots-1)/mostDots)
	var all sight
	looked := false
	for _, p := range passes {
		s, err := p.look(page)
		if err != nil {
			continue // another pass may fare better
		}
		looked = true
		all.texts = append(all.texts, s.texts...)
		all.corners = append(all.corners, s.corners...)
		all.codes = append(all.codes, s.codes...)
		all.through = all.through || s.through
		all.places = append(all.places, s.places...)
		if m := all.marks(); len(m.Codes) > 0 {
			return m.whole(page, all.places)
		}
	}
	if !looked {
		return Marks{}, ErrUnread
	}
	m := all.marks()
	m.Damaged = m.Damaged || shape(page)
	return m, nil
}

// mostDots is how many dots the page's shorter side may have before it is
// shrunk: A4 at 157 dpi.
const mostDots = 1300

// pass is one way of looking at a page.
type pass struct {
	prepare  func(page *image.Gray) (prepared *image.Gray, scale int) // scale is page dots to a prepared one
	binarise func(gozxing.LuminanceSource) gozxing.Binarizer
}

// passes are tried in this order until a code is found. The first finds 19 of 20
// bad scans; the others are for what is too fine, too dark on one side or too
// rough for it.
var passes = []pass{
	{soft, gozxing.NewHybridBinarizer},
	{plain, gozxing.NewHybridBinarizer},
	{soft, gozxing.NewGlobalHistgramBinarizer},
	{half, gozxing.NewHybridBinarizer},
}

// sight is what passes have seen on a page; lengths are in dots of the page.
type sight struct {
	texts   []string
	codes   []circle // that could be read, whosesoever they are
	corners []point  // corner patterns as large as a sheet's
	through bool     // a sheet's code shines through from the other side
	places  []place  // of the sheets' codes that could be read
}

type point struct{ x, y float64 }

type circle struct {
	middle point
	radius float64
}

func (c circle) holds(p point) bool { return math.Hypot(p.x-c.middle.x, p.y-c.middle.y) <= c.radius }

// marks judges what was seen.
func (s sight) marks() (m Marks) {
	seen := map[Code]bool{}
	for _, text := range s.texts {
		code, err := Parse(text)
		switch {
		case err == nil && !seen[code]:
			seen[code] = true
			m.Codes = append(m.Codes, code)
		case err != nil && ours(text):
			m.Damaged = true
		}
	}
	if len(m.Codes) > 0 {
		return m // of six codes some may be torn off
	}
	// The back of a sheet, but perhaps somebody's letter is written on it.
	m.Damaged = m.Damaged || s.through
	for _, corner := range s.corners {
		known := false
		for _, code := range s.codes {
			known = known || code.holds(corner)
		}
		m.Damaged = m.Damaged || !known
	}
	return m
}

// look searches the page once. The decoder is others' work and meets whatever a
// scanner sends: if it panics, this pass has seen nothing.
func (p pass) look(page *image.Gray) (s sight, err error) {
	defer func() {
		if recover() != nil {
			s, err = sight{}, ErrUnread
		}
	}()
	prepared, times := p.prepare(page)
	scale := float64(times)
	const least = 64 // dots; less is no page, and too little for the binarisers
	if shortSide(prepared) < least {
		return sight{}, nil
	}
	bits, err := p.binarise(newSource(prepared)).GetBlackMatrix()
	if err != nil {
		return sight{}, nil // nothing but one shade
	}
	module := float64(shortSide(prepared)) * moduleMM / a4WidthMM
	corners := findCorners(bits, module*smallest, module*largest)
	for _, c := range corners {
		if size := c.GetEstimatedModuleSize() / module; size >= smallestRuin && size <= largestRuin {
			s.corners = append(s.corners, point{c.GetX() * scale, c.GetY() * scale})
		}
	}
	for i, three := range triples(corners) {
		if i == mostTriples {
			break
		}
		text, mirrored, ok := decode(bits, three)
		switch {
		case !ok:
			continue
		case mirrored && ours(text):
			s.through = true
		default:
			s.texts = append(s.texts, text)
		}
		bl, tl, tr := three.GetBottomLeft(), three.GetTopLeft(), three.GetTopRight()
		if _, err := Parse(text); err == nil && !mirrored {
			s.places = append(s.places, placeOf(onPage(tl, scale), onPage(tr, scale), onPage(bl, scale)))
		}
		const around = 0.75 // of the diagonal between two corners, from its middle
		s.codes = append(s.codes, circle{
			point{(bl.GetX() + tr.GetX()) / 2 * scale, (bl.GetY() + tr.GetY()) / 2 * scale},
			around * gozxing.ResultPoint_Distance(bl, tr) * scale,
		})
	}
	return s, nil
}

// onPage is a corner's middle on the page.
func onPage(p *detector.FinderPattern, scale float64) point {
	return point{p.GetX() * scale, p.GetY() * scale}
}

const a4WidthMM = 210

// How large a sheet's modules can seem beside those of a whole A4 sheet: smaller
// where the scanner's bed is larger than the sheet or two pages were printed on
// one, larger where a part of the sheet is torn off.
// What nobody can read is only taken for a sheet's where it is nearer to its size.
const (
	smallest, largest         = 0.6, 1.5
	smallestRuin, largestRuin = 0.75, 1.35
)

// Bounds on the work that a page full of corner patterns can make.
const (
	mostCorners = 64
	mostTriples = 300
)

// decode reads the code with these corners; mirrored says that it is seen from
// behind.
func decode(bits *gozxing.BitMatrix, corners *detector.FinderPatternInfo) (text string, mirrored, ok bool) {
	defer func() { // see look; here it is only this code that is lost
		if recover() != nil {
			text, mirrored, ok = "", false, false
		}
	}()
	found, err := detector.NewDetector(bits).ProcessFinderPatternInfo(corners)
	if err != nil {
		return "", false, false
	}
	result, err := decoder.NewDecoder().Decode(found.GetBits(), nil)
	if err != nil {
		return "", false, false
	}
	meta, _ := result.GetOther().(*decoder.QRCodeDecoderMetaData)
	return result.GetText(), meta != nil && meta.IsMirrored(), true
}

func shortSide(img *image.Gray) int { return min(img.Rect.Dx(), img.Rect.Dy()) }

// shrink makes one dot of n by n.
func shrink(img *image.Gray, n int) *image.Gray {
	if n <= 1 {
		return img
	}
	small := image.NewGray(image.Rect(0, 0, img.Rect.Dx()/n, img.Rect.Dy()/n))
	sums := make([]int, small.Rect.Dx())
	for y := range small.Rect.Dy() {
		clear(sums)
		for row := y * n; row < (y+1)*n; row++ {
			pixels := img.Pix[row*img.Stride:]
			for x := range sums {
				for _, v := range pixels[x*n : (x+1)*n] {
					sums[x] += int(v)
				}
			}
		}
		for x, sum := range sums {
			small.Pix[y*small.Stride+x] = uint8(sum / (n * n))
		}
	}
	return small
}

// source is a grey page as the library wants it.
type source struct {
	gozxing.LuminanceSourceBase
	page *image.Gray
}

func newSource(page *image.Gray) *source {
	return &source{gozxing.LuminanceSourceBase{Width: page.Rect.Dx(), Height: page.Rect.Dy()}, page}
}

func (s *source) row(y int) []byte {
	return s.page.Pix[y*s.page.Stride:][:s.GetWidth()]
}

// GetRow is one row of the page; space is reused when it is large enough.
func (s *source) GetRow(y int, space []byte) ([]byte, error) {
	return append(space[:0], s.row(y)...), nil
}

// GetMatrix is the whole page.
func (s *source) GetMatrix() []byte {
	all := make([]byte, 0, s.GetWidth()*s.GetHeight())
	for y := range s.GetHeight() {
		all = append(all, s.row(y)...)
	}
	return all
}

// Invert is the page with black for white.
func (s *source) Invert() gozxing.LuminanceSource { return gozxing.LuminanceSourceInvert(s) }

func (s *source) String() string { return "a page" }

func plain(img *image.Gray) (*image.Gray, int) { return img, 1 }

func half(img *image.Gray) (*image.Gray, int) { return shrink(img, 2), 2 }

// soft makes each dot the mean of itself and its neighbours.
func soft(img *image.Gray) (*image.Gray, int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewGray(image.Rect(0, 0, w, h))
	sums := make([]int, w)
	for y := range h {
		clear(sums)
		for row := y - 1; row <= y+1; row++ {
			for x, v := range img.Pix[min(max(row, 0), h-1)*img.Stride:][:w] {
				sums[x] += int(v)
			}
		}
		for x := range sums {
			out.Pix[y*out.Stride+x] = uint8((sums[max(x-1, 0)] + sums[x] + sums[min(x+1, w-1)]) / 9)
		}
	}
	return out, 1
}
