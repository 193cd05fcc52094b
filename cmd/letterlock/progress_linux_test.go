package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// A scanner folder on a share that is slow to answer: whoever asks for the status sees for
// what it waits.
func TestStatusShowsThatTheShareIsSlow(t *testing.T) {
	data := newSample(t)
	claim := filepath.Join(data, "scanner", ".letterlock", "claimed", "slow")
	must(t, os.MkdirAll(claim, 0o700))
	must(t, unix.Mkfifo(filepath.Join(claim, "claim.json"), 0o600))
	answer, err := os.OpenFile(filepath.Join(claim, "claim.json"), os.O_RDWR, 0) // who reads waits until it ends
	must(t, err)
	terminal := terminaltest.Open(t, 100)
	status := letterlockCmd(t, data, "status")
	status.Env = append(status.Env, "TERM=xterm")
	status.Stdout, status.Stderr = terminal.Program, terminal.Program
	must(t, status.Start())
	enough := time.AfterFunc(time.Minute, func() { _ = status.Process.Kill() })
	defer enough.Stop()
	terminal.Sees(t, "Looking into the scanner folder")
	// Whoever opens it from here on would wait for ever, once nobody has it open any more.
	file := filepath.Join(t.TempDir(), "claim.json")
	must(t, os.WriteFile(file, nil, 0o600))
	must(t, errors.Join(os.Rename(file, filepath.Join(claim, "claim.json")), answer.Close()))
	if code := exitCode(status.Wait()); code != exitDone && code != exitWrong {
		t.Errorf("it ended with %d", code)
	}
}

// A command that waits for a server which takes every connection and says nothing shows
// that it waits, and for what.
func TestACommandShowsForWhatItWaits(t *testing.T) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = door.Close() })
	for _, c := range []struct {
		shows string
		args  []string
	}{
		{"Asking the storage", []string{"--storage", "http://" + door.Addr().String(), "--bucket", "letters", "--access-key", "me", "--secret-file", "s3.key"}},
		{"Asking the database", []string{"--database", "postgres://me@" + door.Addr().String() + "/letters"}},
		{"Asking the mail server", []string{"--mail-server", "smtp://" + door.Addr().String(), "--mail-from", "letters@example.org"}},
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "s3.key"), []byte("a secret\n"), 0o600))
		terminal := terminaltest.Open(t, 100)
		cmd := letterlockCmd(t, filepath.Join(dir, "data"), append([]string{"setup", "--dry-run", "--no-input"}, c.args...)...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, "TERM=xterm")
		cmd.Stdout, cmd.Stderr = terminal.Program, terminal.Program
		must(t, cmd.Start())
		terminal.Sees(t, c.shows)
		must(t, cmd.Process.Signal(os.Interrupt))
		if code := exitCode(cmd.Wait()); code == exitWrong || exists(filepath.Join(dir, "data")) {
			t.Errorf("%s: it ended with %d, or made something", c.shows, code)
		}
	}
}
