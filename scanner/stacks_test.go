package scanner

import (
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
	"letterlock/scanner/specimen"
	"letterlock/scanner/texts"
)

// marked is a workshop that sees the sheets that a test has laid into a stack.
type marked struct {
	Workshop
	marks map[int]separator.Marks // by page
}

func (m marked) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	flags, pages, err := m.Workshop.Inspect(ctx, scan, clean, made, see)
	for n, found := range m.marks {
		pages[n-1].Marks = found
	}
	return flags, pages, err
}

// sheet is what is read on a page that is a separator, or a cover sheet for so
// many letters.
func sheet(letters int) separator.Marks {
	code := separator.NewSeparator(line)
	if letters > 0 {
		code = separator.NewCover(line, letters)
	}
	return separator.Marks{Codes: []separator.Code{code}}
}

// withStack is an office in which the pages of a stack of seven are: a cover
// sheet, a letter of two pages, a separator, a letter, a separator, a letter.
func withStack(t testing.TB, announced int) (*office, []byte) {
	o := newOffice(t, func(o *office) {
		o.cfg.Duplex = separator.DuplexNo
		o.cfg.Workshop = marked{o.cfg.Workshop, stackOf(announced)}
	})
	return o, stackScan()
}

// stackOf is what is read on the pages of stackScan when its cover sheet says
// that many letters.
func stackOf(announced int) map[int]separator.Marks {
	return map[int]separator.Marks{1: sheet(announced), 4: sheet(0), 6: sheet(0)}
}

func stackScan() []byte {
	l := specimen.New(7, 7)
	l.DPI = 40
	return l.G4TIFF()
}

func TestAStackIsSplitAtItsSheets(t *testing.T) {
	o, stack := withStack(t, 3)
	all := o.taken("stack.tif", stack)
	o.ended(3)
	pages := map[int]int{}
	for _, m := range all {
		pages[m.Pages]++
		if m.Sheets != m.Pages || m.Sides != m.Pages {
			t.Errorf("letter of %d pages: %d sheets, %d sides", m.Pages, m.Sheets, m.Sides)
		}
	}
	if len(all) != 3 || pages[2] != 1 || pages[1] != 2 {
		t.Errorf("letters by number of pages: %v", pages)
	}
	if n := len(o.slips()); n != 3 {
		t.Errorf("%d slips", n)
	}
	sheet := o.given("")[folder.SlipsFile]
	for i, m := range all {
		place := fmt.Sprintf("It was letter %d of 3 in its stack", i+1)
		found := false
		for _, slip := range o.slips() {
			found = found || strings.Contains(o.given("taken")[slip], place)
		}
		if !found || !strings.Contains(sheet, place) || !strings.Contains(sheet, m.ID.Reference()) {
			t.Errorf("no slip says %q, or the sheet does not (%d bytes)", place, len(sheet))
		}
	}
	// The stack as a whole was taken, too.
	o.taken("stack again.tif", stack)
	if note := o.given("duplicates")["stack again.tif.txt"]; !strings.Contains(note, all[0].ID.Reference()) &&
		!strings.Contains(note, all[1].ID.Reference()) && !strings.Contains(note, all[2].ID.Reference()) {
		t.Errorf("asked: %q", note)
	}
}

func TestAnUnclearStackIsHeldWhole(t *testing.T) {
	o, stack := withStack(t, 4)
	if all := o.taken("stack.tif", stack); len(all) != 0 {
		t.Fatalf("%d letters of an unclear stack were deposited", len(all))
	}
	held := o.given("stacks")
	if held["stack.tif"] != string(stack) || !strings.Contains(held["stack.tif.txt"], "says 4, and the stack seems to hold 3") {
		t.Fatalf("it is not held: %q", held["stack.tif.txt"])
	}
	o.ended(0)
	o.move("stacks/stack.tif", "stacks/split at the sheets/stack.tif")
	if n := len(o.goOn()); n != 3 {
		t.Errorf("%d letters after a person has said so", n)
	}
	o.ended(3)
	if left := o.given("stacks"); len(left) != 0 {
		t.Errorf("left of the question: %v", left)
	}
}

// TestADoubtfulPageIsNotLost: who splits a stack at its sheets in the folder may not have
// seen that a letter's page lies over one. It stays with the letter before, and its
// reader is told.
func TestADoubtfulPageIsNotLost(t *testing.T) {
	o, stack := withStack(t, 3)
	o.cfg.Workshop.(marked).marks[4] = separator.Marks{Codes: sheet(0).Codes, Damaged: true}
	o.taken("stack.tif", stack)
	o.ended(0)
	o.move("stacks/stack.tif", "stacks/split at the sheets/stack.tif")
	flagged := 0
	for _, m := range o.goOn() {
		if slices.Contains(m.Flags.Of(3), letter.MaybeSheet) {
			flagged++
			if m.Pages != 3 || m.Sheets != 0 || m.Sides != 3 {
				t.Errorf("%d pages, %d sheets, %d sides", m.Pages, m.Sheets, m.Sides)
			}
		}
	}
	if flagged != 1 {
		t.Errorf("%d letters have the page, and say so", flagged)
	}
	o.ended(3)
}

