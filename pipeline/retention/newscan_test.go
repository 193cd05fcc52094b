package retention

import (
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// A paper that is scanned three times, once by mistake for another, is one paper
// and comes to its end; all letters that it was have theirs.
func TestNewScansAddUp(t *testing.T) {
	s := &story{now: began}
	deadline := letter.Deadline(letter.DateOf(s.now), letter.SixMonths)
	first := s.arrive("respect-phoneline")
	s.say("hold-placed", first, register.HoldPlaced{Hold: 1, Helpline: "respect-phoneline", Reason: register.Coroner, Review: deadline, Letters: 1})
	s.answer(first, "respect-phoneline")
	other := s.arrive("respect-phoneline")
	s.say("letter-replaced", first, register.LetterReplaced{By: other})
	s.say("new-scan-is-other", other, register.NewScanIsOther{Of: first})
	second := s.arrive("respect-phoneline")
	s.say("letter-replaced", first, register.LetterReplaced{By: second})
	s.say("old-scan-ending", first, register.OldScanEnding{By: second})
	s.say("hold-released", second, register.HoldReleased{Hold: 1, Letters: 2})
	s.erase(first, deadline, register.NewerScan)
	s.destroy(other)
	s.destroy(second)
	stray := s.arrive("respect-phoneline")
	s.say("new-scan-apart", stray, register.NewScanApart{Of: first, Why: register.ApartUnknown})

	r := s.record(t, "2026")
	if len(r.Wrong) > 0 {
		t.Fatal(r.Wrong)
	}
	if p := r.Total.Paper; p.In != 3 || p.Destroyed != 2 || p.After != 1 {
		t.Errorf("the papers: %+v", p)
	}
	if n := r.Total.Letters; n.Arrived != 4 || n.Filed != 1 || n.Deleted != 1 || n.Erased != 1 || n.After != 4 {
		t.Errorf("the letters: %+v", n)
	}

	s.say("letter-replaced", first, register.LetterReplaced{By: stray})
	s.say("new-scan-is-other", stray, register.NewScanIsOther{Of: second})
	s.say("old-scan-ending", first, register.OldScanEnding{By: second})
	if r := s.record(t, "2026"); len(r.Wrong) != 3 {
		t.Errorf("of what cannot be it says %q", r.Wrong)
	}
}

// What was answered to the first of three scans is held with the second once the
// third is found to be of another paper.
func TestTheThirdScanIsOfAnotherPaper(t *testing.T) {
	s := &story{now: began}
	first := s.arrive("respect-phoneline")
	s.answer(first, "respect-phoneline")
	s.say("hold-placed", first, register.HoldPlaced{Hold: 1, Helpline: "respect-phoneline", Reason: register.Coroner,
		Review: letter.DateOf(began).AddDays(30), Letters: 2})
	second, third := s.arrive("respect-phoneline"), s.arrive("respect-phoneline")
	s.say("letter-replaced", first, register.LetterReplaced{By: second})
	s.say("letter-replaced", second, register.LetterReplaced{By: third})
	s.say("new-scan-is-other", third, register.NewScanIsOther{Of: second})
	if r := s.record(t, "2026"); len(r.Wrong) > 0 || r.Total.Letters.Held != 3 {
		t.Errorf("held are %d; %q", r.Total.Letters.Held, r.Wrong)
	}
}

// A letter that was taken for a new scan of one that is kept for five years, and is not,
// has its own six months, and is missed once they are over.
func TestAnotherPaperIsCountedByItsOwnRule(t *testing.T) {
	s := &story{now: began}
	first := s.arrive("respect-phoneline")
	s.keep(first)
	other := s.arrive("respect-phoneline")
	s.say("letter-replaced", first, register.LetterReplaced{By: other})
	s.keep(other) // as the first is
	due := letter.Deadline(letter.DateOf(s.now), letter.SixMonths)
	s.say("new-scan-is-other", other, register.NewScanIsOther{Of: first, Class: letter.SixMonths, Deadline: due})

	r := s.record(t, "2026-Q1")
	if n := r.Total.Letters; len(r.Wrong) > 0 || n.FiveYears != 1 || n.Ordinary != 1 || n.Kept != 1 || n.Overdue != 0 {
		t.Errorf("in its months: %+v, %q", n, r.Wrong)
	}
	if said := allSaid(r); !strings.Contains(said, other.Reference()+": What had been decided of that one does not hold for this letter, which is due on 1 July 2026.") {
		t.Errorf("it says %s", said)
	}
	s.now = due.AddDays(3).Start()
	s.say("day-begun", "", register.DayBegun{Living: 2})
	if r := s.record(t, "2026"); r.Total.Letters.Overdue != 1 {
		t.Errorf("after them: %+v", r.Total.Letters)
	}
}
