package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/disk"
)

// listed counts how often the folders are listed.
type listed struct {
	disk.Disk
	times map[string]int
}

func (l listed) List(dir string) ([]fs.DirEntry, error) {
	l.times[dir]++
	return l.Disk.List(dir)
}

// TestOwnChangesAreNotLookedInto: what Letterlock writes among the slips is no
// reason to list them all, and hides nothing that a person has dropped there.
func TestOwnChangesAreNotLookedInto(t *testing.T) {
	o := open(t)
	slips := line + "/" + TakenDir
	l := listed{o.disk, map[string]int{}}
	o.disk = l
	changes := 0
	change := func(do func(full string) error, name string) { // each at a time of its own, however fast the machine is
		full := filepath.Join(o.dir, slips, name)
		changes++
		at := o.now.Add(time.Duration(changes) * time.Millisecond)
		if err := errors.Join(do(full), os.Chtimes(filepath.Dir(full), at, at)); err != nil {
			t.Fatal(err)
		}
	}
	drop := func(name string) {
		change(func(full string) error { return os.WriteFile(full, []byte(whole), 0o644) }, name)
	}
	slip := func(name string) {
		if err := o.Ours(slips, func() error { drop(name); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	misplaced := func() bool {
		o.now = o.now.Add(cornersAtMost)
		err := o.look().Trouble
		return err != nil && strings.Contains(err.Error(), "where nobody looks for scans")
	}
	if err := os.MkdirAll(filepath.Join(o.dir, slips), 0o755); err != nil {
		t.Fatal(err)
	}
	drop("K7QM-4T2X.txt")
	if misplaced() || l.times[slips] != 1 {
		t.Fatalf("listed %d times", l.times[slips])
	}
	for _, name := range []string{"0000-0000.txt", "0000-0001.txt"} {
		slip(name)
		if misplaced() || l.times[slips] != 1 {
			t.Errorf("listed %d times after a slip of our own", l.times[slips])
		}
	}
	drop("anna.pdf")
	slip("0000-0002.txt")
	if !misplaced() || l.times[slips] != 2 {
		t.Errorf("listed %d times, and what lies there is not said", l.times[slips])
	}
	change(os.Remove, "anna.pdf")
	if misplaced() {
		t.Error("it is said of what is not there any more")
	}
	slip("anna.pdf") // by a person, at the very moment of a change of our own
	if misplaced() {
		t.Error("a folder is listed although the last change was our own")
	}
	o.now = o.now.Add(cornersAtLeast)
	if !misplaced() {
		t.Error("it is never said")
	}
}
