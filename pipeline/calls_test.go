package pipeline

import (
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

// A manager is told at once that somebody is in danger, and again only if it is
// said again after it was said otherwise; the colleague to whom a letter is handed
// is told too. Neither mail says which it is.
func TestTheManagerIsToldOfDanger(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	mo := o.person(register.Manager, "mo@example.org")
	for _, risk := range []register.Risk{register.RiskUrgent, register.RiskUrgent} {
		o.must(o.cfg.Register.AnswerRisk(ctx, m.ID, risk, "", oneLeader))
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
