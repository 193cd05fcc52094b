package pdf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// codeOf normalises a scan here and returns why it was refused, "" if it was not.
func codeOf(t *testing.T, scan []byte) pdf.Code {
	t.Helper()
	err := pdf.NormaliseHere(file(t, scan), file(t, nil))
	if err == nil {
		return ""
	}
	return refusal(t, err)
}

// letters are scans of two letters, in every format and way that matters here.
func letters() (first, second map[string][]byte) {
	made := func(seed uint64) map[string][]byte {
		l := specimen.New(seed, 1)
		l.DPI = 40
		return map[string][]byte{
			"PDF": l.ColourPDF(), "JPEG": l.JPEG(1), "PNG": l.PNG(1),
			"TIFF, Group 4": l.G4TIFF(), "TIFF": l.MultiPageTIFF(), "TIFF, its directory first": directoryFirst(),
			"PDF, written by hand": onePage("", squares),
		}
	}
	return made(41), made(42)
}

func formatOf(name string) string { return name[:3] }

// Two letters in one file are never taken as one, whichever way they were joined.
func TestAScanBehindAScanIsNotOverlooked(t *testing.T) {
	first, second := letters()
	for a, front := range first {
		if code := codeOf(t, front); code != "" {
			t.Fatalf("%s alone: %s", a, code)
		}
		for b, back := range second {
			for between, gap := range map[string][]byte{"": nil, "an end of line": []byte("\r\n"), "zeros": make([]byte, 4096)} {
				name := fmt.Sprintf("%s, %s, %s", a, between, b)
				code := codeOf(t, slicesOf(front, gap, back))
				if code != pdf.SeveralScans {
					t.Errorf("%s: %q", name, code)
				}
			}
		}
	}
}

// An upload broke off and began again behind what was there.
func TestAScanBehindAPartOfItIsNotTaken(t *testing.T) {
	first, _ := letters()
	for name, scan := range first {
		for part := 1; part < 20; part++ {
			at := len(scan) * part / 20
			if name == "PDF, written by hand" && at < 20 {
				continue // nothing of the letter has arrived
			}
			if code := codeOf(t, slicesOf(scan[:at], scan)); code == "" {
				t.Errorf("%s from the start behind its first %d of %d bytes is taken", name, at, len(scan))
			}
			if code := codeOf(t, slicesOf(scan, scan[:at])); code == "" && at > 64 {
				t.Errorf("%s with its first %d of %d bytes behind it is taken", name, at, len(scan))
			}
		}
	}
}

// Behind a PDF stands a file that is no scan, or the part of the PDF that did not
// come whole.
func TestWhatStandsBehindAPDFIsToldFromItsOwnPart(t *testing.T) {
	first, second := letters()
	base := first["PDF, written by hand"]
	update := updated(base, stream("", strings.Repeat(squares+"\n", 200)))
	attached := build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage, stream("/Type/EmbeddedFile", string(base)),
		stream("", strings.Repeat(squares+"\n", 200)))
	for name, c := range map[string]struct {
		scan []byte
		want pdf.Code
	}{
		"a text":                   {slicesOf(base, []byte(strings.Repeat("Dear all, this is a text.\n", 100))), pdf.SeveralScans},
		"an office file":           {slicesOf(base, zipped("word/document.xml"), []byte(strings.Repeat("x", 2000))), pdf.SeveralScans},
		"a large picture":          {slicesOf(base, second["TIFF"], make([]byte, 100), []byte(strings.Repeat("x", 200_000))), pdf.SeveralScans},
		"half an update":           {update[:len(update)-2000], pdf.CutOff},
		"an update of zeros":       {slicesOf(base, make([]byte, 100_000)), pdf.CutOff},
		"half of what was scanned": {base[:len(base)/2], pdf.CutOff},
		"an attached PDF, cut off": {attached[:len(attached)-2000], pdf.CutOff},
	} {
		if code := codeOf(t, c.scan); code != c.want {
			t.Errorf("%s: %q, want %q", name, code, c.want)
		}
	}
}

