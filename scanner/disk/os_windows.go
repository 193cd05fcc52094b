package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const openCarefully = 0

// syncNames has nothing to do: NTFS keeps the order of names by itself.
func syncNames(*os.File) error { return nil }

// Links is how many names lead to an open file; 1 where that is not known.
func Links(file File) uint64 {
	own, ok := file.(*os.File)
	var info windows.ByHandleFileInformation
	if !ok || windows.GetFileInformationByHandle(windows.Handle(own.Fd()), &info) != nil {
		return 1
	}
	return uint64(info.NumberOfLinks)
}

// IsFull reports whether err says that there is no room left for a file, or for
// what it holds.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
