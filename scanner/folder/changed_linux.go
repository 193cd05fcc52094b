package folder

import (
	"io/fs"
	"syscall"
	"time"
)

// changed is when a file was last changed as its folder's system has it: the
// later of the time of its bytes, which copies keep, and that of its name and
// owner.
func changed(info fs.FileInfo) time.Time {
	at := info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if named := time.Unix(st.Ctim.Unix()); named.After(at) {
			return named
		}
	}
	return at
}
