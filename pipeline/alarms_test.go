package pipeline

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// speaks has the office's scanner say that it is at work, as one does every ten minutes.
func (o *office) speaks() {
	o.t.Helper()
	o.must(o.cfg.Register.KeepReport(o.t.Context(), letter.Report{Site: "office", At: o.now.UTC().Truncate(time.Second)}))
}

// alarms looks once for everything, as the first sweep does, while the scanner is at
// work, and returns what is loud.
func (o *office) alarms() (kinds []register.AlarmKind) {
	o.t.Helper()
	o.speaks()
	o.must(o.EndKeys(o.t.Context()))
	o.must(o.watchAlarms(o.t.Context(), &watch{}))
	found, err := o.cfg.Register.Alarms(o.t.Context())
	o.must(err)
	for _, a := range found {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

// mailed are the addresses that were written to about alarms since the last call.
func (o *office) mailed() (to []string) {
	o.t.Helper()
	for _, m := range o.post.taken {
		if m.About == mail.AnAlarm {
			to = append(to, m.To)
		}
	}
	o.post.taken = nil
	return to
}

// A letter that does not go on its deadline is loud until it is gone: after a
// grace that its proof may take, once a day to everyone whose business it is,
// and never again once it is solved.
func TestAnOverdueLetterIsLoudUntilItIsGone(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.person(register.DPO, "dee@example.org")
	o.person(register.Manager, "")
	o.must(o.cfg.Register.DisablePerson(t.Context(), o.person(register.Manager, "gone@example.org")))
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.must(o.PublishRecipients(t.Context()))
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.mailed()
	if got := o.alarms(); len(got) != 0 {
		t.Fatalf("loud at once: %v", got)
	}
	o.now = o.now.Add(20 * time.Minute)
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.LettersOverdue}) {
		t.Fatalf("loud is %v", got)
	}
	if got := o.mailed(); !slices.Equal(got, []string{"mo@example.org", "dee@example.org"}) {
		t.Fatalf("written to: %v", got)
	}
	for range 3 { // the same day, also after a restart
		o.now = o.now.Add(time.Hour)
		o.Server = New(o.cfg)
		o.alarms()
	}
	if got := o.mailed(); len(got) != 0 {
		t.Fatalf("written to again on the same day: %v", got)
	}
	o.now = o.now.AddDate(0, 0, 1)
	o.alarms()
	if got := o.mailed(); len(got) != 2 {
		t.Fatalf("on the next day written to: %v", got)
	}

	const says, mended = "needs somebody; 'letterlock check' says what to do\" alarm=letters-overdue", "is mended\" alarm=letters-overdue"
	if n := strings.Count(o.log.String(), says); n != 4 || strings.Contains(o.log.String(), mended) { // at first, and after each restart
		t.Errorf("the log says it %d times:\n%s", n, o.log)
	}
	o.store.at = 0 // it is mended
	o.work(m.ID)
	o.deletion(m.ID)
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.PapersOutlive}) {
		t.Fatalf("loud is %v", got)
	}
	if !strings.Contains(o.log.String(), mended) {
		t.Errorf("the log says nothing of the end:\n%s", o.log)
	}
	_, err := o.cfg.Register.DestroyPaper(t.Context(), m.ID, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5",
		Place: "office", Authority: "policy-1"}, 1)
	o.must(err)
	if got := o.alarms(); len(got) != 0 {
		t.Fatalf("all is well, and loud is %v", got)
	}
	o.now = o.now.AddDate(0, 0, 1)
	o.must(o.PublishRecipients(t.Context()))
	o.alarms()
	if got := o.mailed(); len(got) != 0 {
		t.Fatalf("all is well, and written to: %v", got)
	}
	for kind, want := range map[string]int{"alarm-raised": 2, "alarm-ended": 2, "alarm-told": 4} {
		if entries, _ := o.cfg.Register.Entries(t.Context(), -1, kind, "", 100); len(entries) != want {
			t.Errorf("%d entries %s, want %d", len(entries), kind, want)
		}
	}
}

