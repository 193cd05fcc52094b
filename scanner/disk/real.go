package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// Real is the machine's own file system below a folder, held by an os.Root.
type Real struct {
	root    *os.Root
	nothing bool // is known of who writes, see TryWriting
	looks   bool // before RenameNew, as where the system cannot promise it; for tests
}

// Open opens a folder that exists.
func Open(dir string) (*Real, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Real{root: root}, nil
}

// Close gives the folder up. Files that are open stay so.
func (r *Real) Close() error { return r.root.Close() }

// OpenFile implements Disk.
func (r *Real) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	file, err := r.root.OpenFile(name, flag|openCarefully, perm)
	if err != nil {
		return nil, err // not a File that holds no *os.File
	}
	return file, nil
}

// List implements Disk. Unlike fs.ReadDir it takes names that are not UTF-8.
func (r *Real) List(dir string) ([]fs.DirEntry, error) {
	d, err := r.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return readNames(d)
}

// Lstat implements Disk.
func (r *Real) Lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(name) }

// Stat is Lstat of where a link leads, and of the folder itself as ".".
func (r *Real) Stat(name string) (fs.FileInfo, error) { return r.root.Stat(name) }

// Mkdir implements Disk. A folder that the group is to write in, as whoever answers by
// moving a scan into it, is the group's also under the umask of a shell or a container,
// which takes that right away. One that keeps the group out altogether is meant.
func (r *Real) Mkdir(name string, perm fs.FileMode) error {
	if err := r.root.Mkdir(name, perm); err != nil {
		return err
	}
	const look, write = 0o050, 0o020
	if info, err := r.root.Lstat(name); perm&write != 0 && err == nil && info.Mode().Perm()&(look|write) == look {
		_ = r.root.Chmod(name, info.Mode()|write) // with the bits that make what is in it the group's; a share may refuse it
	}
	return nil
}

// Chmod changes who may do what with a file or folder.
func (r *Real) Chmod(name string, perm fs.FileMode) error { return r.root.Chmod(name, perm) }

// Rename implements Disk.
func (r *Real) Rename(from, to string) error { return r.root.Rename(from, to) }

// RenameNew implements Disk.
func (r *Real) RenameNew(from, to string) error {
	if r.looks {
		return renameLooking(r.root, from, to)
	}
	return renameNew(r.root, from, to)
}

// renameLooking is RenameNew where no rename refuses to replace: it looks at the name
// first. Only what somebody gives that name this very moment would be lost.
func renameLooking(root *os.Root, from, to string) error {
	_, err := root.Lstat(to)
	switch {
	case err == nil:
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return root.Rename(from, to)
}

// Remove implements Disk.
func (r *Real) Remove(name string) error { return r.root.Remove(name) }

// SyncDir implements Disk.
func (r *Real) SyncDir(dir string) error {
	d, err := r.root.Open(path.Clean(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return syncNames(d)
}

// Writing implements Disk.
func (r *Real) Writing(file File) (is, known bool) {
	own, ok := file.(*os.File)
	if !ok || r.nothing {
		return false, false
	}
	return openForWriting(own)
}

// TryWriting finds out with a file that it makes, and that nobody can have open,
// whether Writing is to be believed: some network shares say of every file that it
// is open. No scan would ever be taken there.
func (r *Real) TryWriting(name string) error {
	file, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err = file.Close(); err == nil {
		file, err = r.root.Open(name)
	}
	if err == nil {
		is, _ := openForWriting(file)
		r.nothing = is
		err = file.Close()
	}
	return errors.Join(err, r.root.Remove(name))
}
