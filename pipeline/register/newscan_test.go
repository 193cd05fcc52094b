package register

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// askedAgain takes a letter as far as a leader's word that it cannot be read.
func (d *desk) askedAgain(leader int64) Letter {
	d.t.Helper()
	l := d.receipted()
	d.must(d.RecordOpening(d.t.Context(), l.ID, leader, []byte{byte(leader)}, ShownPages))
	d.must(d.MarkScanAgain(d.t.Context(), l.ID, leader, TooFaint))
	return d.letter(l.ID)
}

func (d *desk) letter(id letter.ID) Letter {
	d.t.Helper()
	l, err := d.Letter(d.t.Context(), id)
	d.must(err)
	return l
}

// scannedAnew takes a new scan of a letter as far as people can open it.
func (d *desk) scannedAnew(of Letter, change ...func(*letter.Manifest)) Letter {
	d.t.Helper()
	m := d.manifest()
	m.Replaces, m.Received, m.Helpline = of.ID, of.Received, of.Helpline
	for _, c := range change {
		c(&m)
	}
	return d.receiptedAs(m)
}

func (d *desk) receiptedAs(m letter.Manifest) Letter {
	d.t.Helper()
	ctx := d.t.Context()
	d.must(d.Admit(ctx, m))
	l := d.letter(m.ID)
	d.must(d.Verified(ctx, &l, "v1", true))
	d.must(d.Receipted(ctx, &l))
	return d.letter(m.ID)
}

func (d *desk) opens(id letter.ID, person int64) {
	d.t.Helper()
	d.must(d.RecordOpening(d.t.Context(), id, person, []byte{byte(person)}, ShownPages))
}

func (d *desk) balanced() {
	d.t.Helper()
	if b, err := d.Balance(d.t.Context()); err != nil || b.Differs() != 0 {
		d.t.Errorf("%+v, %v", b, err)
	}
}

// wants is what must be so of a letter.
func (d *desk) wants(id letter.ID, state State, paper PaperState) Letter {
	d.t.Helper()
	l := d.letter(id)
	if l.State != state || l.Paper != paper {
		d.t.Errorf("the letter is %s, its paper %q; want %s, %q", l.State, l.Paper, state, paper)
	}
	return l
}

