package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"letterlock/cmd/killtest"
)

// killedAt runs a command that ends itself by SIGKILL at a step.
func killedAt(t *testing.T, data, step string, args ...string) {
	t.Helper()
	cmd := letterlockCmd(t, data, args...)
	cmd.Env = append(cmd.Env, killtest.At(step))
	out, err := cmd.CombinedOutput()
	died, ok := errors.AsType[*exec.ExitError](err)
	if !ok || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("letterlock %v was not killed at %s: %v\n%s", args, step, err, out)
	}
}

// Killed between any two steps of escrow, the same command run again ends what
// was begun: two custodians bring back every key, no private key is in any
// folder, and the register is whole.
func TestKillAtEveryStepOfEscrow(t *testing.T) {
	for _, c := range []struct {
		step  string
		first func(t *testing.T, data string, sticks []string) // what was done before
		args  func(sticks []string) []string
	}{
		{"shares-on-record", nil, makeShares},
		{"share-written", nil, makeShares},
		{"share-ending", madeShares, retireAll},
		{"share-gone", madeShares, retireAll},
		{"key-restoring", lostKeyring, func(sticks []string) []string {
			return []string{"key", "escrow", "restore", sticks[0], sticks[2]}
		}},
	} {
		t.Run(c.step, func(t *testing.T) {
			data := newData(t)
			command(t, data, "setup")
			sticks := []string{t.TempDir(), t.TempDir(), t.TempDir()}
			if c.first != nil {
				c.first(t, data, sticks)
			}
			killedAt(t, data, c.step, c.args(sticks)...)
			for _, stick := range sticks {
				if found := searchTree(stick, "AGE-SECRET-KEY"); len(found) > 0 {
					t.Errorf("a private key is in %v", found)
				}
			}
			command(t, data, c.args(sticks)...)
			command(t, data, makeShares(sticks)...)
			for _, pair := range [][2]int{{0, 1}, {1, 2}, {2, 0}} {
				if out := command(t, data, "key", "escrow", "test", sticks[pair[0]], sticks[pair[1]]); !strings.Contains(out, "is brought back") {
					t.Errorf("the drill says:\n%s", out)
				}
			}
			if out := command(t, data, "key", "list"); strings.Contains(out, "false") {
				t.Errorf("a living key is missing:\n%s", out)
			}
			entries(t, data) // verifies
		})
	}
}

func makeShares(sticks []string) []string {
	return append([]string{"key", "escrow", "make", "--ahead", "1"}, sticks...)
}

func madeShares(t *testing.T, data string, sticks []string) { command(t, data, makeShares(sticks)...) }

func retireAll(sticks []string) []string {
	return []string{"key", "escrow", "retire", "--all", sticks[1]}
}

func lostKeyring(t *testing.T, data string, sticks []string) {
	madeShares(t, data, sticks)
	files, err := filepath.Glob(filepath.Join(data, "keyring", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}
