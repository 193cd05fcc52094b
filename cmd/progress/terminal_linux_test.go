package progress

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/cmd/progress/terminaltest"
)

func TestBarOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	terminal := terminaltest.Open(t, 70)
	s := On(terminal.Program)
	work := s.Begin("Reading the backup", Bytes, 4e9)
	work.Add(1e9)
	s.tell(work, work.began.Add(time.Minute))
	bar := terminal.Sees(t, "left")
	if shown := terminaltest.Shown(bar); !slices.Equal(shown, []string{"Reading the backup [##.........] 25 % of 4.0 GB, about 3 minutes left"}) || strings.ContainsAny(bar, "\n\x1b") {
		t.Errorf("seen: %q", bar)
	}
	fmt.Fprintln(s.Beside(terminal.Program), "Written.")
	if shown := terminaltest.Shown(terminal.Sees(t, "Written.\r\n")); !slices.Equal(shown, []string{"Written.", ""}) {
		t.Errorf("shown: %q", shown)
	}
	work.End()
	if !s.Shows(s.Beside(terminal.Program)) || s.Shows(s.Beside(&bytes.Buffer{})) {
		t.Error("a terminal is not told from what is none")
	}
	if s.Silent() != s || On(&bytes.Buffer{}).Silent() != nil {
		t.Error("what another program reads is not told from what a person sees")
	}
}

func TestLinesOnATerminalThatCannotDraw(t *testing.T) {
	t.Setenv("TERM", "dumb")
	terminal := terminaltest.Open(t, 70)
	s := On(terminal.Program)
	work := s.Begin("Reading the backup", Bytes, 4e9)
	work.Add(1e9)
	s.tell(work, work.began.Add(time.Minute))
	if line := terminal.Sees(t, "\n"); line != "Reading the backup: 25 % of 4.0 GB, about 3 minutes left.\r\n" {
		t.Errorf("seen: %q", line)
	}
	work.End()
}