func TestANewScanTakesOver(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, walled := d.leader(), d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old := d.receipted()
	for _, who := range []int64{leader, walled} {
		d.opens(old.ID, who)
	}
	today := letter.DateOf(d.now)
	d.must(d.Recuse(ctx, old.ID, walled))
	d.must(d.AnswerRisk(ctx, old.ID, RiskShare, "", leader))
	d.must(d.Safeguard(ctx, old.ID, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: today.AddDays(30), Named: leader}, leader))
	answer := d.answered(old.ID, leader)
	hold, err := d.PlaceHold(ctx, Hold{Letter: old.ID, Reason: Coroner, Owner: manager, Review: today.AddDays(30)}, manager)
	d.must(err)
	d.must(d.MarkScanAgain(ctx, old.ID, leader, CutOff))
	d.must(d.AskWithdrawal(ctx, old.ID, NoneApplies, leader))
	old = d.letter(old.ID)

	d.now = d.now.Add(40 * 24 * time.Hour)
	l := d.scannedAnew(old)
	if l.Replaces != old.ID || !slices.Equal(l.Walled, []int64{walled}) || l.Risk != RiskShare || l.Named != leader || l.Class != letter.FiveYears ||
		l.Since != old.Since || l.Review != old.Review || !l.Held() || l.State != Receipted {
		t.Errorf("the new scan is %+v", l)
	}
	if l.Paper != letter.PaperKept {
		t.Errorf("the paper is %q although nobody has read the new scan", l.Paper) // destroy_after = "verified" all the same
	}
	was := d.wants(old.ID, Replaced, "")
	if was.ReplacedBy != l.ID || !was.Held() || !was.ReceiptDue {
		t.Errorf("the old scan is %+v", was)
	}
	if a := d.letter(answer); a.Answers != l.ID || !a.Held() {
		t.Errorf("the answer is one to %s", a.Answers)
	}
	if q, err := d.RequestOf(ctx, l.ID); err != nil || q.Withdraw != NoneApplies {
		t.Errorf("the request is %+v, %v", q, err)
	}
	if found, err := d.NewScanOf(ctx, old.ID.Reference()); err != nil || found.Letter != l.ID {
		t.Errorf("the paper %s is %+v, %v", old.ID.Reference(), found, err)
	}
	d.balanced()

	for _, err := range []error{
		d.MarkReadable(ctx, old.ID, leader), d.MarkScanAgain(ctx, old.ID, leader, TooFaint), d.AnswerRisk(ctx, old.ID, RiskNone, RiskShare, leader),
		d.AskErasure(ctx, old.ID, PersonAsked, leader), d.ReviewSafeguarding(ctx, old.ID, today.AddDays(60), leader, manager),
	} {
		if !errors.Is(err, ErrReplaced) {
			t.Errorf("a decision on the old scan: %v", err)
		}
	}
	d.opens(l.ID, leader)
	d.must(d.MarkReadable(ctx, l.ID, leader))
	if was := d.letter(old.ID); was.Erase != "" {
		t.Error("a hold does not keep the old scan")
	}
	d.release(hold, manager)
	if was := d.letter(old.ID); was.Erase != NewerScan || !was.DueOn(letter.DateOf(d.now)) {
		t.Errorf("the old scan is not erased: %+v", was)
	}
	if l := d.wants(l.ID, Readable, letter.PaperMayGo); l.Held() || l.Erase != "" {
		t.Errorf("the new scan is %+v", l)
	}
	was = d.letter(old.ID)
	d.must(d.ExpiryBegun(ctx, &was, Found{Versions: 1}))
	d.must(d.DeleteRows(ctx, was, ByLetterlock, d.now))
	_, err = d.ProveErased(ctx)
	d.must(err)
	d.balanced()
	entries, err := d.Entries(ctx, -1, LetterDeleted{}.kind(), old.ID, 1)
	d.must(err)
	if len(entries) != 1 || !strings.Contains(string(entries[0].Data), `"early":"newer-scan","new_scan":"`+string(l.ID)+`"`) ||
		!strings.Contains(string(entries[0].Data), `"paper_kept":false`) {
		t.Errorf("the proof is %s", entries[0].Data)
	}
	if found, err := d.NewScanOf(ctx, old.ID.Reference()); err != nil || found.Letter != l.ID {
		t.Errorf("once it is gone the paper %s is %+v, %v", old.ID.Reference(), found, err)
	}
	d.must(verify(d.export(), d.pub))
}

// Whatever is no new scan of a letter that waits for one is a letter of its own.
func TestWhatIsNoNewScan(t *testing.T) {
	for why, make := range map[ApartReason]func(d *desk, leader int64) Letter{
		ApartUnknown: func(d *desk, _ int64) Letter {
			l := Letter{Manifest: d.manifest()}
			l.Helpline = l.Manifest.Helpline
			return d.scannedAnew(l)
		},
		ApartElsewhere: func(d *desk, leader int64) Letter {
			return d.scannedAnew(d.askedAgain(leader), func(m *letter.Manifest) { m.Helpline = "mens-advice-line" })
		},
		ApartOtherDay: func(d *desk, leader int64) Letter {
			return d.scannedAnew(d.askedAgain(leader), func(m *letter.Manifest) { m.Received = m.Received.Add(time.Second) })
		},
		ApartReplaced: func(d *desk, leader int64) Letter {
			l := d.askedAgain(leader)
			d.scannedAnew(l)
			return d.scannedAnew(l)
		},
		ApartNotAsked: func(d *desk, leader int64) Letter {
			l := d.askedAgain(leader)
			d.must(d.MarkReadableAfterAll(d.t.Context(), l.ID, leader))
			return d.scannedAnew(l)
		},
	} {
		t.Run(string(why), func(t *testing.T) {
			d := newDesk(t)
			l := make(d, d.leader())
			if l.Replaces != "" || l.Paper != letter.PaperKept || l.State != Receipted {
				t.Errorf("it is %+v", l)
			}
			entries, err := d.Entries(t.Context(), -1, NewScanApart{}.kind(), l.ID, 2)
			d.must(err)
			if len(entries) != 1 || !strings.Contains(string(entries[0].Data), `"why":"`+string(why)+`"`) {
				t.Errorf("the register says %v", entries)
			}
			d.balanced()
		})
	}
	t.Run("another scanner's", func(t *testing.T) {
		d := newDesk(t)
		if l := d.scannedAnew(d.askedAgain(d.leader()), func(m *letter.Manifest) { m.Site = "attic" }); l.Replaces != "" {
			t.Error("another scanner has replaced a letter")
		}
	})
}

