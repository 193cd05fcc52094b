package child

import (
	"fmt"
	"os"
	"runtime"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// fence closes files to the process with Landlock, and system calls with a
// seccomp filter. Neither is there on every system; missing tells.
func (l Limits) fence() error {
	for _, folder := range l.Folders {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("making a folder of a child: %w", err)
		}
	}
	// Landlock comes first, since the filter forbids to ask for it. An error of
	// either means that nothing was closed, not half of it.
	_ = l.closeFiles()
	_ = l.closeCalls()
	return nil
}

// closeFiles denies every file outside l.Folders, as far as the kernel's
// version of Landlock knows how. It does not concern descriptors that are open.
func (l Limits) closeFiles() error {
	const cache = ll.AccessFSReadFile | ll.AccessFSReadDir | ll.AccessFSWriteFile | ll.AccessFSTruncate |
		ll.AccessFSMakeReg | ll.AccessFSMakeDir | ll.AccessFSRemoveFile
	var rules []landlock.Rule
	if len(l.Folders) > 0 {
		rules = append(rules, landlock.PathAccess(cache, l.Folders...))
	}
	return landlock.V11.BestEffort().Restrict(rules...)
}

// closeCalls denies every system call that the process has no use for.
func (l Limits) closeCalls() error {
	policy, err := allowed(len(l.Folders) > 0)
	if err != nil {
		return err
	}
	// The promise to gain no privileges, without which only root may filter,
	// is this thread's; the filter takes both to all of them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: policy})
}

// missing tries what the process should be denied. What it is told of the
// kernel could be wrong; this cannot.
func missing() []gap {
	var open []gap
	if fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(fd)
		open = append(open, openFiles)
	}
	if fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err == nil {
		unix.Close(fd)
		open = append(open, openCalls)
	}
	return open
}

// foreseen is what missing will find in a child with folders.
func foreseen() map[gap]bool {
	open := map[gap]bool{}
	if version, err := ll.LandlockGetABIVersion(); err != nil || version < 1 {
		open[openFiles] = true
	}
	if _, err := allowed(true); err != nil || !seccomp.Supported() {
		open[openCalls] = true
	}
	return open
}
