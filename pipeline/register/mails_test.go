package register

import (
	"slices"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// What nobody is owed any more does not count as a mail that waits: a reminder of what
// is opened, one of who has gone or does something else, a call to who has no address,
// yesterday's mail.
func TestNoMailWaitsThatNobodyIsOwed(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, other := d.leader(), d.leader()
	person := func(role Role, email string) int64 {
		t.Helper()
		n, err := d.AddPerson(ctx, Person{Name: "Somebody", Email: email, Role: role})
		d.must(err)
		told, err := d.OwedAccountMails(ctx, "example.org") // of who reads letters now
		d.must(err)
		for _, m := range told {
			d.must(d.AccountMailSent(ctx, m))
		}
		return n
	}
	manager, unwritten := person(Manager, "mo@example.org"), person(Manager, "")
	waits := func(when string, want int) {
		t.Helper()
		if n, err := d.MailsWaiting(ctx); err != nil || n != want {
			t.Errorf("%s: %d mails wait, want %d: %v", when, n, want, err)
		}
	}
	reminders := func(when string, want int) {
		t.Helper()
		owed, err := d.OwedReminders(ctx, letter.DateOf(d.now), d.now.Add(-24*time.Hour), d.now.Add(-24*time.Hour), "example.org")
		if err != nil || len(owed) != want {
			t.Errorf("%s: %d reminders are owed, want %d: %v", when, len(owed), want, err)
		}
		waits(when, want)
	}
	unread := func() letter.ID {
		t.Helper()
		l := d.receipted()
		d.must(d.Notified(ctx, &l))
		return l.ID
	}
	first := unread()
	d.now = d.now.Add(25 * time.Hour)
	reminders("the mail server is away", 3)
	d.opens(first, leader)
	waits("it is opened", 0)
	second := unread()
	reminders("another has come just now", 0)
	d.now = d.now.Add(25 * time.Hour)
	reminders("the next day", 3)
	d.must(d.ForgetReminders(ctx))
	waits("in the evening", 0)
	d.now = d.now.Add(24 * time.Hour)
	reminders("the day after", 3)
	d.now = d.now.Add(24 * time.Hour)
	waits("before anybody is at work", 0)
	reminders("once they are", 3)

	d.must(d.DisablePerson(ctx, other))
	waits("one has left", 2)
	d.must(d.GiveRole(ctx, manager, Operations, nil))
	waits("one does something else", 1)
	for _, gone := range []int64{other, manager} {
		var rows int
		d.must(d.read.QueryRowContext(ctx, `SELECT count(*) FROM reminders WHERE person = $1`, gone).Scan(&rows))
		if rows != 0 {
			t.Errorf("%d reminders of staff number %d are kept", rows, gone)
		}
	}

	d.opens(second, leader)
	d.must(d.HandOver(ctx, second, unwritten, leader))
	waits("handed to who has no address", 0)

	person(DPO, "dee@example.org")
	person(Manager, "max@example.org")
	daily := func(when string, waiting bool, want int) {
		t.Helper()
		owed, err := d.OwedDailyMails(ctx, letter.DateOf(d.now), true, waiting, "example.org")
		if err != nil || len(owed) != want {
			t.Errorf("%s: %d of the day's mails are owed, want %d: %v", when, len(owed), want, err)
		}
		waits(when, want)
	}
	daily("something waits", true, 2)
	daily("nothing does any more", false, 1)
	d.now = d.now.Add(24 * time.Hour)
	waits("yesterday's", 0)
	daily("today's", true, 2)

	// Nor is a mail about a letter owed to whose address was taken away.
	third := d.receipted()
	if _, err := d.QueueMails(ctx, third, "example.org"); err != nil {
		t.Fatal(err)
	}
	d.must(d.ChangePerson(ctx, Person{Number: leader, Name: "Canary Nightingale", Helplines: []string{"respect-phoneline"}}, manager))
	if owed, err := d.UnsentMails(ctx, third.ID); err != nil || len(owed) != 0 {
		t.Errorf("%v is owed to nobody: %v", owed, err)
	}
}

// Of a letter that is kept for five years nobody is written to who may not open it: not
// when its new scan is told of, nor when the mail server is back after the decision, and
// neither is on record as told of it. Once it is not kept after all everybody is.
func TestWhoMayNotOpenALetterIsNotWrittenTo(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada, bea := d.leader(), d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	kept := Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: letter.DateOf(d.now).AddDays(30), Named: ada}
	owed := func(when string, l Letter, want ...int64) {
		t.Helper()
		mails, err := d.UnsentMails(ctx, l.ID)
		d.must(err)
		var got []int64
		for _, m := range mails {
			got = append(got, m.Person)
		}
		waiting, err := d.MailsWaiting(ctx)
		if d.must(err); !slices.Equal(got, want) || waiting != len(want) {
			t.Errorf("%s: mails are owed to %v, and %d wait, want %v", when, got, waiting, want)
		}
	}

	l := d.receipted()
	if people, err := d.QueueMails(ctx, l, "example.org"); err != nil || people != 2 {
		t.Errorf("%d people are told, %v", people, err)
	}
	owed("the mail server is away", l, ada, bea)
	d.opens(l.ID, ada)
	d.must(d.Safeguard(ctx, l.ID, kept, ada))
	owed("once it is kept", l, ada)
	l = d.letter(l.ID)
	d.must(d.Defer(ctx, l, MailDown, d.now))
	if untold, err := d.Untold(ctx); err != nil || !slices.Equal(untold, []int64{ada}) {
		t.Errorf("not told are %v, %v", untold, err)
	}
	d.must(d.MailSent(ctx, l.ID, ada))
	d.must(d.Notified(ctx, &l))
	if said, _, err := lastSaid[LetterNotified](ctx, d.read, l.ID); err != nil || !slices.Equal(said.Data.Staff, []int64{ada}) {
		t.Errorf("told are, on record, %v, %v", said.Data.Staff, err)
	}

	d.must(d.MarkScanAgain(ctx, l.ID, ada, TooFaint))
	scan := d.scannedAnew(d.letter(l.ID))
	if people, err := d.QueueMails(ctx, scan, "example.org"); err != nil || people != 1 {
		t.Errorf("%d people are told of the new scan, %v", people, err)
	}
	owed("of the new scan", scan, ada)
	d.must(d.MailSent(ctx, scan.ID, ada))

	d.opens(scan.ID, ada)
	d.must(d.AskWithdrawal(ctx, scan.ID, NoneApplies, ada))
	q, err := d.RequestOf(ctx, scan.ID)
	d.must(err)
	d.must(d.ConfirmRequest(ctx, q.Number, manager))
	people, err := d.QueueMails(ctx, scan, "example.org")
	if d.must(err); people != 2 {
		t.Errorf("%d people may be told once it is not kept after all", people)
	}
	owed("once it is not kept after all", scan, bea)
}
