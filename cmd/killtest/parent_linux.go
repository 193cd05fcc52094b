package killtest

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithTheTest ties this process to the thread that has started it. It is set
// here and not by whoever starts the program, which may be testscript.
func dieWithTheTest() { _ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0) }
