// Package disk is the file system below one folder, as far as the edge needs
// one, and the two ways of changing it that outlive a power cut: Write, for a
// file that is there whole or not at all, and MoveFree, for a move that
// replaces nothing.
//
// There are two disks: the machine's own (Open), and the simulated one of
// disktest, which fails and loses power at any point. One suite runs on both.
// No error names a file: file names may hold people's names.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Disk is a file system below one folder: names are relative to it, with
// slashes, and lead nowhere else, whatever links lie in it. Every error is a
// *fs.PathError or *os.LinkError as package os has them.
//
// What has been written to a file outlives a power cut once File.Sync has
// returned, and a name (made, renamed or removed) once SyncDir of its folder
// has. Until then a power cut may undo it, and may undo one of two and not the
// other. But a rename is one change, as in every file system with a journal:
// once SyncDir of the folder of arrival has returned, the old name is gone, too.
type Disk interface {
	// OpenFile is os.OpenFile, but never waits at a pipe. Whoever does not
	// want to follow a link looks with Lstat first.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// List is what is in a folder, in no order: names and types. Whoever wants
	// more of an entry asks Lstat, never its Info. Names may be no UTF-8.
	List(dir string) ([]fs.DirEntry, error)
	Lstat(name string) (fs.FileInfo, error)
	Mkdir(name string, perm fs.FileMode) error
	// Rename replaces a file that has the new name.
	Rename(from, to string) error
	// RenameNew fails with fs.ErrExist if anything has the new name.
	RenameNew(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
	// Writing reports whether anybody has an open file open for writing besides, as
	// far as that is known.
	Writing(file File) (is, known bool)
}

// File is an open file of a Disk; an *os.File is one.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// ReadFile returns what a file holds.
func ReadFile(d Disk, name string) ([]byte, error) {
	file, err := d.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// MkdirAll makes a folder and those above it, where they are missing.
func MkdirAll(d Disk, dir string, perm fs.FileMode) error {
	err := d.Mkdir(dir, perm)
	if errors.Is(err, fs.ErrNotExist) && path.Dir(dir) != "." {
		if err = MkdirAll(d, path.Dir(dir), perm); err == nil {
			err = d.Mkdir(dir, perm)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := d.Lstat(dir); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

// MakeDir is MkdirAll of folders that outlive a power cut when it returns nil,
// and with an error that names no folder.
func MakeDir(d Disk, dir string, perm fs.FileMode) error {
	if err := MkdirAll(d, dir, perm); err != nil {
		return Plain("making a folder", err)
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if err := SyncDir(d, path.Dir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll deletes a file, or a folder with all that is in it. Nothing of that
// name is no error.
func RemoveAll(d Disk, name string) error {
	info, err := d.Lstat(name)
	if err == nil && info.IsDir() {
		var list []fs.DirEntry
		list, err = d.List(name)
		for _, entry := range list {
			if err := RemoveAll(d, path.Join(name, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err == nil {
		err = d.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Discard deletes a file, or a folder with all that is in it, so that nothing of
// it can be found again: a share may keep what is deleted through it in a recycle
// bin, so every file is emptied first. A file that has another name elsewhere is
// only deleted, or what it is there would be emptied as well. Names are not
// hidden: whoever has a telling one moves the file first. Nothing of that name
// is no error.
func Discard(d Disk, name string) error {
	info, err := d.Lstat(name)
	if err == nil && info.IsDir() {
		var list []fs.DirEntry
		list, err = d.List(name)
		for _, entry := range list {
			if err := Discard(d, path.Join(name, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		err = empty(d, name)
	}
	if err == nil {
		err = d.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func empty(d Disk, name string) error {
	file, err := d.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil // it may still be deleted
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if Links(file) > 1 {
		return nil
	}
	return file.Truncate(0)
}

// Exists reports whether anything has that name, a dangling link included.
func Exists(d Disk, name string) bool {
	_, err := d.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Names is what is in a folder and wanted, in order. A folder that is missing
// is empty.
func Names(d Disk, dir string, wanted func(fs.DirEntry) bool) ([]string, error) {
	list, err := d.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, entry := range list {
		if wanted(entry) {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// Plain says what failed and why, but not on which file. It is nil for nil.
func Plain(doing string, err error) error {
	if err == nil {
		return nil
	}
	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath):
		err = onPath.Err
	case errors.As(err, &onLink):
		err = onLink.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
