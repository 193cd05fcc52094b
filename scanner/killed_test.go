package scanner

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"maps"
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

// What a scan meets that is no plain letter, killed at every step: stacks, what is
// repaired, and duplicates. TestKilledAtEveryStep has the plain letter.

// bench is what the workshop of an office in these stories does, told to the
// process that is killed.
type bench struct {
	Announced int  // letters, by the cover sheet of a stack; 0: scans are no stacks
	Refuses   bool // scans as damaged, and can repair them
	Asks      bool // the server on another machine
}

// sit gives an office its workshop, which tells of its own steps too.
func (o *office) sit(b bench) {
	if b.Announced > 0 {
		o.cfg.Duplex = separator.DuplexNo
		o.cfg.Workshop = marked{o.cfg.Workshop, stackOf(b.Announced)}
	}
	o.cfg.Workshop = stepping{o.cfg.Workshop, o, b.Refuses}
	o.cfg.Asks, o.cfg.Reports = b.Asks, b.Asks
}

// stepping is a workshop that tells of each piece of work when it is done.
type stepping struct {
	Workshop
	o       *office
	refuses bool
}

// workSteps come between "claimed" and "normalised".
var workSteps = []string{"made", "seen"}

func (s stepping) did(step string) {
	if s.o.cfg.Step != nil {
		s.o.cfg.Step(step, "")
	}
}

func (s stepping) Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	if s.refuses {
		return pdf.Result{}, &pdf.Refusal{Code: pdf.Damaged, Page: 1}
	}
	made, err := s.Workshop.Normalise(ctx, scan, clean)
	s.did("made")
	return made, err
}

func (s stepping) Repair(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	made, err := s.Workshop.Repair(ctx, scan, clean)
	s.did("made")
	return made, err
}

func (s stepping) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	flags, pages, err := s.Workshop.Inspect(ctx, scan, clean, made, see)
	s.did("seen")
	return flags, pages, err
}

func (s stepping) Extract(ctx context.Context, clean, part disk.File, pages []int) error {
	err := s.Workshop.Extract(ctx, clean, part, pages)
	s.did("drawn")
	return err
}

// killing is a story of one scan whose process is killed once.
type killing struct {
	bench bench
	name  string
	scan  []byte
	// begins, if set, brings the scan to the point from which the process is killed.
	begins func(*office)
	// ends says what must be in the end, after another process has gone on.
	ends func(*office)
}

const secretStack = "very private.tif"

// at kills the story's process when a step has come for the nth time.
func (k killing) at(t *testing.T, step string, nth int) {
	t.Run(fmt.Sprintf("%s %d", step, nth), func(t *testing.T) {
		t.Parallel()
		c := crash{Base: t.TempDir(), Step: step, Nth: nth, Secrets: newSecrets(t), Bench: k.bench}
		o := buildOffice(t, c.Base, c.Secrets)
		o.sit(k.bench)
		o.drop(line+"/"+k.name, k.scan)
		if k.begins != nil {
			o.open()
			k.begins(o)
			o.close()
			c.Now, c.Serial = o.now, o.serial
		}
		c.happens(t)
		o.searchPlaintext(k.scan)
		o.now = o.now.Add(time.Hour)
		o.open()
		for range 12 {
			o.pass(1)
			o.looks()
			o.verify()
		}
		k.ends(o)
		o.restart() // what is known after a start is the same
		o.pass(2)
		k.ends(o)
	})
}

// answered are the steps of a scan that comes with an answer, until it is sealed;
// from there on its letters are like all others.
var answered = []string{"claim", "claimed", "made", "seen", "normalised", "spooled", "sealed", "taken"}

// A stack of three letters with its cover sheet.
func TestAStackKilledAtEveryStep(t *testing.T) {
	k := killing{bench: bench{Announced: 3}, name: secretStack, scan: stackScan()}
	k.ends = func(o *office) { o.isCut(k.scan, 2, 1, 1) }
	for _, step := range slices.Concat(workSteps, []string{"drawn"}, StackSteps, Steps) {
		k.at(t, step, 1)
	}
	for _, step := range []string{"drawn", "extracted", "sealed", "deposited", "slip", "recorded", "taken"} {
		k.at(t, step, 2) // another letter is that far
	}
	k.at(t, "recorded", 3)
}

