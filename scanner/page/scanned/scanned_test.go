package scanned

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"testing"

	"letterlock/scanner/specimen"
)

// In its own size, a JPEG in shades of grey is what Go's decoder makes of it, but for
// how either rounds, also with rows that are not full; and one that stops is none.
func TestAJPEGIsDecodedAsByOthers(t *testing.T) {
	from := specimen.New(40, 1).Image(1)
	for _, size := range []image.Point{{200, 160}, {1, 1}, {61, 83}} {
		gray := image.NewGray(image.Rectangle{Max: size})
		draw.Draw(gray, gray.Rect, from, image.Pt(150, 150), draw.Src)
		var out bytes.Buffer
		if err := jpeg.Encode(&out, gray, nil); err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.Decode(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		p := Page{jpeg: out.Bytes(), gray: true, across: size.X, down: size.Y}
		got, err := drawn(p, size.X, size.Y)
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		for y := range size.Y {
			for x := range size.X {
				w, g := want.(*image.Gray).GrayAt(x, y).Y, got.RGBAAt(x, y).R
				if max(g, w)-min(g, w) > 1 {
					t.Fatalf("%v: dot %d,%d is %d, and not %d", size, x, y, g, w)
				}
			}
		}
		for cut := 0; cut < out.Len(); cut += 1 + out.Len()/50 {
			p.jpeg = out.Bytes()[:cut]
			if _, err := drawn(p, size.X, size.Y); err == nil {
				t.Fatalf("%v: %d bytes of %d are a picture", size, cut, out.Len())
			}
		}
	}
}

// drawn is a page drawn over another.
func drawn(p Page, width, height int) (*image.RGBA, error) {
	to := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range to.Pix {
		to.Pix[i] = 0x55
	}
	return to, p.Draw(to)
}

// A colour is the same in every size.
func TestAColourStaysInEverySize(t *testing.T) {
	from := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for i := range from.Pix {
		from.Pix[i] = [4]byte{180, 40, 90, 255}[i%4]
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, from, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	p := Page{jpeg: out.Bytes(), across: 64, down: 48}
	for eighths := 1; eighths <= mostEighths; eighths++ {
		got, err := drawn(p, 8*eighths, 6*eighths)
		if err != nil {
			t.Fatalf("%d eighths: %v", eighths, err)
		}
		for i, g := range got.Pix {
			if w := from.Pix[i%4]; max(g, w)-min(g, w) > 2 {
				t.Fatalf("%d eighths: %v", eighths, got.Pix[i/4*4:][:4])
			}
		}
	}
	for _, size := range []image.Point{{3, 2}, {64, 30}, {131, 98}, {200, 150}, {0, 0}} {
		if _, err := drawn(p, size.X, size.Y); err == nil {
			t.Errorf("%v: no JPEG is decoded to that", size)
		}
	}
}

// A page is drawn in the size that is wanted, or in one that is a little larger.
func TestSizeOfAPage(t *testing.T) {
	for _, c := range []struct{ across, down, wantWidth, wantHeight, width, height int }{
		{1984, 2806, 1240, 1754, 1240, 1754}, // 240 dots per inch, as 150
		{1984, 2806, 860, 1217, 992, 1403},   // as 104: by half
		{2480, 3508, 860, 1217, 930, 1316},   // 300: by three eighths
		{1654, 2339, 860, 1217, 1034, 1462},  // 200: by five eighths
		{4961, 7016, 860, 1217, 1241, 1754},  // 600: by a fourth
		{2480, 3508, 1654, 2339, 1860, 2631}, // as 200: by three fourths
		{620, 877, 1240, 1754, 1240, 1754},   // 75: twice as large
		{620, 877, 1654, 2339, 0, 0},         // and no more than that
		{4961, 7016, 420, 594, 621, 877},     // 600, as 50: by an eighth
		{4961, 7016, 330, 467, 0, 0},         // as 40: an eighth is too much
		{1240, 3508, 860, 1217, 0, 0},        // dots that are wider than high
		{1984, 2806, 1, 1, 0, 0}, {0, 0, 860, 1217, 0, 0},
	} {
		p := Page{across: c.across, down: c.down}
		width, height, err := p.Size(c.wantWidth, c.wantHeight)
		if width != c.width || height != c.height || (err != nil) != (c.width == 0) {
			t.Errorf("%d×%d as %d×%d is %d×%d: %v", c.across, c.down, c.wantWidth, c.wantHeight, width, height, err)
		}
	}
}

// FuzzPage: whatever the bytes are, they are drawn or left to others.
func FuzzPage(f *testing.F) {
	l := specimen.New(41, 1)
	l.DPI = 20
	f.Add(l.ColourPDF())
	l.Canary = "canary"
	f.Add(l.ColourPDF())
	f.Add([]byte("%PDF-1.7\ntrailer\n<</Size 1/Root 1 0 R>>\nstartxref\n0\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, pdf []byte) {
		p, err := Find(pdf, 0)
		if err != nil || p.across*p.down > 1<<20 {
			return
		}
		_, _ = drawn(p, p.across, p.down)
	})
}

// FuzzJPEG: the same for the JPEG of a page, in any size.
func FuzzJPEG(f *testing.F) {
	l := specimen.New(42, 1)
	l.DPI = 10
	f.Add(l.JPEG(1), byte(8))
	f.Add(l.JPEG(1)[:300], byte(3))
	f.Fuzz(func(t *testing.T, data []byte, eighths byte) {
		config, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || config.Width*config.Height > 1<<18 {
			return
		}
		p := Page{jpeg: data, gray: isGray(data), across: config.Width, down: config.Height}
		_, _ = drawn(p, scaled(config.Width, int(eighths%17)), scaled(config.Height, int(eighths%17)))
	})
}

// isGray reports whether there is one component.
func isGray(data []byte) bool {
	d := decoder{bits: bits{data: data}}
	return d.header() == nil && len(d.components) == 1
}
