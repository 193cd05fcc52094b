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
	Requests int // that were asked for before today, and wait for a second person: ends of holds among them
	Reviews  int // of five-year letters and of holds, that are due
}

// Waiting counts what has waited for people since before today, but for what is of
// letters from which the person is walled off; nobody, 0, is from none. Of what comes
// in a day they are told by itself: see OwedRequestMails.
func (r *Register) Waiting(ctx context.Context, today letter.Date, person int64) (w Waiting, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM requests WHERE asked < $2 AND `+unwalled(`requests.letter`, `$3`)+`) +
		(SELECT count(*) FROM holds WHERE release_by <> 0 AND release_asked < $2 AND `+unwalled(`holds.letter`, `$3`)+`),
		(`+reviewsDue+` AND `+unwalled(`letters.id`, `$3`)+`) + (SELECT count(*) FROM holds WHERE review <= $1 AND `+unwalled(`holds.letter`, `$3`)+`)`,
		today.String(), millis(today.Start()), person).Scan(&w.Requests, &w.Reviews)
	if err != nil {
		err = fmt.Errorf("counting what waits: %w", err)
	}
	return w, err
}

// RequestMail is one message that one person is owed about one request.
type RequestMail struct {
	Mail
	Request int64
}

// secondPeople are, for each request that waits, those who may confirm it and
// have an address: managers and data-protection officers, but not who has asked, nor
// who is walled off from its letter.
var secondPeople = ` FROM requests q JOIN people p ON ` + toldOfAlarms + ` AND p.number <> q.asked_by AND ` + unwalled(`q.letter`, `p.number`)

// OwedRequestMails writes down one mail for each who may confirm a request that
// waits, unless that is done, and returns what is still owed of them. However
// often it is asked, by however many processes, each person is owed one mail for
// each request, and none once it is confirmed, declined or taken back.
func (r *Register) OwedRequestMails(ctx context.Context, domain string) (owed []RequestMail, err error) {
	missing := `SELECT q.number, p.number` + secondPeople + ` AND NOT EXISTS
		(SELECT 1 FROM request_mails m WHERE m.request = q.number AND m.person = p.number)`
	var any bool
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (`+missing+`)`).Scan(&any)
	if err == nil && any {
		err = r.inTx(ctx, func(tx *sql.Tx) error { return queueRequestMails(ctx, tx, missing, domain) })
	}
	if err != nil {
		return nil, fmt.Errorf("queueing mails about requests: %w", err)
	}
	rows, err := r.read.QueryContext(ctx, `SELECT q.number, p.number, p.email, m.message_id`+secondPeople+`
		JOIN request_mails m ON m.request = q.number AND m.person = p.number WHERE m.sent IS NULL ORDER BY q.number, p.number`)
	if err != nil {
		return nil, fmt.Errorf("reading mails about requests: %w", err)
	}
	return scanAll(rows, func(row scannable) (m RequestMail, err error) {
		return m, row.Scan(&m.Request, &m.Person, &m.Address, &m.MessageID)
	})
}

func queueRequestMails(ctx context.Context, tx *sql.Tx, missing, domain string) error {
	rows, err := tx.QueryContext(ctx, missing)
	if err != nil {
		return err
	}
	owed, err := scanAll(rows, func(row scannable) (m RequestMail, err error) {
		return m, row.Scan(&m.Request, &m.Person)
	})
	for _, m := range owed {
		id := newMessageID(domain)
		_, failed := tx.ExecContext(ctx, `INSERT INTO request_mails (request, person, message_id) VALUES ($1, $2, $3)
			ON CONFLICT (request, person) DO NOTHING`, m.Request, m.Person, id)
		err = errors.Join(err, failed)
	}
	return err
}

// RequestMailSent notes that a mail server took the mail.
func (r *Register) RequestMailSent(ctx context.Context, m RequestMail) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE request_mails SET sent = $1 WHERE request = $2 AND person = $3 AND sent IS NULL`,
			millis(r.Now()), m.Request, m.Person)
		return err
	})
}