// Whatever goes from the database, or comes into it, without its entry is loud
// on the next day at the latest, until it is as the register says.
func TestCountsThatDifferAreLoud(t *testing.T) {
	for name, c := range map[string]struct{ spoil, mend string }{
		"a letter went":          {`CREATE TABLE kept AS SELECT * FROM letters; DELETE FROM letters`, `INSERT INTO letters SELECT * FROM kept`},
		"a paper went":           {`CREATE TABLE kept AS SELECT * FROM papers; DELETE FROM papers`, `INSERT INTO papers SELECT * FROM kept`},
		"a paper is only marked": {`UPDATE papers SET state = '` + letter.PaperDestroyed + `'`, `UPDATE papers SET state = '` + letter.PaperMayGo + `'`},
		"a paper is too many": {`CREATE TABLE kept AS SELECT * FROM papers; UPDATE kept SET letter = 'another'; INSERT INTO papers SELECT * FROM kept`,
			`DELETE FROM papers WHERE letter = 'another'`},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.person(register.Manager, "mo@example.org")
			m := o.deposit()
			o.work(m.ID)
			var w watch
			look := func() []register.Alarm {
				t.Helper()
				o.speaks()
				o.must(o.watchAlarms(t.Context(), &w))
				found, err := o.cfg.Register.Alarms(t.Context())
				o.must(err)
				return found
			}
			if got := look(); len(got) != 0 || !ok(o.Check(t.Context()), "counts") {
				t.Fatalf("all adds up, and loud is %v", got)
			}
			change := func(sql string) {
				t.Helper()
				_, err := o.cfg.Register.DB().ExecContext(t.Context(), sql)
				o.must(err)
			}
			change(c.spoil)
			o.mailed()
			o.now = o.now.Add(time.Hour)
			if got := look(); len(got) != 0 {
				t.Errorf("counted twice on one day: %v", got)
			}
			o.now = o.now.AddDate(0, 0, 1)
			if got := look(); len(got) != 1 || got[0].Kind != register.CountsDiffer || got[0].Count != 1 {
				t.Errorf("loud is %v", got)
			}
			if got := o.mailed(); !slices.Equal(got, []string{"mo@example.org"}) || ok(o.Check(t.Context()), "counts") {
				t.Errorf("written to: %v, and the check finds nothing", got)
			}
			change(c.mend)
			o.now = o.now.Add(time.Minute)
			if got := look(); len(got) != 1 {
				t.Errorf("counted again after a minute: %v", got)
			}
			o.now = o.now.Add(time.Hour)
			if got := look(); len(got) != 0 {
				t.Errorf("mended, and loud is %v", got)
			}
		})
	}
}

// A mail server that is away, or whose answer was lost, keeps nobody from being
// told: the mail is sent again, the same, until it is taken.
func TestTheAlarmsMailFailsBothWays(t *testing.T) {
	for name, how := range map[string]fault{"it failed": fails, "it was taken, and the answer lost": loses} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.person(register.Manager, "mo@example.org")
			o.person(register.DPO, "dee@example.org")
			o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 1}))
			o.post.next = []fault{how}
			if err := o.tellAlarms(t.Context()); err == nil {
				t.Fatal("a mail that failed is no error")
			}
			if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 1 {
				t.Fatalf("%d mails wait, %v", n, err)
			}
			o.must(o.tellAlarms(t.Context()))
			o.must(o.tellAlarms(t.Context()))
			ids := map[string][]string{}
			for _, m := range o.post.taken {
				ids[m.To] = append(ids[m.To], m.MessageID)
			}
			want := map[fault]int{fails: 1, loses: 2}[how]
			if mo := ids["mo@example.org"]; len(mo) != want || len(slices.Compact(mo)) != 1 || len(ids["dee@example.org"]) != 1 {
				t.Errorf("taken: %v", ids)
			}
		})
	}
}

// What nobody is owed any more is not sent, and does not wait for ever.
func TestASolvedAlarmIsNotMailed(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 1}))
	o.post.down = true
	if err := o.tellAlarms(t.Context()); err == nil {
		t.Fatal("no error")
	}
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 0}))
	o.post.down = false
	o.must(o.tellAlarms(t.Context()))
	if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 0 || len(o.post.taken) != 0 {
		t.Errorf("%d mails wait, %d were sent, %v", n, len(o.post.taken), err)
	}
}

