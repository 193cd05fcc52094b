package register

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// late is a letter that is to be scanned again eight months after it came: its
// scanner has forgotten it.
func late(d *desk, outlives func(old Letter, leader, manager int64)) (old Letter, leader, manager int64) {
	d.t.Helper()
	ctx := d.t.Context()
	leader = d.leader()
	manager, err := d.AddPerson(ctx, Person{Name: "Mo", Role: Manager})
	d.must(err)
	old = d.receipted()
	d.opens(old.ID, leader)
	outlives(old, leader, manager)
	d.now = d.now.AddDate(0, 8, 0)
	d.must(d.MarkScanAgain(ctx, old.ID, leader, TooFaint))
	return d.letter(old.ID), leader, manager
}

// scannedLate takes a new scan that counts as received today.
func (d *desk) scannedLate(of Letter, change ...func(*letter.Manifest)) Letter {
	d.t.Helper()
	today := func(m *letter.Manifest) { m.Received = d.now.UTC().Truncate(time.Second) }
	return d.scannedAnew(of, append([]func(*letter.Manifest){today}, change...)...)
}

func (d *desk) again() []letter.AgainLetter {
	d.t.Helper()
	sites, err := d.Again(d.t.Context())
	d.must(err)
	return sites["office"]
}

// apartWhy is why the register has the letter for no new scan.
func (d *desk) apartWhy(id letter.ID) ApartReason {
	d.t.Helper()
	entries, err := d.Entries(d.t.Context(), -1, NewScanApart{}.kind(), id, 2)
	d.must(err)
	if len(entries) != 1 {
		d.t.Fatalf("%d entries say that it is no new scan", len(entries))
	}
	var said NewScanApart
	d.must(json.Unmarshal(entries[0].Data, &said))
	return said.Why
}

// outliving are the ways in which a letter outlives its six months.
func (d *desk) outliving() map[string]func(old Letter, leader, manager int64) {
	ctx := d.t.Context()
	return map[string]func(old Letter, leader, manager int64){
		"on hold": func(old Letter, _, manager int64) {
			_, err := d.PlaceHold(ctx, Hold{Letter: old.ID, Reason: Coroner, Owner: manager, Review: letter.DateOf(d.now).AddDays(30)}, manager)
			d.must(err)
		},
		"for five years": func(old Letter, leader, _ int64) {
			d.must(d.AnswerRisk(ctx, old.ID, RiskShare, "", leader))
			d.must(d.Safeguard(ctx, old.ID, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: letter.DateOf(d.now).AddDays(30), Named: leader}, leader))
		},
	}
}

// A letter that outlives its six months is named to its scanner while a new scan is
// awaited, from a fortnight before; a new scan takes over as within them, and lives
// no longer than the old one.
func TestALateNewScanTakesOver(t *testing.T) {
	for _, how := range []string{"on hold", "for five years"} {
		t.Run(how, func(t *testing.T) {
			d, ctx := newDesk(t), t.Context()
			old, leader, manager := late(d, d.outliving()[how])
			want := []letter.AgainLetter{{ID: old.ID, Helpline: old.Helpline, Received: old.ReceivedOn(), Reason: string(TooFaint)}}
			if got := d.again(); !slices.Equal(got, want) {
				t.Errorf("named are %v", got)
			}
			today := d.now
			forgotten := letter.Deadline(old.ReceivedOn(), letter.SixMonths)
			for days, is := range map[int]bool{-letter.BriefDays - 1: false, -letter.BriefDays: true, 0: true} {
				d.now = forgotten.AddDays(days).Start().Add(time.Hour)
				if n := len(d.again()); (n == 1) != is {
					t.Errorf("%d days after it is forgotten %d are named", days, n)
				}
			}
			d.now = today

			l := d.scannedLate(old)
			if l.Replaces != old.ID || l.Class != old.Class || l.Since != old.Since || l.Risk != old.Risk || l.HeldSince != old.HeldSince || l.Deadline() != old.Deadline() || !l.Open(d.now) {
				t.Errorf("the new scan is %+v", l)
			}
			d.wants(old.ID, Replaced, "")
			if got := d.again(); len(got) != 0 {
				t.Errorf("named are %v", got)
			}
			if p, err := d.Paper(ctx, l.ID); err != nil || !p.Received.Equal(old.Received) {
				t.Errorf("the paper came at %s, %v", p.Received, err)
			}
			d.balanced()
			d.opens(l.ID, leader)
			d.must(d.MarkReadable(ctx, l.ID, leader))
			if was := d.letter(old.ID); (was.Erase == NewerScan) == was.Held() {
				t.Errorf("the old scan is to be erased because of %q, held since %s", was.Erase, was.HeldSince)
			}
			// What ends the one ends the other: it lives no longer for having been scanned late.
			if how == "on hold" {
				holds, err := d.HoldsInForce(ctx)
				d.must(err)
				d.release(holds[0].Number, manager)
			} else {
				d.must(d.AskWithdrawal(ctx, l.ID, NoneApplies, leader))
				asked, _, err := lastSaid[WithdrawalAsked](ctx, d.read, l.ID)
				d.must(err)
				shown, err := d.WithdrawnDeadline(ctx, l)
				if d.must(err); asked.Data.Deadline != forgotten || shown != forgotten {
					t.Errorf("two people are told that it ends on %s, on record is %s, and it is %s", shown, asked.Data.Deadline, forgotten)
				}
				q, err := d.RequestOf(ctx, l.ID)
				d.must(err)
				d.must(d.ConfirmRequest(ctx, q.Number, manager))
			}
			if l := d.letter(l.ID); !l.DueOn(letter.DateOf(d.now)) {
				t.Errorf("it lives until %s", l.Deadline())
			}
			d.must(verify(d.export(), d.pub))
		})
	}
}

