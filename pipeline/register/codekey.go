package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// metaCodeKey holds a codeKeyMade, as JSON.
const metaCodeKey = "code_key_made"

// codeKeyMade is when the key of enrolment codes was last made, and at which server.
type codeKeyMade struct {
	By string    `json:"by"` // Running.Name
	At time.Time `json:"at"` // by the database's clock, which is one for all servers
}

// MakeCodeKey is asked before a server makes the key of enrolment codes: of several it is
// to be one and the same. ErrMoved says that another has made one within that time: it is to
// be copied; the time is that of the database's own clock, since those of two servers may
// be apart by more than that. In a register that has begun the one before was lost: every code that is not
// used yet is void, since no key knows it any more, and how many those were is on record.
//
// A crash after this leaves no key, and the next one that asks makes it.
func (r *Register) MakeCodeKey(ctx context.Context, by string, within time.Duration) (ended int, err error) {
	closed, err := r.Closed(ctx)
	if err != nil {
		return 0, err
	}
	at, own, err := r.DatabaseClock(ctx)
	if err != nil {
		return 0, err
	}
	if !own {
		at = r.Now()
	}
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		var made codeKeyMade
		var text string
		switch err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaCodeKey).Scan(&text); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case json.Unmarshal([]byte(text), &made) == nil && made.By != by && at.Sub(made.At).Abs() < within:
			return ErrMoved
		}
		now, err := json.Marshal(codeKeyMade{by, at})
		if err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaCodeKey, string(now)); err != nil {
			return err
		}
		if _, signed, err := head(ctx, tx); err != nil || signed == "" || len(closed) > 0 {
			return err // no code was made yet, or the replay ends all of them
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM enrol_codes`)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		ended = int(n)
		return r.append(ctx, tx, CodesEnded{Codes: ended}, "", 0)
	})
	if err != nil {
		return 0, fmt.Errorf("ending enrolment codes: %w", err)
	}
	return ended, nil
}
