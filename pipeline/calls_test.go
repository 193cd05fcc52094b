package pipeline

import (
	"errors"
	"testing"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// calls are the mails by which people were called to a decision.
func (o *office) calls() (taken []mail.Message) {
	o.t.Helper()
	for _, m := range o.post.taken {
		if m.About == mail.ACall {
			taken = append(taken, m)
		}
	}
	return taken
}

// A manager is told once that somebody has stepped back, whichever way the mail
// system fails, and nobody is who has stepped back too or is no manager.
func TestTheManagerIsToldOfARecusal(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	mo := o.person(register.Manager, "mo@example.org")
	max := o.person(register.Manager, "max@example.org")
	o.person(register.DPO, "dee@example.org")
	o.must(o.cfg.Register.RecordOpening(ctx, m.ID, max, []byte("m"), "pages"))
	o.must(o.cfg.Register.Recuse(ctx, m.ID, oneLeader))
	o.post.next = []fault{loses}
	for range 3 {
		_ = o.tellCalled(ctx)
	}
	taken := o.calls()
	if len(taken) != 3 || taken[0].MessageID != taken[2].MessageID || taken[0].To != "mo@example.org" || taken[1].To != "max@example.org" {
		t.Fatalf("%+v", taken)
	}
	for _, sent := range taken {
		if sent.Link != "http://localhost:8080/letters" {
			t.Errorf("it leads to %s", sent.Link)
		}
	}
	o.must(o.cfg.Register.Recuse(ctx, m.ID, max))
	o.must(o.cfg.Register.Leave(ctx, mo, 0)) // before the second mail
	o.must(o.tellCalled(ctx))
	if n := len(o.calls()); n != 3 {
		t.Errorf("%d mails", n)
	}
}

// A call that waits for the mail server is not sent to who has lost meanwhile what they
// were called as, nor counted as waiting; given back the role, they are told after all.
func TestACallAsksOnceMoreWhoSomebodyIs(t *testing.T) {
	o := newOffice(t)
	ctx, r := t.Context(), o.cfg.Register
	m := o.read()
	mo := o.person(register.Manager, "mo@example.org")
	o.must(r.AnswerRisk(ctx, m.ID, register.RiskUrgent, "", oneLeader))
	tells := func(want int, who string) {
		t.Helper()
		if n, err := r.MailsWaiting(ctx); err != nil || n != want {
			t.Errorf("%s: %d mails wait, want %d, %v", who, n, want, err)
		}
		o.post.taken = nil
		o.must(o.tellCalled(ctx))
		if got := o.calls(); len(got) != want || want > 0 && got[0].To != "mo@example.org" {
			t.Errorf("%s: told %+v", who, got)
		}
	}
	o.must(r.TakeRole(ctx, mo))
	tells(0, "who is nothing any more")
	o.must(r.GiveRole(ctx, mo, register.TeamLeader, []string{"respect-phoneline"}))
	o.sendsAccountMails() // of a new reader
	tells(0, "who leads a helpline now")
	o.must(r.GiveRole(ctx, mo, register.Manager, nil))
	o.sendsAccountMails()
	tells(1, "who is a manager again")
	tells(0, "who was told")
}

// sendsAccountMails has a mail server take what is owed about sign-ins.
func (o *office) sendsAccountMails() {
	o.t.Helper()
	owed, err := o.cfg.Register.OwedAccountMails(o.t.Context(), o.cfg.MailDomain)
	o.must(err)
	for _, mail := range owed {
		o.must(o.cfg.Register.AccountMailSent(o.t.Context(), mail))
	}
}

// A manager is told at once that somebody is in danger, and again only if it is
// said again, on another form; the colleague to whom a letter is handed
// is told too. Neither mail says which it is.
func TestTheManagerIsToldOfDanger(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	mo := o.person(register.Manager, "mo@example.org")
	for n, want := range []error{nil, register.ErrSent} { // a form that is sent twice
		err := o.cfg.Register.AnswerRisk(register.Sending(ctx, register.Form{Token: "one form"}), m.ID, register.RiskUrgent, "", oneLeader)
		if !errors.Is(err, want) {
			t.Fatalf("sent %d times: %v", n+1, err)
		}
		o.must(o.tellCalled(ctx))
	}
	if n := len(o.calls()); n != 1 {
		t.Fatalf("%d mails", n)
	}
	for _, risk := range []register.Risk{register.RiskNone, register.RiskUrgent} {
		o.must(o.cfg.Register.AnswerRisk(ctx, m.ID, risk, register.RiskUrgent, oneLeader))
	}
	o.must(o.cfg.Register.HandOver(ctx, m.ID, mo, oneLeader))
	o.must(o.tellCalled(ctx))
	taken := o.calls()
	if len(taken) != 3 || taken[0].MessageID == taken[1].MessageID {
		t.Fatalf("%+v", taken)
	}
	for _, sent := range taken {
		if sent.To != "mo@example.org" || sent.Link != "http://localhost:8080/l/"+string(m.ID) {
			t.Errorf("%+v", sent)
		}
	}
}
