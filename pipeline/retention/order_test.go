package retention

import (
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
)

// A clock that was a day ahead over the turn of the month, or years behind or ahead for
// a moment, has no letter counted twice, or not at all; the record says where times fell back.
func TestAWrongClockCountsNothingTwice(t *testing.T) {
	for _, wrong := range []time.Duration{24 * time.Hour, -6 * 365 * 24 * time.Hour, 6 * 365 * 24 * time.Hour} {
		s := &story{now: time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)}
		first := s.arrive("respect-phoneline")
		s.say("day-begun", "", register.DayBegun{Living: 1})
		s.now = s.now.Add(wrong)
		second := s.arrive("respect-phoneline")
		s.now = s.now.Add(-wrong).Add(time.Hour)
		s.destroy(second)
		s.arrive("respect-phoneline")
		s.now = s.now.AddDate(0, 0, 3)
		s.destroy(first)
		arrived, gone := 0, 0
		for _, period := range []string{"2020", "2025", "2026-01", "2026-02", "2026-03..2031-12-31", "2032"} {
			r := s.record(t, strings.Replace(period, "2026-03..", "2026-03-01..", 1))
			if len(r.Wrong) > 0 {
				t.Errorf("%s: %s: %v", wrong, period, r.Wrong)
			}
			arrived, gone = arrived+r.Total.Letters.Arrived, gone+r.Total.Paper.Destroyed
			if period == "2026-01" && r.Total.Letters.Arrived == 0 {
				t.Errorf("%s: in January %+v", wrong, r.Total.Letters)
			}
		}
		if arrived != 3 || gone != 2 {
			t.Errorf("%s: in all periods arrived %d, and %d papers went", wrong, arrived, gone)
		}
		if said := allSaid(s.record(t, "2026")); strings.Count(said, "bears an earlier time than what came before") != 1 {
			t.Errorf("%s: it says %s", wrong, said)
		}
	}
}
