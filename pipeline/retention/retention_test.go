package retention

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

var began = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)

// story is a register's entries as a test writes them.
type story struct {
	entries []register.Entry
	now     time.Time
}

func (s *story) say(kind string, id letter.ID, ev any) {
	data, err := json.Marshal(ev)
	if err != nil {
		panic(err)
	}
	s.entries = append(s.entries, register.Entry{N: int64(len(s.entries)), At: s.now, Kind: kind, Letter: id, Data: data})
}

func (s *story) arrive(helpline register.Name) letter.ID {
	id := letter.ID(fmt.Sprintf("%07d%019d", len(s.entries), 0)) // the same in every run
	s.say("letter-admitted", id, register.LetterAdmitted{Helpline: helpline, Class: letter.SixMonths, Received: s.now,
		Deadline: letter.Deadline(letter.DateOf(s.now), letter.SixMonths)})
	return id
}

func (s *story) open(id letter.ID) {
	s.say("letter-opened", id, register.LetterOpened{As: register.ShownPages})
}

func (s *story) destroy(id letter.ID, anomalies ...register.Anomaly) {
	s.say("paper-destroyed", id, register.PaperDestroyed{Ledger: "D-2026-000001", Reference: register.Reference(id.Reference()), Sheets: 2,
		Method: register.Shredder, Anomalies: anomalies})
}

func (s *story) end(id letter.ID, deadline letter.Date) {
	s.erase(id, deadline, "")
}

// erase ends a letter, early for the reason if there is one.
func (s *story) erase(id letter.ID, deadline letter.Date, why register.EraseReason) {
	s.say("letter-deleted", id, register.LetterDeleted{Deadline: deadline, By: register.ByLetterlock, KeyDies: deadline, Early: why})
}

func (s *story) answer(to letter.ID, helpline register.Name) letter.ID {
	id := letter.ID(fmt.Sprintf("%07d%019d", len(s.entries), 0))
	s.say("response-filed", id, register.ResponseFiled{Answers: to, Helpline: helpline, Class: letter.SixMonths,
		Deadline: letter.Deadline(letter.DateOf(s.now), letter.SixMonths)})
	return id
}

func (s *story) redirect(id letter.ID, from, to register.Name) {
	s.say("letter-redirected", id, register.LetterRedirected{From: from, To: to})
}

func (s *story) confirmErasure(id letter.ID, why register.EraseReason) {
	s.say("erasure-confirmed", id, register.ErasureConfirmed{Reason: why})
}

// keep decides that a letter is kept for five years from now on.
func (s *story) keep(id letter.ID) {
	today := letter.DateOf(s.now)
	s.say("letter-safeguarded", id, register.LetterSafeguarded{Reason: register.ChildAtRisk, From: today,
		Deadline: letter.Deadline(today, letter.FiveYears), Review: today.AddMonths(12)})
}

// unkeep decides that the letter is not kept for five years after all.
func (s *story) unkeep(id letter.ID, deadline letter.Date) {
	s.say("safeguarding-withdrawn", id, register.SafeguardingWithdrawn{Reason: register.NoneApplies, Deadline: deadline})
}

