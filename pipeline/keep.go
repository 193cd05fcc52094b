package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// keep holds in memory, for a moment, what takes long to make and is asked for
// again at once: opened letters and pictures of their pages. What it holds is
// plaintext, so it is bounded in number, bytes and time, and is wiped when it
// ends; nothing of it is ever written anywhere.
type keep[K comparable] struct {
	lives     time.Duration // since it was asked for last
	most      int
	mostBytes int

	mu     sync.Mutex
	held   map[K]*holding
	bytes  int
	closed bool
}

// holding is one thing that is held, or is being made.
type holding struct {
	made   chan struct{} // closed once bytes or failed is there
	bytes  []byte
	failed error
	users  int  // who reads bytes now
	out    bool // it cannot be found any more; the last user wipes it
	used   time.Time
	end    *time.Timer
}

var errNotMade = errors.New("making it broke off")

// newKeep holds at most so many things of so many bytes together, each until
// nobody has asked for it for as long as lives.
func newKeep[K comparable](lives time.Duration, most, mostBytes int) *keep[K] {
	return &keep[K]{lives: lives, most: most, mostBytes: mostBytes, held: map[K]*holding{}}
}

// get returns what is held under key, made by make if nothing is; whoever asks
// meanwhile waits for it. The bytes are the keep's own: they must not be changed,
// nor read after done was called.
func (k *keep[K]) get(ctx context.Context, key K, make func(context.Context) ([]byte, error)) (b []byte, done func(), err error) {
	for {
		h, mine := k.find(key)
		done = sync.OnceFunc(func() { k.letGo(h) })
		if mine {
			k.fill(ctx, key, h, make)
		}
		select {
		case <-h.made:
		case <-ctx.Done():
			done()
			return nil, nil, ctx.Err()
		}
		if h.failed == nil {
			return h.bytes, done, nil
		}
		done()
		// Whoever made it has gone away meanwhile: that is no answer to this one.
		away := errors.Is(h.failed, context.Canceled) || errors.Is(h.failed, context.DeadlineExceeded)
		if mine || !away || ctx.Err() != nil {
			return nil, nil, h.failed
		}
	}
}

// has reports whether something is held under key, or being made.
func (k *keep[K]) has(key K) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held[key] != nil
}

// settled waits for what is being made under key, if anything is, however that ends.
func (k *keep[K]) settled(ctx context.Context, key K) {
	k.mu.Lock()
	h := k.held[key]
	k.mu.Unlock()
	if h == nil {
		return
	}
	select {
	case <-h.made:
	case <-ctx.Done():
	}
}

// keys are those under which something is held, or being made.
func (k *keep[K]) keys() []K {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.held))
}

// find returns what is under key, for one user more, and whether that user is
// to make it.
func (k *keep[K]) find(key K) (h *holding, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h = k.held[key]
	if h == nil {
		h = &holding{made: make(chan struct{}), failed: errNotMade, used: time.Now()}
		mine = true
		if k.closed {
			h.out = true
		} else {
			k.held[key] = h
		}
	}
	h.users++
	if h.end != nil && !h.out {
		h.used = time.Now()
		h.end.Reset(k.lives)
	}
	return h, mine
}

// fill makes what h holds, and makes room for it.
func (k *keep[K]) fill(ctx context.Context, key K, h *holding, make func(context.Context) ([]byte, error)) {
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		close(h.made)
		switch {
		case h.out: // forgotten while it was made
		case h.failed != nil:
			delete(k.held, key)
			h.out = true
		default:
			k.bytes += len(h.bytes)
			h.used = time.Now()
			h.end = time.AfterFunc(k.lives, func() { k.forget(func(at K) bool { return at == key && k.held[at] == h }) })
			k.shrink()
		}
	}()
	h.bytes, h.failed = make(ctx)
}

// shrink forgets what was not asked for the longest, until the bounds are kept.
// What is larger than all that may be held stays with its users alone.
func (k *keep[K]) shrink() {
	for len(k.held) > k.most || k.bytes > k.mostBytes {
		var oldest K
		var found *holding
		for key, h := range k.held {
			if h.end != nil && (found == nil || h.used.Before(found.used)) {
				oldest, found = key, h
			}
		}
		if found == nil {
			return // all are still being made
		}
		k.drop(oldest, found)
	}
}

// forget forgets whatever is held under a key that matches. What is being read
// is wiped by its last reader.
func (k *keep[K]) forget(matches func(K) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, h := range k.held {
		if matches(key) {
			k.drop(key, h)
		}
	}
}

// close forgets everything, and holds nothing from now on.
func (k *keep[K]) close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	k.forget(func(K) bool { return true })
}

func (k *keep[K]) drop(key K, h *holding) {
	delete(k.held, key)
	h.out = true
	if h.end != nil {
		h.end.Stop()
		k.bytes -= len(h.bytes)
	}
	if h.users == 0 {
		clear(h.bytes)
	}
}

func (k *keep[K]) letGo(h *holding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h.users--; h.users == 0 && h.out {
		clear(h.bytes)
	}
}
