package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// The day's mail: to managers and data-protection officers while something is
// wrong, and to data-protection officers on every other day too, so that they
// hold the register's checkpoint and miss the mail of a Letterlock that stands
// still. Where something waits for people, managers get that mail too.
// Administrators get one of their own while a machine needs them.

// mayBeTold are people who can be written to.
const mayBeTold = `disabled IS NULL AND email <> ''`

// toldOfAlarms are those whom an alarm is mailed to: managers and
// data-protection officers who have an address.
const toldOfAlarms = `role IN ('` + string(Manager) + `', '` + string(DPO) + `') AND ` + mayBeTold

// toldOfClosing are those whom it is mailed to that Letterlock is closed: also
// the administrators, who can open it.
const toldOfClosing = `role IN ('` + string(Manager) + `', '` + string(DPO) + `', '` + string(Administrator) + `') AND ` + mayBeTold

// toldWell are those who are written to when all is well.
const toldWell = toldOfAlarms + ` AND role = '` + string(DPO) + `'`

// ToldOfAlarms counts the people whom an alarm is mailed to.
func (r *Register) ToldOfAlarms(ctx context.Context) (people int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM people WHERE `+toldOfAlarms).Scan(&people)
	return people, err
}

// OwedDailyMails writes down the day's mails, unless that is done, and returns
// what is still owed of them. well says that nothing is wrong. However often it
// is asked, by however many processes, each person is owed one mail a day, and
// one more where something goes wrong after a mail that all was well. waits says
// that something waits for people.
func (r *Register) OwedDailyMails(ctx context.Context, day letter.Date, well, waits bool, domain string) ([]Mail, error) {
	closed, err := r.Closed(ctx)
	if err != nil {
		return nil, err
	}
	who := toldOfAlarms
	switch {
	case well && !waits:
		who = toldWell
	case !well && len(closed) > 0:
		who = toldOfClosing
	}
	var missing bool
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM people p WHERE `+who+` AND NOT EXISTS
		(SELECT 1 FROM daily_mails m WHERE m.person = p.number AND m.day = $1 AND m.well <= $2))`, day.String(), well).Scan(&missing)
	if err == nil && missing {
		err = r.inTx(ctx, func(tx *sql.Tx) error { return queueDailyMails(ctx, tx, who, day, well, domain) })
	}
	if err != nil {
		return nil, fmt.Errorf("queueing the day's mails: %w", err)
	}
	// Of an earlier day, or where nothing waits any more. What administrators are owed of
	// today is perhaps by another server: see OwedMachineMails.
	over := `sent IS NULL AND (day < $1 OR well = $2 AND person IN (SELECT number FROM people WHERE role <> '` + string(Administrator) + `' AND NOT (` + who + `)))`
	if err := r.forgetOwed(ctx, `daily_mails`, over, day.String(), well); err != nil {
		return nil, fmt.Errorf("forgetting the day's mails: %w", err)
	}
	return r.unsentDaily(ctx, who, day, well)
}

// unsentDaily are the day's mails to such people that no mail server has taken yet.
func (r *Register) unsentDaily(ctx context.Context, who string, day letter.Date, well bool) ([]Mail, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT p.number, p.email, m.message_id FROM daily_mails m
		JOIN people p ON p.number = m.person WHERE m.day = $1 AND m.well = $2 AND m.sent IS NULL AND `+who+` ORDER BY p.number`, day.String(), well)
	if err != nil {
		return nil, fmt.Errorf("reading the day's mails: %w", err)
	}
	return scanAll(rows, func(row scannable) (m Mail, err error) {
		return m, row.Scan(&m.Person, &m.Address, &m.MessageID)
	})
}

func queueDailyMails(ctx context.Context, tx *sql.Tx, who string, day letter.Date, well bool, domain string) error {
	rows, err := tx.QueryContext(ctx, `SELECT number FROM people WHERE `+who)
	if err != nil {
		return err
	}
	people, err := scanNumbers(rows)
	for _, n := range people {
		id := newMessageID(domain)
		_, failed := tx.ExecContext(ctx, `INSERT INTO daily_mails (person, day, message_id, well) VALUES ($1, $2, $3, $4)
			ON CONFLICT (person) DO UPDATE SET day = excluded.day, message_id = excluded.message_id, well = excluded.well, sent = NULL
			WHERE daily_mails.day <> excluded.day OR daily_mails.well > excluded.well`, n, day.String(), id, well)
		err = errors.Join(err, failed)
	}
	return err
}

// OwedMachineMails writes down the day's mails to administrators where a machine needs
// one, unless that is done, and returns what is still owed of them: however many
// servers ask, each administrator who has an address is owed one a day. Where no
// machine does, needed is false, and what was owed on an earlier day is forgotten; with
// mended, the word of the server that has asked for them today, also what is owed of today.
// Another server's machine may need one still: it asks again, and they are owed anew.
func (r *Register) OwedMachineMails(ctx context.Context, day letter.Date, needed, mended bool, domain string) (owed []Mail, err error) {
	const administrators = `role = '` + string(Administrator) + `' AND ` + mayBeTold
	if !needed {
		const over = `well = 1 AND sent IS NULL AND day <> $1 AND person IN (SELECT number FROM people WHERE role = '` + string(Administrator) + `')`
		owedStill := day.String()
		if mended {
			owedStill = "" // of no day
		}
		return nil, r.forgetOwed(ctx, `daily_mails`, over, owedStill)
	}
	var missing bool
	err = r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM people p WHERE `+administrators+` AND NOT EXISTS
		(SELECT 1 FROM daily_mails m WHERE m.person = p.number AND m.day = $1))`, day.String()).Scan(&missing)
	if err == nil && missing {
		err = r.inTx(ctx, func(tx *sql.Tx) error { return queueDailyMails(ctx, tx, administrators, day, true, domain) })
	}
	if err != nil {
		return nil, fmt.Errorf("queueing mails to administrators: %w", err)
	}
	return r.unsentDaily(ctx, administrators, day, true)
}

// DailyMailSent notes that a mail server took the mail. That a person was told
// of an alarm goes on the register: nobody can say that they were not. Of one
// that is closed nothing does; the replay puts there that it was restored.
func (r *Register) DailyMailSent(ctx context.Context, m Mail, well bool) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE daily_mails SET sent = $1 WHERE person = $2 AND message_id = $3 AND sent IS NULL`,
			millis(r.Now()), m.Person, m.MessageID)
		if err := oneRow(res, err); err != nil {
			if errors.Is(err, ErrMoved) {
				return nil // another process has noted it
			}
			return err
		}
		closed, err := closedFor(ctx, tx)
		if err != nil || well || len(closed) > 0 {
			return err
		}
		return r.append(ctx, tx, AlarmTold{Person: m.Person}, "", 0)
	})
}
