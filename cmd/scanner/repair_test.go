package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/folder"
)

// TestRepairFindsTheScanThatIsMeant however a person at a prompt names it, and
// moves no other.
func TestRepairFindsTheScanThatIsMeant(t *testing.T) {
	const note = "This scan was not taken.\r\n\r\nWhat is wrong: It is damaged.\r\n"
	for _, c := range []struct {
		says  string // FOLDER is the scanner folder
		in    string // where it is said
		moved string // of which helpline; "" for none
		want  string
	}{
		{says: "fax.pdf", moved: "respect-phoneline", want: "is drawn anew"},
		{says: "respect-phoneline/fax.pdf", moved: "respect-phoneline", want: "is drawn anew"},
		{says: "./respect-phoneline/refused/fax.pdf", moved: "respect-phoneline", want: "is drawn anew"},
		{says: "FOLDER/respect-phoneline/refused/fax.pdf", moved: "respect-phoneline", want: "is drawn anew"},
		{says: "fax.pdf.txt", moved: "respect-phoneline", want: "is drawn anew"},
		{says: "both.pdf", want: "several helplines have a refused scan of that name: write respect-phoneline/both.pdf"},
		{says: "mens-advice-line/both.pdf", moved: "mens-advice-line", want: "is drawn anew"},
		{says: "both.pdf", in: "mens-advice-line/refused", moved: "mens-advice-line", want: "is drawn anew"},
		{says: "mens-advice-line/fax.pdf", want: "there is no refused scan of the name"},
		{says: "gone.pdf", want: "there is no refused scan of the name"}, // its note is left
		{says: "noteless.pdf", want: "there is no refused scan of the name"},
	} {
		o := &office{dir: t.TempDir(), scans: t.TempDir(), endpoint: "http://127.0.0.1:9", bucket: "letters", access: "a", secret: "s"}
		if err := o.write(); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"respect-phoneline/refused/fax.pdf": "", "respect-phoneline/refused/fax.pdf.txt": note,
			"respect-phoneline/refused/both.pdf": "", "respect-phoneline/refused/both.pdf.txt": note,
			"mens-advice-line/refused/both.pdf": "", "mens-advice-line/refused/both.pdf.txt": note,
			"respect-phoneline/refused/gone.pdf.txt": note, "respect-phoneline/refused/noteless.pdf": "",
		} {
			full := filepath.Join(o.scans, name)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		t.Chdir(filepath.Join(o.scans, c.in))
		says := strings.Replace(c.says, "FOLDER", o.scans, 1)
		var out, errout strings.Builder
		status := run([]string{"repair", "--config", o.config(), says}, &out, &errout)
		if (status == exitDone) != (c.moved != "") || !strings.Contains(out.String()+errout.String(), c.want) {
			t.Errorf("%s, in %q: exit status %d, %s%s", c.says, c.in, status, out.String(), errout.String())
		}
		var moved []string
		for _, helpline := range []string{"respect-phoneline", "mens-advice-line"} {
			list, _ := os.ReadDir(filepath.Join(o.scans, folder.AnswerPath(helpline, "", folder.Repair)))
			for range list {
				moved = append(moved, helpline)
			}
		}
		if strings.Join(moved, " ") != c.moved {
			t.Errorf("%s, in %q: moved of %q", c.says, c.in, moved)
		}
	}
}
