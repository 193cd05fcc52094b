package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// ReleaseSoonDays is within how many days of a hold's end a letter must be due for
// the end to need a second person. It is more than none, so that nobody is alone by
// choosing the day before a deadline.
const ReleaseSoonDays = 7

// ReleaseHold ends a hold: what no other hold keeps goes back to its rule, and what
// is past its deadline is due at once. Where anything would be due within
// ReleaseSoonDays that is as an erasure, and as of one two people decide: the first
// only asks for it (released is false, however often they do), and it is done once
// somebody else says the same. Whoever looks at the hold meanwhile and says that it
// goes on says no.
// Refused with ErrNotFound, also where the person is walled off from its letter, and
// ErrKnowsHeld.
func (r *Register) ReleaseHold(ctx context.Context, number, person int64) (released bool, err error) {
	err = r.formTx(ctx, person, func(tx *sql.Tx) error {
		h, err := holdFor(ctx, tx, number, person)
		if err != nil {
			return err
		}
		if err := knowsNobodyHeld(ctx, tx, h, person); err != nil {
			return err
		}
		if released, err = r.mayRelease(ctx, tx, h, person); err != nil || !released {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM holds WHERE number = $1`, number); err != nil {
			return err
		}
		letters, err := r.holdAgain(ctx, tx, h)
		if err != nil {
			return err
		}
		ev := HoldReleased{Hold: number, Letters: letters}
		if h.ReleaseBy != person {
			ev.AskedBy = h.ReleaseBy
		}
		return r.append(ctx, tx, ev, h.Letter, person)
	})
	return released, err
}

// mayRelease reports whether the person's word is enough. Where it is the first of
// two it is put on record.
func (r *Register) mayRelease(ctx context.Context, tx *sql.Tx, h Hold, person int64) (may bool, err error) {
	if h.ReleaseBy != 0 && h.ReleaseBy != person {
		err := knowsNobodyHeld(ctx, tx, h, h.ReleaseBy)
		if err == nil || !errors.Is(err, ErrKnowsHeld) { // who has stepped back since has said nothing
			return err == nil, err
		}
	}
	soon, err := r.soonDue(ctx, tx, h)
	if err != nil || soon == 0 {
		return err == nil, err
	}
	if h.ReleaseBy == person {
		return false, nil
	}
	if err := r.askRelease(ctx, tx, h.Number, person); err != nil {
		return false, err
	}
	return false, r.append(ctx, tx, HoldReleaseAsked{Hold: h.Number, Letters: soon}, h.Letter, person)
}

// SoonDue counts the letters that are due within ReleaseSoonDays once the hold ends:
// also old scans, which end as soon as nothing keeps them any more.
// It costs what the hold keeps.
func (r *Register) SoonDue(ctx context.Context, h Hold) (letters int, err error) {
	return r.soonDue(ctx, r.read, h)
}

func (r *Register) soonDue(ctx context.Context, q querier, h Hold) (letters int, err error) {
	which, of := h.holds()
	rows, err := q.QueryContext(ctx, `SELECT `+letterColumns+` WHERE l.id IN (
		SELECT id FROM letters WHERE (`+which+`) AND held_since <> '' AND state <> $2)`, of, string(Expiring))
	if err != nil {
		return 0, fmt.Errorf("reading what a hold keeps: %w", err)
	}
	held, err := scanAll(rows, scanLetter)
	if err != nil {
		return 0, err
	}
	last := letter.DateOf(r.Now()).AddDays(ReleaseSoonDays)
	for _, l := range held {
		old, err := newerReadable(ctx, q, l)
		if err != nil {
			return 0, err
		}
		if !old && last.Before(l.Deadline()) {
			continue
		}
		var others bool
		if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM holds WHERE number <> $4 AND `+holdsIt+`)`,
			string(l.ID), l.Helpline, string(l.goesWith()), h.Number).Scan(&others); err != nil {
			return 0, err
		}
		if !others {
			letters++
		}
	}
	return letters, nil
}

// knowsNobodyHeld refuses the end of a hold to who is walled off from what it keeps.
func knowsNobodyHeld(ctx context.Context, tx *sql.Tx, h Hold, person int64) error {
	if h.Letter != "" {
		return nil // see holdFor
	}
	var knows bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM walls w JOIN letters l ON l.id = w.letter
		WHERE w.person = $1 AND l.helpline = $2 AND l.held_since <> '')`, person, h.Helpline).Scan(&knows)
	if err == nil && knows {
		err = ErrKnowsHeld
	}
	return err
}

// ErrKnowsHeld is returned to who would release what holds everything of a helpline
// and, with it, a letter from which they are walled off: somebody else must.
var ErrKnowsHeld = errors.New("the hold keeps a letter in which the person knows somebody")
