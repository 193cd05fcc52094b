package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"letterlock/scanner/realpart"
)

// Root makes nothing in another account's data folder that this account could not read:
// a key that seals no backup, a lock that keeps the server from starting, an object.
func TestRootMakesNothingInAnothersFolder(t *testing.T) {
	realpart.Need(t, os.Geteuid() == 0, "the right to give files away: run as root")
	data, stick := newSample(t), t.TempDir()
	lock, key := filepath.Join(data, "state", "lock"), filepath.Join(stick, "backup-key.txt")
	must(t, os.RemoveAll(lock))
	must(t, filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		must(t, err)
		return os.Lchown(path, 65532, 65532)
	}))
	for _, args := range [][]string{{"key", "backup", "--out", key}, {"restore"}, {"restore", "--witness-says"}, {"check", "storage"}} {
		out, err := letterlockCmd(t, data, args...).CombinedOutput()
		if exitCode(err) != 2 || !strings.Contains(string(out), "run this as that account") {
			t.Errorf("%v ended with %v and said:\n%s", args, err, out)
		}
	}
	if exists(lock) || exists(key) {
		t.Error("there is a lock, or half of a key")
	}
	must(t, filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		must(t, err)
		info, err := d.Info()
		must(t, err)
		if info.Sys().(*syscall.Stat_t).Uid == 0 {
			t.Errorf("%s is root's", path)
		}
		return nil
	}))
}
