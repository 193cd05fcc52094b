package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// HoldReviewDays is the longest that a hold goes on without being looked at
// again (confidentiality policy).
const HoldReviewDays = 90

// never is the deadline of a letter that no day ends: see migration 00010.
const never = "9999-12-31"

// Hold stops the end of one letter, or of everything of a helpline, until it is
// released.
type Hold struct {
	Number   int64
	Letter   letter.ID // and what goes with it; empty: everything of the helpline, now and as long as the hold is in force
	Helpline string
	Reason   HoldReason
	Owner    int64       // staff number of who answers for it
	Placed   time.Time   // when
	Since    letter.Date // the day from which what is held is kept, five years at most: renewed before they are over
	Review   letter.Date // when it is looked at again

	ReleaseBy    int64     // staff number of who has asked for its end, which a second person must confirm; 0 for nobody
	ReleaseAsked time.Time // when

	Unanswered bool // its owner has left, or may no longer answer for one: somebody else is to be named
}

// Held reports whether a hold stops the letter's end.
func (l Letter) Held() bool { return l.HeldSince != (letter.Date{}) }

// DueOn reports whether the letter must be gone on that day. What two people
// have decided to erase is due whatever the day; a hold that is placed
// afterwards comes too late.
func (l Letter) DueOn(today letter.Date) bool {
	return l.Erase != "" || !l.Held() && !today.Before(l.Deadline())
}

// PlaceHold puts a letter, or everything of h.Helpline, on hold, and returns the
// hold's number. What is held is moved by the pipeline to where the storage
// and its key outlive the hold. A letter that is being removed cannot be held.
// Refused with ErrNotFound, also where the person is walled off from the letter,
// ErrNotOpen, ErrReplaced and ErrBadDecision.
func (r *Register) PlaceHold(ctx context.Context, h Hold, person int64) (number int64, err error) {
	err = r.formTx(ctx, person, func(tx *sql.Tx) error {
		today := letter.DateOf(r.Now())
		if h.Letter != "" {
			l, err := r.decidable(ctx, tx, h.Letter)
			if err == nil {
				err = notWalled(ctx, tx, h.Letter, person)
			}
			if err != nil {
				return err
			}
			if l.Unkept() {
				return ErrBadDecision
			}
			h.Helpline = l.Helpline
		}
		if err := r.checkHold(ctx, tx, h); err != nil {
			return err
		}
		if !h.Reason.valid() {
			return ErrBadDecision
		}
		if err := tx.QueryRowContext(ctx, `INSERT INTO holds (letter, helpline, reason, owner, placed, since, review)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number`, string(h.Letter), h.Helpline, string(h.Reason), h.Owner,
			millis(r.Now()), today.String(), h.Review.String()).Scan(&number); err != nil {
			return err
		}
		letters, err := r.holdAgain(ctx, tx, h)
		if err != nil {
			return err
		}
		return r.append(ctx, tx, HoldPlaced{Hold: number, Helpline: Name(h.Helpline), Reason: h.Reason, Owner: h.Owner,
			Review: h.Review, Letters: letters}, h.Letter, person)
	})
	return number, err
}

// ReviewHold records that somebody has looked at the hold and that it goes on, even
// where somebody else has asked for its end.
// Refused with ErrNotFound, also where the person is walled off from its letter, and
// ErrBadDecision.
func (r *Register) ReviewHold(ctx context.Context, number int64, review letter.Date, owner, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		h, err := holdFor(ctx, tx, number, person)
		if err != nil {
			return err
		}
		today := letter.DateOf(r.Now())
		h.Review, h.Owner = review, owner
		if err := r.checkHold(ctx, tx, h); err != nil {
			return err
		}
		if !today.Before(h.Since.AddMonths(holdLasts)) {
			h.Since = today // long before the storage or the key would end what is held
		}
		if _, err := tx.ExecContext(ctx, `UPDATE holds SET review = $1, owner = $2, since = $3 WHERE number = $4`,
			review.String(), owner, h.Since.String(), number); err != nil {
			return err
		}
		if err := r.askRelease(ctx, tx, number, 0); err != nil {
			return err
		}
		if _, err := r.holdAgain(ctx, tx, h); err != nil {
			return err
		}
		return r.append(ctx, tx, HoldReviewed{Hold: number, Owner: owner, Review: review}, h.Letter, person)
	})
}

// holdLasts is for how many months what is held stays where it lies, of the sixty
// after which the storage and its key would end it.
const holdLasts = 48

