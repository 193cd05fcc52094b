package pdf_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"letterlock/scanner/pdf"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

func TestMain(m *testing.M) {
	if pdf.RunChild(os.Args) {
		return
	}
	os.Exit(m.Run())
}

func tool(t *testing.T, name, debian string) string {
	t.Helper()
	return realpart.Tool(t, name, name+": apt-get install "+debian)
}

// file puts data into a file without a telling name.
func file(t testing.TB, data []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "claimed"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	return f
}

// clean normalises a scan and returns the clean PDF.
func clean(t testing.TB, n pdf.Normaliser, scan []byte) ([]byte, pdf.Result, error) {
	t.Helper()
	in, out := file(t, scan), file(t, []byte("what was here before"))
	result, err := n.Normalise(context.Background(), in, out)
	made, readErr := io.ReadAll(out)
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err != nil && len(made) > 0 {
		t.Errorf("an error left %d bytes in the clean PDF", len(made))
	}
	return made, result, err
}

func mustClean(t testing.TB, scan []byte) ([]byte, pdf.Result) {
	t.Helper()
	made, result, err := clean(t, pdf.Normaliser{}, scan)
	if err != nil {
		t.Fatal(err)
	}
	return made, result
}

func refusal(t testing.TB, err error) pdf.Code {
	t.Helper()
	var r *pdf.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is not a refusal", err)
	}
	return r.Code
}

func TestEveryFormatBecomesAPDFWithItsPages(t *testing.T) {
	l := specimen.New(1, 3)
	l.DPI = 75
	for _, c := range []struct {
		format pdf.Format
		scan   []byte
		pages  int
	}{
		{pdf.PDF, l.ColourPDF(), 3},
		{pdf.TIFF, l.G4TIFF(), 3},
		{pdf.TIFF, l.MultiPageTIFF(), 3},
		{pdf.JPEG, l.JPEG(1), 1},
		{pdf.PNG, l.PNG(1), 1},
	} {
		made, result := mustClean(t, c.scan)
		if result.Pages != c.pages || result.Format != c.format {
			t.Errorf("%s: %+v, want %d pages", c.format, result, c.pages)
		}
		if again, _ := mustClean(t, c.scan); !bytes.Equal(made, again) {
			t.Errorf("%s: the same scan twice makes two files: something of the moment is in them", c.format)
		}
		if _, result := mustClean(t, made); result.Pages != c.pages {
			t.Errorf("%s: the clean PDF is not taken as a scan: %+v", c.format, result)
		}
	}
}