// On a day on which nothing is wrong the data-protection officer alone is
// written to, once, with the register's checkpoint; what goes wrong later on
// that day is mailed all the same.
func TestAQuietDaysMail(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.person(register.DPO, "dee@example.org")
	o.must(o.tellAlarms(t.Context()))
	if len(o.post.taken) != 0 {
		t.Fatal("written to before the day is begun")
	}
	_, err := o.cfg.Register.BeginDay(t.Context())
	o.must(err)
	for range 3 {
		o.must(o.tellAlarms(t.Context()))
		o.Server = New(o.cfg)
	}
	_, statement, err := o.cfg.Register.Today(t.Context())
	o.must(err)
	if got := o.post.taken; len(got) != 1 || got[0].To != "dee@example.org" || got[0].About != mail.AllIsWell || got[0].Checkpoint != statement.Checkpoint || statement.Checkpoint == "" {
		t.Fatalf("on a quiet day: %+v", got)
	}
	o.mailed()
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 1}))
	o.must(o.tellAlarms(t.Context()))
	if got := o.mailed(); !slices.Equal(got, []string{"mo@example.org", "dee@example.org"}) {
		t.Fatalf("once something is wrong, written to: %v", got)
	}
	for _, n := range []int{0, 1, 0} { // it comes and goes
		o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: n}))
		o.must(o.tellAlarms(t.Context()))
	}
	if len(o.post.taken) != 0 {
		t.Fatalf("on the same day again: %+v", o.post.taken)
	}
	o.now = o.now.AddDate(0, 0, 1)
	_, err = o.cfg.Register.BeginDay(t.Context())
	o.must(err)
	o.must(o.tellAlarms(t.Context()))
	if got := o.post.taken; len(got) != 1 || got[0].About != mail.AllIsWell {
		t.Fatalf("on the next day: %+v", got)
	}
}

// The mail says that there is something, and nothing of what it is.
func TestTheAlarmsMailSaysNothing(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.LettersOverdue: 3, register.ClockDoubted: 1}))
	o.must(o.tellAlarms(t.Context()))
	if len(o.post.taken) != 1 {
		t.Fatalf("%d mails", len(o.post.taken))
	}
	if m := o.post.taken[0]; m.Link != "http://localhost:8080" || !strings.HasSuffix(m.MessageID, "@example.org") {
		t.Errorf("%+v", m)
	}
}

// What cannot be found out is not taken for solved.
func TestAnUnknownAlarmStays(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	o.putRaw(letter.RecipientsKey, []byte("letterlock recipients v1\n{}\n\n— x y\n"))
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.StorageWrong}) {
		t.Fatalf("another's bucket: loud is %v", got)
	}
	o.store.at, o.store.how, o.store.only = -1, fails, "Read"
	if err := o.watchAlarms(t.Context(), &watch{}); err == nil {
		t.Error("what cannot be found out is not said")
	}
	o.store.at = 0
	if a, err := o.cfg.Register.Alarms(t.Context()); err != nil || len(a) != 1 {
		t.Errorf("loud is %v, %v", a, err)
	}
	o.must(o.AdoptBucket(t.Context()))
	if got := o.alarms(); len(got) != 0 {
		t.Errorf("adopted, and loud is %v", got)
	}
}

