package disk

import (
	"errors"
	"io/fs"
	"slices"
)

// Room is how much a file system can still take.
type Room struct {
	Volume     string // tells one file system from another on this machine
	Free, Size uint64 // in bytes; Free is what this account may still use. Size is 0 where the file system does not say
	Left       uint64 // how many files more can be made
	Files      uint64 // how many it can hold; 0 where it sets no limit of its own
}

const (
	// enoughRoom in bytes lets days go by before somebody comes: a scan that was
	// claimed lies on its disk again sealed, and on the server a backup copies the
	// database, while the log of its changes may grow as large as that.
	enoughRoom  = 1e9
	enoughFiles = 1000 // a letter takes a few, on either side, until it has moved on
	// On a small disk, like the keyring's own of a few megabytes, a twentieth does.
	smallDisksShare = 20
)

// Short reports whether somebody should make room before nothing is left.
func (r Room) Short() bool { return r.Size > 0 && r.Free < min(enoughRoom, r.Size/smallDisksShare) }

// FewFiles is Short for the number of files, of which a disk may have too many small
// ones while there is room for what they hold.
func (r Room) FewFiles() bool {
	return r.Files > 0 && r.Left < min(enoughFiles, r.Files/smallDisksShare)
}

// Volume is a file system, and which of the folders that were asked for lie on it.
type Volume struct {
	Room
	Holds []int // their indices
}

// Unmeasured reports whether a folder is not measured for a reason that is no fault of
// its disk: it is not there, or nothing can be measured on this system.
func Unmeasured(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported)
}

// Volumes measures where these folders lie, each file system once, in the order of
// their first folders. A folder that is not there is left out, since whoever needs it
// says so better, and so is what does not say how much it can take.
func Volumes(folders []string, measure func(folder string) (Room, error)) (all []Volume, err error) {
	for i, folder := range folders {
		room, failed := measure(folder)
		if failed != nil {
			if !Unmeasured(failed) {
				err = errors.Join(err, Plain("measuring a disk's room", failed))
			}
			continue
		}
		if room.Size == 0 && room.Files == 0 {
			continue
		}
		at := slices.IndexFunc(all, func(v Volume) bool { return v.Volume == room.Volume })
		if at < 0 {
			at, all = len(all), append(all, Volume{Room: room})
		}
		all[at].Holds = append(all[at].Holds, i)
	}
	return all, err
}
