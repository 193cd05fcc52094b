package pipeline

import (
	"context"
	"crypto/sha256"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
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

// lastMoment does something of its own before and after a recipients list is put.
type lastMoment struct {
	Store
	before, after func()
}

func (l lastMoment) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (string, error) {
	if key != letter.RecipientsKey {
		return l.Store.Put(ctx, key, body, size, sum, mode)
	}
	l.before()
	version, err := l.Store.Put(ctx, key, body, size, sum, mode)
	l.after()
	return version, err
}

// Two servers publish at once, and the one that was slower dies when its list, the older
// one, lies above the other's. That is no restored bucket: nothing is closed, and the next
// sweep publishes what scanners believe again. Days later the same list is a sign.
func TestTwoServersPublishAtOnceAndOneDies(t *testing.T) {
	o := newOffice(t).begun()
	ctx := t.Context()
	dying := o.beside("second")
	dying.cfg.Store = lastMoment{dying.cfg.Store, func() { o.must(o.PublishRecipients(ctx)) }, runtime.Goexit}
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		_ = dying.PublishRecipients(ctx)
	}()
	<-dead
	given, published, err := o.cfg.Register.Serials(ctx)
	o.must(err)
	older, err := o.readSmall(ctx, letter.RecipientsKey)
	o.must(err)
	if there := o.list().Serial; there >= published || published != given {
		t.Fatalf("list %d lies there, %d was published, of %d", there, published, given)
	}
	if signs, err := o.RestoreSigns(ctx); err != nil || len(signs) > 0 {
		t.Errorf("signs: %v, %v", signs, err)
	}
	if doubt, err := o.doubt(ctx); err != nil || doubt != "" {
		t.Errorf("in doubt: %q, %v", doubt, err)
	}
	o.must(o.uncoverList(ctx))
	if there := o.list().Serial; there <= given {
		t.Errorf("list %d lies there after that, of %d", there, given)
	}
	o.now = o.now.AddDate(0, 0, 2)
	o.putRaw(letter.RecipientsKey, older)
	if signs, err := o.RestoreSigns(ctx); err != nil || !slices.Contains(signs, register.SignRecipients) {
		t.Errorf("two days later: signs %v, %v", signs, err)
	}
}
