//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hold takes the lock of an open file, which the kernel drops with the process.
func hold(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// letGo frees it, also for a copy of the file that a child which is just being started
// has until it is another program.
func letGo(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_UN) }
