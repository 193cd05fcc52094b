package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"letterlock/scanner/disk"
)

// Holder is the process that works on a scanner folder.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"` // UTC
}

func (h Holder) String() string {
	return fmt.Sprintf("process %d on %s, since %s", h.PID, h.Host, h.Since.Format(time.RFC3339))
}

// HeldError says that another process works on the folder.
type HeldError struct {
	Holder Holder
	// Far is set if only its signs of life tell that it is at work, not a lock
	// of the system. If there are no more of them, an Open that is tried again
	// and again succeeds within a minute.
	Far bool
}

func (e *HeldError) Error() string {
	says := "another scanner is at work on this scanner folder"
	if e.Far {
		says += ", or was a moment ago"
	}
	if e.Holder.PID != 0 {
		says += ": " + e.Holder.String()
	}
	return says
}

// WhenFree calls open, every few seconds until ctx ends, while it fails with a
// *HeldError that is worth waiting for, and say with who holds the folder, at
// once and then every ten minutes.
func WhenFree[T any](ctx context.Context, open func() (T, error), worth func(*HeldError) bool, say func(*HeldError)) (T, error) {
	var said time.Time
	for {
		t, err := open()
		var held *HeldError
		if !errors.As(err, &held) || !worth(held) {
			return t, err
		}
		if said.IsZero() || time.Since(said) >= 10*time.Minute {
			say(held)
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return t, err
		case <-time.After(2 * time.Second):
		}
	}
}

// takeLock makes sure that two edges of one machine never work on one folder.
// The system frees the lock when the process ends, however it ends; what the
// file says is only for people.
func takeLock(d *disk.Real, now time.Time, lock func(*os.File) error) (*os.File, error) {
	opened, err := d.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, disk.Plain("opening the lock of the scanner folder", err)
	}
	file := opened.(*os.File)
	if err := lock(file); err != nil {
		defer file.Close()
		if held(err) {
			var h Holder
			_ = json.NewDecoder(file).Decode(&h) // half written just now: then nobody is named
			return nil, &HeldError{Holder: h}
		}
		return nil, disk.Plain("locking the scanner folder", err)
	}
	// A full disk must not keep the edge from its work: then nobody is named.
	if data, err := json.Marshal(holder(now)); err == nil && file.Truncate(0) == nil {
		_, _ = file.WriteAt(data, 0)
	}
	return file, nil
}

// holder is this process.
func holder(now time.Time) Holder {
	host, _ := os.Hostname()
	return Holder{os.Getpid(), host, now.UTC().Truncate(time.Second)}
}
