package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// One morning the disk of the backups is not mounted, and the empty folder is there in its
// place, on the disk of the data: no backup goes there, nor onto the record, until the disk
// is back, or somebody says that it is meant. From then on that is what is usual.
func TestNoBackupGoesToWhereItsDiskIsNotMounted(t *testing.T) {
	data, kept, _ := backedUp(t)
	smallDisk(t, kept, 32)
	command(t, data, "backup")
	must(t, unix.Unmount(kept, 0))
	recorded := acts(t, data)
	out, err := letterlockCmd(t, data, "backup").CombinedOutput()
	if exitCode(err) != exitUse || !strings.Contains(string(out), "is its disk mounted? Nothing was made.") {
		t.Errorf("backup ended with %v and said:\n%s", err, out)
	}
	if there, err := os.ReadDir(kept); err != nil || len(there) > 0 || len(acts(t, data)) != len(recorded) {
		t.Errorf("there is %v, and on record are %d entries of %d, %v", there, len(acts(t, data)), len(recorded), err)
	}

	smallDisk(t, kept, 32)
	command(t, data, "backup")
	must(t, unix.Unmount(kept, 0))
	command(t, data, "backup", "--same-disk")
	must(t, os.Remove(newestBackup(t, kept))) // its name is its second
	command(t, data, "backup")
	if all, err := filepath.Glob(filepath.Join(kept, "*")); err != nil || len(all) != 1 {
		t.Errorf("there are %v, %v", all, err)
	}
}
