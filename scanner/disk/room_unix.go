//go:build linux || darwin

package disk

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// RoomAt measures the file system on which a folder lies. The error is
// fs.ErrNotExist, wrapped, where there is no such folder.
func RoomAt(folder string) (Room, error) {
	var is unix.Stat_t
	var has unix.Statfs_t
	if err := unix.Stat(folder, &is); err != nil {
		return Room{}, &os.PathError{Op: "stat", Path: folder, Err: err}
	}
	if err := unix.Statfs(folder, &has); err != nil {
		return Room{}, &os.PathError{Op: "statfs", Path: folder, Err: err}
	}
	block := blockSize(&has)
	return Room{Volume: strconv.FormatUint(uint64(is.Dev), 16), Free: has.Bavail * block, Size: has.Blocks * block,
		Left: has.Ffree, Files: has.Files}, nil
}
