package register

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"letterlock/scanner/letter"
)

// What was recognised stays on record, whoever looks again and sees less, until
// a replay opens it in the transaction of its end; of it nothing is an entry.
func TestClosedUntilAReplayOpens(t *testing.T) {
	d := newDesk(t)
	entries, _, err := d.Checkpoint(t.Context())
	d.must(err)
	d.wantClosed()
	d.must(d.KeepClosed(t.Context(), nil))
	d.wantClosed()
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignEdge}))
	since, err := d.ClosedSince(t.Context())
	d.must(err)
	if !since.Equal(d.now) {
		t.Errorf("closed since %s", since)
	}
	d.now = d.now.AddDate(0, 0, 1)
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignKeyring, SignEdge}))
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignEdge}))
	d.wantClosed(SignKeyring, SignEdge)
	if again, err := d.ClosedSince(t.Context()); err != nil || !again.Equal(since) {
		t.Errorf("closed since %s, %v", again, err)
	}
	if now, _, err := d.Checkpoint(t.Context()); err != nil || now != entries {
		t.Errorf("%d entries, and there were %d, %v", now, entries, err)
	}
	d.must(d.inTx(t.Context(), func(tx *sql.Tx) error { return open(t.Context(), tx) }))
	d.wantClosed()
	if since, err := d.ClosedSince(t.Context()); err != nil || !since.IsZero() {
		t.Errorf("open, and closed since %s, %v", since, err)
	}
}

func (d *desk) wantClosed(want ...RestoreSign) {
	d.t.Helper()
	got, err := d.Closed(d.t.Context())
	d.must(err)
	if !slices.Equal(got, want) {
		d.t.Errorf("closed for %v, want %v", got, want)
	}
}

// While Letterlock is closed nothing is recorded, and so nothing done, but by a
// replay; a register that begins anew and a person who vouches for the clock come
// before it. That somebody was told is noted, and no entry.
func TestNothingIsRecordedWhileClosed(t *testing.T) {
	d := newDesk(t)
	dpo, err := d.AddPerson(t.Context(), Person{Name: "Dee", Email: "dpo@example.org", Role: DPO})
	d.must(err)
	admin, err := d.AddPerson(t.Context(), Person{Name: "Sam", Email: "admin@example.org", Role: Administrator})
	d.must(err)
	d.must(d.KeepClosed(t.Context(), []RestoreSign{SignPerson}))
	if err := d.Record(t.Context(), BucketAdopted{}, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("recorded: %v", err)
	}
	if _, err := d.SignIn(t.Context(), dpo, WithPasskey); !errors.Is(err, ErrClosed) {
		t.Errorf("signed in: %v", err)
	}
	if _, err := d.BeginDay(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("the day began: %v", err)
	}
	before := d.head().Entries
	owed, err := d.OwedDailyMails(t.Context(), letter.DateOf(d.now), false, false, "example.org")
	d.must(err)
	var told []int64
	for _, m := range owed {
		told = append(told, m.Person)
		d.must(d.DailyMailSent(t.Context(), m, false))
	}
	if again, err := d.OwedDailyMails(t.Context(), letter.DateOf(d.now), false, false, "example.org"); err != nil || len(again) != 0 || !slices.Equal(told, []int64{dpo, admin}) {
		t.Errorf("told %v, and again %v, %v", told, again, err)
	}
	if n := d.head().Entries; n != before {
		t.Errorf("%d entries, and there were %d", n, before)
	}
	d.must(d.ConfirmClock(t.Context()))
	d.must(d.Record(t.Context(), FolderMade{}, 0))
	d.must(d.Record(Replaying(t.Context()), BucketAdopted{}, 0))
	d.must(d.inTx(t.Context(), func(tx *sql.Tx) error { return open(t.Context(), tx) }))
	d.must(d.Record(t.Context(), BucketAdopted{}, 0))
}

// What was given a number after the backup keeps it: a restore leaves out as many as
// there can have been, once, however often it is cut off.
func TestARestoreGivesNoNumberTwice(t *testing.T) {
	d, ctx := newDesk(t), Replaying(t.Context())
	ledger := func() (number Ledger) {
		d.must(d.inTx(ctx, func(tx *sql.Tx) (err error) {
			number, err = d.nextLedger(ctx, tx, 1)
			return err
		}))
		return number
	}
	person := d.leader()
	owner, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	hold := func() int64 {
		n, err := d.PlaceHold(ctx, Hold{Helpline: "mens-advice-line", Reason: CourtCase, Owner: owner, Review: letter.DateOf(d.now).AddDays(30)}, owner)
		d.must(err)
		return n
	}
	first := ledger()
	for range 2 {
		d.must(d.BeginRestore(ctx, RestoreBegun{Signs: []RestoreSign{SignKeyring}}))
	}
	if next := ledger(); first != "D-2026-000001" || next != "D-2026-001002" {
		t.Errorf("after the destruction %s comes %s", first, next)
	}
	if next := d.leader(); next != owner+1001 || person != owner-1 {
		t.Errorf("after person %d comes %d", owner, next)
	}
	if n := hold(); n != 1001 {
		t.Errorf("the first hold is number %d", n)
	}
	l := d.receipted()
	d.opens(l.ID, person)
	d.must(d.AskErasure(ctx, l.ID, PersonAsked, person))
	if q, err := d.RequestOf(ctx, l.ID); err != nil || q.Number != 1001 {
		t.Errorf("the first request is number %d, %v", q.Number, err)
	}
}

// The keyring was lost with the database: what custodians bring back is recorded before
// the replay, and is not of the backup. Whoever holds the branch that is lost is told of
// the restore, however little of it there was.
func TestARestoreExplainsWhatCameBeforeItsReplay(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	older, _ := d.elsewhere()
	_, _, err := d.CopyTo(ctx, older, nil)
	d.must(err)
	kept := d.head().Entries
	d.must(d.Record(ctx, RegisterExported{}, 0))
	lost, lostExport := d.head(), d.export()

	d.Register = older
	d.must(d.KeepClosed(ctx, []RestoreSign{SignBucket}))
	for range 3 {
		d.must(d.Record(ctx, KeyRestored{Week: "x2026-W30"}, 0))
	}
	d.must(d.KeepClosed(ctx, []RestoreSign{SignPerson}))
	d.must(d.BeginRestore(Replaying(ctx), RestoreBegun{Signs: []RestoreSign{SignBucket}, Seen: lost.Entries}))
	now, err := VerifyExport(strings.NewReader(d.export()), d.pub, lost)
	if _, wrong := errors.AsType[*Wrong](err); !wrong || len(now.Restores) != 1 {
		t.Fatalf("of the branch that is lost it says %v, and of restores %v", err, now.Restores)
	}
	said := now.Restores[0]
	if said.Entry != kept || said.Lost != 1 || !said.MayExplain(lost) {
		t.Errorf("of %d entries in the backup it says: %s", kept, said)
	}
	if n, differ, err := FirstDifference(strings.NewReader(lostExport), strings.NewReader(d.export())); err != nil || !differ || n < said.Entry {
		t.Errorf("entry %d is the first that differs, %v; the restore explains those from %d on", n, err, said.Entry)
	}

	// The next one counts anew.
	d.must(d.inTx(ctx, func(tx *sql.Tx) error { return open(ctx, tx) }))
	d.must(d.Record(ctx, RegisterExported{}, 0))
	d.must(d.KeepClosed(ctx, []RestoreSign{SignBucket}))
	if n, err := d.OlderCopy(ctx); err != nil || n != d.head().Entries {
		t.Errorf("closed again, %d entries are said to be of an older copy, %v", n, err)
	}
}
