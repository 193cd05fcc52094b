package register

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/letter"
)

// draft is an answer to the letter that the person has uploaded and opened.
func (d *desk) draft(to letter.ID, by int64) letter.ID {
	d.t.Helper()
	ctx := d.t.Context()
	m := d.manifest()
	m.Site, m.Helpline = ResponseSite, d.letter(to).Helpline
	d.must(d.FileResponse(ctx, m, to, by))
	l := d.letter(m.ID)
	d.must(d.Verified(ctx, &l, "v1", false))
	d.opens(m.ID, by)
	return m.ID
}

// answered is one that the person has kept.
func (d *desk) answered(to letter.ID, by int64) letter.ID {
	d.t.Helper()
	id := d.draft(to, by)
	d.must(d.KeepResponse(d.t.Context(), id, AddressAsked, false, by))
	return id
}

// answerModel is what an answer must be, as people would say it.
type answerModel struct {
	state    State // Draft, ToConfirm, Filed, or Expiring for one that is thrown away or over
	uploader int64
	began    time.Time
	read     []int64
}

// may says whether the act is one of the person's, and what the answer then is.
func (m *answerModel) may(act string, person int64, now time.Time) (next State, may bool) {
	own := person == m.uploader
	over := m.state == Draft && !now.Before(m.began.Add(DraftLives))
	if m.state == Expiring || over || !slices.Contains(m.read, person) {
		return m.state, false
	}
	switch act {
	case "keep":
		return Filed, m.state == Draft && own
	case "ask":
		return ToConfirm, m.state == Draft && own
	case "confirm":
		return Filed, m.state == ToConfirm && !own
	case string(DroppedWrong), string(DroppedUnsafe):
		return Expiring, m.state == Draft && own
	case string(DroppedTakenBack):
		return Expiring, m.state == ToConfirm && own
	case string(DroppedDeclined):
		return Expiring, m.state == ToConfirm && !own
	}
	return m.state, false // DroppedUnkept is no person's
}

// Whatever people do with an answer, and in whatever order: it is kept by its
// uploader's word alone or, once they have asked, by another's who has opened it,
// never by both, never after it was thrown away or its hour was over; and what is
// refused leaves no entry.
func TestAnAnswerIsKeptByTheRightPeople(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	a, b, c := d.leader(), d.leader(), d.leader()
	to := d.receipted().ID
	for _, n := range []int64{a, b, c} {
		d.opens(to, n)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(3, seed))
	acts := []string{"keep", "ask", "ask", "confirm", "confirm", "wait", "wrong-copy", "unsafe-address", "taken-back", "declined", "never-kept", "open", "open"}
	ended := map[State]int{}
	for range 120 {
		m := answerModel{state: Draft, uploader: []int64{a, b, c}[random.IntN(3)], began: d.now}
		id := d.draft(to, m.uploader)
		m.read = []int64{m.uploader}
		var did []string
		for range 9 {
			act, person := acts[random.IntN(len(acts))], []int64{a, b, c}[random.IntN(3)]
			did = append(did, act)
			before := len(d.kinds())
			next, may := m.may(act, person, d.now)
			var err error
			switch act {
			case "wait":
				d.now = d.now.Add(time.Duration(random.IntN(50)) * time.Minute)
				d.must(d.EndDrafts(ctx))
				if m.state == Draft && !d.now.Before(m.began.Add(DraftLives)) {
					m.state = Expiring
				}
				continue
			case "open":
				if l := d.letter(id); l.Open(d.now) && (l.State != Draft || person == m.uploader) {
					d.opens(id, person)
					m.read = append(m.read, person)
				}
				continue
			case "keep", "ask":
				err = d.KeepResponse(ctx, id, AddressChecks[random.IntN(len(AddressChecks))], act == "ask", person)
			case "confirm":
				err = d.ConfirmResponse(ctx, id, person)
			default:
				err = d.DropResponse(ctx, id, DropReason(act), person)
			}
			if (err == nil) != may {
				t.Fatalf("%v as staff %d of a %s of staff %d: %v", did, person, m.state, m.uploader, err)
			}
			if grew := len(d.kinds()) - before; may != (grew == 1) || !may && grew > 0 {
				t.Fatalf("%v: %d entries", did, grew)
			}
			if may {
				m.state = next
			}
		}
		l := d.letter(id)
		if gone := m.state == Expiring; gone != (l.Erase == NotKept) || !gone && l.State != m.state || l.DraftEnds.IsZero() != (l.State != Draft) {
			t.Fatalf("%v: it is %+v and must be %s", did, l, m.state)
		}
		ended[m.state]++
		d.keptOnce(id)
		if m.state == Draft { // out of the way of the next, of which only so many wait
			d.must(d.DropResponse(ctx, id, DroppedWrong, m.uploader))
		}
	}
	for _, s := range []State{Draft, ToConfirm, Filed, Expiring} {
		if ended[s] == 0 {
			t.Errorf("no answer ended as %s: the test has become too small", s)
		}
	}
	d.balanced()
}

