package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"letterlock/pipeline/durable"
)

// What somebody is to take away, as an export, a retention record or an evidence pack, has a
// passing name until it is whole. So one that failed or was killed is never taken for all of
// it, and does not stand in the way of the next try. A kill leaves the passing name.

// passingName is a pattern for os.CreateTemp and os.MkdirTemp. It begins with the name that is
// to come, so that people see what it was to be; fs.ErrExist where that name is taken.
func passingName(path string) (dir, pattern string, err error) {
	if _, err := os.Lstat(path); err == nil {
		return "", "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", "", err
	}
	return filepath.Dir(path), filepath.Base(path) + durable.Passing + "*", nil
}

// beginFile makes the file that is to be path, for its owner's eyes only.
func beginFile(path string) (*os.File, error) {
	dir, pattern, err := passingName(path)
	if err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, pattern)
}

// endFile gives the file its name, unless failed: then nothing is left of it.
func endFile(f *os.File, path string, failed error) error {
	if failed == nil {
		failed = f.Sync()
	}
	return endPassing(f.Name(), path, errors.Join(failed, f.Close()))
}

// endPassing does the same of what is closed already, a folder with all in it included.
func endPassing(passing, path string, failed error) error {
	if failed == nil {
		// A name that was taken meanwhile is left to who took it. Without a second name for
		// a file, which a memory stick does not know, nothing is surer.
		_, _, failed = passingName(path)
	}
	if failed == nil {
		failed = os.Rename(passing, path)
	}
	if failed != nil {
		_ = os.RemoveAll(passing) // room for the next try
		return failed
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) { // it may be one into which one may only put
		return fmt.Errorf("it is written, and may be gone again after a power failure: %w", err)
	}
	return nil
}
