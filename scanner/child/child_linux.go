package child

import (
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes put the child into a process group of its own, so that Ctrl-C in
// the parent's terminal leaves it to the parent, and tie its life to the
// parent's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func kill(p *os.Process) {
	// The group is named after its first member. An error means that it has
	// just ended.
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}

// Confine puts the limits on the calling process, for good, and closes to it
// what it has no use for: the network, other programs and processes, new
// privileges, every file outside l.Folders. It is called before the process
// reads a byte of a scan.
//
// What the system does not grant of this is no error but goes to the parent,
// over standard error. An error means that the process must not go on.
func (l Limits) Confine() error {
	// No core dump may hold a letter, and nobody without privilege may trace
	// the process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	if err := limit(unix.RLIMIT_CORE, 0); err != nil {
		return err
	}
	if err := l.limitUse(); err != nil {
		return err
	}
	if err := l.fence(); err != nil {
		return err
	}
	return report(missing())
}

// limitUse sets the resource limits.
func (l Limits) limitUse() error {
	// A child holds its input and output, a file of the cache and what the Go
	// runtime has open.
	const descriptors = 64
	if err := limit(unix.RLIMIT_NOFILE, descriptors); err != nil {
		return err
	}
	if l.AddressSpace > 0 {
		// The garbage collector works harder before the wall is reached.
		debug.SetMemoryLimit(l.AddressSpace / 4 * 3)
		if err := limit(unix.RLIMIT_AS, mapped()+l.AddressSpace); err != nil {
			return err
		}
	}
	if l.CPU > 0 {
		if err := limit(unix.RLIMIT_CPU, int64((l.CPU+time.Second-1)/time.Second)); err != nil {
			return err
		}
	}
	if l.FileSize > 0 {
		return limit(unix.RLIMIT_FSIZE, l.FileSize)
	}
	return nil
}

// limit sets the soft and the hard limit to n, or leaves a lower hard limit as
// it is.
func limit(resource int, n int64) error {
	var now unix.Rlimit
	if err := unix.Getrlimit(resource, &now); err != nil {
		return fmt.Errorf("reading resource limit %d: %w", resource, err)
	}
	to := min(uint64(n), now.Max)
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: to, Max: to}); err != nil {
		return fmt.Errorf("setting resource limit %d: %w", resource, err)
	}
	return nil
}

// mapped is how many bytes the process has mapped, or a typical Go program's
// where /proc is not mounted.
func mapped() int64 {
	const typical = 2 << 30
	var pages int64
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return typical
	}
	if _, err := fmt.Sscan(string(statm), &pages); err != nil {
		return typical
	}
	return pages * int64(os.Getpagesize())
}
