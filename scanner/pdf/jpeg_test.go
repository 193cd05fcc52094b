package pdf

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"slices"
	"testing"

	"letterlock/scanner/specimen"
)

// FuzzJPEG: what is taken is a stripped JPEG that Go decodes too, to the same
// picture.
func FuzzJPEG(f *testing.F) {
	l := specimen.New(1, 1)
	l.DPI = 8
	f.Add(l.JPEG(1))
	f.Add(l.JPEG(1)[:300])
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x20Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\xff\xd9"))
	for _, name := range jpegKinds {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := parseJPEG(data)
		if err != nil || j.width*j.height > 1<<20 || j.check(Limits{MaxPixels: 1 << 20}) != nil {
			return
		}
		again, err := parseJPEG(j.data)
		if err != nil || !bytes.Equal(again.data, j.data) || again.width != j.width {
			t.Fatalf("a stripped JPEG is not a stripped JPEG: %v", err)
		}
		if err := again.check(Limits{MaxPixels: 1 << 20}); err != nil || len(again.data) != len(j.data) {
			t.Fatalf("a stripped JPEG is refused: %v", err)
		}
		img, err := jpeg.Decode(bytes.NewReader(j.data))
		if err != nil || j.components == 4 {
			return // Go is less liberal
		}
		if img.Bounds().Dx() != j.width || img.Bounds().Dy() != j.height {
			t.Fatalf("another picture: %v", img.Bounds())
		}
	})
}

// jpegKinds are JPEGs of 61 × 43 dots, one of a kind. See testdata/README.
var jpegKinds = []string{"baseline.jpg", "grey.jpg", "progressive.jpg", "restarts.jpg", "restarts-progressive.jpg", "rgb.jpg",
	"separate.jpg", "odd-sampling.jpg", "cmyk.jpg", "ycck.jpg"}

