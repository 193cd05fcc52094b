package scanner

import (
	"fmt"
	"time"

	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// say is the text of that id in words, see texts.Say.
func say(l *texts.Language, id string, with ...any) string { return l.Text(texts.Say(id, with...)) }

// stamp is a time to the second, in London: 2 January 2026, 15:04:05.
func stamp(l *texts.Language, t time.Time) string {
	t = t.In(letter.London)
	return say(l, "date.stamp", "day", letter.DateOf(t), "time", t.Format("15:04:05"))
}

// stampWeekday is a time in London with its weekday; layout is that of the time of day.
func stampWeekday(l *texts.Language, t time.Time, layout string) string {
	t = t.In(letter.London)
	return say(l, "date.stamp-weekday", "weekday", texts.Say(fmt.Sprintf("date.weekday-%d", int(t.Weekday()))),
		"day", letter.DateOf(t), "time", t.Format(layout))
}

// lasted says how long something has lasted, no finer than people care for, like
// words.Lasted.
func lasted(l *texts.Language, d time.Duration) string {
	switch {
	case d < time.Minute:
		return say(l, "lasted.moment")
	case d < time.Hour:
		return say(l, "lasted.minutes", "n", int(d.Minutes()))
	case d < 48*time.Hour:
		return say(l, "lasted.hours", "n", int(d.Hours()))
	}
	return say(l, "lasted.days", "n", int(d.Hours()/24))
}
