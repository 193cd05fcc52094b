package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"letterlock/scanner/letter"
)

// metaReplay is the number of the entry RestoreBegun while its replay is not over.
const metaReplay = "replay"

// BeginRestore records that a replay begins, once, however often it is cut off.
// Every session and enrolment code ends with it: those of a restored database
// were over long ago.
func (r *Register) BeginRestore(ctx context.Context, ev RestoreBegun) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if _, begun, err := replayIn(ctx, tx); err != nil || begun {
			return err
		}
		for _, stmt := range []string{`DELETE FROM sessions`, `DELETE FROM underway`, `DELETE FROM enrol_codes`} {
			if _, err := tx.ExecContext(ctx, stmt); err != nil {
				return err
			}
		}
		// It is of a server of before; whoever needs another key makes it.
		if err := forgetMeta(ctx, tx, metaCodeKey); err != nil {
			return err
		}
		if err := r.skipNumbers(ctx, tx); err != nil {
			return err
		}
		entries, _, err := head(ctx, tx)
		if err != nil {
			return err
		}
		if ev.Entries, err = olderCopy(ctx, tx); err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaReplay, strconv.FormatInt(entries, 10)); err != nil {
			return err
		}
		return r.append(ctx, tx, ev, "", 0)
	})
}

// skipped is how many numbers are left out at a restore: more of any kind than are
// given in the life of a backup.
const skipped = 1000

// skipNumbers leaves out the numbers that may have been given after the backup was
// made: one on a certificate, or a person's, must never name another. Where the
// transaction is undone, PostgreSQL has left them out all the same.
func (r *Register) skipNumbers(ctx context.Context, tx *sql.Tx) error {
	for _, table := range numbers {
		var last int64
		if err := tx.QueryRowContext(ctx, r.engine.lastNumber, table).Scan(&last); err != nil {
			return fmt.Errorf("reading the last number of %s: %w", table, err)
		}
		if err := r.goOn(ctx, tx, table, last+skipped); err != nil {
			return err
		}
	}
	_, err := r.nextLedger(ctx, tx, skipped)
	return err
}

// replayIn is the number of the entry with which the replay that is not over began.
func replayIn(ctx context.Context, q querier) (begun int64, under bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT CAST(value AS BIGINT) FROM meta WHERE name = $1`, metaReplay).Scan(&begun)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return begun, err == nil, err
}

// EndRestore records the end of the replay and what it did, and with that
// Letterlock is open again. unread is what it could not open.
func (r *Register) EndRestore(ctx context.Context, unread int) (done Restored, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		begun, under, err := replayIn(ctx, tx)
		if err != nil {
			return err
		}
		if !under {
			return ErrMoved // another process has ended it
		}
		done = Restored{Unread: unread}
		for _, c := range []struct {
			of   Event
			into *int
		}{{LetterAdopted{}, &done.Adopted}, {ResponseAdopted{}, &done.Answers}, {LetterFoundElsewhere{}, &done.Elsewhere}, {LetterNotFound{}, &done.Missing},
			{LetterDeleted{}, &done.Deleted}, {StrayRemoved{}, &done.Strays}, {KeyDestroyed{}, &done.Keys}} {
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE kind = $1 AND seq > $2`, c.of.kind(), begun).Scan(c.into); err != nil {
				return err
			}
		}
		if err := r.append(ctx, tx, done, "", 0); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1`, metaReplay); err != nil {
			return err
		}
		return open(ctx, tx)
	})
	return done, err
}

// DontWait has every letter that is due tried at once, however long it was put
// off: a person waits for it.
func (r *Register) DontWait(ctx context.Context, today letter.Date) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		now := millis(r.Now())
		_, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1 WHERE deadline <= $2 AND not_before > $1`, now, today.String())
		return err
	})
}

// Adoption is a letter of which the register has never heard.
type Adoption struct {
	Manifest letter.Manifest // as far as it can be known
	At       Lodging         // where it lies, and was read
	Paper    PaperState      // as the receipt says, which this server had signed
	Reason   ScanAgainReason // likewise
}

