package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Request is what one person has asked for and another must confirm: that a
// letter is erased before its time, that it is not kept for five years after
// all, or that it goes to the helpline to which it was written. One of Erase,
// Withdraw and To says which.
type Request struct {
	Number   int64
	Letter   letter.ID
	Helpline string         // whose it is now
	Erase    EraseReason    // why it is to be erased
	Withdraw WithdrawReason // why the decision to keep it was wrong
	To       string         // the helpline to which it belongs
	AskedBy  int64          // staff number
	Asked    time.Time
}

// Errors of requests.
var (
	ErrAsked    = errors.New("something was asked for this letter already")
	ErrSameTwo  = errors.New("the person who asked cannot be the one who confirms")
	ErrOnHold   = errors.New("the letter is on hold")
	ErrKeptHere = errors.New("a letter that is kept for five years stays with its helpline")
	ErrShared   = errors.New("a letter that was shared with an agency is kept for five years")
	ErrOldAsked = errors.New("who asked has not opened the new scan of the letter")
)

// AskErasure records that the person, who has opened the letter, wants it erased
// before its time. Nothing happens until somebody else confirms it.
// Refused with ErrAsked, ErrOnHold, ErrBadDecision, or as ErrNotRead says.
func (r *Register) AskErasure(ctx context.Context, id letter.ID, why EraseReason, person int64) error {
	if !why.valid() {
		return ErrBadDecision
	}
	return r.ask(ctx, Request{Letter: id, Erase: why, AskedBy: person}, func(_ *sql.Tx, n int64, _ Letter) (Event, error) {
		return ErasureAsked{Request: n, Reason: why}, nil
	})
}

// AskWithdrawal records that the person, who has opened the letter, found the
// decision to keep it for five years to be wrong. Nothing happens until somebody
// else confirms it, and nothing can where the letter was shared with an agency:
// then the policy demands the five years.
// Refused with ErrAsked, ErrNotKept, ErrShared, ErrBadDecision, or as ErrNotRead says.
func (r *Register) AskWithdrawal(ctx context.Context, id letter.ID, why WithdrawReason, person int64) error {
	if !why.valid() {
		return ErrBadDecision
	}
	return r.ask(ctx, Request{Letter: id, Withdraw: why, AskedBy: person}, func(tx *sql.Tx, n int64, l Letter) (Event, error) {
		ends, err := withdrawnDeadline(ctx, tx, l)
		return WithdrawalAsked{Request: n, Reason: why, Deadline: ends}, err
	})
}

// AskRedirection records that the person, who has opened the letter, found it to
// be another helpline's. Nothing happens until somebody else confirms it.
// Refused with ErrAsked, ErrKeptHere, ErrBadDecision, or as ErrNotRead says.
func (r *Register) AskRedirection(ctx context.Context, id letter.ID, to string, person int64) error {
	return r.ask(ctx, Request{Letter: id, To: to, AskedBy: person}, func(_ *sql.Tx, n int64, l Letter) (Event, error) {
		return RedirectionAsked{Request: n, From: Name(l.Helpline), To: Name(to)}, nil
	})
}

func (r *Register) ask(ctx context.Context, q Request, event func(tx *sql.Tx, number int64, l Letter) (Event, error)) error {
	return r.formTx(ctx, q.AskedBy, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, q.Letter, q.AskedBy)
		if err != nil {
			return err
		}
		if err := r.mayBe(ctx, tx, q, l); err != nil {
			return err
		}
		var number int64
		err = tx.QueryRowContext(ctx, `INSERT INTO requests (letter, reason, withdraw, helpline, asked_by, asked) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (letter) DO NOTHING RETURNING number`, string(q.Letter), string(q.Erase), string(q.Withdraw), q.To, q.AskedBy, millis(r.Now())).Scan(&number)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrAsked
		}
		if err != nil {
			return err
		}
		ev, err := event(tx, number, l)
		if err != nil {
			return err
		}
		return r.append(ctx, tx, ev, q.Letter, q.AskedBy)
	})
}

// mayBe reports why the request does not fit the letter, when it is asked and
// again when it is confirmed.
func (r *Register) mayBe(ctx context.Context, tx *sql.Tx, q Request, l Letter) error {
	switch {
	case l.Unkept():
		return ErrBadDecision // who uploaded it throws it away
	case q.Erase != "" && l.Held():
		return ErrOnHold
	case q.Erase != "":
		return nil
	case q.Withdraw != "" && l.Class != letter.FiveYears:
		return ErrNotKept
	case q.Withdraw != "":
		return unshared(ctx, tx, l)
	case l.IsResponse() || !letter.ValidName(q.To) || q.To == l.Helpline:
		return ErrBadDecision
	case l.Named != 0:
		return ErrKeptHere // its named leader is of this helpline
	}
	return nil
}

