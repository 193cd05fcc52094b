package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An export, a record and a pack for which there is no room leave nothing, neither under their
// name nor under another, and the same line works once there is.
func TestWhatIsTakenAwayIsWholeOrNotThere(t *testing.T) {
	data, away := newSample(t), t.TempDir()
	fill, makeRoom := smallDisk(t, away, 8)
	lines := [][]string{
		{"register", "export", "--out", filepath.Join(away, "register.ndjson")},
		{"retention", "--csv", filepath.Join(away, "record.csv")},
		{"retention", "--pdf", filepath.Join(away, "record.pdf")},
		{"evidence", "--out", filepath.Join(away, "pack")},
		{"evidence", "--out", filepath.Join(away, "pack.zip")},
	}
	fill()
	for _, line := range lines {
		if out, err := letterlockCmd(t, data, line...).CombinedOutput(); err == nil || strings.Contains(string(out), "Written") {
			t.Errorf("letterlock %v on a full disk: %v\n%s", line, err, out)
		}
		if left, err := os.ReadDir(away); err != nil || len(left) != 1 { // the filler
			t.Errorf("letterlock %v has left %v, %v", line, left, err)
		}
	}
	makeRoom()
	for _, line := range lines {
		out, err := letterlockCmd(t, data, line...).CombinedOutput()
		if err != nil && exitCode(err) != exitWrong || !strings.Contains(string(out), "Written") {
			t.Errorf("letterlock %v with room again: %v\n%s", line, err, out)
		}
	}
	if left, err := os.ReadDir(away); err != nil || len(left) != len(lines) {
		t.Errorf("there are %v, %v", left, err)
	}
}

// What was killed half-way has no name that anybody could take for the whole, and the next
// try goes on beside it; what is whole is never written over.
func TestAHalfWrittenExportIsInNobodysWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "register.ndjson")
	killed, err := beginFile(path)
	must(t, err)
	defer killed.Close()
	f, err := beginFile(path)
	must(t, err)
	_, err = f.WriteString("whole\n")
	must(t, endFile(f, path, err))
	if got := read(t, path); got != "whole\n" {
		t.Errorf("it holds %q", got)
	}
	if err := endFile(killed, path, nil); !errors.Is(err, fs.ErrExist) || read(t, path) != "whole\n" {
		t.Errorf("the name was taken meanwhile: %v", err)
	}
	if _, err := beginFile(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over what is there: %v", err)
	}
}
