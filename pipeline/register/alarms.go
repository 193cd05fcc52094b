package register

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"
)

// AlarmKind is what somebody must see to.
type AlarmKind string

const (
	OlderCopy      AlarmKind = "older-copy"        // this is an older copy, and Letterlock is closed until what is missing was replayed
	LettersMissing AlarmKind = "letters-missing"   // that people should be able to open, and that the storage does not hold; counts letters
	LettersWait    AlarmKind = "letters-wait"      // that a scanner has brought, and that nobody will ever be shown as they are; counts letters
	LettersOverdue AlarmKind = "letters-overdue"   // past the deadline and not yet proven gone; counts letters
	PapersOutlive  AlarmKind = "papers-outlive"    // papers whose letter is gone; counts papers
	KeyNeeded      AlarmKind = "key-needed"        // letters that are to outlive the key they are sealed to; counts letters
	KeyOverdue     AlarmKind = "key-overdue"       // keys past their week that are not destroyed; counts keys
	SharesDue      AlarmKind = "shares-due"        // custodians' shares of keys that are dead for a week, of which two bring one back; counts shares
	StorageWrong   AlarmKind = "storage-wrong"     // the bucket or its own rules are not as they must be, or a trial has found that it does not do what letters need
	StraysStay     AlarmKind = "strays-stay"       // what lies beyond its deadline, belongs to no letter and does not go; counts objects
	BackupLate     AlarmKind = "backup-late"       // no backup is made, or one is kept for longer than it may be
	ScannerOdd     AlarmKind = "scanner-odd"       // a scanner's place in the bucket holds what none leaves: its key may be in other hands; counts scanners
	ScannersSilent AlarmKind = "scanner-silent"    // a scanner that is believed has said nothing for five days; counts scanners
	ServersSilent  AlarmKind = "server-silent"     // a server has ended without a word; counts servers
	CertificateEnd AlarmKind = "certificate-ends"  // a certificate is not good any more, or soon will not be; counts certificates
	ListLate       AlarmKind = "list-late"         // scanners are not told any more which keys to seal to, and will stop
	ClockDoubted   AlarmKind = "clock-in-doubt"    // nothing is destroyed until somebody has looked
	RegisterWrong  AlarmKind = "register-is-wrong" // the register does not agree with its signed checkpoint
	CountsDiffer   AlarmKind = "counts-differ"     // what arrived is neither living nor proven gone, or a paper neither waiting nor destroyed
)

// AlarmKinds lists every kind, the gravest first.
var AlarmKinds = []AlarmKind{OlderCopy, RegisterWrong, CountsDiffer, LettersMissing, LettersWait, LettersOverdue, KeyOverdue, KeyNeeded, StraysStay, ClockDoubted, StorageWrong, ScannerOdd, ListLate, ScannersSilent, BackupLate, ServersSilent, CertificateEnd, PapersOutlive, SharesDue}

// grace is how long something may be found before it is loud: a letter is due
// from its day's first moment, and its proof takes a moment too; what a scanner
// announces may be believed once the server knows more; a storage that refuses once
// proves nothing; a day passes until the first backup is made; custodians need some
// days to bring their shares; a scanner that was just started has yet to speak, which
// it does every ten minutes; a machine may be started anew; a certificate's files are
// written one after the other.
var grace = map[AlarmKind]time.Duration{LettersOverdue: 15 * time.Minute, KeyOverdue: 15 * time.Minute, LettersWait: time.Hour,
	ScannerOdd: 20 * time.Minute, BackupLate: 24 * time.Hour, SharesDue: 7 * 24 * time.Hour,
	ScannersSilent: 30 * time.Minute, ServersSilent: 15 * time.Minute, CertificateEnd: time.Hour}

// Alarm is something that somebody must see to.
type Alarm struct {
	Kind  AlarmKind
	Count int       // how many letters, papers or keys; 1 where there is nothing to count
	Since time.Time // when it was first found
}

