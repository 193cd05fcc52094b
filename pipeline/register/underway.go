package register

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Underway is something that a person is in the midst of at the portal. It is
// here and not in a server's memory, so that any server can go on with it, and a
// restart ends nothing.
type Underway struct {
	Kind    string    // what it is: names of different kinds do not meet
	Token   string    // by which it is found; kept as a hash
	Session []byte    // the session it belongs to, under whose new token it goes on; nil for none
	Person  int64     // who is in the midst of it; 0 for a stranger
	Body    string    // of it, as whoever keeps it writes it
	Ends    time.Time // when it is over by itself
}

func (u Underway) key() []byte {
	sum := sha256.Sum256([]byte(u.Token))
	return sum[:]
}

// session is the session's column, which is never null.
func (u Underway) session() []byte { return append([]byte{}, u.Session...) }

// Room is how much may be under way of one kind; 0 for no limit.
type Room struct {
	All int // of everybody
	One int // of one person, who cannot take everybody's
}

// KeepUnderway keeps it, in the place of what has its kind, token and session. Of
// more than there is room for, the one nearest to its end gives way: first of the
// person's own, then of all.
func (r *Register) KeepUnderway(ctx context.Context, u Underway, room Room) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM underway WHERE ends <= $1`, millis(r.Now())); err != nil {
			return err
		}
		if room.One > 0 && u.Person != 0 {
			if err := makeRoom(ctx, tx, u.Kind, u.Person, room.One); err != nil {
				return err
			}
		}
		if room.All > 0 {
			if err := makeRoom(ctx, tx, u.Kind, 0, room.All); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO underway (kind, token, session, person, body, ends) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (kind, token, session) DO UPDATE SET person = excluded.person, body = excluded.body, ends = excluded.ends`,
			u.Kind, u.key(), u.session(), u.Person, u.Body, millis(u.Ends))
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping what is under way: %w", err)
	}
	return nil
}

// makeRoom ends one of that kind where there are most of it: of the person's, or of
// anybody's (0).
func makeRoom(ctx context.Context, tx *sql.Tx, kind string, person int64, most int) error {
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM underway WHERE kind = $1 AND (CAST($2 AS BIGINT) = 0 OR person = $2)`, kind, person).Scan(&n); err != nil || n < most {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM underway WHERE kind = $1 AND token = (SELECT token FROM underway WHERE kind = $1 AND (CAST($2 AS BIGINT) = 0 OR person = $2) ORDER BY ends LIMIT 1)`, kind, person)
	return err
}

// SpendUnderway notes that u.Token has served its purpose, until u.Ends, and reports
// whether this is the first time.
func (r *Register) SpendUnderway(ctx context.Context, u Underway) (first bool, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO underway (kind, token, session, person, body, ends) VALUES ($1, $2, $3, 0, '', $4)
			ON CONFLICT (kind, token, session) DO NOTHING`, u.Kind, u.key(), u.session(), millis(u.Ends))
		if err = oneRow(res, err); errors.Is(err, ErrMoved) {
			return nil
		}
		first = err == nil
		return err
	})
	if err != nil {
		return false, fmt.Errorf("noting what is spent: %w", err)
	}
	return first, nil
}

// FindUnderway fills in what is kept under the kind, token and session of u, or
// returns ErrNotFound.
func (r *Register) FindUnderway(ctx context.Context, u *Underway) error {
	return r.findUnderway(ctx, r.read, u)
}

func (r *Register) findUnderway(ctx context.Context, q querier, u *Underway) error {
	var ends int64
	err := q.QueryRowContext(ctx, `SELECT person, body, ends FROM underway WHERE kind = $1 AND token = $2 AND session = $3 AND ends > $4`,
		u.Kind, u.key(), u.session(), millis(r.Now())).Scan(&u.Person, &u.Body, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("reading what is under way: %w", err)
	}
	u.Ends = fromMillis(ends)
	return nil
}

// ChangeUnderway has how change the body of what is kept under the kind, token and
// session of u, or returns ErrNotFound. Nobody else changes it meanwhile. What how
// returns an error for stays as it was.
func (r *Register) ChangeUnderway(ctx context.Context, u Underway, how func(u *Underway) error) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.findUnderway(ctx, tx, &u); err != nil {
			return err
		}
		if err := how(&u); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE underway SET body = $1 WHERE kind = $2 AND token = $3 AND session = $4`, u.Body, u.Kind, u.key(), u.session())
		if err != nil {
			return fmt.Errorf("changing what is under way: %w", err)
		}
		return nil
	})
}

// EndUnderway ends what is kept under the kind, token and session of u, if it is.
func (r *Register) EndUnderway(ctx context.Context, u Underway) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM underway WHERE kind = $1 AND token = $2 AND session = $3`, u.Kind, u.key(), u.session())
		return err
	})
	if err != nil {
		return fmt.Errorf("ending what is under way: %w", err)
	}
	return nil
}

// ForgetOver deletes what is over by itself, and which forms were sent long ago:
// both may name letters that are gone meanwhile, and nobody may come who would
// make room for something new. With nothing over it changes nothing.
func (r *Register) ForgetOver(ctx context.Context) error {
	now := r.Now()
	over, old := millis(now), millis(now.Add(-formLives))
	var some bool
	err := r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM underway WHERE ends <= $1) OR EXISTS (SELECT 1 FROM sent_forms WHERE sent <= $2)`, over, old).Scan(&some)
	if err == nil && some {
		err = r.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `DELETE FROM underway WHERE ends <= $1`, over); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, `DELETE FROM sent_forms WHERE sent <= $1`, old)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("forgetting what is over: %w", err)
	}
	return nil
}