// A second bad scan costs nothing, and a third that can be read ends both.
func TestASecondBadScan(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, other := d.leader(), d.leader()
	first := d.askedAgain(leader)
	second := d.scannedAnew(first)
	d.opens(second.ID, leader)
	d.must(d.MarkScanAgain(ctx, second.ID, leader, UpsideDown))
	third := d.scannedAnew(d.letter(second.ID))
	for _, id := range []letter.ID{first.ID, second.ID} {
		if l := d.wants(id, Replaced, ""); l.ReplacedBy != third.ID || l.Erase != "" {
			t.Errorf("it is replaced by %s, erased %q", l.ReplacedBy, l.Erase)
		}
	}
	if found, err := d.NewScanOf(ctx, first.ID.Reference()); err != nil || found.Letter != third.ID {
		t.Errorf("the paper is %+v, %v", found, err)
	}
	d.opens(third.ID, leader)
	d.must(d.Recuse(ctx, first.ID, leader)) // whoever steps back from one steps back from all
	for _, id := range []letter.ID{first.ID, second.ID, third.ID} {
		if !d.letter(id).WalledOff(leader) {
			t.Errorf("the reader of %s is not walled off", id.Reference())
		}
	}
	d.opens(third.ID, other)
	d.must(d.MarkReadable(ctx, third.ID, other))
	for _, id := range []letter.ID{first.ID, second.ID} {
		if l := d.letter(id); l.Erase != NewerScan {
			t.Errorf("the scan %s stays", id.Reference())
		}
	}
	d.balanced()
}

