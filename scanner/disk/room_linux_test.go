package disk_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"letterlock/scanner/disk"
	"letterlock/scanner/realpart"
)

// A real disk of 2 MB that holds 200 files is measured as it fills.
func TestARealDiskIsNearlyFull(t *testing.T) {
	at := t.TempDir()
	err := unix.Mount("none", at, "tmpfs", 0, "size=2m,nr_inodes=200")
	realpart.Need(t, err == nil, "the right to mount: run as root")
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	below := filepath.Join(at, "below")
	must(t, os.Mkdir(below, 0o700))
	measured := func() disk.Volume {
		t.Helper()
		all, err := disk.Volumes([]string{at, t.TempDir(), below}, disk.RoomAt)
		if err != nil || len(all) != 2 || len(all[0].Holds) != 2 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[0]
	}
	if v := measured(); v.Short() || v.FewFiles() || v.Size != 2<<20 || v.Files != 200 || v.Free == 0 || v.Free > v.Size {
		t.Errorf("empty, it is %+v", v)
	}
	must(t, os.WriteFile(filepath.Join(at, "large"), make([]byte, 2<<20-64<<10), 0o600))
	if v := measured(); !v.Short() || v.FewFiles() {
		t.Errorf("with a large file, it is %+v", v)
	}
	must(t, os.Remove(filepath.Join(at, "large")))
	for n := range 190 {
		must(t, os.WriteFile(filepath.Join(at, fmt.Sprint(n)), nil, 0o600))
	}
	if v := measured(); v.Short() || !v.FewFiles() {
		t.Errorf("with many files, it is %+v", v)
	}
	if _, err := disk.RoomAt(filepath.Join(at, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a folder that is not there: %v", err)
	}
}