func TestWhatCannotBeTakenIsRefusedWithItsReason(t *testing.T) {
	l := specimen.New(2, 2)
	l.DPI = 100
	colour, g4, jpg, png := l.ColourPDF(), l.G4TIFF(), l.JPEG(1), l.PNG(1)
	written := build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, writtenPage,
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", stream("", "q Q"))
	mustClean(t, written)
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for _, c := range []struct {
		name string
		scan []byte
		want pdf.Code
	}{
		{"nothing", nil, pdf.Empty},
		{"zeros", make([]byte, 5000), pdf.CutOff},
		{"a text", []byte("Dear all, this is a text file named letter.pdf.\n"), pdf.NotAScan},
		{"a web page", []byte("<!DOCTYPE html><p>not a scan"), pdf.NotAScan},
		{"a GIF", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), pdf.NotAScan},
		{"half a PDF", half(colour), pdf.CutOff},
		{"half a TIFF", half(g4), pdf.CutOff},
		{"half a JPEG", half(jpg), pdf.CutOff},
		{"half a PNG", half(png), pdf.CutOff},
		{"half a JPEG with an end", append(bytes.Clone(half(jpg)), 0xff, 0xd9), pdf.CutOff},
		{"a PDF whose middle is lost", lose(colour), pdf.Damaged},
		{"a PNG whose middle is lost", lose(png), pdf.Damaged},
		{"a G4 TIFF with a lost piece", slices.Replace(bytes.Clone(g4), 2000, 2300, make([]byte, 300)...), pdf.Damaged},
		{"a PDF without a page", build("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 0/Kids[]>>"), pdf.Empty},
		{"a page whose content cannot be read", build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, writtenPage,
			"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", ">>%garb<<[["), pdf.Damaged},
		{"a page whose content is not there", bytes.Replace(written, []byte("Contents 5"), []byte("Contents 9"), 1), pdf.Damaged},
		{"a page whose font is not there", build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, writtenPage, "null",
			stream("", "BT /F 9 Tf (Dear all) Tj ET")), pdf.Damaged},
		{"a page whose content is in another file", build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, writtenPage,
			"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", stream("/F(elsewhere)", "")), pdf.Damaged},
		{"a picture that stops in the middle", pictured(strings.Repeat("dots", 10)), pdf.CutOff},
		{"more pages promised than there are", build("<</Type/Catalog/Pages 2 0 R>>",
			"<</Type/Pages/Count 7/Kids[3 0 R]>>", blankPage), pdf.Damaged},
		{"a page without a size", build("<</Type/Catalog/Pages 2 0 R>>", pagesOf3, "<</Type/Page/Parent 2 0 R>>"), pdf.Damaged},
		{"a password", encrypted(t, colour), pdf.Encrypted},
		{"encryption in place", bytes.Replace(colour, []byte("/Root 1 0 R"),
			[]byte("/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2>>"), 1), pdf.Protected},
		{"a comment", annotated("/Rect[10 10 90 90]/Subtype/FreeText/Contents(call me)"), pdf.FormOrComments},
		{"a form field", annotated("/Rect[10 10 90 90]/Subtype/Widget/FT/Tx/T(name)/V(Somebody)"), pdf.FormOrComments},
		{"an XFA form", build("<</Type/Catalog/Pages 2 0 R/AcroForm<</XFA[]/Fields[]>>>>", pagesOf3, blankPage), pdf.FormOrComments},
		{"a BigTIFF of which only the header has come", []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"), pdf.CutOff},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{}, c.scan)
			if got := refusal(t, err); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestWhatNobodySeesOnAPageIsNoReasonToRefuse(t *testing.T) {
	for name, scan := range map[string][]byte{
		"a link":                 annotated("/Rect[10 10 90 90]/Subtype/Link"),
		"a hidden comment":       annotated("/Rect[10 10 90 90]/Subtype/Text/F 2"),
		"an invisible signature": annotated("/Rect[0 0 0 0]/Subtype/Widget/FT/Sig/T(s)"),
		"an empty field":         annotated("/Rect[10 10 90 90]/Subtype/Widget/FT/Tx/T(name)"),
		"a place to sign":        annotated("/Rect[10 10 90 90]/Subtype/Widget/FT/Sig/T(s)"),
		"a box without a tick":   annotated("/Rect[10 10 90 90]/Subtype/Widget/FT/Btn/T(b)/V/Off/AS/Off/AP<</N<<>>>>"),
		"a note not to be seen":  annotated("/Rect[10 10 90 90]/Subtype/Stamp/F 32"),
		"a pop-up":               annotated("/Rect[10 10 90 90]/Subtype/Popup"),
		"a whole picture":        pictured(strings.Repeat("dots", 25)),
	} {
		made, _, err := clean(t, pdf.Normaliser{}, scan)
		if err != nil || bytes.Contains(made, []byte("Annot")) {
			t.Errorf("%s: %v, %d bytes", name, err, len(made))
		}
	}
}

// lose overwrites a third of a file in the middle, as a bad disk does.
func lose(b []byte) []byte {
	b = bytes.Clone(b)
	clear(b[len(b)/3 : 2*len(b)/3])
	return b
}

func encrypted(t *testing.T, scan []byte) []byte {
	t.Helper()
	api.DisableConfigDir()
	conf := model.NewAESConfiguration("secret", "owner", 256)
	var out bytes.Buffer
	if err := api.Encrypt(bytes.NewReader(scan), &out, conf); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLimitsStopAScanThatCostsTooMuch(t *testing.T) {
	vast := interlaced(vastPNG(10_000, 9_000, 9_001))
	l := specimen.New(3, 3)
	l.DPI = 60
	for _, c := range []struct {
		name   string
		limits pdf.Limits
		scan   []byte
		want   pdf.Code
	}{
		{"time", pdf.Limits{Time: 150 * time.Millisecond}, vast, pdf.TooHeavy},
		{"memory", pdf.Limits{AddressSpace: 48 << 20}, vast, pdf.TooHeavy},
		{"bytes in", pdf.Limits{MaxInput: 1000}, l.ColourPDF(), pdf.TooLarge},
		{"bytes out", pdf.Limits{MaxOutput: 20_000}, l.ColourPDF(), pdf.TooLarge},
		{"pages of a PDF", pdf.Limits{MaxPages: 2}, l.ColourPDF(), pdf.TooManyPages},
		{"pages of a TIFF", pdf.Limits{MaxPages: 2}, l.G4TIFF(), pdf.TooManyPages},
		{"pixels of a PDF", pdf.Limits{MaxPixels: 1000}, l.ColourPDF(), pdf.TooLarge},
		{"pixels of a TIFF", pdf.Limits{MaxPixels: 1000}, l.G4TIFF(), pdf.TooLarge},
		{"pixels of a JPEG", pdf.Limits{MaxPixels: 1000}, l.JPEG(1), pdf.TooLarge},
		{"pixels of a PNG", pdf.Limits{}, vastPNG(20_000, 20_000, 1), pdf.TooLarge},
		{"objects", pdf.Limits{MaxObjects: 10}, l.ColourPDF(), pdf.TooHeavy},
		{"a huge object number", pdf.Limits{}, hugeObjectNumber(), pdf.TooHeavy},
		{"a TIFF that goes round", pdf.Limits{}, loopedTIFF(l.G4TIFF()), pdf.Damaged},
		{"a page tree that grows together", pdf.Limits{}, build("<</Type/Catalog/Pages 2 0 R>>",
			"<</Type/Pages/Count 1/Kids[3 0 R 3 0 R]>>", "<</Type/Pages/Parent 2 0 R/Count 1/Kids[2 0 R 2 0 R]>>"), pdf.Damaged},
		{"a page tree that goes round", pdf.Limits{}, build("<</Type/Catalog/Pages 2 0 R>>",
			"<</Type/Pages/Count 1/Kids[3 0 R]>>", "<</Type/Pages/Parent 2 0 R/Count 1/Kids[2 0 R]>>"), pdf.Damaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := clean(t, pdf.Normaliser{Limits: c.limits}, c.scan)
			if got := refusal(t, err); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestWhatIsNotTheScansFaultIsNoRefusal(t *testing.T) {
	scan := specimen.New(4, 1).ColourPDF()
	var r *pdf.Refusal

	for _, command := range [][]string{{"/no/such/program"}, {os.Args[0], "-test.run=^$"}} {
		_, _, err := clean(t, pdf.Normaliser{Command: command}, scan)
		if err == nil || errors.As(err, &r) {
			t.Errorf("a child that cannot start gave %v", err)
		}
	}

	vast, out := file(t, interlaced(vastPNG(10_000, 9_000, 9_001))), file(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := pdf.Normaliser{}.Normalise(ctx, vast, out)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a parent that gives up gets %v", err)
	}

	closed := file(t, scan)
	closed.Close()
	if _, err := (pdf.Normaliser{}).Normalise(context.Background(), closed, file(t, nil)); err == nil || errors.As(err, &r) {
		t.Errorf("a scan that cannot be read gave %v", err)
	} else if strings.Contains(err.Error(), "claimed") {
		t.Errorf("%q names the file", err)
	}
}
