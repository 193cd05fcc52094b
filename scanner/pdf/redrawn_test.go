package pdf

import (
	"bytes"
	"fmt"
	"testing"

	"letterlock/scanner/specimen"
)

// FuzzRedrawn draws anew what may be damaged, with decoders that are not ours: no
// input may crash it, what is refused is refused in words, and a TIFF that is drawn
// is whole.
func FuzzRedrawn(f *testing.F) {
	l := specimen.New(6, 1)
	l.DPI = 10
	f.Add(l.JPEG(1))
	f.Add(l.JPEG(1)[:300])
	f.Add(l.G4TIFF())
	f.Add(l.MultiPageTIFF())
	f.Add(smallTIFF(80, 80, manyBytes()[:6400], nil))
	f.Add(smallTIFF(80, 80, lazyLZW(manyBytes()[:6400]), tiffTags{tagCompression: {packedLZW}, tagPredictor: {2}}))
	f.Add(smallTIFF(80, 80, l.JPEG(1), tiffTags{tagCompression: {packedJPEG}, tagPhotometric: {6}, tagSamples: {3}, tagBits: {8, 8, 8}}))
	for _, name := range append(append([]string{}, jpegKinds...), tiffKinds...) {
		f.Add(testdata(f, name))
	}
	f.Fuzz(func(t *testing.T, scan []byte) {
		draw := redrawTIFF
		if bytes.HasPrefix(scan, []byte("\xff\xd8")) {
			draw = redrawJPEG
		}
		made, looks, err := toPDF(scan, draw)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatal(err)
			}
			return
		}
		if len(looks) == 0 || !bytes.HasSuffix(made, []byte("%%EOF\n")) {
			t.Fatalf("drawn: %d pages, %d bytes", len(looks), len(made))
		}
		for _, l := range looks {
			if len(l.Gray) != lookSide*lookSide {
				t.Fatal("no look")
			}
		}
		if walk, err := walkTIFF(bytes.NewReader(scan), int64(len(scan))); scan[0] != 0xff && (err != nil || !walk.whole) {
			t.Fatalf("a TIFF is drawn whose end is missing: %v", err)
		}
	})
}

// FuzzLock reads what a file says of its encryption, before pdfcpu does: no input
// may crash it, and one that is known is so no longer once another dictionary of
// the same number follows, since nobody can tell which of them counts.
func FuzzLock(f *testing.F) {
	for _, dict := range []string{
		"/Filter/Standard/V 1/R 2",
		"/Filter/Standard/V 2/R 3/Length 128",
		"/Filter/Standard/V 4/R 4/Length 128/StmF/StdCF/StrF/StdCF/CF<</StdCF<</CFM/AESV2>>>>",
		"/Filter/Standard/V 5/R 6/StmF/StdCF/StrF/StdCF/CF<</StdCF<</CFM/AESV3>>>>",
		"/Filter/Standard/V 4/R 4/Length 128/StmF/Identity/StrF/Identity",
		"/Filter/Adobe.PubSec/V 4",
	} {
		f.Add([]byte(fmt.Sprintf("%%PDF-1.7\n7 0 obj\n<<%s>>\nendobj\ntrailer\n<</Encrypt 7 0 R>>\n", dict)))
	}
	f.Add([]byte("%PDF-1.7\n7 0 obj\n<<<<<<<<((((\ntrailer\n<</Encrypt 7 0 R>>\n"))
	f.Add([]byte("%PDF-1.7\ntrailer\n<</Encrypt<</Filter/Standard/V 2/R 3>>>>\n"))
	f.Fuzz(func(t *testing.T, scan []byte) {
		lock, err := lockOf(bytes.NewReader(scan), int64(len(scan)))
		if err != nil || !lock.named {
			return
		}
		known, err := lock.known(bytes.NewReader(scan), int64(len(scan)))
		if err != nil || !known {
			return
		}
		scan = append(bytes.Clone(scan), "\n"+lock.object+" obj\n<</Filter/Other>>\nendobj\n"...)
		if known, err := lock.known(bytes.NewReader(scan), int64(len(scan))); err != nil || known {
			t.Fatalf("one of two dictionaries is known: %v", err)
		}
	})
}
