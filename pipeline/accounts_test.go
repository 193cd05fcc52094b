package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// accountsTold are the mails about sign-ins that go out now: to whom, and about what.
func (o *office) accountsTold() (says []string) {
	o.t.Helper()
	o.post.taken = nil
	o.must(o.tellAccounts(o.t.Context()))
	for _, m := range o.post.taken {
		says = append(says, fmt.Sprintf("%s %d", m.To, m.About))
	}
	slices.Sort(says)
	return says
}

// Whoever invites people and makes codes makes no reader of letters, and nobody a
// sign-in in another's name, without others hearing of it.
func TestNobodyBecomesAReaderInSilence(t *testing.T) {
	o := newOffice(t) // in which ada leads
	r, ctx := o.cfg.Register, t.Context()
	admin := o.person(register.Administrator, "sam@example.org")
	mo, dee := o.person(register.Manager, "mo@example.org"), o.person(register.DPO, "dee@example.org")
	o.accountsTold()
	want := func(when string, says ...string) {
		t.Helper()
		slices.Sort(says)
		if got := o.accountsTold(); !slices.Equal(got, says) {
			t.Errorf("%s: told are %v, want %v", when, got, says)
		}
		if n, err := r.MailsWaiting(ctx); err != nil || n != 0 {
			t.Errorf("%s: %d mails wait, %v", when, n, err)
		}
	}
	to := func(who string, about mail.About) string { return fmt.Sprintf("%s@example.org %d", who, about) }
	both := []string{to("mo", mail.ANewReader), to("dee", mail.ANewReader)}

	eve, code, err := r.Invite(ctx, register.Person{Name: "Eve", Email: "eve@example.org", Role: register.Manager}, admin, time.Hour)
	o.must(err)
	o.must(o.sendInvitations(ctx))
	want("a manager is invited", both...)
	proof, err := r.CheckCode(ctx, eve, code)
	o.must(err)
	o.must(r.AddPasskey(ctx, eve, proof, []byte("eve's"), "{}"))
	want("their passkey is made", to("eve", mail.ANewSignIn))
	_, _, err = r.Invite(ctx, register.Person{Name: "Ola", Role: register.Operations}, admin, time.Hour)
	o.must(err)
	want("somebody who reads nothing is invited")

	// A manager who is there already: everybody hears of the code, and they themselves
	// of it and of the passkey.
	o.must(r.AddAnotherPasskey(ctx, mo, []byte("mo's"), "{}"))
	want("of their own", to("mo", mail.ANewSignIn))
	code, err = r.NewCode(ctx, mo, admin, time.Hour)
	o.must(err)
	want("a code for them", to("mo", mail.ANewCode), to("dee", mail.ANewReader), to("eve", mail.ANewReader))
	proof, err = r.CheckCode(ctx, mo, code)
	o.must(err)
	o.must(r.AddPasskey(ctx, mo, proof, []byte("another's"), "{}"))
	want("it is used", to("mo", mail.ANewSignIn))
	_, err = r.MakeCode(ctx, dee, time.Hour)
	o.must(err)
	want("a code at the console for who reads nothing and has no sign-in yet")

	// Nor by having their mails go elsewhere first.
	o.must(r.ChangePerson(ctx, register.Person{Number: mo, Name: "Mo", Email: "attic@example.org"}, admin))
	want("another address", to("mo", mail.AnotherAddress), to("eve", mail.ANewReader), to("dee", mail.ANewReader))
	o.must(r.ChangePerson(ctx, register.Person{Number: oneLeader, Name: "Ada", Email: "ada@example.org", Helplines: []string{"mens-advice-line", "respect-phoneline"}}, admin))
	want("other letters", to("attic", mail.ANewReader), to("eve", mail.ANewReader), to("dee", mail.ANewReader))
	o.must(r.ProveForgotten(ctx))
}

// A mail about a sign-in that was not taken is owed, with the same Message-ID, and to
// nobody who has left.
func TestAMailAboutASignInThatFailsIsOwed(t *testing.T) {
	o := newOffice(t)
	mo := o.person(register.Manager, "mo@example.org")
	o.must(o.cfg.Register.AddAnotherPasskey(t.Context(), mo, []byte("mo's"), "{}"))
	o.post.taken, o.post.next = nil, []fault{fails, loses}
	for range 2 {
		if err := o.tellAccounts(t.Context()); err == nil {
			t.Error("a failure is not told")
		}
	}
	o.must(o.tellAccounts(t.Context()))
	o.must(o.tellAccounts(t.Context()))
	if len(o.post.taken) != 2 || o.post.taken[0] != o.post.taken[1] {
		t.Errorf("sent: %+v", o.post.taken)
	}
	o.must(o.cfg.Register.AddAnotherPasskey(t.Context(), mo, []byte("another"), "{}"))
	o.must(o.cfg.Register.DisablePerson(t.Context(), mo))
	if says := o.accountsTold(); len(says) != 0 {
		t.Errorf("who has left is told: %v", says)
	}
}
