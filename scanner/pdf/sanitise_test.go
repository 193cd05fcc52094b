package pdf_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"letterlock/scanner/specimen"
)

// Two words that a search can find: one in everything that must go, one in what
// must stay.
const (
	canary = "Xylocopa-canary"
	kept   = "Letterlock-kept"
)

func TestNothingSurvivesThatIsNotPageContent(t *testing.T) {
	script := "<</Type/Action/S/JavaScript/JS(app.alert\\('" + canary + "'\\))>>"
	noted := "/Metadata 9 0 R/PieceInfo<</X<</LastModified(D:2020)/Private(" + canary + ")>>>>"
	scan := build(
		"<</Type/Catalog/Pages 2 0 R/OpenAction "+script+"/AA<</WC "+script+">>/Lang(en-GB)/Metadata 9 0 R"+
			"/Names<</JavaScript<</Names[(a) "+script+"]>>/EmbeddedFiles<</Names[(f) 10 0 R]>>>>"+
			"/Outlines<</Type/Outlines/Count 0>>/PageLabels<</Nums[0<</P("+canary+")>>]>>/URI<</Base("+canary+")>>"+
			"/OCProperties<</OCGs[13 0 R]/D<</Creator("+canary+")/Order[13 0 R]>>>>>>",
		"<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 300 300]"+noted+">>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R/AA<</O "+script+">>/LastModified(D:2020)"+noted+
			"/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A "+script+">>]"+
			"/Resources<</Font<</AA 5 0 R>>/ColorSpace<</C[/ICCBased 14 0 R]>>/XObject<</Metadata 6 0 R/Form 7 0 R>>"+
			"/Properties<</Layer 13 0 R/Span<</ActualText("+canary+")>>>>>>>>",
		stream("/Filter/FlateDecode", deflated("q 50 0 0 50 0 0 cm /Metadata Do Q /Form Do "+
			"BT /AA 12 Tf 20 100 Td ("+kept+") Tj ET")),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
		stream("/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8"+noted+
			"/Filter[/FlateDecode/DCTDecode]/Alternates[]", deflated(string(commented(t)))),
		stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Name/"+canary+"/StructParent 3"+noted, "0 0 9 9 re f"),
		"null",
		stream("/Type/Metadata/Subtype/XML/Filter/FlateDecode", deflated("<x>"+canary+"</x>")),
		"<</Type/Filespec/F("+canary+")/EF<</F 11 0 R>>>>",
		stream("/Type/EmbeddedFile", canary),
		"<</Producer("+canary+")>>",
		"<</Type/OCG/Name(Layer)/Usage<</CreatorInfo<</Creator("+canary+")>>>>>>",
		stream("/N 1/Metadata 15 0 R", "a profile"),
		stream("", canary),
	)
	scan = bytes.Replace(scan, []byte("/Root 1 0 R"), []byte("/Root 1 0 R/Info 12 0 R/ID[<"+fmt.Sprintf("%x", canary)+"><00>]"), 1)
	if n := strings.Count(everything(t, scan), canary); n < 20 {
		t.Fatalf("only %d canaries in the scan: the search is blind", n)
	}
	made, _ := mustClean(t, scan)
	all := everything(t, made)
	for _, gone := range []string{canary, fmt.Sprintf("%x", canary), "JavaScript", "Producer", "/ID", "/Info", "Annots", "Filespec", "PieceInfo"} {
		if at := strings.Index(all, gone); at >= 0 {
			t.Errorf("%q is still there: …%q…", gone, all[max(0, at-120):min(len(all), at+60)])
		}
	}
	for _, stays := range []string{kept, "/AA ", "Helvetica", "/Metadata Do", "0 0 9 9 re f", "(en-GB)", "/OCG"} {
		if !strings.Contains(all, stays) {
			t.Errorf("%q is lost", stays)
		}
	}
}

// commented is a small JPEG with a canary in a comment, in EXIF, and behind its end.
func commented(t *testing.T) []byte {
	t.Helper()
	small := jpegOf(t, patches(8, 8))
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00"), canary...)
	return slicesOf(small[:2], segment(0xfe, []byte(canary)), segment(0xe1, exif), segment(0xed, []byte(canary)),
		small[2:], []byte(canary))
}

func TestAJPEGLosesItsCommentsAndKeepsItsPictureData(t *testing.T) {
	scan := commented(t)
	made, _ := mustClean(t, scan)
	if strings.Contains(everything(t, made), canary) {
		t.Error("canary is still there")
	}
	sos := bytes.Index(scan, []byte{0xff, 0xda})
	if !bytes.Contains(made, scan[sos:bytes.LastIndex(scan, []byte{0xff, 0xd9})]) {
		t.Error("the picture data was changed")
	}
}

func TestThePicturesOfAColourScanAreTheSameBytes(t *testing.T) {
	l := specimen.New(5, 1)
	made, _ := mustClean(t, l.ColourPDF())
	picture := l.JPEG(1)
	if !bytes.Contains(made, picture[20:]) { // behind the JFIF header
		t.Error("the picture data was changed")
	}
}

// streams are the places where compressed data may hide something.
var streams = regexp.MustCompile(`stream\r?\n`)

// everything is a PDF followed by all that its streams hold once inflated.
func everything(t *testing.T, data []byte) string {
	t.Helper()
	var all bytes.Buffer
	all.Write(data)
	for _, at := range streams.FindAllIndex(data, -1) {
		if z, err := zlib.NewReader(bytes.NewReader(data[at[1]:])); err == nil {
			_, _ = io.Copy(&all, z) // what follows the data is no fault
		}
	}
	return all.String()
}

func TestPopplerSeesTheSamePages(t *testing.T) {
	pdftoppm := tool(t, "pdftoppm", "poppler-utils")
	l := specimen.New(6, 2)
	l.Canary = "Zygaena"
	scans := map[string][]byte{"colour": l.ColourPDF()}
	if gs, err := exec.LookPath("gs"); err == nil {
		scans["ghostscript"] = ghostscript(t, gs, l.ColourPDF())
	}
	for name, scan := range scans {
		made, _ := mustClean(t, scan)
		if !bytes.Equal(render(t, pdftoppm, scan, 75), render(t, pdftoppm, made, 75)) {
			t.Errorf("%s: other pixels than the scan's", name)
		}
	}
}

// ghostscript writes a PDF anew, with object streams and its own fonts.
func ghostscript(t *testing.T, gs string, scan []byte) []byte {
	t.Helper()
	cmd := exec.Command(gs, "-q", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pdfwrite", "-sOutputFile=-", "-")
	cmd.Stdin = bytes.NewReader(scan)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// render gives all pages as PPM files one behind the other.
func render(t *testing.T, pdftoppm string, data []byte, dpi int, more ...string) []byte {
	t.Helper()
	cmd := exec.Command(pdftoppm, append([]string{"-r", fmt.Sprint(dpi)}, more...)...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("pdftoppm: %v, %d bytes", err, len(out))
	}
	return out
}
