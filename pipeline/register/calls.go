package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"letterlock/scanner/letter"
)

// Call is one message by which a reader's decision calls one person to a letter.
type Call struct {
	Mail
	Letter letter.ID
	Why    CallReason
}

// CallReason is what somebody is called for. It is in no mail and on no entry.
type CallReason string

const (
	CalledRecused CallReason = "recused" // a reader has stepped back
	CalledUrgent  CallReason = "urgent"  // somebody is in danger now
	CalledHanded  CallReason = "handed"  // a colleague hands the letter over
	CalledNobody  CallReason = "nobody"  // it was handed to somebody who may not read it any more

	CalledConfirm  CallReason = "confirm"  // a colleague's answer waits for somebody else to confirm its address
	CalledUnkept   CallReason = "unkept"   // nobody kept the copy of an answer that they had uploaded
	CalledBack     CallReason = "back"     // the copy that they had uploaded came back with a restore, and waits to be kept
	CalledDeclined CallReason = "declined" // somebody else did not confirm the address of their answer

	CalledConfirmed CallReason = "confirmed" // somebody else did, and it may be posted

	CalledAwayKept   CallReason = "away-kept"   // somebody else did, and the letter is not theirs to read any more
	CalledAwayUnkept CallReason = "away-unkept" // somebody else did not, of such a letter
)

// callManagers owes every manager who has an address a mail about the letter, in
// the transaction of the decision that calls for it: if that is on record, so is
// who is to be told. Whoever decides need not be told of it.
func (r *Register) callManagers(ctx context.Context, tx *sql.Tx, id letter.ID, why CallReason, by int64) error {
	managers, err := numbersIn(ctx, tx, `SELECT number FROM people WHERE role = $1 AND disabled IS NULL AND email <> '' AND number <> $2
		AND number NOT IN (SELECT person FROM walls WHERE letter = $3)`, string(Manager), by, string(id))
	if err != nil {
		return err
	}
	for _, n := range managers {
		if err := call(ctx, tx, id, n, why); err != nil {
			return err
		}
	}
	return nil
}

// callOthers owes a mail about the letter to everybody beside those persons who may
// read it and has an address.
func callOthers(ctx context.Context, tx *sql.Tx, l Letter, why CallReason, but ...int64) error {
	others, err := numbersIn(ctx, tx, `SELECT p.number `+readers+` AND p.email <> ''`,
		string(l.ID), string(Manager), string(TeamLeader), l.Named, l.Helpline)
	if err != nil {
		return err
	}
	for _, n := range others {
		if slices.Contains(but, n) {
			continue
		}
		if err := call(ctx, tx, l.ID, n, why); err != nil {
			return err
		}
	}
	return nil
}

// call owes the person one mail. Called again for the same they are told again.
func call(ctx context.Context, tx *sql.Tx, id letter.ID, person int64, why CallReason) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO calls (letter, person, why, token) VALUES ($1, $2, $3, $4)
		ON CONFLICT (letter, person, why) DO UPDATE SET token = excluded.token, sent = NULL`,
		string(id), person, string(why), strings.ToLower(rand.Text()))
	return err
}

// mayBeCalled asks once more, of each call that waits, what the person is now: a role or a
// helpline may have been taken since. It waits on, and is theirs if that was a mistake.
const mayBeCalled = `(p.role = '` + string(Manager) + `' OR p.role = '` + string(TeamLeader) + `'
	AND c.why NOT IN ('` + string(CalledRecused) + `', '` + string(CalledUrgent) + `', '` + string(CalledNobody) + `')
	AND (c.why <> '` + string(CalledConfirm) + `' OR EXISTS (SELECT 1 FROM letters l JOIN people_helplines h ON h.helpline = l.helpline
		WHERE l.id = c.letter AND h.person = p.number)))`

const owedCalls = ` FROM calls c JOIN people p ON p.number = c.person WHERE c.sent IS NULL AND p.disabled IS NULL AND p.email <> '' AND ` + mayBeCalled

// OwedCalls returns the mails that calls still owe, those of people apart who have
// left, have no address, or may not be called any more.
func (r *Register) OwedCalls(ctx context.Context, domain string) ([]Call, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT c.letter, c.why, c.person, p.email, c.token || '@' || $1`+owedCalls+` ORDER BY c.letter, c.person`, domain)
	if err != nil {
		return nil, fmt.Errorf("reading whom decisions call: %w", err)
	}
	return scanAll(rows, func(row scannable) (c Call, err error) {
		return c, row.Scan(&c.Letter, &c.Why, &c.Person, &c.Address, &c.MessageID)
	})
}

// CallSent notes that a mail server took the mail.
func (r *Register) CallSent(ctx context.Context, c Call) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		token, _, _ := strings.Cut(c.MessageID, "@")
		_, err := tx.ExecContext(ctx, `UPDATE calls SET sent = $1 WHERE letter = $2 AND person = $3 AND why = $4 AND token = $5 AND sent IS NULL`,
			millis(r.Now()), string(c.Letter), c.Person, string(c.Why), token)
		return err
	})
}
