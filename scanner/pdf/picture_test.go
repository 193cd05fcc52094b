package pdf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

var (
	red, green = color.NRGBA{0xe0, 0x10, 0x10, 0xff}, color.NRGBA{0x10, 0xc0, 0x10, 0xff}
	navy, sun  = color.NRGBA{0x10, 0x10, 0xb0, 0xff}, color.NRGBA{0xf0, 0xe0, 0x20, 0xff}
)

// patches is a picture with a colour in each corner: red and green above, navy
// and sun below.
func patches(width, height int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, [2][2]color.NRGBA{{red, green}, {navy, sun}}[2*y/height][2*x/width])
		}
	}
	return img
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 98}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func segment(marker byte, data []byte) []byte {
	return append([]byte{0xff, marker, byte((len(data) + 2) >> 8), byte(len(data) + 2)}, data...)
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// corners are the colours near the four corners of a rendered page.
func corners(t *testing.T, ppm []byte) [4]color.NRGBA {
	t.Helper()
	var width, height, most int
	if _, err := fmt.Sscanf(string(ppm[:20]), "P6\n%d %d\n%d", &width, &height, &most); err != nil {
		t.Fatal(err)
	}
	pixels := ppm[len(ppm)-3*width*height:]
	at := func(x, y int) color.NRGBA {
		p := pixels[3*(y*width+x):]
		return color.NRGBA{p[0], p[1], p[2], 0xff}
	}
	x, y := width/4, height/4
	return [4]color.NRGBA{at(x, y), at(width-x, y), at(x, height-y), at(width-x, height-y)}
}

func alike(a, b color.NRGBA, by int) bool {
	for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
		if d > by || d < -by {
			return false
		}
	}
	return true
}

func expectCorners(t *testing.T, name string, scan []byte, by int, want [4]color.NRGBA) {
	t.Helper()
	made, result := mustClean(t, scan)
	drawn := render(t, tool(t, "pdftoppm", "poppler-utils"), made, 72)
	got := corners(t, drawn)
	for i := range want {
		if !alike(got[i], want[i], by) {
			t.Errorf("%s: corners %v, want %v", name, got, want)
			return
		}
	}
	look := pdf.LookOf(pixmap(t, drawn)).Gray
	for _, cell := range []int{16*64 + 16, 16*64 + 48, 48*64 + 16, 48*64 + 48} { // in the corners too
		if d := int(look[cell]) - int(result.Looks[0].Gray[cell]); d > by || d < -by {
			t.Errorf("%s: cell %d looks like %d, is drawn as %d", name, cell, result.Looks[0].Gray[cell], look[cell])
		}
	}
}

func TestEXIFOrientationStandsThePageUpright(t *testing.T) {
	// What a viewer shows of a picture stored as red, green / navy, sun.
	upright := [9][4]color.NRGBA{
		1: {red, green, navy, sun}, 2: {green, red, sun, navy}, 3: {sun, navy, green, red}, 4: {navy, sun, red, green},
		5: {red, navy, green, sun}, 6: {navy, red, sun, green}, 7: {sun, green, navy, red}, 8: {green, sun, red, navy},
	}
	plain := jpegOf(t, patches(120, 80))
	for o := 1; o <= 8; o++ {
		entry := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
		binary.BigEndian.PutUint16(entry[24:], uint16(o))
		expectCorners(t, fmt.Sprintf("orientation %d", o), slicesOf(plain[:2], segment(0xe1, entry), plain[2:]), 12, upright[o])
	}
}

func TestEveryKindOfPNGComesOutRight(t *testing.T) {
	whole := [4]color.NRGBA{red, green, navy, sun}
	base := patches(90, 70)
	paletted := image.NewPaletted(base.Rect, color.Palette{red, green, navy, sun})
	glass := image.NewPaletted(base.Rect, color.Palette{color.NRGBA{}, green, navy, sun})
	deep := image.NewNRGBA64(base.Rect)
	opaqueDeep := image.NewRGBA64(base.Rect)
	grey, greyDeep := image.NewGray(base.Rect), image.NewGray16(base.Rect)
	bilevel := image.NewGray(base.Rect)
	alpha := image.NewNRGBA(base.Rect)
	for y := range base.Rect.Dy() {
		for x := range base.Rect.Dx() {
			c := base.NRGBAAt(x, y)
			for _, to := range []interface {
				Set(int, int, color.Color)
			}{paletted, deep, opaqueDeep, grey, greyDeep} {
				to.Set(x, y, c)
			}
			if alpha.Set(x, y, c); c == red {
				alpha.SetNRGBA(x, y, color.NRGBA{})
				deep.SetNRGBA64(x, y, color.NRGBA64{})
			} else {
				glass.Set(x, y, c)
			}
			if x >= base.Rect.Dx()/2 {
				bilevel.Pix[y*bilevel.Stride+x] = 0xff
			}
		}
	}
	g := func(c color.NRGBA) color.NRGBA {
		y := color.GrayModel.Convert(c).(color.Gray).Y
		return color.NRGBA{y, y, y, 0xff}
	}
	white, black := color.NRGBA{0xff, 0xff, 0xff, 0xff}, color.NRGBA{0, 0, 0, 0xff}
	seeThrough := [4]color.NRGBA{white, green, navy, sun}
	greys := [4]color.NRGBA{g(red), g(green), g(navy), g(sun)}
	for name, c := range map[string]struct {
		img  image.Image
		want [4]color.NRGBA
	}{
		"colour": {base, whole}, "palette": {paletted, whole}, "see-through palette": {glass, seeThrough},
		"colour, 16 bits": {opaqueDeep, whole}, "alpha, 16 bits": {deep, seeThrough}, "alpha": {alpha, seeThrough},
		"grey": {grey, greys}, "grey, 16 bits": {greyDeep, greys}, "black and white": {bilevel, [4]color.NRGBA{black, white, black, white}},
	} {
		expectCorners(t, name, pngOf(t, c.img), 2, c.want)
	}
}

