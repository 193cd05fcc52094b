// Package durable makes files that are there whole or not at all, and unmakes
// them so that nothing is left to read. When a function of it returns nil, a
// power cut changes nothing any more.
package durable

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Passing begins the name that a file has until it is whole. A crash leaves it
// behind, and nobody reads it; a folder's owner may remove what bears it once
// no process writes there.
const Passing = ".new-"

// New makes a file that bears the text, and never replaces one: where the name
// is taken it is fs.ErrExist, and what lies there is whole.
func New(path string, text []byte, mode fs.FileMode) error {
	return write(path, text, mode, func(passing, path string) error {
		return errors.Join(os.Link(passing, path), os.Remove(passing))
	})
}

// Replace makes a file that bears the text in the place of an older one, or of
// none. A crash leaves the older one or the new one.
func Replace(path string, text []byte, mode fs.FileMode) error {
	return write(path, text, mode, os.Rename)
}

func write(path string, text []byte, mode fs.FileMode, publish func(passing, path string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), Passing+"*") // for its owner's eyes only
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = publish(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // room for the next try on a full disk
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Destroy writes noise over a file, unlinks it and makes that durable. A file
// that is gone already is destroyed; a folder that is gone is an error, since its
// volume may only not be mounted. What the volume below keeps by itself
// (snapshots, copy-on-write, wear levelling) it cannot reach.
func Destroy(path string) error {
	if err := Overwrite(path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Overwrite writes noise over a file in place and syncs it, if it is there. It
// goes before the name: a crash between them leaves a file that says nothing.
func Overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		_, err = io.CopyN(f, rand.Reader, info.Size())
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// SyncDir makes durable which names a folder holds.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // NTFS keeps the order of names by itself, and opens no folder for this
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
