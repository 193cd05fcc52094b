package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Strangers can begin something, so that its number is bounded; a backup has none
// of it.
func TestWhatIsUnderWayIsBounded(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	begin := func(token string, ends time.Duration) {
		t.Helper()
		d.must(d.KeepUnderway(ctx, Underway{Kind: "ceremony", Token: token, Body: token, Ends: d.now.Add(ends)}, Room{All: 2}))
	}
	is := func(token string) bool {
		u := Underway{Kind: "ceremony", Token: token}
		err := d.FindUnderway(ctx, &u)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && u.Body == token
	}
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "a", Ends: d.now.Add(time.Hour)}, Room{All: 2}))
	begin("a", 3*time.Minute)
	begin("b", time.Minute)
	begin("c", 2*time.Minute)
	if !is("a") || is("b") || !is("c") {
		t.Errorf("left are a: %v, b: %v, c: %v", is("a"), is("b"), is("c"))
	}
	d.must(d.EndUnderway(ctx, Underway{Kind: "ceremony", Token: "c"}))
	if is("c") || !is("a") {
		t.Error("not that one has ended, or another")
	}
	u := Underway{Kind: "ceremony", Token: "a"}
	if err := d.ChangeUnderway(ctx, u, func(u *Underway) error { u.Body = "changed"; return ErrMoved }); !errors.Is(err, ErrMoved) || !is("a") {
		t.Errorf("%v; what was refused has changed it", err)
	}
	d.now = d.now.Add(3 * time.Minute)
	if is("a") {
		t.Error("it outlives its time")
	}
	if err := d.ChangeUnderway(ctx, u, func(*Underway) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("changed after its time: %v", err)
	}
}

// Nobody who is signed in pushes out what others are in the midst of: beyond their own
// share their own give way.
func TestOnePersonDoesNotTakeAllRoom(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	keep := func(token string, person int64) {
		t.Helper()
		d.now = d.now.Add(time.Second)
		d.must(d.KeepUnderway(ctx, Underway{Kind: "ceremony", Token: token, Person: person, Ends: d.now.Add(time.Hour)}, Room{All: 10, One: 3}))
	}
	keep("another's", 2)
	keep("a stranger's", 0)
	for n := range 50 {
		keep(fmt.Sprint("mine ", n), 1)
	}
	for token, want := range map[string]error{"another's": nil, "a stranger's": nil, "mine 46": ErrNotFound, "mine 47": nil, "mine 49": nil} {
		if err := d.FindUnderway(ctx, &Underway{Kind: "ceremony", Token: token}); !errors.Is(err, want) {
			t.Errorf("%s: %v", token, err)
		}
	}
}

// busy has the person be in the midst of something, in a session and after one; gone
// reports whether all of it has gone.
func (d *desk) busy(person int64) (gone func() bool) {
	d.t.Helper()
	ctx := d.t.Context()
	token, err := d.SignIn(ctx, person, WithSSO)
	d.must(err)
	s, err := d.Session(ctx, token)
	d.must(err)
	all := []Underway{{Kind: "entered", Token: "a page", Person: person}, {Kind: "shown", Token: "an address", Session: s.Hash}, {Kind: "tray", Token: "a tray", Session: s.Hash, Person: person}}
	for _, u := range all {
		u.Ends = d.now.Add(time.Hour)
		d.must(d.KeepUnderway(ctx, u, Room{}))
	}
	return func() bool {
		left := 0
		for _, u := range all {
			if err := d.FindUnderway(ctx, &u); err == nil {
				left++
			} else if !errors.Is(err, ErrNotFound) {
				d.t.Fatal(err)
			}
		}
		return left == 0
	}
}

// What is over names letters that may be gone: it goes by itself, with nobody there
// who begins something new.
func TestWhatIsOverIsForgotten(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	kept := func() (n int) {
		t.Helper()
		d.must(d.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM underway) + (SELECT count(*) FROM sent_forms)`).Scan(&n))
		return n
	}
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "a", Body: "a letter", Ends: d.now.Add(time.Minute)}, Room{}))
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "b", Body: "a letter", Ends: d.now.Add(2 * time.Minute)}, Room{}))
	d.must(d.formTx(context.WithValue(ctx, formKey{}, Form{Token: "sent", Shows: "/l/x"}), 1, func(*sql.Tx) error { return nil }))
	for _, then := range []struct {
		after time.Duration
		left  int
	}{{0, 3}, {time.Minute, 2}, {time.Minute, 1}, {formLives, 0}} {
		d.now = d.now.Add(then.after)
		d.must(d.ForgetOver(ctx))
		if n := kept(); n != then.left {
			t.Errorf("%v later %d are kept, want %d", then.after, n, then.left)
		}
	}
}