// A late scan whose old letter has ended meanwhile, or was never asked for, is a
// letter of its own with six months of its own.
func TestALateScanThatStaysApart(t *testing.T) {
	for name, c := range map[string]struct {
		why  ApartReason
		end  func(d *desk, old Letter, leader, manager int64)
		when time.Duration
	}{
		"the hold is lifted": {why: ApartOtherDay, end: func(d *desk, _ Letter, _, manager int64) {
			holds, err := d.HoldsInForce(d.t.Context())
			d.must(err)
			d.release(holds[0].Number, manager)
		}},
		"it is erased": {why: ApartUnknown, end: func(d *desk, old Letter, _, manager int64) {
			holds, err := d.HoldsInForce(d.t.Context())
			d.must(err)
			d.release(holds[0].Number, manager)
			was := d.letter(old.ID)
			d.must(d.ExpiryBegun(d.t.Context(), &was, Found{Versions: 1}))
			d.must(d.DeleteRows(d.t.Context(), was, ByLetterlock, d.now))
		}},
		"it is readable after all": {why: ApartNotAsked, end: func(d *desk, old Letter, leader, _ int64) {
			d.must(d.MarkReadableAfterAll(d.t.Context(), old.ID, leader))
		}},
		"a new scan is here":         {why: ApartReplaced, end: func(d *desk, old Letter, _, _ int64) { d.scannedLate(old) }},
		"it came before the old one": {why: ApartOtherDay, end: func(*desk, Letter, int64, int64) {}, when: -9 * 31 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			old, leader, manager := late(d, d.outliving()["on hold"])
			c.end(d, old, leader, manager)
			l := d.scannedLate(old, func(m *letter.Manifest) { m.Received = m.Received.Add(c.when) })
			if l.Replaces != "" || l.Paper != letter.PaperKept || l.Held() || l.Deadline() != l.Manifest.Deadline() {
				t.Errorf("it is %+v", l)
			}
			if got := d.apartWhy(l.ID); got != c.why {
				t.Errorf("the register says %q, want %q", got, c.why)
			}
			d.balanced()
		})
	}
}

