package disk

import "golang.org/x/sys/unix"

// blockSize is the unit of what statfs(2) counts: f_frsize, and f_bsize where an old
// file system leaves that empty. On FUSE the two differ.
func blockSize(has *unix.Statfs_t) uint64 {
	if has.Frsize > 0 {
		return uint64(has.Frsize)
	}
	return uint64(has.Bsize)
}
