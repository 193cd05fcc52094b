package pipeline

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// A page that a person is shown carries who looks at it and since when, in a
// margin that is put on it at the right and at the foot: never over what is
// written, and on every photograph that holds a side of the page.

// markMargin is how wide that margin is, as a part of the page's width: that is how a
// page is shown, as wide as the screen, and on a phone's the mark must be read too.
const markMargin = 1.0 / 20

// shownJPEG is a page as people are shown it: turned clockwise by so many
// quarters, with the mark in its margins.
func shownJPEG(page *image.RGBA, turn int, mark string, r *rooms) ([]byte, error) {
	upright := turned(page, turn)
	if upright != page {
		defer clear(upright.Pix)
	}
	marked, err := withMark(upright, mark, r)
	if err != nil {
		return nil, err
	}
	return encodeJPEG(marked)
}

// withMark is the page on a sheet that is larger by the margins, and lies in r.
func withMark(page *image.RGBA, mark string, r *rooms) (*image.RGBA, error) {
	size := page.Rect.Size()
	wide := max(int(markMargin*float64(size.X)), 1)
	out := r.sheet(size.X+wide, size.Y+wide)
	draw.Draw(out, page.Rect, page, page.Rect.Min, draw.Src)
	foot, err := markStrip(size.X+wide, wide, mark)
	if err != nil {
		return nil, err
	}
	draw.Draw(out, image.Rect(0, size.Y, size.X+wide, size.Y+wide), foot, image.Point{}, draw.Src)
	side, err := markStrip(size.Y, wide, mark)
	if err != nil {
		return nil, err
	}
	draw.Draw(out, image.Rect(size.X, 0, size.X+wide, size.Y), turned(side, 3), image.Point{}, draw.Src)
	return out, nil
}

var markFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })

// markStrip is a strip of so many pixels with the mark on it, again and again.
func markStrip(length, wide int, mark string) (*image.RGBA, error) {
	grey, line := color.RGBA{80, 80, 80, 255}, color.RGBA{200, 200, 200, 255}
	strip := image.NewRGBA(image.Rect(0, 0, length, wide))
	draw.Draw(strip, strip.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(strip, image.Rect(0, 0, length, 1), image.NewUniform(line), image.Point{}, draw.Src)
	if mark == "" {
		return strip, nil
	}
	parsed, err := markFont()
	if err != nil {
		return nil, fmt.Errorf("reading the font of the mark: %w", err)
	}
	const ofStrip = 0.7 // the size of the letters, as a part of the strip's width: 12 CSS pixels on a phone that is 360 wide
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: ofStrip * float64(wide), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return nil, fmt.Errorf("reading the font of the mark: %w", err)
	}
	pen := font.Drawer{Dst: strip, Src: image.NewUniform(grey), Face: face, Dot: fixed.P(wide/4, wide*7/10)}
	for pen.Dot.X < fixed.I(length) {
		pen.DrawString(mark)
		pen.Dot.X += fixed.I(2 * wide)
	}
	return strip, face.Close()
}

// turned is the picture turned clockwise by so many quarters.
func turned(from *image.RGBA, quarters int) *image.RGBA {
	w, h := from.Rect.Dx(), from.Rect.Dy()
	quarters = (quarters%4 + 4) % 4
	if quarters == 0 {
		return from
	}
	size := image.Rect(0, 0, h, w)
	if quarters == 2 {
		size = image.Rect(0, 0, w, h)
	}
	to := image.NewRGBA(size)
	for y := range h {
		row := from.Pix[y*from.Stride : y*from.Stride+4*w]
		for x := range w {
			tx, ty := h-1-y, x
			switch quarters {
			case 2:
				tx, ty = w-1-x, h-1-y
			case 3:
				tx, ty = y, w-1-x
			}
			copy(to.Pix[ty*to.Stride+4*tx:][:4], row[4*x:4*x+4])
		}
	}
	return to
}
