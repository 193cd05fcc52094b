package retention

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Period is a range of days, both included.
type Period struct{ First, Last letter.Date }

var (
	year    = regexp.MustCompile(`^[0-9]{4}$`)
	quarter = regexp.MustCompile(`^[0-9]{4}-Q[1-4]$`)
	month   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}$`)
)

// errPeriod is what is said of a period that is none.
var errPeriod = errors.New("a period is written as 2026-11, 2026-Q4, 2026, or 2026-11-01..2026-12-15")

// ParsePeriod reads a month (2026-11), a quarter (2026-Q4), a year (2026) or a
// free range (2026-11-01..2026-12-15).
func ParsePeriod(s string) (Period, error) {
	first, last, isRange := strings.Cut(s, "..")
	if isRange {
		from, err1 := letter.ParseDate(first)
		to, err2 := letter.ParseDate(last)
		if errors.Join(err1, err2) != nil || to.Before(from) {
			return Period{}, errPeriod
		}
		return Period{from, to}, nil
	}
	var from letter.Date
	var err error
	months := 1
	switch {
	case year.MatchString(s):
		months = 12
		from, err = letter.ParseDate(s + "-01-01")
	case quarter.MatchString(s):
		months = 3
		from, err = letter.ParseDate(fmt.Sprintf("%s-%02d-01", s[:4], 3*int(s[6]-'1')+1))
	case month.MatchString(s):
		from, err = letter.ParseDate(s + "-01")
	default:
		err = errPeriod
	}
	if err != nil {
		return Period{}, errPeriod
	}
	return Period{from, from.AddMonths(months).AddDays(-1)}, nil
}

// MonthOf is the month that holds the day.
func MonthOf(d letter.Date) Period {
	first := d.AddDays(1 - d.Day)
	return Period{first, first.AddMonths(1).AddDays(-1)}
}

// String writes the period as ParsePeriod reads it.
func (p Period) String() string {
	for _, s := range p.names() {
		if q, err := ParsePeriod(s); err == nil && q == p {
			return s
		}
	}
	return p.First.String() + ".." + p.Last.String()
}

func (p Period) names() []string {
	y := fmt.Sprintf("%04d", p.First.Year)
	m := int(p.First.Month)
	return []string{y, y + "-Q" + strconv.Itoa((m-1)/3+1), fmt.Sprintf("%s-%02d", y, m)}
}

// Title is the period as people say it.
func (p Period) Title() texts.Text {
	switch s := p.String(); {
	case year.MatchString(s):
		return texts.Plain(s)
	case quarter.MatchString(s):
		return quarters[s[6]-'1'](s[:4])
	case month.MatchString(s):
		return texts.Month(p.First)
	}
	return texts.Say("retention-record.days", "first", p.First, "last", p.Last)
}

// quarters are those of a year, as people say them.
var quarters = [4]func(year string) texts.Text{
	func(y string) texts.Text { return texts.Say("retention-record.quarter-1", "year", y) },
	func(y string) texts.Text { return texts.Say("retention-record.quarter-2", "year", y) },
	func(y string) texts.Text { return texts.Say("retention-record.quarter-3", "year", y) },
	func(y string) texts.Text { return texts.Say("retention-record.quarter-4", "year", y) },
}
