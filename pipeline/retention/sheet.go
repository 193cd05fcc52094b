package retention

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Sheet is a record as people read it: on the screen, in a spreadsheet and on
// paper alike.
type Sheet struct {
	Title   string // with the period
	Period  string // as ParsePeriod reads it
	Says    []string
	Wrong   []string // whole sentences; nothing where it adds up
	Tables  []Table
	Heading string   // of the exceptions
	Rows    []string // the exceptions, each a sentence with its day
}

// Table is counts: one column a helpline, the last for all.
type Table struct {
	Caption string
	Head    []string
	Rows    []Row
}

// Row is one line of a table. A sum is what the lines before it come to.
type Row struct {
	Says  string
	Cells []int
	Sum   bool
}

// Sheet says the record in words. title is how people call a helpline.
func (r Record) Sheet(title func(name string) string) Sheet {
	s := Sheet{Title: "Organisational retention record, " + r.Period.Title(), Period: r.Period.String(), Wrong: r.Wrong,
		Says: []string{
			fmt.Sprintf("%s to %s. Made on %s from the entries of the register alone; whoever holds an export can make it again.",
				day(r.Period.First), day(r.Period.Last), r.Made.In(letter.London).Format("2 January 2006 at 3:04pm")),
			"It names no service user: letters are named by their references.",
		},
		Tables:  []Table{r.table(title, "Letters", letterRows), r.table(title, "Paper originals", paperRows)},
		Heading: "Exceptions, and what was decided",
	}
	if letter.DateOf(r.Made).Before(r.Period.Last.AddDays(1)) {
		s.Says = append(s.Says, "The period is not over: the counts are those of the moment in which it was made.")
	}
	for _, e := range r.Exceptions {
		s.Rows = append(s.Rows, e.String())
	}
	if len(s.Rows) == 0 {
		s.Rows = []string{"None."}
	}
	return s
}

// String is the exception with its day and its letter.
func (e Exception) String() string {
	said := day(letter.DateOf(e.At))
	if e.Letter != "" {
		said += ", " + e.Letter.Reference()
	}
	return said + ": " + e.Says
}

// row is one line of a table in the making.
type row struct {
	says  string
	of    func(Line) int
	sum   bool
	brief bool // left out where it is 0 everywhere
}

var letterRows = []row{
	{says: "Living when the period began", of: func(l Line) int { return l.Letters.Before }},
	{says: "Arrived", of: func(l Line) int { return l.Letters.Arrived }},
	{says: "Responses uploaded, which are kept like letters or erased at once", of: func(l Line) int { return l.Letters.Filed }, brief: true},
	{says: "Moved here from another helpline", of: func(l Line) int { return l.Letters.MovedIn }, brief: true},
	{says: "Sum", of: func(l Line) int { return l.Letters.Before + l.Letters.Arrived + l.Letters.Filed + l.Letters.MovedIn }, sum: true},
	{says: "Deleted, with proof", of: func(l Line) int { return l.Letters.Deleted }},
	{says: "Moved to another helpline", of: func(l Line) int { return l.Letters.MovedOut }, brief: true},
	{says: "Living when it ended: to go after six months", of: func(l Line) int { return l.Letters.Ordinary }},
	{says: "Living when it ended: kept for five years", of: func(l Line) int { return l.Letters.FiveYears }},
	{says: "Living when it ended: held", of: func(l Line) int { return l.Letters.Held }},
	{says: "Sum", of: func(l Line) int {
		return l.Letters.Deleted + l.Letters.MovedOut + l.Letters.Ordinary + l.Letters.FiveYears + l.Letters.Held
	}, sum: true},
	{says: "Of the deleted, erased before their time", of: func(l Line) int { return l.Letters.Erased }, brief: true},
	{says: "Of the living, past their deadline", of: func(l Line) int { return l.Letters.Overdue }},
	{says: "Decided in the period: to be kept for five years", of: func(l Line) int { return l.Letters.Kept }},
	{says: "Decided in the period: not to be kept for five years after all", of: func(l Line) int { return l.Letters.Withdrawn }, brief: true},
}

var paperRows = []row{
	{says: "Waiting when the period began", of: func(l Line) int { return l.Paper.Before }},
	{says: "Came in", of: func(l Line) int { return l.Paper.In }},
	{says: "Moved here from another helpline", of: func(l Line) int { return l.Paper.MovedIn }, brief: true},
	{says: "Sum", of: func(l Line) int { return l.Paper.Before + l.Paper.In + l.Paper.MovedIn }, sum: true},
	{says: "Destroyed", of: func(l Line) int { return l.Paper.Destroyed }},
	{says: "Moved to another helpline", of: func(l Line) int { return l.Paper.MovedOut }, brief: true},
	{says: "Waiting when it ended", of: func(l Line) int { return l.Paper.After }},
	{says: "Sum", of: func(l Line) int { return l.Paper.Destroyed + l.Paper.MovedOut + l.Paper.After }, sum: true},
	{says: "Of the waiting, their letter is gone", of: func(l Line) int { return l.Paper.Outlived }},
	{says: "Of the destroyed, by a contractor", of: func(l Line) int { return l.Paper.Certified }},
	{says: "Of the destroyed, read back by Letterlock alone", of: func(l Line) int { return l.Paper.Unread }, brief: true},
	{says: "Sheets destroyed", of: func(l Line) int { return l.Paper.Sheets }},
}

