package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"letterlock/cmd/progress/terminaltest"
)

// A command that takes long says at a terminal how far it is, and leaves nothing of
// that on it.
func TestVerifyShowsHowFarItIs(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	export, err := os.ReadFile(filepath.Join("testdata", "kept", "2026-11-28.ndjson"))
	must(t, err)
	terminal := terminaltest.Open(t, 100)
	verify := letterlockCmd(t, data, "register", "verify", "-", "--key", filepath.Join(data, "register.pub"))
	verify.Env = append(verify.Env, "TERM=xterm")
	stdin, err := verify.StdinPipe()
	must(t, err)
	verify.Stdout, verify.Stderr = terminal.Program, terminal.Program
	must(t, verify.Start())
	_, err = stdin.Write(export[:len(export)/2])
	must(t, err)
	terminal.Sees(t, "Verifying the export: ")
	terminal.Sees(t, " kB so far")
	must(t, stdin.Close())
	if code := exitCode(verify.Wait()); code != exitWrong {
		t.Errorf("it ended with %d", code)
	}
	shown := terminaltest.Shown(terminal.Sees(t, "who handled it."))
	if !slices.Equal(shown[1:], []string{"This export is not what Letterlock signed. Keep it, and ask who handled it.", ""}) {
		t.Errorf("left on the terminal: %q", shown)
	}
}
