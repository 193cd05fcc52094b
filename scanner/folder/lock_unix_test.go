//go:build unix

package folder

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A child that is just being started has a copy of every open file until it is
// another program.
func TestTheLockIsFreeWhileAChildIsStarted(t *testing.T) {
	o := open(t)
	copied, err := unix.Dup(int(o.Folder.lock.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	o.Folder.Close()
	o.reopen()
}
