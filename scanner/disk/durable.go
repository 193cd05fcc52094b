package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"
)

// Unfinished is the name, in each folder, of a file that Write has not
// finished. A crash leaves it behind; the next Write there replaces it.
const Unfinished = ".letterlock.tmp"

// MaxName is the longest file name, in bytes, that Linux, Windows and macOS take, and
// shortName one that every file system takes: eCryptfs, with which a NAS encrypts a
// share, takes 143.
const (
	MaxName   = 255
	shortName = 120
)

// Write makes a file that is there whole or not at all, whatever happens: fill
// writes it under another name, it is synced, renamed, and its folder synced.
// A file that had the name before is replaced. When Write returns nil, the
// file outlives a power cut. Only one Write may be under way in a folder.
func Write(d Disk, name string, perm fs.FileMode, fill func(File) error) error {
	if err := WriteFirst(d, name, perm, fill); err != nil {
		return err
	}
	return SyncDir(d, path.Dir(name))
}

// WriteFirst is Write of a file after which more is written into the folder: it
// leaves the sync of the folder to the last of them. Until then a power cut may
// take the file, and leave those that came later.
func WriteFirst(d Disk, name string, perm fs.FileMode, fill func(File) error) error {
	return WriteBeside(d, name, perm, fill, func(File) error { return nil })
}

// WriteBeside is WriteFirst of a file that is brought to the disk while beside
// works, on a disk that lets more than one do so: before the file gets its name it
// is read back, say, or another one is prepared, and nobody waits idly. An error of
// beside is that of the whole.
func WriteBeside(d Disk, name string, perm fs.FileMode, fill, beside func(File) error) error {
	return replace(d, name, perm, func(file File) error {
		if err := fill(file); err != nil {
			return err
		}
		sync := func() error { return Plain("syncing a file", file.Sync()) }
		if !isOwn(file) {
			return errors.Join(beside(file), sync())
		}
		synced := make(chan error, 1)
		go func() { synced <- sync() }()
		return errors.Join(beside(file), <-synced)
	})
}

// SyncAll syncs an open file and folders, all at the same time where the disk lets
// more than one do so: it then waits for one write of its journal and not for as many.
// Nothing is sure before all of it is.
func SyncAll(d Disk, file File, dirs ...string) error {
	errs := make([]error, 1+len(dirs))
	var waits sync.WaitGroup
	start := waits.Go
	if !isOwn(file) {
		start = func(sync func()) { sync() }
	}
	start(func() { errs[0] = Plain("syncing a file", file.Sync()) })
	for i, dir := range dirs {
		start(func() { errs[1+i] = SyncDir(d, dir) })
	}
	waits.Wait()
	return errors.Join(errs...)
}

// isOwn reports whether a file is the machine's own. A simulated disk is for one
// goroutine.
func isOwn(file File) bool {
	_, is := file.(*os.File)
	return is
}

// Prepared is the name, in each folder, of a file of Prepare, as Unfinished is of
// one of Write.
const Prepared = ".letterlock.next.tmp"

// Prepare writes and syncs a value as JSON under another name than its own, which
// give then gives it; what had the name before is replaced. When give returns nil, it
// outlives a power cut, and so does whatever was renamed in the folder before. Only one
// may be prepared in a folder, and one Write may be under way beside it. One that is
// never named is replaced by the next.
func Prepare(d Disk, name string, perm fs.FileMode, v any) (give func() error, err error) {
	temp := path.Join(path.Dir(name), Prepared)
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing a file: %w", err)
	}
	err = begin(d, temp, perm, func(file File) error {
		return errors.Join(writing(data)(file), Plain("syncing a file", file.Sync()))
	})
	return func() error {
		if err := finish(d, temp, name); err != nil {
			return err
		}
		return SyncDir(d, path.Dir(name))
	}, err
}

// Post puts a file up for people that is written anew after every start: whoever
// reads it finds it whole or as it was before, but it is not synced, and a power
// cut may ruin it.
func Post(d Disk, name string, perm fs.FileMode, data []byte) error {
	return replace(d, name, perm, writing(data))
}