// TestAPageWithACodeIsALettersIfAPersonSaysSo: the person sees that the letter's last page
// went through the scanner over the separator. It is stored, and its reader is told.
func TestAPageWithACodeIsALettersIfAPersonSaysSo(t *testing.T) {
	o, stack := withStack(t, 3)
	o.cfg.Workshop.(marked).marks[4] = separator.Marks{Codes: sheet(0).Codes, Damaged: true}
	o.taken("stack.tif", stack)
	q, err := OpenQuestions(o.Edge)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	list, err := q.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("questions: %+v, %v", list, err)
	}
	cuts := separator.Cuts{Begins: []int{2, 5, 7}, LeaveOut: []int{1, 6}}
	if err := q.Answer(t.Context(), list[0].Token, folder.Cut, cuts); !errors.Is(err, separator.ErrCutsSheet) {
		t.Fatalf("nobody has said so, and: %v", err)
	}
	cuts.Despite = []int{4}
	if err := q.Answer(t.Context(), list[0].Token, folder.Cut, cuts); err != nil {
		t.Fatal(err)
	}
	all := o.goOn()
	first := slices.IndexFunc(all, func(m letter.Manifest) bool { return m.Pages == 3 })
	if len(all) != 3 || first < 0 || !slices.Contains(all[first].Flags.Of(3), letter.MaybeSheet) {
		t.Errorf("the letters: %+v", all)
	}
	o.ended(3)
}

// TestTwoQuestionsAboutOneScan: it was taken before, and it is a stack that nobody can
// tell apart. The answer to the second question does not lead back to the first.
func TestTwoQuestionsAboutOneScan(t *testing.T) {
	o, stack := withStack(t, 4)
	o.taken("stack.tif", stack)
	o.move("stacks/stack.tif", "stacks/split at the sheets/stack.tif")
	o.goOn()
	o.ended(3)
	for n := 2; n <= 3; n++ { // what was said of one is not said of the next
		o.taken("again.tif", stack)
		if len(o.given("duplicates")) == 0 {
			t.Fatalf("nobody asks whether it is the same, the %dth time", n)
		}
		o.move("duplicates/again.tif", "duplicates/another letter/again.tif")
		o.goOn()
		if len(o.given("stacks")) == 0 {
			t.Fatal("nobody asks where its letters begin")
		}
		o.restart()
		o.move("stacks/again.tif", "stacks/split at the sheets/again.tif")
		o.goOn()
		if left := o.given("duplicates"); len(left) != 0 {
			t.Fatalf("it is asked again: %d files", len(left))
		}
		o.ended(3 * n)
		if left := o.files("state/cuts"); len(left) != 0 {
			t.Errorf("remembered: %v", left)
		}
	}
}

// TestAStackIsCutByHand answers in the portal: the person knows that the second
// letter is in truth two.
func TestAStackIsCutByHand(t *testing.T) {
	o, stack := withStack(t, 4)
	o.taken("stack.tif", stack)
	q, err := OpenQuestions(o.Edge)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	list, err := q.List()
	if err != nil || len(list) != 1 || list[0].Name != "stack.tif" || list[0].Dir != folder.StacksDir {
		t.Fatalf("questions: %+v, %v", list, err)
	}
	token := list[0].Token
	if strings.Contains(token, "stack") {
		t.Errorf("the token says the name: %s", token)
	}
	batch, err := q.Stack(t.Context(), token)
	if err != nil || len(batch.Pages) != 7 || len(batch.Cuts.Begins) != 3 {
		t.Fatalf("the stack: %+v, %v", batch, err)
	}
	for page := range 7 {
		jpeg, err := q.Thumbnail(t.Context(), token, page+1)
		if err != nil || !strings.HasPrefix(string(jpeg), "\xff\xd8") {
			t.Errorf("page %d: %v", page+1, err)
		}
	}
	cuts := separator.Cuts{Begins: []int{2, 3, 5, 7}, LeaveOut: []int{1, 4}}
	if err := q.Answer(t.Context(), token, folder.Cut, cuts); err == nil {
		t.Fatal("a sheet may become part of a letter")
	}
	if err := q.Answer(t.Context(), token, folder.Same, separator.Cuts{}); err == nil {
		t.Fatal("a stack is no duplicate")
	}
	cuts.LeaveOut = append(cuts.LeaveOut, 6)
	if err := q.Answer(t.Context(), token, folder.Cut, cuts); err != nil {
		t.Fatal(err)
	}
	if err := q.Answer(t.Context(), token, folder.Cut, cuts); err != ErrAnswered {
		t.Errorf("answered twice: %v", err)
	}
	all := o.goOn()
	if len(all) != 4 {
		t.Fatalf("%d letters", len(all))
	}
	for _, m := range all {
		if m.Pages != 1 {
			t.Errorf("a letter of %d pages", m.Pages)
		}
	}
	o.ended(4)
	if left := o.files("state/cuts"); len(left) != 0 {
		t.Errorf("remembered: %v", left)
	}
}

func TestAStackIsAnsweredInThePortal(t *testing.T) {
	for pages, says := range map[string]string{"": "", "4": "Then page 4 is kept at the end", "4 6": "Then pages 4 and 6 are each kept at the end", "1 4 6": "pages 1, 4 and 6 are"} {
		s := &unclearStack{portal: true}
		for _, n := range strings.Fields(pages) {
			s.Held = append(s.Held, separator.Hold{Reason: separator.CodeDamaged, Page: int(n[0] - '0')})
		}
		note := s.note(texts.English()).Next
		if !strings.Contains(note, says) || !strings.Contains(note, "the page Intake in Letterlock") || strings.Contains(note, "kept at") != (says != "") {
			t.Errorf("of pages %q it says %q", pages, note)
		}
	}
}
