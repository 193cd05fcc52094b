package register

import (
	"errors"
	"testing"
)

// What the organisation's sign-in says of somebody is on record when it is
// something else than before, and ends the sessions of before; whose role is
// taken has none, is written to no more, and can get it back.
func TestRolesComeAndGo(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	n := d.leader()
	_, err := d.QueueMails(ctx, d.receipted(), "example.org")
	d.must(err)
	owed := func() int {
		t.Helper()
		var mails int
		d.must(d.read.QueryRowContext(ctx, `SELECT count(*) FROM mails WHERE person = $1 AND sent IS NULL`, n).Scan(&mails))
		return mails
	}
	kinds := func() int {
		t.Helper()
		found, err := d.Entries(ctx, -1, "", "", 1000)
		d.must(err)
		return len(found)
	}
	before, waiting := kinds(), owed()
	if waiting == 0 {
		t.Fatal("no mail is owed, so none can be seen to go")
	}
	d.must(d.GiveRole(ctx, n, TeamLeader, []string{"respect-phoneline"})) // as it is
	if kinds() != before {
		t.Error("nothing changed, and it is on record")
	}
	gone := d.busy(n)
	d.must(d.GiveRole(ctx, n, TeamLeader, []string{"respect-phoneline"}))
	if gone() {
		t.Error("nothing changed, and what was under way has gone")
	}
	token, err := d.SignIn(ctx, n, WithSSO)
	d.must(err)
	d.must(d.GiveRole(ctx, n, TeamLeader, []string{"respect-phoneline", "mens-advice-line"}))
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) || !gone() {
		t.Errorf("a session of before goes on, or what was under way: %v", err)
	}
	gone = d.busy(n)
	if who, err := d.Person(ctx, n); err != nil || !who.LeadsHelpline("mens-advice-line") || owed() != waiting {
		t.Errorf("%+v, %v, %d mails owed", who, err, owed())
	}
	token, err = d.SignIn(ctx, n, WithSSO)
	d.must(err)
	for range 2 {
		d.must(d.TakeRole(ctx, n))
	}
	if _, err := d.Session(ctx, token); !errors.Is(err, ErrNotFound) || !gone() {
		t.Errorf("a session outlives the role, or what was under way: %v", err)
	}
	if _, err := d.SignIn(ctx, n, WithPasskey); err == nil {
		t.Error("somebody without a role signs in")
	}
	if owed() != 0 {
		t.Error("somebody without a role is still written to")
	}
	taken, err := d.Entries(ctx, -1, "role-taken", "", 10)
	if err != nil || len(taken) != 1 || taken[0].By != n {
		t.Errorf("on record: %+v, %v", taken, err)
	}
	d.must(d.GiveRole(ctx, n, Administrator, nil))
	if who, err := d.Person(ctx, n); err != nil || who.Role != Administrator || len(who.Helplines) != 0 {
		t.Errorf("%+v, %v", who, err)
	}
	given, err := d.Entries(ctx, -1, "role-given", "", 10)
	if err != nil || len(given) != 2 {
		t.Errorf("on record: %+v, %v", given, err)
	}
	if err := d.TakeRole(ctx, 999); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// An administrator who signs in with the organisation's sign-in alone is one who
// can; an issuer that is no longer configured lets nobody in.
func TestWhoCanSignIn(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	number, err := d.AddPerson(ctx, Person{Name: "Sam Admin", Role: Administrator})
	d.must(err)
	can := func(issuer string, want bool) {
		t.Helper()
		if got, err := d.CanSignIn(ctx, Administrator, issuer); err != nil || got != want {
			t.Errorf("by %q: %v, %v", issuer, got, err)
		}
	}
	can("https://login.example.org", false)
	code, err := d.NewCode(ctx, number, 0, SessionMax)
	d.must(err)
	proof, err := d.CheckCode(ctx, number, code)
	d.must(err)
	d.must(d.LinkSSO(ctx, number, proof, "https://login.example.org", "sam"))
	can("https://login.example.org", true)
	can("", false)
	can("https://other.example.org", false)
	gone := d.busy(number)
	d.must(d.UnlinkSSO(ctx, number, 0))
	if !gone() {
		t.Error("what was under way outlives the organisation's sign-in")
	}
	d.must(d.AddAnotherPasskey(ctx, number, []byte("one"), "{}"))
	can("", true)
}

// An organisation whose sign-in has moved leaves somebody with two links. To end it is
// to end both: the former one must not come back with its address.
func TestEveryLinkEndsAtOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	lead := d.leader()
	issuers := []string{"https://login.example.org", "https://former.example.org"}
	for _, issuer := range issuers {
		code, err := d.NewCode(ctx, lead, 0, SessionMax)
		d.must(err)
		proof, err := d.CheckCode(ctx, lead, code)
		d.must(err)
		d.must(d.LinkSSO(ctx, lead, proof, issuer, "ada"))
	}
	d.must(d.UnlinkSSO(ctx, lead, 0))
	for _, issuer := range issuers {
		if signs, err := d.SignsInWith(ctx, lead, issuer); signs || err != nil {
			t.Errorf("at %s: %v, %v", issuer, signs, err)
		}
	}
	if err := d.UnlinkSSO(ctx, lead, 0); err != ErrNotFound {
		t.Errorf("who has none: %v", err)
	}
}
