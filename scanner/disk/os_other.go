//go:build !linux

package disk

import (
	"io/fs"
	"os"
)

// openForWriting cannot be known here; stillness and structure must do.
func openForWriting(*os.File) (is, known bool) { return false, false }

// beginSync has nothing to ask for here; the file's own sync does all of it.
func beginSync(*os.File, int64, int64) {}

// renameNew renames, and fails with fs.ErrExist instead of replacing anything.
func renameNew(root *os.Root, from, to string) error { return renameLooking(root, from, to) }

// readNames lists an open folder.
func readNames(dir *os.File) ([]fs.DirEntry, error) { return dir.ReadDir(-1) }
