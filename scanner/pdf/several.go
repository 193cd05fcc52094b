package pdf

import (
	"bytes"
	"io"
	"iter"
	"regexp"
	"strings"
)

// Files are joined by programs that append: an upload that goes on behind what
// an earlier one left (FTP's APPE), "copy /b", "cat". Every program then shows
// one of the scans, the first or the last, and none says that there is another,
// which would be a letter lost. So each format looks behind its end, and in what
// nothing in the file leads to, for where another scan begins.

// The second bytes of the segment with which a JPEG may begin: a frame, tables,
// an interval, a comment, an application's data.
const jpegSecond = "\xc0\xc1\xc2\xc4\xdb\xdd\xfe" +
	"\xe0\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef"

// allSignatures are those of every format.
var allSignatures = append([]signature{pdfSignature}, signatures...)

// beginnings are the places in b at which a scan may begin, by their formats and
// in no order, by their first few bytes.
func beginnings(b []byte) iter.Seq2[int, Format] {
	return func(yield func(int, Format) bool) {
		for _, s := range allSignatures {
			for from := 0; ; {
				at := bytes.Index(b[from:], []byte(s.magic))
				if at < 0 {
					break
				}
				at += from
				from = at + 1
				next := from - 1 + len(s.magic)
				if s.format == JPEG && (next == len(b) || strings.IndexByte(jpegSecond, b[next]) < 0) {
					continue
				}
				if !yield(at, s.format) {
					return
				}
			}
		}
	}
}

// tiffBegins reports whether a TIFF begins at off, where its first bytes stand:
// its first directory is one, or is not in the file, as when it broke off. When
// sure, it must be there and be a page's.
func tiffBegins(r io.ReaderAt, size, off int64, sure bool) (bool, error) {
	t, first, ok, err := openTIFF(io.NewSectionReader(r, off, size-off), size-off)
	if err != nil || ok && first < 8 {
		return false, err
	}
	if !ok {
		return !sure, nil
	}
	d, _, err := t.directory(first)
	switch {
	case err != nil || d.trouble:
		return false, err
	case !d.whole:
		return !sure, nil
	case !sure:
		return len(d.fields) > 0, nil
	}
	return d.fields[tagWidth].count == 1 && d.fields[tagLength].count == 1 && d.count() > 0, nil
}

// jpegBegins reports whether a JPEG with a picture begins at off, where its first
// bytes stand: tables alone, which libtiff leaves in a file when it writes them
// anew, are none. When sure, segment must follow segment up to the picture data,
// and one of them be a frame.
func jpegBegins(r io.ReaderAt, size, off int64, sure bool) (bool, error) {
	const most = 64
	at, framed := off+2, false
	for range most {
		b, err := window(r, size, at, 10)
		if err != nil {
			return false, err
		}
		if len(b) >= 2 && b[0] == 0xff && b[1] == eoi {
			return false, nil
		}
		if len(b) < 4 || b[0] != 0xff {
			break
		}
		length := int64(b[2])<<8 + int64(b[3])
		if b[1] == sos {
			return framed || !sure, nil
		}
		if b[1] < sof0 || b[1] >= rst0 && b[1] < sos || length < 2 {
			break
		}
		if b[1] == sof0 || b[1] == sof0+1 || b[1] == sof2 {
			if framed = len(b) == 10 && b[4] == 8 && length == 8+3*int64(b[9]); !framed {
				break
			}
		}
		at += 2 + length
	}
	return !sure, nil
}

// begins is what the first bytes of a scan at off tell on a closer look, for
// formats of which they tell too little.
func begins(r io.ReaderAt, size, off int64, format Format, sure bool) (bool, error) {
	switch format {
	case JPEG:
		return jpegBegins(r, size, off, sure)
	case TIFF:
		return tiffBegins(r, size, off, sure)
	}
	return true, nil
}

// scanIn reports whether a scan begins in b, apart from what lies in the spans.
func scanIn(b []byte, apart ...span) bool {
	for at, format := range beginnings(b) {
		if inside(apart, int64(at)) {
			continue
		}
		// Memory does not fail.
		if found, err := begins(bytes.NewReader(b), int64(len(b)), int64(at), format, false); found && err == nil {
			return true
		}
	}
	return false
}

// span is a stretch of a file, in bytes.
type span struct{ from, to int64 }

