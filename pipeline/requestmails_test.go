package pipeline

import (
	"slices"
	"testing"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Those who may confirm a request are told of it at once, each once, and not
// who has asked; from the next day on it is said again until it is done with.
func TestARequestIsMailedToThoseWhoMayConfirmIt(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "")
	mo := o.person(register.Manager, "mo@example.org")
	o.person(register.DPO, "dee@example.org")
	m := o.read()
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, mo, []byte("m"), "pages"))
	begin := func() {
		t.Helper()
		_, err := o.cfg.Register.BeginDay(t.Context())
		o.must(err)
		o.must(o.tellAlarms(t.Context()))
		_ = o.tellRequests(t.Context())
	}
	begin()
	o.post.taken = nil
	o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
	o.post.next = []fault{fails, loses} // mo's, dee's
	begin()
	lost := o.post.taken
	begin()
	begin()
	want := mail.Message{About: mail.ARequest, To: "dee@example.org", Link: "http://localhost:8080/requests"}
	if len(lost) != 1 || len(o.post.taken) != 3 || o.post.taken[2].MessageID != lost[0].MessageID || o.post.taken[1].To != "mo@example.org" {
		t.Fatalf("told: %+v", o.post.taken)
	}
	if want.MessageID = lost[0].MessageID; lost[0] != want {
		t.Errorf("it says %+v", lost[0])
	}

	o.post.taken = nil
	o.now = o.now.AddDate(0, 0, 1)
	begin()
	for i, to := range []string{"mo@example.org", "dee@example.org"} {
		if len(o.post.taken) != 2 || o.post.taken[i].To != to || o.post.taken[i].About != mail.AllIsWell || o.post.taken[i].Requests != 1 || o.post.taken[i].Reviews != 0 {
			t.Fatalf("on the next day: %+v", o.post.taken)
		}
	}

	// Whoever asks is not told of it, and once it is taken back nobody is.
	q, err := o.cfg.Register.RequestOf(t.Context(), m.ID)
	o.must(err)
	o.must(o.cfg.Register.DeclineRequest(t.Context(), q.Number, oneLeader))
	o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, mo))
	o.post.taken, o.post.down = nil, true
	begin()
	if q, err = o.cfg.Register.RequestOf(t.Context(), m.ID); err != nil {
		t.Fatal(err)
	}
	if owed, err := o.cfg.Register.OwedRequestMails(t.Context(), "example.org"); err != nil || len(owed) != 1 || owed[0].Address != "dee@example.org" {
		t.Errorf("owed: %+v, %v", owed, err)
	}
	o.must(o.cfg.Register.DeclineRequest(t.Context(), q.Number, mo))
	if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d mails wait, %v", n, err)
	}
}

// Whoever knows somebody in a letter is told of nothing that is asked for it, at once
// or on the next day; what they were owed is owed no more.
func TestARequestIsNotMailedToWhoHasSteppedBack(t *testing.T) {
	o := newOffice(t)
	mo := o.person(register.Manager, "mo@example.org")
	o.person(register.DPO, "dee@example.org")
	m := o.read()
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, mo, []byte("m"), "pages"))
	o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
	o.post.next = []fault{fails, fails}
	_ = o.tellRequests(t.Context())
	o.must(o.cfg.Register.Recuse(t.Context(), m.ID, mo))
	o.post.taken = nil
	o.must(o.tellRequests(t.Context()))
	if len(o.post.taken) != 1 || o.post.taken[0].To != "dee@example.org" {
		t.Errorf("told at once: %+v", o.post.taken)
	}
	if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d mails are owed for ever: %v", n, err)
	}
	o.now = o.now.AddDate(0, 0, 1)
	_, err := o.cfg.Register.BeginDay(t.Context())
	o.must(err)
	o.post.taken = nil
	o.must(o.tellAlarms(t.Context()))
	for _, sent := range o.post.taken {
		if want := map[string]int{"dee@example.org": 1}[sent.To]; sent.Requests != want {
			t.Errorf("on the next day %s is told of %d", sent.To, sent.Requests)
		}
	}
	if len(o.post.taken) != 2 {
		t.Errorf("%d mails", len(o.post.taken))
	}
}

// A hold whose end waits for a second person is told to those who may confirm it at once,
// as a request is, each once: not to who has asked, nor to who knows somebody in a letter
// that it keeps. One that goes on is told no more, and asked for anew it is told anew.
func TestTheEndOfAHoldIsMailedToThoseWhoMayConfirmIt(t *testing.T) {
	for name, of := range map[string]func(id letter.ID) (letter.ID, string){
		"of a letter":                 func(id letter.ID) (letter.ID, string) { return id, "" },
		"of everything of a helpline": func(letter.ID) (letter.ID, string) { return "", "respect-phoneline" },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			mo := o.person(register.Manager, "mo@example.org")
			knows := o.person(register.Manager, "knows@example.org")
			o.person(register.Manager, "max@example.org")
			o.person(register.DPO, "dee@example.org")
			m := o.read()
			o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, knows, []byte("k"), "pages"))
			hold := o.hold(of(m.ID))
			o.days(180) // days before its deadline
			o.must(o.cfg.Register.Recuse(t.Context(), m.ID, knows))
			ask := func() {
				t.Helper()
				released, err := o.cfg.Register.ReleaseHold(t.Context(), hold, mo)
				if o.must(err); released {
					t.Fatal("one person has released it")
				}
			}
			told := func() (to []string) {
				t.Helper()
				o.post.taken = nil
				o.must(o.tellRequests(t.Context()))
				for _, sent := range o.post.taken {
					to = append(to, sent.To)
					if want := (mail.Message{About: mail.ARequest, To: sent.To, MessageID: sent.MessageID, Link: "http://localhost:8080/holds"}); sent != want {
						t.Errorf("it says %+v", sent)
					}
				}
				return to
			}
			want := []string{"max@example.org", "dee@example.org"}
			waiting, err := o.cfg.Register.MailsWaiting(t.Context()) // about other things
			o.must(err)
			if to := told(); to != nil {
				t.Errorf("before anybody has asked, %v are told", to)
			}
			ask()
			if to := told(); !slices.Equal(to, want) {
				t.Errorf("told: %v", to)
			}
			ask()
			if to := told(); to != nil {
				t.Errorf("told once more: %v", to)
			}
			goesOn := func() {
				t.Helper()
				o.must(o.cfg.Register.ReviewHold(t.Context(), hold, letter.DateOf(o.now).AddDays(90), mo, mo))
			}
			goesOn()
			ask()
			o.post.down = true
			_ = o.tellRequests(t.Context())
			goesOn()
			o.post.down = false
			if to := told(); to != nil {
				t.Errorf("of a hold that goes on %v are told", to)
			}
			if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != waiting {
				t.Errorf("%d mails wait, %v", n-waiting, err)
			}
			ask()
			if to := told(); !slices.Equal(to, want) {
				t.Errorf("asked for anew, told: %v", to)
			}
		})
	}
}