func TestTheLookOfAJPEGIsThatOfItsDots(t *testing.T) {
	for _, name := range jpegKinds {
		data := testdata(t, name)
		_, looks, err := toPDF(data, jpegToPDF)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tolerance := 3
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil { // Go does not read restarts in progressive mode; it is the same picture as
			img, err = jpeg.Decode(bytes.NewReader(testdata(t, "baseline.jpg")))
			tolerance = 20
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ink := img.(*image.CMYK); ink {
			tolerance = 60 // Go does not draw ink as a press does
		}
		for i, want := range LookOf(img).Gray {
			if d := int(want) - int(looks[0].Gray[i]); d > tolerance || d < -tolerance {
				t.Errorf("%s: cell %d is %d, want %d", name, i, looks[0].Gray[i], want)
				break
			}
		}
	}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAJPEGCutAnywhereIsNotTaken puts an end of image behind every part of a
// JPEG, so that only the picture data can tell.
func TestAJPEGCutAnywhereIsNotTaken(t *testing.T) {
	for _, name := range jpegKinds {
		whole := testdata(t, name)
		for n := range len(whole) - 2 {
			cut := append(bytes.Clone(whole[:n]), 0xff, eoi)
			j, err := parseJPEG(cut)
			if err == nil {
				err = j.check(Limits{MaxPixels: 1 << 20})
			}
			if err == nil {
				t.Errorf("%s: taken with %d of %d bytes", name, n, len(whole))
				break
			}
		}
	}
}

// TestAJPEGOverwrittenAnywhereIsNotTaken overwrites a part of the picture data,
// as a lost network packet or a bad block of a disk does; the end of image stays.
func TestAJPEGOverwrittenAnywhereIsNotTaken(t *testing.T) {
	page := specimen.New(3, 1)
	page.DPI = 60
	scans := map[string][]byte{"page": page.JPEG(1)}
	for _, name := range append([]string{"optimised.jpg"}, jpegKinds...) {
		scans[name] = testdata(t, name)
	}
	for name, whole := range scans {
		n, first := len(whole)-len("\xff\xd9"), bytes.Index(whole, []byte{0xff, sos})+20
		for what, part := range map[string][2]int{"last half": {n / 2, n}, "last quarter": {n * 3 / 4, n}, "last 512 bytes": {n - 512, n},
			"last 4 kB": {n - 4096, n}, "a block in the middle": {n / 2, n/2 + 512}} {
			from, to := max(part[0], first), min(part[1], n)
			for fill, with := range map[string]byte{"zeros": 0, "ones": 0xff, "a pattern": 0xaa} {
				spoiled := append(append(bytes.Clone(whole[:from]), bytes.Repeat([]byte{with}, to-from)...), whole[to:]...)
				if _, _, err := toPDF(spoiled, jpegToPDF); codeOf(err) != CutOff && codeOf(err) != Damaged {
					t.Errorf("%s: taken with %s in its %s (%v)", name, fill, what, err)
				}
			}
		}
	}
}

// TestAFewZerosThatDrawAreNoPicture overwrites so little that the data behind it
// is often read as before.
func TestAFewZerosThatDrawAreNoPicture(t *testing.T) {
	page := specimen.New(3, 1)
	page.DPI = 60
	drawing := testdata(t, "libreoffice/drawing.pdf")
	drawing = drawing[bytes.Index(drawing, []byte("\xff\xd8\xff")):] // progressive: the shades come first
	for name, c := range map[string]struct {
		scan  []byte
		zeros int
	}{"page": {page.JPEG(1), 16}, "shades": {drawing, 64}} {
		first := bytes.Index(c.scan, []byte{0xff, sos}) + 20
		for at := first; at < first+800; at += 7 {
			spoiled := bytes.Clone(c.scan)
			clear(spoiled[at:][:c.zeros])
			j, err := parseJPEG(spoiled)
			if err == nil {
				err = j.check(Limits{MaxPixels: 1 << 20})
			}
			if err == nil {
				t.Errorf("%s: taken with zeros from %d on", name, at)
			}
		}
	}
}

// TestZerosInATableAreNoPicture: all that is drawn with that number would be missing.
func TestZerosInATableAreNoPicture(t *testing.T) {
	whole := testdata(t, "baseline.jpg")
	at := bytes.Index(whole, []byte{0xff, dqt}) + 5
	for _, zeros := range []int{1, 63} {
		spoiled := bytes.Clone(whole)
		clear(spoiled[at+64-zeros:][:zeros])
		if _, _, err := toPDF(spoiled, jpegToPDF); codeOf(err) != Damaged {
			t.Errorf("taken with %d zeros in a table (%v)", zeros, err)
		}
	}
}

// TestZerosThatDrawAreNoPicture looks for the number of zeros that stand for
// exactly as many blocks as they displaced, so that none is left over.
func TestZerosThatDrawAreNoPicture(t *testing.T) {
	page := specimen.New(3, 1)
	page.DPI = 60
	whole := page.JPEG(1)
	half := whole[:len(whole)/2]
	few, many := 64, len(whole)*100
	for few < many {
		n := (few + many) / 2
		_, _, err := toPDF(slices.Concat(half, make([]byte, n), []byte{0xff, eoi}), jpegToPDF)
		switch codeOf(err) {
		case CutOff:
			few = n + 1
		case Damaged:
			many = n
		default:
			t.Fatalf("taken with %d zeros (%v)", n, err)
		}
	}
}

func TestJPEGsThatAreNotReadSaySo(t *testing.T) {
	base := testdata(t, "baseline.jpg")
	frame := bytes.Index(base, []byte{0xff, sof0})
	changed := func(at int, v byte) []byte {
		data := bytes.Clone(base)
		data[at] = v
		return data
	}
	for name, c := range map[string]struct {
		scan []byte
		want Code
	}{
		"arithmetic":           {testdata(t, "arithmetic.jpg"), Unsupported},
		"lossless":             {changed(frame+1, 0xc3), Unsupported},
		"12 bits":              {changed(frame+4, 12), Unsupported},
		"a height told later":  {changed(frame+6, 0), Unsupported},
		"too large":            {changed(frame+5, 0xff), TooLarge},
		"taller than its data": {changed(frame+6, base[frame+6]+40), CutOff},
		"a table not there":    {bytes.Replace(base, []byte{0xff, dht}, []byte{0xff, 0xfe}, 1), Damaged},
	} {
		scan := c.scan
		if name == "too large" {
			scan[frame+7] = 0xff
		}
		if _, _, err := toPDF(scan, jpegToPDF); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestNothingHidesInAJPEG puts words everywhere where a decoder does not look.
func TestNothingHidesInAJPEG(t *testing.T) {
	const canary = "Canary!" // as long as what may stand there
	plain := testdata(t, "restarts.jpg")
	want, _, err := toPDF(plain, jpegToPDF)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(at int, b []byte) []byte { return slices.Insert(bytes.Clone(plain), at, b...) }
	// Everything behind the first interval, and the first of that.
	again := plain[bytes.Index(plain, []byte{0xff, rst0}) : len(plain)-2]
	row := again[2:bytes.Index(again, []byte{0xff, rst0 + 1})]
	hidden := append([]byte{0xff, 0, 0, byte(len(canary) + 2)}, canary...)
	scan := bytes.Index(plain, []byte{0xff, sos})
	comment, app := bytes.Clone(hidden), bytes.Clone(hidden)
	comment[1], app[1] = 0xfe, 0xe5
	for name, data := range map[string][]byte{
		"a comment":                   insert(2, comment),
		"an application's segment":    insert(scan, app),
		"behind the end":              append(bytes.Clone(plain), canary...),
		"between the data and a mark": insert(bytes.Index(plain, []byte{0xff, rst0}), []byte(canary)),
		"between the data and an end": insert(len(plain)-2, []byte(canary)),
		"the last rows again":         insert(len(plain)-2, again),
		"them over and over":          insert(len(plain)-2, bytes.Repeat(again, 9)),
		"a mark before the end":       insert(len(plain)-2, []byte{0xff, rst0 + 5}),
		"tables behind":               append(bytes.Clone(plain), 0xff, soi, 0xff, dri, 0, 4, 0, 0, 0xff, eoi),
	} {
		got, _, err := toPDF(data, jpegToPDF)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d (%v)", name, len(got), len(want), err)
		}
	}
	for name, data := range map[string][]byte{
		"more between the data and a mark": insert(bytes.Index(plain, []byte{0xff, rst0}), []byte(canary+"!")),
		"more between the data and an end": insert(len(plain)-2, []byte(canary+"!")),
		"more rows than it says":           insert(len(plain)-2, slices.Concat([]byte{0xff, rst0 + 5}, row[2:])),
		"rows again and another one":       insert(len(plain)-2, append(bytes.Clone(again), slices.Concat([]byte{0xff, rst0}, row[1:])...)),
		"rows again without their mark":    insert(len(plain)-2, again[2:]),
	} {
		if _, _, err := toPDF(data, jpegToPDF); codeOf(err) != Damaged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStrippedJPEGIsTheSamePicture(t *testing.T) {
	data := specimen.New(2, 1).JPEG(1)
	j, err := parseJPEG(data)
	if err != nil {
		t.Fatal(err)
	}
	if j.dpiX != 150 || j.dpiY != 150 || bytes.Contains(j.data, []byte("JFIF")) {
		t.Errorf("resolution %v × %v", j.dpiX, j.dpiY)
	}
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(j.data))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) {
		t.Error("another picture")
	}
}

func TestAFullDiskIsNotTheScansFault(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Skip("needs /dev/full, a Linux device")
	}
	defer full.Close()
	scan, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	if _, err := scan.Write(specimen.New(3, 1).ColourPDF()); err != nil {
		t.Fatal(err)
	}
	m := work(scan, full, job{Limits: Limits{}.withDefaults(1 << 20)})
	if m.Result != nil || m.Refused != "" {
		t.Fatalf("%+v", m)
	}
	_, err = m.outcome()
	var refusal *Refusal
	if err == nil || errors.As(err, &refusal) || err.Error() != "writing the clean PDF: no space left on device" {
		t.Errorf("%v", err)
	}
}
