package register

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// PolicyText is the SHA-256, in hex, of a policy's published text. It is of a
// text that everybody may read, never of anything in a letter.
type PolicyText string

var policyTextForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Policy is one text of the confidentiality policy that is or was in force.
type Policy struct {
	Number int64 // counts the texts, from 1
	Name   Name  // with its version, as the configuration gives it
	Since  time.Time
}

// PublishPolicy makes the text the policy in force, unless it is already, and
// returns it. A text that has changed is another policy, also under the same
// name: what people have confirmed is what they have read.
func (r *Register) PublishPolicy(ctx context.Context, name Name, text []byte) (Policy, error) {
	sum := sha256.Sum256(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	digest := PolicyText(hex.EncodeToString(sum[:]))
	if p, err := policyInForce(ctx, r.read, name, digest); !errors.Is(err, ErrNotFound) {
		return p, err
	}
	var p Policy
	err := r.inTx(ctx, func(tx *sql.Tx) (err error) {
		if p, err = policyInForce(ctx, tx, name, digest); !errors.Is(err, ErrNotFound) {
			return err // another process was first
		}
		p = Policy{Name: name, Since: fromMillis(millis(r.Now()))}
		if err := tx.QueryRowContext(ctx, `INSERT INTO policies (name, digest, since) VALUES ($1, $2, $3) RETURNING number`,
			string(name), string(digest), millis(p.Since)).Scan(&p.Number); err != nil {
			return err
		}
		return r.append(ctx, tx, PolicyPublished{Number: p.Number, Policy: name, Text: digest}, "", 0)
	})
	if err != nil {
		return Policy{}, fmt.Errorf("publishing the policy: %w", err)
	}
	return p, nil
}

// policyInForce is the newest policy if it is this one, or else ErrNotFound.
func policyInForce(ctx context.Context, q querier, name Name, digest PolicyText) (p Policy, err error) {
	var since int64
	err = q.QueryRowContext(ctx, `SELECT number, name, since FROM policies
		WHERE number = (SELECT max(number) FROM policies) AND name = $1 AND digest = $2`, string(name), string(digest)).Scan(&p.Number, &p.Name, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return Policy{}, ErrNotFound
	}
	if err != nil {
		return Policy{}, fmt.Errorf("reading the policy in force: %w", err)
	}
	p.Since = fromMillis(since)
	return p, nil
}

// ConfirmPolicy records that the person has read and understood that policy.
// Asked again it changes nothing. ErrMoved is for one that is in force no more.
func (r *Register) ConfirmPolicy(ctx context.Context, policy, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var newest int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(max(number), 0) FROM policies`).Scan(&newest); err != nil {
			return err
		}
		if newest != policy {
			return ErrMoved
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO policy_readers (policy, person, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			policy, person, millis(r.Now()))
		if err := oneRow(res, err); err != nil {
			if errors.Is(err, ErrMoved) {
				return nil // confirmed before
			}
			return err
		}
		return r.append(ctx, tx, PolicyConfirmed{Number: policy}, "", person)
	})
}

// HasConfirmed reports whether the person has confirmed that policy.
func (r *Register) HasConfirmed(ctx context.Context, policy, person int64) (yes bool, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM policy_readers WHERE policy = $1 AND person = $2)`, policy, person).Scan(&yes)
	return yes, err
}

// PolicyReaders are the people who have confirmed that policy, and when, by
// staff number.
func (r *Register) PolicyReaders(ctx context.Context, policy int64) (map[int64]time.Time, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT person, at FROM policy_readers WHERE policy = $1`, policy)
	if err != nil {
		return nil, fmt.Errorf("reading who has confirmed the policy: %w", err)
	}
	type reader struct{ person, at int64 }
	all, err := scanAll(rows, func(row scannable) (c reader, err error) { return c, row.Scan(&c.person, &c.at) })
	out := map[int64]time.Time{}
	for _, c := range all {
		out[c.person] = fromMillis(c.at)
	}
	return out, err
}
