package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Reminder is one message to one person about letters that nobody has opened.
type Reminder struct {
	Mail
	Manager bool // of any helpline, and not of their own
}

// unreadSince are letters that nobody has opened, and of which the last who was told
// was told before a moment; or which came before it, where nobody could be told: one
// address that is refused, or that nobody is left who may read it, keeps no reminder
// from the others, nor from the managers. One that is just being told of is not among
// them. The states are written out, so that the
// index of such letters is used and the archive is not looked through; and what came
// after that moment cannot have been told before it, so that of a day with many
// letters nothing is looked at.
const unreadSince = `SELECT 1 FROM letters l WHERE l.state IN ('receipted', 'notified')
	AND (l.state = 'notified' OR l.trouble <> '') AND l.received <= %[1]s AND
	COALESCE((SELECT max(m.sent) FROM mails m WHERE m.letter = l.id), l.received) <= %[1]s`

// remindedOf are the people with such letters: $1 is the moment for team leaders, $2
// for managers.
var remindedOf = ` FROM people p LEFT JOIN reminders m ON m.person = p.number WHERE p.disabled IS NULL AND p.email <> '' AND (
	p.role = '` + string(TeamLeader) + `' AND EXISTS (` + fmt.Sprintf(unreadSince, "$1") + ` AND (l.named = 0 OR l.named = p.number)
		AND l.helpline IN (SELECT h.helpline FROM people_helplines h WHERE h.person = p.number)
		AND NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = l.id AND w.person = p.number))
	OR p.role = '` + string(Manager) + `' AND EXISTS (` + fmt.Sprintf(unreadSince, "$2") + `
		AND NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = l.id AND w.person = p.number)))`

// OwedReminders writes down one reminder a day for each team leader with a letter
// of their helpline, from which they are not walled off, that has waited since
// before forLeaders, and for each manager
// while any such letter has waited since before forManagers, and returns what is still
// owed of them. However often it is asked, by however many processes, each person
// is owed one a day, and none once the letters are opened.
func (r *Register) OwedReminders(ctx context.Context, day letter.Date, forLeaders, forManagers time.Time, domain string) ([]Reminder, error) {
	args := []any{millis(forLeaders), millis(forManagers), day.String()}
	var missing bool
	err := r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1`+remindedOf+` AND (m.day IS NULL OR m.day <> $3))`, args...).Scan(&missing)
	if err == nil && missing {
		err = r.inTx(ctx, func(tx *sql.Tx) error { return queueReminders(ctx, tx, day, domain, args) })
	}
	if err != nil {
		return nil, fmt.Errorf("queueing reminders: %w", err)
	}
	// What was opened meanwhile, or handed to others, is no longer waited for.
	if err := r.forgetOwed(ctx, `reminders`, `sent IS NULL AND (day <> $3 OR NOT EXISTS (SELECT 1`+remindedOf+` AND p.number = reminders.person))`, args...); err != nil {
		return nil, fmt.Errorf("forgetting reminders: %w", err)
	}
	rows, err := r.read.QueryContext(ctx, `SELECT p.number, p.email, m.message_id, p.role = '`+string(Manager)+`'`+remindedOf+`
		AND m.day = $3 AND m.sent IS NULL ORDER BY p.number`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading reminders: %w", err)
	}
	return scanAll(rows, func(row scannable) (m Reminder, err error) {
		return m, row.Scan(&m.Person, &m.Address, &m.MessageID, &m.Manager)
	})
}

// ForgetReminders has nobody be owed a reminder until OwedReminders is asked again: when
// people go home, what was not sent is no longer waited for.
func (r *Register) ForgetReminders(ctx context.Context) error {
	if err := r.forgetOwed(ctx, `reminders`, `sent IS NULL`); err != nil {
		return fmt.Errorf("forgetting reminders: %w", err)
	}
	return nil
}

func queueReminders(ctx context.Context, tx *sql.Tx, day letter.Date, domain string, args []any) error {
	rows, err := tx.QueryContext(ctx, `SELECT p.number`+remindedOf+` AND (m.day IS NULL OR m.day <> $3)`, args...)
	if err != nil {
		return err
	}
	people, err := scanNumbers(rows)
	for _, n := range people {
		id := newMessageID(domain)
		_, failed := tx.ExecContext(ctx, `INSERT INTO reminders (person, day, message_id) VALUES ($1, $2, $3)
			ON CONFLICT (person) DO UPDATE SET day = excluded.day, message_id = excluded.message_id, sent = NULL
			WHERE reminders.day <> excluded.day`, n, day.String(), id)
		err = errors.Join(err, failed)
	}
	return err
}

// ReminderSent notes that a mail server took the reminder, and puts on the
// register that the person was reminded.
func (r *Register) ReminderSent(ctx context.Context, m Reminder) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE reminders SET sent = $1 WHERE person = $2 AND message_id = $3 AND sent IS NULL`,
			millis(r.Now()), m.Person, m.MessageID)
		if err := oneRow(res, err); err != nil {
			if errors.Is(err, ErrMoved) {
				return nil // another process has noted it
			}
			return err
		}
		return r.append(ctx, tx, UnreadTold{Person: m.Person}, "", 0)
	})
}
