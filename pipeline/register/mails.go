package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"letterlock/scanner/letter"
)

const unsentMails = `SELECT count(*) FROM mails WHERE letter = $1 AND sent IS NULL`

// Mail is one message that one person is owed about one letter.
type Mail struct {
	Person    int64
	Address   string
	MessageID string // the same at every attempt, so that a mailbox can tell a repeat
}

// newMessageID is one that no other message has.
func newMessageID(domain string) string { return strings.ToLower(rand.Text()) + "@" + domain }

// mayBeMailed are those, of people p, who may open the letter l as far as that is not a
// matter of their helplines: not walled off from it, and nobody but the one leader of a
// letter that is kept for five years.
var mayBeMailed = `l.named IN (0, p.number) AND ` + unwalled(`l.id`, `p.number`)

// QueueMails writes down one mail for each enabled team leader of the letter's
// helpline who may open it, before any is sent, and returns how many
// people that are. Asked again, it adds nobody twice.
func (r *Register) QueueMails(ctx context.Context, l Letter, domain string) (people int, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		numbers, err := numbersIn(ctx, tx, `SELECT p.number FROM letters l JOIN people_helplines h ON h.helpline = l.helpline
			JOIN people p ON p.number = h.person WHERE l.id = $1 AND p.role = $2 AND p.disabled IS NULL AND p.email <> ''
			AND `+mayBeMailed, string(l.ID), string(TeamLeader))
		if err != nil {
			return err
		}
		people = len(numbers)
		for _, n := range numbers {
			id := newMessageID(domain)
			if _, err := tx.ExecContext(ctx, `INSERT INTO mails (letter, person, message_id) VALUES ($1, $2, $3)
				ON CONFLICT (letter, person) DO NOTHING`, string(l.ID), n, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("queueing mails: %w", err)
	}
	return people, nil
}

// UnsentMails returns what is still owed about the letter. A person who was
// disabled meanwhile is owed nothing (see DisablePerson), nor is one who may not
// open it any more.
func (r *Register) UnsentMails(ctx context.Context, id letter.ID) ([]Mail, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT m.person, p.email, m.message_id FROM mails m
		JOIN people p ON p.number = m.person JOIN letters l ON l.id = m.letter WHERE m.letter = $1 AND m.sent IS NULL
		AND `+mayBeMailed+` ORDER BY m.person`, string(id))
	if err != nil {
		return nil, fmt.Errorf("reading mails: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Mail
	for rows.Next() {
		var m Mail
		if err := rows.Scan(&m.Person, &m.Address, &m.MessageID); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// Untold are the staff numbers of those to whom a mail about a letter was not taken
// when it was tried last.
func (r *Register) Untold(ctx context.Context) ([]int64, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT DISTINCT m.person FROM mails m JOIN letters l ON l.id = m.letter
		JOIN people p ON p.number = m.person WHERE m.sent IS NULL AND l.trouble = $1 AND `+mayBeMailed+` ORDER BY m.person`, string(MailDown))
	if err != nil {
		return nil, fmt.Errorf("reading who is not told: %w", err)
	}
	return scanNumbers(rows)
}

// Told counts the people whose mail about the letter was taken.
func (r *Register) Told(ctx context.Context, id letter.ID) (people int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM mails WHERE letter = $1 AND sent IS NOT NULL`, string(id)).Scan(&people)
	return people, err
}

// MailSent notes that a mail server took the mail.
func (r *Register) MailSent(ctx context.Context, id letter.ID, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE mails SET sent = $1 WHERE letter = $2 AND person = $3 AND sent IS NULL`,
			millis(r.Now()), string(id), person)
		return err
	})
}

// Notified says that every mail is sent. The state moves on only if nobody has
// opened the letter meanwhile; the entry is written either way.
func (r *Register) Notified(ctx context.Context, l *Letter) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT person FROM mails WHERE letter = $1 AND sent IS NOT NULL ORDER BY person`, string(l.ID))
		if err != nil {
			return err
		}
		staff, err := scanNumbers(rows)
		if err != nil {
			return err
		}
		to := l.State
		if to == Receipted {
			to = Notified
		}
		return r.move(ctx, tx, l, change{to: to, receiptDue: l.ReceiptDue}, LetterNotified{Staff: staff}, 0)
	})
}

// mailsWaiting counts what the queries for owed mails find, and nothing that they pass
// over: an alert goes by it, and would never end over a mail that nobody ever sends.
// $1 and $2 are this moment and $3 its day; the day's mails are those that may be of it,
// also what an administrator is owed no more where the server that has asked for it is gone.
var mailsWaiting = `SELECT (SELECT count(*) FROM mails m JOIN letters l ON l.id = m.letter JOIN people p ON p.number = m.person
	WHERE m.sent IS NULL AND ` + mayBeMailed + `) +
	(SELECT count(*)` + requestMails.unsent() + `) + (SELECT count(*)` + holdMails.unsent() + `) +
	(SELECT count(*) FROM daily_mails m JOIN people p ON p.number = m.person WHERE m.day = $3 AND m.sent IS NULL AND ` + mayBeTold + `) +
	(SELECT count(*)` + remindedOf + ` AND m.day = $3 AND m.sent IS NULL) +
	(SELECT count(*)` + owedCalls + `) + (SELECT count(*)` + owedInvitations + `) + (SELECT count(*)` + owedAccountMails + `)`

// MailsWaiting counts mails that are owed and that no server has taken yet.
func (r *Register) MailsWaiting(ctx context.Context) (n int, err error) {
	now := r.Now()
	err = r.read.QueryRowContext(ctx, mailsWaiting, millis(now), millis(now), letter.DateOf(now).String()).Scan(&n)
	if err != nil {
		err = fmt.Errorf("counting mails that wait: %w", err)
	}
	return n, err
}

// forgetOwed deletes the mails of a table that nobody is owed any more. With none of
// them it costs no write.
func (r *Register) forgetOwed(ctx context.Context, table, over string, args ...any) error {
	var there bool
	err := r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+` WHERE `+over+`)`, args...).Scan(&there)
	if err != nil || !there {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+over, args...)
		return err
	})
}

// numbersIn are the numbers that a query within the transaction finds.
func numbersIn(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanNumbers(rows)
}

func scanNumbers(rows *sql.Rows) ([]int64, error) {
	defer func() { _ = rows.Close() }()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
