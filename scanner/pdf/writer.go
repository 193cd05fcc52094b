package pdf

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// writer writes a PDF 1.7 file object by object. It writes no document
// information, no identifier and no date: the same pages always give the same
// bytes.
type writer struct {
	out     *bufio.Writer
	at      int64
	offsets []int64 // of object i+1; 0 while it is only promised
	err     error   // the first, after which nothing is written
	pages   []int   // object numbers of the pages, in order
	tree    int     // object number of the page tree's root
}

func newWriter(out io.Writer) *writer {
	w := &writer{out: bufio.NewWriterSize(out, 1<<20)}
	w.printf("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n")
	w.tree = w.promise()
	return w
}

func (w *writer) printf(format string, args ...any) {
	if w.err == nil {
		var n int
		n, w.err = fmt.Fprintf(w.out, format, args...)
		w.at += int64(n)
	}
}

func (w *writer) write(data []byte) {
	if w.err == nil {
		var n int
		n, w.err = w.out.Write(data)
		w.at += int64(n)
	}
}

// promise gives out the number of an object that is written later.
func (w *writer) promise() int {
	w.offsets = append(w.offsets, 0)
	return len(w.offsets)
}

// object writes object number with the given body.
func (w *writer) object(number int, body string) {
	w.offsets[number-1] = w.at
	w.printf("%d 0 obj\n%s\nendobj\n", number, body)
}

// stream writes object number as a stream; dict is its dictionary's content
// without Length.
func (w *writer) stream(number int, dict string, data []byte) {
	w.offsets[number-1] = w.at
	w.printf("%d 0 obj\n<</Length %d%s>>\nstream\n", number, len(data), dict)
	w.write(data)
	w.printf("\nendstream\nendobj\n")
}

// add promises and writes a stream in one go and returns its number.
func (w *writer) add(dict string, data []byte) int {
	number := w.promise()
	w.stream(number, dict, data)
	return number
}

// page appends a page; dict is its dictionary's content without Type and Parent.
func (w *writer) page(dict string) {
	number := w.promise()
	w.object(number, fmt.Sprintf("<</Type/Page/Parent %d 0 R%s>>", w.tree, dict))
	w.pages = append(w.pages, number)
}

// finish writes the page tree, the catalogue (dict is what it holds besides
// Type and Pages) and the cross-reference table.
func (w *writer) finish(dict string) error {
	var kids strings.Builder
	for _, n := range w.pages {
		fmt.Fprintf(&kids, " %d 0 R", n)
	}
	w.object(w.tree, fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(w.pages), kids.String()))
	root := w.promise()
	w.object(root, fmt.Sprintf("<</Type/Catalog/Pages %d 0 R%s>>", w.tree, dict))
	table := w.at
	w.printf("xref\n0 %d\n0000000000 65535 f \n", len(w.offsets)+1)
	for _, at := range w.offsets {
		w.printf("%010d 00000 n \n", at)
	}
	w.printf("trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(w.offsets)+1, root, table)
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}
