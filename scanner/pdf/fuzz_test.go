package pdf

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"letterlock/scanner/specimen"
)

// small are limits under which a fuzzer gets through many inputs.
var small = Limits{MaxInput: 1 << 20, MaxOutput: 4 << 20, MaxPages: 20, MaxPixels: 1 << 20, MaxObjects: 2000}

// inMemory is a document with nothing in it.
func inMemory(t testing.TB) *document {
	t.Helper()
	ctx, err := pdfcpu.CreateContextWithXRefTable(nil, types.PaperSize["A4"])
	if err != nil {
		t.Fatal(err)
	}
	return &document{ctx: ctx, limits: small, budget: small.MaxOutput, drawings: map[string]*drawing{}, works: map[int]int{}}
}

// FuzzContent reads page content with inline pictures: no input may crash it,
// and content written anew names the same things and has nothing left to strip.
func FuzzContent(f *testing.F) {
	for _, s := range []string{
		"q 1 0 0 1 9 9 cm /P Do Q BT /F 9 Tf (a\\)b) Tj <4142> Tj ET /L BDC EMC /OC <</A[1 2]>> BDC EMC",
		"BI /W 2 /H 2 /BPC 8 /CS /G ID abcd\nEI Q",
		"BI /W 8 /H 1 /IM true /F [/AHx /Fl] ID 789c6b6000000082 00 81> EI",
		"BI /W 8 /H 8 /BPC 1 /CS [/I /RGB 1 <000000ffffff>] /F /CCF /DP <</K -1 /Columns 8>> ID \xff\x00\x10\x01\nEI",
		"/A#42 gs % comment\n[(x) -2 (y)] TJ ] ) > }",
	} {
		f.Add([]byte(s))
	}
	j := specimen.New(1, 1)
	j.DPI = 5
	f.Add(append(append([]byte("BI /W 41 /H 58 /BPC 8 /CS /RGB /F /DCT ID "), j.JPEG(1)...), "\nEI Q"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := inMemory(t).read(data)
		if err != nil || first.anew == nil {
			return
		}
		second, err := inMemory(t).read(first.anew)
		if err != nil {
			t.Fatalf("what was written anew is refused: %v", err)
		}
		if second.anew != nil {
			t.Error("there is still something to strip")
		}
		for u, n := range first.uses {
			if second.uses[u] != n {
				t.Errorf("%v is named %d times, was %d", u, second.uses[u], n)
			}
		}
	})
}

// FuzzJBIG2 walks through segments: what is kept walks the same way.
func FuzzJBIG2(f *testing.F) {
	page := "\x00\x00\x00\x00\x30\x00\x01\x00\x00\x00\x13\x00\x00\x00\x08\x00\x00\x00\x08" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	region := "\x00\x00\x00\x01\x26\x00\x01\x00\x00\x00\x1c\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x03\xff\xfd\xff\x02\xfe\xfe\xfe\xff\xac"
	f.Add([]byte(page+region), true)
	f.Add([]byte(page+"\x00\x00\x00\x02\x3e\x00\x01\x00\x00\x00\x02hi"+region+"\x00\x00\x00\x03\x31\x00\x01\x00\x00\x00\x00"), false)
	f.Add([]byte("\x00\x00\x00\x01\x00\xe0\x00\x00\x09"), true)
	f.Fuzz(func(t *testing.T, data []byte, symbols bool) {
		limits := small
		limits.AllowSymbols = symbols
		for _, global := range []bool{false, true} {
			walked, err := walkJBIG2(data, global, limits)
			if err != nil {
				continue
			}
			again, err := walkJBIG2(walked.kept, global, limits)
			if err != nil || !bytes.Equal(again.kept, walked.kept) || again.bottom != walked.bottom {
				t.Errorf("%v: what was kept is not what it was", err)
			}
		}
	})
}

// FuzzJPX walks through JPEG 2000: what is left has nothing more to strip.
func FuzzJPX(f *testing.F) {
	stream := "\xff\x4f\xff\x51\x00\x29\x00\x00\x00\x00\x00\x08\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x08" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x07\x01\x01\xff\x64\x00\x06\x00\x01hi" +
		"\xff\x90\x00\x0a\x00\x00\x00\x00\x00\x10\x00\x01\xff\x93ab\xff\xd9"
	f.Add([]byte(stream))
	f.Add([]byte("\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x10jp2h\x00\x00\x00\x08ihdr\x00\x00\x00\x08xml \x00\x00\x00\x00jp2c" + stream))
	f.Fuzz(func(t *testing.T, data []byte) {
		stripped, err := stripJPX(data, small)
		if err != nil {
			return
		}
		if again, err := stripJPX(stripped, small); err != nil || !bytes.Equal(again, stripped) {
			t.Errorf("%v: what is left is stripped again", err)
		}
	})
}

// FuzzCleanPDF cleans a PDF in this process: what comes out is taken again, with
// as many pages. pdfcpu may hang, for which in earnest a child is killed.
func FuzzCleanPDF(f *testing.F) {
	l := specimen.New(1, 1)
	l.DPI = 4
	f.Add(l.ColourPDF())
	made, err := filepath.Glob("testdata/pdf/*.pdf")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range made {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 50_000 {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			cleanedTwice(t, data)
		}()
		select {
		case <-done:
		case <-time.After(3 * time.Second):
		}
	})
}

func cleanedTwice(t *testing.T, data []byte) {
	defer func() { _ = recover() }() // guarded does the same
	first, pages, err := cleanedOnce(data)
	if err != nil {
		return
	}
	second, again, err := cleanedOnce(first)
	if err != nil || again != pages {
		t.Errorf("%v: %d pages, then %d", err, pages, again)
	}
	if third, _, _ := cleanedOnce(second); !bytes.Equal(second, third) {
		t.Error("it never becomes clean")
	}
}

func cleanedOnce(data []byte) ([]byte, int, error) {
	var out bytes.Buffer
	w := newWriter(&out)
	if err := cleanPDF(bytes.NewReader(data), int64(len(data)), w, small, nil); err != nil {
		return nil, 0, err
	}
	return out.Bytes(), len(w.pages), readBack(io.NewSectionReader(bytes.NewReader(out.Bytes()), 0, int64(out.Len())), len(w.pages), small)
}
