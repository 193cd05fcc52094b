package pipeline

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// flooded is a store into whose incoming/ somebody has put more than there is time for.
type flooded struct {
	Store
	junk   []string     // keys, in order; what lies there nobody has signed
	asked  atomic.Int64 // requests
	listed atomic.Int64 // keys that were listed
	before func()       // called before incoming/ is listed; nil for nothing
}

func (f *flooded) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	f.asked.Add(1)
	if f.before != nil && strings.HasPrefix(prefix, letter.IncomingPrefix) {
		f.before()
	}
	return func(yield func(string, error) bool) {
		from, _ := slices.BinarySearch(f.junk, prefix)
		for _, key := range f.junk[from:] {
			if !strings.HasPrefix(key, prefix) {
				break
			}
			if f.listed.Add(1); !yield(key, nil) {
				return
			}
		}
		for key, err := range f.Store.List(ctx, prefix) {
			if f.listed.Add(1); !yield(key, err) {
				return
			}
		}
	}
}

func (f *flooded) Folders(ctx context.Context, prefix string) ([]string, error) {
	f.asked.Add(1)
	return f.Store.Folders(ctx, prefix)
}

func (f *flooded) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	f.asked.Add(1)
	if _, is := slices.BinarySearch(f.junk, key); is {
		return io.NopCloser(strings.NewReader("junk")), 4, nil
	}
	return f.Store.Read(ctx, key, version)
}

func (f *flooded) Traces(ctx context.Context, key string) ([]archive.Trace, error) {
	f.asked.Add(2)
	return f.Store.Traces(ctx, key)
}

// flood puts so many keys into the place of the office's scanner.
func (o *office) flood(n int) *flooded {
	f := &flooded{Store: o.cfg.Store}
	for range n {
		f.junk = append(f.junk, letter.IncomingKey("office", letter.NewID()))
	}
	slices.Sort(f.junk)
	o.putRaw(letter.IncomingKey("office", letter.NewID()), bytes.Repeat([]byte("x"), 4)) // so that its folder is there
	o.cfg.Store = f
	return f
}

// Whoever holds one scanner's credentials holds up no other's letters, costs each pass so
// much and no more, and is named; the site's own letters come in their turn.
func TestAFloodOfOneScannerHoldsUpNoOther(t *testing.T) {
	o := newOffice(t)
	f := o.flood(20_000)
	own := o.deposit()
	office := o.site
	var public string
	o.site, public = signer(t, "annexe")
	o.must(o.cfg.Register.AddEdge(t.Context(), "annexe", public))
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Site = "annexe" })
	o.site = office

	o.must(o.Admit(t.Context()))
	if o.state(m.ID).State != register.Admitted {
		t.Error("the letter of another scanner waits")
	}
	if asked, listed := f.asked.Load(), f.listed.Load(); asked > 500 || listed > 5000 {
		t.Errorf("it took %d requests, and %d keys were listed", asked, listed)
	}
	n, err := o.oddSites(t.Context())
	o.must(err)
	if odd, err := o.keptOdd(t.Context()); n != 1 || len(odd["office"]) != 1 || odd["office"][0] != oddFlood {
		t.Errorf("odd are %v, %v", odd, err)
	}
	f.junk = f.junk[:10_000] // enough that one portion is not all of them, below any beginning
	passes, most := 0, 5*len(beginnings)
	for ; passes < most; passes++ {
		if _, err := o.cfg.Register.Letter(t.Context(), own.ID); err == nil {
			break
		}
		o.must(o.Admit(t.Context()))
		o.now = o.now.Add(time.Second)
	}
	if passes == most {
		t.Error("the scanner's own letter is never taken")
	}
	f.junk = nil
	o.now = o.now.Add(floodRest)
	o.must(o.Admit(t.Context()))
	if held := o.held(); len(held) > 1 {
		t.Errorf("%d are held of what is gone", len(held))
	}
}

// A stranger's, or a revoked scanner's, keys cost no request but the listing.
func TestAStrangersFloodCostsNothing(t *testing.T) {
	o := newOffice(t)
	f := o.flood(500)
	o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
	o.must(o.Admit(t.Context()))
	if asked := f.asked.Load(); asked > 3 || len(o.held()) != 501 {
		t.Errorf("it took %d requests; %d are held", asked, len(o.held()))
	}
}

// What is due is ended though what was brought is never done with.
func TestWhatIsDueWaitsForNoIntake(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.SweepEvery = 10 * time.Millisecond })
	m := o.deposit()
	o.work(m.ID)
	o.now = m.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	f := o.flood(1)
	gone := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	f.before = func() { // intake takes for ever
		select {
		case <-gone:
		case <-ctx.Done():
		}
	}
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	for late := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := o.cfg.Register.Letter(t.Context(), m.ID); err != nil {
			break
		}
		if time.Now().After(late) {
			t.Error("the letter is still there")
			break
		}
	}
	close(gone)
	for late := time.Now().Add(2 * time.Minute); o.kinds("letter-deleted") == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Error("it is not proven gone")
			break
		}
	}
	stop()
	o.must(<-done)
}