// A letter that is to live longer than its key is loud two weeks before the
// key's week is over, and keeps the key from dying.
func TestALetterThatOutlivesItsKeyIsLoudInTime(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	over := m.Week().Over()
	o.now = over.AddDays(-20).Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	if _, err := o.cfg.Register.DB().ExecContext(t.Context(), `UPDATE letters SET deadline = $1`, over.AddDays(30).String()); err != nil {
		t.Fatal(err)
	}
	o.now = over.AddDays(-15).Start()
	o.must(o.PublishRecipients(t.Context()))
	if got := o.alarms(); len(got) != 0 {
		t.Fatalf("loud more than two weeks before: %v", got)
	}
	o.now = over.AddDays(-14).Start()
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.KeyNeeded}) || ok(o.Check(t.Context()), "keys") {
		t.Fatalf("loud is %v, and the check finds nothing", got)
	}
	// One that goes before its key is not.
	if _, err := o.cfg.Register.DB().ExecContext(t.Context(), `UPDATE letters SET deadline = $1`, over.AddDays(-1).String()); err != nil {
		t.Fatal(err)
	}
	if got := o.alarms(); len(got) != 0 {
		t.Fatalf("a letter that goes before its key is loud: %v", got)
	}
	if _, err := o.cfg.Register.DB().ExecContext(t.Context(), `UPDATE letters SET deadline = $1`, over.AddDays(30).String()); err != nil {
		t.Fatal(err)
	}
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.KeyNeeded}) || ok(o.Check(t.Context()), "keys") {
		t.Fatalf("loud is %v, and the check finds nothing", got)
	}
	o.now = over.AddDays(1).Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.PublishRecipients(t.Context()))
	o.must(o.EndKeys(t.Context()))
	if !o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key of a living letter died")
	}
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.KeyNeeded}) {
		t.Fatalf("loud is %v", got)
	}
}

// A review that is due, of a letter that is kept or of a hold, is said on its day and
// on each day after it.
func TestADueReviewIsInTheDaysMail(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.safeguarded()
	_, err := o.cfg.Register.PlaceHold(t.Context(), register.Hold{Helpline: "mens-advice-line", Reason: register.CourtCase, Owner: o.manager(),
		Review: letter.DateOf(o.now).AddDays(31)}, o.manager())
	o.must(err)
	for day, reviews := range []int{0, 1, 2, 2} {
		o.now = o.now.AddDate(0, 0, 1)
		if day == 0 {
			o.now = o.now.AddDate(0, 0, 28)
		}
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		_, err := o.cfg.Register.BeginDay(t.Context())
		o.must(err)
		o.post.taken = nil
		o.must(o.tellAlarms(t.Context()))
		if got := o.post.taken; reviews == 0 && len(got) == 0 {
			continue
		} else if len(got) != 1 || got[0].To != "mo@example.org" || got[0].Reviews != reviews || got[0].Requests != 0 {
			t.Errorf("with %d reviews due, told: %+v", reviews, got)
		}
	}
}

// A danger of which a reader has told the managers, and of which nobody has decided, is
// in the managers' mail of each day after that, and in nobody else's.
func TestADangerThatNobodyHasDecidedUponIsInTheDaysMail(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	knows := o.person(register.Manager, "max@example.org")
	o.person(register.DPO, "dee@example.org")
	m := o.read()
	told := func() map[string]int {
		t.Helper()
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		_, err := o.cfg.Register.BeginDay(t.Context())
		o.must(err)
		o.post.taken = nil
		o.must(o.tellAlarms(t.Context()))
		urgent := map[string]int{}
		for _, sent := range o.post.taken {
			urgent[sent.To] = sent.Urgent
			if (sent.About == mail.AllIsWell) != (sent.Urgent == 0) {
				t.Errorf("%s is told about %v", sent.To, sent.About)
			}
		}
		return urgent
	}
	o.must(o.cfg.Register.AnswerRisk(t.Context(), m.ID, register.RiskUrgent, "", oneLeader))
	if got := told(); !maps.Equal(got, map[string]int{"dee@example.org": 0}) {
		t.Errorf("on the day on which it was said, when they get a mail of its own: %v", got)
	}
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, knows, []byte("k"), "pages"))
	o.must(o.cfg.Register.Recuse(t.Context(), m.ID, knows))
	want := map[string]int{"dee@example.org": 0, "mo@example.org": 1, "max@example.org": 0}
	for range 2 {
		o.now = o.now.AddDate(0, 0, 1)
		if got := told(); !maps.Equal(got, want) {
			t.Errorf("while nobody has decided: %v", got)
		}
	}
	o.must(o.cfg.Register.Safeguard(t.Context(), m.ID, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.Consented,
		Review: letter.DateOf(o.now).AddDays(60), Named: oneLeader}, oneLeader))
	o.now = o.now.AddDate(0, 0, 1)
	if got := told(); !maps.Equal(got, map[string]int{"dee@example.org": 0}) {
		t.Errorf("once it is decided: %v", got)
	}
}

