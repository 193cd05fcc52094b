package portal

import (
	"net/http"
	"slices"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type calendarBody struct {
	Spans  []span
	Held   int
	Papers int // that must go before their letters do, of all of it
}

// span is some days of the calendar.
type span struct {
	Title   texts.Text
	Empty   texts.Text
	Overdue bool
	Days    []register.Due
	All     int // letters and answers of all its days
}

// calendarDays are how far the calendar looks ahead, under a heading each.
var calendarDays = []int{7, 14, 30}

// calendarPage says what must be gone when: what is overdue first, then what is
// due within the days of calendarDays.
func (p *Portal) calendarPage(w http.ResponseWriter, v *visit) error {
	today := letter.DateOf(p.cfg.Now())
	due, err := p.cfg.Register.DueUntil(v.Context(), today.AddDays(slices.Max(calendarDays)))
	if err != nil {
		return err
	}
	body := calendarBody{Spans: spans(today, due)}
	for _, d := range due {
		body.Papers += d.Papers
	}
	if body.Held, err = p.cfg.Register.OnHold(v.Context()); err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "calendar", Title: texts.Say("calendar.retention-calendar"), Body: body})
}

// spans puts what is due under the headings of the calendar, each day under one. A
// day that has come is not overdue before it is over: what is due goes in its course.
func spans(today letter.Date, due []register.Due) []span {
	out := []span{{Title: texts.Say("calendar.overdue"), Empty: texts.Say("calendar.nothing-is-past-its-day"), Overdue: true}}
	for i, days := range calendarDays {
		next := span{Title: texts.Say("calendar.after-that-within-days", "n", days), Empty: texts.Say("calendar.nothing-more-is-due")}
		if i == 0 {
			next = span{Title: texts.Say("calendar.within-days", "n", days), Empty: texts.Say("calendar.nothing-is-due")}
		}
		out = append(out, next)
	}
	for _, d := range due {
		at := &out[0]
		if !d.Day.Before(today) {
			i := slices.IndexFunc(calendarDays, func(days int) bool { return !today.AddDays(days).Before(d.Day) })
			at = &out[1+i]
		}
		at.Days = append(at.Days, d)
		at.All += d.Letters + d.Answers
	}
	return out
}
