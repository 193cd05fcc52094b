package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"letterlock/scanner/letter"
)

const (
	// metaServerKeys holds what the server has signed about its own keys.
	metaServerKeys = "server_keys"
	// metaServerKey is the public half of the key with which the server signed first, by
	// which it is known that another lies in its place, or none.
	metaServerKey = "server_key"
)

// ErrKeysMeanwhile says that another process has changed what is said of the server's
// keys.
var ErrKeysMeanwhile = errors.New("the server's key is being changed by another process")

// ServerKeys is what the server has signed about the keys with which it signs what
// scanners read.
func (r *Register) ServerKeys(ctx context.Context) (letter.ServerKeys, error) {
	text, err := r.Meta(ctx, metaServerKeys)
	if err != nil {
		return letter.ServerKeys{}, fmt.Errorf("reading the server's keys: %w", err)
	}
	return letter.ReadServerKeys([]byte(text))
}

// ServerKey is the public half of the key that is to sign what scanners read; "" where
// that was never noted, as by a version from before NoteServerKey.
func (r *Register) ServerKey(ctx context.Context) (string, error) {
	keys, err := r.ServerKeys(ctx)
	if err != nil {
		return "", err
	}
	first, err := r.Meta(ctx, metaServerKey)
	return keys.Signing(first), err
}

// NoteServerKey notes the public half of the key that signs what scanners read, where no
// other has signed before: of two servers that begin at once, the first one's.
func (r *Register) NoteServerKey(ctx context.Context, public string) error {
	if known, err := r.ServerKey(ctx); err != nil || known != "" {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, metaServerKey, public)
		return err
	})
}

// SayServerKeys puts what is said of the server's keys in the place of what was said
// before, with the entry about it, or without one (nil) where nothing has happened: a
// word is only renewed. It returns ErrKeysMeanwhile where something else was said before.
// Once a key has taken over, every living letter's receipt is due anew, under that key.
func (r *Register) SayServerKeys(ctx context.Context, before, next letter.ServerKeys, ev Event) error {
	was, err1 := before.Text()
	text, err2 := next.Text()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		now := "[]"
		err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaServerKeys).Scan(&now)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("reading the server's keys: %w", err)
		}
		if now != string(was) {
			return ErrKeysMeanwhile
		}
		if err := setMeta(ctx, tx, metaServerKeys, string(text)); err != nil {
			return err
		}
		if ev == nil {
			return nil
		}
		if _, over := ev.(ServerKeyChanged); over {
			if err := r.oweReceipts(ctx, tx); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, ev, "", 0)
	})
}

// oweReceipts has the receipts of all letters written again that can be opened.
func (r *Register) oweReceipts(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT state FROM letters GROUP BY state`)
	if err != nil {
		return fmt.Errorf("reading letters' states: %w", err)
	}
	states, err := scanAll(rows, func(row scannable) (s State, err error) { return s, row.Scan(&s) })
	if err != nil {
		return err
	}
	for _, s := range states {
		if !s.CanBeOpened() {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET receipt_due = 1, not_before = $1, version = version + 1 WHERE state = $2`, millis(r.Now()), string(s)); err != nil {
			return fmt.Errorf("having receipts written anew: %w", err)
		}
	}
	return nil
}

// Unheard are the scanners that are believed and have not said that they know the key
// that follows, or followed, the server's by the latest step: of those that were enrolled
// before it took over. The others were enrolled with it.
func (r *Register) Unheard(ctx context.Context) (sites []string, err error) {
	keys, err := r.ServerKeys(ctx)
	if err != nil {
		return nil, err
	}
	last, ok := keys.Last()
	if !ok {
		return nil, nil
	}
	all, err := r.Scanners(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		enrolledAfter := !last.Since.IsZero() && s.Added.After(last.Since)
		if s.Revoked.IsZero() && s.Said.ServerKey != last.To && !enrolledAfter {
			sites = append(sites, s.Site)
		}
	}
	return slices.Clip(sites), nil
}

// OpenInvitations reports whether a machine may still come with an invitation that
// carries the key that signs now.
func (r *Register) OpenInvitations(ctx context.Context) (bool, error) {
	all, err := r.EdgeInvitations(ctx, "")
	return slices.ContainsFunc(all, func(inv EdgeInvitation) bool { return inv.UsedBy == "" && r.Now().Before(inv.Expires) }), err
}
