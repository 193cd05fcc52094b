package separator

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// document collects the objects of a PDF 1.7 file. It holds no date and no
// identifier: the same sheets are always the same bytes.
type document struct {
	objects []string
}

// promise gives out the number of an object that is written later.
func (d *document) promise() int {
	d.objects = append(d.objects, "")
	return len(d.objects)
}

// object adds an object and returns its number.
func (d *document) object(body string) int {
	d.objects = append(d.objects, body)
	return len(d.objects)
}

// stream adds a compressed stream; dict is its dictionary's content without
// Length and Filter.
func (d *document) stream(dict string, data []byte) int {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write(data) // a buffer takes everything
	_ = z.Close()
	return d.object(fmt.Sprintf("<</Length %d/Filter/FlateDecode%s>>\nstream\n%s\nendstream", packed.Len(), dict, packed.Bytes()))
}

// write writes the file; root is the number of its catalogue.
func (d *document) write(w io.Writer, root int) error {
	var out strings.Builder
	out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, 0, len(d.objects))
	for i, body := range d.objects {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, root, table)
	_, err := io.WriteString(w, out.String())
	return err
}
