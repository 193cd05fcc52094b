package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"slices"
	"testing"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// asExtra says of the first n pages of a little-endian TIFF that they are small
// copies of others.
func asExtra(t *testing.T, scan []byte, n int) []byte {
	t.Helper()
	scan = bytes.Clone(scan)
	le := binary.LittleEndian
	at := int(le.Uint32(scan[4:]))
	for range n {
		fields := int(le.Uint16(scan[at:]))
		if tag := le.Uint16(scan[at+2:]); tag != 254 {
			t.Fatalf("a page begins with tag %d", tag)
		}
		le.PutUint32(scan[at+2+8:], 1)
		at = int(le.Uint32(scan[at+2+12*fields:]))
	}
	return scan
}

// turned is a JPEG with EXIF's word that it lies on its side.
func turned(scan []byte) []byte {
	exif := "\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"
	return slices.Insert(bytes.Clone(scan), 2, []byte(exif)...)
}

// withRest is a JPEG with data behind its last row.
func withRest(scan []byte) []byte {
	return slices.Insert(bytes.Clone(scan), len(scan)-2, bytes.Repeat([]byte{0x5a}, 300)...)
}

// quarter turns a picture to the right.
func quarter(img *image.Gray) *image.Gray {
	to := image.NewGray(image.Rect(0, 0, img.Rect.Dy(), img.Rect.Dx()))
	for y := range to.Rect.Dy() {
		for x := range to.Rect.Dx() {
			to.SetGray(x, y, img.GrayAt(y, img.Rect.Dy()-1-x))
		}
	}
	return to
}

// A picture file that is refused and can be drawn is drawn whole, and what stands
// in the clean PDF is that.
func TestARefusedPictureIsDrawnAnew(t *testing.T) {
	l := specimen.New(1, 3)
	l.DPI = 100
	upright := grayOf(l.Image(1))
	r := renderer(t, page.Config{})
	for name, c := range map[string]struct {
		scan  []byte
		code  pdf.Code
		pages []*image.Gray
	}{
		"a JPEG and more":              {withRest(l.JPEG(1)), pdf.Damaged, []*image.Gray{upright}},
		"a JPEG on its side":           {turned(withRest(l.JPEG(1))), pdf.Damaged, []*image.Gray{quarter(upright)}},
		"a TIFF of small copies alone": {asExtra(t, l.MultiPageTIFF(), 3), pdf.Unsupported, []*image.Gray{upright, grayOf(l.Image(2)), grayOf(l.Image(3))}},
	} {
		_, err := pdf.Normaliser{}.Normalise(t.Context(), file(t, c.scan), file(t, nil))
		var refused *pdf.Refusal
		if !errors.As(err, &refused) || refused.Code != c.code {
			t.Fatalf("%s: %v", name, err)
		}
		out := file(t, nil)
		result, err := pdf.Normaliser{}.Redrawn(t.Context(), file(t, c.scan), out)
		if err != nil || result.Pages != len(c.pages) || len(result.Looks) != len(c.pages) {
			t.Errorf("%s: %d pages, %v", name, result.Pages, err)
			continue
		}
		for i, want := range c.pages {
			if !sameLook(result.Looks[i], want) {
				t.Errorf("%s: page %d is not the letter's", name, i+1)
			}
		}
		if _, err := (Inspector{Renderer: r}).Inspect(t.Context(), out, Scan{Looks: result.Looks}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is cut off is not drawn, though a decoder may do it.
func TestWhatIsCutOffIsNotDrawnAnew(t *testing.T) {
	l := specimen.New(1, 2)
	l.DPI = 60
	jpg, fax, lzw := l.JPEG(1), l.G4TIFF(), l.MultiPageTIFF()
	for name, c := range map[string]struct {
		scan []byte
		code pdf.Code
	}{
		"half a JPEG":                 {jpg[:len(jpg)/2], pdf.CutOff},
		"half a JPEG with an end":     {append(bytes.Clone(jpg[:len(jpg)/2]), 0xff, 0xd9), pdf.CutOff},
		"half a TIFF":                 {fax[:len(fax)/2], pdf.CutOff},
		"half a page of Group 4":      {shortStrip(fax), pdf.CutOff},
		"half a page of LZW":          {shortStrip(lzw), pdf.CutOff},
		"two JPEGs":                   {slices.Concat(jpg, jpg), pdf.SeveralScans},
		"a PDF":                       {l.ColourPDF(), pdf.Unsupported},
		"a JPEG without its tables":   {bytes.Replace(jpg, []byte{0xff, 0xc4}, []byte{0xff, 0xfe}, 1), pdf.Damaged},
		"a TIFF that leads in a ring": {ring(fax), pdf.Damaged},
	} {
		out := file(t, nil)
		_, err := pdf.Normaliser{}.Redrawn(t.Context(), file(t, c.scan), out)
		var refused *pdf.Refusal
		if !errors.As(err, &refused) || refused.Code != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if info, err := out.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%s: left %d bytes", name, info.Size())
		}
	}
}

// shortStrip halves what the first page of a little-endian TIFF says that its
// last strip has of data.
func shortStrip(scan []byte) []byte {
	scan = bytes.Clone(scan)
	le := binary.LittleEndian
	at := int(le.Uint32(scan[4:]))
	for i := range int(le.Uint16(scan[at:])) {
		f := scan[at+2+12*i:]
		if le.Uint16(f) != 279 {
			continue
		}
		value := f[8:]
		if n := int(le.Uint32(f[4:])); n > 1 {
			value = scan[int(le.Uint32(f[8:]))+4*(n-1):]
		}
		le.PutUint32(value, le.Uint32(value)/2)
	}
	return scan
}

// ring makes the first page of a little-endian TIFF the one after itself.
func ring(scan []byte) []byte {
	scan = bytes.Clone(scan)
	le := binary.LittleEndian
	at := le.Uint32(scan[4:])
	le.PutUint32(scan[at+2+12*uint32(le.Uint16(scan[at:])):], at)
	return scan
}
