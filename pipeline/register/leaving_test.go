package register

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// Whoever goes is known by a number from then on, and by nothing else, in the
// tables and in the database's files.
func TestWhoGoesIsANumber(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	boss := d.administrator("first")
	n, _, err := d.Invite(ctx, Person{Name: "Zuleika Canary", Email: "zuleika@canary.example", Role: TeamLeader, Helplines: []string{"respect-phoneline"}}, boss, time.Hour)
	d.must(err)
	canaries := []string{"Zuleika", "zuleika@canary"}
	if !d.inFiles(canaries...) {
		t.Fatal("the search finds nothing while the person is there")
	}
	d.must(d.Leave(ctx, n, boss))
	if d.inFiles(canaries...) {
		t.Error("name or address is still in the database's files")
	}
	who, err := d.Person(ctx, n)
	if err != nil || who.Name != "" || who.Email != "" || !who.Disabled || who.Number != n {
		t.Errorf("%+v, %v", who, err)
	}
	if owed, err := d.OwedInvitations(ctx, "example.org"); err != nil || len(owed) != 0 {
		t.Errorf("owed to somebody who has gone: %v, %v", owed, err)
	}
	if err := d.Leave(ctx, n, boss); !errors.Is(err, ErrNotFound) {
		t.Errorf("gone twice: %v", err)
	}

	// A reader keeps the name in the files; the next sweep finds it.
	n, _, err = d.Invite(ctx, Person{Name: "Zuleika Canary", Role: Operations}, boss, time.Hour)
	d.must(err)
	reader, err := d.reading(ctx)
	d.must(err)
	var at int64
	d.must(reader.QueryRowContext(ctx, `SELECT at FROM entries LIMIT 1`).Scan(&at))
	d.must(d.Leave(ctx, n, boss))
	if err := d.ProveForgotten(ctx); !errors.Is(err, ErrBusy) {
		t.Errorf("with a reader at work: %v", err)
	}
	d.must(reader.Rollback())
	d.must(d.ProveForgotten(ctx))
	if d.inFiles(canaries...) {
		t.Error("the name is still in the database's files")
	}
	if waits, err := d.Meta(ctx, metaForgotten); err != nil || waits != "" {
		t.Errorf("it waits still: %q, %v", waits, err)
	}

	// Somebody goes while the files are rewritten for somebody else: the next sweep
	// comes back to it.
	first, _, err := d.Invite(ctx, Person{Name: "Zuleika Canary", Role: Operations}, boss, time.Hour)
	d.must(err)
	second, _, err := d.Invite(ctx, Person{Name: "Zuleika Canary", Role: Operations}, boss, time.Hour)
	d.must(err)
	before := d.Register.cfg.Step
	d.Register.cfg.Step = func(step string) {
		if step == "forgotten" {
			d.Register.cfg.Step = before
			d.must(d.inTx(ctx, func(tx *sql.Tx) error { return setMeta(ctx, tx, metaForgotten, "another") }))
		}
	}
	d.must(d.Leave(ctx, first, boss))
	if waits, err := d.Meta(ctx, metaForgotten); err != nil || waits == "" {
		t.Errorf("who went meanwhile is forgotten: %v", err)
	}
	d.must(d.Leave(ctx, second, boss))
	if waits, err := d.Meta(ctx, metaForgotten); err != nil || waits != "" || d.inFiles(canaries...) {
		t.Errorf("it waits still: %q, %v", waits, err)
	}
}

func (d *desk) administrator(passkey string) int64 {
	d.t.Helper()
	n, err := d.AddPerson(d.t.Context(), Person{Name: "Sam Admin", Role: Administrator})
	d.must(err)
	if passkey != "" {
		d.must(d.AddAnotherPasskey(d.t.Context(), n, []byte(passkey), "{}"))
	}
	return n
}