// isCut checks that a stack's letters are these, by their number of pages, each
// with the pages that are its own and with its own slip, and that nothing waits.
func (o *office) isCut(scan []byte, pages ...int) {
	o.Helper()
	o.ended(len(pages))
	type found struct {
		m     letter.Manifest
		first int   // place in the scan of its first page
		at    []int // of all
	}
	var letters []found
	once := map[int]bool{}
	for _, m := range o.verify() {
		f := found{m: m}
		for _, picture := range pictures(o.opens(m)) {
			at := bytes.Index(scan, picture)
			if at < 0 || once[at] {
				o.Errorf("a page is nobody's, or is in two letters (%d)", at)
			}
			once[at] = true
			f.at = append(f.at, at)
		}
		if len(f.at) != m.Pages || !slices.IsSorted(f.at) {
			o.Fatalf("a letter of %d pages has these pictures: %v", m.Pages, f.at)
		}
		f.first = f.at[0]
		letters = append(letters, f)
	}
	slices.SortFunc(letters, func(a, b found) int { return a.first - b.first })
	var got []int
	for i, l := range letters {
		got = append(got, l.m.Pages)
		slip := o.given(folder.TakenDir)[l.m.ID.Reference()+".txt"]
		for _, says := range []string{l.m.ID.Reference(), fmt.Sprintf("Pages: %d.", l.m.Pages), fmt.Sprintf("letter %d of %d", i+1, len(pages))} {
			if !strings.Contains(slip, says) {
				o.Errorf("the slip of letter %d does not say %q: %q", i+1, says, slip)
			}
		}
	}
	if d := cmp.Diff(pages, got); d != "" {
		o.Errorf("pages of the letters: %s", d)
	}
	if n := len(o.slips()); n != len(pages) {
		o.Errorf("%d slips", n)
	}
	o.nothingWaits()
}

// pictures are the fax pictures in a clean PDF, in the order of its pages, which
// are in it as they were in the scan.
func pictures(clean []byte) (all [][]byte) {
	for _, object := range bytes.Split(clean, []byte("endobj")) {
		dict, stream, ok := bytes.Cut(object, []byte("stream"))
		if !ok || !bytes.Contains(dict, []byte("CCITTFaxDecode")) {
			continue
		}
		stream, _, _ = bytes.Cut(stream, []byte("endstream"))
		all = append(all, bytes.Trim(stream, "\r\n"))
	}
	return all
}

// nothingWaits checks that no file waits for people in the helpline's folder.
func (o *office) nothingWaits() {
	o.Helper()
	for _, dir := range []string{folder.RefusedDir, folder.DuplicatesDir, folder.StacksDir} {
		if left := o.given(dir); len(left) > 0 {
			o.Errorf("in %s is left: %v", dir, slices.Collect(maps.Keys(left)))
		}
	}
	if left := o.files("state/" + cutsDir); len(left) > 0 {
		o.Errorf("%d decisions are remembered", len(left))
	}
}

// A stack whose cover sheet says four letters, until it is asked about.
func TestAStackKilledWhileItIsHeld(t *testing.T) {
	k := killing{bench: bench{Announced: 4}, name: secretStack, scan: stackScan()}
	k.ends = func(o *office) {
		o.ended(0)
		held := o.given(folder.StacksDir)
		if len(held) != 2 || held[secretStack] != string(k.scan) || !strings.Contains(held[secretStack+".txt"], "says 4") {
			o.Errorf("held: %v", slices.Collect(maps.Keys(held)))
		}
	}
	for _, step := range slices.Concat([]string{"claim", "claimed"}, workSteps, RefusalSteps) {
		k.at(t, step, 1)
	}
}

// held brings a stack to its question.
func held(o *office) {
	o.pass(settled + 2)
	if o.given(folder.StacksDir)[secretStack] == "" {
		o.Fatal("the stack is not held")
	}
}

// The same stack when a person has said that all is well with it.
func TestAHeldStackKilledAtEveryStep(t *testing.T) {
	k := killing{bench: bench{Announced: 4}, name: secretStack, scan: stackScan()}
	k.begins = func(o *office) {
		held(o)
		o.move("stacks/"+secretStack, "stacks/split at the sheets/"+secretStack)
	}
	k.ends = func(o *office) { o.isCut(k.scan, 2, 1, 1) }
	for _, step := range answered {
		k.at(t, step, 1)
	}
	k.at(t, "extracted", 2)
}