// KeepAlarms takes what was found just now, 0 for what is well. A kind that is
// not in found was not looked at, and stays as it was. What is loud from now
// on, and what no longer is, goes on the register.
func (r *Register) KeepAlarms(ctx context.Context, found map[AlarmKind]int) error {
	known, err := readAlarms(ctx, r.read)
	if err != nil || len(r.changedAlarms(known, found)) == 0 {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		known, err := readAlarms(ctx, tx)
		if err != nil {
			return err
		}
		for _, kind := range r.changedAlarms(known, found) {
			if err := r.keepAlarm(ctx, tx, kind, known[kind], found[kind]); err != nil {
				return fmt.Errorf("keeping alarm %s: %w", kind, err)
			}
		}
		// Once nothing is wrong, nobody is owed a mail that says so.
		_, err = tx.ExecContext(ctx, `DELETE FROM daily_mails WHERE sent IS NULL AND well = 0
			AND NOT EXISTS (SELECT 1 FROM alarms WHERE raised = 1)`)
		return err
	})
}

// alarmRow is an alarm, loud or not yet.
type alarmRow struct {
	Alarm
	raised bool
}

// changedAlarms are the kinds whose rows are not what was found. It costs no
// write while nothing changes.
func (r *Register) changedAlarms(known map[AlarmKind]alarmRow, found map[AlarmKind]int) []AlarmKind {
	var out []AlarmKind
	for _, kind := range slices.Sorted(maps.Keys(found)) {
		row, there := known[kind]
		if found[kind] != row.Count || there && r.becomesLoud(row) {
			out = append(out, kind)
		}
	}
	return out
}

func (r *Register) becomesLoud(row alarmRow) bool {
	return !row.raised && r.Now().Sub(row.Since).Abs() >= grace[row.Kind]
}

func (r *Register) keepAlarm(ctx context.Context, tx *sql.Tx, kind AlarmKind, row alarmRow, count int) error {
	if count == 0 {
		if _, err := tx.ExecContext(ctx, `DELETE FROM alarms WHERE kind = $1`, string(kind)); err != nil || !row.raised {
			return err
		}
		return r.append(ctx, tx, AlarmEnded{Alarm: kind}, "", 0)
	}
	if row.Count == 0 {
		row = alarmRow{Alarm: Alarm{Kind: kind, Since: r.Now()}}
	}
	row.Count = count
	loud := r.becomesLoud(row)
	row.raised = row.raised || loud
	if _, err := tx.ExecContext(ctx, `INSERT INTO alarms (kind, count, since, raised) VALUES ($1, $2, $3, $4)
		ON CONFLICT (kind) DO UPDATE SET count = excluded.count, raised = excluded.raised`,
		string(kind), count, millis(row.Since), row.raised); err != nil || !loud {
		return err
	}
	return r.append(ctx, tx, AlarmRaised{Alarm: kind, Count: count}, "", 0)
}

// Alarms are those that are loud, the gravest first. That Letterlock is closed
// is one of them, though it is in no table and no entry: see KeepClosed.
func (r *Register) Alarms(ctx context.Context) ([]Alarm, error) {
	known, err := readAlarms(ctx, r.read)
	if err != nil {
		return nil, err
	}
	signs, err := r.Closed(ctx)
	if err != nil {
		return nil, err
	}
	var out []Alarm
	if len(signs) > 0 {
		since, err := r.ClosedSince(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, Alarm{OlderCopy, 1, since})
	}
	for _, kind := range AlarmKinds {
		row := known[kind]
		if !row.raised {
			continue
		}
		if kind == PapersOutlive {
			if row.Since, err = r.outlivedSince(ctx, row.Since); err != nil {
				return nil, err
			}
		}
		out = append(out, row.Alarm)
	}
	return out, nil
}

// outlivedSince is since when the oldest paper that stands now has outlived its
// letter: the papers of the first day of the alarm may be destroyed by now.
func (r *Register) outlivedSince(ctx context.Context, raised time.Time) (time.Time, error) {
	var oldest int64
	err := r.read.QueryRowContext(ctx, `SELECT COALESCE(min(letter_gone_at), 0) FROM papers WHERE letter_gone = 1`).Scan(&oldest)
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for the oldest paper: %w", err)
	}
	if since := fromMillis(oldest); since.After(raised) {
		return since, nil
	}
	return raised, nil
}

func readAlarms(ctx context.Context, q querier) (map[AlarmKind]alarmRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT kind, count, since, raised FROM alarms`)
	if err != nil {
		return nil, fmt.Errorf("reading alarms: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[AlarmKind]alarmRow{}
	for rows.Next() {
		var a alarmRow
		var since int64
		if err := rows.Scan(&a.Kind, &a.Count, &since, &a.raised); err != nil {
			return nil, fmt.Errorf("reading alarms: %w", err)
		}
		a.Since = fromMillis(since)
		out[a.Kind] = a
	}
	return out, rows.Err()
}