func TestTheLastAdministratorStays(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	first, second := d.administrator("first"), d.administrator("")
	if err := d.Leave(ctx, first, second); !errors.Is(err, ErrLastAdministrator) {
		t.Errorf("the only one who can sign in: %v", err)
	}
	if who, err := d.Person(ctx, first); err != nil || who.Disabled || who.Name == "" || who.Passkeys != 1 {
		t.Errorf("refused, and yet %+v, %v", who, err)
	}
	d.must(d.AddAnotherPasskey(ctx, second, []byte("second"), "{}"))
	d.must(d.Leave(ctx, first, second))
	if err := d.DisablePerson(ctx, second); !errors.Is(err, ErrLastAdministrator) {
		t.Errorf("at the console: %v", err)
	}
	// Another who signs in with the organisation's sign-in alone is one, too; with that
	// of another organisation, which nobody asks any more, not.
	third := d.administrator("")
	for issuer, want := range map[string]error{"https://old.example.org": ErrLastAdministrator, "https://id.example.org": nil} {
		d.Register.cfg.Issuer = "https://id.example.org"
		d.must(d.exec(`DELETE FROM sso_people`))
		d.must(d.exec(`INSERT INTO sso_people (issuer, subject, person, added) VALUES ($1, 'x', $2, 1)`, issuer, third))
		d.must(d.inTx(ctx, func(tx *sql.Tx) error {
			if err := d.notTheLast(ctx, tx, second); !errors.Is(err, want) {
				t.Errorf("beside one who signs in at %s: %v", issuer, err)
			}
			return nil
		}))
	}
}

func TestWhatSomebodyLeaves(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n := d.leader()
	d.receipted()
	d.receipted()
	got, err := d.Leaves(ctx, n)
	if err != nil || len(got.Unread) != 1 || got.Unread[0] != (UnreadOf{"respect-phoneline", 2}) || got.Named != 0 || got.Handed != 0 || got.Holds != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	other, kept, handed := d.leader(), d.receipted(), d.receipted()
	d.opens(kept.ID, other)
	d.opens(handed.ID, other)
	d.must(d.Safeguard(ctx, kept.ID, Safeguarding{Reason: ChildAtRisk, Told: WasTold, Review: letter.DateOf(d.now).AddDays(30), Named: n}, other))
	d.must(d.HandOver(ctx, handed.ID, n, other))
	if got, err = d.Leaves(ctx, n); err != nil || got.Unread[0].Letters != 2 || got.Named != 1 || got.Handed != 1 || got.Holds != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// The copy of an answer to it is no letter more, and neither is its old scan.
	d.opens(kept.ID, n)
	d.answered(kept.ID, n)
	d.must(d.MarkScanAgain(ctx, kept.ID, n, TooFaint))
	d.scannedAnew(d.letter(kept.ID))
	if got, err = d.Leaves(ctx, n); err != nil || got.Named != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	manager := d.whoIs(Manager)
	_, err = d.PlaceHold(ctx, Hold{Letter: handed.ID, Helpline: "respect-phoneline", Reason: CourtCase, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
	d.must(err)
	if got, err = d.Leaves(ctx, manager); err != nil || len(got.Unread) != 0 || got.Named != 0 || got.Handed != 0 || got.Holds != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// One passkey is lost and the other is not.
func TestOnePasskeyIsRevoked(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	boss, n := d.administrator("boss"), d.leader()
	d.must(d.AddAnotherPasskey(ctx, n, []byte("lost"), "{}"))
	d.now = d.now.Add(time.Minute)
	d.must(d.AddAnotherPasskey(ctx, n, []byte("kept"), `{"kept":1}`))
	token, err := d.SignIn(ctx, n, WithPasskey)
	d.must(err)
	gone := d.busy(n)
	keys, err := d.PasskeysOf(ctx, n)
	d.must(err)
	if len(keys) != 2 || keys[0].Mark != markOf([]byte("lost")) {
		t.Fatalf("%+v", keys)
	}
	for _, mark := range []string{"", "x", markOf([]byte("boss"))} { // somebody else's is none of theirs
		if err := d.RevokePasskey(ctx, n, mark, boss); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", mark, err)
		}
	}
	d.must(d.RevokePasskey(ctx, n, keys[0].Mark, boss))
	if left, err := d.Passkeys(ctx, n); err != nil || len(left) != 1 || left[0] != `{"kept":1}` {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) || !gone() {
		t.Errorf("a session outlives the passkey that may have begun it, or what was under way: %v", err)
	}
}
