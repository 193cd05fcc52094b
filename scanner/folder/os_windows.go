package folder

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// inodeOf is not to be had without opening the file; size and time must do.
func inodeOf(fs.FileInfo) uint64 { return 0 }

func sameFile(a, b fs.FileInfo) bool { return os.SameFile(a, b) }

// lockNow locks one byte far behind the end, since locked bytes cannot be
// read, and others shall read who holds the lock.
func lockNow(file *os.File) error {
	far := windows.Overlapped{OffsetHigh: 1 << 30}
	return windows.LockFileEx(windows.Handle(file.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &far)
}

// unlock has nothing to do: the lock goes with the file, and no child has a copy.
func unlock(*os.File) {}

func held(err error) bool { return errors.Is(err, windows.ERROR_LOCK_VIOLATION) }

// inUse reports that another program has a file open and does not share it.
func inUse(err error) bool { return errors.Is(err, windows.ERROR_SHARING_VIOLATION) }

func readOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

func otherDisk(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

// systemRun is not known here.
func systemRun() string { return "" }
