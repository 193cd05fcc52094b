package disk

import (
	"os"

	"golang.org/x/sys/windows"
)

// RoomAt measures the volume on which a folder lies; Windows counts no files. The
// error is fs.ErrNotExist, wrapped, where there is no such folder.
func RoomAt(folder string) (Room, error) {
	name, err := windows.UTF16PtrFromString(folder)
	if err != nil {
		return Room{}, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: folder, Err: err}
	}
	var room Room
	if err := windows.GetDiskFreeSpaceEx(name, &room.Free, &room.Size, nil); err != nil {
		return Room{}, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: folder, Err: err}
	}
	volume := make([]uint16, windows.MAX_LONG_PATH)
	if err := windows.GetVolumePathName(name, &volume[0], uint32(len(volume))); err != nil {
		return Room{}, &os.PathError{Op: "GetVolumePathName", Path: folder, Err: err}
	}
	room.Volume = windows.UTF16ToString(volume)
	return room, nil
}
