package progress

import (
	"bytes"
	"io"
)

// Lines counts the lines that are read from r.
func (w *Work) Lines(r io.Reader) io.Reader { return &lineReader{w, r} }

type lineReader struct {
	work *Work
	from io.Reader
}

func (r *lineReader) Read(p []byte) (n int, err error) {
	n, err = r.from.Read(p)
	r.work.Add(int64(bytes.Count(p[:n], []byte{'\n'})))
	return n, err
}

// LinesTo counts the lines that are written to out.
func (w *Work) LinesTo(out io.Writer) io.Writer { return &lineWriter{w, out} }

type lineWriter struct {
	work *Work
	to   io.Writer
}

func (l *lineWriter) Write(p []byte) (n int, err error) {
	n, err = l.to.Write(p)
	l.work.Add(int64(bytes.Count(p[:n], []byte{'\n'})))
	return n, err
}
