// Package terminaltest gives a program under test a real terminal, and tells what a
// person sees on it. Only tests import it.
package terminaltest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Terminal is one. Program is the end that a program writes to.
type Terminal struct {
	Program *os.File

	person *os.File
	seen   string
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
		n, err := r.person.Read(buf)
		if err != nil {
			t.Fatalf("%v; seen %q", err, r.seen)
		}
		r.seen += string(buf[:n])
	}
	return r.seen
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
