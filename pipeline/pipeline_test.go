package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

const wholeStory = "letter-admitted letter-verified letter-receipted letter-notified"

func TestALetterGoesItsWay(t *testing.T) {
	o := newOffice(t)
	o.person(register.TeamLeader, "ben@example.org", "mens-advice-line") // is told nothing
	m := o.deposit()
	o.work(m.ID)
	if got := o.story(m.ID); got != wholeStory {
		t.Errorf("on the register: %s\n%s", got, o.log)
	}
	if n := o.traces(letter.IncomingKey("office", m.ID)); n != 0 {
		t.Errorf("%d traces of the manifest are left", n)
	}
	if r := o.receiptOf(m); r == nil || r.SHA256 != m.SHA256 || r.Paper != letter.PaperKept {
		t.Errorf("receipt: %+v", r)
	}
	if len(o.post.taken) != 1 || o.post.taken[0].To != "ada@example.org" || o.post.taken[0].Link != "http://localhost:8080/l/"+string(m.ID) {
		t.Errorf("mails: %+v", o.post.taken)
	}
	plain, err := o.PDF(t.Context(), o.state(m.ID))
	o.must(err)
	if !bytes.HasPrefix(plain, []byte("%PDF")) {
		t.Error("what opens is not the letter")
	}
	if jpeg, err := o.Page(t.Context(), o.state(m.ID), 1, 72); err != nil || !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8}) {
		t.Errorf("its first page: %d bytes, %v", len(jpeg), err)
	}
}

// Whatever cannot be believed waits for a person, makes no letter, and is
// believed once the reason is gone.
func TestManifestsThatAreHeld(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(o *office)
		why   register.HeldReason
	}{
		"a stranger's site": {func(o *office) {
			m := letter.Manifest{ID: letter.NewID()}
			o.putRaw(letter.IncomingKey("annexe", m.ID), []byte("x"))
		}, register.UnknownSite},
		"not signed": {func(o *office) { o.putRaw(letter.IncomingKey("office", letter.NewID()), []byte("dear server\n")) }, register.FalseSignature},
		"far too long": {func(o *office) {
			o.putRaw(letter.IncomingKey("office", letter.NewID()), bytes.Repeat([]byte("x"), 1<<20+1))
		}, register.FalseSignature},
		"under another id": {func(o *office) {
			m := o.deposit()
			msg, err := m.Sign(o.site)
			o.must(err)
			o.putRaw(letter.IncomingKey("office", letter.NewID()), msg)
			o.must(o.cfg.Store.Remove(o.t.Context(), letter.IncomingKey("office", m.ID), o.only(letter.IncomingKey("office", m.ID))))
		}, register.WrongPlace},
		"under no id":         {func(o *office) { o.putRaw("incoming/office/notes", []byte("x")) }, register.WrongPlace},
		"an unknown helpline": {func(o *office) { o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "nowhere" }) }, register.UnknownHelpline},
		"fifteen days old": {func(o *office) {
			o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Received = m.Received.AddDate(0, 0, -15) })
		}, register.TooOld},
		"from tomorrow": {func(o *office) {
			o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Received = m.Received.AddDate(0, 0, 1) })
		}, register.FromTheFuture},
		"kept for five years by a scanner": {func(o *office) {
			o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Class = letter.FiveYears })
		}, register.NoSuchDecision},
		"a week without a key": {func(o *office) {
			m := o.deposit()
			o.must(o.cfg.Keyring.Destroy(m.Week()))
		}, register.KeyNotHeld},
		"a known id, another letter": {func(o *office) {
			m := o.deposit()
			o.work(m.ID)
			m.Pages = 2
			o.announce(m)
		}, register.SameIDOther},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			c.leave(o)
			before, err := o.cfg.Register.Counts(t.Context())
			o.must(err)
			for range 2 { // looked at again, it is held once
				o.must(o.Admit(t.Context()))
				o.now = o.now.Add(2 * heldRest)
			}
			if got := o.held(); len(got) != 1 || got[0] != c.why {
				t.Errorf("held as %v, want %s", got, c.why)
			}
			after, err := o.cfg.Register.Counts(t.Context())
			o.must(err)
			if len(after.Letters) != len(before.Letters) {
				t.Errorf("letters before %v, after %v", before.Letters, after.Letters)
			}
			if entries, _ := o.cfg.Register.Entries(t.Context(), -1, "manifest-held", "", 10); len(entries) != 1 {
				t.Errorf("%d entries of it", len(entries))
			}
		})
	}
}

