//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openCarefully does not wait at a pipe for its other end.
const openCarefully = unix.O_NONBLOCK

func syncNames(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil // some network shares know no sync of folders: the server sees to it
	}
	return err
}