func inside(spans []span, at int64) bool {
	for _, s := range spans {
		if s.from <= at && at < s.to {
			return true
		}
	}
	return false
}

// header is a PDF's first line.
var header = regexp.MustCompile(`%PDF-\d\.\d[ \t]*[\r\n]`)

// severalPDF looks through a file that is a PDF for a second one, or for a
// picture file, behind it.
//
// What shows one is any scan's beginning behind an end of the file ("%%EOF") and
// padding, or behind as many other bytes as may stand before a PDF. As the first
// PDF may have broken off, a first line elsewhere shows one too. An attached PDF
// begins with its stream, or is compressed; attachedScans looks for it. What is appended as an
// update has no first line.
func severalPDF(r io.ReaderAt, size int64) (bool, error) {
	const step, before, behind = 1 << 20, 16, padding + 2*headBytes
	for at := int64(0); at < size; at += step {
		from := max(0, at-before)
		b, err := window(r, size, from, int(at-from)+step+behind)
		if err != nil {
			return false, err
		}
		for _, place := range header.FindAllIndex(b, -1) {
			front := b[:place[0]]
			if atHead := from+int64(place[0]) < headBytes; atHead && !bytes.Contains(front, []byte("obj")) {
				continue // other bytes may stand before the first, and a line like it
			}
			if !beginsStream(front) {
				return true, nil
			}
		}
		for rest := b; ; {
			end := bytes.Index(rest, []byte("%%EOF"))
			if end < 0 {
				break
			}
			if rest = rest[end+len("%%EOF"):]; scanFollows(rest) {
				return true, nil
			}
		}
	}
	return false, nil
}

// Unfinished says why a scan of that format is refused that has stayed incomplete
// (ErrIncomplete): it is empty, something else stands behind it, which no waiting
// will mend, or it was cut off. It reads the whole file; an error is that of r.
func Unfinished(r io.ReaderAt, size int64, format Format) (Code, error) {
	switch {
	case size == 0:
		return Empty, nil
	case format != PDF: // which has its end looked for behind what it begins with
		return CutOff, nil
	}
	joined, err := severalPDF(r, size)
	if err == nil && !joined {
		joined, err = strangerFollows(r, size)
	}
	if joined {
		return SeveralScans, err
	}
	return CutOff, err
}

// pdfGoesOn is how a PDF continues behind an end: a first part (linearised) or an
// update with objects or a table, and an attached PDF with the end of its stream.
var pdfGoesOn = regexp.MustCompile(`^(\d+[\s\x00]+\d+[\s\x00]+obj|xref|trailer|startxref|endstream|%)`)

// strangerFollows reports whether behind the last end of a PDF something stands
// that is no part of it.
func strangerFollows(r io.ReaderAt, size int64) (bool, error) {
	const mark = "%%EOF"
	end := int64(-1)
	err := pieces(r, size, func(b []byte, at int64) {
		if n := bytes.LastIndex(b, []byte(mark)); n >= 0 {
			end = at + int64(n)
		}
	})
	if err != nil || end < 0 {
		return false, err
	}
	before, err := window(r, size, max(0, end-headBytes), int(min(end, headBytes)))
	if err != nil || !bytes.Contains(before, []byte("startxref")) {
		return false, err
	}
	behind, err := window(r, size, end+int64(len(mark)), padding)
	behind = bytes.TrimLeft(behind, "\x00\t\n\f\r ")
	const few = 16 // bytes of an object's first line, or more
	return len(behind) >= few && !pdfGoesOn.Match(behind), err
}

// beginsStream reports whether what comes after b is the data of a stream.
func beginsStream(b []byte) bool {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.HasSuffix(bytes.TrimSuffix(b, []byte("\r")), []byte("stream"))
}

// scanFollows reports whether behind an end of a PDF a scan begins: at once or
// behind padding, and a PDF behind other bytes too, unless objects follow, which
// belong to the same file.
func scanFollows(b []byte) bool {
	b = bytes.TrimLeft(b, "\x00\t\n\f\r ")
	head := b[:min(len(b), headBytes)]
	for at, format := range beginnings(head) {
		switch {
		case format == PDF:
			if !bytes.Contains(head[:at], []byte("obj")) && !bytes.Contains(head[:at], []byte("%%EOF")) {
				return true
			}
		case at == 0:
			return true
		}
	}
	return false
}