// The wrong paper, scanned late: both live on, the one that was scanned by mistake
// for six months from now, since the old one's are over, and not for five years: that
// was decided of the other.
func TestTheWrongPaperWasScannedLate(t *testing.T) {
	for _, how := range []string{"on hold", "for five years"} {
		t.Run(how, func(t *testing.T) {
			d, ctx := newDesk(t), t.Context()
			old, leader, _ := late(d, d.outliving()[how])
			l := d.scannedLate(old)
			d.opens(l.ID, leader)
			d.must(d.MarkOtherPaper(ctx, l.ID, leader))
			l = d.letter(l.ID)
			if l.DueOn(letter.DateOf(d.now)) || l.Deadline().Before(l.Manifest.Deadline()) {
				t.Errorf("the letter that was scanned by mistake ends on %s", l.Deadline())
			}
			if for5 := l.Class == letter.FiveYears; for5 || !l.Held() && l.Deadline() != l.Manifest.Deadline() || l.Named != 0 || l.Reason != "" {
				t.Errorf("the letter that was scanned by mistake is kept as the other: %+v", l)
			}
			if was := d.letter(old.ID); was.State != ScanAgain || !was.Open(d.now) || was.Class != old.Class || was.HeldSince != old.HeldSince || was.Deadline() != old.Deadline() {
				t.Errorf("the old scan is %+v", was)
			}
			if got := d.again(); len(got) != 1 || got[0].ID != old.ID {
				t.Errorf("named are %v", got)
			}
			if p, err := d.Paper(ctx, l.ID); err != nil || !p.Received.Equal(l.Received) {
				t.Errorf("its paper came at %s, %v", p.Received, err)
			}
			d.balanced()
			d.must(verify(d.export(), d.pub))
		})
	}
}

// A late scan's paper, which a third scan was taken for by mistake, has come when it came:
// a withdrawal has it end with the paper's six months, not with the late scan's.
func TestAThirdScanLeavesThePapersDay(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	old, leader, _ := late(d, d.outliving()["for five years"])
	second := d.scannedLate(old)
	d.opens(second.ID, leader)
	d.must(d.MarkScanAgain(ctx, second.ID, leader, UpsideDown))
	d.now = d.now.AddDate(0, 0, 3)
	third := d.scannedLate(d.letter(second.ID))
	d.opens(third.ID, leader)
	d.must(d.MarkOtherPaper(ctx, third.ID, leader))
	ends, err := d.WithdrawnDeadline(ctx, d.letter(second.ID))
	if d.must(err); ends != letter.Deadline(old.ReceivedOn(), letter.SixMonths) {
		t.Errorf("it would end on %s", ends)
	}
	if p, err := d.Paper(ctx, third.ID); err != nil || !p.Received.Equal(third.Received) {
		t.Errorf("the third one's paper came at %s, %v", p.Received, err)
	}
	d.balanced()
}

// A paper that is to be scanned again stays so when its letter turns out to be another
// helpline's: it is asked for until the new scan is here, which then takes over.
func TestTheWrongHelplinesLetterIsScannedAgain(t *testing.T) {
	for name, asked := range map[string]func(d *desk) (old Letter, leader, manager int64){
		"within its months": func(d *desk) (old Letter, leader, manager int64) {
			leader = d.leader()
			manager, err := d.AddPerson(d.t.Context(), Person{Name: "Mo", Role: Manager})
			d.must(err)
			return d.askedAgain(leader), leader, manager
		},
		"late": func(d *desk) (old Letter, leader, manager int64) { return late(d, d.outliving()["on hold"]) },
	} {
		t.Run(name, func(t *testing.T) {
			d, ctx := newDesk(t), t.Context()
			old, leader, manager := asked(d)
			d.must(d.AskRedirection(ctx, old.ID, "mens-advice-line", leader))
			q, err := d.RequestOf(ctx, old.ID)
			d.must(err)
			d.must(d.ConfirmRequest(ctx, q.Number, manager))
			old = d.wants(old.ID, Receipted, letter.PaperScanAgain)
			scan := d.scannedAnew
			if name == "late" {
				if got := d.again(); len(got) != 1 || got[0].ID != old.ID || got[0].Helpline != "mens-advice-line" {
					t.Errorf("its scanner, which has forgotten it, is told of %v", got)
				}
				scan = d.scannedLate
			}
			l := scan(old)
			if l.Replaces != old.ID || l.Helpline != "mens-advice-line" {
				t.Errorf("the new scan replaces %q and is of %s", l.Replaces, l.Helpline)
			}
			if was := d.wants(old.ID, Replaced, ""); was.ReplacedBy != l.ID {
				t.Errorf("the old scan is replaced by %q", was.ReplacedBy)
			}
			d.balanced()
		})
	}
}
