package retention

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/realpart"
)

// The printed record is the same bytes for the same record, holds every line of
// it, and goes on over as many pages as it needs.
func TestPrinting(t *testing.T) {
	s := &story{now: began}
	for range 120 {
		id := s.arrive("respect-phoneline")
		s.destroy(id, register.AnomalyLevel)
	}
	s.arrive("mens-advice-line")
	sheet := s.record(t, "2026-Q1").Sheet(func(name string) string { return "The " + name + " with a name that is much too long" })
	printed := func(l *texts.Language) string {
		t.Helper()
		var one, other bytes.Buffer
		if err := sheet.PDF(&one, l); err != nil {
			t.Fatal(err)
		}
		if err := sheet.PDF(&other, l); err != nil || !bytes.Equal(one.Bytes(), other.Bytes()) {
			t.Errorf("printed twice, it differs: %v", err)
		}
		return one.String()
	}
	pdf := printed(texts.English())
	if pages := strings.Count(pdf, "/Type /Page\n"); pages < 4 {
		t.Errorf("%d pages for 120 exceptions", pages)
	}
	if strings.Contains(pdf, "/FontFile2") || !strings.Contains(printed(otherLetters(t)), "/FontFile2") {
		t.Error("a font is embedded where every printer has its letters, or is not where none has")
	}
	var table bytes.Buffer
	if err := sheet.CSV(&table, texts.English()); err != nil || strings.Count(table.String(), "the shredder is coarser") != 120 {
		t.Errorf("the spreadsheet lacks something: %v", err)
	}
}

// Whoever signs the record reads all of its words: those of a row that are longer than its
// column, and what people call a helpline.
func TestNothingThatIsPrintedIsCutOff(t *testing.T) {
	s := &story{now: began}
	s.arrive("respect-phoneline")
	s.arrive("mens-advice-line")
	sheet := s.record(t, "2026-Q1").Sheet(func(name string) string { return "The Advice Line of Machynlleth" })
	name := filepath.Join(t.TempDir(), "record.pdf")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sheet.PDF(file, texts.English()), file.Close()); err != nil {
		t.Fatal(err)
	}
	printed, err := exec.Command(realpart.Tool(t, "pdftotext", "pdftotext (Debian: poppler-utils)"), "-raw", name, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	// Letters alone: where a line breaks is the printer's.
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return r
			}
			return -1
		}, s)
	}
	all := letters(string(printed))
	for _, table := range sheet.Tables {
		for _, r := range table.Rows {
			if says := letters(texts.English().Text(r.Says)); !strings.Contains(all, says) {
				t.Errorf("of %q a part is missing in:\n%s", texts.English().Text(r.Says), printed)
			}
		}
	}
	if n := strings.Count(all, "Machynlleth"); n < 2*len(sheet.Tables) {
		t.Errorf("the ends of two helplines' names are there %d times:\n%s", n, printed)
	}
}

// otherLetters is a language each of whose texts begins with a letter that the
// printers' own fonts have not.
func otherLetters(t *testing.T) *texts.Language {
	t.Helper()
	english, err := fs.ReadFile(texts.Files, "en.toml")
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`((?:^|\n)[a-z0-9-]+ = (?:\{ one = )?"|, other = ")`).ReplaceAllString(string(english), "${1}ŵ")
	l, err := texts.New(fstest.MapFS{"en.toml": {Data: english}, "xx.toml": {Data: []byte(strings.Replace(other, `"ŵen-GB"`, `"en-GB"`, 1))}}, "xx")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Nothing of the record is English where the portal speaks another language: not its
// headings, nor a line of its tables or a sentence.
func TestARecordInAnotherLanguage(t *testing.T) {
	s := &story{now: began}
	for _, a := range []register.Anomaly{register.AnomalyLevel, register.AnomalySheets} {
		s.destroy(s.arrive("respect-phoneline"), a)
	}
	s.say("day-begun", "", register.DayBegun{Living: 9})
	for _, period := range []string{"2026", "2026-Q1", "2026-01", "2026-01-01..2026-01-02"} {
		sheet := s.record(t, period).Sheet(func(name string) string { return name })
		if len(sheet.Wrong) != 1 || len(sheet.Rows) != 2 {
			t.Fatalf("%d are wrong, and %d are exceptions", len(sheet.Wrong), len(sheet.Rows))
		}
		var table bytes.Buffer
		if err := sheet.CSV(&table, otherLetters(t)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(table.String()) {
			if line = strings.Trim(line, "\"\n"); line != "" && !strings.HasPrefix(line, "ŵ") {
				t.Errorf("of %s it says in English %q", period, line)
			}
		}
	}
}
