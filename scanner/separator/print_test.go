package separator

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/realpart"
	"letterlock/scanner/texts"
)

func printPDF(t *testing.T, paper Paper, sheets ...Sheet) string {
	t.Helper()
	var b bytes.Buffer
	must(t, Print(&b, paper, texts.English(), sheets))
	name := filepath.Join(t.TempDir(), "sheets.pdf")
	must(t, os.WriteFile(name, b.Bytes(), 0o600))
	return name
}

func run(t *testing.T, tool, what string, args ...string) string {
	t.Helper()
	out, err := exec.Command(realpart.Tool(t, tool, what), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	return string(out)
}

func TestOtherProgramsTakeTheSheets(t *testing.T) {
	const poppler = "poppler's tools (Debian: poppler-utils)"
	cover := Sheet{Code{Kind: Cover, Helpline: "llinell-gymorth", Side: Front, Letters: 1, Stack: "ABCDEFGH"}, "Llinell Gymorth y Tŷ Ŵyn"}
	for paper, size := range map[Paper]string{A4: "595.28 x 841.89", USLetter: "612 x 792"} {
		name := printPDF(t, paper, respect, cover)
		run(t, "qpdf", "qpdf (Debian: qpdf)", "--check", name)
		if info := run(t, "pdfinfo", poppler, name); !strings.Contains(info, size) || !strings.Contains(info, "Pages:           4") {
			t.Errorf("%s: pdfinfo says\n%s", paper, info)
		}
		for _, font := range strings.Split(strings.TrimSpace(run(t, "pdffonts", poppler, name)), "\n")[2:] {
			if f := strings.Fields(font); f[len(f)-5] != "yes" {
				t.Errorf("a font is not embedded: %s", font)
			}
		}
		text := run(t, "pdftotext", poppler, name, "-")
		for _, words := range []string{
			"SEPARATOR", "One letter ends here.", "Put one between two letters. Never write on it.", "Respect Phoneline", "respect-phoneline", "front", "back",
			"COVER SHEET", "This stack holds 1 letter.", "Llinell Gymorth y Tŷ Ŵyn", "print at 100 %",
		} {
			if !strings.Contains(text, words) {
				t.Errorf("%s: %q is not on the sheets:\n%s", paper, words, text)
			}
		}
	}
}

// A title that the font cannot show is not shown in part.
func TestATitleInAnotherScript(t *testing.T) {
	name := printPDF(t, A4, Sheet{NewSeparator("a-line"), "हेल्पलाइन"})
	text := run(t, "pdftotext", "pdftotext (Debian: poppler-utils)", name, "-")
	if strings.Count(text, "\na-line\n") < 2 {
		t.Errorf("the helpline's name is not in its title's place:\n%s", text)
	}
}

// A corner pattern of seven modules is as wide on paper as it should be, and the
// text stays on the paper whatever the title.
func TestModulesAreLargeEnough(t *testing.T) {
	page := printed(t, A4, Sheet{NewSeparator("a"), strings.Repeat("A very long title ", 20)})[0]
	const dotsPerMM = printDPI / 25.4
	at := func(mm float64) int { return int(mm * dotsPerMM) }
	wide := 0
	for x := at(margin) - 5; page.GrayAt(x, at(margin+moduleMM/2)).Y < 128 || wide == 0; x++ {
		if page.GrayAt(x, at(margin+moduleMM/2)).Y < 128 {
			wide++
		}
	}
	if mm := float64(wide) / dotsPerMM / 7; mm < 1.25 || mm > 1.35 {
		t.Errorf("a module is %.2f mm", mm)
	}
	for y := range page.Rect.Dy() {
		for _, x := range []int{at(margin - 2), at(210 - margin + 2)} {
			if page.GrayAt(x, y).Y < 200 {
				t.Fatalf("something is in the margin, %d dots down", y)
			}
		}
	}
}

func TestTheSameSheetsAreTheSameBytes(t *testing.T) {
	var a, b bytes.Buffer
	must(t, Print(&a, A4, texts.English(), []Sheet{respect, longest}))
	must(t, Print(&b, A4, texts.English(), []Sheet{respect, longest}))
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("they differ")
	}
}

// Fifty sheets of a kind cost little more than one.
func TestEqualPagesAreStoredOnce(t *testing.T) {
	var one, fifty bytes.Buffer
	must(t, Print(&one, A4, texts.English(), []Sheet{respect}))
	sheets := make([]Sheet, 50)
	for i := range sheets {
		sheets[i] = respect
	}
	must(t, Print(&fifty, A4, texts.English(), sheets))
	if grown := fifty.Len() - one.Len(); grown > 50*600 {
		t.Errorf("grew by %d bytes", grown)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWhatCannotBePrinted(t *testing.T) {
	for name, err := range map[string]error{
		"paper":     Print(&bytes.Buffer{}, "a5", texts.English(), []Sheet{respect}),
		"code":      Print(&bytes.Buffer{}, A4, texts.English(), []Sheet{{Code{Kind: Cover, Helpline: "a"}, "A"}}),
		"full disk": Print(fullDisk{}, A4, texts.English(), []Sheet{respect}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
