// Package realpart finds the real programs that tests run beside: an S3
// server, a browser, the tools that make scans. Only tests import it.
package realpart

import (
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
		t.Skipf("needs %s", what)
	}
}

// Tool is the path of a program that the test needs; what says how to install it.
func Tool(t testing.TB, program, what string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	Need(t, err == nil, what)
	return path
}
