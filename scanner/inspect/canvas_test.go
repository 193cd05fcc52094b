package inspect

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"letterlock/scanner/specimen"
)

// canvas is a page of A4 as it lies on a scanner, in twice the resolution in
// which it will be drawn. Things are put on it in millimetres.
type canvas struct {
	*image.Gray
	random *rand.Rand
}

const (
	canvasBy  = 2
	canvasDPI = canvasBy * DPI
	perMM     = canvasDPI / 25.4
	a4Width   = 210.0
	a4Height  = 297.0
)

// sheetOf is an empty sheet of that shade.
func sheetOf(shade uint8) canvas {
	c := canvas{image.NewGray(image.Rect(0, 0, 1654, 2338)), rand.New(rand.NewPCG(1, 2))}
	for i := range c.Pix {
		c.Pix[i] = shade
	}
	return c
}

// within changes the dots of a rectangle by their place.
func (c canvas) within(x0, y0, x1, y1 float64, change func(x, y, v float64) float64) canvas {
	box := image.Rect(int(x0*perMM), int(y0*perMM), int(x1*perMM)+1, int(y1*perMM)+1).Intersect(c.Rect)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		row := c.Pix[y*c.Stride:]
		for x := box.Min.X; x < box.Max.X; x++ {
			v := change(float64(x)/perMM, float64(y)/perMM, float64(row[x]))
			row[x] = uint8(min(max(v, 0), 255))
		}
	}
	return c
}

func (c canvas) all(change func(x, y, v float64) float64) canvas {
	return c.within(0, 0, a4Width, a4Height, change)
}

// grain is the noise of a scanner.
func (c canvas) grain(deviation float64) canvas {
	return c.all(func(_, _, v float64) float64 { return v + c.random.NormFloat64()*deviation + 0.5 })
}

// line draws a line by hand, darker than the paper by some levels.
func (c canvas) line(x0, y0, x1, y1, thick, by float64) canvas {
	length := math.Hypot(x1-x0, y1-y0)
	ux, uy := (x1-x0)/length, (y1-y0)/length
	return c.within(min(x0, x1)-2, min(y0, y1)-2, max(x0, x1)+2, max(y0, y1)+2, func(x, y, v float64) float64 {
		along, off := (x-x0)*ux+(y-y0)*uy, (y-y0)*ux-(x-x0)*uy
		if along < 0 || along > length || math.Abs(off-0.15*math.Sin(along)) > thick/2 {
			return v
		}
		return v - by*(0.7+0.3*c.random.Float64())
	})
}

func (c canvas) disc(x0, y0, diameter, shade float64) canvas {
	r := diameter / 2
	return c.within(x0-r, y0-r, x0+r, y0+r, func(x, y, v float64) float64 {
		if math.Hypot(x-x0, y-y0) > r {
			return v
		}
		return shade
	})
}

// punched has two holes at its left edge, of the shade of what lies behind.
func (c canvas) punched(shade float64) canvas {
	return c.disc(12, 108, 6, shade).disc(12, 188, 6, shade)
}

// shadowed has two holes through which the bright lid is seen, and their shadow.
func (c canvas) shadowed() canvas {
	return c.disc(12.3, 108.3, 6.3, 120).disc(12.3, 188.3, 6.3, 120).punched(250)
}

// bordered shows the dark lid left of and above a page that lies askew.
func (c canvas) bordered(left, top, slope float64) canvas {
	return c.all(func(x, y, v float64) float64 {
		if x < left+slope*y || y < top+slope*x {
			return 30
		}
		return v
	})
}

// shining lets the print on the back shine through: mirrored, soft and weak.
func (c canvas) shining(strength float64) canvas {
	back := sheetOf(250).typed(7, 0)
	soft := blurred(back.Gray)
	for y := range c.Rect.Dy() {
		for x := range c.Rect.Dx() {
			behind := min(soft.GrayAt(c.Rect.Dx()-1-x, y).Y, 245)
			c.Pix[y*c.Stride+x] -= uint8(strength * float64(245-behind))
		}
	}
	return c
}

// blurred is the mean of nine dots around each.
func blurred(img *image.Gray) *image.Gray {
	to := image.NewGray(img.Rect)
	for y := 1; y < img.Rect.Dy()-1; y++ {
		for x := 1; x < img.Rect.Dx()-1; x++ {
			sum := 0
			for j := -1; j <= 1; j++ {
				for i := -1; i <= 1; i++ {
					sum += int(img.Pix[(y+j)*img.Stride+x+i])
				}
			}
			to.Pix[y*to.Stride+x] = uint8(sum / 9)
		}
	}
	return to
}

// typed puts a letter on the sheet, turned to the right by degrees.
func (c canvas) typed(seed uint64, degrees float64) canvas {
	l := specimen.New(seed, 1)
	l.DPI = canvasDPI
	img := l.Image(1)
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	mx, my := float64(c.Rect.Dx())/2, float64(c.Rect.Dy())/2
	for y := range c.Rect.Dy() {
		for x := range c.Rect.Dx() {
			dx, dy := float64(x)-mx, float64(y)-my
			at := image.Pt(int(cos*dx+sin*dy+mx), int(cos*dy-sin*dx+my))
			if at.In(img.Rect) {
				c.Pix[y*c.Stride+x] = color.GrayModel.Convert(img.RGBAAt(at.X, at.Y)).(color.Gray).Y
			}
		}
	}
	return c
}

// inBlack is what a scanner in black and white makes of it.
func (c canvas) inBlack() canvas {
	return c.all(func(_, _, v float64) float64 {
		if v < 128 {
			return 0
		}
		return 255
	})
}

// scanned is the sheet as Inspector draws it.
func (c canvas) scanned() *image.Gray {
	to := image.NewGray(image.Rect(0, 0, c.Rect.Dx()/canvasBy, c.Rect.Dy()/canvasBy))
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			sum := 0
			for j := range canvasBy {
				for i := range canvasBy {
					sum += int(c.Pix[(y*canvasBy+j)*c.Stride+x*canvasBy+i])
				}
			}
			to.Pix[y*to.Stride+x] = uint8(sum / (canvasBy * canvasBy))
		}
	}
	return to
}
