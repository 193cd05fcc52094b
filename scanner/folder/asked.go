package folder

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"letterlock/scanner/disk"
)

// ReadNote returns what the note beside a scan that was given back says is
// wrong, and when it was given back. The error is fs.ErrNotExist, wrapped, where
// no note of ours lies beside it.
func ReadNote(d disk.Disk, scan string) (what string, since time.Time, err error) {
	info, err := d.Lstat(scan + noteExt)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longestNote) {
		err = errors.New("not a note")
	}
	var data []byte
	if err == nil {
		data, err = disk.ReadFile(d, scan+noteExt)
	}
	if err == nil && !bytes.HasPrefix(data, []byte(noteBegins)) {
		err = errors.New("not a note")
	}
	if err != nil {
		return "", time.Time{}, disk.Plain("reading the note of a scan", err)
	}
	for _, paragraph := range strings.Split(string(data), "\r\n\r\n") {
		if after, ok := strings.CutPrefix(paragraph, noteWrong); ok {
			what = after
		}
	}
	return what, info.ModTime(), nil
}

// OpenScan opens a file for reading if it is a regular one: no link is followed,
// no pipe waited at.
func OpenScan(d disk.Disk, name string) (disk.File, error) { return openRegular(d, name) }

// isOurFile reports whether a file of that name, directly in a helpline's folder
// or in the root, is one that Letterlock writes there for people.
func isOurFile(name string) bool { return name == StatusFile || name == SlipsFile }