// keptOnce checks what the register says of an answer.
func (d *desk) keptOnce(id letter.ID) {
	d.t.Helper()
	entries, err := d.Entries(d.t.Context(), -1, "", id, 100)
	d.must(err)
	var says []string
	for _, e := range slices.Backward(entries) {
		switch e.Kind {
		case "response-kept":
			var kept ResponseKept
			d.must(json.Unmarshal(e.Data, &kept))
			if asked := slices.Contains(says, "response-to-confirm"); asked == (kept.FoundBy == e.By) {
				d.t.Errorf("kept by staff %d, found by staff %d, and a second was asked: %v", e.By, kept.FoundBy, asked)
			}
			fallthrough
		case "response-to-confirm", "response-dropped":
			says = append(says, e.Kind)
		}
	}
	allowed := []string{"", "response-kept", "response-dropped", "response-to-confirm", "response-to-confirm response-kept", "response-to-confirm response-dropped"}
	if got := strings.Join(says, " "); !slices.Contains(allowed, got) {
		d.t.Errorf("on the register: %s", got)
	}
}

// The last who could confirm an answer's address cannot step back from it: whoever
// uploaded it is no second person.
func TestTheLastWhoCanConfirm(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	a, b := d.leader(), d.leader()
	to := d.receipted().ID
	d.opens(to, a)
	id := d.draft(to, a)
	d.must(d.KeepResponse(ctx, id, AddressAsked, true, a))
	d.opens(id, b)
	if err := d.Recuse(ctx, id, b); !errors.Is(err, ErrLastReader) {
		t.Errorf("the last one steps back: %v", err)
	}
	d.leader()
	d.must(d.Recuse(ctx, id, b))
}

// A draft is its uploader's in every list, and nothing else is done with it.
func TestADraftIsNobodyElses(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	a, b := d.leader(), d.leader()
	to := d.receipted().ID
	d.opens(to, a)
	d.opens(to, b)
	id := d.draft(to, a)
	for n, want := range map[int64]int{a: 1, b: 0} {
		who := Readership{Helplines: bothHelplines, Person: n, Leader: n}
		found, err := d.Listed(ctx, Listing{Readership: who, What: ListDrafts, Limit: 10})
		d.must(err)
		called, err := d.Called(ctx, who, id.Reference())
		d.must(err)
		if len(found) != want || len(called) != want {
			t.Errorf("staff %d is shown %d and %d drafts", n, len(found), len(called))
		}
	}
	d.opens(id, b) // which the portal does not do
	today := letter.DateOf(d.now)
	for what, err := range map[string]error{
		"erasure":     d.AskErasure(ctx, id, PersonAsked, a),
		"redirection": d.AskRedirection(ctx, id, "mens-advice-line", a),
		"handed over": d.HandOver(ctx, id, b, a),
		"at risk":     d.AnswerRisk(ctx, id, RiskNone, "", a),
		"kept long":   d.Safeguard(ctx, id, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: today.AddDays(5), Named: a}, a),
		"kept by b":   d.KeepResponse(ctx, id, AddressAsked, false, b),
		"how":         d.KeepResponse(ctx, id, "because", false, a),
		"answered":    d.FileResponse(ctx, func() letter.Manifest { m := d.manifest(); m.Site = ResponseSite; return m }(), id, a),
	} {
		if !errors.Is(err, ErrBadDecision) && !errors.Is(err, ErrMoved) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for range MostDrafts - 1 {
		d.draft(to, a)
	}
	m := d.manifest()
	m.Site = ResponseSite
	if err := d.FileResponse(ctx, m, to, a); !errors.Is(err, ErrDrafts) {
		t.Errorf("one too many: %v", err)
	}
	if n, err := d.Drafts(ctx, a); err != nil || n != MostDrafts {
		t.Errorf("%d drafts, %v", n, err)
	}
}

// What is asked with every sweep goes along an index.
func TestDraftsAreFoundByAnIndex(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	for query, args := range map[string][]any{draftsOver: {1, "draft", "unverifiable"},
		`SELECT id FROM letters WHERE draft_ends IS NOT NULL AND erase = ''`: nil,
		`SELECT id FROM letters l ` + waitingOf:                              {1}, becameOf: {1}} {
		rows, err := d.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
		d.must(err)
		plan, err := scanAll(rows, func(row scannable) (detail string, err error) {
			var id, parent, unused int
			return detail, row.Scan(&id, &parent, &unused, &detail)
		})
		d.must(err)
		if said := strings.Join(plan, "\n"); !strings.Contains(said, "letters_draft") && !strings.Contains(said, "letters_to_confirm") && !strings.Contains(said, "calls_away") {
			t.Errorf("%s:\n%s", query, said)
		}
	}
}
