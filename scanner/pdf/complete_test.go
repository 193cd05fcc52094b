package pdf_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

func small() specimen.Letter {
	l := specimen.New(1, 2)
	l.DPI = 20 // small files, so that a fuzzer gets through many
	return l
}

func scans() map[pdf.Format][][]byte {
	l := small()
	return map[pdf.Format][][]byte{
		pdf.PDF:  {l.ColourPDF()},
		pdf.TIFF: {l.G4TIFF(), l.MultiPageTIFF(), directoryFirst()},
		pdf.JPEG: {l.JPEG(1), slicesOf(l.JPEG(1)[:2], segment(0xe1, append([]byte("Exif\x00\x00"), l.JPEG(2)...)), l.JPEG(1)[2:])},
		pdf.PNG:  {l.PNG(1)},
	}
}

func TestAWholeScanIsComplete(t *testing.T) {
	for format, list := range scans() {
		for _, scan := range list {
			for name, s := range map[string][]byte{"plain": scan, "padded": append(bytes.Clone(scan), make([]byte, 4096)...)} {
				if got, err := pdf.Complete(bytes.NewReader(s), int64(len(s))); got != format || err != nil {
					t.Errorf("%s, %s: %q, %v", format, name, got, err)
				}
			}
		}
	}
	junk := append([]byte("\r\nprinter says hello\r\n"), small().ColourPDF()...)
	if got, err := pdf.Complete(bytes.NewReader(junk), int64(len(junk))); got != pdf.PDF || err != nil {
		t.Errorf("a PDF behind junk: %q, %v", got, err)
	}
}

// An upload that breaks off, or a file that was made as long as it will be and
// is being filled from the start.
func TestAScanThatIsStillArrivingIsNeverComplete(t *testing.T) {
	for format, list := range scans() {
		for _, scan := range list {
			end := len(bytes.TrimRight(scan, "\n"))
			for at := 0; at < end; at += 1 + at/97 {
				cut := scan[:at]
				filling := make([]byte, len(scan))
				copy(filling, cut)
				for name, s := range map[string][]byte{"cut": cut, "filling": filling} {
					if format == pdf.TIFF && name == "filling" {
						continue // zeros end its list of pages: only the writer can tell
					}
					_, err := pdf.Complete(bytes.NewReader(s), int64(len(s)))
					if !errors.Is(err, pdf.ErrIncomplete) {
						t.Fatalf("%s, %s at %d of %d: %v", format, name, at, len(scan), err)
					}
				}
			}
		}
	}
}

func TestTheFirstPartOfALinearisedPDFIsNotTheWhole(t *testing.T) {
	first := "%PDF-1.5\n1 0 obj\n<</Linearized 1/L 90000>>\nendobj\nxref\n0 0\ntrailer\n<<>>\nstartxref\n0\n%%EOF\n"
	if _, err := pdf.Complete(strings.NewReader(first), int64(len(first))); !errors.Is(err, pdf.ErrIncomplete) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoScanIsUnknown(t *testing.T) {
	for _, s := range []string{"Dear all", "GIF89a", "PK\x03\x04 a document", "<html>", "\x00\x00\x00\x18ftypheic", "II", "%PDX-1.4"} {
		_, err := pdf.Complete(bytes.NewReader([]byte(s)), int64(len(s)))
		want := pdf.ErrUnknown
		if s == "II" {
			want = pdf.ErrIncomplete // the first bytes of a TIFF
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", s, err, want)
		}
	}
}

func TestAReadThatFailsIsNoVerdict(t *testing.T) {
	broken := errors.New("the share went away")
	if _, err := pdf.Complete(failing{broken}, 1000); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func FuzzComplete(f *testing.F) {
	for _, list := range scans() {
		for _, scan := range list {
			f.Add(scan[:min(len(scan), 4096)])
			f.Add(scan)
		}
	}
	f.Add(loopedTIFF(small().G4TIFF()))
	f.Add(hugeObjectNumber())
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		format, err := pdf.Complete(bytes.NewReader(data), int64(len(data)))
		if err != nil && !errors.Is(err, pdf.ErrIncomplete) && !errors.Is(err, pdf.ErrUnknown) {
			t.Errorf("an error that is neither: %v", err)
		}
		if err == nil && format == "" {
			t.Error("complete, but of no format")
		}
		// More bytes than the file holds, as when it shrinks meanwhile.
		if _, err := pdf.Complete(bytes.NewReader(data), int64(len(data))+5000); err != nil &&
			!errors.Is(err, pdf.ErrIncomplete) && !errors.Is(err, pdf.ErrUnknown) {
			t.Errorf("a file that shrank: %v", err)
		}
	})
}
