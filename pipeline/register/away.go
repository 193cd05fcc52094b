package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// An answer may wait for a second person to confirm its address while its letter is
// given to another helpline, or is kept for a reader who is named. Then it is for
// others to confirm, who are told of it, and its uploader may open neither any more:
// they are told that it waits and what became of it, and nothing of what it says.

// Away is such an answer, as its uploader is told of it.
type Away struct {
	Letter   letter.ID  // which was answered
	Helpline string     // whose that is now
	Why      CallReason // CalledAwayKept or CalledAwayUnkept; empty while it waits
	Call     string     // names this word of it, for AnswerSeen
}

// Away returns the answers that the person uploaded to letters that they may not read
// any more: those that wait, and what became of others while their letters live. Who
// has stepped back from a letter is not told of it.
func (r *Register) Away(ctx context.Context, person int64) ([]Away, error) {
	waiting, err := r.letters(ctx, waitingOf, person)
	if err != nil {
		return nil, err
	}
	var away []Away
	for _, l := range waiting {
		if may, err := mayRead(ctx, r.read, l, person); err != nil {
			return nil, err
		} else if !may && !l.WalledOff(person) {
			away = append(away, Away{Letter: l.Answers, Helpline: l.Helpline})
		}
	}
	rows, err := r.read.QueryContext(ctx, becameOf, person)
	if err != nil {
		return nil, fmt.Errorf("reading what became of answers: %w", err)
	}
	became, err := scanAll(rows, func(row scannable) (a Away, err error) { return a, row.Scan(&a.Letter, &a.Why, &a.Call) })
	if err != nil {
		return nil, err
	}
	for _, a := range became {
		l, err := r.Letter(ctx, a.Letter)
		if errors.Is(err, ErrNotFound) {
			continue // it has ended in this moment
		}
		if err != nil {
			return nil, err
		}
		if may, err := mayRead(ctx, r.read, l, person); err != nil {
			return nil, err
		} else if !may && !l.WalledOff(person) {
			a.Helpline = l.Helpline
			away = append(away, a)
		}
	}
	return away, nil
}

const (
	waitingOf = `WHERE l.state = 'to-confirm' AND l.erase = '' AND l.uploaded_by = $1 ORDER BY l.received, l.id`
	becameOf  = `SELECT letter, why, token FROM calls WHERE person = $1 AND (why = 'away-kept' OR why = 'away-unkept') ORDER BY letter`
)

// AnswerSeen has the person be told no more what became of an answer that they uploaded
// to the letter: call names the word that they have read, and what came after it, also of
// another answer, is told on. Read before, it changes nothing.
func (r *Register) AnswerSeen(ctx context.Context, to letter.ID, person int64, call string) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE letter = $1 AND person = $2 AND token = $3 AND why IN ($4, $5, $6, $7, $8)`,
			string(to), person, call, string(CalledUnkept), string(CalledDeclined), string(CalledConfirmed), string(CalledAwayKept), string(CalledAwayUnkept))
		return err
	})
}

// callConfirmers owes a mail to those who may confirm the address of the answer, and
// who were not told of it before. What is owed to others, who may not any more, is not.
func callConfirmers(ctx context.Context, tx *sql.Tx, l Letter) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE letter = $1 AND why = $2 AND sent IS NULL`, string(l.ID), string(CalledConfirm)); err != nil {
		return err
	}
	told, err := numbersIn(ctx, tx, `SELECT person FROM calls WHERE letter = $1 AND why = $2`, string(l.ID), string(CalledConfirm))
	if err != nil {
		return err
	}
	return callOthers(ctx, tx, l, CalledConfirm, append(told, l.UploadedBy)...)
}

// callUploader owes the uploader of a response a mail about what became of it: about
// its letter, on whose page they find it, or, where they may not read that any more,
// about their list of letters. None where the letter is gone.
func callUploader(ctx context.Context, tx *sql.Tx, l Letter, why, away CallReason) error {
	to, err := letterIn(ctx, tx, l.Answers)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	may, err := mayRead(ctx, tx, to, l.UploadedBy)
	if err != nil {
		return err
	}
	if !may {
		why = away
	}
	return call(ctx, tx, l.Answers, l.UploadedBy, why)
}
