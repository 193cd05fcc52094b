package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// Waiting counts what waits for people and is no alarm.
type Waiting struct {
	Urgent   int // letters of which a reader has said that somebody is in danger, and nobody has decided; for managers, who do
	Requests int // that were asked for before today, and wait for a second person: ends of holds among them
	Reviews  int // of five-year letters and of holds, that are due; that of a hold for which nobody answers any more is
}

// Waiting counts what has waited for people since before today, but for what is of
// letters from which the person is walled off; nobody, 0, is from none. Of what comes
// in a day they are told by itself: see OwedRequestMails.
func (r *Register) Waiting(ctx context.Context, today letter.Date, person int64) (w Waiting, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT (`+urgentLetters+`), (SELECT count(*) FROM requests WHERE asked < $2 AND `+unwalled(`requests.letter`, `$3`)+`) +
		(SELECT count(*) FROM holds WHERE release_by <> 0 AND release_asked < $2 AND `+unwalled(`holds.letter`, `$3`)+`),
		(`+reviewsDue+` AND `+unwalled(`letters.id`, `$3`)+`) + (SELECT count(*) FROM holds WHERE (review <= $1 OR `+unanswered+`) AND `+unwalled(`holds.letter`, `$3`)+`)`,
		today.String(), millis(today.Start()), person).Scan(&w.Urgent, &w.Requests, &w.Reviews)
	if err != nil {
		err = fmt.Errorf("counting what waits: %w", err)
	}
	return w, err
}

// urgentLetters counts them. Of one of which it was said today, or said again, the
// managers have just been told by itself.
var urgentLetters = `SELECT count(*) FROM letters l WHERE l.risk = 'urgent' AND l.reason = '' AND ` + canBeOpened + ` AND ` + unwalled(`l.id`, `$3`) + `
	AND COALESCE((SELECT max(e.at) FROM entries e WHERE e.letter = l.id AND e.letter <> '' AND e.kind = '` + RiskSaid{}.kind() + `'), 0) < $2
	AND ($3 = 0 OR EXISTS (SELECT 1 FROM people p WHERE p.number = $3 AND p.role = '` + string(Manager) + `'))`

// RequestMail is one message that one person is owed about one request, or about the
// asked-for end of one hold.
type RequestMail struct {
	Mail
	Request int64 // 0 for a hold's end
	Hold    int64
}

// secondMails are the mails about what of one kind waits for a second person.
type secondMails struct {
	table, of string // and its column that says of which
	people    string // for each that waits, those who may confirm it and have an address
}

// Those who may confirm are managers and data-protection officers, but not who has asked,
// nor who is walled off from the letter: of a hold of everything of a helpline, from any
// that it keeps, as knowsNobodyHeld has it.
var (
	requestMails = secondMails{`request_mails`, `request`,
		` FROM requests q JOIN people p ON ` + toldOfAlarms + ` AND p.number <> q.asked_by AND ` + unwalled(`q.letter`, `p.number`)}
	holdMails = secondMails{`hold_mails`, `hold`,
		` FROM holds q JOIN people p ON ` + toldOfAlarms + ` AND q.release_by <> 0 AND p.number <> q.release_by AND ` + unwalled(`q.letter`, `p.number`) + `
			AND (q.letter <> '' OR NOT EXISTS (SELECT 1 FROM walls w JOIN letters l ON l.id = w.letter
				WHERE w.person = p.number AND l.helpline = q.helpline AND l.held_since <> ''))`}
)

// unsent is those mails that are owed, and no others.
func (of secondMails) unsent() string {
	return of.people + ` JOIN ` + of.table + ` m ON m.` + of.of + ` = q.number AND m.person = p.number WHERE m.sent IS NULL`
}

// OwedRequestMails writes down one mail for each who may confirm a request that
// waits, or the end of a hold, unless that is done, and returns what is still owed of
// them. However often it is asked, by however many processes, each person is owed one
// mail for each, and none once it is confirmed, declined or taken back, or the hold goes
// on.
func (r *Register) OwedRequestMails(ctx context.Context, domain string) (owed []RequestMail, err error) {
	for _, of := range []secondMails{requestMails, holdMails} {
		part, err := r.owedSecondMails(ctx, of, domain)
		if err != nil {
			return nil, err
		}
		owed = append(owed, part...)
	}
	return owed, nil
}

func (r *Register) owedSecondMails(ctx context.Context, of secondMails, domain string) (owed []RequestMail, err error) {
	missing := `SELECT q.number, p.number` + of.people + ` AND NOT EXISTS
		(SELECT 1 FROM ` + of.table + ` m WHERE m.` + of.of + ` = q.number AND m.person = p.number)`
	var any bool
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (`+missing+`)`).Scan(&any)
	if err == nil && any {
		err = r.inTx(ctx, func(tx *sql.Tx) error { return queueSecondMails(ctx, tx, of, missing, domain) })
	}
	if err != nil {
		return nil, fmt.Errorf("queueing mails about requests: %w", err)
	}
	rows, err := r.read.QueryContext(ctx, `SELECT q.number, p.number, p.email, m.message_id`+of.unsent()+` ORDER BY q.number, p.number`)
	if err != nil {
		return nil, fmt.Errorf("reading mails about requests: %w", err)
	}
	return scanAll(rows, func(row scannable) (m RequestMail, err error) {
		number := &m.Request
		if of == holdMails {
			number = &m.Hold
		}
		return m, row.Scan(number, &m.Person, &m.Address, &m.MessageID)
	})
}

func queueSecondMails(ctx context.Context, tx *sql.Tx, of secondMails, missing, domain string) error {
	rows, err := tx.QueryContext(ctx, missing)
	if err != nil {
		return err
	}
	owed, err := scanAll(rows, func(row scannable) (m [2]int64, err error) {
		return m, row.Scan(&m[0], &m[1])
	})
	for _, m := range owed {
		id := newMessageID(domain)
		_, failed := tx.ExecContext(ctx, `INSERT INTO `+of.table+` (`+of.of+`, person, message_id) VALUES ($1, $2, $3)
			ON CONFLICT (`+of.of+`, person) DO NOTHING`, m[0], m[1], id)
		err = errors.Join(err, failed)
	}
	return err
}

// RequestMailSent notes that a mail server took the mail.
func (r *Register) RequestMailSent(ctx context.Context, m RequestMail) error {
	of, number := requestMails, m.Request
	if m.Hold != 0 {
		of, number = holdMails, m.Hold
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE `+of.table+` SET sent = $1 WHERE `+of.of+` = $2 AND person = $3 AND sent IS NULL`,
			millis(r.Now()), number, m.Person)
		return err
	})
}

// askRelease notes who has asked for the end of a hold that a second person must confirm;
// nobody, 0, where the hold goes on. Whoever was told of it before is told anew.
func (r *Register) askRelease(ctx context.Context, tx *sql.Tx, hold, by int64) error {
	var asked int64
	if by != 0 {
		asked = millis(r.Now())
	}
	if _, err := tx.ExecContext(ctx, `UPDATE holds SET release_by = $1, release_asked = $2 WHERE number = $3`, by, asked, hold); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM hold_mails WHERE hold = $1`, hold)
	return err
}
