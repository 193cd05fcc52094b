package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// hold takes the lock of an open file, which the kernel drops with the process.
func hold(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{})
}

// letGo has nothing to do: the lock goes with the file, and no child has a copy.
func letGo(*os.File) error { return nil }
