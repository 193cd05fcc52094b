//go:build !linux && !darwin && !windows

package disk

import "errors"

// RoomAt cannot measure a file system here.
func RoomAt(string) (Room, error) { return Room{}, errors.ErrUnsupported }
