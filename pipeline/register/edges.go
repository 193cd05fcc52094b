package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"

	"letterlock/scanner/letter"
)

// AddEdge enrols an edge: from now on manifests under its site that this
// public key (golang.org/x/mod/sumdb/note) verifies are believed. The same key
// again changes nothing; another key for a known site is refused, until the
// site was revoked: then it is enrolled anew.
func (r *Register) AddEdge(ctx context.Context, site, verifier string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var known string
		switch err := tx.QueryRowContext(ctx, `SELECT verifier FROM edges WHERE site = $1 AND revoked IS NULL`, site).Scan(&known); {
		case err == nil && known == verifier:
			return nil
		case err == nil:
			return fmt.Errorf("site %q is already enrolled with another key", site)
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO edges (site, verifier, added) VALUES ($1, $2, $3)
			ON CONFLICT (site) DO UPDATE SET verifier = excluded.verifier, added = excluded.added, revoked = NULL`,
			site, verifier, millis(r.Now())); err != nil {
			return err
		}
		return r.append(ctx, tx, EdgeAdded{Site: Name(site)}, "", 0)
	})
}

// RevokeEdge ends the belief in what the site's edge signs, or returns ErrNotFound.
// What is on record stays. An invitation in its place is worth nothing any more. by is
// the staff number of who ends it, 0 at the console.
func (r *Register) RevokeEdge(ctx context.Context, site string, by int64) error {
	return r.formTx(ctx, by, func(tx *sql.Tx) error {
		key, known, err := edgeNow(ctx, tx, site)
		if err == nil && !known {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		now := millis(r.Now())
		if _, err := tx.ExecContext(ctx, `UPDATE edges SET revoked = $1 WHERE site = $2`, now, site); err != nil {
			return err
		}
		if err := r.endEdgeKey(ctx, tx, site, key, keyRevoked); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE edge_invitations SET expires = $1 WHERE site = $2 AND used_by = '' AND expires > $1`, now, site); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE storage_users SET ends = $1 WHERE site = $2 AND (ends IS NULL OR ends > $1)`, now, site); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM scan_answers WHERE site = $1`, site); err != nil {
			return err
		}
		return r.append(ctx, tx, EdgeRevoked{Site: Name(site)}, "", by)
	})
}

// Edge is the public key of an enrolled site that is not revoked, or ErrNotFound.
func (r *Register) Edge(ctx context.Context, site string) (verifier string, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT verifier FROM edges WHERE site = $1 AND revoked IS NULL`, site).Scan(&verifier)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNotFound
	}
	return verifier, err
}

// Sites are the enrolled sites that are not revoked, by name.
func (r *Register) Sites(ctx context.Context) ([]string, error) { return sitesIn(ctx, r.read) }

func sitesIn(ctx context.Context, q querier) ([]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT site FROM edges WHERE revoked IS NULL ORDER BY site`)
	if err != nil {
		return nil, fmt.Errorf("reading enrolled sites: %w", err)
	}
	return scanAll(rows, func(row scannable) (site string, err error) { return site, row.Scan(&site) })
}

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
