//go:build unix

package folder

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openCarefully neither follows a link in the last place nor waits at a pipe.
const openCarefully = unix.O_NOFOLLOW | unix.O_NONBLOCK

func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

func lockNow(file *os.File) error {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

func held(err error) bool { return errors.Is(err, unix.EWOULDBLOCK) }

func syncNames(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // some network shares know no sync of folders: the server sees to it
	}
	return err
}
