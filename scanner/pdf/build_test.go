package pdf_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Objects that many made PDFs share.
const (
	pagesOf3  = "<</Type/Pages/Count 1/Kids[3 0 R]>>"
	blankPage = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>"
	// writtenPage has its font in object 4 and its content in object 5.
	writtenPage = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>"
)

// build makes a PDF of objects numbered from 1, the first the catalogue.
func build(objects ...string) []byte {
	var out bytes.Buffer
	var offsets []int
	out.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, at)
	return out.Bytes()
}

// stream is an object for build.
func stream(dict, data string) string {
	return fmt.Sprintf("<</Length %d%s>>\nstream\n%s\nendstream", len(data), dict, data)
}

func deflated(data string) string {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write([]byte(data)) // memory does not fail
	_ = z.Close()
	return out.String()
}

// annotated is a PDF of one page with one annotation.
func annotated(annotation string) []byte {
	return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>",
		"<</Type/Annot"+annotation+">>")
}

// pictured is a PDF of one page with a picture of 10 × 10 grey dots, whose data
// is given.
func pictured(data string) []byte {
	return build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Resources<</XObject<</P 5 0 R>>>>/Contents 4 0 R>>",
		stream("", "/P Do"),
		stream("/Type/XObject/Subtype/Image/Width 10/Height 10/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode",
			deflated(data)))
}

// directoryFirst is a TIFF of one page of 8 × 200 dots whose directory stands
// before its data.
func directoryFirst() []byte {
	le := binary.LittleEndian
	const fields, dots = 8, 200
	out := append([]byte("II*\x00\x08\x00\x00\x00"), fields, 0)
	for _, f := range [fields][2]uint32{{256, 8}, {257, dots}, {258, 1}, {259, 1}, {262, 1},
		{273, 8 + 2 + 12*fields + 4}, {278, dots}, {279, dots}} {
		out = le.AppendUint16(out, uint16(f[0]))
		out = le.AppendUint16(out, 4) // long
		out = le.AppendUint32(out, 1)
		out = le.AppendUint32(out, f[1])
	}
	out = append(out, 0, 0, 0, 0)
	return append(out, bytes.Repeat([]byte{0xa5}, dots)...)
}

// hugeObjectNumber is a small PDF with an object numbered 2147483647.
func hugeObjectNumber() []byte {
	return bytes.Replace(build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage), []byte("trailer"),
		[]byte("2147483647 1\n0000000009 00000 n \ntrailer"), 1)
}

// loopedTIFF makes the last directory of a TIFF point to the first.
func loopedTIFF(t []byte) []byte {
	t = bytes.Clone(t)
	le := binary.LittleEndian
	first := le.Uint32(t[4:])
	at := first
	for {
		link := at + 2 + 12*uint32(le.Uint16(t[at:]))
		if at = le.Uint32(t[link:]); at == 0 {
			le.PutUint32(t[link:], first)
			return t
		}
	}
}

// vastPNG is a small file that says it is a large grey picture, and holds that
// many rows of it.
func vastPNG(width, height, rows int) []byte {
	var out bytes.Buffer
	out.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(&out, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		out.Write(body)
		_ = binary.Write(&out, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = binary.BigEndian.AppendUint32(header, uint32(height))
	chunk("IHDR", append(header, 8, 0, 0, 0, 0))
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	row := make([]byte, 1+width)
	for range rows {
		_, _ = z.Write(row)
	}
	_ = z.Close()
	chunk("IDAT", data.Bytes())
	chunk("IEND", nil)
	return out.Bytes()
}

// checksum is that of a PNG chunk, type included.
func checksum(chunk []byte) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk))
}
