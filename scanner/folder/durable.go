package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"unicode/utf8"
)

// unfinished is the name, in each folder, of a file that Write has not
// finished. A crash leaves it behind; the next Write there replaces it.
const unfinished = ".letterlock.tmp"

// maxName is the longest file name, in bytes, that Linux, Windows and macOS take.
const maxName = 255

// Write makes a file that is there whole or not at all, whatever happens: fill
// writes it under another name, it is synced, renamed, and its folder synced.
// A file that had the name before is replaced. When Write returns nil, the
// file outlives a power cut. Only one Write may be under way in a folder.
func Write(root *os.Root, name string, perm fs.FileMode, fill func(*os.File) error) error {
	temp := path.Join(path.Dir(name), unfinished)
	// Whatever bears the name is thrown away unread, so that a link planted
	// there is not written through.
	if err := root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plain("removing an unfinished file", err)
	}
	file, err := root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return plain("making a file", err)
	}
	err = fill(file)
	if err == nil {
		err = plain("syncing a file", file.Sync())
	}
	if closeErr := file.Close(); err == nil {
		err = plain("closing a file", closeErr)
	}
	if err == nil {
		err = plain("naming a file", root.Rename(temp, name))
	}
	if err != nil {
		_ = root.Remove(temp) // room for the next try on a full disk
		return err
	}
	return syncDir(root, path.Dir(name))
}

// WriteBytes is Write of a few bytes.
func WriteBytes(root *os.Root, name string, perm fs.FileMode, data []byte) error {
	return Write(root, name, perm, func(file *os.File) error {
		_, err := file.Write(data)
		return plain("writing a file", err)
	})
}

// syncDir makes the names in a folder outlive a power cut.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return plain("opening a folder to sync it", err)
	}
	defer d.Close()
	return plain("syncing a folder", syncNames(d))
}

// moveFree moves a file into a folder under its name or, where that is taken,
// under the name with a number. It never replaces anything. It returns the
// name that it got, once both folders are synced.
func moveFree(root *os.Root, from, dir, name string) (string, error) {
	for n := 1; ; n++ {
		to := numbered(name, n, maxName)
		if exists(root, path.Join(dir, to)) {
			continue
		}
		err := renameNew(root, from, path.Join(dir, to))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", plain("moving a scan", err)
		}
		return to, errors.Join(syncDir(root, dir), syncDir(root, path.Dir(from)))
	}
}

// numbered is the name with " (n)" before its extension, from the second on,
// shortened to at most room bytes.
func numbered(name string, n, room int) string {
	ext := path.Ext(name)
	if len(ext) > 16 || ext == name {
		ext = "" // a dot in a long name is no extension
	}
	stem := strings.TrimSuffix(name, ext)
	if n > 1 {
		ext = fmt.Sprintf(" (%d)%s", n, ext)
	}
	return shorten(stem, room-len(ext)) + ext
}

// shorten cuts s to at most n bytes, not inside a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
