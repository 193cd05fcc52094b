package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
