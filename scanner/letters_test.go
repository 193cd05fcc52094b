package scanner

import (
	"bytes"
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
	"letterlock/scanner/specimen"
)

// move is what a person does with a file in the folder.
func (o *office) move(from, to string) {
	o.Helper()
	full := func(name string) string { return filepath.Join(o.cfg.Folder, line, name) }
	if err := os.Rename(full(from), full(to)); err != nil {
		o.Fatal(err)
	}
}

// taken drops a scan and waits until its letter is verified and its slip lies
// in the folder. It returns the manifests of all letters so far.
func (o *office) taken(name string, scan []byte) []letter.Manifest {
	o.Helper()
	o.drop(line+"/"+name, scan)
	return o.goOn()
}

func (o *office) goOn() []letter.Manifest {
	o.Helper()
	o.pass(settled + 1)
	all := o.verify()
	o.pass(6)
	return all
}

func (o *office) given(dir string) map[string]string { return o.files("scanner/" + line + "/" + dir) }

func TestTheSameScanIsAskedAbout(t *testing.T) {
	o := newOffice(t)
	scan := sampleLetter(1)
	first := o.taken("monday.jpg", scan)[0]
	if n := len(o.taken("again.jpg", scan)); n != 1 {
		t.Fatalf("%d letters: the same bytes were taken again", n)
	}
	asked := o.given("duplicates")
	note := asked["again.jpg.txt"]
	if asked["again.jpg"] != string(scan) || !strings.Contains(note, first.ID.Reference()) || !strings.Contains(note, "26 May 2026") {
		t.Fatalf("it is not asked: %q", note)
	}

	// It is another letter, whatever it looks like.
	o.move("duplicates/again.jpg", "duplicates/another letter/again.jpg")
	if n := len(o.goOn()); n != 2 {
		t.Fatalf("%d letters after the answer", n)
	}
	if left := o.given("duplicates"); len(left) != 0 {
		t.Errorf("left of the question: %v", left)
	}

	// The next one is the same, says the person; it goes, the letters stay.
	o.taken("third.jpg", scan)
	o.move("duplicates/third.jpg", "duplicates/same letter/third.jpg")
	o.goOn()
	o.ended(2)
	if left := o.given("duplicates"); len(left) != 0 {
		t.Errorf("left of the question: %v", left)
	}
	o.says("a person said that it is a letter which was taken before")

	// The memory lasts for as long as the letter, over restarts too.
	o.restart()
	o.taken("fourth.jpg", scan)
	if len(o.given("duplicates")) != 2 {
		t.Error("after a restart it is not asked")
	}
	o.now = first.Deadline().Start().Add(12 * time.Hour)
	o.publish(o.recipients())
	o.pass(1)
	if left := o.files("state/taken"); len(left) != 0 {
		t.Errorf("remembered after the deadline: %v", left)
	}
	if n := len(o.taken("fifth.jpg", scan)); n != 3 {
		t.Errorf("%d letters: a scan is asked about whose twin is gone", n)
	}
}

func TestTwinsDroppedTogether(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/a.jpg", sampleLetter(1))
	o.drop("mens-advice-line/b.jpg", sampleLetter(1))
	if n := len(o.goOn()); n != 1 {
		t.Errorf("%d letters", n)
	}
	if n := len(o.given("other helpline")) + len(o.files("scanner/mens-advice-line/other helpline")); n != 2 {
		t.Errorf("%d files in the folders of that question, not a scan and its note", n)
	}
}

const otherLine = "mens-advice-line"

