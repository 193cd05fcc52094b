package folder

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
)

// move moves a file within the folder, as a person does.
func (o *office) move(from, to string) {
	o.Helper()
	if err := os.Rename(filepath.Join(o.dir, from), filepath.Join(o.dir, to)); err != nil {
		o.Fatal(err)
	}
}

func TestAPersonAnswersByMovingTheFile(t *testing.T) {
	for answer, at := range map[Answer]string{
		Repair:  "refused/repair",
		Same:    "duplicates/same letter",
		Another: "duplicates/another letter",
		Mistake: "other helpline/dropped here by mistake",
		HereToo: "other helpline/take it here too",
		Split:   "stacks/split at the sheets",
	} {
		t.Run(string(answer), func(t *testing.T) {
			o := open(t)
			dir := filepath.Dir(at)
			c := o.take(line+"/anna/scan.pdf", whole)
			if err := o.GiveBack(&c, dir, Note{What: "A question.", Next: "Answer it."}); err != nil {
				t.Fatal(err)
			}
			for range 5 { // nothing happens by itself
				if v := o.look(); len(v.Settled)+v.arriving() > 0 || v.Trouble != nil {
					t.Fatalf("looked at without an answer: %+v", v)
				}
			}
			counts, err := Count(o.dir, []string{line, "mens-advice-line"})
			want := Counts{Asked: 1}
			switch dir {
			case RefusedDir:
				want = Counts{Refused: 1}
			case OtherLineDir:
				want.Other = 1
			}
			want.GivenBack = counts.GivenBack // as its note has it
			if d := cmp.Diff(want, counts); d != "" || err != nil {
				t.Error(d, err)
			}
			if to := AnswerPath(line, "scan.pdf", answer); to != line+"/"+at+"/scan.pdf" {
				t.Errorf("answered at %s", to)
			}
			o.move(line+"/"+dir+"/scan.pdf", AnswerPath(line, "scan.pdf", answer))
			scans := o.settle()
			if len(scans) != 1 || scans[0].Answer != answer || scans[0].Helpline != line {
				t.Fatalf("settled: %+v", scans)
			}
			if c, err = o.Claim(scans[0]); err != nil || c.Answer != answer {
				t.Fatal(c, err)
			}
			if left := o.list(); len(left) > 0 {
				t.Errorf("the note is left: %q", left)
			}
			o.Folder.Close()
			o.reopen()
			claims, err := o.Claims()
			if d := cmp.Diff([]Claim{c}, claims); d != "" || err != nil {
				t.Error(d, err)
			}
			// The same file may be asked about again.
			if err := o.GiveBack(&c, StacksDir, Note{What: "Another question."}); err != nil {
				t.Fatal(err)
			}
			if o.tree(line + "/stacks")["scan.pdf"] != whole {
				t.Errorf("not given back: %v", o.list())
			}
		})
	}
}

// TestOnlyTheNoteGoesWithItsScan has files that look like a note and are none.
func TestOnlyTheNoteGoesWithItsScan(t *testing.T) {
	o := open(t)
	text := o.take(line+"/scan.pdf.txt", "Dear all")
	if err := o.GiveBack(&text, RefusedDir, Note{}); err != nil {
		t.Fatal(err)
	}
	copied := o.take(line+"/b.pdf.txt", o.tree(line + "/refused")["scan.pdf.txt.txt"])
	if err := o.GiveBack(&copied, RefusedDir, Note{}); err != nil {
		t.Fatal(err)
	}
	before := o.tree(line + "/refused")
	o.take(line+"/refused/repair/scan.pdf", whole)
	o.take(line+"/refused/repair/b.pdf", whole)
	if d := cmp.Diff(before, o.tree(line+"/refused")); d != "" {
		t.Error(d)
	}
}

