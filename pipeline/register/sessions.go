package register

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// How long a session lives.
const (
	SessionIdle = 15 * time.Minute // without a request, at most: see Idle
	SessionMax  = 8 * time.Hour    // at most

	// SessionsAtOnce is how many sessions one person may have: some devices, and
	// no more. One more ends the one that began first.
	SessionsAtOnce = 5

	// endedKnown is how long it is known at least whose a session was that has ended
	// by itself: see WhoseSession.
	endedKnown = time.Hour
)

// Session is a signed-in person. The sessions are here, and not with a
// session library, so that disabling a person ends them in the same
// transaction.
type Session struct {
	Hash    []byte // of the token; the token itself is kept nowhere
	Person  Person
	Started time.Time
}

// newToken is a session's token, 256 random bits, and the hash by which it is known.
func newToken() (token string, hash []byte) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(raw), sum[:]
}

// SignIn begins a session and returns its token: 256 random bits. Nobody has one
// who has left, or whose role was taken: ErrMoved. Of more than SessionsAtOnce
// the oldest end.
func (r *Register) SignIn(ctx context.Context, person int64, with SignInWith) (token string, err error) {
	token, hash := newToken()
	idle, err := r.Idle(ctx)
	if err != nil {
		return "", err
	}
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		now := millis(r.Now())
		unused, begun := now-idle.Milliseconds(), now-SessionMax.Milliseconds()
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE seen <= $1 OR started <= $2`,
			unused-endedKnown.Milliseconds(), begun-endedKnown.Milliseconds()); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, person, started, seen)
			SELECT $1, number, $2, $2 FROM people WHERE number = $3 AND disabled IS NULL AND role <> ''`, hash, now, person)
		if err := oneRow(res, err); err != nil {
			return err
		}
		// Of the living, all but the new one and those that began last before it.
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE person = $1 AND hash <> $2 AND seen > $4 AND started > $5 AND hash NOT IN
			(SELECT hash FROM sessions WHERE person = $1 AND hash <> $2 AND seen > $4 AND started > $5 ORDER BY started DESC LIMIT $3)`, person, hash, SessionsAtOnce-1, unused, begun); err != nil {
			return err
		}
		return r.append(ctx, tx, SignedIn{With: with}, "", person)
	})
	if err != nil {
		return "", fmt.Errorf("signing in: %w", err)
	}
	return token, nil
}

// RenewSession gives a session a new token, and returns it with its hash. The
// session began when it began, and what is under way in it goes on; the old token
// opens nothing any more. ErrMoved if
// the session has ended.
func (r *Register) RenewSession(ctx context.Context, hash []byte) (token string, renewed []byte, err error) {
	token, renewed = newToken()
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		if err := oneRow(tx.ExecContext(ctx, `UPDATE sessions SET hash = $1 WHERE hash = $2`, renewed, hash)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE underway SET session = $1 WHERE session = $2`, renewed, hash)
		return err
	})
	if err != nil {
		return "", nil, fmt.Errorf("renewing a session's token: %w", err)
	}
	return token, renewed, nil
}

// Session finds the living session of a token and notes that it was used, or
// returns ErrNotFound.
func (r *Register) Session(ctx context.Context, token string) (Session, error) {
	s, seen, err := r.session(ctx, token)
	now := r.Now()
	// A page of images is one use, not twenty writes.
	if err != nil || now.Sub(seen) < 10*time.Second {
		return s, err
	}
	return s, r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET seen = $1 WHERE hash = $2`, millis(now), s.Hash)
		return err
	})
}

// UnusedSession is Session where nobody uses it by that: it ends no later.
func (r *Register) UnusedSession(ctx context.Context, token string) (Session, error) {
	s, _, err := r.session(ctx, token)
	return s, err
}

// WhoseSession is who has the session of a token, or had it when it ended by itself,
// no longer ago than within, at most an hour. Nothing is to be done by an ended one but
// to keep for them what they had entered. ErrNotFound for one that somebody has ended,
// and of somebody who has left.
func (r *Register) WhoseSession(ctx context.Context, token string, within time.Duration) (person int64, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, ErrNotFound
	}
	hash, now := sha256.Sum256(raw), r.Now()
	idle, err := r.Idle(ctx)
	if err != nil {
		return 0, err
	}
	err = r.read.QueryRowContext(ctx, `SELECT s.person FROM sessions s JOIN people p ON p.number = s.person
		WHERE s.hash = $1 AND s.seen > $2 AND s.started > $3 AND p.disabled IS NULL AND p.role <> ''`,
		hash[:], millis(now.Add(-idle-within)), millis(now.Add(-SessionMax-within))).Scan(&person)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("reading whose session it was: %w", err)
	}
	return person, nil
}

// session is a living session, and when it was used last.
func (r *Register) session(ctx context.Context, token string) (s Session, used time.Time, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 32 {
		return s, used, ErrNotFound
	}
	hash := sha256.Sum256(raw)
	s.Hash = hash[:]
	now := r.Now()
	var started, seen, number int64
	err = r.read.QueryRowContext(ctx, `SELECT person, started, seen FROM sessions WHERE hash = $1`, hash[:]).Scan(&number, &started, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return Session{}, used, ErrNotFound
	}
	if err != nil {
		return Session{}, used, fmt.Errorf("reading session: %w", err)
	}
	s.Started, used = fromMillis(started), fromMillis(seen)
	idle, err := r.Idle(ctx)
	if err != nil {
		return Session{}, used, err
	}
	if now.Sub(used) >= idle || now.Sub(s.Started) >= SessionMax {
		return Session{}, used, ErrNotFound
	}
	if s.Person, err = r.Person(ctx, number); err != nil || s.Person.Disabled {
		return Session{}, used, ErrNotFound
	}
	return s, used, nil
}

// SignOut ends a session.
func (r *Register) SignOut(ctx context.Context, hash []byte) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
		return err
	})
}

// SessionsOf returns the person's living sessions, the newest first, without
// the person.
func (r *Register) SessionsOf(ctx context.Context, person int64) ([]Session, error) {
	now := millis(r.Now())
	idle, err := r.Idle(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := r.read.QueryContext(ctx, `SELECT hash, started FROM sessions WHERE person = $1 AND seen > $2 AND started > $3 ORDER BY started DESC`,
		person, now-idle.Milliseconds(), now-SessionMax.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	return scanAll(rows, func(row scannable) (s Session, err error) {
		var started int64
		err = row.Scan(&s.Hash, &started)
		s.Started = fromMillis(started)
		return s, err
	})
}

// SignOutEverywhere ends every session of the person.
func (r *Register) SignOutEverywhere(ctx context.Context, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return endSessions(ctx, tx, person) })
}

// endSessions ends every session of the person, and all that they are in the midst of,
// in one of them or after it: whoever began that may have been somebody else, or may not
// do it any more.
func endSessions(ctx context.Context, tx *sql.Tx, person int64) error {
	for _, stmt := range []string{
		`DELETE FROM underway WHERE person = $1 OR session IN (SELECT hash FROM sessions WHERE person = $1)`, `DELETE FROM sessions WHERE person = $1`,
	} {
		if _, err := tx.ExecContext(ctx, stmt, person); err != nil {
			return err
		}
	}
	return nil
}
