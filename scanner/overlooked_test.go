package scanner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/folder"
)

// A scan is refused and scanned again, and the new one becomes the letter. What was
// refused is nobody's letter and has no deadline: the note beside it says when it is to
// be deleted, after two weeks and after six months STATUS.txt and check say that it was
// not, and once it is they are well again.
func TestAScanThatWasGivenBackIsNotForgotten(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/mrs-smith.pdf", []byte("no scan"))
	o.drop(line+"/mrs-smith-again.jpg", sampleLetter(1))
	o.pass(2 * settled)
	o.verify()
	o.wait(time.Minute)
	o.ended(1)
	refused := filepath.Join(o.cfg.Folder, line, folder.RefusedDir, "mrs-smith.pdf")
	note := o.files("scanner/" + line + "/refused")["mrs-smith.pdf.txt"]
	if !strings.Contains(note, "Once the new scan has its slip, delete this file and this note: Letterlock never deletes the file.") {
		t.Errorf("the note says %q", note)
	}
	if err := os.Chtimes(refused+folder.NoteExt, o.now, o.now); err != nil { // as the test's clock has it
		t.Fatal(err)
	}
	says := func(wantCheck, wantStatus string) {
		t.Helper()
		o.wait(11 * time.Minute) // so often is it listed
		o.publish(o.recipients())
		lines, err := folder.Check(folder.CheckConfig{Path: o.cfg.Folder, Helplines: o.cfg.Helplines, Arriving: time.Hour, Now: o.now})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, l := range lines {
			found = found || l.Name == "refused"
			if l.Name == "refused" && (l.OK != (wantCheck == "") || !strings.Contains(l.Says, wantCheck)) {
				t.Errorf("it is well: %v, and check says %q, not %q", l.OK, l.Says, wantCheck)
			}
		}
		if !found && wantCheck != "" {
			t.Errorf("check does not say %q: %+v", wantCheck, lines)
		}
		status := o.files("scanner/" + line)["STATUS.txt"]
		if strings.Contains(status, "LOOK") != (wantStatus != "") || !strings.Contains(status, wantStatus) {
			t.Errorf("STATUS.txt says %q, not %q", status, wantStatus)
		}
	}
	says("", "")
	o.now = o.now.AddDate(0, 0, 14)
	says("has lain there for 14 days: nothing deletes it but people", `LOOK: the oldest scan in the folder "refused" has lain there for 14 days.`)
	o.now = o.now.AddDate(0, 6, 0)
	says("longer than the six months for which letters are kept", `LOOK TODAY: the oldest scan in the folder "refused" has lain there for`)
	for _, name := range []string{refused, refused + folder.NoteExt} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	says("", "")
}
