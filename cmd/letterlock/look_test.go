package main

import (
	"strings"
	"testing"
	"time"

	"letterlock/scanner/folder"
)

// A refused scan needs whoever scans; one that was forgotten for as long as a letter
// may be kept needs somebody who sees to that.
func TestStatusOfAScanThatWasForgotten(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for given, want := range map[time.Time]string{
		now.AddDate(0, 0, -1): "Scans wait in refused/",
		now.AddDate(0, -5, 0): "Scans wait in refused/",
		now.AddDate(0, -6, 0): "Somebody has to see to this",
	} {
		s := status{Refused: 1, now: now, scans: &folder.Counts{Refused: 1, GivenBack: given}}
		if says := s.verdict(); !strings.HasPrefix(says, want) || s.needsSomebody() != strings.HasPrefix(want, "Somebody") {
			t.Errorf("of one of %s it says %q", given, says)
		}
	}
}