// A new scan of another paper is undone: nothing of either letter is lost.
func TestTheWrongPaperWasScanned(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, other := d.leader(), d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old := d.askedAgain(leader)
	file := func(to letter.ID) letter.ID { return d.answered(to, leader) }
	put := func(id letter.ID) {
		_, err := d.PlaceHold(ctx, Hold{Letter: id, Reason: Coroner, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
		d.must(err)
	}
	before := file(old.ID)
	put(old.ID)
	d.now = d.now.Add(time.Hour)
	l := d.scannedAnew(old)
	d.now = d.now.Add(time.Hour)
	if err := d.MarkOtherPaper(ctx, l.ID, other); !errors.Is(err, ErrNotRead) {
		t.Error("somebody who has not opened it:", err)
	}
	d.opens(l.ID, leader)
	since := file(l.ID)
	d.must(d.AskRedirection(ctx, l.ID, "mens-advice-line", leader))
	d.must(d.MarkOtherPaper(ctx, l.ID, leader))
	if err := d.MarkOtherPaper(ctx, l.ID, leader); !errors.Is(err, ErrNoNewScan) {
		t.Error("a second time:", err)
	}
	if was := d.wants(old.ID, ScanAgain, letter.PaperScanAgain); was.PaperReason != TooFaint || was.ReplacedBy != "" || !was.Held() {
		t.Errorf("the old letter is %+v", was)
	}
	if l := d.wants(l.ID, Opened, letter.PaperKept); l.Replaces != "" || l.Held() {
		t.Errorf("the other letter is %+v", l)
	}
	if a, b := d.letter(before), d.letter(since); a.Answers != old.ID || b.Answers != l.ID || !a.Held() || b.Held() {
		t.Errorf("what was answered belongs to %s and %s", a.Answers, b.Answers)
	}
	if _, err := d.RequestOf(ctx, l.ID); err != nil {
		t.Error("what was asked of the other letter:", err)
	}
	d.balanced()
	again := d.scannedAnew(d.letter(old.ID))
	if again.Replaces != old.ID || !again.Held() {
		t.Errorf("a new scan of the right paper is %+v", again)
	}
	d.opens(again.ID, leader)
	d.must(d.MarkReadable(ctx, again.ID, leader))
	d.balanced()
}

// What its scanner calls a new scan, and is none, may be of the same paper all the
// same: whoever is walled off from the one is walled off from the other.
func TestWhatIsNoNewScanHasTheWalls(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader, walled := d.leader(), d.leader()
	old := d.askedAgain(leader)
	d.opens(old.ID, walled)
	d.must(d.Recuse(ctx, old.ID, walled))
	d.must(d.MarkReadableAfterAll(ctx, old.ID, leader)) // on a second look, while the new scan was on its way
	l := d.scannedAnew(old)
	if l.Replaces != "" || !slices.Equal(l.Walled, []int64{walled}) {
		t.Errorf("it replaces %q, and walled off are %v", l.Replaces, l.Walled)
	}
}

// Likewise where one leader alone may open the letter.
func TestWhatIsNoNewScanIsForTheSameLeader(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	old := d.askedAgain(leader)
	d.must(d.Safeguard(ctx, old.ID, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: letter.DateOf(d.now).AddDays(30), Named: leader}, leader))
	d.must(d.MarkReadableAfterAll(ctx, old.ID, leader))
	if l := d.scannedAnew(d.letter(old.ID)); l.Replaces != "" || l.Named != leader {
		t.Errorf("it replaces %q, and may be opened by %d", l.Replaces, l.Named)
	}
}

// What two people do to a letter was asked by one who has seen it, and not the scan
// before it alone: that may be of another paper.
func TestWhatWasAskedOfTheOldScan(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old := d.askedAgain(leader)
	d.must(d.AskErasure(ctx, old.ID, PersonAsked, leader))
	l := d.scannedAnew(old)
	q, err := d.RequestOf(ctx, l.ID)
	d.must(err)
	if err := d.ConfirmRequest(ctx, q.Number, manager); !errors.Is(err, ErrOldAsked) {
		t.Error("before who asked has seen the new scan:", err)
	}
	if l := d.letter(l.ID); l.Erase != "" {
		t.Error("a letter that nobody has read is erased")
	}
	d.opens(l.ID, leader)
	d.must(d.ConfirmRequest(ctx, q.Number, manager))
	if l := d.letter(l.ID); l.Erase != PersonAsked {
		t.Error("afterwards it is not erased")
	}
}

// The third scan of a paper turns out to be of another: whatever was answered to the
// first two, and what was decided of all, is the second's again.
func TestTheThirdScanIsOfAnotherPaper(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	first := d.askedAgain(leader)
	answer := d.answered(first.ID, leader)
	second := d.scannedAnew(first)
	d.opens(second.ID, leader)
	d.must(d.MarkScanAgain(ctx, second.ID, leader, UpsideDown))
	third := d.scannedAnew(d.letter(second.ID))
	d.opens(third.ID, leader)
	today := letter.DateOf(d.now)
	d.must(d.Safeguard(ctx, third.ID, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: today.AddDays(30), Named: leader}, leader))
	d.must(d.MarkOtherPaper(ctx, third.ID, leader))
	if a := d.letter(answer); a.Answers != second.ID {
		t.Errorf("what was answered to the first scan belongs to %s, and not to %s", a.Answers, second.ID)
	}
	d.must(d.ReviewSafeguarding(ctx, second.ID, today.AddDays(60), leader, manager))
	if l := d.letter(second.ID); l.Class != letter.FiveYears || l.Reason != ChildAtRisk || l.Told != Consented {
		t.Errorf("the second scan is %+v", l)
	}
	d.balanced()
}

// Where the one who found a new scan readable may have scanned it too, the old scan
// waits for another's word like the paper does.
func TestAnOldScanWaitsForAnothersWord(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.readableByAnother(true)
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager}) // who may have scanned it
	d.must(err)
	old := d.askedAgain(leader)
	l := d.scannedAnew(old)
	for _, who := range []int64{manager, leader} {
		if was := d.letter(old.ID); was.Erase != "" {
			t.Errorf("the old scan is erased before %d has looked", who)
		}
		d.opens(l.ID, who)
		d.must(d.MarkReadable(ctx, l.ID, who))
	}
	if was := d.letter(old.ID); was.Erase != NewerScan {
		t.Errorf("the old scan stays: %+v", was)
	}
	d.wants(l.ID, Readable, letter.PaperMayGo)
}