// TestAScanThatAnotherHelplineHas: the honest answer to "is it the same letter?"
// must not delete a letter that this helpline never got.
func TestAScanThatAnotherHelplineHas(t *testing.T) {
	o := newOffice(t, func(o *office) { o.cfg.Titles = map[string]string{otherLine: "the Men's Advice Line"} })
	scan := sampleLetter(1)
	o.drop(otherLine+"/scan.jpg", scan)
	first := o.goOn()[0]
	o.restart() // what it knows is on disk
	if n := len(o.taken("scan.jpg", scan)); n != 1 {
		t.Fatalf("%d letters", n)
	}
	note := o.given("other helpline")["scan.jpg.txt"]
	for _, want := range []string{"on 26 May 2026, for the Men's Advice Line, as " + first.ID.Reference(), "dropped here by mistake", "tell the helplines' manager at once"} {
		if !strings.Contains(note, want) {
			t.Errorf("%q does not say %q", note, want)
		}
	}
	if n, err := o.Status(); err != nil || n.Asked != 1 || n.Other != 1 {
		t.Errorf("status: %+v, %v", n, err)
	}

	// "Same letter" is no answer to this question.
	o.drop(line+"/duplicates/same letter/again.jpg", scan)
	o.goOn()
	if o.given("other helpline")["again.jpg"] != string(scan) {
		t.Fatalf("deleted as the same, or asked elsewhere: %v", o.files("scanner/"+line))
	}

	o.move("other helpline/again.jpg", "other helpline/dropped here by mistake/again.jpg")
	if n := len(o.goOn()); n != 1 {
		t.Errorf("%d letters after it was dropped by mistake", n)
	}
	o.move("other helpline/scan.jpg", "other helpline/take it here too/scan.jpg")
	all := o.goOn()
	if len(all) != 2 || all[0].Helpline == all[1].Helpline {
		t.Fatalf("letters after it belongs here too: %+v", all)
	}
	if left := o.given("other helpline"); len(left) != 0 {
		t.Errorf("left of the questions: %v", left)
	}
	// Now there is one here, and that is what is asked about.
	o.drop(line+"/other helpline/take it here too/third.jpg", scan)
	o.goOn()
	if len(o.given("duplicates")) != 2 {
		t.Errorf("it is not asked whether it is the same letter: %v", o.files("scanner/"+line))
	}
}

// TestMarksOfEarlierVersions did not say the helpline: while its slip lies in
// the folder it is known all the same, and afterwards a person is sent to ask.
func TestMarksOfEarlierVersions(t *testing.T) {
	o := newOffice(t)
	scan := sampleLetter(1)
	o.taken("scan.jpg", scan)
	for mark := range o.files("state/taken") {
		mark = filepath.Join(o.cfg.StateDir, takenDir, mark)
		if err := os.Rename(mark, strings.TrimSuffix(mark, "-"+line)); err != nil {
			t.Fatal(err)
		}
	}
	o.restart()
	o.taken("again.jpg", scan)
	if len(o.given("duplicates")) != 2 {
		t.Errorf("it is not asked, or not as of this helpline: %v", o.files("scanner/"+line))
	}
	for slip := range o.files("scanner/" + folder.RecordDir) {
		if err := os.Remove(filepath.Join(o.cfg.Folder, folder.RecordDir, slip)); err != nil {
			t.Fatal(err)
		}
	}
	o.restart()
	o.taken("later.jpg", scan)
	if note := o.given("other helpline")["later.jpg.txt"]; !strings.Contains(note, "for which helpline is not known any more") {
		t.Errorf("asked: %q, in %v", note, o.files("scanner/"+line))
	}
}

// Nothing is deleted by mistake: the folder "same letter" takes only a scan of
// which the same bytes were taken.
func TestWhatWasNeverTakenIsNotDeleted(t *testing.T) {
	o := newOffice(t)
	o.taken("a.jpg", sampleLetter(1))
	o.taken("b.jpg", sampleLetter(1)) // makes the folders of answers
	o.drop(line+"/duplicates/same letter/c.jpg", sampleLetter(2))
	o.goOn()
	refused := o.given("refused")
	if refused["c.jpg"] != string(sampleLetter(2)) || !strings.Contains(refused["c.jpg.txt"], "no letter with exactly these bytes") {
		t.Errorf("refused: %q", refused["c.jpg.txt"])
	}
}

