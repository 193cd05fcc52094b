package scanner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/folder"
)

// Somebody clears away the folder that he does not know, while a letter is on its way.
func TestThePrivatePartIsMovedAway(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.pass(settled + 1)
	if len(o.jobs) != 1 {
		t.Fatal("nothing is on its way")
	}
	id := o.jobs[0].id
	private, away := filepath.Join(o.cfg.Folder, folder.PrivateDir), filepath.Join(o.base, "away")
	if err := os.Rename(private, away); err != nil {
		t.Fatal(err)
	}
	_ = o.Once(t.Context()) // which says that it is gone
	told := func(want bool) {
		t.Helper()
		for helpline, status := range map[string]string{
			line: o.files("scanner/" + line)[folder.StatusFile], "mens-advice-line": o.files("scanner/mens-advice-line")[folder.StatusFile]} {
			if strings.Contains(status, id.Reference()) != want || want && !strings.Contains(status, "Keep all papers") {
				t.Errorf("STATUS.txt of %s: %s", helpline, status)
			}
		}
	}
	o.pass(10)
	told(true)
	o.says("Somebody has moved or deleted the folder .letterlock")
	if strings.Contains(o.log.String(), "All is well again.\" about=lost") {
		t.Error("it is told that all is well")
	}
	if lines := CheckLost(o.cfg.StateDir, nil); len(lines) != 1 || lines[0].OK || !strings.Contains(lines[0].Says, id.Reference()) {
		t.Errorf("check says %+v", lines)
	}
	o.restart()
	o.pass(10)
	told(true)

	// It is found in a recycle bin, and brought back.
	o.close()
	for _, part := range []string{"claimed", "spool"} {
		if err := os.RemoveAll(filepath.Join(private, part)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(away, part), filepath.Join(private, part)); err != nil {
			t.Fatal(err)
		}
	}
	o.open()
	for range 90 {
		o.pass(1)
	}
	told(false)
	if lines := CheckLost(o.cfg.StateDir, nil); lines != nil {
		t.Errorf("check goes on: %+v", lines)
	}
	if len(o.verify()) != 1 {
		t.Error("the letter did not go on")
	}
	o.pass(6)
	o.ended(1)
}

// It is gone for good, and whoever has scanned the paper again says so.
func TestThePrivatePartIsGoneForGood(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.pass(settled + 1)
	if err := os.RemoveAll(filepath.Join(o.cfg.Folder, folder.PrivateDir)); err != nil {
		t.Fatal(err)
	}
	_ = o.Once(t.Context())
	o.pass(10)
	if err := os.Remove(filepath.Join(o.cfg.StateDir, LostFile)); err != nil {
		t.Fatal(err)
	}
	for range 70 {
		o.pass(1)
	}
	if status := o.files("scanner/" + line)[folder.StatusFile]; strings.Contains(status, "Keep all papers") {
		t.Errorf("STATUS.txt goes on: %s", status)
	}
	o.says("All is well again.\" about=lost")
}