func TestAnUnsettledAnswerIsStillAnAnswer(t *testing.T) {
	o := open(t)
	c := o.take(line+"/refused/repair/scan.pdf", whole)
	name := filepath.Join(o.dir, c.Path(scanDir), "scan.pdf")
	if err := os.WriteFile(name, []byte(whole+" and END"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Settled(c); err == nil {
		t.Fatal("it has changed")
	}
	if scans := o.settle(); len(scans) != 1 || scans[0].Answer != Repair {
		t.Errorf("settled: %+v", scans)
	}
}

func TestReservedNames(t *testing.T) {
	for _, name := range []string{"refused", "duplicates", "stacks", "scan again", "taken", ".letterlock", "lost+found"} {
		if !Reserved(name) {
			t.Errorf("a helpline may be named %q", name)
		}
	}
	if Reserved(line) {
		t.Error("no helpline may have a name")
	}
	if slices.Contains(returnDirs, TakenDir) {
		t.Error("nothing is given back to where the slips are")
	}
}

// What lies below the folder of a paper that is to be scanned again is a new scan of
// it, to which a crash and a change of mind put it back.
func TestANewScanSaysOfWhat(t *testing.T) {
	o := open(t)
	if err := o.MakeAgain(line, "K7QM-4T2X"); err != nil {
		t.Fatal(err)
	}
	for at, again := range map[string]string{"scan again/K7QM-4T2X/scan.pdf": "K7QM-4T2X", "scan again/K7QM-4T2X/anna/scan.pdf": "K7QM-4T2X", "scan again/scan.pdf": ""} {
		c := o.take(line+"/"+at, whole)
		if c.Answer != Again || c.Again != again || c.Helpline != line {
			t.Fatalf("%s is claimed as %+v", at, c)
		}
		o.Folder.Close()
		o.reopen()
		if claims, err := o.Claims(); err != nil || len(claims) != 1 || claims[0] != c {
			t.Fatal(claims, err)
		}
		name := filepath.Join(o.dir, c.Path(scanDir), "scan.pdf")
		if err := os.WriteFile(name, []byte(whole+" and END"), 0o600); err != nil {
			t.Fatal(err)
		}
		if again != "" {
			o.DropAgain(line, again) // the request is closed meanwhile
		}
		if err := o.Settled(c); err == nil {
			t.Fatal("it has changed")
		}
		scans := o.settle()
		if len(scans) != 1 || scans[0].Answer != Again || scans[0].Again != again {
			t.Fatalf("put back as %+v", scans)
		}
		if c, err := o.Claim(scans[0]); err != nil || o.Release(c) != nil {
			t.Fatal(err)
		}
		if counts, err := Count(o.dir, []string{line}); err != nil || counts.Arriving+counts.Misplaced+counts.Elsewhere > 0 {
			t.Error(counts, err)
		}
	}
	if names, err := o.AgainFolders(line); err != nil || !slices.Equal(names, []string{"K7QM-4T2X"}) {
		t.Error(names, err)
	}
	o.move(line+"/scan again/K7QM-4T2X", line+"/scan again/other")
	o.take(line+"/scan again/other/x.pdf", whole)
	o.DropAgain(line, "other")
	if names, err := o.AgainFolders(line); err != nil || len(names) > 0 {
		t.Error(names, err)
	}
}

// Somebody has looked into the folder of a paper with a Mac, and with Windows: what that
// leaves keeps no folder there. What may be a scan does, whatever its name.
func TestTheFolderOfAPaperGoesWithWhatADesktopLeaves(t *testing.T) {
	o := open(t)
	const paper, other = "K7QM-4T2X", "2BCD-EFGH"
	for _, name := range []string{paper, other} {
		if err := o.MakeAgain(line, name); err != nil {
			t.Fatal(err)
		}
		o.drop(line+"/scan again/"+name+"/.DS_Store", "Bud1")
		o.drop(line+"/scan again/"+name+"/Thumbs.db", "pictures")
		o.drop(line+"/scan again/"+name+"/._scan.pdf", "\x00\x05\x16\x07 Mac OS X")
		o.drop(line+"/scan again/"+name+"/anna/.DS_Store", "Bud1")
	}
	o.drop(line+"/scan again/.DS_Store", "Bud1")
	o.drop(line+"/scan again/"+other+"/._.pdf", whole)
	o.DropAgain(line, paper)
	o.DropAgain(line, other)
	if names, err := o.AgainFolders(line); err != nil || !slices.Equal(names, []string{other}) {
		t.Fatalf("there are %v, %v", names, err)
	}
	if o.tree(line + "/scan again/" + other)["._.pdf"] != whole {
		t.Fatal("what may be a scan is gone")
	}
	if err := os.Remove(filepath.Join(o.dir, line, "scan again", other, "._.pdf")); err != nil {
		t.Fatal(err)
	}
	o.DropAgain(line, other)
	if left := o.tree(line); len(left) > 0 {
		t.Errorf("left are %v", left)
	}
	if _, err := o.disk.Lstat(line + "/scan again"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is there still: %v", err)
	}
}

func TestNoPowerCutTakesTheFolderOfAPaper(t *testing.T) {
	for seed := range uint64(20) {
		d := disktest.New(time.Now)
		f, err := Open(Config{Disk: d, Helplines: []string{line}, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		scan := againPath(line, "K7QM-4T2X", "scan.pdf")
		if err := errors.Join(f.MakeAgain(line, "K7QM-4T2X"), disk.WriteBytes(d, scan, 0o600, []byte("scan"))); err != nil {
			t.Fatal(err)
		}
		d.PowerCut(rand.New(rand.NewPCG(seed, 1)))
		if !disk.Exists(d, scan) {
			t.Fatalf("seed %d: the new scan in it is gone", seed)
		}
	}
}