func TestWhatIsRefusedIsNoDuplicate(t *testing.T) {
	o := newOffice(t, func(o *office) {
		o.cfg.Workshop = Children{Normaliser: pdf.Normaliser{Limits: pdf.Limits{MaxPixels: 1000}}, Pages: renderer}
	})
	o.taken("a.jpg", sampleLetter(1))
	o.taken("b.jpg", sampleLetter(1))
	if n := len(o.given("refused")); n != 4 {
		t.Errorf("%d files in refused, not two scans and their notes", n)
	}
	if left := o.files("state/taken"); len(left) != 0 {
		t.Errorf("remembered although it was refused: %v", left)
	}
}

// killed is a workshop that, while it looks at a page, remembers what a kill
// would leave in the scanner folder just then.
type killed struct {
	Workshop
	o    *office
	left *map[string]string
}

func (k killed) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	*k.left = k.o.files("scanner")
	return k.Workshop.Inspect(ctx, scan, clean, made, see)
}

// TestALookLeavesNoLetterBehind: while the portal shows a scan that waits, its
// clean PDF lies where every start of an edge clears it away.
func TestALookLeavesNoLetterBehind(t *testing.T) {
	var left map[string]string
	o := newOffice(t, func(o *office) { o.cfg.Workshop = killed{o.cfg.Workshop, o, &left} })
	o.taken("a.jpg", sampleLetter(1))
	o.taken("b.jpg", sampleLetter(1))
	q, err := OpenQuestions(o.Edge)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	list, err := q.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	before := o.files("scanner")
	if _, err := q.Thumbnail(t.Context(), list[0].Token, 1); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, o.files("scanner")); d != "" {
		t.Errorf("a look changes the folder: %s", d)
	}
	letters := 0
	for name, data := range left {
		if strings.HasPrefix(data, "%PDF") {
			letters++
			if !strings.HasPrefix(name, folder.ClaimedDir+"/") {
				t.Errorf("a letter lies in %s", name)
			}
		}
		name = filepath.Join(o.cfg.Folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(data), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if letters != 1 {
		t.Fatalf("%d clean PDFs during the look", letters)
	}
	if n, err := o.Status(); err != nil || n.Claimed != 0 {
		t.Errorf("a look counts as a scan under way: %+v, %v", n, err)
	}
	o.restart() // after the kill
	for name := range o.files("scanner/" + folder.ClaimedDir) {
		t.Errorf("left behind: %s", name)
	}
}

// The edge beside a look goes through all claims anew: a scan could not be claimed, or one
// claim is damaged for good.
func TestTheEdgeBesideALookLeavesItAlone(t *testing.T) {
	look := func() {}
	o := newOffice(t, func(o *office) { o.cfg.Workshop = onInspect{o.cfg.Workshop, func() { look() }} })
	o.taken("a.jpg", sampleLetter(1))
	o.taken("b.jpg", sampleLetter(1))
	q, err := OpenQuestions(o.Edge)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	list, err := q.List()
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	look = func() {
		o.claimedAfterAll()
		if len(o.files("scanner/"+folder.LooksDir)) != 1 {
			t.Error("what is looked at just now is cleared away")
		}
	}
	if _, err := q.Thumbnail(t.Context(), list[0].Token, 1); err != nil {
		t.Error(err)
	}
	look = func() {}
	o.ended(1)
}

// hopeless is a workshop that can neither clean a scan nor repair it.
type hopeless struct{ Workshop }

func (hopeless) Normalise(context.Context, disk.File, disk.File) (pdf.Result, error) {
	return pdf.Result{}, &pdf.Refusal{Code: pdf.Damaged, Page: 1}
}

func (h hopeless) Repair(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	return h.Normalise(ctx, scan, clean)
}

// TestWhatCannotBeRepairedIsNotOfferedToBe again and again.
func TestWhatCannotBeRepairedIsNotOfferedToBe(t *testing.T) {
	o := newOffice(t, func(o *office) { o.cfg.Workshop = hopeless{o.cfg.Workshop} })
	o.taken("a.jpg", sampleLetter(1))
	if note := o.given("refused")["a.jpg.txt"]; !strings.Contains(note, "move this file into the folder \"repair\"") {
		t.Fatalf("refused: %q", note)
	}
	o.says("A scan is refused: damaged (page 1).")
	o.move("refused/a.jpg", "refused/repair/a.jpg")
	o.goOn()
	note := o.given("refused")["a.jpg.txt"]
	if strings.Contains(note, "into the folder \"repair\"") || !strings.Contains(note, "This scan cannot be repaired") || !strings.Contains(note, "Scan the paper again") {
		t.Errorf("refused for the second time: %q", note)
	}
}

// A refused picture is drawn anew when a person says so; what was cut off, or
// needs a password, is not even offered to be.
func TestAPictureIsDrawnAnewWhenAPersonSaysSo(t *testing.T) {
	o := newOffice(t)
	const offer = "move this file into the folder \"repair\""
	l := specimen.New(1, 1)
	whole := l.JPEG(1)
	more := slices.Insert(bytes.Clone(whole), len(whole)-2, bytes.Repeat([]byte{0x5a}, 300)...)
	cut := append(bytes.Clone(whole[:len(whole)/2]), 0xff, 0xd9)
	o.taken("more.jpg", more)
	o.taken("cut.jpg", cut)
	o.taken("b.pdf", bytes.Replace(l.ColourPDF(), []byte("/MediaBox"), []byte("/MediaBux"), 1))
	refused := o.given("refused")
	for name, offered := range map[string]bool{"more.jpg": true, "cut.jpg": false, "b.pdf": true} {
		if note := refused[name+".txt"]; note == "" || strings.Contains(note, offer) != offered {
			t.Errorf("%s: %q", name, note)
		}
	}
	o.move("refused/more.jpg", "refused/repair/more.jpg")
	o.move("refused/cut.jpg", "refused/repair/cut.jpg")
	o.goOn()
	if all := o.verify(); len(all) != 1 || !all[0].Repaired || all[0].Pages != 1 {
		t.Errorf("letters: %+v", all)
	}
	if note := o.given("refused")["cut.jpg.txt"]; !strings.Contains(note, "This scan cannot be repaired") || !strings.Contains(note, "stops in the middle") {
		t.Errorf("cut off and to be repaired: %q", note)
	}
}

func TestStatusInTheFolder(t *testing.T) {
	o := newOffice(t)
	status := func() string { return o.given("")["STATUS.txt"] }
	o.pass(1)
	if s := status(); !strings.Contains(s, "Arriving: nothing.") || !strings.Contains(s, "Tuesday 26 May 2026, 10:00") {
		t.Errorf("at first: %q", s)
	}
	o.drop(line+"/cut.jpg", sampleLetter(1)[:500])
	o.pass(200)
	if s := status(); !strings.Contains(s, "Arriving: 1 file, the oldest unchanged for 3 minutes.") {
		t.Errorf("while it arrives: %q", s)
	}
	o.wait(27 * time.Minute)
	if s := status(); !strings.Contains(s, "Arriving: nothing.") {
		t.Errorf("after it: %q", s)
	}
	if note := o.given("refused")["cut.jpg.txt"]; !strings.Contains(note, "stops in the middle") {
		t.Errorf("refused: %q", note)
	}
}

// TestStatusSaysWhatAPersonHasToDo, and nothing that is not so.
func TestStatusSaysWhatAPersonHasToDo(t *testing.T) {
	for name, c := range map[string]struct {
		lay  func(o *office)
		want []string
	}{
		"a hard link": {func(o *office) {
			o.drop("elsewhere/a.jpg", sampleLetter(1))
			if err := os.Link(filepath.Join(o.cfg.Folder, "elsewhere/a.jpg"), filepath.Join(o.cfg.Folder, line, "b.jpg")); err != nil {
				o.Fatal(err)
			}
		}, []string{"1 file is waiting for a person", "another name leads to a scan that lies in the folder of " + line + ": remove that other one"}},
		"a temporary name": {func(o *office) { o.drop(line+"/a.jpg.tmp", sampleLetter(1)); o.wait(31 * time.Minute) },
			[]string{"1 file is waiting for a person", "under a temporary name", "send it again, or give it its name"}},
		"among the slips": {func(o *office) { o.drop(line+"/taken/a.jpg", sampleLetter(1)) },
			[]string{"Arriving: nothing.", "1 file is where nobody looks for scans in the folder of " + line, "move each scan into the helpline's folder itself"}},
		"below an answer": {func(o *office) { o.drop(line+"/refused/repair/anna/a.jpg", sampleLetter(1)) },
			[]string{"Arriving: nothing.", "1 file is where nobody looks for scans in the folder of " + line}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.pass(1)
			c.lay(o)
			o.pass(10)
			status := o.given("")["STATUS.txt"]
			for _, want := range append(c.want, "Nothing is lost") {
				if !strings.Contains(status, want) {
					t.Errorf("%q does not say %q", status, want)
				}
			}
			if strings.Contains(status, "no right") {
				t.Errorf("it is not for want of a right: %q", status)
			}
		})
	}
}

