package register

import (
	"errors"
	"testing"
	"time"
)

// One server has the lead, takes it from another only where that still has it, and
// leaves it with its place.
func TestServersAndTheirLead(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	a, b := Running{Name: "a", Boot: "1", Program: "v1"}, Running{Name: "b", Boot: "2"}
	d.must(d.Join(ctx, a))
	d.must(d.Join(ctx, b))
	d.must(d.Lead(ctx, "", a.ID()))
	if err := d.Lead(ctx, "", b.ID()); !errors.Is(err, ErrMoved) {
		t.Errorf("the lead is given twice: %v", err)
	}
	d.must(d.Lead(ctx, a.ID(), b.ID()))
	if err := d.Lead(ctx, a.ID(), b.ID()); !errors.Is(err, ErrMoved) {
		t.Errorf("it is taken from one that has it no more: %v", err)
	}
	again := Running{Name: "a", Boot: "3", Program: "v2"}
	d.must(d.Join(ctx, again))
	if err := d.Beat(ctx, a); !errors.Is(err, ErrMoved) {
		t.Errorf("an earlier start goes on: %v", err)
	}
	d.must(d.Depart(ctx, a)) // of one that is over already
	d.now = d.now.Add(time.Minute)
	d.must(d.Beat(ctx, again))
	since := d.now.Add(-time.Hour)
	d.must(d.Heard(ctx, again, since, -90*time.Minute))
	all, err := d.Running(ctx)
	d.must(err)
	if len(all) != 2 || all[0].Boot != "3" || all[0].Beat != 1 || all[0].Program != "v2" || !all[0].Clock.Equal(d.now) ||
		!all[0].Silent.Equal(since) || all[0].Apart != -90*time.Minute || !all[1].Silent.IsZero() {
		t.Errorf("at work: %+v", all)
	}
	stale := all[0]
	d.must(d.Beat(ctx, again))
	d.must(d.Forget(ctx, stale))
	if all, err = d.Running(ctx); err != nil || len(all) != 2 {
		t.Errorf("one that lives is forgotten: %+v, %v", all, err)
	}
	d.must(d.Depart(ctx, b))
	if leader, err := d.Leader(ctx); err != nil || leader != "" {
		t.Errorf("%q leads, %v", leader, err)
	}
	if err := d.Beat(ctx, b); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that has left goes on: %v", err)
	}
}
