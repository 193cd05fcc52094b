package register

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// readableByAnother makes the rule that who scanned is not the only one who checks.
func (d *desk) readableByAnother(is bool) { d.cfg.ReadableByAnother = is }

func (d *desk) whoIs(role Role) int64 {
	d.t.Helper()
	n, err := d.AddPerson(d.t.Context(), Person{Name: "Canary", Email: "canary@example.org", Role: role})
	d.must(err)
	return n
}

// finds has the person open the letter and find it readable.
func (d *desk) finds(id letter.ID, person int64) {
	d.t.Helper()
	d.must(d.RecordOpening(d.t.Context(), id, person, []byte{byte(person)}, ShownPages))
	d.must(d.MarkReadable(d.t.Context(), id, person))
}

func (d *desk) paper(id letter.ID) Paper {
	d.t.Helper()
	p, err := d.Paper(d.t.Context(), id)
	d.must(err)
	return p
}

func (d *desk) destroys(id letter.ID, scannedBy, person, witness int64) error {
	_, err := d.DestroyPaper(d.t.Context(), id, Destruction{Sheets: 1, ScannedBy: scannedBy, Method: Shredder, Level: DefaultLevel, Place: "office",
		Witness: witness, Authority: "policy-1"}, person)
	return err
}

// Who may have scanned is everybody who handled paper when the letter came, in the
// fortnight before, or since; whatever they do now.
func TestWhoMayHaveScanned(t *testing.T) {
	week := 7 * 24 * time.Hour
	for name, c := range map[string]struct {
		first Role
		moves []Role // "" takes the role
		after []time.Duration
		waits bool
	}{
		"a team leader":                           {first: TeamLeader},
		"a manager":                               {first: Manager, waits: true},
		"operations until a month before":         {first: Operations, moves: []Role{TeamLeader}, after: []time.Duration{-4 * week}},
		"operations until a week before":          {first: Operations, moves: []Role{TeamLeader}, after: []time.Duration{-week}, waits: true},
		"operations for an hour after it":         {first: TeamLeader, moves: []Role{Operations, TeamLeader}, after: []time.Duration{time.Hour, 2 * time.Hour}, waits: true},
		"a manager for a day a month before":      {first: TeamLeader, moves: []Role{Manager, TeamLeader}, after: []time.Duration{-4*week - 24*time.Hour, -4 * week}},
		"nothing since a month, then team leader": {first: Operations, moves: []Role{"", TeamLeader}, after: []time.Duration{-4 * week, -week}},
		"team leader, and a manager since":        {first: TeamLeader, moves: []Role{Manager}, after: []time.Duration{time.Hour}, waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.readableByAnother(true)
			received := d.now.Add(10 * week)
			other, who := d.whoIs(Manager), d.whoIs(c.first)
			var l Letter
			comes := func() {
				if l.ID == "" {
					d.now = received
					l = d.receipted()
				}
			}
			for i, role := range c.moves {
				if c.after[i] > 0 {
					comes()
				}
				d.now = received.Add(c.after[i])
				if role == "" {
					d.must(d.TakeRole(t.Context(), who))
				} else {
					d.must(d.GiveRole(t.Context(), who, role, []string{"respect-phoneline"}))
				}
			}
			comes()
			d.now = received.Add(24 * time.Hour)
			d.finds(l.ID, who)
			if p := d.paper(l.ID); p.AnotherDue() != c.waits || (p.State == letter.PaperMayGo) == c.waits || p.CheckedBy != who {
				t.Fatalf("the paper is %s, found readable by %d; waits is %v", p.State, p.CheckedBy, p.AnotherDue())
			}
			if !c.waits {
				return
			}
			d.finds(l.ID, who) // the same person once more changes nothing
			if p := d.paper(l.ID); !p.AnotherDue() {
				t.Fatal("the same person was taken for another")
			}
			d.finds(l.ID, other) // who may have scanned too: but not both of them
			if p := d.paper(l.ID); p.State != letter.PaperMayGo || p.CheckedBy != who || p.CheckedToo != other {
				t.Errorf("the paper is %s after a second reading, of %d and %d", p.State, p.CheckedBy, p.CheckedToo)
			}
			if found, err := d.Entries(t.Context(), -1, "letter-readable", l.ID, 9); err != nil || len(found) != 2 || found[0].By != other {
				t.Errorf("%d readings on record, %v", len(found), err)
			}
		})
	}
}