func (s *story) all() iter.Seq2[register.Entry, error] {
	return func(yield func(register.Entry, error) bool) {
		for _, e := range s.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// titleOf is how people call the helplines of a story.
func titleOf(name string) string {
	return map[string]string{"respect-phoneline": "Respect Phoneline", "mens-advice-line": "Men’s Advice Line"}[name]
}

func (s *story) record(t interface{ Fatal(...any) }, period string) Record {
	p, err := ParsePeriod(period)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Make(p, s.now, titleOf, s.all())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func english(says texts.Text) string { return texts.English().Text(says) }

// allSaid is every exception of the record.
func allSaid(r Record) (all string) {
	for _, e := range r.Exceptions {
		all += english(e.Text()) + "\n"
	}
	return all
}

func TestPeriods(t *testing.T) {
	for in, want := range map[string][3]string{
		"2026":                   {"2026-01-01", "2026-12-31", "2026"},
		"2024-02":                {"2024-02-01", "2024-02-29", "February 2024"},
		"2026-Q4":                {"2026-10-01", "2026-12-31", "fourth quarter of 2026"},
		"2026-Q1":                {"2026-01-01", "2026-03-31", "first quarter of 2026"},
		"2026-11-03..2026-12-01": {"2026-11-03", "2026-12-01", "3 November 2026 to 1 December 2026"},
		"2026-11-03..2026-11-03": {"2026-11-03", "2026-11-03", "3 November 2026 to 3 November 2026"},
	} {
		p, err := ParsePeriod(in)
		if err != nil || p.First.String() != want[0] || p.Last.String() != want[1] || english(p.Title()) != want[2] || p.String() != in {
			t.Errorf("%s: %v %q, %v", in, p, english(p.Title()), err)
		}
	}
	for _, bad := range []string{"", "26", "2026-13", "2026-Q5", "2026-11-03..2026-11-02", "2026-11-03..", "november", "2026-11-31..2026-12-01"} {
		if p, err := ParsePeriod(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, p)
		}
	}
	if got := MonthOf(letter.Date{Year: 2026, Month: 2, Day: 28}).String(); got != "2026-02" {
		t.Errorf("the month is %s", got)
	}
}

// A year with everything in it: what the record says is what happened, and what
// one period leaves is what the next one finds.
func TestTheRecordSaysWhatHappened(t *testing.T) {
	s := &story{now: began}
	first, second, third := s.arrive("respect-phoneline"), s.arrive("respect-phoneline"), s.arrive("mens-advice-line")
	s.open(first)
	s.open(third)
	s.destroy(first)
	s.now = began.AddDate(0, 1, 0)
	s.destroy(second, register.AnomalyUnread)
	s.keep(second)
	s.now = began.AddDate(0, 6, 0)
	s.end(first, letter.DateOf(s.now))
	s.now = s.now.AddDate(0, 0, 3)
	s.end(third, letter.DateOf(s.now).AddDays(-3))
	s.now = s.now.AddDate(0, 2, 0)

	january, year := s.record(t, "2026-01"), s.record(t, "2026")
	if got, want := january.Total.Letters, (Letters{Arrived: 3, After: 3, Ordinary: 3}); got != want {
		t.Errorf("January's letters: %+v", got)
	}
	if got, want := january.Total.Paper, (Paper{In: 3, Destroyed: 1, After: 2, Sheets: 2}); got != want {
		t.Errorf("January's papers: %+v", got)
	}
	if got, want := s.record(t, "2026-02").Total.Letters, (Letters{Before: 3, After: 3, Ordinary: 2, FiveYears: 1, Kept: 1}); got != want {
		t.Errorf("February's letters: %+v", got)
	}
	if got, want := year.Total.Letters, (Letters{Arrived: 3, Deleted: 2, After: 1, FiveYears: 1, Kept: 1}); got != want {
		t.Errorf("the year's letters: %+v", got)
	}
	if got, want := year.Total.Paper, (Paper{In: 3, Destroyed: 2, After: 1, Outlived: 1, Sheets: 4, Unread: 1}); got != want {
		t.Errorf("the year's papers: %+v", got)
	}
	var said []string
	for _, e := range year.Exceptions {
		said = append(said, english(e.Text()))
	}
	want := []string{
		"1 February 2026, " + second.Reference() + ": The letter is kept for five years, until 1 February 2031: a child is at risk. It is looked at again on 1 February 2027.",
		"4 July 2026, " + third.Reference() + ": The letter was deleted while its paper was not on record as destroyed.",
		"4 July 2026, " + third.Reference() + ": The letter was due on 1 July 2026 and proven gone on 4 July 2026. Alarms of these days say whether the storage, the clock or Letterlock itself stood still.",
		"4 September 2026: Of 1 paper that was destroyed nobody had found the scan readable: Letterlock had read it back, which is enough where the configuration says so (destroy_after = \"verified\").",
	}
	if !slices.Equal(said, want) {
		t.Errorf("exceptions:\n%s", strings.Join(said, "\n"))
	}
	if len(year.Wrong) > 0 || len(january.Exceptions) > 0 {
		t.Errorf("%v, %v", year.Wrong, january.Exceptions)
	}
}

// Where the configuration lets papers go that nobody has looked at, they are one
// line however many they are; a paper that outlived its letter unread is none of them.
func TestPapersThatGoUnread(t *testing.T) {
	s := &story{now: began}
	for range 500 {
		s.destroy(s.arrive("respect-phoneline"), register.AnomalyUnread)
	}
	s.destroy(s.arrive("respect-phoneline"), register.AnomalyUnread, register.AnomalyLevel)
	outlived := s.arrive("respect-phoneline")
	s.open(outlived)
	s.end(outlived, letter.DateOf(began))
	s.destroy(outlived, register.AnomalyLetterGone, register.AnomalyUnread)
	r := s.record(t, "2026")
	said := allSaid(r)
	if r.Total.Paper.Unread != 501 || len(r.Exceptions) != 5 || !strings.Contains(said, "Of 501 papers that were destroyed nobody") ||
		!strings.Contains(said, outlived.Reference()+": The paper was destroyed (D-2026-000001), but nobody had found") || !strings.Contains(said, "coarser than level") {
		t.Errorf("%d unread, %d exceptions: %s", r.Total.Paper.Unread, len(r.Exceptions), said)
	}
}

// What is held is neither ordinary nor overdue, whatever else is decided of it,
// and is said to have been held when it goes at last.
func TestHeldLetters(t *testing.T) {
	s := &story{now: began}
	one, other := s.arrive("respect-phoneline"), s.arrive("respect-phoneline")
	s.arrive("mens-advice-line")
	review := letter.DateOf(s.now).AddDays(90)
	s.say("hold-placed", one, register.HoldPlaced{Hold: 1, Helpline: "respect-phoneline", Reason: register.Coroner, Review: review, Letters: 1})
	s.now = began.AddDate(0, 1, 0)
	s.say("hold-placed", "", register.HoldPlaced{Hold: 2, Helpline: "respect-phoneline", Reason: register.Inquiry, Review: review, Letters: 2})
	s.keep(other)
	if got, want := s.record(t, "2026-01").Total.Letters, (Letters{Arrived: 3, After: 3, Ordinary: 2, Held: 1}); got != want {
		t.Errorf("January: %+v", got)
	}
	s.now = began.AddDate(0, 7, 0)
	if got, want := s.record(t, "2026-07").Total.Letters, (Letters{Before: 3, After: 3, Ordinary: 1, Held: 2, Overdue: 1}); got != want {
		t.Errorf("July: %+v", got)
	}
	s.say("hold-released", "", register.HoldReleased{Hold: 2, Letters: 2})
	s.say("hold-released", "", register.HoldReleased{Hold: 1, Letters: 1})
	s.end(one, letter.DateOf(began).AddMonths(6))
	r := s.record(t, "2026-08")
	if got, want := r.Total.Letters, (Letters{Before: 3, Deleted: 1, After: 2, Ordinary: 1, FiveYears: 1, Overdue: 1}); got != want {
		t.Errorf("August: %+v", got)
	}
	if said := allSaid(r); !strings.Contains(said, "was due on 1 July 2026, was held, and was proven gone on 1 August 2026") {
		t.Errorf("exceptions: %s", said)
	}
	s.say("hold-released", "", register.HoldReleased{Hold: 1})
	if r := s.record(t, "2026-08"); len(r.Wrong) != 1 {
		t.Errorf("released twice: %v", r.Wrong)
	}
}

// What two people erase before its time, give to the right helpline or file as a
// response is counted as that, and said; and what does not fit is said too.
func TestErasedRedirectedAndFiled(t *testing.T) {
	s := &story{now: began}
	one, other := s.arrive("respect-phoneline"), s.arrive("respect-phoneline")
	review := letter.DateOf(s.now).AddDays(90)
	s.redirect(one, "respect-phoneline", "mens-advice-line")
	answer := s.answer(one, "mens-advice-line")
	lost := s.answer(other, "respect-phoneline")
	s.say("response-lost", lost, register.ResponseLost{Answers: other})
	s.say("letter-deleted", lost, register.LetterDeleted{Deadline: letter.DateOf(began).AddMonths(6), By: register.ByNobody, KeyDies: letter.DateOf(began).AddMonths(6), Early: register.NeverStored})
	s.now = began.AddDate(0, 0, 30)
	s.confirmErasure(other, register.PersonAsked)
	s.say("hold-placed", "", register.HoldPlaced{Hold: 1, Helpline: "respect-phoneline", Reason: register.Inquiry, Review: review})
	s.now = began.AddDate(0, 0, 33)
	january := s.record(t, "2026-01")
	if got, want := january.Total.Letters, (Letters{Arrived: 2, Filed: 2, MovedIn: 1, MovedOut: 1, Deleted: 1, After: 3, Ordinary: 3}); got != want {
		t.Errorf("January: %+v", got)
	}
	if got, want := s.record(t, "2026-02").Total.Letters, (Letters{Before: 3, After: 3, Ordinary: 3, Overdue: 1}); got != want {
		t.Errorf("February, while the erasure stands still: %+v", got)
	}
	s.erase(other, letter.DateOf(began).AddMonths(6), register.PersonAsked)
	february := s.record(t, "2026-02")
	if got, want := february.Total.Letters, (Letters{Before: 3, Deleted: 1, Erased: 1, After: 2, Ordinary: 2}); got != want {
		t.Errorf("February: %+v", got)
	}
	if got, want := february.Total.Paper, (Paper{Before: 2, After: 2, Outlived: 1}); got != want || len(january.Wrong)+len(february.Wrong) > 0 {
		t.Errorf("papers: %+v; %v %v", got, january.Wrong, february.Wrong)
	}
	var said []string
	for _, e := range append(january.Exceptions, february.Exceptions...) {
		said = append(said, english(e.Text()))
	}
	want := []string{
		"1 January 2026, " + one.Reference() + ": The letter had been given to the helpline Respect Phoneline by mistake and was moved to Men’s Advice Line, as two people decided.",
		"1 January 2026, " + lost.Reference() + ": This response to the letter " + other.Reference() + " was filed and did not reach the storage. It must be filed again.",
		"31 January 2026, " + other.Reference() + ": Two people decided that the letter, due on 1 July 2026, is erased before its time: the person concerned asked for it.",
		"31 January 2026: Everything of the helpline Respect Phoneline (0 letters) was put on hold (number 1), because an inquiry wants it kept. It is looked at again on 1 April 2026.",
		"3 February 2026, " + other.Reference() + ": The letter was deleted while its paper was not on record as destroyed.",
		"3 February 2026, " + other.Reference() + ": The letter, due on 1 July 2026, was erased as two people had decided on 31 January 2026: the person concerned asked for it.",
	}
	if !slices.Equal(said, want) {
		t.Errorf("exceptions:\n%s", strings.Join(said, "\n"))
	}
	s.erase(answer, letter.DateOf(began), register.LegalDuty)
	if r := s.record(t, "2026-02"); len(r.Wrong) != 1 || !strings.Contains(english(r.Wrong[0]), "does not agree with itself") {
		t.Errorf("erased, and nobody had confirmed it: %v", r.Wrong)
	}
}

func TestAnOverdueLetterIsAnException(t *testing.T) {
	s := &story{now: began}
	id := s.arrive("respect-phoneline")
	s.now = began.AddDate(0, 6, 1)
	r := s.record(t, "2026-07")
	if r.Total.Letters.Overdue != 1 || len(r.Exceptions) != 1 || !strings.Contains(english(r.Exceptions[0].Text()), id.Reference()+": The letter was due on 1 July 2026 and was not proven gone") {
		t.Errorf("%+v", r)
	}
	if june := s.record(t, "2026-06"); june.Total.Letters.Overdue != 0 {
		t.Errorf("overdue before its deadline: %+v", june)
	}
}

// Entries that cannot be of one true story do not add up, and the record says so.
func TestWhatDoesNotAddUpIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(s *story, id letter.ID)
		says  string
	}{
		"deleted twice":               {func(s *story, id letter.ID) { s.end(id, letter.DateOf(s.now)); s.end(id, letter.DateOf(s.now)) }, "was gone before"},
		"deleted, never arrived":      {func(s *story, _ letter.ID) { s.end(letter.NewID(), letter.DateOf(s.now)) }, "never arrived"},
		"destroyed twice":             {func(s *story, id letter.ID) { s.destroy(id); s.destroy(id) }, "was destroyed before"},
		"arrived twice":               {func(s *story, id letter.ID) { s.entries = append(s.entries, s.entries[0]) }, "arrived twice"},
		"erased, and not on record":   {func(s *story, _ letter.ID) { s.confirmErasure(letter.NewID(), register.LegalDuty) }, "not on record"},
		"moved from where it was not": {func(s *story, id letter.ID) { s.redirect(id, "mens-advice-line", "respect-phoneline") }, "was not there"},
		"kept, and not on record":     {func(s *story, _ letter.ID) { s.keep(letter.NewID()) }, "not on record"},
		"more in the database":        {func(s *story, _ letter.ID) { s.say("day-begun", "", register.DayBegun{Living: 2}) }, "the register accounts for 1"},
		"fewer, and no proof came": {func(s *story, _ letter.ID) {
			s.say("day-begun", "", register.DayBegun{Living: 0})
			s.say("day-begun", "", register.DayBegun{Living: 0})
		}, "without proof"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &story{now: began}
			id := s.arrive("respect-phoneline")
			c.spoil(s, id)
			if r := s.record(t, "2026"); len(r.Wrong) == 0 || !strings.Contains(english(r.Wrong[0]), c.says) {
				t.Errorf("said: %v", r.Wrong)
			}
		})
	}
}

