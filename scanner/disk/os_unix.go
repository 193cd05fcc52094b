//go:build unix

package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openCarefully does not wait at a pipe for its other end.
const openCarefully = unix.O_NONBLOCK

// Links is how many names lead to an open file; 1 where that is not known.
func Links(file File) uint64 {
	if info, err := file.Stat(); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			return uint64(st.Nlink)
		}
	}
	return 1
}

func syncNames(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // some network shares know no sync of folders: the server sees to it
	}
	return err
}

// IsFull reports whether err says that there is no room left for a file, or for
// what it holds.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
