package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// diskWait is how long a disk is waited for: that of another machine, which is away, may
// never answer, and nothing may stand still for that.
const diskWait = 10 * time.Second

var errSilent = errors.New("it does not answer")

// patient asks what may never answer, and cannot be told to end. While one look goes on no
// other is begun, so that a disk that hangs for weeks holds one thread and not one more
// with each look.
type patient[T any] struct {
	mu  sync.Mutex
	now *look[T] // the one that goes on; nil for none
}

// look is one look. What it has found is there once done is closed.
type look[T any] struct {
	began time.Time
	done  chan struct{}
	found T
	err   error
}

// begin is the look that goes on, or else a new one. Whoever joins an earlier one has what
// that finds.
func (p *patient[T]) begin(find func() (T, error)) *look[T] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		return p.now
	}
	l := &look[T]{began: time.Now(), done: make(chan struct{})}
	p.now = l
	go func() {
		l.found, l.err = find()
		p.mu.Lock()
		p.now = nil
		p.mu.Unlock()
		close(l.done)
	}()
	return l
}

// wait is what the look finds, or errSilent once it has gone on for so long: who joins one
// that hangs is told at once.
func (l *look[T]) wait(ctx context.Context, atMost time.Duration) (found T, err error) {
	select { // first, for those that were begun together: one may hang, and the others have long been found
	case <-l.done:
		return l.found, l.err
	default:
	}
	enough := time.NewTimer(atMost - time.Since(l.began))
	defer enough.Stop()
	select {
	case <-l.done:
		return l.found, l.err
	case <-ctx.Done():
		return found, ctx.Err()
	case <-enough.C:
		return found, errSilent
	}
}
