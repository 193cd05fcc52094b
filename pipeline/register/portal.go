package register

import (
	"context"
	"fmt"
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
