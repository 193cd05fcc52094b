package disktest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/disk"
)

// A rename is kept or undone as one. Syncing the folder of arrival keeps it;
// syncing only the one that was left may lose the file.
func TestWhatAPowerCutLeavesOfARename(t *testing.T) {
	for _, c := range []struct {
		sync string
		want map[string]bool // where the file may be
	}{
		{"", map[string]bool{"from": true, "to": true}},
		{"to", map[string]bool{"to": true}},
		{"from", map[string]bool{"to": true, "": true}},
	} {
		got := map[string]bool{}
		for seed := range uint64(50) {
			d := New(time.Now)
			for _, dir := range []string{"from", "to"} {
				if err := disk.MakeDir(d, dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			err := errors.Join(disk.WriteBytes(d, "from/a", 0o600, []byte("scan")), d.Rename("from/a", "to/a"))
			if c.sync != "" {
				err = errors.Join(err, d.SyncDir(c.sync))
			}
			if err != nil {
				t.Fatal(err)
			}
			d.PowerCut(rand.New(rand.NewPCG(seed, 1)))
			at := ""
			d.Files(func(name string, data []byte) { at += name[:len(name)-2] })
			got[at] = true
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("synced %q: the file may be in %v, not %v", c.sync, got, c.want)
		}
	}
}

// An answer that is lost is an error of an operation that was done.
func TestLostAnswers(t *testing.T) {
	d := New(time.Now)
	lost := fmt.Errorf("%w: %w", syscall.EIO, ErrDone)
	d.Fault = func(Op) error { return lost }
	if err := d.Mkdir("dir", 0o700); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	file, err := d.OpenFile("a", os.O_CREATE|os.O_WRONLY, 0o600)
	if file != nil || !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, %v", file, err)
	}
	if err := d.Rename("a", "dir/b"); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v", err)
	}
	// What really went wrong is said as well as ever.
	if err := d.Remove("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	d.Fault = nil
	if !disk.Exists(d, "dir/b") || disk.Exists(d, "a") {
		t.Errorf("not done:\n%s", d)
	}
}

// A write that fails has done half of its work.
func TestAWriteFails(t *testing.T) {
	d := New(time.Now)
	file, err := d.OpenFile("a", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	d.Fault = func(Op) error { return syscall.ENOSPC }
	if n, err := file.Write([]byte("abcd")); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %d, %v", n, err)
	}
	d.Fault = nil
	if data, err := disk.ReadFile(d, "a"); string(data) != "ab" || err != nil {
		t.Errorf("got %q, %v", data, err)
	}
}
