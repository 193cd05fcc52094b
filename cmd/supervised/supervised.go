// Package supervised tells systemd, where that has started this process, when it
// is ready and that it goes on. Anywhere else its functions do nothing.
package supervised

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that the process does its work from now on.
func Ready(log *slog.Logger) { tell(log, daemon.SdNotifyReady) }

// Starting says that the process is not ready yet, and will not be heard of for as
// long: else systemd would end it after TimeoutStartSec of the unit.
func Starting(log *slog.Logger, silent time.Duration) {
	tell(log, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", silent.Microseconds()))
}

// Stopping says that it was told to end, and that this may take a moment.
func Stopping(log *slog.Logger) { tell(log, daemon.SdNotifyStopping) }

func tell(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd could not be told how this service is", "error", err)
	}
}

// Watch tells the watchdog, where there is one, that the process goes on, until
// ctx ends. It says nothing while stuck returns an error: after WatchdogSec of the
// unit systemd then starts the process anew, which is what a person would do.
func Watch(ctx context.Context, log *slog.Logger, stuck func() error) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("what systemd says of its watchdog is not understood", "error", err)
	}
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3) // two may come late
	defer tick.Stop()
	for {
		if err := stuck(); err != nil {
			log.Error("the watchdog is told nothing", "why", err)
		} else {
			tell(log, daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