// What a scanner has brought and nobody will be shown as it is, somebody hears of: a
// letter that is not what was announced, and one that is announced and not believed.
func TestALetterThatCannotBeTakenIsLoud(t *testing.T) {
	o := newOffice(t)
	broken := o.depositPDF([]byte("no pdf"))
	other := o.deposit(func(_ *letter.Manifest, sealed *[]byte) { (*sealed)[len(*sealed)-1] ^= 1 })
	o.work(broken.ID)
	o.work(other.ID)
	o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "nobodys-line" })
	o.must(o.Admit(t.Context()))
	if b, l := o.state(broken.ID), o.state(other.ID); b.State != register.Unverifiable || l.Trouble != register.ObjectMissing || len(o.held()) != 1 {
		t.Fatalf("they are %s and %s, %s, and held is %v", b.State, l.State, l.Trouble, o.held())
	}
	if got := o.alarms(); len(got) != 0 {
		t.Errorf("loud at once: %v", got)
	}
	o.now = o.now.Add(time.Hour)
	if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.LettersWait}) {
		t.Errorf("after an hour loud is %v", got)
	}
	found, err := o.cfg.Register.Alarms(t.Context())
	o.must(err)
	if found[0].Count != 3 {
		t.Errorf("%d wait", found[0].Count)
	}
}

// Backups that are set up and not made are as loud as what they are against.
func TestBackupsThatAreNotMadeAreLoud(t *testing.T) {
	o, ctx := newOffice(t), t.Context()
	var oldest, newest time.Time
	o.cfg.Backups = &Backups{Keep: 30 * 24 * time.Hour, Made: func() (time.Time, time.Time, error) { return oldest, newest, nil }}
	loud := func(when string, after time.Duration, want bool) {
		t.Helper()
		o.now = o.now.Add(after)
		o.Server = New(o.cfg)
		o.must(o.PublishRecipients(ctx))
		if got := slices.Contains(o.alarms(), register.BackupLate); got != want {
			t.Errorf("%s: loud is %v", when, got)
		}
	}
	made := func() { newest = o.now; o.must(o.cfg.Register.KeepTime(ctx, register.MetaBackup, o.now)) }
	loud("set up just now", 0, false)
	loud("no backup for a day", 24*time.Hour, true)
	made()
	loud("made", 0, false)
	loud("made two days ago", 48*time.Hour, false)
	loud("not made", time.Hour, false)
	loud("not made for another day", 24*time.Hour, true)
	made()
	loud("made again", 0, false)
	oldest = o.now.Add(-30 * 24 * time.Hour)
	loud("one is as old as it may be", 0, false)
	if !ok(o.Check(ctx), "backup") {
		t.Error("it is said to be kept for too long")
	}
	oldest = o.now.Add(-30*24*time.Hour - 2*time.Hour)
	if ok(o.Check(ctx), "backup") {
		t.Error("the check does not say that one is older than it may be")
	}
	loud("one is kept for too long", time.Minute, false)
	loud("and stays", 24*time.Hour, true)
	made()
	oldest = o.now
	loud("is removed", 0, false)
	newest = o.now.AddDate(10, 0, 0)
	loud("one is of a year that has not come", time.Minute, false)
	loud("and stays", 24*time.Hour, true)
	made()
	loud("made well", 0, false)
	newest = o.now.AddDate(0, 0, -1)
	loud("another disk is there", time.Minute, false)
	loud("and stays there", 24*time.Hour, true)
	newest = o.now
	o.must(o.cfg.Register.KeepTime(ctx, register.MetaBackup, o.now.AddDate(10, 0, 0)))
	loud("the last is said to be of a year that has not come, and is of today", 0, false)
	oldest, newest = o.now.AddDate(0, 0, -3), o.now.AddDate(0, 0, -3)
	loud("and is of three days ago", time.Minute, false)
	loud("and is of four", 24*time.Hour, true)
}
