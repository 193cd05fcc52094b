package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// clockSlack is how far a clock may be set back without doubt: what time
// synchronisation does in ordinary life.
const clockSlack = 5 * time.Minute

// doubtClock compares now with the newest entry before another is written. A
// clock that runs backwards, or that leaps over a silence longer than
// MaxSilence, is in doubt from here on, in every process and after every
// restart, until ConfirmClock: or else the next entry would hide the leap.
func (r *Register) doubtClock(ctx context.Context, tx *sql.Tx, newest, now time.Time) error {
	if why := r.clockWrong(newest, now); why != "" {
		return setMeta(ctx, tx, metaDoubt, why)
	}
	return nil
}

func (r *Register) clockWrong(newest, now time.Time) string {
	switch {
	case newest.IsZero():
		return ""
	case now.Before(newest.Add(-clockSlack)):
		return "the clock is behind the newest entry of the register"
	case r.cfg.MaxSilence > 0 && now.Sub(newest) > r.cfg.MaxSilence:
		return "the clock is further ahead of the newest entry of the register than Letterlock was ever silent"
	}
	return ""
}

// ClockDoubt says why the clock is in doubt, or "" when it is not. While it
// is, nothing may be destroyed.
func (r *Register) ClockDoubt(ctx context.Context) (string, error) {
	why, err := r.Meta(ctx, metaDoubt)
	if err != nil || why != "" {
		return why, err
	}
	newest, err := newestEntry(ctx, r.read)
	if err != nil {
		return "", err
	}
	return r.clockWrong(newest, r.cfg.Now()), nil
}

// ConfirmClock records that a person vouches for the clock as it is now.
func (r *Register) ConfirmClock(ctx context.Context) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		// The entry itself may be what puts the clock in doubt: the word of a person comes after it.
		if err := r.append(ctx, tx, ClockConfirmed{}, "", 0); err != nil {
			return err
		}
		return setMeta(ctx, tx, metaDoubt, "")
	})
}

// newestEntry is the time of the newest entry, or the zero time.
func newestEntry(ctx context.Context, q querier) (time.Time, error) {
	var at int64
	err := q.QueryRowContext(ctx, `SELECT at FROM entries ORDER BY seq DESC LIMIT 1`).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMillis(at), err
}

// DatabaseClock is the time of the database's own clock; ok is false where that is
// this machine's.
func (r *Register) DatabaseClock(ctx context.Context) (at time.Time, ok bool, err error) {
	if r.engine.clock == "" {
		return at, false, nil
	}
	var ms int64
	if err := r.read.QueryRowContext(ctx, r.engine.clock).Scan(&ms); err != nil {
		return at, false, fmt.Errorf("asking the database for its clock: %w", err)
	}
	return fromMillis(ms), true, nil
}

// ErrAside says that this process's clock is wrong beside those of other servers:
// nothing is recorded by it, and so nothing done.
var ErrAside = errors.New("this server's clock is not that of the others")

// StandAside has this process record nothing, or again what there is to record.
func (r *Register) StandAside(aside bool) { r.aside.Store(aside) }
