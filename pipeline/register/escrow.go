package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"letterlock/scanner/letter"
)

// ShareSet names one making of a key's shares: eight lower-case base32
// characters. Shares of two makings do not fit together.
type ShareSet string

var shareSetForm = regexp.MustCompile(`^[a-z2-7]{8}$`)

// ShareEnd is how a custodian's share came to its end.
type ShareEnd string

const (
	ShareOverwritten ShareEnd = "overwritten" // by Letterlock, in the custodian's folder
	ShareVouched     ShareEnd = "vouched"     // somebody says that it is destroyed
	ShareUnwritten   ShareEnd = "unwritten"   // it was never made: the custodian's folder could not be written to
	ShareLost        ShareEnd = "lost"        // nobody knows where it is; two of them open the week
)

// RecombinedFor is why a key was brought back from two shares.
type RecombinedFor string

const (
	ForDrill   RecombinedFor = "drill"   // in memory only, to see whether it can be done
	ForRestore RecombinedFor = "restore" // into the keyring
)

// Share is a custodian's share of a week's key that may still exist.
type Share struct {
	Week      letter.Week
	Custodian int
	Set       ShareSet
	Old       bool // the key was shared anew since, or replaced
}

// SharesMade records that the week's key is shared among the custodians, before
// any share is written. Only a living key is.
func (r *Register) SharesMade(ctx context.Context, w letter.Week, set ShareSet, custodians int) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := keyLives(ctx, tx, w); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE shares SET old = 1 WHERE week = $1`, string(w)); err != nil {
			return err
		}
		for c := 1; c <= custodians; c++ {
			if _, err := tx.ExecContext(ctx, `INSERT INTO shares (week, custodian, made_in, made, old) VALUES ($1, $2, $3, $4, 0)`,
				string(w), c, string(set), millis(r.Now())); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, SharesMade{Week: w, Set: set, Shares: custodians}, "", 0)
	})
}

func keyLives(ctx context.Context, tx *sql.Tx, w letter.Week) error {
	var state KeyState
	err := tx.QueryRowContext(ctx, `SELECT state FROM week_keys WHERE week = $1`, string(w)).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err == nil && state != KeyLiving {
		return ErrKeyDead
	}
	return err
}

// Shares returns the shares that may still exist and can be destroyed, earliest
// week first.
func (r *Register) Shares(ctx context.Context) ([]Share, error) { return r.shares(ctx, 0) }

// LostShares returns those of which nobody knows where they are, earliest week first.
func (r *Register) LostShares(ctx context.Context) ([]Share, error) { return r.shares(ctx, 1) }

func (r *Register) shares(ctx context.Context, lost int) ([]Share, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT week, custodian, made_in, old FROM shares WHERE lost = $1 ORDER BY week, custodian, made_in`, lost)
	if err != nil {
		return nil, fmt.Errorf("reading shares: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Share
	for rows.Next() {
		var s Share
		if err := rows.Scan(&s.Week, &s.Custodian, &s.Set, &s.Old); err != nil {
			return nil, fmt.Errorf("reading shares: %w", err)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// ShareEnding records that a share is about to be destroyed. One that is not on
// record (any more) is recorded all the same: it is there, and goes.
func (r *Register) ShareEnding(ctx context.Context, s Share) error {
	return r.Record(ctx, ShareEnding{Week: s.Week, Custodian: s.Custodian, Set: s.Set}, 0)
}

// ShareEnded records that a share is destroyed, or lost. One that is lost may
// be found by anybody: it stays on record as that.
func (r *Register) ShareEnded(ctx context.Context, s Share, how ShareEnd) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		end := `DELETE FROM shares`
		if how == ShareLost {
			end = `UPDATE shares SET lost = 1`
		}
		if _, err := tx.ExecContext(ctx, end+` WHERE week = $1 AND custodian = $2 AND made_in = $3`,
			string(s.Week), s.Custodian, string(s.Set)); err != nil {
			return err
		}
		return r.append(ctx, tx, ShareEnded{Week: s.Week, Custodian: s.Custodian, Set: s.Set, How: how}, "", 0)
	})
}

// KeyRestored records that a key which two custodians have brought back is
// about to be put into the keyring. A dead key never is.
func (r *Register) KeyRestored(ctx context.Context, w letter.Week) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := keyLives(ctx, tx, w); err != nil {
			return err
		}
		return r.append(ctx, tx, KeyRestored{Week: w}, "", 0)
	})
}
