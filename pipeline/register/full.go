package register

import (
	"errors"
	"strings"
	"syscall"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// IsFull reports whether err says that the disk of the register, or another, has
// no room left. What was to be recorded then is not, and so was not done.
func IsFull(err error) bool {
	var db *driver.Error
	if errors.As(err, &db) && db.Code()&0xff == sqlite3.SQLITE_FULL {
		return true
	}
	return isCode(err, diskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// SaysFull is IsFull for a library that logs errors as text.
func SaysFull(text string) bool {
	return strings.Contains(text, "database or disk is full") || strings.Contains(text, "SQLSTATE "+diskFull)
}
