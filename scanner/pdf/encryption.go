package pdf

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// encryption is how a PDF names its encryption dictionary, in a trailer or in
// the dictionary of a cross-reference stream, neither of which is ever
// compressed: by reference, or in place, which pdfcpu would overlook. Any letter
// of the name may be written as an escape.
var encryption = regexp.MustCompile(`/` + escapable("Encrypt") +
	`[\x00\t\n\f\r ]*(<<|\d+[\x00\t\n\f\r ]+\d+[\x00\t\n\f\r ]+R)`)

// escapable is a pattern for a name, each letter as it is or as an escape.
func escapable(name string) string {
	var pattern strings.Builder
	for _, b := range []byte(name) {
		fmt.Fprintf(&pattern, "(?:%c|#(?i:%02x))", b, b)
	}
	return pattern.String()
}

// namesEncryption looks for that through the whole file.
func namesEncryption(scan io.ReaderAt, size int64) (bool, error) {
	const step, overlap = 1 << 20, 256
	buffer := make([]byte, min(size, step+overlap))
	for at := int64(0); at < size; at += step {
		n, err := scan.ReadAt(buffer, at)
		if err != nil && err != io.EOF {
			return false, err
		}
		if mayNameEncryption(buffer[:n]) && encryption.Match(buffer[:n]) {
			return true, nil
		}
	}
	return false, nil
}

// mayNameEncryption is several times as fast as the pattern: it looks for the
// plain name, or for an escape of one of its letters.
func mayNameEncryption(b []byte) bool {
	if bytes.Contains(b, []byte("/Encrypt")) {
		return true
	}
	for at := 0; ; at++ {
		n := bytes.IndexByte(b[at:], '#')
		if n < 0 || at+n+3 > len(b) {
			return false
		}
		at += n
		high, ok := hexDigit(b[at+1])
		low, also := hexDigit(b[at+2])
		if ok && also && strings.IndexByte("Encrypt", high<<4|low) >= 0 {
			return true
		}
	}
}