func TestInkInCMYKIsNotTurnedIntoLight(t *testing.T) {
	convert := tool(t, "convert", "imagemagick")
	in, out := filepath.Join(t.TempDir(), "in.png"), filepath.Join(t.TempDir(), "out.jpg")
	if err := os.WriteFile(in, pngOf(t, patches(80, 80)), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(convert, in, "-colorspace", "CMYK", "-quality", "95", out).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	scan, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	expectCorners(t, "CMYK", scan, 70, [4]color.NRGBA{red, green, navy, sun})
}

func TestThePageIsAsLargeAsThePaper(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	l := specimen.New(8, 1) // A4 at 150 dpi: 1240 × 1754
	coarse := l
	coarse.DPI = 75 // 620 × 877
	for name, c := range map[string]struct {
		scan []byte
		want string // the size at 150 dpi
	}{
		"JFIF density":   {l.JPEG(1), "1240 1754"},
		"TIFF":           {l.G4TIFF(), "1240 1754"},
		"no resolution":  {coarse.PNG(1), "1240 1754"}, // fits on A4
		"a camera's 72":  {jpegAt(l, 72), "1240 1754"},
		"half as large":  {jpegAt(l, 300), "620 877"},
		"PNG's pHYs":     {physical(coarse.PNG(1), 150), "620 877"},
		"lies on A4":     {pngOf(t, patches(400, 100)), "1754 439"},
		"fits on A4 too": {jpegOf(t, patches(100, 100)), "1240 1240"},
	} {
		made, _ := mustClean(t, c.scan)
		ppm := render(t, pdftoppm, made, 150)
		var size string
		if _, after, ok := bytes.Cut(ppm[:20], []byte("P6\n")); ok {
			line, _, _ := bytes.Cut(after, []byte("\n"))
			size = string(line)
		}
		if !near(size, c.want) {
			t.Errorf("%s: page of %s dots at 150 dpi, want %s", name, size, c.want)
		}
	}
}

// near allows for a renderer that rounds up.
func near(got, want string) bool {
	var a, b, c, d int
	_, err1 := fmt.Sscan(got, &a, &b)
	_, err2 := fmt.Sscan(want, &c, &d)
	return err1 == nil && err2 == nil && a-c <= 1 && c-a <= 1 && b-d <= 1 && d-b <= 1
}

func jpegAt(l specimen.Letter, dpi int) []byte {
	scan := l.JPEG(1)
	binary.BigEndian.PutUint16(scan[14:], uint16(dpi))
	binary.BigEndian.PutUint16(scan[16:], uint16(dpi))
	return scan
}

// physical puts a pHYs chunk behind a PNG's header.
func physical(scan []byte, dpi int) []byte {
	perMetre := binary.BigEndian.AppendUint32(nil, uint32(float64(dpi)/0.0254))
	chunk := slicesOf([]byte("pHYs"), perMetre, perMetre, []byte{1})
	const header = 8 + 25
	return slicesOf(scan[:header], []byte{0, 0, 0, 9}, chunk, checksum(chunk), scan[header:])
}

// interlaced makes a PNG say that its rows come in seven passes, which takes the
// memory of the whole picture.
func interlaced(scan []byte) []byte {
	const header, method, end = 8 + 4, 28, 29
	scan = bytes.Clone(scan)
	scan[method] = 1
	copy(scan[end:], checksum(scan[header:end]))
	return scan
}

func TestAScanInBlackAndWhiteKeepsEveryDot(t *testing.T) {
	pdfimages := tool(t, "pdfimages", "poppler-utils")
	l := specimen.New(9, 2)
	made, _ := mustClean(t, l.G4TIFF())
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "clean"), made, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command(pdfimages, "-png", filepath.Join(dir, "clean"), filepath.Join(dir, "p")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, said)
	}
	for n := range 2 {
		raw, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("p-%03d.png", n)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		want := l.Image(n + 1)
		for y := range want.Rect.Dy() {
			for x := range want.Rect.Dx() {
				black := want.Pix[y*want.Stride+4*x+1] < 0x90
				if y, _, _, _ := got.At(x, y).RGBA(); (y == 0) != black {
					t.Fatalf("page %d: a dot changed its colour", n+1)
				}
			}
		}
	}
}
