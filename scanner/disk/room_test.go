package disk_test

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"letterlock/scanner/disk"
)

// A large disk wants a gigabyte free, a small one a twentieth of itself; and what does
// not say how large it is, is not complained of.
func TestADiskIsNearlyFull(t *testing.T) {
	for name, c := range map[string]struct {
		room            disk.Room
		short, fewFiles bool
	}{
		"large and empty":          {disk.Room{Free: 9e11, Size: 1e12, Left: 9e6, Files: 1e7}, false, false},
		"large, a gigabyte left":   {disk.Room{Free: 1e9, Size: 1e12}, false, false},
		"large, less than that":    {disk.Room{Free: 1e9 - 1, Size: 1e12}, true, false},
		"small, a twentieth left":  {disk.Room{Free: 2e5, Size: 4e6}, false, false},
		"small, less than that":    {disk.Room{Free: 2e5 - 1, Size: 4e6}, true, false},
		"full":                     {disk.Room{Size: 1e12}, true, false},
		"many files, 1000 left":    {disk.Room{Free: 9e11, Size: 1e12, Left: 1000, Files: 1e7}, false, false},
		"many files, 999 left":     {disk.Room{Free: 9e11, Size: 1e12, Left: 999, Files: 1e7}, false, true},
		"few files, 10 of 200":     {disk.Room{Free: 9e11, Size: 1e12, Left: 10, Files: 200}, false, false},
		"few files, 9 of 200":      {disk.Room{Free: 9e11, Size: 1e12, Left: 9, Files: 200}, false, true},
		"files are not counted":    {disk.Room{Free: 9e11, Size: 1e12}, false, false},
		"it does not say how much": {disk.Room{}, false, false},
	} {
		if c.room.Short() != c.short || c.room.FewFiles() != c.fewFiles {
			t.Errorf("%s: short %t, few files %t", name, c.room.Short(), c.room.FewFiles())
		}
	}
}

func TestEachDiskIsMeasuredOnce(t *testing.T) {
	one, other := disk.Room{Volume: "one", Free: 1, Size: 2}, disk.Room{Volume: "other", Free: 3, Size: 4}
	measure := func(folder string) (disk.Room, error) {
		switch folder {
		case "gone":
			return disk.Room{}, fmt.Errorf("measuring: %w", fs.ErrNotExist)
		case "strange":
			return disk.Room{}, errors.ErrUnsupported
		case "silent":
			return disk.Room{Volume: "silent"}, nil
		case "shut":
			return disk.Room{}, &fs.PathError{Op: "statfs", Path: "/mrs miller", Err: fs.ErrPermission}
		case "other":
			return other, nil
		}
		return one, nil
	}
	all, err := disk.Volumes([]string{"a", "gone", "other", "b", "strange", "silent"}, measure)
	if want := []disk.Volume{{Room: one, Holds: []int{0, 3}}, {Room: other, Holds: []int{2}}}; err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("%v, %v", all, err)
	}
	if all, err = disk.Volumes([]string{"shut", "a"}, measure); !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "miller") || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
