package pdf_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// plainPDF is a PDF of one page with two squares.
func plainPDF() []byte { return paged("/MediaBox[0 0 200 200]/Contents 4 0 R") }

// bomb is n bytes of the same, compressed times over.
func bomb(b byte, n, times int) string {
	data := bytes.Repeat([]byte{b}, n)
	for range times {
		var out bytes.Buffer
		z := zlib.NewWriter(&out)
		_, _ = z.Write(data) // memory does not fail
		_ = z.Close()
		data = out.Bytes()
	}
	return string(data)
}

// endsWith is a PDF whose end is replaced.
func endsWith(scan []byte, from, end string) []byte {
	return append(bytes.Clone(scan[:bytes.LastIndex(scan, []byte(from))]), end...)
}

// xrefStream is a PDF with one page whose table is a stream of so many entries.
func xrefStream(dict, data string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	for i, o := range []string{"<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage} {
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := out.Len()
	fmt.Fprintf(&out, "4 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", stream("/Type/XRef/Root 1 0 R/W[1 4 2]"+dict, data), at)
	return out.Bytes()
}

// manyPages has n pages, all blank.
func manyPages(n int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	var kids strings.Builder
	for i := range n {
		fmt.Fprintf(&kids, "%d 0 R ", i+3)
		objects = append(objects, blankPage)
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", n, kids.String())
	return build(objects...)
}

// samePageOften names one page n times.
func samePageOften(n int) []byte {
	return build("<</Type/Catalog/Pages 2 0 R>>",
		fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", n, strings.Repeat("3 0 R ", n)), blankPage)
}

// doublingPages is a page tree in which every node has the next one twice, and
// doublingForms a chain of forms.
func doublingPages(depth int) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>"}
	for i := range depth {
		objects = append(objects, fmt.Sprintf("<</Type/Pages/Parent %d 0 R/Count 2/Kids[%d 0 R %[2]d 0 R]>>", i+1, i+3))
	}
	return build(append(objects, blankPage)...)
}

func doublingForms(depth int) []byte {
	var forms []string
	for i := range depth {
		forms = append(forms, stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A %d 0 R/B %[1]d 0 R>>>>", i+6), "/A Do /B Do"))
	}
	return onePage("/XObject<</A 5 0 R>>", "/A Do", append(forms, stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", squares))...)
}

// chained is a chain of forms, each in the next.
func chained(depth int) []byte {
	var forms []string
	for i := range depth {
		forms = append(forms, stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A %d 0 R>>>>", i+6), "/A Do"))
	}
	return onePage("/XObject<</A 5 0 R>>", "/A Do", append(forms, stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]", squares))...)
}

// claiming is a page with a picture that claims to be so large.
func claiming(width, height int, filter, data string) []byte {
	return onePage("/XObject<</P 5 0 R>>", drawP, stream(fmt.Sprintf(
		"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB%s", width, height, filter), data))
}

// fax is a page with a picture of 8 × 8 dots in Group 4.
func fax(data string) []byte {
	return onePage("/XObject<</P 5 0 R>>", drawP, stream("/Type/XObject/Subtype/Image/Width 8/Height 8/BitsPerComponent 1"+
		"/ColorSpace/DeviceGray/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 8>>", data))
}

// vastJPEG is a JPEG whose head says it is as large as JPEG can be.
func vastJPEG(t *testing.T) []byte {
	b := jpegOf(t, patches(8, 8))
	at := bytes.Index(b, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint32(b[at+5:], 65500<<16|65500)
	return b
}

// locked encrypts with passwords, either of which may be empty.
func locked(t *testing.T, user, owner string) []byte {
	t.Helper()
	api.DisableConfigDir()
	var out bytes.Buffer
	if err := api.Encrypt(bytes.NewReader(plainPDF()), &out, model.NewAESConfiguration(user, owner, 256)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// openly is encrypted with empty passwords: whoever opens it notices nothing.
func openly(t *testing.T) []byte {
	t.Helper()
	b := bench{t, t.TempDir()}
	b.write("plain.pdf", plainPDF())
	return b.qpdf("--encrypt", "", "", "256", "--", "plain.pdf")
}

// zipped is a ZIP of one file, as office programs save.
func zipped(name string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, _ := z.Create(name) // memory does not fail
	_, _ = w.Write([]byte(canary))
	_ = z.Close()
	return out.Bytes()
}

// tiff is a little-endian TIFF of directories, each a list of tag, type, count
// and value, linked in their order; the last goes on at next.
func tiff(next uint32, directories ...[][4]uint32) []byte {
	le := binary.LittleEndian
	out := append([]byte("II*\x00"), 8, 0, 0, 0)
	for i, fields := range directories {
		out = le.AppendUint16(out, uint16(len(fields)))
		for _, f := range fields {
			out = le.AppendUint16(out, uint16(f[0]))
			out = le.AppendUint16(out, uint16(f[1]))
			out = le.AppendUint32(out, f[2])
			out = le.AppendUint32(out, f[3])
		}
		link := next
		if i+1 < len(directories) {
			link = uint32(len(out) + 4)
		}
		out = le.AppendUint32(out, link)
	}
	return append(out, make([]byte, 4096)...)
}

// bilevel are the fields of a page without compression.
func bilevel(width, height, offset, count uint32) [][4]uint32 {
	return [][4]uint32{{256, 4, 1, width}, {257, 4, 1, height}, {258, 3, 1, 1}, {259, 3, 1, 1}, {262, 3, 1, 1},
		{273, 4, 1, offset}, {277, 3, 1, 1}, {278, 4, 1, height}, {279, 4, 1, count}}
}

// pngChunks is a PNG of chunks.
func pngChunks(chunks ...[2]string) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	for _, c := range chunks {
		out = binary.BigEndian.AppendUint32(out, uint32(len(c[1])))
		body := c[0] + c[1]
		out = binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE([]byte(body)))
	}
	return out
}
