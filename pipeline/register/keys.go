package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// KeyState is how far an expiry week's key has come.
type KeyState string

const (
	KeyUnknown KeyState = "" // not on record
	KeyLiving  KeyState = "living"
	KeyDying   KeyState = "dying" // its destruction is on record and under way
	KeyDead    KeyState = "dead"
)

// WeekKey is what the register knows of an expiry week's key: never the
// private half.
type WeekKey struct {
	Week      letter.Week
	Recipient string // age1pq1…
	State     KeyState
}

// KeyState returns how far the week's key has come.
func (r *Register) KeyState(ctx context.Context, w letter.Week) (KeyState, error) {
	k, err := r.Key(ctx, w)
	return k.State, err
}

// Key returns what is known of the week's key: of state KeyUnknown where nothing is.
func (r *Register) Key(ctx context.Context, w letter.Week) (WeekKey, error) {
	k := WeekKey{Week: w}
	err := r.read.QueryRowContext(ctx, `SELECT recipient, state FROM week_keys WHERE week = $1`, string(w)).Scan(&k.Recipient, &k.State)
	if errors.Is(err, sql.ErrNoRows) {
		return k, nil
	}
	return k, err
}

// ErrKeyDead says that the week's key is destroyed on record: it is never used
// again, wherever it comes from.
var ErrKeyDead = errors.New("the key is destroyed on record")