func (r Record) table(title func(string) string, caption string, rows []row) Table {
	t := Table{Caption: caption}
	lines := append(append([]Line{}, r.Helplines...), r.Total)
	for _, l := range r.Helplines {
		t.Head = append(t.Head, title(l.Helpline))
	}
	t.Head = append(t.Head, "All")
	for _, row := range rows {
		out := Row{Says: row.says, Sum: row.sum}
		any := false
		for _, l := range lines {
			n := row.of(l)
			any = any || n != 0
			out.Cells = append(out.Cells, n)
		}
		if any || !row.brief {
			t.Rows = append(t.Rows, out)
		}
	}
	return t
}

// CSV writes the sheet for a spreadsheet.
func (s Sheet) CSV(to io.Writer) error {
	out := csv.NewWriter(to)
	_ = out.Write([]string{s.Title}) // a csv.Writer keeps its first error for Error
	for _, says := range append(append([]string{}, s.Says...), s.Wrong...) {
		_ = out.Write([]string{says})
	}
	for _, t := range s.Tables {
		_ = out.Write(nil)
		_ = out.Write(append([]string{t.Caption}, t.Head...))
		for _, r := range t.Rows {
			cells := []string{r.Says}
			for _, n := range r.Cells {
				cells = append(cells, strconv.Itoa(n))
			}
			_ = out.Write(cells)
		}
	}
	_ = out.Write(nil)
	_ = out.Write([]string{s.Heading})
	for _, says := range s.Rows {
		_ = out.Write([]string{says})
	}
	out.Flush()
	return out.Error()
}

func worded[K ~string](words map[K]string, k K) string {
	if w, ok := words[k]; ok {
		return w
	}
	return string(k)
}

var reasonWords = map[register.SafeguardingReason]string{
	register.ChildAtRisk:     "a child is at risk",
	register.AdultAtRisk:     "an adult is at risk",
	register.ImminentDanger:  "somebody is in imminent danger",
	register.TerrorismOrBomb: "there is a warning of terrorism or of a bomb",
}

var eraseWords = map[register.EraseReason]string{
	register.PersonAsked:    "the person concerned asked for it",
	register.ScannedInError: "it should never have been scanned",
	register.ScannedTwice:   "there is another scan of the same letter",
	register.LegalDuty:      "a law or a court demanded it",
}

var withdrawWords = map[register.WithdrawReason]string{
	register.OtherLetter:     "the decision was meant for another letter",
	register.NoneApplies:     "none of the policy’s reasons applied",
	register.ObjectionUpheld: "the person concerned had objected, rightly",
}

var holdWords = map[register.HoldReason]string{
	register.Inquiry:             "an inquiry wants it kept",
	register.CourtOrder:          "a court has ordered it",
	register.CourtCase:           "of a court case",
	register.Coroner:             "a coroner wants it kept",
	register.PoliceInvestigation: "of a police investigation",
	register.KeptUnknown:         "after a restore it was found where letters are kept for five years, and the decision is not on record",
}

var agencyWords = map[register.Agency]string{
	register.Police:            "the police",
	register.ChildrensServices: "children’s social care",
	register.AdultServices:     "adult social care",
	register.HealthService:     "a health service",
	register.RiskConference:    "a multi-agency risk assessment conference",
	register.OtherAgency:       "another statutory body",
}

var anomalyWords = map[register.Anomaly]string{
	register.AnomalySheets:         "its sheets do not fit the scan’s pages; they were counted twice",
	register.AnomalyLetterGone:     "its letter had been deleted before",
	register.AnomalyUnread:         "nobody had found the scan readable",
	register.AnomalyScannerUnknown: "nobody knew any more who had scanned it",
	register.AnomalyLevel:          "the shredder is coarser than level " + string(register.DefaultLevel),
}

var alarmWords = map[register.AlarmKind]string{
	register.LettersMissing: "letters were not in the storage any more, before their deadline",
	register.LettersOverdue: "letters were past their deadline and not proven gone",
	register.PapersOutlive:  "papers had outlived their letters",
	register.KeyNeeded:      "a key was to die before the letters that are sealed to it",
	register.KeyOverdue:     "a key was not destroyed after its week",
	register.SharesDue:      "shares of dead keys were not on record as destroyed",
	register.StorageWrong:   "the storage or its deletion rules were not as they must be",
	register.StraysStay:     "something lay in the storage beyond its deadline and could not be removed",
	register.ClockDoubted:   "the clock was in doubt, and nothing was deleted",
	register.RegisterWrong:  "the register did not agree with its checkpoint",
	register.OlderCopy:      "the database or the storage was an older copy",
	register.CountsDiffer:   "the counts of letters or papers did not add up",
}
