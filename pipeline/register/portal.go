package register

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/letter"
)

// Place is where a letter stands in a list: lists go on after it. Unlike an
// id alone it still means something when its letter has expired meanwhile. The
// zero Place is before everything.
type Place struct {
	Received time.Time
	ID       letter.ID
}

// PlaceOf is where the letter stands.
func PlaceOf(l Letter) Place { return Place{l.Received, l.ID} }

// Readership is whose letters a list is for.
type Readership struct {
	Helplines []string
	Person    int64 // staff number of who reads it, and sees nothing from which they are walled off
	Leader    int64 // staff number of a team leader, who sees no five-year letter that names another; 0 sees all
}

// Unopened returns up to limit letters of the readership that people may be
// shown today and that nobody has opened, longest waiting first, after that place.
func (r *Register) Unopened(ctx context.Context, who Readership, after Place, limit int) ([]Letter, error) {
	from := int64(-1)
	if after.ID != "" {
		from = millis(after.Received)
	}
	return r.shown(ctx, who, `('receipted', 'notified') AND (l.received, l.id) > ($2, $3)
		AND l.deadline > $4 AND l.answers = '' AND (l.named = 0 OR $5 = 0 OR l.named = $5) AND `+notWalled+` ORDER BY l.received, l.id LIMIT $6`, from, after.ID, limit, older)
}

// OpenedLetters returns up to limit letters of the readership that people may
// be shown today and that somebody has opened, newest first, after that place.
func (r *Register) OpenedLetters(ctx context.Context, who Readership, after Place, limit int) ([]Letter, error) {
	from := int64(1) << 62
	if after.ID != "" {
		from = millis(after.Received)
	}
	return r.shown(ctx, who, `('opened', 'readable', 'scan-again') AND (l.received, l.id) < ($2, $3)
		AND l.deadline > $4 AND l.answers = '' AND (l.named = 0 OR $5 = 0 OR l.named = $5) AND `+notWalled+` ORDER BY l.received DESC, l.id DESC LIMIT $6`, from, after.ID, limit, func(a, b Letter) int { return older(b, a) })
}

// notWalled leaves out the letters from which the reader is walled off.
const notWalled = `NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = l.id AND w.person = $7)`

// shown walks the index once for each helpline, a handful, and merges.
func (r *Register) shown(ctx context.Context, who Readership, states string, from int64, id letter.ID, limit int,
	order func(a, b Letter) int) ([]Letter, error) {
	var out []Letter
	for _, h := range who.Helplines {
		part, err := r.letters(ctx, `WHERE l.helpline = $1 AND l.state IN `+states, h, from, string(id),
			letter.DateOf(r.Now()).String(), who.Leader, limit, who.Person)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	slices.SortFunc(out, order)
	return out[:min(limit, len(out))], nil
}

// ReviewsOf returns up to limit five-year letters of the readership whose
// review has come, longest due first.
func (r *Register) ReviewsOf(ctx context.Context, who Readership, limit int) ([]Letter, error) {
	due, err := r.letters(ctx, `WHERE l.review <> '' AND l.review <= $1 ORDER BY l.review, l.id`, letter.DateOf(r.Now()).String())
	if err != nil {
		return nil, err
	}
	due = slices.DeleteFunc(due, func(l Letter) bool {
		return !slices.Contains(who.Helplines, l.Helpline) || who.Leader != 0 && l.Named != who.Leader || l.WalledOff(who.Person) || !l.Open(r.Now())
	})
	return due[:min(limit, len(due))], nil
}

// older orders by when letters were received, earliest first.
func older(a, b Letter) int {
	if c := a.Received.Compare(b.Received); c != 0 {
		return c
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// OpenedBy tells who has opened each of the letters, by staff number.
func (r *Register) OpenedBy(ctx context.Context, letters []Letter) (map[letter.ID][]int64, error) {
	out := map[letter.ID][]int64{}
	for _, l := range letters { // a page of a list; each is one look into the primary key
		rows, err := r.read.QueryContext(ctx, `SELECT DISTINCT person FROM openings WHERE letter = $1 ORDER BY person`, string(l.ID))
		if err != nil {
			return nil, fmt.Errorf("reading openings: %w", err)
		}
		if out[l.ID], err = scanNumbers(rows); err != nil {
			return nil, fmt.Errorf("reading openings: %w", err)
		}
	}
	return out, nil
}

// IDsOf returns the ids of every letter on the register, living or gone, that
// has this reference in its canonical form: one as a rule, more by accident.
func (r *Register) IDsOf(ctx context.Context, reference string) ([]letter.ID, error) {
	from, to := idsOf(reference)
	return r.ids(ctx, `SELECT DISTINCT letter FROM entries WHERE letter > $1 AND letter < $2 AND letter <> '' ORDER BY letter LIMIT 50`, from, to)
}

// idsOf are the bounds between which the ids lie that have this reference in its
// canonical form: it is the id's first seven characters and a check character.
func idsOf(reference string) (from, to string) {
	head := strings.ToLower(strings.ReplaceAll(reference, "-", ""))
	head = head[:len(head)-1]
	return head, head + "~"
}
