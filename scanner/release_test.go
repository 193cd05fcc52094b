package scanner

import (
	"context"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/realpart"
	"letterlock/scanner/separator"
)

// blind is a folder on which nobody can tell whether somebody else has a file
// open: other accounts' files, or most network shares.
type blind struct{ *disk.Real }

func (blind) Writing(disk.File) (is, known bool) { return false, false }

// blindOffice cannot see its writers.
func blindOffice(t *testing.T) *office {
	return newOffice(t, func(o *office) {
		if err := os.MkdirAll(o.cfg.Folder, 0o700); err != nil {
			t.Fatal(err)
		}
		real, err := disk.Open(o.cfg.Folder)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = real.Close() })
		o.cfg.folderDisk = blind{real}
	})
}

// writing is a program that has the scan open, wherever it is moved.
func (o *office) writing(name string) *os.File {
	o.Helper()
	file, err := os.OpenFile(filepath.Join(o.cfg.Folder, line, name), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { _ = file.Close() })
	return file
}

// claimed is the one scan that is claimed.
func (o *office) claimed() string {
	o.Helper()
	claimed, err := filepath.Glob(filepath.Join(o.cfg.Folder, folder.ClaimedDir, "*", "scan", "*"))
	if err != nil || len(claimed) != 1 {
		o.Fatal(claimed, err)
	}
	return claimed[0]
}

func (o *office) writes(file *os.File, more string) {
	o.Helper()
	if _, err := file.WriteString(more); err != nil {
		o.Fatal(err)
	}
}

// wantGrown checks that the scan is back with people, with all that was written,
// and that its note names the letters that were made of the first half of it.
func (o *office) wantGrown(name, scan string, letters []letter.Manifest) {
	o.Helper()
	o.ended(len(letters))
	given := o.given(folder.RefusedDir)
	if given[name] != scan {
		o.Fatalf("what was written later is lost: %d bytes are back, of %d", len(given[name]), len(scan))
	}
	note := given[name+folder.NoteExt]
	for _, m := range letters {
		if !strings.Contains(note, m.ID.Reference()) {
			o.Errorf("the note does not say which letter is not complete: %s", note)
		}
	}
	if len(o.slips()) != len(letters) {
		o.Errorf("slips: %v", o.slips())
	}
	if !strings.Contains(o.log.String(), "A scan was written to after it was taken") {
		o.Error("the log does not say so")
	}
}

