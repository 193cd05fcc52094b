package pipeline

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// larder is a keep under test, which counts what is made.
type larder struct {
	*keep[string]
	t    *testing.T
	made atomic.Int32
}

func (l *larder) gets(key string, bytes int) (b []byte, done func()) {
	l.t.Helper()
	b, done, err := l.get(l.t.Context(), key, func(context.Context) ([]byte, error) {
		l.made.Add(1)
		b := make([]byte, bytes)
		for i := range b {
			b[i] = 'x'
		}
		return b, nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return b, done
}

func wiped(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

func TestKeepHoldsNoMoreThanItMay(t *testing.T) {
	l := &larder{keep: newKeep[string](time.Hour, 2, 100), t: t}
	a, done := l.gets("a", 10)
	done()
	_, done = l.gets("b", 10)
	done()
	_, done = l.gets("a", 10)
	done()
	if l.made.Load() != 2 || wiped(a) {
		t.Fatalf("%d made, wiped: %v", l.made.Load(), wiped(a))
	}
	_, done = l.gets("c", 10) // b was not asked for the longest
	done()
	if l.has("b") || !l.has("a") || !l.has("c") {
		t.Error("it is not the one that was not asked for the longest that goes")
	}
	_, done = l.gets("d", 95)
	done()
	if l.has("a") || l.has("c") || !l.has("d") || l.bytes != 95 || !wiped(a) {
		t.Errorf("more bytes than may be are held: %d", l.bytes)
	}
	large, done := l.gets("e", 101)
	if l.has("e") || l.bytes != 0 || wiped(large) {
		t.Error("what is larger than all that may be held is for its user alone")
	}
	done()
	if !wiped(large) {
		t.Error("and is wiped after it")
	}
}

func TestKeepWipesWhatNobodyReadsAnyMore(t *testing.T) {
	l := &larder{keep: newKeep[string](time.Hour, 9, 100), t: t}
	a, first := l.gets("a", 10)
	_, second := l.gets("a", 10)
	first()
	first() // said twice, it counts once
	l.forget(func(key string) bool { return key == "a" })
	if l.has("a") || wiped(a) {
		t.Fatal("it is taken away from under its reader, or still found")
	}
	second()
	if !wiped(a) {
		t.Error("its last reader has left, and it is there")
	}
	b, done := l.gets("b", 10)
	done()
	l.close()
	c, done := l.gets("c", 10)
	if !wiped(b) || l.has("c") || l.bytes != 0 {
		t.Error("closed, it holds something")
	}
	done()
	if !wiped(c) {
		t.Error("closed, it wipes nothing")
	}
}

func TestKeepEndsByItself(t *testing.T) {
	l := &larder{keep: newKeep[string](time.Millisecond, 9, 100), t: t}
	a, done := l.gets("a", 10)
	for l.has("a") {
		time.Sleep(time.Millisecond)
	}
	if wiped(a) {
		t.Fatal("under its reader")
	}
	done()
	if !wiped(a) {
		t.Error("it is there")
	}
}

// Whoever waits for what another makes gets it once; if the other goes away, the
// first who waits makes it; and what failed is tried anew.
func TestKeepMakesItOnce(t *testing.T) {
	l := &larder{keep: newKeep[string](time.Hour, 9, 100), t: t}
	begun, gone := make(chan struct{}), errors.New("the storage is away")
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		_, _, err := l.get(ctx, "a", func(ctx context.Context) ([]byte, error) {
			close(begun)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("who went away is told: %v", err)
		}
	})
	<-begun
	for range 8 {
		all.Go(func() {
			b, done := l.gets("a", 10)
			if len(b) != 10 || wiped(b) {
				t.Error("it is not what was made")
			}
			done()
		})
	}
	cancel()
	all.Wait()
	if n := l.made.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
	for range 2 {
		if _, _, err := l.get(t.Context(), "b", func(context.Context) ([]byte, error) { return nil, gone }); !errors.Is(err, gone) {
			t.Errorf("what failed says: %v", err)
		}
	}
	if _, done := l.gets("b", 1); l.made.Load() != 2 {
		t.Error("what failed is not tried anew")
	} else {
		done()
	}
}
