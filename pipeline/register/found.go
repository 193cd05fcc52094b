package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"letterlock/scanner/letter"
)

// Where a replay finds the letters that are on record, and what follows from it.

// restoreReviewDays is how soon a manager must look at what was found to be kept
// by a decision that is not on record.
const restoreReviewDays = 14

// FindElsewhere records that the letter does not lie where this register had it,
// but there, where a whole copy was read. hold is set where the register knows of
// no decision that keeps it so long: it is then held for a manager to look at, and
// nobody else may open it. A letter comes before what goes with it.
func (r *Register) FindElsewhere(ctx context.Context, l *Letter, at Lodging, hold bool) error {
	next := *l
	next.Leaving, next.Been = slices.Clone(l.Leaving), slices.Clone(l.Been)
	earlier := at.Deadline().Before(l.Wanted().Deadline())
	next.lodge(at)
	from := l.Helpline
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.append(ctx, tx, LetterFoundElsewhere{From: Name(from), Helpline: Name(next.Helpline), Class: at.Class, Since: at.Since,
			Week: at.Week(), Earlier: earlier}, l.ID, 0); err != nil {
			return err
		}
		if hold {
			if err := r.holdForManager(ctx, tx, &next, at.Since); err != nil {
				return err
			}
		}
		if err := r.keep(ctx, tx, &next); err != nil {
			return err
		}
		if err := r.heldElsewhere(ctx, tx, &next, from); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET missing = 0 WHERE id = $1`, string(l.ID)); err != nil {
			return err
		}
		if next.Helpline == from || !l.State.CanBeOpened() || l.State == Replaced || l.IsResponse() {
			return nil // nobody is told of an old scan, nor of an answer
		}
		return r.tellAnew(ctx, tx, next.ID)
	})
	if err == nil {
		*l = next
	}
	return err
}

// FoundEarlier are the living letters that the last replay found in a place which ends
// before the day that is on record for them: what keeps them longer may have been
// withdrawn after the backup was made.
func (r *Register) FoundEarlier(ctx context.Context) (ids []letter.ID, err error) {
	begun, err := r.Entries(ctx, -1, RestoreBegun{}.kind(), "", 1)
	if err != nil || len(begun) == 0 {
		return nil, err
	}
	for before := int64(-1); ; {
		page, err := r.Entries(ctx, before, LetterFoundElsewhere{}.kind(), "", 500)
		if err != nil || len(page) == 0 {
			return ids, err
		}
		for _, e := range page {
			if before = e.N; before < begun[0].N {
				return ids, nil
			}
			var ev LetterFoundElsewhere
			if err := json.Unmarshal(e.Data, &ev); err != nil {
				return nil, fmt.Errorf("reading where letters were found: %w", err)
			}
			_, living, err := r.KnowsOf(ctx, e.Letter)
			if err != nil {
				return nil, err
			}
			if ev.Earlier && living && !slices.Contains(ids, e.Letter) {
				ids = append(ids, e.Letter)
			}
		}
	}
}

// heldElsewhere works out anew what holds the letter, which was of the helpline from
// on record, and what goes with it. Whatever held it there holds it from here on, as
// when it was redirected: the record of that is lost. What goes with a letter of the
// same helpline has that one's holds.
func (r *Register) heldElsewhere(ctx context.Context, tx *sql.Tx, l *Letter, from string) error {
	with, err := letterIn(ctx, tx, l.goesWith())
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if l.Helpline != from && (err != nil || with.Helpline != l.Helpline) {
		if err := r.takeHoldsAlong(ctx, tx, l.ID, from, l.Helpline, 0); err != nil {
			return err
		}
	}
	if err := r.underHolds(ctx, tx, l); err != nil {
		return err
	}
	today := letter.DateOf(r.Now())
	return r.eachWith(ctx, tx, l.ID, func(a *Letter) error {
		if !a.Held() && a.DueOn(today) {
			return nil // its key may be dead: a hold comes too late
		}
		return r.underHolds(ctx, tx, a)
	})
}

// lodge takes the letter to lie at that place. One that the register has never
// chosen for it was chosen after the backup was made: whose place it is, that
// helpline's is the letter.
func (l *Letter) lodge(at Lodging) {
	old, place := l.Lies, at.place()
	known := place == old.place() || slices.Contains(l.Been, place)
	if !known {
		l.Helpline = at.Helpline
	}
	for _, p := range []Lodging{old.place(), place} {
		if !slices.Contains(l.Been, p) {
			l.Been = append(l.Been, p)
		}
	}
	// Whatever was under way when the backup was made has ended since, one way or
	// the other: all places but this one are to be empty, and are looked at.
	l.Leaving = slices.DeleteFunc(l.Leaving, func(p Lodging) bool { return p.place() == place })
	leave := func(p Lodging) {
		if p.place() != place && !slices.ContainsFunc(l.Leaving, func(q Lodging) bool { return q.place() == p.place() }) {
			l.Leaving = append(l.Leaving, p)
		}
	}
	leave(old)
	if l.Coming != nil {
		leave(*l.Coming)
		l.Coming = nil
	}
	l.Lies = at
}

// holdForManager holds a letter that lies among those kept for five years, by a
// decision that is not on record, from the day in its key on.
func (r *Register) holdForManager(ctx context.Context, tx *sql.Tx, l *Letter, since letter.Date) error {
	var owner int64
	err := tx.QueryRowContext(ctx, `SELECT number FROM people WHERE disabled IS NULL AND role IN ($1, $2)
		ORDER BY role = $1 DESC, number LIMIT 1`, string(Manager), string(DPO)).Scan(&owner)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	review := letter.DateOf(r.Now()).AddDays(restoreReviewDays)
	var number int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO holds (letter, helpline, reason, owner, placed, since, review)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number`, string(l.ID), l.Helpline, string(KeptUnknown), owner,
		millis(r.Now()), since.String(), review.String()).Scan(&number); err != nil {
		return err
	}
	l.HeldSince = since
	if l.Named == 0 { // else it is on record who may open it beside a manager
		l.Named = nobodyElse
	}
	return r.append(ctx, tx, HoldPlaced{Hold: number, Helpline: Name(l.Helpline), Reason: KeptUnknown, Owner: owner, Review: review, Letters: 1}, l.ID, 0)
}

