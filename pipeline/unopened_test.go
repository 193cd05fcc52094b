package pipeline

import (
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Letters that nobody opens are mailed again: all of them in one mail a working
// day, to the leaders of their helpline after one and to the manager after two.
func TestUnopenedLettersAreMailedAgain(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.person(register.DPO, "dee@example.org")
	o.person(register.TeamLeader, "eve@example.org", "mens-advice-line")
	at := func(day, hour, minute int) { // from Monday 30 November 2026
		o.now = time.Date(2026, 11, 30, hour, minute, 0, 0, letter.London).AddDate(0, 0, day-1)
	}
	var ids []string
	reminded := func(when string, want ...string) {
		t.Helper()
		o.post.taken = nil
		o.must(o.tellUnopened(t.Context()))
		var got []string
		for _, m := range o.post.taken {
			got = append(got, m.To)
			if (m.About == mail.UnopenedLong) != (m.To == "mo@example.org") || m.Link != "http://localhost:8080/letters" {
				t.Errorf("%s: %+v", when, m)
			}
			if slices.Contains(ids, m.MessageID) {
				t.Errorf("%s: one mail twice", when)
			}
			ids = append(ids, m.MessageID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	at(4, 10, 0) // Thursday
	m := o.deposit()
	o.work(m.ID)
	second := o.deposit()
	o.work(second.ID)
	at(5, 9, 59)
	reminded("on Friday, in less than a day")
	at(5, 10, 30)
	reminded("on Friday, after a day", "ada@example.org")
	reminded("at once again")
	at(6, 12, 0)
	reminded("on Saturday")
	at(8, 7, 59)
	reminded("on Monday, before work")
	at(8, 9, 0)
	reminded("on Monday, in less than two days", "ada@example.org")
	at(8, 10, 30)
	reminded("on Monday, after two", "mo@example.org")
	at(9, 17, 59)
	reminded("on Tuesday", "ada@example.org", "mo@example.org")
	at(10, 18, 0)
	reminded("on Wednesday, after work")
	for _, m := range []letter.Manifest{m, second} {
		o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	}
	at(11, 12, 0)
	reminded("once they are opened")

	// A letter of which its leader cannot be told.
	o.post.down = true
	third := o.deposit()
	o.work(third.ID)
	if l := o.state(third.ID); l.State != register.Receipted || l.Trouble != register.MailDown {
		t.Fatalf("it is %s, %s", l.State, l.Trouble)
	}
	o.post.down = false
	at(12, 12, 30)
	reminded("of a letter that could not be told of", "ada@example.org")
	at(15, 12, 30)
	reminded("of it, after two days", "ada@example.org", "mo@example.org")
	told, err := o.cfg.Register.Entries(t.Context(), -1, "unread-told", "", 10)
	if err != nil || len(told) != len(ids) {
		t.Errorf("%d are on record as reminded, of %d: %v", len(told), len(ids), err)
	}
}

// The settings say when the manager is told: the mail gives no number of days that may
// be another.
func TestTheManagerIsToldAsTheSettingsSay(t *testing.T) {
	o := newOffice(t, func(c *Config) {
		c.Settings = register.Values{register.SettingLeaders: 1, register.SettingManagers: 1}
	})
	o.person(register.Manager, "mo@example.org")
	o.now = time.Date(2026, 12, 1, 10, 0, 0, 0, letter.London)
	o.work(o.deposit().ID)
	o.post.taken = nil
	o.now = o.now.AddDate(0, 0, 1).Add(time.Minute)
	o.must(o.tellUnopened(t.Context()))
	at := slices.IndexFunc(o.post.taken, func(m mail.Message) bool { return m.About == mail.UnopenedLong && m.To == "mo@example.org" })
	if at < 0 {
		t.Fatalf("after one working day: %+v", o.post.taken)
	}
	if said := texts.English().Text(texts.Word("mail-first", "unopened-long")); strings.Contains(said, "two") || !strings.Contains(said, "longer than they should") {
		t.Errorf("after one working day the manager reads %q", said)
	}
}

// Whoever has said that they know somebody in a letter is not reminded of it, nor
// told of it when it has gone to another helpline of theirs.
func TestNobodyIsMailedALetterTheyAreWalledOffFrom(t *testing.T) {
	o := newOffice(t)
	eve := o.person(register.TeamLeader, "eve@example.org", "respect-phoneline", "mens-advice-line")
	o.now = time.Date(2026, 12, 1, 10, 0, 0, 0, letter.London)
	m := o.deposit()
	o.work(m.ID)
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, eve, []byte("e"), "pages"))
	o.must(o.cfg.Register.Recuse(t.Context(), m.ID, eve))
	to := func(act func() error) (who []string) {
		t.Helper()
		o.post.taken = nil
		o.must(act())
		for _, m := range o.post.taken {
			who = append(who, m.To)
		}
		return who
	}
	o.now = o.now.AddDate(0, 0, 1).Add(time.Minute)
	if got := to(func() error { return o.tellUnopened(t.Context()) }); !slices.Equal(got, []string{"ada@example.org"}) {
		t.Errorf("reminded: %v", got)
	}
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	o.must(o.cfg.Register.AskRedirection(t.Context(), m.ID, "mens-advice-line", oneLeader))
	o.confirm(m.ID)
	o.person(register.TeamLeader, "fay@example.org", "mens-advice-line")
	if got := to(func() error { o.work(m.ID); return nil }); !slices.Equal(got, []string{"fay@example.org"}) {
		t.Errorf("told of the letter that came to their helpline: %v", got)
	}
}

// A reminder that was not taken is owed: with the same Message-ID, and only as
// long as nobody has opened the letter.
func TestAReminderThatFailsIsOwed(t *testing.T) {
	o := newOffice(t)
	o.now = time.Date(2026, 12, 1, 10, 0, 0, 0, letter.London)
	m := o.deposit()
	o.work(m.ID)
	o.now = o.now.AddDate(0, 0, 1).Add(time.Minute)
	o.post.taken, o.post.next = nil, []fault{fails, loses}
	for range 2 {
		if err := o.tellUnopened(t.Context()); err == nil {
			t.Error("it failed, and nothing is said")
		}
		if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 1 {
			t.Errorf("%d mails wait: %v", n, err)
		}
	}
	o.must(o.tellUnopened(t.Context()))
	o.must(o.tellUnopened(t.Context()))
	if sent := o.post.taken; len(sent) != 2 || sent[0].MessageID != sent[1].MessageID {
		t.Errorf("sent: %+v", sent)
	}
	o.now = o.now.AddDate(0, 0, 1)
	o.post.next = []fault{fails}
	_ = o.tellUnopened(t.Context())
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	o.post.taken = nil
	o.must(o.tellUnopened(t.Context()))
	if len(o.post.taken) != 0 {
		t.Errorf("reminded of a letter that is opened: %+v", o.post.taken)
	}
}

// When people go home, a reminder that was not taken is waited for no longer: the mail
// server may be back, and none is sent until the morning, which has one of its own.
func TestAReminderIsNotWaitedForInTheEvening(t *testing.T) {
	o := newOffice(t)
	o.now = time.Date(2026, 12, 1, 10, 0, 0, 0, letter.London)
	m := o.deposit()
	o.work(m.ID)
	o.now = o.now.AddDate(0, 0, 1).Add(time.Minute)
	o.post.taken, o.post.next = nil, []fault{fails}
	_ = o.tellUnopened(t.Context())
	waits := func(want int) {
		t.Helper()
		if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != want {
			t.Errorf("%d mails wait at %s, want %d: %v", n, o.now, want, err)
		}
	}
	waits(1)
	o.now = o.now.Add(8 * time.Hour)
	o.must(o.tellUnopened(t.Context()))
	waits(0)
	o.now = o.now.Add(16 * time.Hour)
	o.must(o.tellUnopened(t.Context()))
	waits(0)
	if len(o.post.taken) != 1 || o.post.taken[0].To != "ada@example.org" {
		t.Errorf("reminded in the morning: %+v", o.post.taken)
	}
}
