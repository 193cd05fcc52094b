package register

import (
	"errors"
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
		d.must(d.KeepUnderway(ctx, Underway{Kind: "ceremony", Token: token, Body: token, Ends: d.now.Add(ends)}, 2))
	}
	is := func(token string) bool {
		u := Underway{Kind: "ceremony", Token: token}
		err := d.FindUnderway(ctx, &u)
		if err != nil && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil && u.Body == token
	}
	d.must(d.KeepUnderway(ctx, Underway{Kind: "tray", Token: "a", Ends: d.now.Add(time.Hour)}, 2))
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
