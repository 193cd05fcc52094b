package scanner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The share is not mounted any more, and an empty folder lies in its place: it is not
// said that all is well, until the share is back, or a person has said that the other
// folder is meant.
func TestTheShareIsNotMounted(t *testing.T) {
	o := newOffice(t)
	o.pass(2)
	share := filepath.Join(o.base, "the share")
	const says = "This is another scanner folder than before: is the share mounted?"
	told := func(when string, want bool) {
		t.Helper()
		o.wait(0)
		status := o.files("scanner/" + line)["STATUS.txt"]
		if want && strings.Contains(status+CheckFolder(o.cfg.Folder, o.cfg.StateDir, nil)[0].Says, "scan the papers of the others again") {
			t.Errorf("%s: what is on its way is said to be lost: %q", when, status)
		}
		if strings.Contains(status, says) != want {
			t.Errorf("%s: STATUS.txt says %q", when, status)
		}
		lines := checkOther(o.cfg.Folder, o.cfg.StateDir)
		if is := len(lines) == 1 && !lines[0].OK && strings.Contains(lines[0].Says, says); is != want || len(lines) > 1 {
			t.Errorf("%s: check says %+v", when, lines)
		}
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	again := func() {
		t.Helper()
		_ = o.Once(t.Context()) // which says that it is gone
		o.now = o.now.Add(10 * time.Second)
		o.pass(1)
	}
	o.drop(line+"/very private.jpg", sampleLetter(1)) // is on its way all the while
	o.pass(settled)
	told("at first", false)

	move(o.cfg.Folder, share) // beside a scanner that runs
	again()
	told("without the share", true)
	if strings.Contains(o.log.String(), "All is well again.\" about=folder") {
		t.Error("it is said that all is well")
	}
	o.restart()
	told("after a start without the share", true)

	move(o.cfg.Folder, filepath.Join(o.base, "below"))
	move(share, o.cfg.Folder)
	again()
	told("with the share", false)
	o.says("All is well again.\" about=folder")

	o.close()
	move(o.cfg.Folder, share)
	o.open()
	told("started without the share", true)
	if err := os.Remove(filepath.Join(o.cfg.StateDir, FolderFile)); err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(10 * time.Second)
	told("once the folder is meant", false)
	o.restart()
	told("and after a start", false)
}
