package folder

import (
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"

	"github.com/google/go-cmp/cmp"
)

func TestRefusedScansLieBesideTheirNotes(t *testing.T) {
	o := open(t)
	note := Note{What: "The file is empty.", Next: "Scan the letter again."}
	for range 2 {
		if err := o.refuse(o.take(line+"/anna/letter.of.may.pdf", "SCAN END"), note); err != nil {
			t.Fatal(err)
		}
	}
	files := o.tree(line + "/refused")
	for _, name := range []string{"letter.of.may.pdf", "letter.of.may (2).pdf"} {
		if files[name] != "SCAN END" {
			t.Errorf("%s: %q", name, files[name])
		}
		for _, sentence := range []string{note.What, note.Next, "Tuesday 26 May 2026, 10:0"} {
			if !strings.Contains(files[name+".txt"], sentence) {
				t.Errorf("the note of %s does not say %q: %q", name, sentence, files[name+".txt"])
			}
		}
	}
	if len(files) != 4 {
		t.Errorf("too much in refused: %v", files)
	}
	if err := o.refuse(o.take("stray.pdf", whole), note); err != nil {
		t.Fatal(err)
	}
	if o.tree("refused")["stray.pdf"] != whole {
		t.Errorf("strays: %v", o.tree("refused"))
	}
	counts, err := Count(o.dir, []string{line, "mens-advice-line"})
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(counts.GivenBack).Abs() > time.Hour {
		t.Errorf("the oldest lies there since %s", counts.GivenBack)
	}
	counts.GivenBack = time.Time{}
	if d := cmp.Diff(Counts{Refused: 3}, counts); d != "" {
		t.Error(d)
	}
}

func TestRefusingNamesAtTheirLimit(t *testing.T) {
	for _, name := range []string{
		strings.Repeat("x", 251) + ".pdf",
		strings.Repeat("é", 127) + "x",
		"a." + strings.Repeat("y", 253),
		strings.Repeat("\xff", 255),
		"two\nlines",
		"note.txt",
	} {
		o := open(t)
		for range 2 {
			if err := o.refuse(o.take(line+"/"+name, "Dear all"), Note{}); err != nil {
				t.Fatal(err)
			}
		}
		scans := 0
		files := o.tree(line + "/refused")
		for other, content := range files {
			if content == "Dear all" {
				scans++
				if _, ok := files[other+".txt"]; !ok {
					t.Errorf("%q has no note", other)
				}
			}
		}
		if scans != 2 || len(files) != 4 {
			t.Errorf("%q: %d scans and %d files in refused", name, scans, len(files))
		}
	}
}

// encrypted is a share that eCryptfs encrypts: a name has 143 bytes at most.
type encrypted struct{ disk.Disk }

func fits(name string) error {
	if len(path.Base(name)) > 143 {
		return &fs.PathError{Op: "look", Path: name, Err: syscall.ENAMETOOLONG}
	}
	return nil
}

func (e encrypted) Lstat(name string) (fs.FileInfo, error) {
	if err := fits(name); err != nil {
		return nil, err
	}
	return e.Disk.Lstat(name)
}

func (e encrypted) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	if err := fits(name); err != nil {
		return nil, err
	}
	return e.Disk.OpenFile(name, flag, perm)
}

func (e encrypted) Rename(from, to string) error {
	if err := fits(to); err != nil {
		return err
	}
	return e.Disk.Rename(from, to)
}

func (e encrypted) RenameNew(from, to string) error {
	if err := fits(to); err != nil {
		return err
	}
	return e.Disk.RenameNew(from, to)
}

// The name of a scan fits an encrypted share, and that of its note would not: the scan
// is given back under a shorter one, as often as it comes.
func TestRefusingNamesAtTheLimitOfAnEncryptedShare(t *testing.T) {
	o := open(t)
	o.disk = encrypted{o.disk}
	for _, length := range []int{143, 143, 140, 139} {
		if err := o.refuse(o.take(line+"/"+strings.Repeat("x", length-4)+".pdf", "Dear all"), Note{}); err != nil {
			t.Fatal(err)
		}
	}
	files := o.tree(line + "/refused")
	for name, content := range files {
		_, noted := files[name+NoteExt]
		if content == "Dear all" && (!noted || !strings.HasPrefix(name, "xxx") || !strings.HasSuffix(name, ".pdf")) {
			t.Errorf("%q, with a note: %v", name, noted)
		}
	}
	if len(files) != 8 {
		t.Errorf("%d files in refused: %v", len(files), files)
	}
}

// TestRefusalGoesOnAfterACrash ends the work at each of its boundaries, as a
// crash would, and opens the folder again.
func TestRefusalGoesOnAfterACrash(t *testing.T) {
	for _, at := range []string{"refusing", "returned", "noted"} {
		t.Run(at, func(t *testing.T) {
			type crash struct{}
			o := open(t, func(c *Config) {
				c.Step = func(step string, _ letter.ID) {
					if step == at {
						panic(crash{})
					}
				}
			})
			c := o.take(line+"/scan.pdf", "Dear all")
			func() {
				defer func() {
					if r := recover(); r != (crash{}) {
						t.Fatalf("no crash: %v", r)
					}
				}()
				_ = o.GiveBack(&c, RefusedDir, Note{What: "It is a text."})
			}()
			o.Folder.Close()
			o.reopen()
			claims, err := o.Claims()
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range claims {
				if !c.Returning {
					t.Error("the claim does not know that it is refused")
				}
				if err := o.GiveBack(&c, RefusedDir, Note{}); err != nil {
					t.Fatal(err)
				}
			}
			files := o.tree(line + "/refused")
			if len(files) != 2 || files["scan.pdf"] != "Dear all" || !strings.Contains(files["scan.pdf.txt"], "It is a text.") {
				t.Errorf("refused: %v", files)
			}
			if left := o.tree(ClaimedDir); len(left) > 0 {
				t.Errorf("claims left: %v", left)
			}
		})
	}
}
