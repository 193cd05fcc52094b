package pipeline

import (
	"slices"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// told is what the scanner is told of letters that are gone; nil for nothing ever.
func (o *office) told() []letter.GoneLetter {
	o.t.Helper()
	msg, err := o.readSmall(o.t.Context(), letter.GoneKey("office"))
	if err != nil {
		return nil
	}
	said, err := letter.OpenGone(msg, o.cfg.Verifier)
	o.must(err)
	if said.Site != "office" {
		o.t.Errorf("it is said to %s", said.Site)
	}
	return said.Letters
}

// A letter that is erased takes its receipt with it; its scanner is told in a list,
// and of its paper when that has gone too. A month later nothing is left of that.
func TestAScannerIsToldOfWhatIsGone(t *testing.T) {
	o := newOffice(t)
	var w watch
	sweep := func() { o.t.Helper(); o.must(o.tellGone(t.Context(), &w)) }
	destroys := func(m letter.Manifest) {
		o.t.Helper()
		_, err := o.cfg.Register.DestroyPaper(t.Context(), m.ID, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5", Place: "office", Authority: "policy-1"}, oneLeader)
		o.must(err)
	}
	erased, stays, over := o.read(), o.read(), o.read()
	shredded := o.read()
	o.must(o.cfg.Register.MarkReadable(t.Context(), shredded.ID, oneLeader))
	destroys(shredded)
	sweep()
	if told := o.told(); told != nil {
		t.Fatalf("with every letter there, it is told %v", told)
	}
	for _, m := range []letter.Manifest{erased, shredded} {
		o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
		o.confirm(m.ID)
		o.work(m.ID)
		o.deletion(m.ID)
	}
	sweep()
	want := map[letter.ID]string{erased.ID: letter.PaperMayGo, shredded.ID: letter.PaperDestroyed}
	check := func(when string) {
		t.Helper()
		told := o.told()
		if len(told) != len(want) {
			t.Errorf("%s: %v", when, told)
		}
		for _, l := range told {
			if want[l.ID] != l.Paper {
				t.Errorf("%s: of %s, %s", when, l.ID, l.Paper)
			}
		}
	}
	check("two are erased")
	destroys(erased)
	sweep()
	want[erased.ID] = letter.PaperDestroyed
	check("the paper of one is destroyed after it")

	// The scanner announces an erased letter again: it has missed the receipt.
	o.days(20)
	o.announce(shredded)
	o.must(o.Admit(t.Context()))
	o.must(o.daily(t.Context(), &w))
	sweep()
	check("after twenty days")
	if w.farewells["office"].day != letter.DateOf(o.now) {
		t.Error("it was not said anew on another day, and the storage forgets it after fourteen")
	}
	o.days(11)
	w.day = letter.Date{}
	o.must(o.daily(t.Context(), &w))
	sweep()
	clear(want)
	check("after a month")
	if told := o.told(); told == nil {
		t.Error("the last list still names letters")
	}

	// At the end of its time a letter needs no word, but for a paper that goes later.
	for letter.DateOf(o.now).Before(letter.Deadline(over.ReceivedOn(), letter.SixMonths)) {
		o.days(1)
	}
	for _, m := range []letter.Manifest{over, stays} {
		o.work(m.ID)
		o.deletion(m.ID)
	}
	sweep()
	check("two have ended")
	destroys(over)
	sweep()
	want[over.ID] = letter.PaperDestroyed
	check("the paper of one goes after that")
	if slices.ContainsFunc(o.told(), func(l letter.GoneLetter) bool { return l.ID == stays.ID }) {
		t.Error("a paper that waits is said to be destroyed")
	}
}
