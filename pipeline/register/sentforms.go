package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Form is one form as one page has shown it. However often it is sent, it acts
// once: a second click, or a browser that sends again what got no answer, must
// not become a second entry that stays for years.
type Form struct {
	Token string // random, of the page; empty for what no page has shown
	Shows string // where whoever sends it is led once it has acted; without a letter's id
}

// formLives is how long a form that was sent is remembered: longer than a page
// stays open in anybody's working day.
const formLives = 24 * time.Hour

// ErrSent is returned for a form that has acted already.
var ErrSent = errors.New("the form has been sent before")

type formKey struct{}

// Sending returns a context in which the next act of a person is that of the form.
func Sending(ctx context.Context, f Form) context.Context {
	return context.WithValue(ctx, formKey{}, f)
}

// formTx is a transaction that does what the person has sent a form for. The form
// is spent with it: if the act fails, the form can be sent again.
func (r *Register) formTx(ctx context.Context, person int64, f func(tx *sql.Tx) error) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.spend(ctx, tx, person); err != nil {
			return err
		}
		return f(tx)
	})
}

func (r *Register) spend(ctx context.Context, tx *sql.Tx, person int64) error {
	form, _ := ctx.Value(formKey{}).(Form)
	if form.Token == "" {
		return nil
	}
	now := r.Now()
	if _, err := tx.ExecContext(ctx, `DELETE FROM sent_forms WHERE sent <= $1`, millis(now.Add(-formLives))); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO sent_forms (token, person, shows, sent) VALUES ($1, $2, $3, $4) ON CONFLICT (token, person) DO NOTHING`,
		form.Token, person, form.Shows, millis(now))
	if err = oneRow(res, err); errors.Is(err, ErrMoved) {
		return ErrSent
	}
	return err
}

// SpendForm spends the form of the context for what the person has done with it
// in more than one step. If the process dies before, the form acts again: that is
// twice at worst, and never a page that thanks for what was lost.
func (r *Register) SpendForm(ctx context.Context, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.spend(ctx, tx, person) })
}

// FormSent returns where the person was led when they sent the form with that
// token, or ErrNotFound if it has not acted.
func (r *Register) FormSent(ctx context.Context, token string, person int64) (shows string, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT shows FROM sent_forms WHERE token = $1 AND person = $2`, token, person).Scan(&shows)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("looking for a form that was sent: %w", err)
	}
	return shows, nil
}
