package separator

import (
	"image"
	"math/rand/v2"
)

// Harms to a scanned page that leave nothing of a code. Each returns a page of its
// own.

// each changes every dot.
func each(img *image.Gray, change func(x, y int, v uint8) uint8) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, img.Rect.Dx(), img.Rect.Dy()))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.Pix[y*out.Stride+x] = change(x, y, img.Pix[y*img.Stride+x])
		}
	}
	return out
}

// smear makes each dot the mean of those up to so many beside and above it.
func smear(img *image.Gray, across, down int) *image.Gray {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	sums := make([]int, (w+1)*(h+1)) // of all dots above and to the left
	for y := range h {
		row := 0
		for x := range w {
			row += int(img.Pix[y*img.Stride+x])
			sums[(y+1)*(w+1)+x+1] = sums[y*(w+1)+x+1] + row
		}
	}
	return each(img, func(x, y int, _ uint8) uint8 {
		x0, x1, y0, y1 := max(x-across, 0), min(x+across+1, w), max(y-down, 0), min(y+down+1, h)
		sum := sums[y1*(w+1)+x1] - sums[y0*(w+1)+x1] - sums[y1*(w+1)+x0] + sums[y0*(w+1)+x0]
		return uint8(sum / ((x1 - x0) * (y1 - y0)))
	})
}

// unsharp blurs by a standard deviation in dots: three means come near a Gauss.
func unsharp(img *image.Gray, deviation int) *image.Gray {
	for range 3 {
		img = smear(img, deviation, deviation)
	}
	return img
}

func negative(img *image.Gray) *image.Gray {
	return each(img, func(_, _ int, v uint8) uint8 { return 255 - v })
}

func mirrored(img *image.Gray) *image.Gray {
	return each(img, func(x, y int, _ uint8) uint8 { return img.Pix[y*img.Stride+img.Rect.Dx()-1-x] })
}

// shades maps black and white to these.
func shades(img *image.Gray, black, white int) *image.Gray {
	return each(img, func(_, _ int, v uint8) uint8 { return uint8(black + (white-black)*int(v)/255) })
}

// threshold is black below that shade and white from it on.
func threshold(img *image.Gray, at uint8) *image.Gray {
	return each(img, func(_, _ int, v uint8) uint8 {
		if v < at {
			return 0
		}
		return 255
	})
}

// streaked has so many streaks of a shade down the page, two millimetres wide.
func streaked(img *image.Gray, n int, shade uint8) *image.Gray {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	hit := make([]bool, img.Rect.Dx())
	for range n {
		x := random.IntN(len(hit))
		for i := x; i < min(x+len(hit)/105, len(hit)); i++ {
			hit[i] = true
		}
	}
	return each(img, func(x, _ int, v uint8) uint8 {
		if hit[x] {
			return shade
		}
		return v
	})
}

// cup leaves rings of coffee, and blots.
func cup(img *image.Gray) *image.Gray {
	out := rings(img)
	random := rand.New(rand.NewPCG(2, 4))
	for range 12 {
		stain(out, random)
	}
	return out
}

func rings(img *image.Gray) *image.Gray {
	random := rand.New(rand.NewPCG(2, 3))
	w := img.Rect.Dx()
	out := each(img, func(_, _ int, v uint8) uint8 { return v })
	for range 4 {
		cx, cy, radius := random.IntN(w), random.IntN(img.Rect.Dy()), w/5
		out = each(out, func(x, y int, v uint8) uint8 {
			if d := (x-cx)*(x-cx) + (y-cy)*(y-cy); d < radius*radius && d > radius*radius*7/10 {
				return v / 2
			}
			return v
		})
	}
	return out
}

// onPaper is the picture on a white page of the size of another, its middle at
// these hundredths.
func onPaper(img, like *image.Gray, x, y int) *image.Gray {
	left, top := like.Rect.Dx()*x/100-img.Rect.Dx()/2, like.Rect.Dy()*y/100-img.Rect.Dy()/2
	return each(like, func(x, y int, _ uint8) uint8 { return at(img, x-left, y-top) })
}

// rotated is turned by a quarter.
func rotated(img *image.Gray) *image.Gray {
	out := image.NewGray(image.Rect(0, 0, img.Rect.Dy(), img.Rect.Dx()))
	return each(out, func(x, y int, _ uint8) uint8 { return img.Pix[x*img.Stride+img.Rect.Dx()-1-y] })
}

// without has these hundredths of the page's height in one shade at both ends.
func without(img *image.Gray, ends int, shade uint8) *image.Gray {
	return blot(blot(img, 0, 0, 100, ends, shade), 0, 100-ends, 100, 100, shade)
}

// beforeBars is a sheet as it was printed when there were no bars yet.
func beforeBars(img *image.Gray) *image.Gray {
	return blot(blot(img, 0, 23, 17, 77, 255), 83, 23, 100, 77, 255)
}