// A hold that is placed while two letters are taken for one is meant for either, and
// keeps both once they are apart.
func TestAHoldOfTwoLetters(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old := d.askedAgain(leader)
	l := d.scannedAnew(old)
	d.now = d.now.Add(time.Hour)
	_, err = d.PlaceHold(ctx, Hold{Letter: l.ID, Reason: Coroner, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
	d.must(err)
	d.opens(l.ID, leader)
	d.must(d.MarkOtherPaper(ctx, l.ID, leader))
	for _, id := range []letter.ID{old.ID, l.ID} {
		if !d.letter(id).Held() {
			t.Errorf("nothing holds %s", id)
		}
	}
	entries, err := d.Entries(ctx, -1, HoldPlaced{}.kind(), old.ID, 2)
	d.must(err)
	if holds, err := d.HoldsInForce(ctx); err != nil || len(holds) != 2 || len(entries) != 1 {
		t.Errorf("%+v, %v; on record are %d", holds, err, len(entries))
	}
}

// What was shared with an agency stays for five years, also once its paper was scanned
// again, and again, and nothing of the scan that was shared is left. Of a letter that
// turns out to be another's nobody has shared anything.
func TestWhatWasSharedStaysSharedAsANewScan(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	old := d.askedAgain(leader)
	today := letter.DateOf(d.now)
	kept := Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: today.AddDays(30), Named: leader}
	d.must(d.Share(ctx, old.ID, Sharing{Agency: ChildrensServices, Basis: WithConsent, On: today}, &kept, leader))
	wrong := d.scannedAnew(d.letter(old.ID))
	d.opens(wrong.ID, leader)
	d.must(d.MarkOtherPaper(ctx, wrong.ID, leader))
	if err := unshared(ctx, d.read, d.letter(wrong.ID)); err != nil {
		t.Errorf("of another letter it is said: %v", err)
	}
	if l := d.letter(wrong.ID); l.Class != letter.SixMonths {
		t.Errorf("another letter, of which nobody decided anything, is kept for %s", l.Class)
	}
	said, is, err := lastSaid[NewScanIsOther](ctx, d.read, wrong.ID)
	if d.must(err); !is || said.Data.Class != letter.SixMonths || said.Data.Deadline != d.letter(wrong.ID).Deadline() {
		t.Errorf("on record of it is %+v", said.Data)
	}
	second := d.scannedAnew(d.letter(old.ID))
	d.opens(second.ID, leader)
	if err := d.AskWithdrawal(ctx, second.ID, NoneApplies, leader); !errors.Is(err, ErrShared) {
		t.Errorf("of the second scan: %v", err)
	}
	d.must(d.MarkScanAgain(ctx, second.ID, leader, TooFaint))
	third := d.scannedAnew(d.letter(second.ID))
	d.opens(third.ID, leader)
	d.must(d.MarkReadable(ctx, third.ID, leader))
	for _, id := range []letter.ID{old.ID, second.ID} {
		l := d.letter(id)
		d.must(d.ExpiryBegun(ctx, &l, Found{Versions: 1}))
		d.must(d.DeleteRows(ctx, l, ByLetterlock, d.now))
	}
	if err := d.AskWithdrawal(ctx, third.ID, NoneApplies, leader); !errors.Is(err, ErrShared) {
		t.Errorf("of the third, with nothing left of the others: %v", err)
	}
	scans, err := d.Scans(ctx, d.letter(third.ID))
	if d.must(err); !slices.Equal(scans, []letter.ID{third.ID, second.ID, old.ID}) {
		t.Errorf("its scans are %v", scans)
	}
}

// A hold may be all that keeps an old scan: then two people end it.
func TestTheEndOfAHoldEndsAnOldScan(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	leader := d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old := d.askedAgain(leader)
	n, err := d.PlaceHold(ctx, Hold{Letter: old.ID, Reason: Coroner, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
	d.must(err)
	l := d.scannedAnew(old)
	d.opens(l.ID, leader)
	d.must(d.MarkReadable(ctx, l.ID, leader))
	if released, err := d.ReleaseHold(ctx, n, manager); err != nil || released {
		t.Errorf("one person ends it: %v, %v", released, err)
	}
	if was := d.letter(old.ID); was.Erase != "" || !was.Held() {
		t.Errorf("the old scan is %+v", was)
	}
	d.release(n, manager)
	if was := d.letter(old.ID); was.Erase != NewerScan {
		t.Errorf("the old scan stays: %+v", was)
	}
}