// And when the person has seen that the first letter is in truth two.
func TestAStackCutByHandKilledAtEveryStep(t *testing.T) {
	k := killing{bench: bench{Announced: 4}, name: secretStack, scan: stackScan()}
	answer := func(o *office) {
		q, err := OpenQuestions(o.Edge)
		if err != nil {
			o.Fatal(err)
		}
		defer q.Close()
		list, err := q.List()
		if err != nil || len(list) != 1 {
			o.Fatalf("questions: %+v, %v", list, err)
		}
		cuts := separator.Cuts{Begins: []int{2, 3, 5, 7}, LeaveOut: []int{1, 4, 6}}
		if err := q.Answer(o.Context(), list[0].Token, folder.Cut, cuts); err != nil {
			o.Fatal(err)
		}
	}
	k.begins = func(o *office) { held(o); answer(o) }
	k.ends = func(o *office) { o.isCut(k.scan, 1, 1, 1, 1) }
	for _, step := range answered {
		k.at(t, step, 1)
	}
	k.at(t, "extracted", 4)

	t.Run("between the answer and the file's way", func(t *testing.T) {
		o := buildOffice(t, t.TempDir(), newSecrets(t))
		o.sit(k.bench)
		o.open()
		o.drop(line+"/"+secretStack, k.scan)
		k.begins(o)
		// As a kill leaves it: what was said is kept, and the file has not moved.
		o.move("stacks/as told in Letterlock/"+secretStack, "stacks/"+secretStack)
		o.restart()
		o.goOn()
		o.ended(0)
		answer(o) // for the question is still there
		o.goOn()
		k.ends(o)
	})
}

// A damaged scan that is to be repaired.
func TestARepairKilledAtEveryStep(t *testing.T) {
	l := specimen.New(3, 2)
	l.DPI = 40
	k := killing{bench: bench{Refuses: true}, name: "very private.pdf", scan: l.ColourPDF()}
	k.begins = func(o *office) {
		o.pass(settled + 2)
		o.move("refused/very private.pdf", "refused/repair/very private.pdf")
	}
	k.ends = func(o *office) {
		o.ended(1)
		if all := o.verify(); len(all) != 1 || !all[0].Repaired || all[0].Pages != 2 {
			o.Errorf("letters: %+v", all)
		}
		if slips := o.slips(); len(slips) != 1 {
			o.Errorf("slips: %v", slips)
		}
		o.nothingWaits()
	}
	for _, step := range answered {
		k.at(t, step, 1)
	}
}

// duplicateKilled is a scan that was taken before and comes again, with an answer.
func duplicateKilled(answer string, ends func(*office)) killing {
	scan := sampleLetter(1)
	return killing{
		name: "very private.jpg", scan: scan,
		begins: func(o *office) {
			o.goOn()
			o.taken("very private again.jpg", scan)
			o.move("duplicates/very private again.jpg", "duplicates/"+answer+"/very private again.jpg")
		},
		ends: ends,
	}
}

// The same bytes again, of which a person has said that they are another letter.
func TestAnotherLetterKilledAtEveryStep(t *testing.T) {
	k := duplicateKilled("another letter", func(o *office) {
		o.ended(2)
		if all := o.verify(); len(all) != 2 || all[0].ID == all[1].ID || len(o.slips()) != 2 {
			o.Errorf("%d letters, slips %v", len(all), o.slips())
		}
		o.nothingWaits()
	})
	for _, step := range answered {
		k.at(t, step, 1)
	}
}

// The same bytes again, of which a person has said that it is the same letter.
func TestTheSameLetterKilledAtEveryStep(t *testing.T) {
	k := duplicateKilled("same letter", func(o *office) {
		o.ended(1)
		if all := o.verify(); len(all) != 1 || len(o.slips()) != 1 {
			o.Errorf("%d letters, slips %v", len(all), o.slips())
		}
		o.nothingWaits()
	})
	for _, step := range []string{"claim", "claimed"} {
		k.at(t, step, 1)
	}
}
