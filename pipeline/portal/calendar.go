package portal

import (
	"net/http"

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

// calendarDays is how far the calendar looks ahead.
const calendarDays = 30

// calendarPage says what must be gone when: what is overdue first, then what is
// due within 7, 14 and 30 days.
func (p *Portal) calendarPage(w http.ResponseWriter, v *visit) error {
	today := letter.DateOf(p.cfg.Now())
	due, err := p.cfg.Register.DueUntil(v.Context(), today.AddDays(calendarDays))
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

// spans puts what is due under the headings of the calendar. A day that has come
// is not overdue before it is over: what is due goes in its course.
func spans(today letter.Date, due []register.Due) []span {
	out := []span{
		{Title: texts.Say("calendar.overdue"), Empty: texts.Say("calendar.nothing-is-past-its-day"), Overdue: true},
		{Title: texts.Say("calendar.within-7-days"), Empty: texts.Say("calendar.nothing-is-due")},
		{Title: texts.Say("calendar.within-14-days"), Empty: texts.Say("calendar.nothing-is-due")},
		{Title: texts.Say("calendar.within-30-days"), Empty: texts.Say("calendar.nothing-is-due")},
	}
	for _, d := range due {
		at := &out[3]
		switch {
		case d.Day.Before(today):
			at = &out[0]
		case !today.AddDays(7).Before(d.Day):
			at = &out[1]
		case !today.AddDays(14).Before(d.Day):
			at = &out[2]
		}
		at.Days = append(at.Days, d)
		at.All += d.Letters + d.Answers
	}
	return out
}