// AddKey records that a week's key pair exists. A living key that is known
// already with the same recipient changes nothing.
func (r *Register) AddKey(ctx context.Context, w letter.Week, recipient string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var known string
		var state KeyState
		switch err := tx.QueryRowContext(ctx, `SELECT recipient, state FROM week_keys WHERE week = $1`, string(w)).Scan(&known, &state); {
		case err == nil && state != KeyLiving:
			return ErrKeyDead
		case err == nil && known == recipient:
			return nil
		case err == nil:
			return fmt.Errorf("week %s is on record with another key", w)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO week_keys (week, recipient, state, made) VALUES ($1, $2, $3, $4)`,
			string(w), recipient, string(KeyLiving), millis(r.Now())); err != nil {
			return err
		}
		return r.append(ctx, tx, KeyMade{Week: w}, "", 0)
	})
}

// ReplaceKey records that letters are sealed to another key of the week from now on,
// of which to is the public half: somebody may know the private half of from. Both
// live, and die together. Shares of before tell nothing of the new one, and count as
// old. ErrMoved says that another process has replaced it, or that it does not live.
func (r *Register) ReplaceKey(ctx context.Context, w letter.Week, from, to string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE week_keys SET recipient = $1 WHERE week = $2 AND recipient = $3 AND state = $4`,
			to, string(w), from, string(KeyLiving))
		if err := oneRow(res, err); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE shares SET old = 1 WHERE week = $1`, string(w)); err != nil {
			return err
		}
		return r.append(ctx, tx, KeyReplaced{Week: w}, "", 0)
	})
}

// Keys returns every key in one of the states, earliest week first.
func (r *Register) Keys(ctx context.Context, states ...KeyState) ([]WeekKey, error) {
	var out []WeekKey
	for _, s := range states {
		rows, err := r.read.QueryContext(ctx, `SELECT week, recipient, state FROM week_keys WHERE state = $1 ORDER BY week`, string(s))
		if err != nil {
			return nil, fmt.Errorf("reading keys: %w", err)
		}
		for rows.Next() {
			var k WeekKey
			if err := rows.Scan(&k.Week, &k.Recipient, &k.State); err != nil {
				_ = rows.Close()
				return nil, err
			}
			out = append(out, k)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ErrKeyNeeded says that a letter whose deadline has not come depends on a key
// that is due to die.
var ErrKeyNeeded = errors.New("a living letter is still sealed to this week's key")

// livingOfWeek counts what must not end with the key. A deposit that was never verified
// is nothing that anybody may open, and its scan is still at its scanner, which has no
// receipt: under a hold, which goes on for years, it would keep the key of a week alive,
// and so whatever copies there are of all that was sealed to it. What was filed at the
// portal has no such scan, and counts until it is found to be unreadable.
const livingOfWeek = `SELECT count(*) FROM letters WHERE week = $1 AND deadline > $2
	AND state <> 'unverifiable' AND (state <> 'admitted' OR answers <> '')`

// OutliveKey counts letters that are sealed to the week's key and whose
// deadline comes only after the key's death.
func (r *Register) OutliveKey(ctx context.Context, w letter.Week) (letters int, err error) {
	eve := w.Over().AddDays(-1)
	err = r.read.QueryRowContext(ctx, livingOfWeek, string(w), eve.String()).Scan(&letters)
	return letters, err
}

// stuckMovesQuery goes by the index of letters in trouble. A letter that has come under a
// hold of its whole helpline is held since that was placed, and waits since it came. One
// that has moved, and has left a copy where it was, has nothing more to lose.
const stuckMovesQuery = `SELECT week, deadline, count(*) FROM letters
	WHERE trouble <> '' AND (trouble = $1 OR trouble = $2) AND erase = '' AND since < $3 AND held_since < $3 AND received < $4
	AND move_due = 1 AND leaving = '' AND state <> 'unverifiable' AND (state <> 'admitted' OR answers <> '')
	GROUP BY week, deadline`

// StuckMoves counts, by the week of the key that opens them still, letters whose
// deadline comes only after that key's death, of which that was decided before the
// day, and which could not be moved to another until now.
func (r *Register) StuckMoves(ctx context.Context, day letter.Date) (map[letter.Week]int, error) {
	rows, err := r.read.QueryContext(ctx, stuckMovesQuery, string(StoreDown), string(CannotMove), day.String(), millis(day.Start()))
	if err != nil {
		return nil, fmt.Errorf("counting letters that cannot be moved: %w", err)
	}
	type some struct {
		week     letter.Week
		deadline string
		letters  int
	}
	all, err := scanAll(rows, func(row scannable) (s some, err error) { return s, row.Scan(&s.week, &s.deadline, &s.letters) })
	stuck := map[letter.Week]int{}
	for _, s := range all {
		if s.deadline >= s.week.Over().String() {
			stuck[s.week] += s.letters
		}
	}
	return stuck, err
}

// KeyDeathBegun records that the key is about to be destroyed, unless a letter
// that may still be opened is sealed to it. A letter that is due, and that the
// storage will not let go of, is no reason: the key's death is its end.
func (r *Register) KeyDeathBegun(ctx context.Context, w letter.Week) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var living int
		if err := tx.QueryRowContext(ctx, livingOfWeek, string(w), letter.DateOf(r.Now()).String()).Scan(&living); err != nil {
			return err
		}
		if living > 0 {
			return ErrKeyNeeded
		}
		res, err := tx.ExecContext(ctx, `UPDATE week_keys SET state = $1 WHERE week = $2 AND state = $3`,
			string(KeyDying), string(w), string(KeyLiving))
		if err := oneRow(res, err); err != nil {
			return err
		}
		return r.append(ctx, tx, KeyDeathBegun{Week: w}, "", 0)
	})
}

// KeyDestroyed records that the private key is gone.
func (r *Register) KeyDestroyed(ctx context.Context, w letter.Week) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE week_keys SET state = $1 WHERE week = $2 AND state = $3`,
			string(KeyDead), string(w), string(KeyDying))
		if err := oneRow(res, err); err != nil {
			return err
		}
		ev := KeyDestroyed{Week: w}
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE lost = 0), count(*) FILTER (WHERE lost = 1) FROM shares WHERE week = $1`,
			string(w)).Scan(&ev.Shares, &ev.Lost); err != nil {
			return err
		}
		return r.append(ctx, tx, ev, "", 0)
	})
}