// A person lays one page after the other on the glass; the program has the file
// open all the while, and the scan is whole after each.
func TestWhatIsWrittenAfterAScanWasTakenIsNotDeleted(t *testing.T) {
	const more = "the third page"
	scan := sampleLetter(1)
	t.Run("while it waits for the receipt", func(t *testing.T) {
		o := blindOffice(t)
		o.drop(line+"/a.jpg", scan)
		writer := o.writing("a.jpg")
		o.pass(settled + 1)
		o.writes(writer, more)
		letters := o.verify()
		o.pass(6)
		o.wantGrown("a.jpg", string(scan)+more, letters)
		o.pass(6)
		o.wantGrown("a.jpg", string(scan)+more, letters)
	})
	t.Run("some minutes after the receipt", func(t *testing.T) {
		o := blindOffice(t)
		o.drop(line+"/a.jpg", scan)
		writer := o.writing("a.jpg")
		o.pass(settled + 1)
		letters := o.verify()
		o.wait(10 * time.Minute)
		if len(o.slips()) != 1 {
			t.Error("people wait for the slip")
		}
		if n, err := folder.Count(o.cfg.Folder, o.cfg.Helplines); err != nil || n.Claimed+n.Waiting > 0 {
			t.Errorf("it counts as under way: %+v, %v", n, err)
		}
		o.writes(writer, more)
		o.wait(2 * time.Minute)
		o.wantGrown("a.jpg", string(scan)+more, letters)
	})
	t.Run("without another size or time", func(t *testing.T) {
		o := blindOffice(t)
		o.drop(line+"/a.jpg", scan)
		writer, err := os.OpenFile(filepath.Join(o.cfg.Folder, line, "a.jpg"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		info, err := writer.Stat()
		if err != nil {
			t.Fatal(err)
		}
		o.pass(settled + 1)
		if _, err := writer.WriteAt([]byte(more), 100); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(o.claimed(), time.Time{}, info.ModTime()); err != nil {
			t.Fatal(err)
		}
		letters := o.verify()
		o.wait(31 * time.Minute)
		o.wantGrown("a.jpg", string(scan[:100])+more+string(scan[100+len(more):]), letters)
	})
	t.Run("of a stack", func(t *testing.T) {
		o, stack := withStack(t, 3)
		o.drop(line+"/a.tif", stack)
		o.pass(settled + 1)
		if err := os.WriteFile(o.claimed(), append(stack, more...), 0o600); err != nil {
			t.Fatal(err)
		}
		o.pass(3)
		letters := o.verify()
		o.pass(6)
		o.wantGrown("a.tif", string(stack)+more, letters)
	})
	for _, step := range append([]string{"recorded"}, RefusalSteps...) {
		t.Run("and the process dies at "+step, func(t *testing.T) {
			o := blindOffice(t)
			o.drop(line+"/a.jpg", scan)
			writer := o.writing("a.jpg")
			o.pass(settled + 1)
			o.writes(writer, more)
			letters := o.verify()
			if !o.diesAt(step, 6) {
				t.Fatal("it did not come so far")
			}
			o.open()
			o.pass(6)
			o.wantGrown("a.jpg", string(scan)+more, letters)
		})
	}
}

// diesAt lets the edge work until it ends without a word at a step.
func (o *office) diesAt(step string, passes int) (died bool) {
	o.Helper()
	const dead = "dead"
	defer func() {
		if at := recover(); at != nil && at != dead {
			panic(at)
		} else if at != nil {
			died = true
		}
		o.Edge.Step, o.cfg.Step = nil, nil
		o.close()
	}()
	o.close()
	o.cfg.Step = func(at string, _ letter.ID) {
		if at == step {
			panic(dead)
		}
	}
	o.open()
	o.pass(passes)
	return false
}

// onInspect is a workshop in which something happens meanwhile.
type onInspect struct {
	Workshop
	happens func()
}

func (w onInspect) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	w.happens()
	return w.Workshop.Inspect(ctx, scan, clean, made, see)
}

// Where it is known that somebody has the scan open it is not deleted before that
// is over, and people are told.
func TestAScanThatSomebodyHasOpenIsNotDeleted(t *testing.T) {
	o := newOffice(t)
	scan := sampleLetter(1)
	o.drop(line+"/a.jpg", scan)
	o.pass(settled + 1)
	writer, err := os.OpenFile(o.claimed(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	sees, err := os.Open(o.claimed())
	if err != nil {
		t.Fatal(err)
	}
	defer sees.Close()
	is, _ := o.folder.Disk().Writing(sees)
	realpart.Need(t, is, "file leases: Linux with a local file system for temporary files")
	letters := o.verify()
	o.pass(10)
	if info, err := os.Stat(o.claimed()); err != nil || info.Size() != int64(len(scan)) {
		t.Fatalf("it was deleted from under its writer: %v", err)
	}
	o.says("A program still has a scan open")
	if status := o.files("scanner/" + line)[folder.StatusFile]; !strings.Contains(status, "A program still has a scan open") {
		t.Errorf("STATUS.txt does not say it: %s", status)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	o.wait(10 * time.Minute)
	o.ended(len(letters))
	o.says("All is well again.")
}

func TestAScanThatIsWrittenToWhileItIsLookedAtSettlesAnew(t *testing.T) {
	o := blindOffice(t)
	const more = "the third page"
	scan := sampleLetter(1)
	o.drop(line+"/a.jpg", scan)
	writer := o.writing("a.jpg")
	written := false
	o.Edge.Workshop = onInspect{o.cfg.Workshop, func() {
		if !written {
			o.writes(writer, more)
			written = true
		}
	}}
	o.pass(settled)
	if n := len(o.verify()); n != 0 {
		t.Fatalf("%d letters were made of half a scan", n)
	}
	if o.files("scanner/" + line)["a.jpg"] != string(scan)+more {
		t.Error("it was not put back")
	}
}

func TestAScanThatIsOnlyTouchedIsDeleted(t *testing.T) {
	o := blindOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.pass(settled + 1)
	if err := os.Chtimes(o.claimed(), time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	o.verify()
	o.pass(6)
	o.claimed() // nobody can know whether somebody has it open
	o.restart()
	o.wait(31 * time.Minute)
	o.ended(1)
	if given := o.given(folder.RefusedDir); len(given) > 0 {
		t.Errorf("given back: %v", given)
	}
}

// The scanner's machine dies while letters wait for their receipts. The folder is on a
// share, and a new machine goes on there, with a memory of its own.
func TestANewMachineFindsNothingWrittenIntoWhatTheOldOneTook(t *testing.T) {
	for name, wait := range map[string]func(*office){
		"sealed":     func(*office) {},
		"not sealed": noList,
	} {
		t.Run("a stack, "+name, func(t *testing.T) {
			o, stack := withStack(t, 3)
			wait(o)
			o.newMachine(stack, 3)
		})
		t.Run("a letter, "+name, func(t *testing.T) {
			o := newOffice(t)
			wait(o)
			o.newMachine(sampleLetter(1), 1)
		})
	}
}

// newMachine has the letters of a scan claimed by one machine and brought by another.
func (o *office) newMachine(scan []byte, letters int) {
	o.Helper()
	o.drop(line+"/a scan", scan)
	o.pass(settled + 2)
	o.close()
	if err := os.RemoveAll(o.cfg.StateDir); err != nil {
		o.Fatal(err)
	}
	o.publish(o.recipients())
	o.open()
	o.wait(2 * time.Minute)
	o.verify()
	o.wait(2 * time.Minute)
	o.ended(letters)
	if given := o.given(folder.RefusedDir); len(given) > 0 {
		o.Errorf("%d files are given back", len(given))
	}
	if len(o.slips()) != letters {
		o.Errorf("slips: %v", o.slips())
	}
}

// noList has every letter wait for the recipients list.
func noList(o *office) {
	if err := os.Remove(filepath.Join(o.base, "bucket", letter.RecipientsKey)); err != nil {
		o.Fatal(err)
	}
}
