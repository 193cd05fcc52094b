package page

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"letterlock/scanner/realpart"
)

// A renderer that finds no room for its compiled code says so, and not that it crashed.
func TestNoRoomForTheCache(t *testing.T) {
	cache := t.TempDir()
	err := unix.Mount("none", cache, "tmpfs", 0, "size=1m")
	realpart.Need(t, err == nil, "the right to mount: run as root")
	t.Cleanup(func() { _ = unix.Unmount(cache, unix.MNT_DETACH) })
	r, err := Open(Config{CacheDir: cache})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "no space left on device") || strings.Contains(err.Error(), "crashed") {
		t.Errorf("it says: %v", err)
	}
}
