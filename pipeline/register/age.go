package register

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// OldestUnread is when the oldest letter of these helplines was received that people
// could open and nobody has opened, whether or not they could be told of it; the zero
// time for none.
func (r *Register) OldestUnread(ctx context.Context, helplines []string) (oldest time.Time, err error) {
	for _, h := range helplines { // each is one step in the index of the list
		for _, state := range []State{Receipted, Notified} {
			at, err := r.moment(ctx, oldestUnread, h, state)
			if err != nil {
				return time.Time{}, fmt.Errorf("looking for the oldest unread letter: %w", err)
			}
			if !at.IsZero() && (oldest.IsZero() || at.Before(oldest)) {
				oldest = at
			}
		}
	}
	return oldest, nil
}

// DueSince is since when the letter that has waited longest could have moved on;
// the zero time for none. While all goes well that is seconds ago.
func (r *Register) DueSince(ctx context.Context) (time.Time, error) {
	at, err := r.moment(ctx, dueSince, millis(r.Now()))
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for what is due: %w", err)
	}
	return at, nil
}

const (
	oldestUnread = `SELECT min(received) FROM letters WHERE helpline = $1 AND state = $2`
	dueSince     = `SELECT min(not_before) FROM letters WHERE not_before <= $1`
)

// moment asks for one time, which may be NULL.
func (r *Register) moment(ctx context.Context, query string, args ...any) (time.Time, error) {
	var ms sql.NullInt64
	if err := r.read.QueryRowContext(ctx, query, args...).Scan(&ms); err != nil || !ms.Valid {
		return time.Time{}, err
	}
	return fromMillis(ms.Int64), nil
}