// Whatever happens, every period adds up, each begins with what the one before
// left, and the months together are the year.
func TestEveryStoryAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &story{now: began}
		type lives struct {
			helpline register.Name
			deadline letter.Date
		}
		living, papers := map[letter.ID]lives{}, map[letter.ID]bool{}
		var filed, erased int
		helplines := []register.Name{"respect-phoneline", "mens-advice-line"}
		pick := func(ids iter.Seq[letter.ID]) letter.ID { return rapid.SampledFrom(slices.Sorted(ids)).Draw(t, "which") }
		var clockWas bool // wrong, for a while
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			switch act := rapid.IntRange(0, 10).Draw(t, "act"); {
			case act == 10 && len(s.entries) > 2:
				clockWas = true
				truth := s.now
				s.now = s.now.Add(time.Duration(rapid.IntRange(-60000, 60000).Draw(t, "hours by which the clock is wrong")) * time.Hour)
				for range rapid.IntRange(1, 2).Draw(t, "arrive meanwhile") {
					id := s.arrive(helplines[0])
					living[id], papers[id] = lives{helplines[0], letter.Deadline(letter.DateOf(s.now), letter.SixMonths)}, true
				}
				s.now = truth
				for range 3 {
					s.say("day-begun", "", register.DayBegun{Living: len(living)})
				}
			case act < 2:
				to := rapid.SampledFrom(helplines).Draw(t, "helpline")
				id := s.arrive(to)
				living[id], papers[id] = lives{to, letter.Deadline(letter.DateOf(s.now), letter.SixMonths)}, true
			case act == 2 && len(living) > 0:
				id := pick(maps.Keys(living))
				s.end(id, living[id].deadline)
				delete(living, id)
			case act == 3 && len(papers) > 0:
				id := pick(maps.Keys(papers))
				s.destroy(id)
				delete(papers, id)
			case act == 4 && len(living) > 0:
				id := pick(maps.Keys(living))
				from, to := living[id].helpline, helplines[0]
				if from == to {
					to = helplines[1]
				}
				s.redirect(id, from, to)
				living[id] = lives{to, living[id].deadline}
			case act == 5 && len(living) > 0:
				id := pick(maps.Keys(living))
				s.keep(id)
				if rapid.Bool().Draw(t, "withdrawn") {
					s.now = s.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "hours until it is withdrawn")) * time.Hour)
					s.unkeep(id, living[id].deadline)
				}
			case act == 6 && len(living) > 0:
				to := pick(maps.Keys(living))
				id := s.answer(to, living[to].helpline)
				living[id] = lives{living[to].helpline, letter.Deadline(letter.DateOf(s.now), letter.SixMonths)}
				if s.now.Year() == 2026 {
					filed++
				}
			case act == 7 && len(living) > 0:
				id := pick(maps.Keys(living))
				s.confirmErasure(id, register.PersonAsked)
				s.now = s.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hours until it is gone")) * time.Hour)
				s.erase(id, living[id].deadline, register.PersonAsked)
				delete(living, id)
				if s.now.Year() == 2026 {
					erased++
				}
			default:
				s.now = s.now.Add(time.Duration(rapid.IntRange(1, 500).Draw(t, "hours")) * time.Hour)
				s.say("day-begun", "", register.DayBegun{Living: len(living)})
			}
		}
		last := letter.DateOf(s.now)
		if last.Year > 2026 {
			last = letter.Date{Year: 2026, Month: 12, Day: 31}
		}
		year := s.record(t, "2026-01-01.."+last.String())
		var sum Line
		after := Line{}
		for m := 1; m <= int(last.Month); m++ {
			r := s.record(t, fmt.Sprintf("2026-%02d", m))
			if r.Total.Letters.Before != after.Letters.After || r.Total.Paper.Before != after.Paper.After {
				t.Fatalf("month %d begins with %+v, and the one before left %+v", m, r.Total, after)
			}
			if len(r.Wrong) > 0 {
				t.Fatalf("month %d: %v", m, r.Wrong)
			}
			after = r.Total
			sum.add(r.Total)
		}
		if len(year.Wrong) > 0 || sum.Letters.Arrived != year.Total.Letters.Arrived || sum.Letters.Deleted != year.Total.Letters.Deleted ||
			sum.Letters.Filed != year.Total.Letters.Filed || sum.Letters.Erased != year.Total.Letters.Erased ||
			!clockWas && (year.Total.Letters.Filed != filed || year.Total.Letters.Erased != erased) ||
			year.Total.Letters.MovedIn != year.Total.Letters.MovedOut || sum.Letters.MovedIn != year.Total.Letters.MovedIn || sum.Paper.Destroyed != year.Total.Paper.Destroyed || letter.DateOf(s.now).Year == 2026 && (year.Total.Letters.After != len(living) || year.Total.Paper.After != len(papers)) {
			t.Fatalf("the year: %+v, its months: %+v; %d letters live, %d papers wait: %v", year.Total, sum, len(living), len(papers), year.Wrong)
		}
	})
}

