package deposit

import (
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// link gives the open file a second name in the bucket's folder.
func link(file *os.File, root *os.Root, name string) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", file.Fd()),
		int(dir.Fd()), path.Base(name), unix.AT_SYMLINK_FOLLOW)
}
