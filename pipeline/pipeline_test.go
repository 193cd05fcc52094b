package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
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
	if jpeg, err := o.Page(t.Context(), o.state(m.ID), portal.View{Page: 1, DPI: 72}); err != nil || !bytes.HasPrefix(jpeg, []byte{0xff, 0xd8}) {
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
		"a scanner's that is revoked": {func(o *office) {
			o.deposit()
			o.must(o.cfg.Register.RevokeEdge(o.t.Context(), "office", 0))
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
		"larger than any letter": {func(o *office) { o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Size = maxSealed + 1 }) }, register.TooLarge},
		"of more pages than any": {func(o *office) {
			o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Pages = pdf.MostPages + 1 })
		}, register.TooLarge},
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
			list := o.list()
			list.Serial += 7
			msg, err := list.Sign(o.cfg.Signer)
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

// One manifest that cannot be handled does not keep the others back.
func TestOneBadManifestKeepsNobodyBack(t *testing.T) {
	o := newOffice(t)
	bad, m := o.deposit(), o.deposit()
	o.store.lists = func(key string) {
		if o.store.only = ""; key == letter.IncomingKey(bad.Site, bad.ID) {
			o.store.only, o.store.at, o.store.how, o.store.calls = "Read", 1, fails, 0
		}
	}
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
			if _, err := o.list().For(week); err != nil {
				t.Fatalf("claimed on %s, sealed on %s: %v", claimed, letter.DateOf(o.now), err)
			}
			o.now = o.now.AddDate(0, 0, 1)
		}
	}
}

// A scanner that was off for months, and one that scans a paper of months ago again, find
// the key of the day on which the scan was claimed or the paper came, until its week is
// over. A key that is lost keeps nobody from the others.
func TestKeysOfTheMonthsGoneBy(t *testing.T) {
	// Six days of receipt at the end of February are more than a week of deadlines: of the
	// days that are looked at one and not the other finds that.
	for begins := range 3 {
		o := newOffice(t)
		o.now = o.now.AddDate(0, 0, begins)
		keysOfTheMonthsGoneBy(t, o)
	}
}

func keysOfTheMonthsGoneBy(t *testing.T, o *office) {
	t.Helper()
	day := func(n int) letter.Week {
		return letter.WeekOf(letter.Deadline(letter.DateOf(o.now).AddDays(n), letter.SixMonths))
	}
	received, lost := day(0), day(7)
	for letter.DateOf(o.now).Before(received.Over()) {
		o.must(o.PublishRecipients(t.Context()))
		list := o.list()
		if _, err := list.For(received); err != nil {
			t.Fatalf("of %s, on %s: %v", received, letter.DateOf(o.now), err)
		}
		living, err := o.livingKeys(t.Context())
		o.must(err)
		for _, k := range living {
			if _, err := list.For(k.Week); err != nil {
				t.Fatalf("on %s the list lacks %s, which lives", letter.DateOf(o.now), k.Week)
			}
		}
		if n := len(list.Keys); n > 31 {
			t.Fatalf("the list has %d keys", n)
		}
		o.now = o.now.AddDate(0, 0, 5)
	}
	o.must(o.cfg.Keyring.Destroy(lost))
	o.must(o.PublishRecipients(t.Context()))
	list := o.list()
	for week, is := range map[letter.Week]bool{received: false, lost: false, day(-140): true, day(21): true} {
		if _, err := list.For(week); (err == nil) != is {
			t.Errorf("of %s: %v", week, err)
		}
	}
	if ok(o.Check(t.Context()), "keys") {
		t.Error("check does not say that a key is lost")
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

// The queue does what the tests above do by hand, and a second start goes on.
func TestRun(t *testing.T) {
	o := newOffice(t)
	first := o.deposit()
	for i := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		for range 3000 {
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
