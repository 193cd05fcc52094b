package pipeline

import (
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// A manager opens it before there is any leader; the leader is told all the same.
func TestOpenedBeforeAnybodyWasTold(t *testing.T) {
	o := newOffice(t)
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "mens-advice-line" })
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, o.person(register.Manager, ""), []byte("s"), "pages"))
	o.must(o.Advance(t.Context(), m.ID))
	o.person(register.TeamLeader, "ben@example.org", "mens-advice-line")
	o.work(m.ID)
	if len(o.post.taken) != 1 || o.post.taken[0].To != "ben@example.org" {
		t.Errorf("told: %+v", o.post.taken)
	}
}

// The only leader leaves before the mail could be sent; the next one is told,
// although somebody has opened the letter meanwhile.
func TestANewLeaderIsToldInstead(t *testing.T) {
	o := newOffice(t)
	o.post.down = true
	m := o.deposit()
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, o.person(register.Manager, ""), []byte("s"), "pages"))
	o.must(o.cfg.Register.DisablePerson(t.Context(), 1))
	o.person(register.TeamLeader, "eve@example.org", "respect-phoneline")
	o.post.down = false
	o.work(m.ID)
	if len(o.post.taken) != 1 || o.post.taken[0].To != "eve@example.org" {
		t.Errorf("told: %+v", o.post.taken)
	}
	if l := o.state(m.ID); l.NotBefore != nil || l.Trouble != "" {
		t.Errorf("it is due at %v because of %q", l.NotBefore, l.Trouble)
	}
}

// The one leader who may open it leaves before the mail could be sent: nobody else is
// told, and it comes to rest.
func TestNobodyIsToldInsteadOfTheOneLeader(t *testing.T) {
	o := newOffice(t)
	o.post.down = true
	m := o.deposit()
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	o.safeguard(m.ID)
	o.must(o.cfg.Register.DisablePerson(t.Context(), oneLeader))
	o.person(register.TeamLeader, "eve@example.org", "respect-phoneline")
	o.post.down = false
	o.work(m.ID)
	if len(o.post.taken) != 0 {
		t.Errorf("told: %+v", o.post.taken)
	}
	if l := o.state(m.ID); l.NotBefore != nil || l.Trouble != "" || l.Named != oneLeader {
		t.Errorf("it is due at %v because of %q", l.NotBefore, l.Trouble)
	}
}

// A dead mail server delays mail and stops nothing else; what it lost the
// answer of is sent again under the same Message-ID.
func TestMailFailsBothWays(t *testing.T) {
	o := newOffice(t)
	o.person(register.TeamLeader, "bea@example.org", "respect-phoneline")
	o.post.next = []fault{loses, works}
	m := o.deposit()
	o.work(m.ID)
	to := map[string]int{}
	ids := map[string]bool{}
	for _, sent := range o.post.taken {
		to[sent.To]++
		if sent.To == "ada@example.org" {
			ids[sent.MessageID] = true
		}
	}
	if to["ada@example.org"] != 2 || len(ids) != 1 || to["bea@example.org"] != 1 {
		t.Errorf("mails %v, ids %v", to, ids)
	}

	o.post.down = true
	m = o.deposit()
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	if l := o.state(m.ID); l.State != register.Receipted || l.Trouble != register.MailDown || o.receiptOf(m) == nil {
		t.Errorf("with a dead mail server it is %s because of %q", l.State, l.Trouble)
	}
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, 1, []byte("s"), "pages")) // found on the list
	o.post.down = false
	o.work(m.ID)
	if l := o.state(m.ID); l.State != register.Opened || len(o.post.taken) != 5 {
		t.Errorf("when it was back: %s, %d mails", l.State, len(o.post.taken))
	}
	if !strings.HasSuffix(o.story(m.ID), "letter-opened letter-notified") {
		t.Errorf("on the register: %s", o.story(m.ID))
	}
}

func TestNobodyToTellIsSaid(t *testing.T) {
	o := newOffice(t)
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "mens-advice-line" })
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	if l := o.state(m.ID); l.State != register.Receipted || l.Trouble != register.NobodyToTell {
		t.Errorf("it is %s because of %q", l.State, l.Trouble)
	}
	if ok(o.Check(t.Context()), "people") {
		t.Error("the check says nothing of it")
	}
	// The log says it once, however many letters there are, and the next day again.
	said := func() int { return strings.Count(o.log.String(), "nobody is told of them") }
	other := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "mens-advice-line" })
	o.must(o.Admit(t.Context()))
	for range 3 {
		o.must(o.Advance(t.Context(), other.ID))
	}
	if said() != 1 {
		t.Errorf("said %d times: %s", said(), o.log)
	}
	o.now = o.now.Add(25 * time.Hour)
	o.must(o.Advance(t.Context(), other.ID))
	if said() != 2 {
		t.Errorf("said %d times until the next day: %s", said(), o.log)
	}
	o.person(register.TeamLeader, "ben@example.org", "mens-advice-line")
	o.work(m.ID)
	if o.state(m.ID).State != register.Notified {
		t.Error("the new team leader is not told")
	}
}

