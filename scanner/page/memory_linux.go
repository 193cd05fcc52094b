package page

import (
	"context"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// growing makes the memory of a sandbox grow in its place. As a slice it would
// be copied whenever it grows, and the garbage collector would keep twice of
// what a page needs.
func growing(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(reserve))
}

// reserved is the memory of one sandbox: addresses for all that it may ever
// use, of which the first used bytes are open. The rest costs nothing, and what
// was open is wiped by the system once it is given back.
type reserved struct {
	all  []byte
	used uint64
}

func reserve(_, most uint64) experimental.LinearMemory {
	all, err := unix.Mmap(-1, 0, int(most), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return &reserved{} // so that the sandbox is not made
	}
	return &reserved{all: all}
}

// Reallocate opens the first size bytes, or returns nil when there are not so
// many.
func (r *reserved) Reallocate(size uint64) []byte {
	if size > uint64(len(r.all)) {
		return nil
	}
	if size > r.used {
		if unix.Mprotect(r.all[r.used:size], unix.PROT_READ|unix.PROT_WRITE) != nil {
			return nil
		}
		r.used = size
	}
	return r.all[:size:size]
}

// Free gives everything back.
func (r *reserved) Free() {
	if r.all != nil {
		_ = unix.Munmap(r.all) // it fails for no mapping of ours
		r.all, r.used = nil, 0
	}
}
