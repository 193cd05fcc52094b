package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// metaLostServerKey holds a LostServerKey, as JSON, while there is anything left to do.
const metaLostServerKey = "server_key_lost"

// LostServerKey is what is left to do since every copy was lost of the key with which the
// server signs what scanners read.
type LostServerKey struct {
	Since    time.Time `json:"since"`
	Sites    []string  `json:"sites"`              // whose scanners believe nothing of the new key: each is to be invited again
	Unsigned bool      `json:"unsigned,omitempty"` // no recipients list was published under the new key yet
}

// LoseServerKey has another key sign what scanners read, whose former is lost and could
// not name it, with an entry that says so. Every scanner that is believed must be invited
// again, but that of the site own, which is a part of the server; "" for none. An
// invitation that nobody has used carries the lost key, and is worth nothing any more.
// A crash leaves the one or the other. Every living letter's receipt is due anew.
func (r *Register) LoseServerKey(ctx context.Context, to, own string) (lost LostServerKey, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		sites, err := sitesIn(ctx, tx)
		if err != nil {
			return err
		}
		sites = slices.DeleteFunc(sites, func(site string) bool { return site == own })
		lost = LostServerKey{Since: r.Now(), Sites: sites, Unsigned: true}
		if err := forgetMeta(ctx, tx, metaServerKeys); err != nil {
			return fmt.Errorf("forgetting the server's lost keys: %w", err)
		}
		if err := setMeta(ctx, tx, metaServerKey, to); err != nil {
			return fmt.Errorf("noting the server's key: %w", err)
		}
		if err := setLost(ctx, tx, lost); err != nil {
			return err
		}
		now := millis(r.Now())
		if _, err := tx.ExecContext(ctx, `UPDATE edge_invitations SET expires = $1 WHERE used_by = '' AND expires > $1`, now); err != nil {
			return fmt.Errorf("ending invitations: %w", err)
		}
		if err := r.oweReceipts(ctx, tx); err != nil {
			return err
		}
		return r.append(ctx, tx, ServerKeyLost{To: ServerKey(to), Scanners: len(sites)}, "", 0)
	})
	return lost, err
}

// LostServerKey is what is left to do since the server's key was lost; there is false
// where it never was, or nothing is left. A scanner that was revoked since is not named.
func (r *Register) LostServerKey(ctx context.Context) (lost LostServerKey, there bool, err error) {
	lost, there, err = lostIn(ctx, r.read)
	if err != nil || !there {
		return lost, there, err
	}
	sites, err := sitesIn(ctx, r.read)
	lost.Sites = slices.DeleteFunc(lost.Sites, func(site string) bool { return !slices.Contains(sites, site) })
	return lost, len(lost.Sites) > 0 || lost.Unsigned, err
}

// Equipped notes that the scanner of the site was given the key that signs now.
func (r *Register) Equipped(ctx context.Context, site string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return knowsServerKey(ctx, tx, site) })
}

// knowsServerKey strikes the site off those that are to be invited again.
func knowsServerKey(ctx context.Context, tx *sql.Tx, site string) error {
	return changeLost(ctx, tx, func(lost *LostServerKey) {
		lost.Sites = slices.DeleteFunc(lost.Sites, func(other string) bool { return other == site })
	})
}

// changeLost changes what is left to do, if anything is.
func changeLost(ctx context.Context, tx *sql.Tx, change func(*LostServerKey)) error {
	lost, there, err := lostIn(ctx, tx)
	if err != nil || !there {
		return err
	}
	change(&lost)
	if len(lost.Sites) == 0 && !lost.Unsigned {
		return forgetMeta(ctx, tx, metaLostServerKey)
	}
	return setLost(ctx, tx, lost)
}

func lostIn(ctx context.Context, q querier) (lost LostServerKey, there bool, err error) {
	var text string
	err = q.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaLostServerKey).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return lost, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &lost)
	}
	if err != nil {
		return lost, false, fmt.Errorf("reading what is left to do since the server's key was lost: %w", err)
	}
	return lost, true, nil
}

func setLost(ctx context.Context, tx *sql.Tx, lost LostServerKey) error {
	text, err := json.Marshal(lost)
	if err == nil {
		err = setMeta(ctx, tx, metaLostServerKey, string(text))
	}
	if err != nil {
		return fmt.Errorf("noting what is left to do since the server's key was lost: %w", err)
	}
	return nil
}