// Adopt makes such a letter known, like one that was verified and receipted: its
// leaders are told of it, and its scanner is given a receipt in these words. One
// that lies longer than six months is held for a manager to look at. An id that
// is on record, or ever was, is ErrAlreadyDeleted.
func (r *Register) Adopt(ctx context.Context, a Adoption) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		id := a.Manifest.ID
		if err := neverOnRecord(ctx, tx, id); err != nil {
			return err
		}
		if err := r.insert(ctx, tx, a.Manifest); err != nil {
			return fmt.Errorf("adopting letter: %w", err)
		}
		if a.Paper == letter.PaperReplaced {
			// By a new scan that this register does not know as one either: each is a
			// letter of its own now, and their paper is kept until people have looked.
			a.Paper = letter.PaperKept
		}
		if err := r.append(ctx, tx, LetterAdopted{Site: Name(a.Manifest.Site), Helpline: Name(a.At.Helpline), Class: a.At.Class, Since: a.At.Since,
			Deadline: a.Manifest.Deadline(), Week: a.At.Week(), Pages: a.Manifest.Pages}, id, 0); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET state = $1, object_version = $2, receipt_due = 1 WHERE id = $3`,
			string(Receipted), a.At.Version, string(id)); err != nil {
			return err
		}
		if err := setPaper(ctx, tx, id, paperSays{State: a.Paper, Reason: a.Reason}); err != nil {
			return err
		}
		if a.Paper == letter.PaperDestroyed {
			if err := r.append(ctx, tx, PaperFoundDestroyed{}, id, 0); err != nil {
				return err
			}
		}
		return r.lodgeAdopted(ctx, tx, id, a.At)
	})
}

// lodgeAdopted puts on record where an adopted letter or answer lies.
func (r *Register) lodgeAdopted(ctx context.Context, tx *sql.Tx, id letter.ID, at Lodging) error {
	l, err := letterIn(ctx, tx, id)
	if err != nil {
		return err
	}
	l.Helpline, l.Lies, l.Been = at.Helpline, at, []Lodging{at.place()}
	if deposited := l.depositedAt(); deposited != at.place() {
		l.Been = append(l.Been, deposited)
	}
	if at.Class == letter.FiveYears {
		if err := r.holdForManager(ctx, tx, &l, at.Since); err != nil {
			return err
		}
	}
	if err := r.keep(ctx, tx, &l); err != nil {
		return err
	}
	if err := r.underHolds(ctx, tx, &l); err != nil { // its helpline may be held
		return err
	}
	return r.due(ctx, tx, l.ID)
}

// AnswerAdoption is the copy of an answer of which the register has never heard.
type AnswerAdoption struct {
	Manifest   letter.Manifest // as far as it can be known
	At         Lodging         // where it lies, and was read
	Answers    letter.ID       // the letter to which it is the answer, as it says itself
	UploadedBy int64           // staff number, likewise
}

// AdoptAnswer makes such an answer known, like one that was read back: no letter, of
// which nobody is told and whose paper nobody looks for. Its uploader is asked whether
// they have kept it, and it waits as a draft for as long as one that came back with
// the register; see DraftsCameBack. Of an uploader who may not read it, or is none any
// more, nobody can ask that: it is kept, under whatever holds its letter. So is one
// that lies longer than six months, since no draft does. An id that is on record, or
// ever was, is ErrAlreadyDeleted.
func (r *Register) AdoptAnswer(ctx context.Context, a AnswerAdoption) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		id := a.Manifest.ID
		if err := neverOnRecord(ctx, tx, id); err != nil {
			return err
		}
		to, err := newestScan(ctx, tx, a.Answers)
		if err != nil {
			return err
		}
		if err := r.insertLetter(ctx, tx, a.Manifest); err != nil {
			return fmt.Errorf("adopting an answer: %w", err)
		}
		if err := keepWalls(ctx, tx, id, to.ID); err != nil {
			return err
		}
		waits, err := r.linkAdopted(ctx, tx, a, to)
		if err != nil {
			return err
		}
		if err := r.append(ctx, tx, ResponseAdopted{Answers: to.ID, UploadedBy: a.UploadedBy, Waits: waits, Helpline: Name(a.At.Helpline), Class: a.At.Class,
			Since: a.At.Since, Deadline: a.Manifest.Deadline(), Week: a.At.Week(), Pages: a.Manifest.Pages}, id, 0); err != nil {
			return err
		}
		return r.lodgeAdopted(ctx, tx, id, a.At)
	})
}

// linkAdopted links the answer with its letter, and says whether it waits for its uploader.
func (r *Register) linkAdopted(ctx context.Context, tx *sql.Tx, a AnswerAdoption, to Letter) (waits bool, err error) {
	id := a.Manifest.ID
	may, err := mayRead(ctx, tx, Letter{Manifest: letter.Manifest{ID: id}, Named: to.Named, Helpline: a.At.Helpline}, a.UploadedBy)
	if err != nil {
		return false, err
	}
	waits = may && a.At.Class == letter.SixMonths
	state, uploader, ends := Filed, int64(0), sql.NullInt64{}
	if waits {
		state, uploader, ends = Draft, a.UploadedBy, sql.NullInt64{Int64: millis(r.Now().Add(draftsBack)), Valid: true}
		if err := call(ctx, tx, id, uploader, CalledBack); err != nil {
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE letters SET answers = $1, named = $2, uploaded_by = $3, draft_ends = $4, state = $5, object_version = $6
		WHERE id = $7`, string(to.ID), to.Named, uploader, ends, string(state), a.At.Version, string(id))
	return waits, err
}

