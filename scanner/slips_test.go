package scanner

import (
	"errors"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
	"letterlock/scanner/texts"
)

// taken is an office with one letter that is taken.
func taken(t *testing.T) (*office, letter.Manifest) {
	t.Helper()
	o := newOffice(t)
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	m := o.verify()[0]
	o.pass(5)
	o.ended(1)
	return o, m
}

// after lets the time of a round over the slips pass.
func (o *office) after(d time.Duration) {
	o.now = o.now.Add(d)
	o.pass(1)
}

func TestASlipFollowsItsPaper(t *testing.T) {
	o, m := taken(t)
	ref := m.ID.Reference()
	read := func(name string) string { return o.files("scanner/" + line + "/taken")[name] }

	o.answer(m, letter.PaperMayGo, "")
	o.after(o.SlipEvery)
	if !strings.Contains(read(ref+".txt"), "may be destroyed") {
		t.Errorf("the slip says %q", read(ref+".txt"))
	}

	o.answer(m, letter.PaperScanAgain, "too-dark")
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string{"SCAN AGAIN " + ref + ".txt"}, o.slips()); d != "" {
		t.Error(d)
	}
	if slip := read("SCAN AGAIN " + ref + ".txt"); !strings.Contains(slip, "(too dark)") {
		t.Errorf("the slip does not say why: %q", slip)
	}

	o.restart() // the slips are known again
	o.answer(m, letter.PaperDestroyed, "")
	o.after(o.SlipEvery)
	if len(o.slips()) > 0 || len(o.files("scanner/"+folder.RecordDir)) > 0 {
		t.Errorf("the paper is destroyed and there is still %v", o.slips())
	}
}

func TestASlipIsOverdueOnItsDeadline(t *testing.T) {
	o, m := taken(t)
	o.works(m.Deadline().Start().Add(-time.Hour))
	o.pass(1)
	if len(o.slips()) != 1 {
		t.Error("it went too early")
	}
	o.after(time.Hour)
	overdue := "OVERDUE " + m.ID.Reference() + ".txt"
	if d := cmp.Diff([]string{overdue}, o.slips()); d != "" {
		t.Fatalf("its time is over, and nothing says that its paper is gone: %s", d)
	}
	if err := o.folder.Disk().Remove(line + "/taken/" + overdue); err != nil {
		t.Fatal(err)
	}
	o.after(o.SlipEvery)
	if n := len(o.files("scanner/" + folder.RecordDir)); n > 0 {
		t.Errorf("somebody threw the last slip away, and %d records are left", n)
	}
}

func TestASlipWhosePaperWentGoesWithItsDeadline(t *testing.T) {
	o, m := taken(t)
	o.answer(m, letter.PaperDestroyed, "")
	o.now = m.Deadline().Start()
	o.after(o.SlipEvery)
	if len(o.slips()) > 0 {
		t.Errorf("there is still %v", o.slips())
	}
}

func TestASlipThatSomebodyThrewAway(t *testing.T) {
	o, m := taken(t)
	if err := o.folder.Disk().Remove(line + "/taken/" + m.ID.Reference() + ".txt"); err != nil {
		t.Fatal(err)
	}
	o.after(o.SlipEvery)
	if len(o.slips()) > 0 {
		t.Error("it came back though nothing is new")
	}
	o.answer(m, letter.PaperDestroyed, "")
	o.after(o.SlipEvery)
	if n := len(o.files("scanner/" + folder.RecordDir)); n > 0 {
		t.Errorf("%d records are left", n)
	}
}

func TestLettersThatShareAReference(t *testing.T) {
	o := newOffice(t)
	one := record{ID: "00000000000000000000000000", Helpline: line}
	two := record{ID: "00000000000000000000000004", Helpline: line}
	if one.ID.Reference() != two.ID.Reference() {
		t.Fatal("they do not share it")
	}
	one.Slip = o.slipName(one)
	o.shelf.plan(one) // its record is written, and the disk says that it failed
	if name := o.slipName(two); name != "0000-0000 (2).txt" {
		t.Errorf("the slip of the second would replace that of the first: %q", name)
	}
	o.know(one)
	two.Slip = o.slipName(two)
	if one.Slip != "0000-0000.txt" || two.Slip != "0000-0000 (2).txt" {
		t.Errorf("slips: %q and %q", one.Slip, two.Slip)
	}
	if again := o.slipName(one); again != one.Slip {
		t.Errorf("a slip does not keep its name: %q", again)
	}
}

