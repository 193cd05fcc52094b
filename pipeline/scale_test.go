package pipeline

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// requests counts what the storage is asked.
type requests struct {
	Store
	n atomic.Int64
}

func (r *requests) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	r.n.Add(1)
	return r.Store.List(ctx, prefix)
}

func (r *requests) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	r.n.Add(1)
	return r.Store.Read(ctx, key, version)
}

func (r *requests) Traces(ctx context.Context, key string) ([]archive.Trace, error) {
	r.n.Add(1)
	return r.Store.Traces(ctx, key)
}

func (r *requests) Remove(ctx context.Context, key string, t archive.Trace) error {
	r.n.Add(1)
	return r.Store.Remove(ctx, key, t)
}

func (r *requests) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (string, error) {
	r.n.Add(1)
	return r.Store.Put(ctx, key, body, size, sum, mode)
}

// What a letter costs at the server from its manifest to its mails: requests to the
// storage and entries of the register, how long the server that leads takes for
// each manifest, one after the other, and how much sooner several letters are done by 2
// and 4 workers than by 1. It is what "Growing" in ADMIN.md goes by.
func BenchmarkWorkers(b *testing.B) {
	b.Run("folder", func(b *testing.B) { benchmarkWorkers(b, func(*Config) {}) })
	b.Run("S3", func(b *testing.B) { benchmarkWorkers(b, onS3(b)) })
}

func benchmarkWorkers(b *testing.B, storage option) {
	const letters = 8
	var counted *requests
	o := newOffice(b, storage, func(c *Config) {
		counted = &requests{Store: c.Store}
		c.Store = counted
	})
	ctx := b.Context()
	took := map[int]time.Duration{}
	var admitted time.Duration
	for b.Loop() {
		for _, workers := range []int{1, 2, 4} {
			due := make(chan letter.ID, letters)
			for range letters {
				due <- o.deposit().ID
			}
			close(due)
			requests, entries := counted.n.Load(), o.entries()
			begun := time.Now()
			o.must(o.Admit(ctx))
			admitted += time.Since(begun)
			begun = time.Now()
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for id := range due {
						if err := o.Advance(ctx, id); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			took[workers] += time.Since(begun)
			if workers == 1 {
				b.ReportMetric(float64(counted.n.Load()-requests)/letters, "requests/letter")
				b.ReportMetric(float64(o.entries()-entries)/letters, "entries/letter")
			}
		}
	}
	for _, workers := range []int{2, 4} {
		b.ReportMetric(float64(took[1])/float64(took[workers]), fmt.Sprintf("times-as-many-with-%d", workers))
	}
	b.ReportMetric(float64(admitted.Milliseconds())/float64(3*b.N*letters), "ms/admitted")
	b.ReportMetric(float64(b.N*letters)/took[1].Minutes(), "letters/min-with-1")
}
