package register

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"letterlock/scanner/letter"
)

// RiskAnswered reports whether it was said of the letter whether somebody is at
// risk: in so many words, or by the decision to keep it for five years.
func (l Letter) RiskAnswered() bool { return l.Risk != "" || l.Reason != "" }

// AnswerRisk records what the person, who has opened the letter, says to whether
// somebody is at risk. It may be answered anew; the same answer again changes
// nothing. With RiskUrgent the managers are owed a mail.
func (r *Register) AnswerRisk(ctx context.Context, id letter.ID, risk Risk, person int64) error {
	if !slices.Contains(Risks, risk) {
		return ErrBadDecision
	}
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.IsResponse() {
			return ErrBadDecision
		}
		if l.Risk == risk {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET risk = $1 WHERE id = $2`, string(risk), string(id)); err != nil {
			return err
		}
		if risk == RiskUrgent {
			if err := r.callManagers(ctx, tx, id, CalledUrgent, person); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, RiskSaid{Answer: risk}, id, person)
	})
}

// ErrMayNotRead is returned when a letter is handed to somebody who may not read it.
var ErrMayNotRead = errors.New("the colleague may not read the letter")

// HandOver records that the person, who has opened the letter, hands it to a
// colleague, who is owed a mail. What the person may do with it stays as it is.
func (r *Register) HandOver(ctx context.Context, id letter.ID, to, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.Unkept() {
			return ErrBadDecision
		}
		may, err := mayRead(ctx, tx, l, to)
		if err != nil {
			return err
		}
		if !may || to == person {
			return ErrMayNotRead
		}
		if l.HandedTo == to {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET handed_to = $1 WHERE id = $2`, to, string(id)); err != nil {
			return err
		}
		if err := call(ctx, tx, id, to, CalledHanded); err != nil {
			return err
		}
		return r.append(ctx, tx, LetterHandedOver{To: to}, id, person)
	})
}
