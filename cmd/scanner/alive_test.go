package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What looks after the scanner's container is told whether that works, and of what a
// person must see to nothing: its store is away all the while.
func TestTheHealthCheckAsksWhetherTheScannerWorks(t *testing.T) {
	const asks = `"/usr/bin/scanner", "alive"]`
	for _, file := range []string{"Dockerfile", "../../docker-compose.yml"} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), asks) {
			t.Errorf("%s asks something else than %s: %v", file, asks, err)
		}
	}
	dir := t.TempDir()
	o := &office{dir: dir, scans: filepath.Join(dir, "scans"), endpoint: "http://127.0.0.1:9", bucket: "letters", access: "a", secret: "s"}
	if err := o.write(); err != nil {
		t.Fatal(err)
	}
	asked := func() (status int, says string) {
		var out, errout bytes.Buffer
		status = run([]string{"alive", "--config", o.config()}, &out, &errout)
		return status, out.String() + errout.String()
	}
	answers := func(when string, status int, says string) {
		t.Helper()
		if got, out := asked(); got != status || !strings.Contains(out, says) {
			t.Errorf("%s it ended with %d and said: %s", when, got, out)
		}
	}
	answers("without its folder", exitFailed, "the scanner folder cannot be looked at")
	if err := os.MkdirAll(o.scans, 0o700); err != nil {
		t.Fatal(err)
	}
	answers("before it has begun", exitWrong, "No scanner is at work on this folder")
	exe := filepath.Join(dir, "scanner") // by its name it is the program
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, exe)
	}
	if err != nil {
		t.Fatal(err)
	}
	begin := func() *exec.Cmd {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), exe, "run", "--config", o.config())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			if status, _ := asked(); status == exitDone {
				break
			}
		}
		answers("at work, with its store away,", exitDone, "A scanner is at work on this folder")
		return cmd
	}
	stuck := filepath.Join(o.dir, "state", stuckFile)
	if err := os.MkdirAll(filepath.Dir(stuck), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stuck, nil, 0o600); err != nil { // of one that was killed
		t.Fatal(err)
	}
	cmd := begin()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // one look
	marksStuck(ctx, filepath.Join(o.dir, "state"), func() error { return errors.New("it stands still") })
	answers("while it stands still", exitWrong, "has ended no look at it for hours")
	marksStuck(ctx, filepath.Join(o.dir, "state"), func() error { return nil })
	answers("when it goes on", exitDone, "A scanner is at work")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	answers("once it was ended", exitWrong, "No scanner is at work on this folder")
	cmd = begin()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	answers("killed just now", exitDone, "A scanner is at work")
	beat, before := filepath.Join(o.scans, ".letterlock", "owner"), time.Now().Add(-121*time.Second)
	if err := os.Chtimes(beat, before, before); err != nil {
		t.Fatal(err)
	}
	answers("two minutes later", exitWrong, "has shown no sign of life for 2 minutes")
	if left, err := filepath.Glob(filepath.Join(o.scans, ".letterlock", "alive*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
}