// TestManySlipsTakeTurns gives every slip its turn, a few a round.
func TestManySlipsTakeTurns(t *testing.T) {
	asked := map[string]int{}
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
			if strings.HasPrefix(key, letter.ReceiptsPrefix) && key != letter.GoneKey("office") && key != letter.AgainKey("office") {
				asked[key]++
			}
			return works
		}}
	})
	for range 5 * slipsAtOnce / 2 {
		r := record{ID: letter.NewID(), Site: "office", Helpline: line, Class: letter.SixMonths, Received: o.now}
		r.Slip = o.slipName(r)
		o.know(r)
	}
	for range 5 {
		o.after(o.SlipEvery)
	}
	var counts []int
	for _, n := range asked {
		counts = append(counts, n)
	}
	if len(counts) != len(o.shelf.records) || slices.Min(counts) != 2 || slices.Max(counts) != 2 {
		t.Errorf("five rounds asked about %d of %d slips, each %d to %d times", len(counts), len(o.shelf.records), slices.Min(counts), slices.Max(counts))
	}
}

// The slips of two stacks that were taken in the same second say which paper is
// whose.
func TestStacksOfTheSameSecond(t *testing.T) {
	o, stack := withStack(t, 3)
	other := specimen.New(8, 7)
	other.DPI = 40
	o.drop(line+"/a.tif", stack)
	o.drop(line+"/b.tif", other.G4TIFF())
	o.goOn()
	o.goOn()
	o.ended(6)
	sheet := o.given("")[folder.SlipsFile]
	at := func(r record) int { return strings.Index(sheet, r.ID.Reference()) }
	stacks := map[letter.ID][]record{}
	for _, r := range o.shelf.records {
		stacks[r.First] = append(stacks[r.First], r)
	}
	for first, letters := range stacks {
		slices.SortFunc(letters, func(a, b record) int { return at(a) - at(b) })
		for i, want := range []string{
			"letter 1 of 3 in its stack, counted from the top: pages 2 to 3 of that scan, under the cover sheet that says stack " + letters[0].Cover + ".",
			"letter 2 of 3 in its stack, counted from the top: page 5 of that scan, under the cover sheet that says stack " + letters[0].Cover + ". The stack's first letter is " + first.Reference() + ".",
			"letter 3 of 3 in its stack, counted from the top: page 7 of that scan, under the cover sheet that says stack " + letters[0].Cover + ". The stack's first letter is " + first.Reference() + ".",
		} {
			if slip := letters[i].slip(texts.English(), ""); !strings.Contains(slip, want) {
				t.Errorf("slip %d of a stack does not say %q: %q", i+1, want, slip)
			}
		}
		if between := strings.Count(sheet[at(letters[0]):at(letters[2])], "<li>"); len(letters) != 3 || between != 2 {
			t.Errorf("the %d letters of a stack do not stand beside each other: %s", len(letters), sheet)
		}
	}
	if len(stacks) != 2 {
		t.Errorf("%d stacks", len(stacks))
	}
}

// People read what they call their helpline, not the name of a folder.
func TestAHelplineIsCalledByItsTitle(t *testing.T) {
	o := newOffice(t, func(o *office) { o.cfg.Titles = map[string]string{line: "Respect Phoneline"} })
	o.taken("a.jpg", sampleLetter(1))
	for file, says := range map[string]string{folder.SlipsFile: "1 slip of Respect Phoneline", folder.StatusFile: "in the folder of Respect Phoneline"} {
		if text := o.given("")[file]; !strings.Contains(text, says) {
			t.Errorf("%s does not say %q: %q", file, says, text)
		}
	}
}

