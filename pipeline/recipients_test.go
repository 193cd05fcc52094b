package pipeline

import (
	"context"
	"crypto/sha256"
	"io"
	"sync/atomic"
	"testing"

	"letterlock/scanner/deposit"
)

// overtaken is a store in which the first put of a list is done only after the
// second, and the second is answered only when whoever made the first has ended.
type overtaken struct {
	Store
	puts                 atomic.Int32
	begun, second, ended chan struct{}
}

func (o *overtaken) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (version string, err error) {
	switch o.puts.Add(1) {
	case 1:
		close(o.begun)
		<-o.second
	case 2:
		version, err = o.Store.Put(ctx, key, body, size, sum, mode)
		close(o.second)
		<-o.ended
		return version, err
	}
	return o.Store.Put(ctx, key, body, size, sum, mode)
}

// Two processes publish in one moment, and the older list comes last: that is no
// sign of a restore.
func TestTwoPublishAtOnce(t *testing.T) {
	o := newOffice(t)
	store := &overtaken{Store: o.cfg.Store, begun: make(chan struct{}), second: make(chan struct{}), ended: make(chan struct{})}
	o.cfg.Store = store
	var first error
	go func() {
		defer close(store.ended)
		first = o.PublishRecipients(t.Context())
	}()
	<-store.begun
	o.must(o.PublishRecipients(t.Context()))
	o.must(first)
	if signs, err := o.RestoreSigns(t.Context()); err != nil || len(signs) != 0 {
		t.Errorf("signs %v, %v", signs, err)
	}
}