// RenewHolds has every hold that has lasted long keep what it holds for as long
// again: nothing that is held ends by neglect, however long nobody looks at it.
func (r *Register) RenewHolds(ctx context.Context) error {
	holds, err := r.HoldsInForce(ctx)
	if err != nil {
		return err
	}
	today := letter.DateOf(r.Now())
	for _, old := range holds {
		if today.Before(old.Since.AddMonths(holdLasts)) {
			continue
		}
		if err := r.inTx(ctx, func(tx *sql.Tx) error {
			h, err := holdIn(ctx, tx, old.Number)
			if errors.Is(err, ErrNotFound) || err == nil && h.Since != old.Since {
				return nil // released, or looked at, meanwhile
			}
			if err != nil {
				return err
			}
			if err := r.append(ctx, tx, HoldRenewed{Hold: h.Number}, h.Letter, 0); err != nil {
				return err
			}
			h.Since = today
			if _, err := tx.ExecContext(ctx, `UPDATE holds SET since = $1 WHERE number = $2`, today.String(), h.Number); err != nil {
				return err
			}
			_, err = r.holdAgain(ctx, tx, h)
			return err
		}); err != nil {
			return fmt.Errorf("renewing hold %d: %w", old.Number, err)
		}
	}
	return nil
}

// takeHoldsAlong keeps a letter on hold that goes to another helpline: what holds
// everything of the one that it leaves holds this letter from here on by itself.
func (r *Register) takeHoldsAlong(ctx context.Context, tx *sql.Tx, id letter.ID, from, to string, person int64) error {
	if _, err := tx.ExecContext(ctx, `UPDATE holds SET helpline = $1 WHERE letter = $2`, to, string(id)); err != nil {
		return err
	}
	return r.placeAlike(ctx, tx, id, to, person, ` WHERE letter = '' AND helpline = $1 ORDER BY number`, from)
}

// placeAlike puts a letter of that helpline on a hold of its own for each that the
// query finds.
func (r *Register) placeAlike(ctx context.Context, tx *sql.Tx, id letter.ID, helpline string, person int64, where string, args ...any) error {
	rows, err := tx.QueryContext(ctx, holdColumns+where, args...)
	if err != nil {
		return err
	}
	holds, err := scanAll(rows, scanHold)
	if err != nil {
		return err
	}
	for _, h := range holds {
		var number int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO holds (letter, helpline, reason, owner, placed, since, review)
			VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number`, string(id), helpline, string(h.Reason), h.Owner,
			millis(r.Now()), h.Since.String(), h.Review.String()).Scan(&number); err != nil {
			return err
		}
		if err := r.append(ctx, tx, HoldPlaced{Hold: number, Helpline: Name(helpline), Reason: h.Reason, Owner: h.Owner,
			Review: h.Review, Letters: 1}, id, person); err != nil {
			return err
		}
	}
	return nil
}

// checkHold refuses what no form of ours would send.
func (r *Register) checkHold(ctx context.Context, tx *sql.Tx, h Hold) error {
	today := letter.DateOf(r.Now())
	if !letter.ValidName(h.Helpline) || !today.Before(h.Review) || today.AddDays(HoldReviewDays).Before(h.Review) {
		return ErrBadDecision
	}
	var owns int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people WHERE number = $1 AND `+mayAnswer, h.Owner).Scan(&owns); err != nil {
		return err
	}
	if owns == 0 {
		return ErrBadDecision
	}
	err := notWalled(ctx, tx, h.Letter, h.Owner)
	if errors.Is(err, ErrNotFound) {
		err = ErrBadDecision // nobody answers for what they may not see
	}
	return err
}

// holds picks the letters that it holds, by themselves or with another: the query's $1
// is of.
func (h Hold) holds() (query, of string) {
	if h.Letter == "" {
		return `helpline = $1`, h.Helpline
	}
	return `id = $1 OR ` + goesWith, string(h.Letter)
}

// holdAgain works out anew what the hold's letters are under, and counts them.
func (r *Register) holdAgain(ctx context.Context, tx *sql.Tx, h Hold) (letters int, err error) {
	which, of := h.holds()
	ids, err := idsIn(ctx, tx, `SELECT id FROM letters WHERE (`+which+`) AND state <> $2`, of, string(Expiring))
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		l, err := letterIn(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		if !l.Held() && l.DueOn(letter.DateOf(r.Now())) {
			continue // it is on its way out, and its key may be dead: a hold comes too late
		}
		if err := r.underHolds(ctx, tx, &l); err != nil {
			return 0, err
		}
		if err := r.endOldScan(ctx, tx, &l, 0); err != nil { // the hold may be all that kept it
			return 0, err
		}
		letters++
	}
	return letters, nil
}