// What was free before the rule was made is kept back at the desk, and the edge
// is told; without the rule nothing of this is so.
func TestPaperIsKeptBack(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	manager, lead, ops, witness := d.whoIs(Manager), d.leader(), d.whoIs(Operations), d.whoIs(Operations)
	l := d.receipted()
	d.finds(l.ID, manager)
	if p := d.paper(l.ID); p.State != letter.PaperMayGo {
		t.Fatalf("without the rule the paper is %s", p.State)
	}
	if kept, err := d.KeepBack(ctx, []letter.ID{l.ID}, manager, ops); err != nil || len(kept) != 0 {
		t.Fatalf("without the rule %d are kept back, %v", len(kept), err)
	}
	d.readableByAnother(true)
	if err := d.destroys(l.ID, ops, ops, witness); !errors.Is(err, ErrPaperNotFree) {
		t.Fatalf("destroyed what only a manager has checked: %v", err)
	}
	kept, err := d.KeepBack(ctx, []letter.ID{l.ID}, ops, ops)
	if err != nil || len(kept) != 1 || !d.paper(l.ID).AnotherDue() {
		t.Fatalf("%d kept back, %v", len(kept), err)
	}
	if again, err := d.KeepBack(ctx, []letter.ID{l.ID}, ops, ops); err != nil || len(again) != 0 {
		t.Fatalf("%d kept back again, %v", len(again), err)
	}
	now, err := d.Letter(ctx, l.ID)
	if err != nil || !now.ReceiptDue || !now.AnotherDue() {
		t.Errorf("its edge is not told: %+v, %v", now, err)
	}
	found, err := d.Entries(ctx, -1, "paper-kept-back", l.ID, 9)
	d.must(err)
	var said PaperKeptBack
	if len(found) != 1 || found[0].By != ops || json.Unmarshal(found[0].Data, &said) != nil || said.ScannedBy != ops {
		t.Errorf("on record are %+v", found)
	}
	waiting, err := d.Papers(ctx, PapersAnother, Place{}, 9)
	if err != nil || len(waiting) != 1 {
		t.Errorf("%d papers wait for another, %v", len(waiting), err)
	}
	if kept, err := d.Papers(ctx, PapersKept, Place{}, 9); err != nil || len(kept) != 0 {
		t.Errorf("%d papers of which nobody has said anything, %v", len(kept), err)
	}
	for who, want := range map[int64]int{lead: 1, manager: 0} {
		ask := Listing{Readership: Readership{Helplines: bothHelplines, Person: who}, What: ListForAnother, Limit: 9}
		if found, err := d.Listed(ctx, ask); err != nil || len(found) != want {
			t.Errorf("%d is asked for %d letters, %v; want %d", who, len(found), err, want)
		}
	}
	d.finds(l.ID, lead)
	d.must(d.destroys(l.ID, manager, ops, witness))
	found, err = d.Entries(ctx, -1, "paper-destroyed", l.ID, 9)
	d.must(err)
	var record PaperDestroyed
	if len(found) != 1 || json.Unmarshal(found[0].Data, &record) != nil || record.ReadableBy != manager || record.ReadableToo != lead {
		t.Errorf("the record says %+v", found)
	}
}

// A register from before the rule opens under it: what was free is kept back.
func TestTheRuleComesToAnOlderRegister(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	manager, ops := d.whoIs(Manager), d.whoIs(Operations)
	l := d.receipted()
	d.finds(l.ID, manager)
	for _, stmt := range []string{`DROP INDEX papers_for_another`, `ALTER TABLE papers DROP COLUMN checked_too`, `DELETE FROM goose_db_version WHERE version_id = 90`} {
		d.must(d.exec(stmt))
	}
	d.must(d.Close())
	d.cfg.ReadableByAnother = true
	var err error
	d.Register, err = Open(t.Context(), d.cfg)
	d.must(err)
	if p := d.paper(l.ID); p.State != letter.PaperMayGo || p.CheckedBy != manager || p.CheckedToo != 0 {
		t.Errorf("the paper is %+v", p)
	}
	if kept, err := d.KeepBack(t.Context(), []letter.ID{l.ID}, 0, ops); err != nil || len(kept) != 1 {
		t.Errorf("%d kept back, %v", len(kept), err)
	}
}

// Without the rule again, the same person's word is enough.
func TestTheRuleIsTakenBack(t *testing.T) {
	d := newDesk(t)
	d.readableByAnother(true)
	manager := d.whoIs(Manager)
	l := d.receipted()
	d.finds(l.ID, manager)
	d.readableByAnother(false)
	d.finds(l.ID, manager)
	if p := d.paper(l.ID); p.State != letter.PaperMayGo || p.CheckedToo != 0 {
		t.Errorf("the paper is %s", p.State)
	}
}

// Whatever people do in whatever order, no paper of a living letter goes on record
// as destroyed of which the register does not hold the word of somebody who has
// not scanned it.
func TestNobodyChecksAloneWhatTheyScanned(t *testing.T) {
	d := newDesk(t)
	d.readableByAnother(true)
	ctx := t.Context()
	random := rand.New(rand.NewPCG(11, 6))
	people := []int64{d.whoIs(Manager), d.whoIs(Manager), d.leader(), d.leader(), d.whoIs(Operations), d.whoIs(Operations)}
	some := func() int64 { return people[random.IntN(len(people))] }
	var letters []letter.ID
	word := map[letter.ID]map[int64]bool{} // who finds it readable
	gone := 0
	for range 600 {
		d.now = d.now.Add(time.Minute)
		if len(letters) == 0 || random.IntN(12) == 0 {
			id := d.receipted().ID
			letters, word[id] = append(letters, id), map[int64]bool{}
		}
		id, who := letters[random.IntN(len(letters))], some()
		was := d.paper(id)
		switch random.IntN(6) {
		case 0, 1:
			if d.RecordOpening(ctx, id, who, []byte{byte(who)}, ShownPages) == nil && d.MarkReadableAfterAll(ctx, id, who) == nil {
				word[id][who] = true
			}
		case 2:
			if random.IntN(4) == 0 && d.MarkScanAgain(ctx, id, who, TooFaint) == nil {
				clear(word[id])
			}
		case 3:
			if who == people[2] || who == people[3] {
				d.must(d.GiveRole(ctx, who, []Role{Operations, TeamLeader}[random.IntN(2)], []string{"respect-phoneline"}))
			}
		case 4:
			_, err := d.KeepBack(ctx, []letter.ID{id}, some(), who)
			d.must(err)
		case 5:
			scanner := some()
			if d.destroys(id, scanner, who, some()) != nil {
				continue
			}
			gone++
			delete(word[id], scanner)
			if was.State != letter.PaperMayGo || len(word[id]) == 0 {
				t.Fatalf("%s went, %s before, and nobody but %d, who scanned it, had found it readable", id, was.State, scanner)
			}
		}
	}
	if gone < 10 || len(letters)-gone < 10 {
		t.Errorf("%d of %d papers went: the walk shows nothing", gone, len(letters))
	}
}