// STATUS.txt says what waits for people, and the notes how to answer: where the
// portal does not see the folder, without it.
func TestWhatWaitsForPeopleIsSaidInTheFolder(t *testing.T) {
	status := func(o *office) string { return o.given("")[folder.StatusFile] }
	o, stack := withStack(t, 3)
	o.cfg.Workshop.(marked).marks[4] = separator.Marks{Codes: sheet(0).Codes, Damaged: true}
	o.taken(secretStack, stack)
	if says := status(o); !strings.Contains(says, `YOUR ANSWER IS NEEDED: 1 scan in the folder "stacks".`) {
		t.Errorf("STATUS.txt: %q", says)
	}
	note := o.given(folder.StacksDir)[secretStack+".txt"]
	for _, says := range []string{`into the folder "split at the sheets" here. Then page 4 is kept at the end of the letter before, and marked`, "If not, or if you are in doubt, delete this file"} {
		if !strings.Contains(note, says) {
			t.Errorf("the note does not say %q: %q", says, note)
		}
	}
	if strings.Contains(note, "Intake") {
		t.Errorf("people are sent to a page that does not have it: %q", note)
	}

	clear(o.cfg.Workshop.(marked).marks) // the next are no stacks
	o.taken("empty.pdf", []byte("no scan"))
	scan := sampleLetter(1)
	o.taken("a.jpg", scan)
	o.taken("b.jpg", scan)
	o.now = o.now.Add(statusEvery)
	o.pass(1)
	for _, says := range []string{`Refused: 1 scan. Open the folder "refused"`, `1 scan in the folder "duplicates"`, `1 scan in the folder "stacks"`} {
		if text := status(o); !strings.Contains(text, says) {
			t.Errorf("STATUS.txt does not say %q: %q", says, text)
		}
	}
	o.move("duplicates/b.jpg", "duplicates/same letter/b.jpg")
	o.goOn()
	o.now = o.now.Add(statusEvery)
	o.pass(1)
	if text := status(o); strings.Contains(text, "duplicates") {
		t.Errorf("what is answered is asked for: %q", text)
	}
}

// idle is a workshop that ends when it is told to, and does nothing else.
type idle struct {
	Workshop
	untold bool // it was left to make all of it
}

func (w *idle) Normalise(ctx context.Context, _, _ disk.File) (pdf.Result, error) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Second):
		w.untold = true
	}
	return pdf.Result{}, errors.New("it has made nothing")
}

// A long scan is hashed while its clean PDF is made, of which no more is made once
// it is known to be a twin.
func TestALongTwinIsNotMadeClean(t *testing.T) {
	o := newOffice(t)
	scan := colourScan(longScan)
	hash, err := o.hash(bytes.NewReader(scan), int64(len(scan)))
	if err != nil {
		t.Fatal(err)
	}
	o.known.add(takenScan{hash, letter.NewID(), letter.DateOf(o.now), line})
	workshop := &idle{Workshop: o.Workshop}
	o.Workshop = workshop
	o.drop(line+"/twin.pdf", scan)
	o.pass(settled)
	if asked := o.given(folder.DuplicatesDir); asked["twin.pdf"] != string(scan) {
		t.Errorf("it is not asked about: %d files", len(asked))
	}
	if workshop.untold { // where its bytes are known at once it is not even begun
		t.Error("its clean PDF was made to the end")
	}
}
