package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"letterlock/scanner/letter"
)

// RiskAnswered reports whether it was said of the letter whether somebody is at
// risk: in so many words, or by the decision to keep it for five years.
func (l Letter) RiskAnswered() bool { return l.Risk != "" || l.Reason != "" }

// ErrRiskAnswered is returned when the person has not seen what was answered before.
var ErrRiskAnswered = errors.New("whether somebody is at risk was answered meanwhile")

// AnswerRisk records what the person, who has opened the letter, says to whether
// somebody is at risk, instead of the answer that they saw: "" for none. It may be
// answered anew; the same answer again changes nothing, but for RiskUrgent. An answer that
// they did not see stays, with ErrRiskAnswered, unless they say RiskUrgent, which waits
// for no second look: each time it is said the managers are owed a mail.
func (r *Register) AnswerRisk(ctx context.Context, id letter.ID, risk, instead Risk, person int64) error {
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
		switch {
		case l.Risk == risk && risk != RiskUrgent: // whoever says that again wants somebody to come
			return nil
		case risk != RiskUrgent && (l.Risk != instead || instead == "" && l.RiskAnswered()):
			return ErrRiskAnswered
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

// ErrHasIt is returned when a letter is handed to somebody to whom it is handed already.
var ErrHasIt = errors.New("the letter is handed to the colleague already")

// HandOver records that the person, who has opened the letter, hands it to a
// colleague, who is owed a mail. What the person may do with it stays as it is. Where
// it is handed to that colleague already nothing is recorded, with ErrHasIt.
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
			return ErrHasIt
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET handed_to = $1 WHERE id = $2`, to, string(id)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM calls WHERE letter = $1 AND why = $2`, string(id), string(CalledNobody)); err != nil {
			return err
		}
		if err := call(ctx, tx, id, to, CalledHanded); err != nil {
			return err
		}
		return r.append(ctx, tx, LetterHandedOver{To: to}, id, person)
	})
}

// SeenTo records that the person, to whom the letter was handed, has seen to it: it
// waits for nobody then. ErrMoved where it is not handed to them any more.
func (r *Register) SeenTo(ctx context.Context, id letter.ID, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.HandedTo != person {
			return ErrMoved
		}
		err = inOrder(ctx, tx, "noting that a letter is seen to", []statement{
			{`UPDATE letters SET handed_to = 0 WHERE id = $1`, []any{string(id)}},
			{`DELETE FROM calls WHERE letter = $1 AND person = $2 AND why = $3`, []any{string(id), person, string(CalledHanded)}},
		})
		if err != nil {
			return err
		}
		return r.append(ctx, tx, LetterSeenTo{}, id, person)
	})
}

// HandedToNobody reports whether the person was called because the letter was handed to
// somebody who may not read it any more, and nobody has handed it over since.
func (r *Register) HandedToNobody(ctx context.Context, id letter.ID, person int64) (is bool, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM calls WHERE letter = $1 AND person = $2 AND why = $3)`,
		string(id), person, string(CalledNobody)).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("finding out whether a letter is handed to nobody: %w", err)
	}
	return is, nil
}

// HandBack makes everybody's again whatever is handed to somebody who may not read it:
// what an earlier version has left so.
func (r *Register) HandBack(ctx context.Context) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		who, err := numbersIn(ctx, tx, `SELECT DISTINCT handed_to FROM letters WHERE handed_to <> 0`)
		if err != nil {
			return err
		}
		for _, person := range who {
			if err := r.handBackAll(ctx, tx, person); err != nil {
				return err
			}
		}
		return nil
	})
}

// handBack makes a letter everybody's again that was handed to somebody who may not
// read it any more, and owes the managers a mail: whoever handed it over believes
// that it is seen to. It is called wherever that may have changed.
func (r *Register) handBack(ctx context.Context, tx *sql.Tx, l *Letter) error {
	// Whoever calls this may have read the letter before it was handed over.
	err := tx.QueryRowContext(ctx, `SELECT handed_to FROM letters WHERE id = $1`, string(l.ID)).Scan(&l.HandedTo)
	if err != nil {
		return err
	}
	if l.HandedTo == 0 {
		return nil
	}
	may, err := mayRead(ctx, tx, *l, l.HandedTo)
	if err != nil || may {
		return err
	}
	err = inOrder(ctx, tx, "handing a letter back", []statement{
		{`UPDATE letters SET handed_to = 0 WHERE id = $1`, []any{string(l.ID)}},
		{`DELETE FROM calls WHERE letter = $1 AND person = $2 AND why = $3`, []any{string(l.ID), l.HandedTo, string(CalledHanded)}},
	})
	if err != nil {
		return err
	}
	l.HandedTo = 0
	if !l.Open(r.Now()) {
		return nil // nobody goes on with it
	}
	return r.callManagers(ctx, tx, l.ID, CalledNobody, 0)
}

// handBackAll does so with whatever was handed to the person.
func (r *Register) handBackAll(ctx context.Context, tx *sql.Tx, person int64) error {
	return r.eachOf(ctx, tx, func(l *Letter) error { return r.handBack(ctx, tx, l) },
		`SELECT id FROM letters WHERE handed_to <> 0 AND handed_to = $1 ORDER BY id`, person)
}