// HoldUnread holds a letter, as of a day, of which another copy, that nobody can open just
// now, lies among those kept for five years: somebody has decided so after the backup was
// made, and a manager must look.
func (r *Register) HoldUnread(ctx context.Context, l *Letter, since letter.Date) error {
	next := *l
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.holdForManager(ctx, tx, &next, since); err != nil {
			return err
		}
		return r.keep(ctx, tx, &next)
	})
	if err == nil {
		*l = next
	}
	return err
}

// tellAnew has a letter announced to whom it belongs now.
func (r *Register) tellAnew(ctx context.Context, tx *sql.Tx, id letter.ID) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM mails WHERE letter = $1`, string(id)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE letters SET state = $1, not_before = $2, trouble = '', attempts = 0, version = version + 1
		WHERE id = $3`, string(Receipted), millis(r.Now()), string(id))
	if err != nil {
		return err
	}
	return r.due(ctx, tx, id)
}

// Repin notes under which version the letter lies now, where it does. A storage
// that was restored from a copy numbers its versions anew: where that is replayed, which
// is on record itself, the letter has no entry of it.
func (r *Register) Repin(ctx context.Context, l *Letter, version string, replaying bool) error {
	next := *l
	next.Lies.Version = version
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.keep(ctx, tx, &next); err != nil || replaying {
			return err
		}
		return r.append(ctx, tx, LetterRepinned{}, l.ID, 0)
	})
	if err == nil {
		*l = next
	}
	return err
}

// NotFound records that the letter lies nowhere. Said again, it changes nothing.
func (r *Register) NotFound(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE letters SET missing = 1, version = version + 1 WHERE id = $1 AND missing = 0`, string(id))
		if err := oneRow(res, err); errors.Is(err, ErrMoved) {
			return nil
		} else if err != nil {
			return err
		}
		return r.append(ctx, tx, LetterNotFound{}, id, 0)
	})
}

// NoteLost notes that the storage does not hold the letter before its time.
func (r *Register) NoteLost(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE letters SET lost = 1 WHERE id = $1 AND lost = 0`, string(id))
		return err
	})
}

// MissingLetters counts living letters that were found nowhere.
func (r *Register) MissingLetters(ctx context.Context) (n int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM letters WHERE missing = 1`).Scan(&n)
	return n, err
}
