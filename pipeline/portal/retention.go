package portal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Retention makes the organisational retention record of a period, which is
// written as 2026-11, 2026-Q4, 2026 or 2026-11-01..2026-12-15; any other is
// ErrPeriod.
type Retention interface {
	Sheet(ctx context.Context, period string) (Sheet, error)
	CSV(ctx context.Context, period string, w io.Writer) error
	PDF(ctx context.Context, period string, w io.Writer) error
}

// ErrPeriod is returned for what is no period.
var ErrPeriod = errors.New("not a period")

// Sheet is the record as people read it.
type Sheet struct {
	Title   texts.Text
	Period  string
	Says    []texts.Text
	Wrong   []texts.Text // where the counts do not add up
	Tables  []SheetTable
	Heading texts.Text   // of the exceptions
	Rows    []texts.Text // the exceptions, each a sentence
}

// SheetTable is counts: one column a helpline, the last for all.
type SheetTable struct {
	Caption texts.Text
	Head    []texts.Text
	Rows    []SheetRow
}

// SheetRow is one line of a table. A sum is what the lines before it come to.
type SheetRow struct {
	Says  texts.Text
	Cells []int
	Sum   bool
}

type retentionBody struct {
	Sheet
	Periods  []periodChoice
	Listed   string // the one of Periods that is shown; empty for another
	From, To string // of a free range, as asked for
	Asked    string // for the files
	Chosen   bool   // it is another than the first that somebody asked for
	exceptions
}

// exceptionsShown is how many exceptions one page lists: what happened in some
// months, or in a day on which much went wrong.
const exceptionsShown = 100

// exceptions are the part of the record's exceptions that one page lists.
type exceptions struct {
	Shown          []texts.Text
	First, Last    int // of them, counted from 1
	All            int
	Before, Beyond int // the first of the page before, and of the next; 0 for none
}

// exceptionsFrom is the page that holds the exception of that number.
func exceptionsFrom(rows []texts.Text, number int64) (e exceptions) {
	e.All = len(rows)
	begin := int(max(0, min(number-1, int64(len(rows)-1)))) / exceptionsShown * exceptionsShown
	end := min(begin+exceptionsShown, len(rows))
	e.Shown, e.First, e.Last = rows[begin:end], begin+1, end
	if begin > 0 {
		e.Before = begin - exceptionsShown + 1
	}
	if end < len(rows) {
		e.Beyond = end + 1
	}
	return e
}

type periodChoice struct {
	Period string
	Says   texts.Text
}

// retentionPage shows the record of a period, of this month where none is asked for.
func (p *Portal) retentionPage(w http.ResponseWriter, v *visit) error {
	q := v.URL.Query()
	body := retentionBody{Periods: periods(letter.DateOf(p.cfg.Now()))}
	period := periodAsked(q, body.Periods[0].Period)
	if from, to, isRange := strings.Cut(period, ".."); isRange {
		body.From, body.To = from, to
	}
	var flaws []formFlaw
	sheet, err := p.cfg.Retention.Sheet(v.Context(), period)
	if errors.Is(err, ErrPeriod) {
		flaws = []formFlaw{{"from", texts.Say("retention.enter-two-days-the-earlier-one")}}
		sheet, err = p.cfg.Retention.Sheet(v.Context(), body.Periods[0].Period)
	}
	if err != nil {
		return err
	}
	body.Sheet, body.Asked, body.Chosen = sheet, url.QueryEscape(sheet.Period), sheet.Period != body.Periods[0].Period
	for _, choice := range body.Periods {
		if choice.Period == sheet.Period {
			body.Listed = choice.Period
		}
	}
	body.exceptions = exceptionsFrom(sheet.Rows, wholeNumber(q.Get("exception")))
	return p.ok(w, v, page{Name: "retention", Title: texts.Say("retention.retention-record"), Errors: flaws, Body: body})
}

// periodAsked is what the form says: a choice that is another than the form was shown
// with, since the days of the one before still stand in their fields; then two days,
// since one of the list is always chosen.
func periodAsked(q url.Values, otherwise string) string {
	from, to := strings.TrimSpace(q.Get("from")), strings.TrimSpace(q.Get("to"))
	chosen := q.Has("shown") && q.Get("period") != "" && q.Get("period") != q.Get("shown")
	switch {
	case !chosen && (from != "" || to != ""):
		return from + ".." + to
	case q.Get("period") != "":
		return q.Get("period")
	}
	return otherwise
}

// periods are those that people ask for, the present month first.
func periods(today letter.Date) (out []periodChoice) {
	first := today.AddDays(1 - today.Day)
	for back := range 3 {
		m := first.AddMonths(-back)
		out = append(out, periodChoice{fmt.Sprintf("%04d-%02d", m.Year, int(m.Month)), texts.Month(m)})
	}
	for back := range 3 {
		m := first.AddMonths(-3 * back)
		n := (int(m.Month)-1)/3 + 1
		out = append(out, periodChoice{fmt.Sprintf("%04d-Q%d", m.Year, n), texts.Say("retention.quarter", "quarter", n, "year", m.Year)})
	}
	for back := range 3 {
		y := fmt.Sprintf("%04d", today.Year-back)
		out = append(out, periodChoice{y, texts.Plain(y)})
	}
	return out
}

func (p *Portal) retentionCSV(w http.ResponseWriter, v *visit) error {
	return p.retentionFile(w, v, "text/csv; charset=utf-8", "csv", p.cfg.Retention.CSV)
}

func (p *Portal) retentionPDF(w http.ResponseWriter, v *visit) error {
	return p.retentionFile(w, v, "application/pdf", "pdf", p.cfg.Retention.PDF)
}

func (p *Portal) retentionFile(w http.ResponseWriter, v *visit, kind, ending string, write func(context.Context, string, io.Writer) error) error {
	period := periodAsked(v.URL.Query(), periods(letter.DateOf(p.cfg.Now()))[0].Period)
	var whole strings.Builder // a fault in it can still become a plain page
	err := write(v.Context(), period, &whole)
	if errors.Is(err, ErrPeriod) {
		return errNowhere
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="retention-record.`+ending+`"`)
	_, _ = io.WriteString(w, whole.String()) // the reader has gone if this fails
	return nil
}
