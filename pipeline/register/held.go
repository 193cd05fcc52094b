package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"

	"letterlock/scanner/letter"
)

// mostHeld bounds how many manifests are held on record at once: whoever can
// write to the bucket must not be able to fill the register.
const mostHeld = 1000

// Hold notes that the manifest at marker was not believed. The first time it
// is an entry; the manifest itself stays where it is. Beyond a thousand held
// ones it notes no further.
func (r *Register) Hold(ctx context.Context, marker string, why HeldReason) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var known HeldReason
		err := tx.QueryRowContext(ctx, `SELECT reason FROM held WHERE marker = $1`, marker).Scan(&known)
		if err == nil && known == why {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM held`).Scan(&n); err != nil || n >= mostHeld && known == "" {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO held (marker, reason, since) VALUES ($1, $2, $3)
			ON CONFLICT (marker) DO UPDATE SET reason = excluded.reason`, marker, string(why), millis(r.Now())); err != nil {
			return err
		}
		return r.append(ctx, tx, ManifestHeld{Reason: why}, "", 0)
	})
}

// Accept records that a person vouches for a held manifest that is too old:
// its letter was kept back for a reason that is known.
func (r *Register) Accept(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := setMeta(ctx, tx, metaAccepted+string(id), "yes"); err != nil {
			return err
		}
		return r.append(ctx, tx, ManifestAccepted{ID: id}, "", 0)
	})
}

// Accepted reports whether a person vouches for the manifest of that id.
func (r *Register) Accepted(ctx context.Context, id letter.ID) (bool, error) {
	v, err := r.Meta(ctx, metaAccepted+string(id))
	return v != "", err
}

// KeepHeld forgets every held manifest whose marker the storage may not have any
// more, and that a person vouched for it where no letter came of it:
// one that comes again is looked at anew.
func (r *Register) KeepHeld(ctx context.Context, mayBeThere func(marker string) bool) error {
	reasons, err := r.Held(ctx)
	if err != nil {
		return err
	}
	for marker := range reasons {
		if mayBeThere(marker) {
			continue
		}
		if err := r.inTx(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `DELETE FROM held WHERE marker = $1`, marker); err != nil {
				return err
			}
			id := path.Base(marker)
			_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM letters WHERE id = $2)`, metaAccepted+id, id)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// Held returns why each held manifest is held, by its marker's key.
func (r *Register) Held(ctx context.Context) (map[string]HeldReason, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT marker, reason FROM held`)
	if err != nil {
		return nil, fmt.Errorf("reading held manifests: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]HeldReason{}
	for rows.Next() {
		var marker string
		var why HeldReason
		if err := rows.Scan(&marker, &why); err != nil {
			return nil, err
		}
		out[marker] = why
	}
	return out, rows.Err()
}
