//go:build !linux

package folder

import "os"

// sameFileSystem reports whether two folders are of one file system, as far as
// that is known here.
func sameFileSystem(_, above string) bool {
	_, err := os.Stat(above)
	return err == nil
}

// fileSystem says what the file system of the folder may keep. Nothing is known
// of that here.
func fileSystem(string) []Bin { return nil }
