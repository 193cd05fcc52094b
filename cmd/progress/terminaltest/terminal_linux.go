// Package terminaltest gives a program under test a real terminal, and tells what a
// person sees on it. Only tests import it.
package terminaltest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what a program is to write, on a busy machine too.
const patience = 2 * time.Minute

// Terminal is one. Program is the end that a program writes to.
type Terminal struct {
	Program *os.File

	person *os.File
	seen   string
	asked  int // where in seen the last question ends
}

// Open opens a terminal that is so many columns wide.
func Open(t *testing.T, columns uint16) *Terminal {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	t.Cleanup(func() { _ = person.Close() })
	must(unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	must(err)
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(err)
	t.Cleanup(func() { _ = program.Close() })
	must(unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	return &Terminal{Program: program, person: person}
}

// Sees waits until the program has written the text, and returns what it has written
// since the terminal was opened.
func (r *Terminal) Sees(t *testing.T, text string) string {
	t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(r.seen, text) {
		ready := []unix.PollFd{{Fd: int32(r.person.Fd()), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, int(patience.Milliseconds())); n == 0 && err == nil {
			t.Fatalf("waited in vain for %q; seen %q", text, r.seen)
		}
		n, err := r.person.Read(buf)
		if err != nil {
			t.Fatalf("%v; seen %q", err, r.seen)
		}
		r.seen += string(buf[:n])
	}
	return r.seen
}

// Asks waits until the program has written the text after that of the last call.
func (r *Terminal) Asks(t *testing.T, text string) {
	t.Helper()
	before := r.seen[:r.asked]
	r.seen = r.seen[r.asked:]
	r.Sees(t, text)
	r.asked = len(before) + strings.Index(r.seen, text) + len(text)
	r.seen = before + r.seen
}

// Types has the person type that. It is shown, unless the program hides it.
func (r *Terminal) Types(t *testing.T, text string) {
	t.Helper()
	if _, err := r.person.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// Hides waits until the program has the terminal hide what is typed, or show it again.
func (r *Terminal) Hides(t *testing.T, hides bool) {
	t.Helper()
	for end := time.Now().Add(patience); r.Hidden(t) != hides; {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for what is typed to be hidden (%v); seen %q", hides, r.seen)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Hidden reports whether the terminal hides what is typed now.
func (r *Terminal) Hidden(t *testing.T) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(r.Program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO == 0
}

// Shown are the lines that stand on a terminal to which this was written, if none is
// longer than it is wide.
func Shown(written string) (lines []string) {
	var line []rune
	at := 0
	for _, r := range strings.ReplaceAll(written, "\r\n", "\n") {
		switch r {
		case '\r':
			at = 0
		case '\n':
			lines, line, at = append(lines, strings.TrimRight(string(line), " ")), nil, 0
		default:
			line = append(append(line[:at:at], r), line[min(at+1, len(line)):]...)
			at++
		}
	}
	return append(lines, strings.TrimRight(string(line), " "))
}
