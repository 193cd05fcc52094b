package disk

import "golang.org/x/sys/unix"

// blockSize is the unit of what statfs(2) counts.
func blockSize(has *unix.Statfs_t) uint64 { return uint64(has.Bsize) }
