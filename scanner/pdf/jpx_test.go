package pdf_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// jpeg2000 has OpenJPEG code a page.
func jpeg2000(t *testing.T, extension string, args ...string) []byte {
	t.Helper()
	b := bench{t, t.TempDir()}
	l := specimen.New(12, 1)
	l.DPI = 30
	b.write("page.png", l.PNG(1))
	b.run("libopenjp2-tools", "opj_compress", append([]string{"-i", "page.png", "-o", "page." + extension}, args...)...)
	data, err := os.ReadFile(filepath.Join(b.dir, "page."+extension))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// jpxPDF is a PDF of one page with a JPEG 2000 picture of about A4 at 30 dots
// per inch.
func jpxPDF(data []byte) []byte {
	return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 280]/Resources<</XObject<</P 5 0 R>>>>/Contents 4 0 R>>",
		stream("", "200 0 0 280 0 0 cm /P Do"),
		stream("/Type/XObject/Subtype/Image/Width 248/Height 351/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/JPXDecode", string(data)))
}

// box is one of a JP2 file.
func box(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(data)))
	return append(append(b, kind...), data...)
}

func TestJPEG2000IsTakenWithTheSamePixels(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	plain := jpeg2000(t, "jp2", "-C", canary)
	head := bytes.Index(plain, []byte("jp2h")) - 4
	size := int(binary.BigEndian.Uint32(plain[head:]))
	inHeader := bytes.Clone(plain[head : head+size])
	inHeader = append(inHeader, box("xml ", []byte(canary))...)
	binary.BigEndian.PutUint32(inHeader, uint32(len(inHeader)))
	endless := bytes.Clone(plain)
	binary.BigEndian.PutUint32(endless[bytes.Index(endless, []byte("jp2c"))-4:], 0)
	for name, data := range map[string][]byte{
		"a file":            plain,
		"a codestream":      jpeg2000(t, "j2k", "-C", canary),
		"tiles":             jpeg2000(t, "j2k", "-t", "100,100"),
		"tiles in parts":    jpeg2000(t, "j2k", "-t", "100,100", "-TP", "R", "-n", "4"),
		"loss":              jpeg2000(t, "jp2", "-r", "20,10", "-SOP", "-EPH"),
		"metadata":          slicesOf(plain[:head], box("xml ", []byte("<x>"+canary+"</x>")), box("uuid", []byte(canary)), plain[head:]),
		"metadata inside":   slicesOf(plain[:head], inHeader, plain[head+size:]),
		"metadata behind":   slicesOf(plain, box("asoc", []byte(canary)), []byte("rubbish")),
		"to the file's end": endless,
		"no mark of an end": plainUntil(jpeg2000(t, "j2k"), 2),
	} {
		t.Run(name, func(t *testing.T) {
			made := samePixels(t, pdftoppm, jpxPDF(data))
			if bytes.Contains(made, []byte(canary)) {
				t.Error("canary is still there")
			}
		})
	}
}

// plainUntil leaves the last n bytes out.
func plainUntil(b []byte, n int) []byte { return b[:len(b)-n] }

func TestJPEG2000ThatIsNotWholeIsRefused(t *testing.T) {
	file, stream := jpeg2000(t, "jp2"), jpeg2000(t, "j2k", "-t", "100,100")
	vast, hole, layered := bytes.Clone(stream), bytes.Clone(file), jpeg2000(t, "jp2", "-r", "40,20,10", "-c", "[64,64]")
	clear(hole[len(hole)/2 : len(hole)-2])
	clear(layered[len(layered)*3/4 : len(layered)-2])
	copy(vast[8:], "\x7f\xff\xff\xff\x7f\xff\xff\xff")
	cuts := map[string]struct {
		data []byte
		want pdf.Code
	}{
		"nothing":                            {nil, pdf.CutOff},
		"text":                               {[]byte("Dear all, this is no picture"), pdf.Damaged},
		"vast":                               {vast, pdf.TooLarge},
		"zeros for its last half":            {hole, pdf.Damaged},
		"zeros for its last quarter, layers": {layered, pdf.Damaged},
		"a missing tile":                     {plainUntil(stream, len(stream)-bytes.LastIndex(stream, []byte{0xff, 0x90})), pdf.CutOff},
	}
	for _, at := range []int{20, 60, 90, len(file) / 2, len(file) - 40} {
		cuts["a file cut at "+strconv.Itoa(at)] = struct {
			data []byte
			want pdf.Code
		}{file[:at], pdf.CutOff}
	}
	for name, c := range cuts {
		t.Run(name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, jpxPDF(c.data))
			if got := refusal(t, err); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