// A letter that was scanned into the wrong helpline's folder left its paper with
// the wrong people: the slip says whose it is until the paper is gone.
func TestThePaperOfAMovedLetter(t *testing.T) {
	o := newOffice(t, func(o *office) { o.cfg.Titles = map[string]string{"mens-advice-line": "Men's Advice Line"} })
	m := o.taken("a.jpg", sampleLetter(1))[0]
	ref := m.ID.Reference()
	const belongs = "This paper belongs to Men's Advice Line: hand it over"
	for _, c := range []struct {
		paper, reason, to, slip string
		says, saysNot           string
	}{
		{letter.PaperKept, "", "", ref, "keep it locked away", belongs},
		{letter.PaperKept, "", "mens-advice-line", "HAND OVER " + ref, "keep it locked away", "may be destroyed"},
		{letter.PaperMayGo, "", "mens-advice-line", "HAND OVER " + ref, "destruction desk", "into the same folder"},
		{letter.PaperScanAgain, "too-dark", "mens-advice-line", "HAND OVER " + ref, "(too dark)", " here; it gets"},
		{letter.PaperScanAgain, "too-dark", "", "SCAN AGAIN " + ref, "into the folder \"scan again/" + ref + "\" here", belongs},
		{letter.PaperMayGo, "", "mens-advice-line", "HAND OVER " + ref, "destruction desk", "SCAN AGAIN"},
	} {
		o.answerMoved(m, c.paper, c.reason, c.to)
		o.after(o.SlipEvery)
		o.after(printEvery)
		slip := o.files("scanner/" + line + "/taken")[c.slip+".txt"]
		if d := cmp.Diff([]string{c.slip + ".txt"}, o.slips()); d != "" || !strings.Contains(slip, c.says) || strings.Contains(slip, c.saysNot) {
			t.Errorf("%s for %q: %s%q", c.paper, c.to, d, slip)
		}
		sheet := html.UnescapeString(o.given("")[folder.SlipsFile])
		if moved := c.to != ""; strings.Contains(slip, belongs) != moved || strings.Contains(sheet, belongs) != moved {
			t.Errorf("%s for %q: the slip says %q, the sheet %s", c.paper, c.to, slip, sheet)
		}
	}

	o.restart() // whose the paper is is known again
	o.works(m.Deadline().Start())
	if err := os.Remove(filepath.Join(o.base, "bucket", letter.ReceiptKey(m.Site, m.ID))); err != nil {
		t.Fatal(err) // the server's word goes with the letter
	}
	o.after(o.SlipEvery)
	overdue := "OVERDUE " + ref + ".txt"
	if slip := o.files("scanner/" + line + "/taken")[overdue]; !strings.Contains(slip, belongs) {
		t.Errorf("the letter is gone, its paper perhaps not, and the slip says %q of %v", slip, o.slips())
	}
}

func TestAMovedLettersSlipGoesWithItsPaper(t *testing.T) {
	o, m := taken(t)
	o.answerMoved(m, letter.PaperMayGo, "", "mens-advice-line")
	o.after(o.SlipEvery)
	o.answerMoved(m, letter.PaperDestroyed, "", "mens-advice-line")
	o.after(o.SlipEvery)
	if len(o.slips()) > 0 || len(o.files("scanner/"+folder.RecordDir)) > 0 {
		t.Errorf("the paper is destroyed and there is still %v", o.slips())
	}
}

// An edge that was off while its letter was moved learns both at once.
func TestALetterThatIsMovedBeforeItsReceiptIsRead(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	var m letter.Manifest
	for _, m = range o.verify() {
		o.answerMoved(m, letter.PaperKept, "", "mens-advice-line")
	}
	o.pass(5)
	o.ended(1)
	if d := cmp.Diff([]string{"HAND OVER " + m.ID.Reference() + ".txt"}, o.slips()); d != "" {
		t.Error(d)
	}
}

// A crash between two steps of bringing a slip up to date leaves one slip too
// many, and a lost answer the old one: the next round sets it right.
func TestAMovedLettersSlipIsCutOff(t *testing.T) {
	for name, cut := range map[string]func(o *office, next, old record) error{
		"behind the new slip": func(o *office, next, _ record) error { return o.writeSlip(next) },
		"behind the record": func(o *office, next, old record) error {
			return errors.Join(o.writeSlip(next), o.saveRecord(next), o.writeSlip(old))
		},
	} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, given back: %t", name, back), func(t *testing.T) {
				o, m := taken(t)
				to, want := "mens-advice-line", "HAND OVER "+m.ID.Reference()+".txt"
				if back {
					o.answerMoved(m, letter.PaperMayGo, "", to)
					o.after(o.SlipEvery)
					to, want = "", m.ID.Reference()+".txt"
				}
				o.answerMoved(m, letter.PaperMayGo, "", to)
				old := o.shelf.records[m.ID]
				next := old
				next.Paper, next.Moved = letter.PaperMayGo, to
				next.Slip = o.slipName(next)
				if err := cut(o, next, old); err != nil {
					t.Fatal(err)
				}
				if len(o.slips()) != 2 {
					t.Fatalf("this is no crash: %v", o.slips())
				}
				o.restart()
				o.after(o.SlipEvery)
				o.after(o.SlipEvery)
				if d := cmp.Diff([]string{want}, o.slips()); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestTheWordOfAMoveIsLost(t *testing.T) {
	lost := false
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(_, key string) fault {
			if lost && strings.HasPrefix(key, letter.ReceiptsPrefix) {
				return fails
			}
			return works
		}}
	})
	m := o.taken("a.jpg", sampleLetter(1))[0]
	o.answerMoved(m, letter.PaperKept, "", "mens-advice-line")
	lost = true
	o.after(o.SlipEvery)
	if d := cmp.Diff([]string{m.ID.Reference() + ".txt"}, o.slips()); d != "" {
		t.Error(d)
	}
	lost = false
	o.wait(time.Hour)
	if d := cmp.Diff([]string{"HAND OVER " + m.ID.Reference() + ".txt"}, o.slips()); d != "" {
		t.Error(d)
	}
}
