package pdf

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"testing"

	"letterlock/scanner/specimen"
)

func FuzzParseJPEG(f *testing.F) {
	l := specimen.New(1, 1)
	l.DPI = 8
	f.Add(l.JPEG(1))
	f.Add(l.JPEG(1)[:300])
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x20Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\xff\xd9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := parseJPEG(data)
		if err != nil {
			return
		}
		again, err := parseJPEG(j.data)
		if err != nil || !bytes.Equal(again.data, j.data) || again.width != j.width {
			t.Fatalf("a stripped JPEG is not a stripped JPEG: %v", err)
		}
		if j.width*j.height > 1<<20 || j.check(Limits{MaxPixels: 1 << 20}) != nil {
			return
		}
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			return // what was stripped was at fault
		}
		got, err := jpeg.Decode(bytes.NewReader(j.data))
		if err != nil || got.Bounds() != want.Bounds() {
			t.Fatalf("another picture: %v", err)
		}
	})
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
	m := work(scan, full, Limits{}.withDefaults(1<<20))
	if m.Result != nil || m.Refused != "" {
		t.Fatalf("%+v", m)
	}
	_, err = m.outcome()
	var refusal *Refusal
	if err == nil || errors.As(err, &refusal) || err.Error() != "writing the clean PDF: no space left on device" {
		t.Errorf("%v", err)
	}
}
