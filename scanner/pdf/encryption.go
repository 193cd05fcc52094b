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
	`[\x00\t\n\f\r ]*(?:<<|(\d+)[\x00\t\n\f\r ]+(\d+)[\x00\t\n\f\r ]+R)`)

// escapable is a pattern for a name, each letter as it is or as an escape.
func escapable(name string) string {
	var pattern strings.Builder
	for _, b := range []byte(name) {
		fmt.Fprintf(&pattern, "(?:%c|#(?i:%02x))", b, b)
	}
	return pattern.String()
}

// lock is what a file says of its encryption.
type lock struct {
	named bool // it is encrypted
	// object is the dictionary's number and generation, as a reference has them;
	// empty when it stands in place, or when several are named.
	object string
}

// lockOf looks for that through the whole file.
func lockOf(scan io.ReaderAt, size int64) (lock, error) {
	var found lock
	err := pieces(scan, size, func(b []byte, _ int64) {
		if !mayNameEncryption(b) {
			return
		}
		for _, m := range encryption.FindAllSubmatch(b, -1) {
			var object string
			if len(m[1]) > 0 {
				object = string(m[1]) + " " + string(m[2])
			}
			if found.named && object != found.object {
				object = ""
			}
			found = lock{true, object}
		}
	})
	return found, err
}

// pieces shows the whole file to look, piece by piece and where each begins. It
// goes on a little into the next.
func pieces(r io.ReaderAt, size int64, look func(b []byte, at int64)) error {
	const step, overlap = 1 << 20, 256
	for at := int64(0); at < size; at += step {
		b, err := window(r, size, at, step+overlap)
		if err != nil {
			return err
		}
		look(b, at)
	}
	return nil
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
