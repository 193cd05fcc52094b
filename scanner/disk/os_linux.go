package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// openForWriting reports whether any process of this machine, a file server
// among them, has the file open for writing. A read lease is granted only
// while nobody has; it is given back at once. Linux leases nobody the files of
// another account without CAP_LEASE, and most network shares know no leases: there
// it is not known, and stillness and structure must do.
func openForWriting(file *os.File) (is, known bool) {
	_, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		return false, true
	}
	is = errors.Is(err, unix.EAGAIN)
	return is, is
}

// beginSync asks for the writing of a part of a file and does not wait for it. An
// error is no loss: the file's own sync does all of it, and only a wait for the
// writing would take the word of a failure from it.
func beginSync(file *os.File, from, n int64) {
	_ = unix.SyncFileRange(int(file.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE)
}

// renameNew renames, and fails with fs.ErrExist instead of replacing anything.
func renameNew(root *os.Root, from, to string) error {
	fromDir, err := root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer fromDir.Close()
	toDir, err := root.Open(path.Dir(to))
	if err != nil {
		return err
	}
	defer toDir.Close()
	err = unix.Renameat2(int(fromDir.Fd()), path.Base(from), int(toDir.Fd()), path.Base(to), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP) {
		return renameLooking(root, from, to) // a file system without that promise, such as NFS
	}
	return err
}

// readNames lists an open folder by what it holds of each entry, its name and its
// type. From a folder of an os.Root package os would also look at every single
// file, for Info, which nobody asks for: four times the cost where a hundred
// thousand slips lie.
func readNames(dir *os.File) ([]fs.DirEntry, error) {
	fd, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: dir.Name(), Err: err}
	}
	own := os.NewFile(uintptr(fd), dir.Name())
	defer own.Close()
	return own.ReadDir(-1)
}
