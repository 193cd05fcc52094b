package register

import (
	"slices"
	"testing"

	"letterlock/scanner/letter"
)

// adoptAnswer has a restore find an answer to the letter.
func (d *desk) adoptAnswer(to letter.ID, by int64, class letter.Class) letter.ID {
	d.t.Helper()
	m := d.manifest()
	m.Site = ResponseSite
	a := AnswerAdoption{Manifest: m, Answers: to, UploadedBy: by,
		At: Lodging{Class: class, Helpline: m.Helpline, Since: m.ReceivedOn(), Version: "v1", Size: m.Size, SHA256: m.SHA256}}
	d.must(d.AdoptAnswer(d.t.Context(), a))
	if err := d.AdoptAnswer(d.t.Context(), a); err != ErrAlreadyDeleted {
		d.t.Errorf("adopted twice: %v", err)
	}
	return m.ID
}

// An answer that a restore finds is its uploader's to keep, if they can be asked and
// may read it; else it is kept, and whoever is walled off from its letter does not
// see it.
func TestAnAnswerIsAdopted(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, walled := d.leader(), d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	l := d.receipted()
	d.opens(l.ID, walled)
	d.must(d.Recuse(ctx, l.ID, walled))
	nowhere := letter.NewID()
	for name, c := range map[string]struct {
		to    letter.ID
		by    int64
		class letter.Class
		want  State
	}{
		"their own":            {l.ID, leader, letter.SixMonths, Draft},
		"of who is walled off": {l.ID, walled, letter.SixMonths, Filed},
		"of nobody known":      {l.ID, 77, letter.SixMonths, Filed},
		"to a letter gone":     {nowhere, leader, letter.SixMonths, Draft},
		"kept for long":        {l.ID, leader, letter.FiveYears, Filed},
	} {
		a := d.letter(d.adoptAnswer(c.to, c.by, c.class))
		if a.State != c.want || a.Answers != c.to || a.Paper != "" || a.Unkept() != (c.want == Draft) {
			t.Errorf("%s: it is %+v", name, a)
		}
		if c.to == l.ID && !slices.Equal(a.Walled, []int64{walled}) {
			t.Errorf("%s: walled off are %v", name, a.Walled)
		}
		if held := c.class == letter.FiveYears; a.Held() != held || a.Named == nobodyElse != held || a.MoveDue() {
			t.Errorf("%s: it lies %+v, for %d", name, a.Lies, a.Named)
		}
		if may, err := mayRead(ctx, d.read, a, manager); err != nil || !may {
			t.Errorf("%s: the manager may not read it, %v", name, err)
		}
	}
	d.balanced()
}

// The answer goes with the newest scan of the paper, and stays with it once another
// paper is found to have been scanned: to which of the two it was is on no record.
func TestAnAnswerToAnOldScanIsAdopted(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	old := d.askedAgain(leader)
	m := d.manifest()
	m.Received, m.Replaces = old.Received, old.ID
	newest := d.receiptedAs(m)
	a := d.adoptAnswer(old.ID, leader, letter.SixMonths)
	if to := d.letter(a).Answers; to != newest.ID {
		t.Errorf("it answers %s", to)
	}
	d.opens(newest.ID, leader)
	d.must(d.MarkOtherPaper(ctx, newest.ID, leader))
	if to := d.letter(a).Answers; to != newest.ID {
		t.Errorf("taken apart, it answers %s", to)
	}
	d.balanced()
}

// A draft that comes back with a restore waits for its uploader again. Where they may not
// read it any more nobody can be asked whether it was kept: it is, under whatever holds
// its letter, also if the backup was made before it was read back. So is one that lies where
// only what is kept does.
func TestADraftComesBackOfWhoCannotBeAsked(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	asked, walled := d.leader(), d.leader()
	owner, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	l := d.receipted()
	d.opens(l.ID, asked)
	d.opens(l.ID, walled)
	waits, kept, lies := d.draft(l.ID, asked), d.draft(l.ID, walled), d.draft(l.ID, asked)
	m := d.manifest()
	m.Site = ResponseSite
	d.must(d.FileResponse(ctx, m, l.ID, walled))
	d.must(d.Recuse(ctx, l.ID, walled))
	_, err = d.PlaceHold(ctx, Hold{Letter: l.ID, Reason: CourtCase, Owner: owner, Review: letter.DateOf(d.now).AddDays(30)}, owner)
	d.must(err)
	was := d.letter(lies)
	d.must(d.FindElsewhere(ctx, &was, Lodging{Class: letter.FiveYears, Helpline: was.Helpline, Since: letter.DateOf(d.now), Version: "v2"}, true))
	for range 2 { // once cut off
		d.must(d.DraftsCameBack(ctx))
	}
	late := d.letter(m.ID)
	d.must(d.Verified(ctx, &late, "v1", false))
	if a := d.letter(waits); a.State != Draft || !a.DraftEnds.Equal(d.now.Add(draftsBack)) || a.Held() {
		t.Errorf("it waits as %+v", a)
	}
	d.now = d.now.Add(2 * draftsBack)
	d.must(d.EndDrafts(ctx))
	if d.letter(waits).Erase != NotKept {
		t.Error("nobody kept it, and it is there")
	}
	for _, id := range []letter.ID{kept, m.ID, lies} {
		a := d.letter(id)
		if a.State != Filed || a.Unkept() || !a.Held() || a.Erase != "" {
			t.Errorf("it is %+v", a)
		}
		entries, err := d.Entries(ctx, -1, ResponseKeptUnasked{}.kind(), id, 10)
		d.must(err)
		if len(entries) != 1 {
			t.Errorf("%d entries say that it is kept", len(entries))
		}
	}
	d.balanced()
}