// newestScan is the newest scan of the letter's paper; of a letter that is not on
// record its id alone.
func newestScan(ctx context.Context, tx *sql.Tx, id letter.ID) (Letter, error) {
	l, err := letterIn(ctx, tx, id)
	if err == nil && l.ReplacedBy != "" {
		l, err = letterIn(ctx, tx, l.ReplacedBy)
	}
	if errors.Is(err, ErrNotFound) {
		return Letter{Manifest: letter.Manifest{ID: id}}, nil
	}
	return l, err
}

// depositedAt is the place that the manifest names.
func (l Letter) depositedAt() Lodging {
	return Lodging{Class: l.Manifest.Class, Helpline: l.Manifest.Helpline, Since: l.ReceivedOn()}
}

// likely reports whether the manifest may be that of a letter which was adopted
// without it: it says the same of all that could be known.
func (l Letter) likely(m letter.Manifest) bool {
	return m.SHA256 == l.SHA256 && m.Helpline == l.Manifest.Helpline && m.Class == l.Manifest.Class && m.ReceivedOn() == l.ReceivedOn() && m.Pages == l.Pages
}

// complete fills in what nobody knew of an adopted letter, whose scanner still
// waits for its receipt. Of any other the manifest is not to be believed.
func (r *Register) complete(ctx context.Context, tx *sql.Tx, l Letter, m letter.Manifest) error {
	var adopted int
	if err := tx.QueryRowContext(ctx, onRecord+` AND kind = $2`, string(l.ID), LetterAdopted{}.kind()).Scan(&adopted); err != nil {
		return err
	}
	if adopted == 0 {
		return ErrSameIDOther
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET site = $1, received = $2, sheets = $3, sides = $4, flags = $5, repaired = $6, size = $7,
		sent_replaces = $8 WHERE id = $9`,
		m.Site, millis(m.Received), m.Sheets, m.Sides, string(m.Flags), m.Repaired, m.Size, string(m.Replaces), string(l.ID)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE papers SET site = $1, received = $2, sheets = $3 WHERE letter = $4`,
		m.Site, millis(m.Received), m.Sheets, string(l.ID)); err != nil {
		return err
	}
	// It was adopted as a letter of its own, and may be another scan of that paper.
	if err := keepWalls(ctx, tx, l.ID, m.Replaces); err != nil {
		return err
	}
	return r.oweReceipt(ctx, tx, l)
}

// FindPaperDestroyed records that the paper of a letter which is on record is
// destroyed, as a receipt of this server says that is newer than the register.
func (r *Register) FindPaperDestroyed(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		err := setPaper(ctx, tx, id, paperSays{State: letter.PaperDestroyed})
		if errors.Is(err, ErrMoved) {
			return nil // known already, or no paper of ours
		}
		if err != nil {
			return err
		}
		return r.append(ctx, tx, PaperFoundDestroyed{}, id, 0)
	})
}

// KnowsOf reports whether the id was ever on record, and whether its letter is
// living, or on its way to its proof.
func (r *Register) KnowsOf(ctx context.Context, id letter.ID) (ever, living bool, err error) {
	var entries, rows int
	err = r.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM entries WHERE letter = $1 AND letter <> ''),
		(SELECT count(*) FROM letters WHERE id = $1) + (SELECT count(*) FROM erasures WHERE letter = $1)`, string(id)).Scan(&entries, &rows)
	return entries > 0, rows > 0, err
}

type replaying struct{}

// Replaying is a context for the replay of a restore: what is refused while
// Letterlock is closed is not refused to it.
func Replaying(ctx context.Context) context.Context {
	return context.WithValue(ctx, replaying{}, true)
}

// IsReplaying reports whether that is such a context.
func IsReplaying(ctx context.Context) bool { return ctx.Value(replaying{}) != nil }