func replace(d Disk, name string, perm fs.FileMode, fill func(File) error) error {
	temp := path.Join(path.Dir(name), Unfinished)
	if err := begin(d, temp, perm, fill); err != nil {
		return err
	}
	return finish(d, temp, name)
}

// begin makes a file that has not its name yet.
func begin(d Disk, temp string, perm fs.FileMode, fill func(File) error) error {
	// Whatever bears the name is thrown away unread, so that a link planted
	// there is not written through.
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Plain("removing an unfinished file", err)
	}
	file, err := d.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return Plain("making a file", err)
	}
	err = fill(file)
	if closeErr := file.Close(); err == nil {
		err = Plain("closing a file", closeErr)
	}
	if err != nil {
		_ = d.Remove(temp) // room for the next try on a full disk
	}
	return err
}

// finish gives it its name.
func finish(d Disk, temp, name string) error {
	err := Plain("naming a file", d.Rename(temp, name))
	if err != nil {
		_ = d.Remove(temp)
	}
	return err
}

// WriteBytes is Write of a few bytes.
func WriteBytes(d Disk, name string, perm fs.FileMode, data []byte) error {
	return Write(d, name, perm, writing(data))
}

func writing(data []byte) func(File) error {
	return func(file File) error {
		_, err := file.Write(data)
		return Plain("writing a file", err)
	}
}

// WriteJSON is WriteBytes of a value as JSON.
func WriteJSON(d Disk, name string, perm fs.FileMode, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing a file: %w", err)
	}
	return WriteBytes(d, name, perm, data)
}

// SyncDir is Disk.SyncDir with an error that names no folder.
func SyncDir(d Disk, dir string) error { return Plain("syncing a folder", d.SyncDir(dir)) }

// MoveFree moves a file into a folder under its name or, where that is taken,
// under the name with a number. It never replaces anything. It returns the
// name that it got, once both folders are synced.
func MoveFree(d Disk, from, dir, name string) (string, error) {
	for {
		to, err := FreeIn(d, dir, name, MaxName, "")
		if err != nil {
			return "", err
		}
		err = d.RenameNew(from, path.Join(dir, to))
		if errors.Is(err, fs.ErrExist) {
			continue // somebody was faster
		}
		if err != nil {
			return "", Plain("moving a scan", err)
		}
		// The arrival is made sure before the departure.
		if err := SyncDir(d, dir); err != nil {
			return to, err
		}
		return to, SyncDir(d, path.Dir(from))
	}
}

// FreeIn is FreeName in a folder, where the name with each of the endings must
// be free. What cannot be told is an error and no reason for another name, but for
// names that are too long there: then a shorter one is found.
func FreeIn(d Disk, dir, name string, room int, endings ...string) (string, error) {
	var unknown error
	free, err := FreeName(name, room, func(to string) bool {
		for _, ending := range endings {
			_, err := d.Lstat(path.Join(dir, to+ending))
			if err == nil {
				return true
			}
			if !errors.Is(err, fs.ErrNotExist) {
				unknown = err
			}
		}
		return false
	})
	if errors.Is(unknown, syscall.ENAMETOOLONG) && room > shortName {
		return FreeIn(d, dir, name, shortName, endings...)
	}
	if unknown != nil {
		return "", Plain("looking whether a name is taken", unknown)
	}
	return free, err
}

// FreeName is the name, or the name with a number, that is not taken. Where
// numbers up to some n are taken and none beyond, it is the next, and found
// with few questions: a scanner that gives every scan the same name must not
// make the ten thousandth slow.
func FreeName(name string, room int, taken func(string) bool) (string, error) {
	is := func(n int) bool { return taken(Numbered(name, n, room)) }
	if !is(1) {
		return Numbered(name, 1, room), nil
	}
	low, high := 1, 2 // low is taken
	for ; is(high); low, high = high, 2*high {
		if high > 1<<30 {
			return "", errors.New("finding a free name: all are taken, or the folder cannot be read")
		}
	}
	for high-low > 1 {
		if mid := (low + high) / 2; is(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return Numbered(name, high, room), nil
}

// Numbered is the name with " (n)" before its extension, from the second on,
// shortened to at most room bytes.
func Numbered(name string, n, room int) string {
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