// Every word of the register that an exception can hold is said in words.
func TestEveryWordIsSaid(t *testing.T) {
	said := func(group string, words ...string) {
		t.Helper()
		if len(words) == 0 {
			t.Errorf("nothing is looked at in %s", group)
		}
		for _, word := range words {
			if id := group + "." + word; !texts.English().Has(id) {
				t.Errorf("there is no text %q", id)
			}
		}
	}
	said("retention-alarm", words(register.AlarmKinds)...)
	said("retention-reason", words(register.SafeguardingReasons)...)
	said("retention-erase", words(register.EraseReasons)...)
	said("retention-withdraw", words(register.WithdrawReasons)...)
	said("retention-hold", append(words(register.HoldReasons), string(register.KeptUnknown))...)
	said("retention-agency", words(register.Agencies)...)
	said("retention-anomaly", words([]register.Anomaly{register.AnomalySheets, register.AnomalyLetterGone, register.AnomalyUnread,
		register.AnomalyScannerUnknown, register.AnomalyLevel})...)
	if says := english(texts.Word("retention-anomaly", register.AnomalyLevel)); !strings.HasSuffix(says, " "+string(register.DefaultLevel)) {
		t.Errorf("the level to compare with is not %s: %q", register.DefaultLevel, says)
	}
}

func words[K ~string](all []K) (out []string) {
	for _, k := range all {
		out = append(out, string(k))
	}
	return out
}