// A file that ends as a scan of another format will not become more whole.
func TestAJoinedFileIsNotWaitedFor(t *testing.T) {
	first, second := letters()
	large := append(bytes.Clone(second["PDF"]), second["PDF"]...)
	for len(large) < 200_000 {
		large = append(large, second["PDF"]...)
	}
	for name, front := range first {
		if formatOf(name) == "PDF" {
			continue
		}
		scan := slicesOf(front, large)
		if _, err := pdf.Complete(bytes.NewReader(scan), int64(len(scan))); err != nil {
			t.Errorf("%s and a large PDF: %v", name, err)
		}
		if code := codeOf(t, scan); code != pdf.SeveralScans {
			t.Errorf("%s and a large PDF: %q", name, code)
		}
	}
}

// Bytes behind a scan, or in it, that are no other scan.
func TestWhatIsNoOtherScanIsNoReasonToRefuse(t *testing.T) {
	first, second := letters()
	junk := []byte("\x1b%-12345X@PJL EOJ\r\n")
	update := updated(first["PDF, written by hand"], stream("", squares+" 0 g 5 5 5 5 re f"))
	scans := map[string][]byte{
		"an update":           update,
		"data attached":       attached("", "<?xml version='1.0'?><invoice/>"),
		"a text attached":     attached("", "Dear all, %PDF is a format, as is II*"),
		"two updates":         updated(update, stream("", squares)),
		"junk before the PDF": slicesOf(junk, first["PDF"]),
		"two first lines":     slicesOf([]byte("%PDF-1.3\n"), first["PDF, written by hand"]),
		"a first line in a page's text": onePage("", "BT (%PDF-1.4 is a format) Tj ET"+strings.Repeat(" ", 1500)+
			"% a %PDF-1.7 of old"),
		"JPEG's end twice":                slicesOf(first["JPEG"], []byte("\xff\xd9\xff\xd9")),
		"a thumbnail in the JPEG":         slicesOf(first["JPEG"][:2], segment(0xe1, append([]byte("Exif\x00\x00"), second["JPEG"][:9000]...)), first["JPEG"][2:]),
		"a video behind a JPEG":           slicesOf(first["JPEG"], []byte("\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"), make([]byte, 900)),
		"a telephone's small copy":        viewed(first["JPEG"], smallJPEG(), 0),
		"a telephone's copy for a screen": viewed(first["JPEG"], smallJPEG(), 0x010001),
	}
	for name, scan := range first {
		scans[name+" and zeros"] = slicesOf(scan, make([]byte, 5000))
		if formatOf(name) != "PDF" {
			scans[name+" and junk"] = slicesOf(scan, junk)
		}
	}
	for name, scan := range scans {
		if code := codeOf(t, scan); code != "" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// attached is a PDF of one page with a file attached twice.
func attached(catalogue, data string) []byte {
	return build("<</Type/Catalog/Pages 2 0 R"+catalogue+"/Names<</EmbeddedFiles<</Names[(a) 5 0 R(b) 6 0 R]>>>>>>", pagesOf3,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<>>>>", stream("", squares),
		"<</Type/Filespec/F(a)/EF<</F 7 0 R>>>>", "<</Type/Filespec/F(b)/EF<</UF 8 0 R>>>>",
		stream("/Type/EmbeddedFile", data), stream("/Filter/FlateDecode", deflated(data)))
}

// The page of an envelope says only that letters are in it.
func TestLettersInAnEnvelopeAreNotLost(t *testing.T) {
	first, _ := letters()
	scans := map[string][]byte{
		"a portfolio":     attached("/Collection<</View/D>>", "data"),
		"JPEG 2000":       attached("", "\x00\x00\x00\x0cjP  \r\n\x87\n"),
		"of a telephone":  attached("", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"),
		"beside its page": build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage, "<</Type/Filespec/EF<</F 5 0 R>>>>", stream("", string(first["TIFF"]))),
		"coded oddly":     build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, blankPage, stream("/Type/EmbeddedFile/Filter/Odd", "data")),
	}
	for name, scan := range first {
		scans[name+" attached"] = attached("", string(scan))
	}
	for name, scan := range scans {
		if code := codeOf(t, scan); code != pdf.SeveralScans {
			t.Errorf("%s: %q", name, code)
		}
	}
}

// smallJPEG is one of fewer dots than the letters'.
func smallJPEG() []byte {
	l := specimen.New(43, 1)
	l.DPI = 20
	return l.JPEG(1)
}

// viewed is a JPEG with another behind it, to which its index (MPF) leads as one
// of a kind.
func viewed(first, view []byte, kind uint32) []byte {
	le := binary.LittleEndian
	index := []byte("MPF\x00II*\x00\x08\x00\x00\x00\x01\x00\x02\xb0\x07\x00\x20\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00")
	const entry = 16
	at := len(index) + 2*entry
	whole := slicesOf(first[:2], segment(0xe2, make([]byte, at)), first[2:])
	for _, e := range [][3]uint32{{0x20030000, uint32(len(whole)), 0}, {kind, uint32(len(view)), uint32(len(whole) - 6 - 4)}} {
		for _, n := range e {
			index = le.AppendUint32(index, n)
		}
		index = append(index, 0, 0, 0, 0)
	}
	copy(whole[6:], index)
	return append(whole, view...)
}

// An index of pictures excuses what it leads to and only lesser views.
func TestAnIndexOfPicturesExcusesNoOtherLetter(t *testing.T) {
	first, second := letters()
	small := viewed(first["JPEG"], smallJPEG(), 0)
	for name, scan := range map[string][]byte{
		"as large as the first":       viewed(first["JPEG"], second["JPEG"], 0),
		"part of a panorama":          viewed(first["JPEG"], smallJPEG(), 0x020001),
		"another side":                viewed(first["JPEG"], smallJPEG(), 0x020003),
		"another scan behind both":    slicesOf(small, second["JPEG"]),
		"a PDF behind both":           slicesOf(small, second["PDF"]),
		"a view with a scan in it":    viewed(first["JPEG"], slicesOf(smallJPEG(), second["JPEG"]), 0),
		"a view that is not a JPEG":   viewed(first["JPEG"], second["PNG"], 0x010001),
		"an index that stops":         append(viewed(first["JPEG"], nil, 0), second["JPEG"]...),
		"the same file a second time": slicesOf(small, small),
	} {
		if code := codeOf(t, scan); code != pdf.SeveralScans {
			t.Errorf("%s: %q", name, code)
		}
	}
}

// The only strip of a page need not say how long it is, and then reaches to the
// end of the file.
func TestAScanBehindAStripWithoutLengthIsFound(t *testing.T) {
	first, second := letters()
	le := binary.LittleEndian
	for name, front := range map[string][]byte{
		"a directory first": first["TIFF, its directory first"], "JPEG": testdata(bench{t, ""}, "jpeg-strips.tif"),
	} {
		front = bytes.Clone(front)
		at := int(le.Uint32(front[4:]))
		for i := range int(le.Uint16(front[at:])) {
			if f := front[at+2+12*i:]; le.Uint16(f) == 279 {
				le.PutUint16(f, 65000) // a private tag
			}
		}
		alone := codeOf(t, front)
		for b, back := range second {
			if code := codeOf(t, slicesOf(front, back)); code == "" || alone == "" && code != pdf.SeveralScans {
				t.Errorf("%s (alone %q), %s: %q", name, alone, b, code)
			}
		}
	}
}

// Whatever lies behind a scan, two whole ones are not taken as one.
func FuzzSeveral(f *testing.F) {
	first, second := letters()
	var fronts, backs [][]byte
	for _, name := range []string{"PDF, written by hand", "JPEG", "PNG", "TIFF, Group 4"} {
		fronts, backs = append(fronts, first[name]), append(backs, second[name])
	}
	for i := range 16 {
		f.Add(uint8(i/4), uint8(i%4), uint16(i))
	}
	f.Fuzz(func(t *testing.T, a, b uint8, gap uint16) {
		front, back := fronts[int(a)%len(fronts)], backs[int(b)%len(backs)]
		err := pdf.NormaliseHere(file(t, slicesOf(front, make([]byte, int(gap)), back)), file(t, nil))
		var r *pdf.Refusal
		if !errors.As(err, &r) {
			t.Errorf("%d, %d zeros, %d: %v", a, gap, b, err)
		}
	})
}
