//go:build !linux

package folder

import (
	"io/fs"
	"time"
)

// changed is when a file was last changed. Copies keep the time of the original.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }
