package retention

import (
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// The kept copy of an answer is called that.
func TestAnAnswerIsNoLetter(t *testing.T) {
	s := &story{now: began}
	answer := s.answer(s.arrive("respect-phoneline"), "respect-phoneline")
	s.say("hold-placed", answer, register.HoldPlaced{Hold: 1, Helpline: "respect-phoneline", Reason: register.CourtCase, Review: letter.DateOf(began), Letters: 1})
	s.say("hold-released", "", register.HoldReleased{Hold: 1, Letters: 1})
	s.now = began.AddDate(0, 6, 2)
	open := s.record(t, "2026")
	s.end(answer, letter.DateOf(began).AddMonths(6))
	said := allSaid(open) + allSaid(s.record(t, "2026"))
	for _, want := range []string{": The answer was put on hold (number 1), because of a court case.", ": The answer was due on 1 July 2026 and was not proven gone at the end.",
		": The answer was due on 1 July 2026, was held, and was proven gone on 3 July 2026."} {
		if !strings.Contains(said, answer.Reference()+want) {
			t.Errorf("%q is not in: %s", want, said)
		}
	}
}

// A letter whose time ended before anybody opened it is said by its reference. That of
// an answer, which was written here, or of a letter that was erased early, is no such end.
func TestALetterThatNobodyOpenedIsSaid(t *testing.T) {
	s := &story{now: began}
	never, read, answered, early := s.arrive("respect-phoneline"), s.arrive("respect-phoneline"), s.arrive("respect-phoneline"), s.arrive("respect-phoneline")
	s.open(read)
	s.open(answered)
	answer := s.answer(answered, "respect-phoneline")
	s.confirmErasure(early, register.PersonAsked)
	s.erase(early, letter.DateOf(began).AddMonths(6), register.PersonAsked)
	s.now = began.AddDate(0, 6, 0)
	for _, id := range []letter.ID{never, read, answered, answer} {
		s.end(id, letter.DateOf(s.now))
	}
	said := allSaid(s.record(t, "2026"))
	if strings.Count(said, "no opening of it is on record") != 1 || !strings.Contains(said, never.Reference()+": The letter has ended, and no opening of it is on record: nobody is known to have read it.") {
		t.Error(said)
	}
}

// A letter that is not kept after all is due by its six months, or on the day
// of that decision where they were over.
func TestALetterIsNotKeptAfterAll(t *testing.T) {
	for name, c := range map[string]struct {
		months    int // from its keeping to the withdrawal
		gone      letter.Date
		says, not string
	}{
		"in time":                {1, letter.Date{Year: 2026, Month: 7, Day: 1}, "It is due on 1 July 2026.", "proven gone on"},
		"late, and gone at once": {8, letter.Date{Year: 2026, Month: 9, Day: 1}, "Its six months were over on 1 July 2026, so it was due at once.", "proven gone on"},
		"late, and gone later":   {8, letter.Date{Year: 2026, Month: 9, Day: 4}, "The letter was due on 1 September 2026 and proven gone on 4 September 2026.", ""},
	} {
		s := &story{now: began}
		id := s.arrive("respect-phoneline")
		deadline := letter.Date{Year: 2026, Month: 7, Day: 1}
		s.keep(id)
		s.now = began.AddDate(0, c.months, 0)
		s.unkeep(id, deadline)
		if got := s.record(t, letter.DateOf(s.now).String()+".."+letter.DateOf(s.now).String()).Total.Letters; got != (Letters{Before: 1, After: 1, Ordinary: 1, Withdrawn: 1}) {
			t.Errorf("%s: %+v", name, got)
		}
		s.now = c.gone.Start().Add(time.Hour)
		s.end(id, deadline)
		r := s.record(t, "2026")
		said := allSaid(r)
		if got, want := r.Total.Letters, (Letters{Arrived: 1, Deleted: 1, Kept: 1, Withdrawn: 1}); got != want || len(r.Wrong) > 0 {
			t.Errorf("%s: %+v, %v", name, got, r.Wrong)
		}
		if !strings.Contains(said, c.says) || c.not != "" && strings.Contains(said, c.not) {
			t.Errorf("%s: %s", name, said)
		}
	}
	s := &story{now: began}
	s.unkeep(s.arrive("respect-phoneline"), letter.DateOf(began))
	if r := s.record(t, "2026"); len(r.Wrong) != 1 || !strings.Contains(english(r.Wrong[0]), "never was") {
		t.Errorf("one that was never kept: %v", r.Wrong)
	}
}
