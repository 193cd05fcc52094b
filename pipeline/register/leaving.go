package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
)

// ErrLastAdministrator refuses to let the last administrator go who can sign in:
// nobody could invite anybody any more.
var ErrLastAdministrator = errors.New("nobody else who is an administrator can sign in")

// Leaving is what somebody who goes leaves to others.
type Leaving struct {
	Unread []UnreadOf // by helpline, of those that the person leads
	Named  int        // five-year letters that no other team leader may open
	Handed int        // letters that a colleague handed over, and that are everybody's again
	Holds  int        // for which the person answers
}

// UnreadOf counts the letters of a helpline that nobody has opened.
type UnreadOf struct {
	Helpline string
	Letters  int
}

// Leaves tells what the person would leave to others by going today.
func (r *Register) Leaves(ctx context.Context, number int64) (l Leaving, err error) {
	rows, err := r.read.QueryContext(ctx, `SELECT h.helpline, (SELECT count(*) FROM letters l WHERE l.helpline = h.helpline
		AND l.state IN ('receipted', 'notified') AND l.answers = '') FROM people_helplines h WHERE h.person = $1 ORDER BY h.helpline`, number)
	if err != nil {
		return Leaving{}, fmt.Errorf("counting what a person leaves: %w", err)
	}
	if l.Unread, err = scanAll(rows, func(row scannable) (u UnreadOf, err error) { return u, row.Scan(&u.Helpline, &u.Letters) }); err != nil {
		return Leaving{}, fmt.Errorf("counting what a person leaves: %w", err)
	}
	err = r.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM letters l WHERE l.named = $1 AND `+canBeOpened+`), (SELECT count(*) FROM holds WHERE owner = $1),
		(SELECT count(*) FROM letters l WHERE l.handed_to <> 0 AND l.handed_to = $1 AND `+canBeOpened+`)`, number).Scan(&l.Named, &l.Holds, &l.Handed)
	if err != nil {
		return Leaving{}, fmt.Errorf("counting what a person leaves: %w", err)
	}
	return l, nil
}

// DisablePerson is Leave at the console.
func (r *Register) DisablePerson(ctx context.Context, number int64) error {
	return r.Leave(ctx, number, 0)
}

// Leave ends what the person may do, for good: sessions, codes, passkeys and
// unsent mails go in the same transaction, and so do name and address, which
// are nowhere else. The staff number stays, since the register knows it. by is
// the staff number of who lets them go. ErrNotFound is for nobody who could
// sign in, ErrLastAdministrator for the last who may invite others.
func (r *Register) Leave(ctx context.Context, number, by int64) error {
	err := r.formTx(ctx, by, func(tx *sql.Tx) error {
		if err := r.notTheLast(ctx, tx, number); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE people SET disabled = $1, name = '', email = '' WHERE number = $2 AND disabled IS NULL`,
			millis(r.Now()), number)
		if err := oneRow(res, err); err != nil {
			if errors.Is(err, ErrMoved) {
				return ErrNotFound
			}
			return err
		}
		if err := endSessions(ctx, tx, number); err != nil {
			return err
		}
		for _, stmt := range []string{
			`DELETE FROM enrol_codes WHERE person = $1`,
			`DELETE FROM passkeys WHERE person = $1`, `DELETE FROM mails WHERE person = $1 AND sent IS NULL`,
			`DELETE FROM daily_mails WHERE person = $1`, `DELETE FROM reminders WHERE person = $1`, `DELETE FROM request_mails WHERE person = $1`, `DELETE FROM hold_mails WHERE person = $1`,
			`DELETE FROM calls WHERE person = $1`, `DELETE FROM account_mails WHERE person = $1`,
			`DELETE FROM invitations WHERE person = $1`, `DELETE FROM sso_people WHERE person = $1`,
		} {
			if _, err := tx.ExecContext(ctx, stmt, number); err != nil {
				return err
			}
		}
		if err := r.handBackAll(ctx, tx, number); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaForgotten, rand.Text()); err != nil {
			return err
		}
		return r.append(ctx, tx, PersonDisabled{Person: number}, "", by)
	})
	if err != nil {
		return err
	}
	// A reader at this moment, or a crash here, keeps the name in the database's
	// files a little longer: the pipeline's next sweep tries again.
	if err := r.ProveForgotten(ctx); err != nil && !errors.Is(err, ErrBusy) {
		return fmt.Errorf("erasing a name from the database's files: %w", err)
	}
	return nil
}

// notTheLast refuses where the person is the only administrator who can sign in.
func (r *Register) notTheLast(ctx context.Context, tx *sql.Tx, number int64) error {
	var role Role
	err := tx.QueryRowContext(ctx, `SELECT role FROM people WHERE number = $1 AND disabled IS NULL`, number).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err != nil || role != Administrator {
		return err
	}
	var others int
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM people p WHERE p.role = $1 AND p.disabled IS NULL AND p.number <> $2
		AND (EXISTS (SELECT 1 FROM passkeys k WHERE k.person = p.number)
		OR EXISTS (SELECT 1 FROM sso_people o WHERE o.person = p.number AND o.issuer = $3))`, string(Administrator), number, r.cfg.Issuer).Scan(&others)
	if err == nil && others == 0 {
		return ErrLastAdministrator
	}
	return err
}

// ProveForgotten makes the names of people who have gone disappear from the
// database's files too: see ProveErased. With none waiting it costs nothing.
// ErrBusy says that a reader keeps them there for now.
func (r *Register) ProveForgotten(ctx context.Context) error {
	waits, err := r.Meta(ctx, metaForgotten)
	if err != nil || waits == "" { // each who goes sets another mark
		return err
	}
	if err := r.engine.forget(ctx, r.write); err != nil {
		return err
	}
	r.cfg.Step("forgotten")
	return r.inTx(ctx, func(tx *sql.Tx) error {
		// Whoever has gone meanwhile may still be in the files: their mark stays.
		_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1 AND value = $2`, metaForgotten, waits)
		return err
	})
}
