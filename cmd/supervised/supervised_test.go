package supervised

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// listen is systemd's end of the conversation. It listens all the time, as systemd does:
// who tells more than a socket holds would wait for ever else.
func listen(t *testing.T) (said func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	door, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	heard := make(chan string, 1000)
	go func() {
		b := make([]byte, 1024)
		for n, err := door.Read(b); err == nil; n, err = door.Read(b) {
			heard <- string(b[:n])
		}
	}()
	return func() string {
		t.Helper()
		select {
		case what := <-heard:
			return what
		case <-time.After(5 * time.Minute):
			t.Fatal("nothing is said")
			return ""
		}
	}
}

func TestSystemdIsToldWhatGoesOn(t *testing.T) {
	said := listen(t)
	log := slog.New(slog.DiscardHandler)
	Ready(log)
	if got := said(); got != "READY=1" {
		t.Errorf("ready: %q", got)
	}
	t.Setenv("WATCHDOG_USEC", "30000") // every 10 ms
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, end := context.WithCancel(t.Context())
	var asked atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Watch(ctx, log, func() error {
			if n := asked.Add(1); n > 2 && n < 5 {
				return errors.New("stuck")
			}
			return nil
		})
	}()
	for n := range 4 {
		if got := said(); got != "WATCHDOG=1" {
			t.Errorf("the watchdog hears %q", got)
		}
		// Of what was asked twice it has not heard when the third sign of life comes.
		if n == 2 && asked.Load() < 5 {
			t.Errorf("asked %d times, and stuck in two of them, the watchdog has heard three signs of life", asked.Load())
		}
	}
	end()
	<-ended
	Stopping(log)
	for got := ""; got != "STOPPING=1"; {
		if got = said(); got != "WATCHDOG=1" && got != "STOPPING=1" {
			t.Fatalf("in the end: %q", got)
		}
	}
}

// Without systemd nothing is told, and nobody waits.
func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	log := slog.New(slog.DiscardHandler)
	Ready(log)
	Watch(t.Context(), log, func() error { t.Error("asked"); return nil })
	Stopping(log)
}
