// Package realpart finds the real programs that tests run beside: an S3
// server, a browser, the tools that make scans. Only tests import it.
package realpart

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Need skips a test whose real part is missing, naming what to install. Where
// LETTERLOCK_CI=1 promises that every part is there, it fails instead.
func Need(t testing.TB, found bool, what string) {
	t.Helper()
	switch {
	case found:
	case os.Getenv("LETTERLOCK_CI") == "1":
		t.Fatalf("needs %s", what)
	default:
		tell(t.Name() + " is skipped: it needs " + what)
		t.Skipf("needs %s", what)
	}
}

// tell says something to the person at the terminal, if there is one: "go test
// ./..." keeps what a passing package prints to itself, and a skip must not be
// silent.
func tell(line string) {
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer func() { _ = tty.Close() }()
	_, _ = fmt.Fprintln(tty, line)
}

// Tool is the path of a program that the test needs; what says how to install it.
func Tool(t testing.TB, program, what string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	Need(t, err == nil, what)
	return path
}
