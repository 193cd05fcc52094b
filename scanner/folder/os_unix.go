//go:build unix

package folder

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func inodeOf(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// sameFile is os.SameFile, also for a simulated disk.
func sameFile(a, b fs.FileInfo) bool {
	one, ok1 := a.Sys().(*syscall.Stat_t)
	two, ok2 := b.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && one.Dev == two.Dev && one.Ino == two.Ino
}

func lockNow(file *os.File) error {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// unlock frees the lock also for a copy of the file that a child which is just
// being started has until it is another program.
func unlock(file *os.File) { _ = unix.Flock(int(file.Fd()), unix.LOCK_UN) }

func held(err error) bool { return errors.Is(err, unix.EWOULDBLOCK) }

// inUse reports that another program has a file open on a share which does not
// let it be renamed meanwhile.
func inUse(err error) bool { return errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ETXTBSY) }

func readOnly(err error) bool { return errors.Is(err, unix.EROFS) }

func otherDisk(err error) bool { return errors.Is(err, unix.EXDEV) }

// systemRun tells this run of this machine's system from all others; the names
// of machines do not. It is "" where the system does not say.
func systemRun() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
