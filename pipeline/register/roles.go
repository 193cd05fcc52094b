package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// GiveRole has the person do what the organisation's sign-in says of them. Where
// that is something else than before, it is an entry, and every session of theirs
// ends. ErrNotFound is for nobody who could sign in.
func (r *Register) GiveRole(ctx context.Context, number int64, role Role, helplines []string) error {
	helplines = slices.Compact(slices.Sorted(slices.Values(helplines)))
	ev := RoleGiven{Role: role, Helplines: []Name{}}
	for _, h := range helplines {
		ev.Helplines = append(ev.Helplines, Name(h))
	}
	return r.changeRole(ctx, number, role, helplines, ev)
}

// TakeRole has the person do nothing any more, until GiveRole, and ends their
// sessions; of who does nothing already it records nothing. ErrNotFound is for
// nobody who could sign in.
func (r *Register) TakeRole(ctx context.Context, number int64) error {
	return r.changeRole(ctx, number, "", nil, RoleTaken{})
}

func (r *Register) changeRole(ctx context.Context, number int64, role Role, helplines []string, ev Event) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		had, led, err := roleOf(ctx, tx, number)
		if err != nil || had == role && slices.Equal(led, helplines) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE people SET role = $1 WHERE number = $2`, string(role), number); err != nil {
			return err
		}
		if err := setHelplines(ctx, tx, number, helplines); err != nil {
			return err
		}
		if err := endSessions(ctx, tx, number); err != nil {
			return err
		}
		if err := r.handBackAll(ctx, tx, number); err != nil {
			return err
		}
		for _, stmt := range []string{
			`DELETE FROM daily_mails WHERE person = $1`, `DELETE FROM reminders WHERE person = $1 AND sent IS NULL`, `DELETE FROM request_mails WHERE person = $1`, `DELETE FROM hold_mails WHERE person = $1`,
			`DELETE FROM account_mails WHERE person = $1 AND why = '` + string(ToldReader) + `'`, mailsOfOthers,
		} {
			if _, err := tx.ExecContext(ctx, stmt, number); err != nil {
				return err
			}
		}
		if readsLetters(role) {
			if err := tellOfReader(ctx, tx, number); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, ev, "", number)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("changing what a person may do: %w", err)
	}
	return err
}

// roleOf is what the person does, and whose letters a team leader reads, in order.
func roleOf(ctx context.Context, tx *sql.Tx, number int64) (role Role, helplines []string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT role FROM people WHERE number = $1 AND disabled IS NULL`, number).Scan(&role)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil, ErrNotFound
	}
	if err != nil {
		return "", nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT helpline FROM people_helplines WHERE person = $1`, number)
	if err != nil {
		return "", nil, err
	}
	helplines, err = scanAll(rows, func(row scannable) (h string, err error) { return h, row.Scan(&h) })
	slices.Sort(helplines)
	return role, helplines, err
}

// mailsOfOthers are not sent any more once the person's helplines have changed.
// What is owed of those that the person leads still is owed.
const mailsOfOthers = `DELETE FROM mails WHERE person = $1 AND sent IS NULL AND letter IN (SELECT id FROM letters
	WHERE helpline NOT IN (SELECT helpline FROM people_helplines WHERE person = $1))`
