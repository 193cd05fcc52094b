package scanner

import (
	"testing"
	"time"
)

// An edge that has not looked at its folder for hours is stuck; one that is still
// at its first look, or has just ended one, is not.
func TestStuck(t *testing.T) {
	e := &Edge{}
	for _, c := range []struct {
		passed time.Time
		stuck  bool
	}{{time.Unix(0, 0), false}, {time.Now(), false}, {time.Now().Add(-stillFor / 2), false}, {time.Now().Add(-stillFor - time.Minute), true}} {
		e.passed.Store(c.passed.Unix())
		if err := e.Stuck(); (err != nil) != c.stuck {
			t.Errorf("its last look ended %s: %v", c.passed, err)
		}
	}
}
