package letter

import (
	"fmt"
	"time"
	_ "time/tzdata" // a bare machine may have no zone files, and deadlines are London days.
)

// London is the zone in which every deadline is a day.
var London = mustLoad("Europe/London")

func mustLoad(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // the zone is compiled in
	}
	return loc
}

// Date is a calendar day in London.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the London day in which t falls.
func DateOf(t time.Time) Date {
	y, m, d := t.In(London).Date()
	return Date{y, m, d}
}

// ParseDate reads yyyy-mm-dd.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("not a day as in 2027-05-26")
	}
	return Date{t.Year(), t.Month(), t.Day()}, nil
}

// String is the day as yyyy-mm-dd; days in this form sort as text.
func (d Date) String() string { return d.noon().Format(time.DateOnly) }

// MarshalText writes the day as String does.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the day as ParseDate does.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDate(string(b))
	return err
}

// noon is a moment well inside the day, for calendar arithmetic without a zone.
func (d Date) noon() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }

// Start is the first moment of the day in London.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, London) }

// AddDays is the day n days later.
func (d Date) AddDays(n int) Date {
	y, m, day := d.noon().AddDate(0, 0, n).Date()
	return Date{y, m, day}
}

// AddMonths is the same day n calendar months later, or the last of that
// month where it is shorter: 31 August plus six months is 28 or 29 February.
func (d Date) AddMonths(n int) Date {
	first := time.Date(d.Year, d.Month+time.Month(n), 1, 12, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(d.Day, last)}
}

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.noon().Before(e.noon()) }

// Deadline is the day on which a letter received on d must be gone: six
// calendar months (or five years) on, clamped to the month's end
// (confidentiality policy). From this day's first moment the letter is due.
func Deadline(received Date, c Class) Date { return received.AddMonths(c.Months()) }

// OpenUntil is the last day on which a letter can surely be opened: the
// earlier of the last day on which the storage's own lifecycle cannot yet hide
// it and the day before the deadline.
func OpenUntil(received Date, c Class) Date {
	lifecycle, eve := received.AddDays(c.LifecycleDays()), Deadline(received, c).AddDays(-1)
	if lifecycle.Before(eve) {
		return lifecycle
	}
	return eve
}

// IsWeekend reports whether nobody works on the day of t, in its own zone. Public
// holidays are not known, and count as working days.
func IsWeekend(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }

// WorkingDaysBefore is the same time of day so many working days before t.
// Whoever was told of a letter before it has had as many to open it.
func WorkingDaysBefore(t time.Time, days int) time.Time {
	for ; days > 0; days-- {
		t = t.AddDate(0, 0, -1)
		for IsWeekend(t) {
			t = t.AddDate(0, 0, -1)
		}
	}
	return t
}

// Week is an ISO 8601 week that holds deadlines, written x2027-W21, and at the
// same time the name of the key that dies when the week is over.
type Week string

// WeekOf is the ISO week that holds d.
func WeekOf(d Date) Week {
	y, w := d.noon().ISOWeek()
	return Week(fmt.Sprintf("x%04d-W%02d", y, w))
}

// ParseWeek checks that s is a week that the calendar has.
func ParseWeek(s string) (Week, error) {
	var y, w int
	if _, err := fmt.Sscanf(s, "x%04d-W%02d", &y, &w); err != nil || y < 1 || w < 1 {
		return "", fmt.Errorf("not an expiry week as in x2027-W21")
	}
	if WeekOf(monday(y, w)) != Week(s) {
		return "", fmt.Errorf("not an expiry week of the calendar")
	}
	return Week(s), nil
}

// Over is the Monday after the week: from its first moment in London the
// week's key is due to die. It panics on a week that ParseWeek would refuse.
func (w Week) Over() Date {
	var y, n int
	if _, err := fmt.Sscanf(string(w), "x%04d-W%02d", &y, &n); err != nil {
		panic("letter: Over of a week that was never parsed")
	}
	return monday(y, n).AddDays(7)
}

// monday is the first day of ISO week w of year y: week 1 holds 4 January.
func monday(y, w int) Date {
	jan4 := Date{y, time.January, 4}
	back := (int(jan4.noon().Weekday()) + 6) % 7
	return jan4.AddDays(-back + 7*(w-1))
}