// unshared reports ErrShared for a letter that was shared with an agency, as this scan
// of its paper or as one before.
func unshared(ctx context.Context, q querier, l Letter) error {
	scans, err := scansUntil(ctx, q, l)
	for _, id := range scans {
		var shared int
		if err := q.QueryRowContext(ctx, onRecord+` AND kind = $2`, string(id), LetterShared{}.kind()).Scan(&shared); err != nil {
			return err
		}
		if shared > 0 {
			return ErrShared
		}
	}
	return err
}

// ConfirmRequest does what was asked, on the word of a second person, with the
// letter and with all that goes with it. An erased letter is due at once and
// ends like any other, with its proof. One that is not kept after all has its six
// months from receipt again: the pipeline moves it back or, where they are over,
// ends it. A redirected one is the right helpline's from this moment: its leaders
// are told of it, and the pipeline seals it anew in their place.
// Refused with ErrNotFound, also where the person is walled off from the letter,
// ErrSameTwo, ErrOldAsked, and with what the letter has become since: ErrNotOpen,
// ErrReplaced, or what refuses the asking.
func (r *Register) ConfirmRequest(ctx context.Context, number, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		q, l, err := r.second(ctx, tx, number, person)
		if err != nil {
			return err
		}
		if err := r.mayBe(ctx, tx, q, l); err != nil {
			return err
		}
		// It may have been asked of the scan before this one, and nobody knows yet
		// whether the paper is the same.
		if err := hasRead(ctx, tx, l.ID, q.AskedBy); errors.Is(err, ErrNotRead) {
			return ErrOldAsked
		} else if err != nil {
			return err
		}
		switch {
		case q.Erase != "":
			if err := r.eachWith(ctx, tx, l.ID, func(a *Letter) error {
				if a.Held() {
					return ErrOnHold // by a hold of its own
				}
				return r.erase(ctx, tx, a, q, person)
			}); err != nil {
				return err
			}
			return r.erase(ctx, tx, &l, q, person)
		case q.Withdraw != "":
			return r.unkeep(ctx, tx, &l, q, person)
		}
		return r.redirect(ctx, tx, q, &l, person)
	})
}

// erase has the letter, or one that goes with it, end at once.
func (r *Register) erase(ctx context.Context, tx *sql.Tx, l *Letter, q Request, person int64) error {
	l.Erase = q.Erase
	return r.shorten(ctx, tx, l, ErasureConfirmed{Request: q.Number, Reason: q.Erase, AskedBy: q.AskedBy}, person)
}

// unkeep has the letter kept as if nobody had decided otherwise. Its answers,
// which have their own six months all along, are every leader's again too.
func (r *Register) unkeep(ctx context.Context, tx *sql.Tx, l *Letter, q Request, person int64) error {
	came, err := paperCame(ctx, tx, *l)
	if err != nil {
		return err
	}
	l.Class, l.Since = l.Manifest.Class, came
	l.Reason, l.Told, l.Review, l.Named = "", "", letter.Date{}, 0
	if err := r.keepWith(ctx, tx, *l); err != nil {
		return err
	}
	return r.shorten(ctx, tx, l, SafeguardingWithdrawn{Request: q.Number, Reason: q.Withdraw, AskedBy: q.AskedBy, Deadline: l.Deadline()}, person)
}

// WithdrawnDeadline is when a letter that is kept for five years would end if that were
// withdrawn: of a paper that was scanned again late, six months from when it first came.
func (r *Register) WithdrawnDeadline(ctx context.Context, l Letter) (letter.Date, error) {
	return withdrawnDeadline(ctx, r.read, l)
}

func withdrawnDeadline(ctx context.Context, q querier, l Letter) (letter.Date, error) {
	came, err := paperCame(ctx, q, l)
	return letter.Deadline(came, l.Manifest.Class), err
}

