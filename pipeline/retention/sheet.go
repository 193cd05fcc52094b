package retention

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Sheet is a record as people read it: on the screen, in a spreadsheet and on
// paper alike.
type Sheet struct {
	Title   texts.Text // with the period
	Period  string     // as ParsePeriod reads it
	Says    []texts.Text
	Wrong   []texts.Text // whole sentences; nothing where it adds up
	Tables  []Table
	Heading texts.Text   // of the exceptions
	Rows    []texts.Text // the exceptions, each a sentence with its day
}

// Table is counts: one column a helpline, the last for all.
type Table struct {
	Caption texts.Text
	Head    []texts.Text
	Rows    []Row
}

// Row is one line of a table. A sum is what the lines before it come to.
type Row struct {
	Says  texts.Text
	Cells []int
	Sum   bool
}

// Sheet says the record in words. title is how people call a helpline.
func (r Record) Sheet(title func(name string) string) Sheet {
	s := Sheet{Title: texts.Say("retention-record.title", "period", r.Period.Title()), Period: r.Period.String(), Wrong: r.Wrong,
		Says: []texts.Text{
			texts.Say("retention-record.made", "first", r.Period.First, "last", r.Period.Last, "made", r.Made),
			texts.Say("retention-record.names-nobody"),
		},
		Tables: []Table{
			r.table(title, texts.Say("retention-record.letters"), letterRows),
			r.table(title, texts.Say("retention-record.papers"), paperRows),
		},
		Heading: texts.Say("retention-record.exceptions"),
	}
	if letter.DateOf(r.Made).Before(r.Period.Last.AddDays(1)) {
		s.Says = append(s.Says, texts.Say("retention-record.not-over"))
	}
	for _, e := range r.Exceptions {
		s.Rows = append(s.Rows, e.Text())
	}
	if len(s.Rows) == 0 {
		s.Rows = []texts.Text{texts.Say("retention-record.none")}
	}
	return s
}

// Text is the exception with its day and its letter.
func (e Exception) Text() texts.Text {
	day := letter.DateOf(e.At)
	if e.Letter == "" {
		return texts.Say("retention-record.on-day", "day", day, "says", e.Says)
	}
	return texts.Say("retention-record.of-letter", "day", day, "reference", e.Letter.Reference(), "says", e.Says)
}

// row is one line of a table in the making.
type row struct {
	says  texts.Text
	of    func(Line) int
	sum   bool
	brief bool // left out where it is 0 everywhere
}

var letterRows = []row{
	{says: texts.Say("retention-row.before"), of: func(l Line) int { return l.Letters.Before }},
	{says: texts.Say("retention-row.arrived"), of: func(l Line) int { return l.Letters.Arrived }},
	{says: texts.Say("retention-row.filed"), of: func(l Line) int { return l.Letters.Filed }, brief: true},
	{says: texts.Say("retention-row.moved-in"), of: func(l Line) int { return l.Letters.MovedIn }, brief: true},
	{says: texts.Say("retention-row.sum"), of: func(l Line) int { return l.Letters.Before + l.Letters.Arrived + l.Letters.Filed + l.Letters.MovedIn }, sum: true},
	{says: texts.Say("retention-row.deleted"), of: func(l Line) int { return l.Letters.Deleted }},
	{says: texts.Say("retention-row.moved-out"), of: func(l Line) int { return l.Letters.MovedOut }, brief: true},
	{says: texts.Say("retention-row.ordinary"), of: func(l Line) int { return l.Letters.Ordinary }},
	{says: texts.Say("retention-row.five-years"), of: func(l Line) int { return l.Letters.FiveYears }},
	{says: texts.Say("retention-row.held"), of: func(l Line) int { return l.Letters.Held }},
	{says: texts.Say("retention-row.sum"), of: func(l Line) int {
		return l.Letters.Deleted + l.Letters.MovedOut + l.Letters.Ordinary + l.Letters.FiveYears + l.Letters.Held
	}, sum: true},
	{says: texts.Say("retention-row.erased"), of: func(l Line) int { return l.Letters.Erased }, brief: true},
	{says: texts.Say("retention-row.overdue"), of: func(l Line) int { return l.Letters.Overdue }},
	{says: texts.Say("retention-row.kept"), of: func(l Line) int { return l.Letters.Kept }},
	{says: texts.Say("retention-row.withdrawn"), of: func(l Line) int { return l.Letters.Withdrawn }, brief: true},
}

var paperRows = []row{
	{says: texts.Say("retention-row.paper-before"), of: func(l Line) int { return l.Paper.Before }},
	{says: texts.Say("retention-row.paper-in"), of: func(l Line) int { return l.Paper.In }},
	{says: texts.Say("retention-row.moved-in"), of: func(l Line) int { return l.Paper.MovedIn }, brief: true},
	{says: texts.Say("retention-row.sum"), of: func(l Line) int { return l.Paper.Before + l.Paper.In + l.Paper.MovedIn }, sum: true},
	{says: texts.Say("retention-row.paper-destroyed"), of: func(l Line) int { return l.Paper.Destroyed }},
	{says: texts.Say("retention-row.moved-out"), of: func(l Line) int { return l.Paper.MovedOut }, brief: true},
	{says: texts.Say("retention-row.paper-after"), of: func(l Line) int { return l.Paper.After }},
	{says: texts.Say("retention-row.sum"), of: func(l Line) int { return l.Paper.Destroyed + l.Paper.MovedOut + l.Paper.After }, sum: true},
	{says: texts.Say("retention-row.paper-outlived"), of: func(l Line) int { return l.Paper.Outlived }},
	{says: texts.Say("retention-row.paper-certified"), of: func(l Line) int { return l.Paper.Certified }},
	{says: texts.Say("retention-row.paper-unread"), of: func(l Line) int { return l.Paper.Unread }, brief: true},
	{says: texts.Say("retention-row.paper-sheets"), of: func(l Line) int { return l.Paper.Sheets }},
}

func (r Record) table(title func(string) string, caption texts.Text, rows []row) Table {
	t := Table{Caption: caption}
	lines := append(append([]Line{}, r.Helplines...), r.Total)
	for _, l := range r.Helplines {
		t.Head = append(t.Head, texts.Plain(title(l.Helpline)))
	}
	t.Head = append(t.Head, texts.Say("retention-record.all"))
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

// CSV writes the sheet for a spreadsheet, in that language.
func (s Sheet) CSV(to io.Writer, l *texts.Language) error {
	out := csv.NewWriter(to)
	line := func(says ...texts.Text) { _ = out.Write(said(l, says)) } // a csv.Writer keeps its first error for Error
	line(s.Title)
	for _, says := range slices.Concat(s.Says, s.Wrong) {
		line(says)
	}
	for _, t := range s.Tables {
		line()
		line(append([]texts.Text{t.Caption}, t.Head...)...)
		for _, r := range t.Rows {
			cells := []string{l.Text(r.Says)}
			for _, n := range r.Cells {
				cells = append(cells, strconv.Itoa(n))
			}
			_ = out.Write(cells)
		}
	}
	line()
	line(s.Heading)
	for _, says := range s.Rows {
		line(says)
	}
	out.Flush()
	return out.Error()
}

func said(l *texts.Language, all []texts.Text) []string {
	out := make([]string, len(all))
	for i, says := range all {
		out[i] = l.Text(says)
	}
	return out
}
