package register

import (
	"context"
	"database/sql"

	"letterlock/scanner/letter"
)

// ResponseSite stands in a response's row where a letter has the site of its
// scanner: it came through the portal.
const ResponseSite = "portal"

// IsResponse reports whether this is the kept copy of an answer, and no letter.
func (l Letter) IsResponse() bool { return l.Answers != "" }

// FileResponse records that the person files the sealed copy m of the answer to
// a letter, which they can open. It is recorded before the copy is deposited;
// the pipeline then reads it back like any letter. It has six months of its own
// from today.
func (r *Register) FileResponse(ctx context.Context, m letter.Manifest, to letter.ID, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, to, person)
		if err != nil {
			return err
		}
		if l.IsResponse() || m.Helpline != l.Helpline || m.Site != ResponseSite || m.Class != letter.SixMonths {
			return ErrBadDecision
		}
		if err := r.insertLetter(ctx, tx, m); err != nil {
			return err
		}
		// Who may open the letter may open what was answered.
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET answers = $1, named = $2 WHERE id = $3`, string(to), l.Named, string(m.ID)); err != nil {
			return err
		}
		if err := keepWalls(ctx, tx, m.ID, to); err != nil {
			return err
		}
		filed, err := letterIn(ctx, tx, m.ID)
		if err != nil {
			return err
		}
		if err := r.underHolds(ctx, tx, &filed); err != nil {
			return err
		}
		if err := r.append(ctx, tx, ResponseFiled{Answers: to, Helpline: Name(m.Helpline), Class: m.Class, Deadline: m.Deadline(),
			Week: m.Week(), Pages: m.Pages}, m.ID, person); err != nil {
			return err
		}
		return r.due(ctx, tx, m.ID)
	})
}

// ResponseLost records that a response was filed and never reached the storage,
// or not surely: it is taken away with proof, and must be filed again.
func (r *Register) ResponseLost(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := letterIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if !l.IsResponse() || l.State != Admitted {
			return ErrMoved
		}
		l.Erase = NeverStored
		if err := r.keep(ctx, tx, &l); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1, trouble = '', attempts = 0 WHERE id = $2`, millis(r.Now()), string(id)); err != nil {
			return err
		}
		if err := r.append(ctx, tx, ResponseLost{Answers: l.Answers}, id, 0); err != nil {
			return err
		}
		return r.due(ctx, tx, id)
	})
}

// eachWith does f to whatever goes with the letter and is not on its way out: its
// kept answers, and older scans of the same paper. What is decided of a letter
// holds for them.
func (r *Register) eachWith(ctx context.Context, tx *sql.Tx, to letter.ID, f func(*Letter) error) error {
	ids, err := idsIn(ctx, tx, `SELECT id FROM letters WHERE (`+goesWith+`) AND erase = '' AND state <> $2`, string(to), string(Expiring))
	if err != nil {
		return err
	}
	for _, id := range ids {
		l, err := letterIn(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(&l); err != nil {
			return err
		}
	}
	return nil
}

// goesWith picks what goes with the letter $1.
const goesWith = `answers = $1 AND answers <> '' OR replaced_by = $1 AND replaced_by <> ''`

// Responses returns the kept answers to a letter, oldest first: those that can
// be opened, and those that are being stored.
func (r *Register) Responses(ctx context.Context, to letter.ID) ([]Letter, error) {
	return r.letters(ctx, `WHERE l.answers = $1 AND l.answers <> '' AND l.erase = '' ORDER BY l.received, l.id`, string(to))
}
