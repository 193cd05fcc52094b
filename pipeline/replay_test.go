package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// restoredOffice is an office whose database is put back to a day in December
// after a winter in which everything happened that can happen to a letter.
type restoredOffice struct {
	*office
	copied string // the database of December

	ended     letter.Manifest // was due in spring and is proven gone
	kept      letter.Manifest // was kept for five years after the backup
	redirect  letter.Manifest // was given to the other helpline after the backup
	erased    letter.Manifest // was erased by two people after the backup
	shredded  letter.Manifest // its paper was destroyed after the backup
	same      letter.Manifest // nothing happened to it
	arrived   letter.Manifest // came after the backup
	forgotten letter.Manifest // likewise, and its paper was destroyed
	old       letter.Manifest // came after the backup, and is kept for five years
}

// nextDays lets days pass, each begun like any other.
func (o *office) nextDays(n int) {
	o.t.Helper()
	for range n {
		o.now = o.now.AddDate(0, 0, 1)
		o.must(o.daily(o.t.Context(), &watch{}))
	}
}

func (o *office) destroyPaper(m letter.Manifest) {
	o.t.Helper()
	ctx := o.t.Context()
	o.hasRead(m)
	o.must(o.cfg.Register.MarkReadable(ctx, m.ID, oneLeader))
	_, err := o.cfg.Register.DestroyPaper(ctx, m.ID, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5", Place: "office", Authority: "policy-1"}, oneLeader)
	o.must(err)
	o.work(m.ID)
}

func (o *office) hasRead(m letter.Manifest) {
	o.t.Helper()
	o.must(o.cfg.Register.RecordOpening(o.t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
}

// secondPerson confirms what was asked of the letter.
func (o *office) secondPerson(m letter.Manifest) {
	o.t.Helper()
	q, err := o.cfg.Register.RequestOf(o.t.Context(), m.ID)
	o.must(err)
	o.must(o.cfg.Register.ConfirmRequest(o.t.Context(), q.Number, oneLeader+1))
	o.work(m.ID)
}

// aWinter plays the months of a restoredOffice, and ends before anything is put
// back. backedUp is called in December.
func aWinter(t *testing.T, o *office, backedUp ...func()) *restoredOffice {
	t.Helper()
	ctx := t.Context()
	r := &restoredOffice{office: o}
	o.person(register.Manager, "max@example.org")
	o.person(register.TeamLeader, "eve@example.org", "mens-advice-line")
	deposit := func() letter.Manifest {
		m := o.deposit()
		o.work(m.ID)
		return m
	}
	r.ended = deposit()
	o.nextDays(20)
	r.kept, r.redirect, r.erased, r.shredded, r.same = deposit(), deposit(), deposit(), deposit(), deposit()
	o.work(r.kept.ID)
	r.copied = o.backUp()
	for _, f := range backedUp {
		f()
	}

	o.nextDays(1)
	o.hasRead(r.kept)
	o.safeguard(r.kept.ID)
	o.work(r.kept.ID)
	o.hasRead(r.redirect)
	o.must(o.cfg.Register.AskRedirection(ctx, r.redirect.ID, "mens-advice-line", oneLeader))
	o.secondPerson(r.redirect)
	o.hasRead(r.erased)
	o.must(o.cfg.Register.AskErasure(ctx, r.erased.ID, register.PersonAsked, oneLeader))
	o.secondPerson(r.erased)
	r.old = deposit()
	o.hasRead(r.old)
	o.safeguard(r.old.ID)
	o.work(r.old.ID)

	// To the day after the first one's key is dead.
	for !o.now.After(r.ended.Week().Over().Start().Add(24 * time.Hour)) {
		o.nextDays(1)
		if today := letter.DateOf(o.now); today == r.ended.Deadline() {
			o.work(r.ended.ID)
		}
		if r.arrived.ID == "" && o.now.AddDate(0, 0, 8).After(r.ended.Deadline().Start()) {
			r.arrived, r.forgotten = deposit(), deposit()
			o.destroyPaper(r.shredded)
			o.destroyPaper(r.forgotten)
		}
	}
	o.must(o.EndKeys(ctx))
	o.remember()
	return r
}

// goBack puts the database of December back.
func (r *restoredOffice) goBack() {
	r.t.Helper()
	r.restore(r.copied)
	if _, err := r.Replay(r.t.Context(), func(ReplayStep) {}); !errors.As(err, new(*CannotReplay)) || !strings.Contains(err.Error(), "--clock-is-right") {
		r.t.Fatalf("a silence of months is replayed without anybody's word: %v", err)
	}
	r.must(r.cfg.Register.ConfirmClock(r.t.Context()))
}

// isCaughtUp checks all that a replay promises of a database of December.
func (r *restoredOffice) isCaughtUp() {
	r.t.Helper()
	t, ctx := r.t, r.t.Context()
	if signs, err := r.RestoreSigns(ctx); err != nil || len(signs) > 0 {
		t.Errorf("signs are left: %v, %v", signs, err)
	}
	for _, gone := range []letter.Manifest{r.ended} {
		if r.deletion(gone.ID).ListingEmpty.IsZero() || r.traces(gone.ObjectKey()) != 0 {
			t.Error("what was due is not proven gone")
		}
	}
	if state, err := r.cfg.Register.KeyState(ctx, r.ended.Week()); err != nil || state != register.KeyDead {
		t.Errorf("the dead key is %q on record, %v", state, err)
	}
	for name, m := range map[string]letter.Manifest{"same": r.same, "kept": r.kept, "redirected": r.redirect, "shredded": r.shredded,
		"arrived": r.arrived, "forgotten": r.forgotten, "old": r.old} {
		r.work(m.ID)
		l := r.state(m.ID)
		if !l.Open(r.now) || l.Missing || l.MoveDue() {
			t.Errorf("%s: %+v\n%s", name, l, r.log)
			continue
		}
		if _, err := r.PDF(ctx, l); err != nil {
			t.Errorf("%s does not open: %v", name, err)
		}
	}
	for name, m := range map[string]letter.Manifest{"kept": r.kept, "old": r.old} {
		if l := r.state(m.ID); !l.Held() || l.Lies.Class != letter.FiveYears || l.Named == 0 {
			t.Errorf("%s is not held for the manager: %+v", name, l)
		}
	}
	if l := r.state(r.redirect.ID); l.Helpline != "mens-advice-line" {
		t.Errorf("the redirected letter is %s's", l.Helpline)
	}
	if l := r.state(r.erased.ID); !l.Missing {
		t.Errorf("the erased letter is not known to be missing: %+v", l)
	}
	for name, m := range map[string]letter.Manifest{"shredded": r.shredded, "forgotten": r.forgotten} {
		if paper := r.state(m.ID).Paper; paper != letter.PaperDestroyed {
			t.Errorf("%s: the paper is %q", name, paper)
		}
	}
	if b, err := r.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
		t.Errorf("the counts differ: %+v %v", b, err)
	}
	if why, err := r.BucketDoubt(ctx); err != nil || why != "" {
		t.Errorf("the bucket is doubted: %s %v", why, err)
	}
	if differs, err := r.anchorsDiffer(ctx); err != nil || differs != "" {
		t.Errorf("the anchors differ: %s %v", differs, err)
	}
}

var restoredWant = register.Restored{Adopted: 3, Elsewhere: 2, Missing: 1, Deleted: 1, Keys: 1}

func TestADatabaseFromABackupCatchesUp(t *testing.T) {
	postgrestest.OnSQLite(t) // it searches the database's file
	t.Run("in a folder", func(t *testing.T) { catchesUp(t, newOffice(t)) })
	t.Run("on S3", func(t *testing.T) { catchesUp(t, newS3Office(t)) })
}

func catchesUp(t *testing.T, o *office) {
	r := aWinter(t, o)
	r.goBack()
	heard, most := 0, 0
	r.cfg.Far = func(done, of int) { heard, most = heard+1, max(most, of) }
	backlog, err := r.Backlog(t.Context())
	r.must(err)
	if heard == 0 || most == 0 {
		t.Errorf("a look back said %d times how far it is, of %d", heard, most)
	}
	letters := most
	heard = 0
	if backlog.Unknown != 3 || backlog.Elsewhere != 2 || backlog.Missing != 1 || backlog.Living != 2 || backlog.Overdue != 1 {
		t.Errorf("found %+v", backlog)
	}
	if !r.holds(r.copied, r.ended.SHA256) {
		t.Fatal("December's database holds nothing of what is gone: the search cannot fail")
	}
	done, err := r.Replay(t.Context(), func(ReplayStep) {})
	r.must(err)
	if heard < 3*letters {
		t.Errorf("a replay of %d letters said %d times how far it is", letters, heard)
	}
	if r.holds(r.copied, r.ended.SHA256) {
		t.Error("the database's files hold a row of the letter that is gone")
	}
	done.Keys = min(done.Keys, 1)
	if done != restoredWant {
		t.Errorf("did %+v, want %+v\n%s", done, restoredWant, r.log)
	}
	r.isCaughtUp()
	if _, err := r.Replay(t.Context(), func(ReplayStep) {}); !errors.As(err, new(*CannotReplay)) {
		t.Errorf("a second replay: %v", err)
	}
	// And life goes on: the next day, and every deadline.
	r.nextDays(1)
	if signs, err := r.RestoreSigns(t.Context()); err != nil || len(signs) > 0 {
		t.Errorf("the day after: %v, %v", signs, err)
	}
}
