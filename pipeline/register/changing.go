package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// ChangePerson gives a person the name, the address and the helplines of p; by is
// the staff number of who does so. Whoever has a session may from then on do what
// goes with these. What is the same changes nothing and is no entry. ErrNotFound
// is for nobody who could sign in.
func (r *Register) ChangePerson(ctx context.Context, p Person, by int64) error {
	renamed := false
	err := r.formTx(ctx, by, func(tx *sql.Tx) error {
		var name, address string
		err := tx.QueryRowContext(ctx, `SELECT name, email FROM people WHERE number = $1 AND disabled IS NULL`, p.Number).Scan(&name, &address)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT helpline FROM people_helplines WHERE person = $1`, p.Number)
		if err != nil {
			return err
		}
		had, err := scanAll(rows, func(row scannable) (h string, err error) { return h, row.Scan(&h) })
		if err != nil {
			return err
		}
		leads := slices.Sorted(slices.Values(p.Helplines))
		slices.Sort(had)
		changed := PersonChanged{Person: p.Number, Name: name != p.Name, Address: address != p.Email, Helplines: !slices.Equal(had, leads)}
		if !changed.Name && !changed.Address && !changed.Helplines {
			return nil
		}
		if changed.Helplines {
			for _, h := range leads {
				changed.Leads = append(changed.Leads, Name(h))
			}
			if err := setHelplines(ctx, tx, p.Number, leads); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, mailsOfOthers, p.Number); err != nil {
				return err
			}
			if err := r.handBackAll(ctx, tx, p.Number); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE people SET name = $1, email = $2 WHERE number = $3`, p.Name, p.Email, p.Number); err != nil {
			return err
		}
		if p.Email == "" { // nobody can send these any more: the letter is told of to others, or says that there are none
			if _, err := tx.ExecContext(ctx, `DELETE FROM mails WHERE person = $1 AND sent IS NULL`, p.Number); err != nil {
				return err
			}
		}
		if err := tellOfChange(ctx, tx, changed, address); err != nil {
			return err
		}
		if renamed = changed.Name || changed.Address; renamed {
			if err := setMeta(ctx, tx, metaForgotten, rand.Text()); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, changed, "", by)
	})
	if err != nil || !renamed {
		return err
	}
	// What they were called before goes from the database's files as with whoever
	// leaves; what keeps it there now, the pipeline's next sweep meets.
	if err := r.ProveForgotten(ctx); err != nil && !errors.Is(err, ErrBusy) {
		return fmt.Errorf("erasing a name from the database's files: %w", err)
	}
	return nil
}

func setHelplines(ctx context.Context, tx *sql.Tx, person int64, helplines []string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM people_helplines WHERE person = $1`, person); err != nil {
		return err
	}
	for _, h := range helplines {
		if _, err := tx.ExecContext(ctx, `INSERT INTO people_helplines (person, helpline) VALUES ($1, $2)`, person, h); err != nil {
			return err
		}
	}
	return nil
}

// tellOfChange tells of another address where it was so far, since whoever gave it
// would read there what the person is told from here on; and the others of whatever
// may have made a reader, or taken their mails from one.
func tellOfChange(ctx context.Context, tx *sql.Tx, changed PersonChanged, was string) error {
	if changed.Address && was != "" {
		if err := tellPerson(ctx, tx, changed.Person, ToldAddress, was); err != nil {
			return err
		}
	}
	var role Role
	if err := tx.QueryRowContext(ctx, `SELECT role FROM people WHERE number = $1`, changed.Person).Scan(&role); err != nil {
		return err
	}
	if readsLetters(role) && (changed.Address || changed.Helplines) {
		return tellOfReader(ctx, tx, changed.Person)
	}
	return nil
}
