package pdf_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"letterlock/scanner/pdf"
)

// jbig2dec decodes a file to a PBM: a head, and a bit a dot.
func jbig2dec(t *testing.T, file []byte) []byte {
	t.Helper()
	program := tool(t, "jbig2dec", "jbig2dec")
	name := filepath.Join(t.TempDir(), "page.jb2")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-t", "pbm", "-o", "-", name).Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("jbig2dec: %v, %d bytes", err, len(out))
	}
	return out
}

// pbm is a picture as jbig2dec writes it.
func (d dots) pbm() []byte {
	var out []byte
	for y := range d {
		for x := 0; x < len(d[y]); x += 8 {
			var b byte
			for i := range 8 {
				b = b<<1 | byte(d.at(x+i, y))
			}
			out = append(out, b)
		}
	}
	return out
}

func TestTheJBIG2OfTheseTestsIsJBIG2(t *testing.T) {
	d := newDots(96, 80)
	if got := jbig2dec(t, jbig2File(jbPage(96, 80), jbGeneric(1, d, 0), jbSegment(2, 49, 1, nil, nil))); !bytes.HasSuffix(got, d.pbm()) {
		t.Error("the dots are others")
	}
	got := jbig2dec(t, jbig2File(jbPage(96, 80), jbSymbols(1, 1), jbText(2, 1, 96, 80), jbSegment(3, 49, 1, nil, nil)))
	want := newDots(96, 80)
	for y := range want {
		clear(want[y])
	}
	for _, left := range []int{10, 10 + 7 + 9} {
		for y, row := range []byte{0xff, 0x81, 0x81, 0x99, 0x99, 0x81, 0x81, 0xff} {
			for x := range 8 {
				want[y][left+x] = row&(0x80>>x) != 0
			}
		}
	}
	if !bytes.HasSuffix(got, want.pbm()) {
		t.Error("the shapes are not where they should be")
	}
}

func TestJBIG2DotByDotIsTakenWithTheSamePixels(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	d := newDots(96, 80)
	half, other := d[:40], d[40:]
	comment := jbSegment(9, 62, 1, nil, []byte("\x20\x00\x00\x00"+canary+"\x00\x00\x00"))
	striped := bytes.Clone(jbPage(96, -1))
	copy(striped[len(striped)-2:], []byte{0x80, 40}) // stripes of 40 rows
	for name, scan := range map[string][]byte{
		"one region":         jbig2PDF(96, 80, nil, jbPage(96, 80), jbGeneric(1, d, 0)),
		"an end of the page": jbig2PDF(96, 80, nil, jbPage(96, 80), jbGeneric(1, d, 0), jbSegment(2, 49, 1, nil, nil)),
		"two regions":        jbig2PDF(96, 80, nil, jbPage(96, 80), jbGeneric(1, half, 0), jbGeneric(2, other, 40)),
		"stripes": jbig2PDF(96, 80, nil, striped, jbGeneric(1, half, 0), jbSegment(2, 50, 1, nil, []byte{0, 0, 0, 39}),
			jbGeneric(3, other, 40), jbSegment(4, 50, 1, nil, []byte{0, 0, 0, 79})),
		"a comment":            jbig2PDF(96, 80, nil, jbPage(96, 80), comment, jbGeneric(1, d, 0)),
		"padding":              jbig2PDF(96, 80, nil, jbPage(96, 80), jbGeneric(1, d, 0), []byte("\r\n\x00\x00")),
		"a length not known":   jbig2PDF(96, 80, nil, jbPage(96, 80), openEnded(jbGeneric(1, d, 0), 80)),
		"globals with nothing": jbig2PDF(96, 80, jbSegment(0, 52, 0, nil, []byte{0, 0, 0, 0}), jbPage(96, 80), jbGeneric(1, d, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			made := samePixels(t, pdftoppm, scan)
			if bytes.Contains(made, []byte(canary)) {
				t.Error("the comment is still there")
			}
			if black := bytes.Count(render(t, pdftoppm, made, 50, "-gray"), []byte{0}); black < 50 {
				t.Errorf("%d black dots: the page is blank", black)
			}
		})
	}
}

// openEnded makes a region's length one that was not known when it began.
func openEnded(region []byte, rows int) []byte {
	region = bytes.Clone(region)
	const head = 4 + 1 + 1 + 1
	binary.BigEndian.PutUint32(region[head:], 0xffffffff)
	return binary.BigEndian.AppendUint32(region, uint32(rows))
}

func TestJBIG2ThatRepeatsShapesIsRefusedUnlessItIsAllowed(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	own := jbig2PDF(96, 80, nil, jbPage(96, 80), jbSymbols(1, 1), jbText(2, 1, 96, 80))
	shared := jbig2PDF(96, 80, jbSymbols(1, 0), jbPage(96, 80), jbText(2, 1, 96, 80))
	for name, scan := range map[string][]byte{"its own shapes": own, "shared shapes": shared} {
		_, _, err := clean(t, pdf.Normaliser{}, scan)
		code := refusal(t, err)
		if code != pdf.Symbols {
			t.Errorf("%s: %s", name, code)
		}
		made, _, err := clean(t, pdf.Normaliser{Limits: pdf.Limits{AllowSymbols: true}}, scan)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(render(t, pdftoppm, scan, 50), render(t, pdftoppm, made, 50)) {
			t.Errorf("%s: other pixels", name)
		}
	}
}

func TestJBIG2ThatIsNotWholeIsRefused(t *testing.T) {
	d := newDots(96, 80)
	region := jbGeneric(1, d, 0)
	vast := bytes.Clone(region)
	binary.BigEndian.PutUint32(vast[11:], 1<<30)
	hole := jbGeneric(1, newDots(1200, 800), 0)
	clear(hole[len(hole)/2 : len(hole)-2])
	for _, c := range []struct {
		name string
		data []byte
		want pdf.Code
	}{
		{"nothing", nil, pdf.Damaged},
		{"no page", region, pdf.Damaged},
		{"two pages", slicesOf(jbPage(96, 80), jbPage(96, 80)), pdf.Damaged},
		{"a region that stops", slicesOf(jbPage(96, 80), region[:len(region)-9]), pdf.CutOff},
		{"a head that stops", slicesOf(jbPage(96, 80), region[:8]), pdf.CutOff},
		{"a length that is not known and no end", slicesOf(jbPage(96, 80), openEnded(region[:len(region)-9], 0)[:60]), pdf.CutOff},
		{"the lower half missing", slicesOf(jbPage(96, 80), jbGeneric(1, d[:40], 0)), pdf.CutOff},
		{"a page that is vast", slicesOf(jbPage(1<<20, 1<<20), region), pdf.TooLarge},
		{"a region with zeros for its last half", slicesOf(jbPage(1200, 800), hole), pdf.Damaged},
		{"a region that is vast", slicesOf(jbPage(96, 80), vast), pdf.TooLarge},
		{"a file in the place of a stream", jbig2File(jbPage(96, 80), region), pdf.Damaged},
		{"a segment nobody knows", slicesOf(jbPage(96, 80), jbSegment(1, 60, 1, nil, nil), region), pdf.Damaged},
		{"references without end", slicesOf(jbPage(96, 80), []byte{0, 0, 0, 1, 38, 0xff, 0xff, 0xff, 0xff, 1, 2, 3}), pdf.CutOff},
		{"a halftone", slicesOf(jbPage(96, 80), jbSegment(1, 16, 1, nil, make([]byte, 20)), region), pdf.Symbols},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, jbig2PDF(96, 80, nil, c.data))
			if got := refusal(t, err); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
