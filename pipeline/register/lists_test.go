package register

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

var bothHelplines = []string{"respect-phoneline", "mens-advice-line"}

// Every list is read along an index in its own order, but for those of which
// there are few.
func TestListsAreReadInTheirOrder(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	index := map[List]string{ListFiveYears: "letters_five_years", ListHeld: "letters_held", ListReviews: "letters_review", ListRecused: "(id=?)",
		ListUrgent: "letters_urgent", ListToShare: "letters_to_share", ListHanded: "letters_handed",
		ListForAnother: "papers_for_another", ListDrafts: "letters_drafts"}
	for list, ways := range walks {
		for _, w := range ways {
			query, args := Listing{What: list, Limit: 26}.query(w, "respect-phoneline", d.now)
			rows, err := d.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN SELECT `+letterColumns+` `+query, args...)
			d.must(err)
			plan, err := scanAll(rows, func(row scannable) (detail string, err error) {
				var id, parent, unused int
				return detail, row.Scan(&id, &parent, &unused, &detail)
			})
			d.must(err)
			said := strings.Join(plan, "\n")
			want := index[list]
			if want == "" {
				want = "letters_shown (helpline=? AND state=? AND"
			}
			sorts := strings.Contains(said, "TEMP B-TREE FOR ORDER BY") || strings.Contains(said, "TEMP B-TREE FOR LAST")
			if !strings.Contains(said, want) || sorts != w.few {
				t.Errorf("%s, %s:\n%s", list, w.where, said)
			}
		}
	}
}

// Whatever became of the letters: for each leader the lists of the page hold every
// letter that they may open once, in order, and page by page no other than at once.
func TestListsHoldEveryLetterOnce(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	var leaders []int64
	for range 3 {
		n, err := d.AddPerson(ctx, Person{Name: "Ada", Email: "a@example.org", Role: TeamLeader, Helplines: bothHelplines})
		d.must(err)
		leaders = append(leaders, n)
	}
	random := rand.New(rand.NewPCG(7, 7))
	some := func() int64 { return leaders[random.IntN(len(leaders))] }
	for range 120 {
		if random.IntN(3) > 0 { // others were received in the same second
			d.now = d.now.Add(time.Minute)
		}
		m := d.manifest()
		m.Helpline = bothHelplines[random.IntN(2)]
		d.must(d.Admit(ctx, m))
		l, err := d.Letter(ctx, m.ID)
		d.must(err)
		d.must(d.Verified(ctx, &l, "v1", false))
		d.must(d.Receipted(ctx, &l))
		if random.IntN(4) > 0 {
			d.must(d.Notified(ctx, &l))
		}
		who := some()
		for range random.IntN(3) {
			d.must(d.RecordOpening(ctx, m.ID, who, []byte{byte(who)}, ShownPages))
			switch random.IntN(6) {
			case 0:
				d.must(unlessWalled(d.MarkReadableAfterAll(ctx, m.ID, who)))
			case 1:
				d.must(unlessWalled(d.MarkScanAgain(ctx, m.ID, who, TooFaint)))
			case 2:
				today := letter.DateOf(d.now)
				_ = d.Safeguard(ctx, m.ID, Safeguarding{Reason: SafeguardingReasons[0], Told: Tolds[0], Review: today.AddDays(30), Named: some()}, who) // refused a second time
			case 3:
				_ = d.Recuse(ctx, m.ID, who) // refused of the last who may read it
			}
			who = some()
		}
	}
	whole := func(who Readership, list List) (out []letter.ID) {
		found, err := d.Listed(ctx, Listing{Readership: who, What: list, Limit: 1000})
		d.must(err)
		if n, err := d.CountListed(ctx, Listing{Readership: who, What: list}); err != nil || n != len(found) {
			t.Errorf("%s of %d counts %d, %v, and lists %d", list, who.Person, n, err, len(found))
		}
		var after Place
		for {
			page, err := d.Listed(ctx, Listing{Readership: who, What: list, After: after, Limit: 7})
			d.must(err)
			if len(page) == 0 {
				break
			}
			for _, l := range page {
				out = append(out, l.ID)
			}
			after = PlaceOf(page[len(page)-1])
		}
		if all := idsOfAll(found); !slices.Equal(all, out) {
			t.Errorf("%s of %d is, page by page, %v, and at once %v", list, who.Person, out, all)
		}
		return out
	}
	for _, n := range leaders {
		who := Readership{Helplines: bothHelplines, Person: n, Leader: n}
		var want []letter.ID
		d.must(d.EachLetter(ctx, func(l Letter) error {
			if l.Open(d.now) && !l.WalledOff(n) && (l.Named == 0 || l.Named == n) {
				want = append(want, l.ID)
			}
			return nil
		}))
		var got []letter.ID
		for _, list := range []List{ListUnopened, ListUnfinished, ListRiskUnsaid, ListDecided} {
			part := whole(who, list)
			if len(part) < 3 {
				t.Fatalf("%s has %d letters: the test has become too small", list, len(part))
			}
			got = append(got, part...)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("leader %d is shown %d letters of %d, or not each once", n, len(got), len(want))
		}
		for list := range walks {
			whole(who, list)
		}
	}
}

// Once the paper of a letter is destroyed nobody can say any more whether its scan can be
// read: another helpline, to which it is given, is asked about risk alone.
func TestAfterItsPaperNobodyIsAskedWhetherALetterCanBeRead(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	leader, manager, ops, another := d.leader(), d.whoIs(Manager), d.whoIs(Operations), d.whoIs(Operations)
	theirs, err := d.AddPerson(ctx, Person{Name: "Ben", Email: "ben@example.org", Role: TeamLeader, Helplines: []string{"mens-advice-line"}})
	d.must(err)
	id := d.receipted().ID
	in := func(when string, want ...List) {
		t.Helper()
		var got []List
		for _, list := range []List{ListUnopened, ListUnfinished, ListRiskUnsaid, ListDecided} {
			ask := Listing{Readership: Readership{Helplines: bothHelplines, Person: theirs, Leader: theirs}, What: list, Limit: 5}
			found, err := d.Listed(ctx, ask)
			d.must(err)
			if n, err := d.CountListed(ctx, ask); err != nil || n != len(found) {
				t.Errorf("%s, %s counts %d, %v", when, list, n, err)
			}
			for range found {
				got = append(got, list)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s it is in %v, and not in %v", when, got, want)
		}
	}
	d.finds(id, leader)
	d.must(d.destroys(id, ops, ops, another))
	d.must(d.AskRedirection(ctx, id, "mens-advice-line", leader))
	q, err := d.RequestOf(ctx, id)
	d.must(err)
	d.must(d.ConfirmRequest(ctx, q.Number, manager))
	in("given to them", ListUnopened)
	d.opens(id, theirs)
	in("opened", ListRiskUnsaid)
	d.must(d.AnswerRisk(ctx, id, RiskNone, "", theirs))
	in("answered", ListDecided)
}

func idsOfAll(letters []Letter) (out []letter.ID) {
	for _, l := range letters {
		out = append(out, l.ID)
	}
	return out
}

// unlessWalled leaves out that somebody has stepped back from the letter.
func unlessWalled(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
