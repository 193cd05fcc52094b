package pipeline

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// strayDays lets days pass after a letter's deadline, then looks for strays.
func (o *office) strayDays(m letter.Manifest, days int) {
	o.t.Helper()
	o.now = m.Deadline().AddDays(days).Start().Add(12 * time.Hour)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
	o.must(o.endStrays(o.t.Context()))
}

// A deposit whose manifest never came ends on its day too, on record.
func TestADepositThatWasNeverAnnounced(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.must(o.store.Store.Remove(t.Context(), letter.IncomingKey(m.Site, m.ID), o.only(letter.IncomingKey(m.Site, m.ID))))
	o.strayDays(m, strayGrace)
	if o.traces(m.ObjectKey()) != 1 {
		t.Fatal("gone before its day")
	}
	o.strayDays(m, strayGrace+1)
	if n := o.traces(m.ObjectKey()); n != 0 {
		t.Errorf("%d traces are left", n)
	}
	o.strayDays(m, strayGrace+2)
	if got := o.story(m.ID); got != "stray-found stray-removed" {
		t.Errorf("on the register: %s", got)
	}
}

// An edge that was cut off puts its letter again after it was proven gone, or a copy
// that was on its way comes late: it goes, on record.
func TestAVersionThatComesAfterTheProof(t *testing.T) {
	server := deposittest.Start(t)
	eachEnd(t, func(t *testing.T, what string) {
		s3, err := archive.OpenS3(server.Config())
		if err != nil {
			t.Fatal(err)
		}
		if err := s3.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		o, l := atDeadline(t, what, onStore(s3))
		o.work(l.ID)
		o.endedOnce(l)
		o.putRaw(l.ObjectKey(), []byte("again"))
		o.putRaw(l.ObjectKey(), []byte("and again"))
		o.now = l.Deadline().AddDays(strayGrace + 1).Start().Add(12 * time.Hour)
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		o.must(o.endStrays(t.Context()))
		if n := o.traces(l.ObjectKey()); n != 0 {
			t.Errorf("%d traces are left", n)
		}
		if got := o.story(l.ID); !strings.HasSuffix(got, "letter-deleted stray-found stray-removed") {
			t.Errorf("on the register: %s", got)
		}
	})
}

// Living letters, letters that are being ended, and letters that lie elsewhere
// by now are no strays; what an edge puts into a place that a letter has left is.
func TestWhatIsNoStray(t *testing.T) {
	o := newOffice(t)
	ending, kept := o.deposit(), o.safeguarded()
	o.work(ending.ID)
	o.work(kept.ID)
	lies := o.state(kept.ID).ObjectKey()
	if lies == kept.ObjectKey() || o.traces(kept.ObjectKey()) != 0 {
		t.Fatal("the letter was not moved")
	}
	o.putRaw(kept.ObjectKey(), []byte("again"))
	o.toDeadline(ending)
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.tryFor(3, ending.ID)
	o.store.at = 0
	o.strayDays(ending, strayGrace+1)
	if o.traces(ending.ObjectKey()) != 1 || o.traces(lies) != 1 {
		t.Error("a letter that is on record was taken for a stray")
	}
	if o.traces(kept.ObjectKey()) != 0 {
		t.Error("what lies where the letter no longer is was left")
	}
	if got := o.story(ending.ID); strings.Contains(got, "stray") {
		t.Errorf("on the register: %s", got)
	}
	o.work(ending.ID)
	o.deletion(ending.ID)
}

// A stray that does not go is an alarm, is on record once, and goes when it can.
func TestAStrayThatStays(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.must(o.store.Store.Remove(t.Context(), letter.IncomingKey(m.Site, m.ID), o.only(letter.IncomingKey(m.Site, m.ID))))
	o.store.at, o.store.how, o.store.only = -1, pretends, "Remove"
	o.strayDays(m, strayGrace+1)
	o.strayDays(m, strayGrace+2)
	o.must(o.PublishRecipients(t.Context()))
	if got := o.alarms(); len(got) != 1 || got[0] != register.StraysStay || ok(o.Check(t.Context()), "storage") {
		t.Errorf("loud is %v", got)
	}
	if lines := fmt.Sprint(o.Check(t.Context())); !strings.Contains(lines, "1 object lies in the storage beyond its deadline") {
		t.Errorf("the check says: %s", lines)
	}
	o.store.at = 0
	o.strayDays(m, strayGrace+3)
	if got := o.alarms(); len(got) != 0 || o.story(m.ID) != "stray-found stray-removed" {
		t.Errorf("loud is %v; on the register: %s", got, o.story(m.ID))
	}
}

// With the clock or the bucket in doubt nothing goes.
func TestNoStrayGoesInDoubt(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.now = m.Deadline().AddDays(30).Start()
	o.must(o.endStrays(t.Context()))
	if o.traces(m.ObjectKey()) != 1 {
		t.Error("a leap of the clock has removed a deposit")
	}
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.store.Store.Remove(t.Context(), letter.RecipientsKey, o.only(letter.RecipientsKey)))
	o.must(o.endStrays(t.Context()))
	if o.traces(m.ObjectKey()) != 1 {
		t.Error("in the wrong bucket a deposit was removed")
	}
	for _, key := range []string{"letters/six-months/notes/readme", "letters/six-months/a/2020-13-01/x"} {
		o.putRaw(key, []byte("x"))
	}
	o.must(o.PublishRecipients(t.Context()))
	o.must(o.endStrays(t.Context()))
	for _, key := range []string{"letters/six-months/notes/readme", "letters/six-months/a/2020-13-01/x"} {
		if o.traces(key) != 1 {
			t.Errorf("%s is none of ours, and gone", key)
		}
	}
}

// An edge that missed its receipt puts a letter again that was erased before its
// time; and a copy that was on its way comes late. Neither stays.
func TestAnErasedLetterDoesNotComeBack(t *testing.T) {
	o := newOffice(t)
	var sealed []byte
	m := o.deposit(func(_ *letter.Manifest, s *[]byte) { sealed = *s })
	o.work(m.ID)
	o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
	o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
	o.confirm(m.ID)
	o.work(m.ID)
	put := func(key string) {
		t.Helper()
		_, err := o.store.Store.Put(t.Context(), key, bytes.NewReader(sealed), int64(len(sealed)), sha256.Sum256(sealed), deposit.CreateOnly)
		o.must(err)
	}
	put(m.ObjectKey())
	o.announce(m)
	o.must(o.Admit(t.Context()))
	if n := o.traces(m.ObjectKey()); n != 0 {
		t.Errorf("put again and announced, %d traces are left", n)
	}
	other := letter.ObjectKey(letter.FiveYears, m.Helpline, letter.DateOf(o.now), m.ID)
	living := o.deposit()
	o.work(living.ID)
	put(m.ObjectKey())
	put(other)
	o.must(o.watchStrays(t.Context(), &watch{}))
	for _, key := range []string{m.ObjectKey(), other} {
		if n := o.traces(key); n != 0 {
			t.Errorf("%d traces are left of %s", n, key)
		}
	}
	o.opens(living)
	if got := strings.Count(o.story(m.ID), "stray-removed"); got != 3 {
		t.Errorf("the story is %s", o.story(m.ID))
	}
}
