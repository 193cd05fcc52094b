package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// That the database's address cannot be read is said once while it lasts, however many
// connections are made meanwhile, and again when it happens again.
func TestAnUnreadAddressIsSaidOnceWhileItLasts(t *testing.T) {
	var log bytes.Buffer
	say := (&installation{log: slog.New(slog.NewTextHandler(&log, nil))}).sayUnread()
	for i, step := range []struct {
		err  error
		said int
	}{{nil, 0}, {errors.New("permission denied"), 1}, {errors.New("it is being written"), 1}, {nil, 1}, {errors.New("permission denied"), 2}} {
		say(step.err)
		if said := strings.Count(log.String(), "cannot be read anew"); said != step.said {
			t.Errorf("after step %d it is said %d times, want %d:\n%s", i, said, step.said, &log)
		}
	}
}