func (o *office) only(key string) archive.Trace {
	o.t.Helper()
	found, err := o.store.Store.Traces(o.t.Context(), key)
	o.must(err)
	if len(found) != 1 {
		o.t.Fatalf("%d traces of %s", len(found), key)
	}
	return found[0]
}

// A bucket that is not the one proves nothing: an empty folder where a disk
// should be mounted, another installation's, one that is ahead of a restored
// database.
func TestTheWrongBucketProvesNothing(t *testing.T) {
	for name, change := range map[string]func(o *office){
		"empty": func(o *office) {
			for _, key := range []string{letter.RecipientsKey, letter.IncomingPrefix} {
				if found, err := o.store.Store.Traces(t.Context(), strings.TrimSuffix(key, "/")); err == nil {
					for _, tr := range found {
						o.must(o.store.Store.Remove(t.Context(), key, tr))
					}
				}
			}
		},
		"an old copy": func(o *office) {
			old, err := o.readSmall(t.Context(), letter.RecipientsKey)
			o.must(err)
			o.must(o.PublishRecipients(t.Context()))
			o.putRaw(letter.RecipientsKey, old)
		},
		"another's": func(o *office) {
			o.putRaw(letter.RecipientsKey, []byte("letterlock recipients v1\n{}\n\n— x y\n"))
		},
		"ahead": func(o *office) {
			msg, err := o.readSmall(t.Context(), letter.RecipientsKey)
			o.must(err)
			list, err := seal.OpenRecipients(msg, o.pub)
			o.must(err)
			list.Serial += 7
			msg, err = list.Sign(o.cfg.Signer)
			o.must(err)
			o.putRaw(letter.RecipientsKey, msg)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			m := o.deposit()
			o.work(m.ID)
			o.toDeadline(m)
			change(o)
			o.work(m.ID)
			if n := len(o.story(m.ID)); n == 0 || strings.Contains(o.story(m.ID), "letter-deleted") || o.traces(m.ObjectKey()) != 1 {
				t.Errorf("on the register: %s", o.story(m.ID))
			}
			lines := o.Check(t.Context())
			if name == "an old copy" || name == "ahead" {
				if ok(lines, "restore") || !ok(lines, "storage") {
					t.Error("the check says nothing of it, or that it is another bucket")
				}
				return
			}
			if ok(lines, "storage") || !ok(lines, "restore") {
				t.Error("the check says nothing of it, or that it is an older copy")
			}
			o.must(o.AdoptBucket(t.Context())) // a person says that it is the right one
			if why, err := o.BucketDoubt(t.Context()); err != nil || why != "" {
				t.Fatalf("adopted, and still %q, %v", why, err)
			}
			o.work(m.ID)
			o.deletion(m.ID)
		})
	}
}

// The very first list is lost on its way: the next start goes on by itself.
func TestTheFirstListIsLost(t *testing.T) {
	o := newOffice(t)
	o.must(o.store.Store.Remove(t.Context(), letter.RecipientsKey, o.only(letter.RecipientsKey)))
	o.must(o.cfg.Register.Published(t.Context(), 0))
	if why, err := o.BucketDoubt(t.Context()); err != nil || why != "" {
		t.Errorf("doubt: %q, %v", why, err)
	}
}

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

// One manifest that cannot be handled does not keep the others back.
func TestOneBadManifestKeepsNobodyBack(t *testing.T) {
	o := newOffice(t)
	o.putRaw("incoming/annexe/0", []byte("x"))
	m := o.deposit()
	o.store.only, o.store.at, o.store.how, o.store.calls = "Traces", 1, fails, 0
	if err := o.Admit(t.Context()); err == nil {
		t.Fatal("the fault was never met")
	}
	if o.state(m.ID).State != register.Admitted {
		t.Error("the good one was kept back")
	}
}

// A person can vouch for what came too late.
func TestALateLetterIsAccepted(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.now = o.now.AddDate(0, 0, 15)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.Admit(t.Context()))
	if got := o.held(); len(got) != 1 || got[0] != register.TooOld {
		t.Fatalf("held as %v", got)
	}
	o.must(o.cfg.Register.Accept(t.Context(), m.ID))
	o.now = o.now.Add(2 * heldRest)
	o.work(m.ID)
	if got := o.story(m.ID); got != wholeStory {
		t.Errorf("on the register: %s", got)
	}
}

