package pipeline

import (
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// loses goes on with that copy of the database, replays, and carries out what is due.
func (o *office) loses(copied string, all ...letter.ID) register.Restored {
	o.t.Helper()
	o.remember()
	o.restore(copied)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
	done, err := o.Replay(o.t.Context(), func(ReplayStep) {})
	o.must(err)
	for _, id := range all {
		o.work(id)
	}
	return done
}

// A letter and its answer are past their six months, and live because everything of
// their helpline is on hold. They are another helpline's since the backup: the hold
// that went with them is lost with the database, and holds them all the same.
func TestARedirectedLetterIsStillOnHold(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	answer := o.kept(m, specimen.New(5, 2).ColourPDF())
	o.hold("", m.Helpline)
	for _, id := range []letter.ID{m.ID, answer} {
		o.work(id)
	}
	o.days(200)
	copied := o.backUp()
	o.must(o.cfg.Register.AskRedirection(ctx, m.ID, "mens-advice-line", oneLeader))
	o.secondPerson(m)
	o.work(answer)
	if done := o.loses(copied, m.ID, answer); done.Elsewhere != 2 || done.Deleted != 0 {
		t.Errorf("did %+v", done)
	}
	for _, id := range []letter.ID{m.ID, answer} {
		l := o.state(id)
		if !l.Held() || l.Helpline != "mens-advice-line" || l.MoveDue() || l.Named != 0 {
			t.Errorf("it is %+v", l)
		}
		if _, err := o.PDF(ctx, l); err != nil {
			t.Errorf("it does not open: %v", err)
		}
	}
	holds, err := o.cfg.Register.HoldsOf(ctx, o.state(answer))
	o.must(err)
	if len(holds) != 1 || holds[0].Letter != m.ID || holds[0].Reason != register.CourtCase {
		t.Errorf("held by %+v", holds)
	}
	o.release(holds[0].Number)
	for _, id := range []letter.ID{m.ID, answer} {
		o.work(id)
		o.deletion(id)
	}
}

// A letter that was on hold when the backup was made is kept for five years since, by
// a decision that is lost: whoever releases the old hold again does not end it, and a
// manager looks. The hold that nobody placed is why they alone may open it, and so are
// those on record who may.
func TestAHeldLetterIsKeptSince(t *testing.T) {
	for name, named := range map[string]bool{"every leader's": false, "one leader's": true} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			ctx := t.Context()
			m := o.read()
			o.days(20)
			if named {
				o.safeguard(m.ID)
				o.work(m.ID)
				o.days(20)
			}
			old := o.hold(m.ID, "")
			o.work(m.ID)
			before := o.lies(m)
			copied := o.backUp()
			o.release(old)
			o.days(5)
			if named {
				o.hold(m.ID, "")
			} else {
				o.safeguard(m.ID)
			}
			o.work(m.ID)
			since := o.lies(m).Lies.Since
			o.days(200)
			if done := o.loses(copied, m.ID); done.Elsewhere != 1 {
				t.Errorf("did %+v", done)
			}
			holds, err := o.cfg.Register.HoldsOf(ctx, o.state(m.ID))
			o.must(err)
			if len(holds) != 2 || holds[1].Reason != register.KeptUnknown || holds[1].Since != since {
				t.Fatalf("held by %+v", holds)
			}
			alone := int64(-1)
			if named {
				alone = oneLeader
			}
			if l := o.state(m.ID); l.Named != alone || l.MoveDue() {
				t.Errorf("it is %+v", l)
			}
			o.release(old)
			o.work(m.ID)
			if l := o.lies(m); !l.Held() || l.Lies.Since != since || l.Named != alone {
				t.Errorf("released, it is %+v", l)
			}
			again := o.hold(m.ID, "")
			o.release(holds[1].Number)
			o.work(m.ID)
			if l := o.lies(m); !l.Held() || l.Named != before.Named {
				t.Errorf("looked at, it is %+v", l)
			}
			o.release(again)
		})
	}
}
