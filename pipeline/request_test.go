package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// confirm has a second person confirm what is asked for the letter.
func (o *office) confirm(id letter.ID) {
	o.t.Helper()
	q, err := o.cfg.Register.RequestOf(o.t.Context(), id)
	o.must(err)
	o.must(o.cfg.Register.ConfirmRequest(o.t.Context(), q.Number, o.manager()))
}

// read is a letter that its leader has opened.
func (o *office) read() letter.Manifest {
	o.t.Helper()
	m := o.deposit()
	o.work(m.ID)
	o.must(o.cfg.Register.RecordOpening(o.t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	return m
}

// What two people erase is gone at once, wherever it lies, with the proof that
// every letter has.
func TestErasureBeforeTime(t *testing.T) {
	for _, kept := range []bool{false, true} {
		o := newOffice(t)
		m := o.read()
		if kept {
			o.safeguard(m.ID)
			o.work(m.ID)
			o.lies(m)
		}
		o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
		o.work(m.ID)
		o.opens(m)
		o.confirm(m.ID)
		if _, err := o.cfg.Register.PlaceHold(t.Context(), register.Hold{Helpline: m.Helpline, Reason: register.Inquiry, Owner: o.manager(),
			Review: letter.DateOf(o.now).AddDays(1)}, o.manager()); err != nil {
			t.Fatal(err)
		}
		due, err := o.cfg.Register.PastDeadline(t.Context(), letter.DateOf(o.now), 10)
		if err != nil || len(due) != 1 {
			t.Errorf("due: %v, %v", due, err)
		}
		o.work(m.ID)
		if ev := o.deletion(m.ID); ev.Early != register.PersonAsked || ev.Versions != 1 || ev.RowsErased.IsZero() {
			t.Errorf("%+v", ev)
		}
		for _, class := range letter.Classes {
			if n := o.traces(letter.ObjectKey(class, m.Helpline, m.ReceivedOn(), m.ID)); n != 0 {
				t.Errorf("%d traces in %s", n, class)
			}
		}
	}
}

// Whoever has a copy of a scanner's key can bring nonsense under the id of a scan that
// waits there, and it is erased, as it should be. The scanner is told of the nonsense
// alone, and keeps its scan; only what had to be gone by now is given up unseen.
func TestAScanWhoseIDWasTakenIsNotGivenUp(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	m := o.read()
	o.must(o.cfg.Register.AskErasure(ctx, m.ID, register.PersonAsked, oneLeader))
	o.confirm(m.ID)
	o.work(m.ID)
	o.deletion(m.ID)
	told := func() (hashes []string) {
		gone, err := o.cfg.Register.Gone(ctx)
		o.must(err)
		for _, l := range gone[m.Site] {
			hashes = append(hashes, l.SHA256)
		}
		return hashes
	}
	scan := m
	scan.SHA256 = strings.Repeat("ab", 32)
	for _, announced := range []letter.Manifest{m, scan} {
		o.announce(announced)
		o.now = o.now.Add(2 * time.Minute) // what is held is looked at again
		o.must(o.Admit(ctx))
		if d := cmp.Diff([]string{m.SHA256}, told()); d != "" {
			t.Error(d)
		}
	}
	if d := cmp.Diff([]register.HeldReason{register.SameIDOther}, o.held()); d != "" {
		t.Error(d)
	}

	// Nobody knows any more what was deleted.
	o.days(31)
	o.must(o.cfg.Register.ForgetGone(ctx))
	o.must(o.cfg.Register.NoteGone(ctx, scan))
	if d := cmp.Diff([]string(nil), told()); d != "" {
		t.Error(d)
	}
	o.now = m.Deadline().Start()
	o.must(o.cfg.Register.NoteGone(ctx, scan))
	if d := cmp.Diff([]string{scan.SHA256}, told()); d != "" {
		t.Error(d)
	}
}

// A letter that was scanned into the wrong helpline's folder becomes the right
// one's: its leaders are told, and it is sealed anew in their place.
func TestALetterIsGivenToTheRightHelpline(t *testing.T) {
	o := newOffice(t)
	o.person(register.TeamLeader, "ben@example.org", "mens-advice-line")
	m := o.read()
	o.must(o.cfg.Register.MarkReadable(t.Context(), m.ID, oneLeader))
	o.work(m.ID)
	o.must(o.cfg.Register.AskRedirection(t.Context(), m.ID, "mens-advice-line", oneLeader))
	o.confirm(m.ID)
	o.work(m.ID)
	l := o.state(m.ID)
	want := letter.ObjectKey(letter.SixMonths, "mens-advice-line", m.ReceivedOn(), m.ID)
	if l.Helpline != "mens-advice-line" || l.ObjectKey() != want || l.State != register.Notified || l.Deadline() != m.Deadline() {
		t.Errorf("it is %s of %s in %s", l.State, l.Helpline, l.ObjectKey())
	}
	if o.traces(want) != 1 || o.traces(m.ObjectKey()) != 0 {
		t.Errorf("%d traces in the right place, %d in the wrong one", o.traces(want), o.traces(m.ObjectKey()))
	}
	if last := o.post.taken[len(o.post.taken)-1]; len(o.post.taken) != 2 || last.To != "ben@example.org" {
		t.Errorf("told: %+v", o.post.taken)
	}
	if r := o.receiptOf(m); r.Helpline != "mens-advice-line" || r.Paper != letter.PaperMayGo {
		t.Errorf("the edge, where the paper lies with the wrong helpline, was told %+v", r)
	}
	o.opens(m)
	if !strings.Contains(o.story(m.ID), "redirection-asked letter-redirected letter-move-begun letter-moved old-copy-removed letter-notified") {
		t.Errorf("on the register: %s", o.story(m.ID))
	}
	// An edge that has lost it asks for its receipt again.
	o.announce(m)
	o.work(m.ID)
	if r := o.receiptOf(m); len(o.held()) != 0 || r.Paper != letter.PaperMayGo || r.Helpline != "mens-advice-line" {
		t.Errorf("held %v, receipt %+v", o.held(), o.receiptOf(m))
	}
	o.toDeadline(m)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Helpline != "mens-advice-line" || ev.Versions != 1 {
		t.Errorf("%+v", ev)
	}
}

// Where two people find that a letter should never have been kept for five
// years, its six months count as if it had not been.
func TestALetterIsNotKeptAfterAll(t *testing.T) {
	t.Run("in a folder", func(t *testing.T) { notKeptAfterAll(t, newOffice(t)) })
	t.Run("on S3", func(t *testing.T) { notKeptAfterAll(t, newS3Office(t)) })
}

func notKeptAfterAll(t *testing.T, o *office) {
	m := o.unkept()
	o.work(m.ID)
	l := o.lies(m)
	if l.ObjectKey() != m.ObjectKey() || l.Deadline() != m.Deadline() || l.Reason != "" || l.Named != 0 || l.Review != (letter.Date{}) {
		t.Errorf("it is %+v", l)
	}
	if got := o.story(m.ID); !strings.HasSuffix(got, "withdrawal-asked safeguarding-withdrawn letter-move-begun letter-moved old-copy-removed") {
		t.Errorf("on the register: %s", got)
	}
	o.toDeadline(m)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Class != letter.SixMonths || ev.Deadline != m.Deadline() || ev.Early != "" {
		t.Errorf("%+v", ev)
	}
}

// Where the six months are over it is due at once, wherever it lies, unless a
// hold keeps it: then when the hold is released.
func TestALetterIsNotKeptAfterAllAndItsSixMonthsAreOver(t *testing.T) {
	for _, held := range []bool{false, true} {
		o := newOffice(t)
		m := o.safeguarded()
		o.work(m.ID)
		var hold int64
		if held {
			var err error
			hold, err = o.cfg.Register.PlaceHold(t.Context(), register.Hold{Letter: m.ID, Reason: register.Inquiry, Owner: o.manager(),
				Review: letter.DateOf(o.now).AddDays(90)}, o.manager())
			o.must(err)
		}
		o.toDeadline(m)
		o.work(m.ID)
		o.opens(m)
		o.must(o.cfg.Register.AskWithdrawal(t.Context(), m.ID, register.ObjectionUpheld, oneLeader))
		o.confirm(m.ID)
		o.work(m.ID)
		if held {
			o.opens(m)
			o.release(hold)
			o.work(m.ID)
		}
		if ev := o.deletion(m.ID); ev.Class != letter.SixMonths || ev.Deadline != m.Deadline() || ev.Versions == 0 {
			t.Errorf("%+v", ev)
		}
		for _, at := range []register.Lodging{{Class: letter.SixMonths, Helpline: m.Helpline, Since: m.ReceivedOn()},
			{Class: letter.FiveYears, Helpline: m.Helpline, Since: m.ReceivedOn()}} {
			if n := o.traces(at.Key(m.ID)); n != 0 {
				t.Errorf("%d traces in %s", n, at.Class)
			}
		}
	}
}