// An edge that was cut off for days finds the keys of the days on which it
// claimed its scans.
func TestKeysOfTheDaysGoneBy(t *testing.T) {
	for _, start := range []int{0, 1, 2, 3, 4, 5, 6, 35, 96} { // every day of a week, and months of each length
		o := newOffice(t)
		claimed := letter.DateOf(o.now).AddDays(start)
		o.now = claimed.Start().Add(10 * time.Hour)
		week := letter.WeekOf(letter.Deadline(claimed, letter.SixMonths))
		for range letter.BriefDays + 1 {
			o.must(o.PublishRecipients(t.Context()))
			msg, err := o.readSmall(t.Context(), letter.RecipientsKey)
			o.must(err)
			list, err := seal.OpenRecipients(msg, o.pub)
			o.must(err)
			if _, err := list.For(week); err != nil {
				t.Fatalf("claimed on %s, sealed on %s: %v", claimed, letter.DateOf(o.now), err)
			}
			o.now = o.now.AddDate(0, 0, 1)
		}
	}
}

// A clock that was ahead for a while parks nothing once it is right again.
func TestAClockThatWasAheadParksNothing(t *testing.T) {
	o := newOffice(t)
	right := o.now
	o.now = right.AddDate(0, 3, 0)
	o.must(o.PublishRecipients(t.Context()))
	o.post.down = true
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Received = o.now.Truncate(time.Second) })
	o.must(o.Admit(t.Context()))
	o.must(o.Advance(t.Context(), m.ID))
	o.now = right
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	due, err := o.cfg.Register.DueNow(t.Context(), 10)
	o.must(err)
	if len(due) != 1 {
		t.Errorf("%d letters are due", len(due))
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

func TestAnUnverifiableLetterIsLookedAtAgain(t *testing.T) {
	o := newOffice(t)
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Pages = 2 })
	o.work(m.ID)
	if o.state(m.ID).State != register.Unverifiable {
		t.Fatal("it was believed")
	}
	o.announce(m)
	o.must(o.Admit(t.Context()))
	if o.state(m.ID).State != register.Admitted {
		t.Error("announced again, it is not looked at")
	}
}

func TestAHeldManifestIsLookedAtAgain(t *testing.T) {
	o := newOffice(t)
	m := o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Received = m.Received.Add(time.Hour) })
	o.must(o.Admit(t.Context()))
	if len(o.held()) != 1 {
		t.Fatal("from the future, and believed")
	}
	o.now = o.now.Add(2 * time.Hour) // somebody set the clock right
	o.work(m.ID)
	if len(o.held()) != 0 || o.state(m.ID).State != register.Notified {
		t.Errorf("still held: %v", o.held())
	}
}

// What the edge deposited is not what it announced: nobody is told, no receipt
// is given, so the edge keeps its scan.
func TestDepositsThatCannotBeVerified(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(o *office) letter.Manifest
		why   register.Trouble
		state register.State
	}{
		"other bytes": {func(o *office) letter.Manifest {
			return o.deposit(func(_ *letter.Manifest, sealed *[]byte) { (*sealed)[len(*sealed)-1] ^= 1 })
		}, register.ObjectMissing, register.Admitted},
		"a byte missing": {func(o *office) letter.Manifest {
			return o.deposit(func(_ *letter.Manifest, sealed *[]byte) { *sealed = (*sealed)[:len(*sealed)-1] })
		}, register.ObjectMissing, register.Admitted},
		"sealed to nobody": {func(o *office) letter.Manifest {
			return o.deposit(func(m *letter.Manifest, sealed *[]byte) {
				*sealed = []byte("this was never sealed")
				m.Size, m.SHA256 = int64(len(*sealed)), hashOf(*sealed)
			})
		}, register.CannotUnseal, register.Unverifiable},
		"no PDF": {func(o *office) letter.Manifest { return o.depositPDF([]byte("no pdf")) }, register.CannotRender, register.Unverifiable},
		"a page less": {func(o *office) letter.Manifest {
			return o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Pages = 2 })
		}, register.PagesDiffer, register.Unverifiable},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			m := c.leave(o)
			o.must(o.Admit(t.Context()))
			for range rendererTries + 1 {
				o.must(o.Advance(t.Context(), m.ID))
			}
			l := o.state(m.ID)
			if l.State != c.state || l.Trouble != c.why {
				t.Errorf("it is %s because of %q, want %s because of %q\n%s", l.State, l.Trouble, c.state, c.why, o.log)
			}
			if o.receiptOf(m) != nil || len(o.post.taken) > 0 {
				t.Error("a receipt was given, or somebody was told")
			}
			if lines := o.Check(t.Context()); ok(lines, "letters") {
				t.Error("the check says nothing of it")
			}
		})
	}
}

