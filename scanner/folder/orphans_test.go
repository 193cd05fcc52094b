package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Notes are named after people, as their scans are. Somebody takes scans away, and moves
// others into the folder of an answer, one with its note: the notes that are left go
// within the day, and nothing of them is in a recycle bin's sight; a note whose scan is
// back in time stays, and so do that of a scan which waits in the folder of an answer
// and what people have written there themselves.
func TestANoteDoesNotOutliveItsScan(t *testing.T) {
	o := open(t)
	for _, name := range []string{"gone.pdf", "back.pdf", "stays.pdf", "moved.pdf", "broken.pdf"} {
		if err := o.refuse(o.take(line+"/"+name, "Dear all"), Note{What: "It is a text."}); err != nil {
			t.Fatal(err)
		}
	}
	refused := line + "/refused/"
	o.drop(refused+"mine.pdf.txt", "Called the manager.")
	o.move(refused+"back.pdf", "back.pdf.away")
	if err := os.Remove(filepath.Join(o.dir, refused, "gone.pdf")); err != nil {
		t.Fatal(err)
	}
	o.move(refused+"broken.pdf", refused+"repair/broken.pdf")
	o.move(refused+"moved.pdf.txt", refused+"repair/moved.pdf.txt")
	if scans := o.settle(); len(scans) != 2 { // the strays' file, and the answer
		t.Fatalf("settled: %+v", scans)
	}
	o.move(refused+"moved.pdf", refused+"repair/moved.pdf")
	lie := func() (all []string) {
		for name := range o.tree(line + "/refused") {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
	passes := func(d time.Duration) {
		for ; d > 0; d -= 5 * time.Minute {
			o.look()
			o.now = o.now.Add(5 * time.Minute)
		}
	}
	passes(30 * time.Minute)
	if all := lie(); len(all) != 9 {
		t.Errorf("within the hour there lie %v", all)
	}
	if n, err := Count(o.dir, []string{line}); err != nil || n.Arriving != 3 { // the strays' file and two answers
		t.Errorf("counted %+v, %v", n, err)
	}
	o.move("back.pdf.away", refused+"back.pdf")
	passes(30 * time.Minute)
	for _, s := range o.look().Settled {
		if strings.HasSuffix(s.path, NoteExt) {
			t.Error("a note is taken as a scan")
		}
		if _, err := o.Claim(s); err != nil {
			t.Fatal(err)
		}
	}
	passes(2 * time.Hour)
	want := []string{"back.pdf", "back.pdf.txt", "mine.pdf.txt", "stays.pdf", "stays.pdf.txt"}
	if all := lie(); !slices.Equal(all, want) {
		t.Errorf("there lie %v, not %v", all, want)
	}
	if _, err := o.disk.Lstat(oldNote); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a note is left: %v", err)
	}
}