// shorten records a decision by which the letter ends earlier, perhaps at once.
func (r *Register) shorten(ctx context.Context, tx *sql.Tx, l *Letter, ev Event, person int64) error {
	if err := r.keep(ctx, tx, l); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1 WHERE id = $2`, millis(r.Now()), string(l.ID)); err != nil {
		return err
	}
	if err := r.append(ctx, tx, ev, l.ID, person); err != nil {
		return err
	}
	return r.due(ctx, tx, l.ID)
}

func (r *Register) redirect(ctx context.Context, tx *sql.Tx, q Request, l *Letter, person int64) error {
	from := l.Helpline
	if err := r.takeHoldsAlong(ctx, tx, l.ID, from, q.To, person); err != nil {
		return err
	}
	redirected := LetterRedirected{Request: q.Number, From: Name(from), To: Name(q.To), AskedBy: q.AskedBy}
	give := func(l *Letter) error {
		l.Helpline = q.To
		if err := r.keep(ctx, tx, l); err != nil {
			return err
		}
		return r.underHolds(ctx, tx, l) // another helpline, other holds
	}
	if err := r.eachWith(ctx, tx, l.ID, func(a *Letter) error {
		if err := give(a); err != nil {
			return err
		}
		if a.State == ToConfirm {
			if err := callConfirmers(ctx, tx, *a); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, redirected, a.ID, person)
	}); err != nil {
		return err
	}
	if err := give(l); err != nil {
		return err
	}
	// Whoever was told, or was to be told, is not of this helpline: the telling begins anew.
	if _, err := tx.ExecContext(ctx, `DELETE FROM mails WHERE letter = $1`, string(l.ID)); err != nil {
		return err
	}
	// The paper lies with the wrong people, whom the next receipt tells.
	return r.move(ctx, tx, l, change{to: Receipted, receiptDue: true, due: true}, redirected, person)
}

// DeclineRequest records that somebody said no, or that the person who asked
// takes it back.
// Refused with ErrNotFound, also where the person is walled off from the letter,
// ErrNotOpen and ErrReplaced.
func (r *Register) DeclineRequest(ctx context.Context, number, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		q, _, err := r.second(ctx, tx, number, person)
		if err != nil && !errors.Is(err, ErrSameTwo) {
			return err
		}
		return r.append(ctx, tx, RequestDeclined{Request: number, AskedBy: q.AskedBy}, q.Letter, person)
	})
}

// second takes the request out of what waits, for the act of a second person. To one
// who is walled off from its letter there is none: ErrNotFound.
func (r *Register) second(ctx context.Context, tx *sql.Tx, number, person int64) (Request, Letter, error) {
	q, err := scanRequest(tx.QueryRowContext(ctx, requestColumns+` WHERE q.number = $1`, number))
	if err != nil {
		return q, Letter{}, err
	}
	if err := notWalled(ctx, tx, q.Letter, person); err != nil {
		return q, Letter{}, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM requests WHERE number = $1`, number); err != nil {
		return q, Letter{}, err
	}
	l, err := r.decidable(ctx, tx, q.Letter)
	if err == nil && q.AskedBy == person {
		err = ErrSameTwo
	}
	return q, l, err
}

const requestColumns = `SELECT q.number, q.letter, l.helpline, q.reason, q.withdraw, q.helpline, q.asked_by, q.asked FROM requests q JOIN letters l ON l.id = q.letter`

func scanRequest(row scannable) (Request, error) {
	var q Request
	var asked int64
	err := row.Scan(&q.Number, &q.Letter, &q.Helpline, &q.Erase, &q.Withdraw, &q.To, &q.AskedBy, &asked)
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, ErrNotFound
	}
	if err != nil {
		return Request{}, fmt.Errorf("reading request: %w", err)
	}
	q.Asked = fromMillis(asked)
	return q, nil
}

// Requests returns what waits for a second person, oldest first, but for what is
// asked of letters from which the person is walled off.
func (r *Register) Requests(ctx context.Context, person int64) ([]Request, error) {
	rows, err := r.read.QueryContext(ctx, requestColumns+` WHERE `+unwalled(`q.letter`, `$1`)+` ORDER BY q.number`, person)
	if err != nil {
		return nil, fmt.Errorf("reading requests: %w", err)
	}
	return scanAll(rows, scanRequest)
}

// RequestOf is what waits for a second person about that letter, or ErrNotFound.
func (r *Register) RequestOf(ctx context.Context, id letter.ID) (Request, error) {
	return scanRequest(r.read.QueryRowContext(ctx, requestColumns+` WHERE q.letter = $1`, string(id)))
}
