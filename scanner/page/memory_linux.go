package page

import (
	"context"
	"sync"
	"time"

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
// use, of which the first used bytes are open. The rest costs nothing.
type reserved struct {
	all  []byte
	used uint64
}

func reserve(_, most uint64) experimental.LinearMemory {
	if r := warm.take(most); r != nil {
		return r
	}
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

// Free wipes everything and keeps it for the next sandbox for a while, or gives it
// back to the system, which wipes it.
func (r *reserved) Free() {
	if r.all == nil {
		return
	}
	was := *r
	r.all, r.used = nil, 0
	if was.used > mostWarm {
		was.giveBack()
		return
	}
	clear(was.all[:was.used])
	warm.keep(&was)
}

func (r *reserved) giveBack() { _ = unix.Munmap(r.all) } // it fails for no mapping of ours

// A sandbox begins with some 20 MB and soon has more. To find memory for them anew
// for each document can take longer than to draw a page of it, where the system
// runs in a virtual machine: so what a sandbox has used is kept, wiped, for as long
// as another document is likely to come.
const (
	mostWarm = 64 << 20 // bytes of one sandbox
	warmTime = time.Minute
)

var warm warmed

// warmed is the memory of sandboxes that are gone.
type warmed struct {
	mu     sync.Mutex
	kept   []*reserved
	cooled *time.Timer // nil until something was kept
}

// take is one for so many bytes at most, or nil.
func (w *warmed) take(most uint64) *reserved {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.kept)
	if n == 0 || uint64(len(w.kept[n-1].all)) != most {
		return nil
	}
	r := w.kept[n-1]
	w.kept = w.kept[:n-1]
	return r
}

// keep keeps as many as there are sandboxes at once.
func (w *warmed) keep(r *reserved) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.kept) == maxBeside {
		r.giveBack()
		return
	}
	w.kept = append(w.kept, r)
	if w.cooled == nil {
		w.cooled = time.AfterFunc(warmTime, w.cool)
	} else {
		w.cooled.Reset(warmTime)
	}
}

// cool gives everything back.
func (w *warmed) cool() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.kept {
		r.giveBack()
	}
	w.kept = nil
}
