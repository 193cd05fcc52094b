package pdf_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"io"
	"os"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// photographed is a page in the colours of a letter on paper with much grain.
func photographed() *image.RGBA {
	img := specimen.New(1, 1).Image(1)
	seed := uint32(1)
	for i := range img.Pix {
		if i%4 != 3 {
			seed = seed*1664525 + 1013904223
			img.Pix[i] -= uint8(seed >> 28)
		}
	}
	return img
}

func inGray(img image.Image) *image.RGBA {
	gray := image.NewGray(img.Bounds())
	draw.Draw(gray, gray.Rect, img, img.Bounds().Min, draw.Src)
	to := image.NewRGBA(gray.Rect)
	draw.Draw(to, to.Rect, gray, image.Point{}, draw.Src)
	return to
}

func inBlack(img image.Image) image.Image {
	to := image.NewPaletted(img.Bounds(), color.Palette{color.Black, color.White})
	draw.Draw(to, to.Rect, img, img.Bounds().Min, draw.Src)
	return to
}

func TestARenderedPageKeepsTheColoursThatItNeeds(t *testing.T) {
	flat := image.NewRGBA(image.Rect(0, 0, 300, 400))
	draw.Draw(flat, flat.Rect, image.NewUniform(color.RGBA{200, 100, 50, 255}), image.Point{}, draw.Src)
	photo := photographed()
	for _, c := range []struct {
		name string
		page image.Image
		want []string
	}{
		{"black and white", inBlack(photo), []string{"/BitsPerComponent 1", "/DeviceGray", "/FlateDecode"}},
		{"grey without grain", inGray(flat), []string{"/BitsPerComponent 8", "/DeviceGray", "/FlateDecode"}},
		{"grey paper", inGray(photo), []string{"/BitsPerComponent 8", "/DeviceGray"}},
		{"flat colour", flat, []string{"/BitsPerComponent 8", "/DeviceRGB", "/FlateDecode"}},
		{"a photograph", photo, []string{"/BitsPerComponent 8", "/DeviceRGB", "/DCTDecode"}},
		{"a part of a picture", photo.SubImage(image.Rect(100, 200, 400, 600)), []string{"/DeviceRGB", "/Width 300/Height 400"}},
	} {
		out := file(t, nil)
		dpi := 150.0
		result, err := pdf.Rendered(out, 2, func(int) (image.Image, float64, error) { return c.page, dpi, nil })
		if err != nil || result.Pages != 2 || result.Format != pdf.PDF || len(result.Looks) != 2 {
			t.Fatalf("%s: %v, %v", c.name, result.Pages, err)
		}
		raw, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if bytes.Count(raw, []byte(want)) < 2 {
				t.Errorf("%s: no %s", c.name, want)
			}
		}
		_, again, err := clean(t, pdf.Normaliser{}, raw)
		if err != nil || again.Pages != 2 {
			t.Errorf("%s: %v pages: %v", c.name, again.Pages, err)
		}
	}
}

func TestRenderedLeavesNothingHalf(t *testing.T) {
	trouble := errors.New("trouble")
	img := specimen.New(1, 1).Image(1)
	var refused *pdf.Refusal
	for name, c := range map[string]struct {
		pages int
		page  func(n int) (image.Image, float64, error)
		want  func(error) bool
	}{
		"a page that cannot be drawn": {3, func(n int) (image.Image, float64, error) {
			if n == 3 {
				return nil, 0, trouble
			}
			return img, 100, nil
		}, func(err error) bool { return errors.Is(err, trouble) }},
		"no page":       {0, nil, func(err error) bool { return errors.As(err, &refused) && refused.Code == pdf.Empty }},
		"no size":       {1, func(int) (image.Image, float64, error) { return image.NewGray(image.Rectangle{}), 100, nil }, func(err error) bool { return errors.As(err, &refused) }},
		"no resolution": {1, func(int) (image.Image, float64, error) { return img, 0, nil }, func(err error) bool { return errors.As(err, &refused) }},
	} {
		out := file(t, nil)
		if _, err := pdf.Rendered(out, c.pages, c.page); err == nil || !c.want(err) {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := out.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%s: %d bytes are left: %v", name, info.Size(), err)
		}
	}

	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs /dev/full: a Linux system")
	}
	defer full.Close()
	_, err = pdf.Rendered(full, 1, func(int) (image.Image, float64, error) { return img, 100, nil })
	if err == nil || errors.As(err, &refused) {
		t.Errorf("a full disk: %v", err)
	}
}
