package scanner

import (
	"fmt"
	"time"

	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
	"letterlock/scanner/words"
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

// lasted is words.Lasted in that language.
func lasted(l *texts.Language, d time.Duration) string {
	n, unit := words.Span(d)
	if n == 0 {
		return say(l, "lasted.moment")
	}
	return say(l, "lasted."+unit+"s", "n", n)
}