// The edge hears what became of the paper.
func TestReceiptsFollowThePaper(t *testing.T) {
	o := newOffice(t)
	reg := o.cfg.Register
	m := o.deposit()
	o.work(m.ID)
	paper := func(want string, act func() error) {
		t.Helper()
		o.must(act())
		o.work(m.ID)
		if r := o.receiptOf(m); r.Paper != want {
			t.Errorf("the receipt says %q, want %q", r.Paper, want)
		}
	}
	ctx := t.Context()
	o.must(reg.RecordOpening(ctx, m.ID, 1, []byte("s"), "pages"))
	paper(letter.PaperScanAgain, func() error { return reg.MarkScanAgain(ctx, m.ID, 1, register.TooFaint) })
	if r := o.receiptOf(m); r.Reason != string(register.TooFaint) {
		t.Errorf("the reason is %q", r.Reason)
	}
	paper(letter.PaperMayGo, func() error { return reg.MarkReadableAfterAll(ctx, m.ID, 1) })
	paper(letter.PaperDestroyed, func() error {
		_, err := reg.DestroyPaper(ctx, m.ID, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5",
			Place: "office", Authority: "policy-1", Witness: 3}, 2)
		return err
	})
}

func TestPaperMayGoOnceVerifiedWhereConfigured(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.DestroyAfter = "verified" })
	m := o.deposit()
	o.work(m.ID)
	if r := o.receiptOf(m); r.Paper != letter.PaperMayGo {
		t.Errorf("the receipt says %q", r.Paper)
	}
}

// Without a manager of the helplines some things stand still, and the check says so.
func TestThatNobodyManagesIsSaid(t *testing.T) {
	o := newOffice(t)
	o.enrolled(oneLeader, o.person(register.TeamLeader, "bea@example.org", "mens-advice-line"))
	o.person(register.DPO, "dee@example.org")
	says := func() string {
		for _, l := range o.Check(t.Context()) {
			if l.Name == "people" {
				return l.Says
			}
		}
		return ""
	}
	if got := says(); ok(o.Check(t.Context()), "people") || !strings.Contains(got, "Nobody is the helplines’ manager") {
		t.Errorf("the check says %q", got)
	}
	mo := o.person(register.Manager, "mo@example.org")
	if got := says(); ok(o.Check(t.Context()), "people") || !strings.Contains(got, "No manager of the helplines has set up a sign-in yet") {
		t.Errorf("with an invitation alone the check says %q", got)
	}
	o.enrolled(mo)
	if got := says(); !ok(o.Check(t.Context()), "people") {
		t.Errorf("the check says %q", got)
	}
	o.must(o.cfg.Register.DisablePerson(t.Context(), mo))
	if ok(o.Check(t.Context()), "people") {
		t.Error("the last manager has gone, and the check says nothing of it")
	}
}

// Who was invited and has no sign-in yet opens nothing, and the check says so of a
// helpline that nobody else leads; a sign-in of the organisation's is one while it is
// configured, and under its issuer alone.
func TestLeadersWhoCannotSignInAreSaid(t *testing.T) {
	o := newOffice(t)
	ctx, reg := t.Context(), o.cfg.Register
	o.enrolled(oneLeader, o.person(register.Manager, "mo@example.org"))
	bea := o.person(register.TeamLeader, "bea@example.org", "mens-advice-line")
	says := func(when, want string) {
		t.Helper()
		for _, l := range o.Check(ctx) {
			if l.Name == "people" && (l.OK == (want != "") || !strings.Contains(l.Says, want)) {
				t.Errorf("%s the check says %+v", when, l)
			}
		}
	}
	const nobody = "No team leader of the helpline mens-advice-line has set up a sign-in yet"
	says("while she is only invited", nobody)
	code, err := reg.NewCode(ctx, bea, 0, register.SessionMax)
	o.must(err)
	proof, err := reg.CheckCode(ctx, bea, code)
	o.must(err)
	o.must(reg.LinkSSO(ctx, bea, proof, "https://login.example.org", "bea"))
	says("without the organisation's sign-in", nobody)
	o.cfg.Issuer = "https://other.example.org"
	says("with another one", nobody)
	o.cfg.Issuer = "https://login.example.org"
	says("with hers", "")
	o.must(reg.UnlinkSSO(ctx, bea, 0))
	says("once she has it no more", nobody)
	o.enrolled(bea)
	says("with a passkey", "")
}

// In a sample nobody needs a sign-in to be somebody.
func TestASampleNeedsNoSignIns(t *testing.T) {
	o := newOffice(t)
	o.person(register.Manager, "mo@example.org")
	o.person(register.TeamLeader, "bea@example.org", "mens-advice-line")
	o.must(o.cfg.Register.SetMeta(t.Context(), register.MetaKind, register.KindSample))
	if !ok(o.Check(t.Context()), "people") {
		t.Error("its check asks for sign-ins")
	}
}
