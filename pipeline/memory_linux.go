package pipeline

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inMemory is a file that no disk ever holds: what a child process must read as
// a file may be a letter's plaintext.
func inMemory() (*os.File, error) {
	fd, err := unix.MemfdCreate("response", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "response"), nil
}
