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
// before counts on.
func TestTheStorageIsTriedOutOnceADay(t *testing.T) {
	o := newOffice(t)
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
	if !strings.Contains(o.log.String(), "the storage does not do what letters need") {
		t.Errorf("the log: %s", o.log)
	}
	failed = nil
	o.must(o.TryStorage(t.Context()))
	step("mended, and looked at", 4, true, "on 25 November 2026 at 11:00am")
}