func ok(lines []Line, name string) bool {
	for _, l := range lines {
		if l.Name == name {
			return l.OK
		}
	}
	return false
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Each call to the storage fails once, or works and loses its answer: in the
// end there is one letter with one story, and one mail.
func TestTheStorageFailsOnceAnywhere(t *testing.T) {
	for _, how := range []fault{fails, loses} {
		for at := 1; at <= 7; at++ {
			t.Run(fmt.Sprintf("%d at call %d", how, at), func(t *testing.T) {
				o := newOffice(t)
				m := o.deposit()
				o.store.at, o.store.how, o.store.calls = at, how, 0
				o.work(m.ID)
				if o.store.calls < at {
					t.Fatalf("only %d calls: the fault was never met", o.store.calls)
				}
				if got := o.story(m.ID); got != wholeStory {
					t.Errorf("on the register: %s\n%s", got, o.log)
				}
				if o.receiptOf(m) == nil || len(o.post.taken) != 1 {
					t.Errorf("receipt %v, %d mails", o.receiptOf(m), len(o.post.taken))
				}
			})
		}
	}
}

func TestAKnownManifestGetsTheSameReceipt(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	key := letter.ReceiptKey(m.Site, m.ID)
	before, err := o.readSmall(t.Context(), key)
	o.must(err)
	o.must(o.store.Store.Remove(t.Context(), key, o.only(key))) // the storage's fourteen days are over
	o.now = o.now.AddDate(0, 0, 20)
	o.announce(m)
	o.work(m.ID)
	after, err := o.readSmall(t.Context(), key)
	o.must(err)
	if !bytes.Equal(before, after) || len(o.held()) > 0 || o.story(m.ID) != wholeStory {
		t.Errorf("held %v, story %s", o.held(), o.story(m.ID))
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
	paper(letter.PaperMayGo, func() error { return reg.MarkReadable(ctx, m.ID, 1) })
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

// expired takes a letter past its deadline, with the clock confirmed.
func (o *office) toDeadline(m letter.Manifest) {
	o.t.Helper()
	o.now = m.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
}

func (o *office) deletion(id letter.ID) (ev register.LetterDeleted) {
	o.t.Helper()
	entries, err := o.cfg.Register.Entries(o.t.Context(), -1, "letter-deleted", id, 10)
	o.must(err)
	if len(entries) != 1 {
		o.t.Fatalf("%d deletion entries; the story is %s\n%s", len(entries), o.story(id), o.log)
	}
	o.must(json.Unmarshal(entries[0].Data, &ev))
	return ev
}

func TestALetterEndsWithProof(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	if _, err := o.PDF(t.Context(), o.state(m.ID)); err != nil {
		t.Fatal(err)
	}
	o.work(m.ID)
	for _, key := range []string{m.ObjectKey(), letter.ReceiptKey("office", m.ID), letter.IncomingKey("office", m.ID)} {
		if n := o.traces(key); n != 0 {
			t.Errorf("%d traces of %s", n, key)
		}
	}
	ev := o.deletion(m.ID)
	if ev.Versions != 1 || ev.By != "letterlock" || ev.Week != m.Week() || ev.KeyDies != m.Week().Over() || ev.RowsErased.IsZero() {
		t.Errorf("%+v", ev)
	}
}

// A letter that the storage's lifecycle has taken is finished, not an error.
func TestTheStorageWasFirst(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.days(3) // Letterlock was off for a while
	o.must(o.store.Store.Remove(t.Context(), m.ObjectKey(), o.only(m.ObjectKey())))
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 0 || ev.By != "storage" {
		t.Errorf("%+v", ev)
	}
}

// Expiry meets every fault of the storage at every call; the proof is true all
// the same, and says what was found before the first attempt.
func TestExpiryAgainstFaults(t *testing.T) {
	for _, how := range []fault{fails, loses, pretends} {
		for at := 1; at <= 7; at++ {
			t.Run(fmt.Sprintf("%d at call %d", how, at), func(t *testing.T) {
				o := newOffice(t)
				m := o.deposit()
				o.work(m.ID)
				o.toDeadline(m)
				o.store.at, o.store.how, o.store.calls = at, how, 0
				if how == pretends {
					o.store.only = "Remove"
				}
				o.work(m.ID)
				if n := o.traces(m.ObjectKey()); n != 0 {
					t.Errorf("%d traces are left", n)
				}
				if ev := o.deletion(m.ID); ev.Versions != 1 {
					t.Errorf("%+v", ev)
				}
			})
		}
	}
}

// A storage that answers "removed" and removes nothing is an alarm, and never a proof.
func TestAStorageThatLies(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.work(m.ID)
	if l := o.state(m.ID); l.State != register.Expiring || l.Trouble != register.StillShown {
		t.Errorf("it is %s because of %q", l.State, l.Trouble)
	}
	if lines := o.Check(t.Context()); ok(lines, "overdue") || ok(lines, "letters") {
		t.Error("the check says nothing of it")
	}
	o.store.at = 0 // it is mended
	o.work(m.ID)
	o.deletion(m.ID)
}

// A wrong clock must not delete.
func TestAWrongClockDeletesNothing(t *testing.T) {
	t.Run("a leap, without a witness", func(t *testing.T) {
		o := newOffice(t)
		m := o.deposit()
		o.work(m.ID)
		o.now = m.Week().Over().Start().AddDate(1, 0, 0)
		o.work(m.ID)
		o.must(o.EndKeys(t.Context()))
		if o.traces(m.ObjectKey()) != 1 || !o.cfg.Keyring.Has(m.Week()) {
			t.Fatal("a leap of the clock destroyed something")
		}
		if ok(o.Check(t.Context()), "clock") {
			t.Error("the check says nothing of it")
		}
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		o.work(m.ID)
		o.deletion(m.ID)
	})
	t.Run("it differs from the storage's", func(t *testing.T) {
		o := newOffice(t)
		m := o.deposit()
		o.work(m.ID)
		o.toDeadline(m)
		o.store.clock = func() (time.Time, error) { return o.now.Add(-time.Hour), nil }
		o.work(m.ID)
		if o.traces(m.ObjectKey()) != 1 {
			t.Fatal("deleted an hour before the storage's midnight")
		}
		o.store.clock = func() (time.Time, error) { return time.Time{}, deposit.ErrUnavailable }
		o.work(m.ID)
		if o.traces(m.ObjectKey()) != 1 {
			t.Fatal("a witness that cannot be asked was taken for agreement")
		}
		o.store.clock = func() (time.Time, error) { return o.now, nil }
		o.work(m.ID)
		o.deletion(m.ID)
	})
}

func TestKeysDieWhenTheirWeekIsOver(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.must(o.EndKeys(t.Context()))
	if !o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key died before its week was over")
	}
	// The three ends are independent: a storage that does not let go of the
	// letter does not keep its key alive.
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.now = m.Week().Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.work(m.ID)
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) {
		t.Fatal("the key lives")
	}
	if l := o.state(m.ID); l.State != register.Expiring {
		t.Fatalf("the letter is %s", l.State)
	}
	// A keyring restored from a backup does not bring it back.
	if _, err := o.cfg.Keyring.Make(m.Week()); err != nil {
		t.Fatal(err)
	}
	o.must(o.EndKeys(t.Context()))
	if o.cfg.Keyring.Has(m.Week()) {
		t.Error("a dead key came back")
	}
}

// A stolen edge can put another version of a letter's object, on a versioned
// bucket: what was verified stays what people open, and all of it goes.
func TestALaterVersionChangesNothing(t *testing.T) {
	s3, err := archive.OpenS3(deposittest.Start(t).Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s3.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, func(c *Config) {
		flaky := c.Store.(*flaky)
		// The storage's clock is the real one; this office's is not.
		flaky.Store, flaky.clock = s3, func() (time.Time, error) { return c.Now(), nil }
	})
	m := o.deposit()
	o.work(m.ID)
	before, err := o.PDF(t.Context(), o.state(m.ID))
	o.must(err)
	o.putRaw(m.ObjectKey(), []byte("something else"))
	after, err := o.PDF(t.Context(), o.state(m.ID))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("people are shown something else: %v", err)
	}
	o.toDeadline(m)
	o.work(m.ID)
	if ev := o.deletion(m.ID); ev.Versions != 2 {
		t.Errorf("%+v", ev)
	}
}

// The queue does what the tests above do by hand, and a second start goes on.
func TestRun(t *testing.T) {
	o := newOffice(t)
	first := o.deposit()
	for i := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		for range 300 {
			if l, err := o.cfg.Register.Letter(t.Context(), first.ID); err == nil && l.State == register.Notified {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		stop()
		o.must(<-done)
		if l := o.state(first.ID); l.State != register.Notified {
			t.Fatalf("run %d: it is %s because of %q\n%s", i, l.State, l.Trouble, o.log)
		}
		first = o.deposit()
	}
}
