package register

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrLinked says that the organisation's sign-in of that name belongs to another
// staff number.
var ErrLinked = errors.New("the organisation's sign-in belongs to somebody else")

// PersonBySSO finds who signs in as that subject of that issuer, disabled people
// too, or returns ErrNotFound.
func (r *Register) PersonBySSO(ctx context.Context, issuer, subject string) (Person, error) {
	var number int64
	err := r.read.QueryRowContext(ctx, `SELECT person FROM sso_people WHERE issuer = $1 AND subject = $2`, issuer, subject).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, ErrNotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("finding who signs in: %w", err)
	}
	return r.Person(ctx, number)
}

// SignsInWith reports whether the person signs in with the organisation's sign-in
// of that issuer.
func (r *Register) SignsInWith(ctx context.Context, number int64, issuer string) (bool, error) {
	var n int
	err := r.read.QueryRowContext(ctx, `SELECT count(*) FROM sso_people WHERE person = $1 AND issuer = $2`, number, issuer).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("finding how a person signs in: %w", err)
	}
	return n > 0, nil
}

// LinkSSO has the person sign in as that subject of that issuer from now on, and
// consumes the enrolment code of that proof. If the code was replaced, used or
// has expired meanwhile, it links nothing: ErrCode. An earlier link of the
// person to the issuer ends; one of somebody else does not: ErrLinked.
func (r *Register) LinkSSO(ctx context.Context, number int64, proof []byte, issuer, subject string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.consumeCode(ctx, tx, number, proof); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sso_people WHERE issuer = $1 AND person = $2`, issuer, number); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO sso_people (issuer, subject, person, added) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			issuer, subject, number, millis(r.Now()))
		if err := oneRow(res, err); err != nil {
			if errors.Is(err, ErrMoved) {
				return ErrLinked
			}
			return err
		}
		if err := tellPerson(ctx, tx, number, ToldSignIn, ""); err != nil {
			return err
		}
		return r.append(ctx, tx, SSOLinked{}, "", number)
	})
}

// UnlinkSSO has the person sign in with the organisation's sign-in no more, nor with
// a former one that comes back, and ends every session of theirs. by is the staff
// number of who decided it.
// ErrNotFound is for who does not sign in with it.
func (r *Register) UnlinkSSO(ctx context.Context, number, by int64) error {
	return r.formTx(ctx, by, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM sso_people WHERE person = $1`, number)
		if err != nil {
			return err
		}
		if ended, err := res.RowsAffected(); err != nil || ended == 0 {
			return cmp.Or(err, ErrNotFound)
		}
		if err := endSessions(ctx, tx, number); err != nil {
			return err
		}
		return r.append(ctx, tx, SSOUnlinked{Person: number}, "", by)
	})
}
