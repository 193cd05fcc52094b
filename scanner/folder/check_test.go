package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// says are the lines of a check by name, "LOOK" before what is not well.
func (o *office) says() map[string]string {
	o.Helper()
	lines, err := Check(CheckConfig{o.dir, []string{line, "mens-advice-line"}, time.Hour, o.now, complete})
	if err != nil {
		o.Fatal(err)
	}
	says := map[string]string{}
	for _, l := range lines {
		text := l.Says
		if !l.OK {
			text = "LOOK " + text
		}
		says[l.Name] += text
	}
	return says
}

func (o *office) checks(name, want string) {
	o.Helper()
	if says := o.says()[name]; !strings.Contains(says, want) || strings.HasPrefix(says, "LOOK") != strings.HasPrefix(want, "LOOK") {
		o.Errorf("%s: %q does not say %q", name, says, want)
	}
}

func TestCheck(t *testing.T) {
	o := open(t)
	o.now = time.Now()
	before := o.tree("")
	for name, want := range map[string]string{
		"folder": "of every helpline", "owner": "at work on this folder: process", "arriving": "Nothing", "waiting": "Nothing",
		"refused": "0 refused scans and 0 questions", "bins": "",
	} {
		o.checks(name, want)
	}
	if len(o.tree("")) != len(before) {
		t.Errorf("it has left something: %v", o.list())
	}

	c := o.take(line+"/a.pdf", whole)
	o.checks("waiting", "1 scan is being taken")
	o.now = o.now.Add(50 * time.Hour)
	o.checks("waiting", "LOOK 1 scan is claimed and not yet verified by the server, the oldest for 2 days")
	if err := o.GiveBack(&c, StacksDir, Note{}); err != nil {
		t.Fatal(err)
	}
	o.checks("refused", "0 refused scans and 1 question")

	o.drop(line+"/anna/b.pdf", whole)
	o.now = time.Now() // after the file's own time, or two hours from now it is a moment younger
	o.checks("arriving", "1 file is arriving")
	o.now = o.now.Add(2 * time.Hour)
	o.checks("arriving", "LOOK 1 file is arriving, the oldest unchanged for 2 hours")
	o.drop("accounts/b.pdf", whole)
	o.checks("elsewhere", "LOOK 1 file is in folders")
	o.drop(line+"/taken/mrs miller.pdf", whole)
	o.drop(line+"/duplicates/anna/mrs miller.pdf", whole)
	o.checks("misplaced", "LOOK 2 files are where nobody looks for scans: look into \"taken\"")
	o.drop(line+"/#recycle/mrs miller.pdf", whole)
	o.checks("bins", "LOOK What is deleted through the share is kept in the recycle bin of Synology")
	for name, says := range o.says() {
		if strings.Contains(says, "miller") {
			t.Errorf("%s names a file: %s", name, says)
		}
	}

	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(o.dir, ownerFile), old, old); err != nil {
		t.Fatal(err)
	}
	o.checks("owner", "LOOK The scanner that is at work")
	o.Folder.Close()
	o.checks("owner", "No scanner is at work")
	if err := os.RemoveAll(filepath.Join(o.dir, line)); err != nil {
		t.Fatal(err)
	}
	o.checks("folder", "LOOK The folder of "+line+" is missing")
	if err := os.RemoveAll(filepath.Join(o.dir, PrivateDir)); err != nil {
		t.Fatal(err)
	}
	o.checks("folder", "No scanner has worked on this folder yet")
	if _, err := Check(CheckConfig{Path: filepath.Join(o.dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A copier whose field for the name is empty hides its scans: check finds those that have
// lain for a while, and nothing else that is hidden, nor one that is on its way.
func TestCheckFindsScansWithHiddenNames(t *testing.T) {
	o := open(t)
	for _, name := range []string{".DS_Store", "._scan.pdf", ".hidden"} {
		o.drop(line+"/"+name, "no scan")
	}
	o.drop("accounts/.pdf", whole)
	o.drop(line+"/mens-advice-line/.pdf", whole)
	o.now = time.Now().Add(2 * time.Hour)
	if says := o.says()["hidden"]; says != "" {
		t.Errorf("of what is no hidden scan it says %q", says)
	}
	o.drop(line+"/.pdf", whole)
	o.drop(line+"/mrs miller/.pdf", whole)
	o.now = time.Now().Add(time.Minute)
	if says := o.says()["hidden"]; says != "" {
		t.Errorf("of what may be on its way it says %q", says)
	}
	o.now = time.Now().Add(2 * time.Hour)
	o.checks("hidden", "LOOK 2 scans are hidden by a name that begins with a dot, the oldest unchanged for")
	if says := o.says()["hidden"]; strings.Contains(says, "miller") {
		t.Errorf("it names a folder: %s", says)
	}
}

// A folder that cannot be made is named, with what to do.
func TestAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inFile := filepath.Join(file, "scans")
	if _, err := Open(Config{Path: inFile}); err == nil || !strings.Contains(err.Error(), inFile) || !strings.Contains(err.Error(), "make it") {
		t.Errorf("it says %v", err)
	}
}
