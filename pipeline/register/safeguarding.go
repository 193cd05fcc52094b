package register

import (
	"context"
	"database/sql"
	"errors"

	"letterlock/scanner/letter"
)

// Safeguarding is why a letter is kept for five years, as a team leader or the
// manager decides it (confidentiality policy).
type Safeguarding struct {
	Reason SafeguardingReason
	Told   Told
	Review letter.Date // when it is looked at again: after today, and before the five years are over
	Named  int64       // staff number of the team leader who may go on opening it, beside the manager
}

// Sharing is what is recorded of a letter that was shown to an agency. It names
// no person.
type Sharing struct {
	Agency Agency
	Basis  Basis
	On     letter.Date // not before the letter was received, and not after today
}

// Errors of decisions about a letter's keeping.
var (
	ErrKeptAlready = errors.New("the letter is kept for five years already")
	ErrNotKept     = errors.New("the letter is not kept for five years")
	ErrBadDecision = errors.New("a decision that no form of ours makes")
)

// Safeguard decides that the letter, which the person has opened, is kept for
// five years from today. Its rule changes at once, so that no deadline comes in
// between; the pipeline then seals it anew and moves it.
// Refused with ErrKeptAlready, ErrBadDecision, or as ErrNotRead says.
func (r *Register) Safeguard(ctx context.Context, id letter.ID, s Safeguarding, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		return r.safeguard(ctx, tx, &l, s, person)
	})
}

// Share records that the person has shared the letter with an agency. The first
// time, it also decides that the letter is kept for five years; s is nil where
// that was decided before.
// Refused with ErrNotKept where s is nil and the letter is not kept, ErrBadDecision, or
// as whoHasRead says.
func (r *Register) Share(ctx context.Context, id letter.ID, sh Sharing, s *Safeguarding, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		today := letter.DateOf(r.Now())
		if !sh.Agency.valid() || !sh.Basis.valid() || today.Before(sh.On) || sh.On.Before(l.ReceivedOn()) {
			return ErrBadDecision
		}
		if l.Class != letter.FiveYears {
			if s == nil {
				return ErrNotKept
			}
			if err := r.safeguard(ctx, tx, &l, *s, person); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, LetterShared(sh), id, person)
	})
}

func (r *Register) safeguard(ctx context.Context, tx *sql.Tx, l *Letter, s Safeguarding, person int64) error {
	if l.IsResponse() {
		return ErrBadDecision // its letter is what is kept
	}
	if l.Class == letter.FiveYears {
		return ErrKeptAlready
	}
	today := letter.DateOf(r.Now())
	l.Class, l.Since = letter.FiveYears, today
	l.Reason, l.Told, l.Review, l.Named = s.Reason, s.Told, s.Review, s.Named
	if err := r.checkSafeguarding(ctx, tx, *l); err != nil {
		return err
	}
	if err := r.keep(ctx, tx, l); err != nil {
		return err
	}
	if err := r.keepWith(ctx, tx, *l); err != nil {
		return err
	}
	return r.append(ctx, tx, LetterSafeguarded{Reason: s.Reason, Told: s.Told, From: today, Deadline: l.Deadline(),
		Review: s.Review, Named: s.Named}, l.ID, person)
}

// ReviewSafeguarding records that the manager, or the named leader, has looked
// at a five-year letter again: when the next time is, and who may open it.
// Refused with ErrNotFound, also where the person is walled off from the letter,
// ErrNotOpen, ErrReplaced, ErrNotKept and ErrBadDecision.
func (r *Register) ReviewSafeguarding(ctx context.Context, id letter.ID, review letter.Date, named, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.decidable(ctx, tx, id)
		if err == nil {
			err = notWalled(ctx, tx, id, person)
		}
		if err != nil {
			return err
		}
		if l.Class != letter.FiveYears {
			return ErrNotKept
		}
		l.Review, l.Named = review, named
		if err := r.checkSafeguarding(ctx, tx, l); err != nil {
			return err
		}
		if err := r.keep(ctx, tx, &l); err != nil {
			return err
		}
		if err := r.keepWith(ctx, tx, l); err != nil {
			return err
		}
		return r.append(ctx, tx, SafeguardingReviewed{Review: review, Named: named}, id, person)
	})
}

// keepWith lets whoever may open the letter, and nobody else, open what goes with
// it. Older scans of its paper are kept as long as it is: none may end while no
// newer one was found readable.
func (r *Register) keepWith(ctx context.Context, tx *sql.Tx, l Letter) error {
	return r.eachWith(ctx, tx, l.ID, func(a *Letter) error {
		a.Named = l.Named
		if a.State == Replaced {
			a.Class, a.Since = l.Class, l.Since
		}
		if err := r.keep(ctx, tx, a); err != nil || a.State != ToConfirm {
			return err
		}
		return callConfirmers(ctx, tx, *a)
	})
}

// checkSafeguarding refuses what no form of ours would send.
func (r *Register) checkSafeguarding(ctx context.Context, tx *sql.Tx, l Letter) error {
	today := letter.DateOf(r.Now())
	if !l.Reason.valid() || !l.Told.valid() || !today.Before(l.Review) || !l.Review.Before(l.Deadline()) {
		return ErrBadDecision
	}
	var leads int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people p JOIN people_helplines h ON h.person = p.number
		WHERE p.number = $1 AND p.role = $2 AND p.disabled IS NULL AND h.helpline = $3`, l.Named, string(TeamLeader), l.Helpline).Scan(&leads); err != nil {
		return err
	}
	if leads == 0 || l.WalledOff(l.Named) {
		return ErrBadDecision
	}
	return nil
}

// ReviewsDue counts five-year letters whose review has come.
func (r *Register) ReviewsDue(ctx context.Context, today letter.Date) (n int, err error) {
	err = r.read.QueryRowContext(ctx, reviewsDue, today.String()).Scan(&n)
	return n, err
}

const reviewsDue = `SELECT count(*) FROM letters WHERE review <> '' AND review <= $1`

// NamedMayNotOpen counts the letters that a leader alone may open, beside the
// manager, who has left, or has lost the role or the helpline, or knows somebody in it.
func (r *Register) NamedMayNotOpen(ctx context.Context) (letters int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM letters l WHERE l.named > 0 AND l.answers = '' AND NOT EXISTS
		(SELECT 1 FROM people p WHERE p.number = l.named AND p.disabled IS NULL AND `+unwalled(`l.id`, `p.number`)+` AND (p.role = $1 OR
			p.role = $2 AND EXISTS (SELECT 1 FROM people_helplines h WHERE h.person = p.number AND h.helpline = l.helpline)))`,
		string(Manager), string(TeamLeader)).Scan(&letters)
	return letters, err
}
