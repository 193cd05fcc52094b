package pipeline

import (
	"context"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/deposit"
)

// A server that is at work tries the storage out once a day, whoever led before, and
// the check says what came of it and when. While the storage is away, what was found
// before counts on. One that fails is an alarm, and is tried again an hour later; a good
// one counts for three days.
func TestTheStorageIsTriedOutOnceADay(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.NeedsBackups = true })
	alarmed := func(want int) {
		t.Helper()
		if n, err := o.storageWrong(t.Context()); err != nil || n != want {
			t.Errorf("%d alarms of the storage, %v; want %d", n, err, want)
		}
	}
	tried, failed, away := 0, []string(nil), error(nil)
	o.cfg.TryStorage = func(context.Context) ([]string, error) {
		tried++
		return failed, away
	}
	var w watch
	step := func(what string, want int, ok bool, says string) {
		t.Helper()
		o.must(o.tryStorageDaily(t.Context(), &w))
		if tried != want {
			t.Errorf("%s: tried %d times, want %d", what, tried, want)
		}
		for _, l := range o.Check(t.Context()) {
			if l.Name == "conformance" && (l.OK != ok || !strings.Contains(l.Says, says)) {
				t.Errorf("%s: %v: %s", what, l.OK, l.Says)
			}
		}
	}
	step("at the start", 0, true, "was not tried out yet")
	longAtWork := func() { o.began = time.Now().Add(-triedAfter) }
	longAtWork()
	step("ten minutes later", 1, true, "on 24 November 2026 at 10:00am")
	o.now = o.now.Add(time.Hour)
	w.tried = time.Time{} // as an hour later
	step("the same day", 1, true, "at 10:00am")
	o.Server = New(o.cfg)
	longAtWork()
	step("the same day, started anew", 1, true, "at 10:00am")

	o.now, away = o.now.AddDate(0, 0, 1), deposit.ErrUnavailable
	step("the next day, while it is away", 2, true, "on 24 November 2026")
	step("at once again", 2, true, "on 24 November 2026")
	w.tried, away, failed = time.Time{}, nil, []string{"create-only", "removal"}
	step("once it is back, and is another", 3, false, "leaving alone what is there and removing for good. A letter could be lost")
	alarmed(1)
	if !strings.Contains(o.log.String(), "the storage does not do what letters need") {
		t.Errorf("the log: %s", o.log)
	}
	w.tried = time.Time{}
	step("at once again", 3, false, "removing for good")
	o.now, failed = o.now.Add(triedAgain), nil
	step("mended, an hour later", 4, true, "on 25 November 2026 at 12:00pm")
	alarmed(0)

	failed = []string{"removal"}
	o.must(o.TryStorage(t.Context()))
	step("looked at, and it fails again", 5, false, "removing for good")
	failed = nil
	o.must(o.TryStorage(t.Context()))
	step("mended, and looked at", 6, true, "on 25 November 2026 at 12:00pm")
	w.tried, away = time.Time{}, deposit.ErrUnavailable
	o.now = o.now.Add(triedSince)
	step("away for three days", 7, true, "on 25 November 2026")
	o.now = o.now.Add(time.Minute)
	step("and longer", 7, false, "was last tried out on 25 November 2026 at 12:00pm")
}
