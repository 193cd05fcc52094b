package register

import (
	"testing"

	"letterlock/scanner/letter"
)

// What was decided of a letter while it was taken for a new scan of another holds for
// it also once it is known to be another's: it was shared itself, or whoever looked at
// its keeping again had opened it. Who had not opened it said nothing of this paper.
func TestWhatWasDecidedOfTheOtherPaperStays(t *testing.T) {
	for _, c := range []struct {
		name    string
		decides func(d *desk, wrong Letter, leader, manager int64)
		class   letter.Class
	}{
		{"it was shared", func(d *desk, wrong Letter, leader, _ int64) {
			d.opens(wrong.ID, leader)
			d.must(d.Share(d.t.Context(), wrong.ID, Sharing{Agency: ChildrensServices, Basis: WithConsent, On: letter.DateOf(d.now)}, nil, leader))
		}, letter.FiveYears},
		{"it was reviewed", func(d *desk, wrong Letter, leader, manager int64) {
			d.opens(wrong.ID, manager)
			d.must(d.ReviewSafeguarding(d.t.Context(), wrong.ID, letter.DateOf(d.now).AddDays(90), leader, manager))
		}, letter.FiveYears},
		{"it was reviewed, and then unopened", func(d *desk, wrong Letter, leader, manager int64) {
			d.opens(wrong.ID, leader)
			for _, person := range []int64{leader, manager} {
				d.must(d.ReviewSafeguarding(d.t.Context(), wrong.ID, letter.DateOf(d.now).AddDays(90), leader, person))
			}
		}, letter.FiveYears},
		{"it was reviewed unopened", func(d *desk, wrong Letter, leader, manager int64) {
			d.must(d.ReviewSafeguarding(d.t.Context(), wrong.ID, letter.DateOf(d.now).AddDays(90), leader, manager))
		}, letter.SixMonths},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, ctx := newDesk(t), t.Context()
			leader := d.leader()
			manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
			d.must(err)
			old := d.receipted()
			d.opens(old.ID, leader)
			today := letter.DateOf(d.now)
			d.must(d.Safeguard(ctx, old.ID, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: today.AddDays(30), Named: leader}, leader))
			d.must(d.MarkScanAgain(ctx, old.ID, leader, CutOff))
			wrong := d.scannedAnew(d.letter(old.ID))
			c.decides(d, wrong, leader, manager)
			d.opens(wrong.ID, leader)
			d.must(d.MarkOtherPaper(ctx, wrong.ID, leader))
			l := d.letter(wrong.ID)
			if l.Class != c.class {
				t.Errorf("it is kept for %s, until %s", l.Class, l.Deadline())
			}
			said, _, err := lastSaid[NewScanIsOther](ctx, d.read, wrong.ID)
			if d.must(err); (said.Data.Class != "") != (c.class == letter.SixMonths) {
				t.Errorf("on record of it is %+v", said.Data)
			}
			if was := d.letter(old.ID); was.Class != letter.FiveYears || was.Reason != ChildAtRisk {
				t.Errorf("the one of which it was decided is %+v", was)
			}
		})
	}
}
