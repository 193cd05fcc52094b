package register

import (
	"slices"
	"testing"

	"letterlock/scanner/letter"
)

// A restore may find an old scan of which the register has never heard: it is a
// letter of its own, and its paper is kept.
func TestAnOldScanIsAdopted(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	m := d.manifest()
	at := Lodging{Class: m.Class, Helpline: m.Helpline, Since: m.ReceivedOn(), Version: "v1"}
	d.must(d.Adopt(ctx, Adoption{Manifest: m, At: at, Paper: letter.PaperReplaced}))
	d.wants(m.ID, Receipted, letter.PaperKept)
	leader := d.leader()
	d.opens(m.ID, leader)
	d.must(d.MarkReadable(ctx, m.ID, leader))
	d.wants(m.ID, Readable, letter.PaperMayGo)
	d.balanced()
}

// A new scan that a restore adopts is told of when its scanner announces it again:
// then it has the walls of the letter that it names.
func TestANewScanIsAdoptedAndAnnounced(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, walled := d.leader(), d.leader()
	old := d.askedAgain(leader)
	d.opens(old.ID, walled)
	d.must(d.Recuse(ctx, old.ID, walled))
	m := d.manifest()
	m.Received = old.Received
	d.must(d.Adopt(ctx, Adoption{Manifest: m, At: Lodging{Class: m.Class, Helpline: m.Helpline, Since: m.ReceivedOn(), Version: "v1"}}))
	m.Replaces = old.ID
	for range 2 { // once a day
		d.must(d.Admit(ctx, m))
	}
	if l := d.letter(m.ID); !slices.Equal(l.Walled, []int64{walled}) {
		t.Errorf("walled off are %v", l.Walled)
	}
}

// An answer that a restore finds with another helpline, which has its letter since,
// is what it was: whatever waits to be kept is not shown to all of that for it.
func TestAnAnswerIsFoundElsewhere(t *testing.T) {
	for _, draft := range []bool{true, false} {
		d, ctx := newDesk(t), t.Context()
		leader := d.leader()
		l := d.receipted()
		d.opens(l.ID, leader)
		id, want := letter.ID(""), Draft
		if draft {
			id = d.draft(l.ID, leader)
		} else {
			id, want = d.answered(l.ID, leader), Filed
		}
		a := d.letter(id)
		d.must(d.FindElsewhere(ctx, &a, Lodging{Class: a.Class, Helpline: "mens-advice-line", Since: a.Since, Version: "v2"}, false))
		if a := d.letter(id); a.State != want || a.Helpline != "mens-advice-line" {
			t.Errorf("it is %s, of %s", a.State, a.Helpline)
		}
	}
}
