package register

import (
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// A day is found in the register also where a clock was years behind or ahead for some
// entries.
func TestADayIsFoundUnderAWrongClock(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	const perDay, days = 20, 30
	first := letter.DateOf(d.now)
	wrong := map[int64]time.Duration{}
	for n := int64(1); n < perDay*days; n++ {
		switch n {
		case 75, 76, 299, 301, 310, 311:
			wrong[n] = -6 * 365 * 24 * time.Hour
		case 150, 374, 375, 430, 431, 432:
			wrong[n] = 4 * 365 * 24 * time.Hour
		}
		d.now = first.Start().Add(time.Duration(n) * 24 * time.Hour / perDay).Add(wrong[n])
		d.must(d.Record(ctx, FolderMade{}, 0))
	}
	for day := range days {
		n, err := d.EntriesBefore(ctx, first.AddDays(day).Start())
		if d.must(err); n != int64(day*perDay) && day > 0 {
			t.Errorf("day %d begins at %d", day, n)
		}
	}
	if n, err := d.EntriesBefore(ctx, first.AddDays(days).Start()); err != nil || n != perDay*days {
		t.Errorf("what is to come begins at %d, %v", n, err)
	}
}
