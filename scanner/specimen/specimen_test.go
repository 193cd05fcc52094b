package specimen

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/realpart"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff"
	"pgregory.net/rapid"
)

func tool(t *testing.T, name, debian string) string {
	t.Helper()
	return realpart.Tool(t, name, name+": apt-get install "+debian)
}

func TestGroup4IsReadBackBitByBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBitmap(rapid.IntRange(1, 3000).Draw(t, "width"), rapid.IntRange(1, 4).Draw(t, "height"))
		for y := range b.height {
			x := 0
			for x < b.width {
				end := x + rapid.IntRange(0, 2700).Draw(t, "white")
				for x = end; x < b.width && x < end+rapid.SampledFrom([]int{1, 2, 3, 63, 64, 65, 2560, 2561, 2700}).Draw(t, "black"); x++ {
					b.set(x, y)
				}
				x++
			}
		}
		// ccitt reads black as 0 unless told to invert.
		got, err := io.ReadAll(ccitt.NewReader(bytes.NewReader(group4(b)), ccitt.MSB, ccitt.Group4,
			b.width, b.height, &ccitt.Options{Invert: true}))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(clean(b, got), b.bits) {
			t.Fatal("decoded page differs")
		}
	})
}

// clean clears the padding at the end of each row, which Invert sets.
func clean(b bitmap, data []byte) []byte {
	if pad := b.stride*8 - b.width; pad > 0 {
		for i := b.stride - 1; i < len(data); i += b.stride {
			data[i] &= 0xff << pad
		}
	}
	return data
}

func TestTheSameSeedDrawsTheSameBytes(t *testing.T) {
	a, b, other := New(7, 2), New(7, 2), New(8, 2)
	if !bytes.Equal(a.ColourPDF(), b.ColourPDF()) || !bytes.Equal(a.G4TIFF(), b.G4TIFF()) {
		t.Error("two letters of one seed differ")
	}
	if bytes.Equal(a.JPEG(1), other.JPEG(1)) {
		t.Error("letters of two seeds are the same")
	}
}

func TestPicturesAreReadByTheUsualDecoders(t *testing.T) {
	l := New(1, 1)
	want := image.Rect(0, 0, 1240, 1754)
	for name, decode := range map[string]func() (image.Image, error){
		"jpeg":        func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(l.JPEG(1))) },
		"png":         func() (image.Image, error) { return png.Decode(bytes.NewReader(l.PNG(1))) },
		"g4 tiff":     func() (image.Image, error) { return tiff.Decode(bytes.NewReader(l.G4TIFF())) },
		"colour tiff": func() (image.Image, error) { return tiff.Decode(bytes.NewReader(l.MultiPageTIFF())) },
	} {
		img, err := decode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if img.Bounds() != want {
			t.Errorf("%s: %v, want %v", name, img.Bounds(), want)
		}
		if dark := darkDots(img); dark < 5000 || dark > 200000 {
			t.Errorf("%s: %d dark dots do not look like a page of writing", name, dark)
		}
	}
}

func darkDots(img image.Image) (dark int) {
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 0x80 {
				dark++
			}
		}
	}
	return dark
}

func TestLibtiffReadsEveryPage(t *testing.T) {
	tiffcp := tool(t, "tiffcp", "libtiff-tools")
	dir := t.TempDir()
	l := New(3, 3)
	for name, data := range map[string][]byte{"g4": l.G4TIFF(), "colour": l.MultiPageTIFF()} {
		in, out := filepath.Join(dir, name+".tif"), filepath.Join(dir, name+"-raw.tif")
		if err := os.WriteFile(in, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command(tiffcp, "-c", "none", in, out).CombinedOutput(); err != nil || len(said) > 0 {
			t.Fatalf("%s: tiffcp: %v %s", name, err, said)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if name == "g4" {
			if b := l.bilevel(1); !bytes.Contains(raw, b.bits[b.stride*150:b.stride*400]) {
				t.Error("libtiff decodes other dots than were drawn")
			}
		} else if len(raw) < 3*1240*1754*3 {
			t.Error("libtiff found fewer than three pages")
		}
	}
}

func TestPopplerFindsTheCanaryInTheText(t *testing.T) {
	pdftotext := tool(t, "pdftotext", "poppler-utils")
	l := New(4, 2)
	l.Canary = "Zyxomma (4)"
	cmd := exec.Command(pdftotext, "-", "-")
	cmd.Stdin = bytes.NewReader(l.ColourPDF())
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if n := strings.Count(string(text), l.Canary); n != 2 {
		t.Errorf("canary on %d pages, want 2: %q", n, text)
	}
}

func BenchmarkColourPage(b *testing.B) {
	l := New(1, 1)
	for b.Loop() {
		l.JPEG(1)
	}
}

func BenchmarkGroup4Page(b *testing.B) {
	l := New(1, 1)
	for b.Loop() {
		l.G4TIFF()
	}
}