// underHolds sets since when the letter is held, by its own holds, those of the
// letter with which it goes and its helpline's: the newest counts, which is the one that lasts longest.
func (r *Register) underHolds(ctx context.Context, tx *sql.Tx, l *Letter) error {
	if l.Unkept() {
		return nil // it is held once it is kept
	}
	var newest sql.NullString
	var unknown int
	if err := tx.QueryRowContext(ctx, `SELECT max(since), count(CASE WHEN reason = $4 THEN 1 END) FROM holds WHERE `+holdsIt,
		string(l.ID), l.Helpline, string(l.goesWith()), string(KeptUnknown)).Scan(&newest, &unknown); err != nil {
		return err
	}
	var since letter.Date
	if newest.Valid {
		var err error
		if since, err = letter.ParseDate(newest.String); err != nil {
			return err
		}
	}
	everybody := l.Named == nobodyElse && unknown == 0 // the hold was why
	if since == l.HeldSince && !everybody {
		return nil
	}
	l.HeldSince = since
	if everybody {
		l.Named = 0
	}
	return r.keep(ctx, tx, l)
}

// holdsIt is what holds a letter: a hold of its own, one of the letter with which
// it goes, and one of everything of its helpline.
const holdsIt = `(letter = $1 OR letter = $3 AND letter <> '' OR letter = '' AND helpline = $2)`

const (
	mayAnswer   = `disabled IS NULL AND role IN ('` + string(Manager) + `', '` + string(DPO) + `')`
	unanswered  = `NOT EXISTS (SELECT 1 FROM people WHERE number = holds.owner AND ` + mayAnswer + `)`
	holdColumns = `SELECT number, letter, helpline, reason, owner, placed, since, review, release_by, release_asked, ` + unanswered + ` FROM holds`
)

func scanHold(row scannable) (Hold, error) {
	var h Hold
	var placed, asked int64
	var since, review string
	err := row.Scan(&h.Number, &h.Letter, &h.Helpline, &h.Reason, &h.Owner, &placed, &since, &review, &h.ReleaseBy, &asked, &h.Unanswered)
	if errors.Is(err, sql.ErrNoRows) {
		return Hold{}, ErrNotFound
	}
	if err == nil {
		h.Placed = fromMillis(placed)
		if h.ReleaseBy != 0 {
			h.ReleaseAsked = fromMillis(asked)
		}
		h.Since, err = letter.ParseDate(since)
	}
	if err == nil {
		h.Review, err = letter.ParseDate(review)
	}
	if err != nil {
		return Hold{}, fmt.Errorf("reading hold: %w", err)
	}
	return h, nil
}

func holdIn(ctx context.Context, tx *sql.Tx, number int64) (Hold, error) {
	return scanHold(tx.QueryRowContext(ctx, holdColumns+` WHERE number = $1`, number))
}

// holdFor is holdIn for a person's decision: to one who is walled off from what is
// held there is none.
func holdFor(ctx context.Context, tx *sql.Tx, number, person int64) (Hold, error) {
	h, err := holdIn(ctx, tx, number)
	if err == nil {
		err = notWalled(ctx, tx, h.Letter, person)
	}
	return h, err
}

// HoldsShown is HoldsInForce, but for holds of letters from which the person is
// walled off.
func (r *Register) HoldsShown(ctx context.Context, person int64) ([]Hold, error) {
	return r.holds(ctx, ` WHERE `+unwalled(`holds.letter`, `$1`)+` ORDER BY review, number`, person)
}

// HoldsInForce returns every hold that is in force, by the day of its review.
func (r *Register) HoldsInForce(ctx context.Context) ([]Hold, error) {
	return r.holds(ctx, ` ORDER BY review, number`)
}

// HoldsOf returns the holds that the letter is under.
func (r *Register) HoldsOf(ctx context.Context, l Letter) ([]Hold, error) {
	return r.holds(ctx, ` WHERE `+holdsIt+` ORDER BY number`, string(l.ID), l.Helpline, string(l.goesWith()))
}

func (r *Register) holds(ctx context.Context, where string, args ...any) ([]Hold, error) {
	rows, err := r.read.QueryContext(ctx, holdColumns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading holds: %w", err)
	}
	return scanAll(rows, scanHold)
}

// HeldLetters counts letters whose end a hold stops, but for those from which the
// person is walled off; nobody, 0, is from none.
func (r *Register) HeldLetters(ctx context.Context, person int64) (n int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM letters WHERE held_since <> '' AND `+unwalled(`letters.id`, `$1`), person).Scan(&n)
	return n, err
}
