package register

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// TestSessionsAtOnce: one more than there may be ends the oldest, of that person
// alone.
func TestSessionsAtOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n, other := d.leader(), d.leader()
	lives := func(token string) bool {
		t.Helper()
		_, err := d.Session(ctx, token)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	theirs, err := d.SignIn(ctx, other, WithPasskey)
	d.must(err)
	var tokens []string
	for range SessionsAtOnce + 2 { // the first two within one millisecond
		token, err := d.SignIn(ctx, n, WithPasskey)
		d.must(err)
		if tokens = append(tokens, token); len(tokens) > 1 {
			d.now = d.now.Add(time.Second)
		}
		if !lives(token) {
			t.Fatalf("session %d was never there", len(tokens))
		}
	}
	for i, token := range tokens {
		if want := i >= 2; lives(token) != want {
			t.Errorf("session %d lives: %v", i+1, !want)
		}
	}
	if !lives(theirs) {
		t.Error("somebody else's has ended")
	}
}

func TestASessionIsRenewed(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	old, err := d.SignIn(ctx, d.leader(), WithPasskey)
	d.must(err)
	s, err := d.Session(ctx, old)
	d.must(err)
	d.now = d.now.Add(time.Minute)
	token, hash, err := d.RenewSession(ctx, s.Hash)
	d.must(err)
	if _, err := d.Session(ctx, old); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old token: %v", err)
	}
	if now, err := d.Session(ctx, token); err != nil || now.Started != s.Started || now.Person.Number != s.Person.Number || !bytes.Equal(now.Hash, hash) {
		t.Errorf("%+v, %v", now, err)
	}
	if _, _, err := d.RenewSession(ctx, s.Hash); !errors.Is(err, ErrMoved) {
		t.Errorf("one that has ended: %v", err)
	}
}
