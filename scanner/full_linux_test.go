package scanner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"letterlock/scanner/folder"
	"letterlock/scanner/realpart"
)

// smallDisk is an office whose scanner folder and state lie on a disk of 2 MB
// with 200 inodes, and nothing else does.
type smallDisk struct {
	*office
	at string
}

func newSmallDisk(t *testing.T) *smallDisk {
	t.Helper()
	at := t.TempDir()
	err := unix.Mount("none", at, "tmpfs", 0, "size=2m,nr_inodes=200")
	realpart.Need(t, err == nil, "the right to mount: run as root")
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	d := &smallDisk{at: at}
	d.office = newOffice(t, func(o *office) {
		o.cfg.Folder, o.cfg.StateDir = filepath.Join(at, "scanner"), filepath.Join(at, "state")
	})
	return d
}

// fill leaves so many bytes and so many inodes free, or as many as there are.
func (d *smallDisk) fill(bytes, inodes int) {
	d.Helper()
	for n := range 200 {
		if d.free().Ffree <= uint64(inodes) && n > 0 {
			break
		}
		if err := os.WriteFile(d.filler(n), nil, 0o600); err != nil {
			break
		}
	}
	left := int(d.free().Bfree) * int(d.free().Bsize)
	if left > bytes {
		if err := os.WriteFile(d.filler(0), make([]byte, left-bytes), 0o600); err != nil {
			d.Fatal(err)
		}
	}
}

func (d *smallDisk) filler(n int) string { return filepath.Join(d.at, fmt.Sprintf("filler-%d", n)) }

func (d *smallDisk) free() (free unix.Statfs_t) {
	d.Helper()
	if err := unix.Statfs(d.at, &free); err != nil {
		d.Fatal(err)
	}
	return free
}

// empty makes room again.
func (d *smallDisk) empty() {
	d.Helper()
	for n := range 200 {
		if err := os.Remove(d.filler(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			d.Fatal(err)
		}
	}
}

// TestTheDiskIsFull at every write of a letter's way: there is room for so many
// bytes, or for so many files, and then for no more.
func TestTheDiskIsFull(t *testing.T) {
	const all = 1 << 20
	rooms := map[string][2]int{}
	for k := range 16 {
		rooms[fmt.Sprintf("after %d kB", 4*k)] = [2]int{4096 * k, 200}
		rooms[fmt.Sprintf("after %d files", k)] = [2]int{all, k}
	}
	hit := 0
	for name, room := range rooms {
		for _, when := range []string{"taken", "verified"} {
			t.Run(when+"/"+name, func(t *testing.T) {
				d := newSmallDisk(t)
				d.drop(line+"/mrs miller.jpg", sampleLetter(1))
				if when == "verified" {
					d.pass(settled + 1)
				}
				d.fill(room[0], room[1])
				d.pass(20)
				d.verify()
				d.pass(70)
				full := strings.Count(d.log.String(), "A disk is full")
				if full > 1 || strings.Contains(d.log.String(), "no space left") {
					t.Errorf("that a disk is full is said %d times", full)
				}
				hit += full
				d.empty()
				d.wait(10 * time.Minute)
				d.verify()
				d.pass(70)
				d.ended(1)
				if again := strings.Count(d.log.String(), `msg="All is well again." about=room`); again != full {
					t.Errorf("full %d times, and well again %d times", full, again)
				}
				for _, dir := range []string{folder.ClaimedDir, folder.SpoolDir} {
					err := filepath.WalkDir(filepath.Join(d.cfg.Folder, dir), func(name string, e os.DirEntry, err error) error {
						if err == nil && !e.IsDir() && e.Name() != ".letterlock.tmp" {
							t.Errorf("left behind: %s", name)
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	if hit < len(rooms)/2 {
		t.Errorf("of %d disks only %d were ever full", 2*len(rooms), hit)
	}
}
