package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"letterlock/scanner/letter"
)

// Recuse records that the person, who has opened the letter, knows somebody in
// it. From then on they are walled off from it, from its kept answers and from every
// other scan of its paper, for as long as those live; nobody can undo it. A letter
// that only they had opened is unopened again, so that it waits for somebody else.
// The managers are owed a mail. If nobody else may read the letter it is
// ErrLastReader, and nothing is recorded: of two who step back at the same moment
// the second is told so.
func (r *Register) Recuse(ctx context.Context, id letter.ID, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.openable(ctx, tx, id)
		if err == nil {
			err = hasRead(ctx, tx, id, person)
		}
		if err == nil && l.ReplacedBy != "" {
			l, err = letterIn(ctx, tx, l.ReplacedBy) // the one that others go on with
		}
		if err != nil {
			return err
		}
		others, err := othersMayRead(ctx, tx, l, person)
		if err != nil {
			return err
		}
		if !others {
			return ErrLastReader
		}
		first := l.ID
		if l.IsResponse() {
			first = l.Answers
		}
		ids, err := idsIn(ctx, tx, `SELECT id FROM letters WHERE id = $1 OR `+goesWith+` ORDER BY id`, string(first))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := r.wallOff(ctx, tx, id, person); err != nil {
				return err
			}
		}
		return r.callManagers(ctx, tx, id, CalledRecused, person)
	})
}

// ErrLastReader is returned to whoever is the only one left who may read a letter.
var ErrLastReader = errors.New("nobody else may read the letter")

// OthersMayRead reports whether somebody beside the person may read the letter.
func (r *Register) OthersMayRead(ctx context.Context, l Letter, person int64) (bool, error) {
	return othersMayRead(ctx, r.read, l, person)
}

// othersMayRead asks of everybody else what the portal asks of who wants to read. Of
// an answer that waits for a second person its uploader is none.
func othersMayRead(ctx context.Context, q querier, l Letter, person int64) (others bool, err error) {
	if l.State == ToConfirm {
		return someReader(ctx, q, l, `p.number NOT IN ($6, $7)`, person, l.UploadedBy)
	}
	return someReader(ctx, q, l, `p.number <> $6`, person)
}

// mayRead asks it of one person.
func mayRead(ctx context.Context, q querier, l Letter, person int64) (bool, error) {
	return someReader(ctx, q, l, `p.number = $6`, person)
}

// readers are who may read the letter of $1, which $4 names and which is of the
// helpline of $5; $2 and $3 are the roles of readers.
const readers = `FROM people p WHERE p.disabled IS NULL
	AND p.number NOT IN (SELECT w.person FROM walls w WHERE w.letter = $1)
	AND (p.role = $2 OR p.role = $3 AND ($4 = 0 OR $4 = p.number)
		AND EXISTS (SELECT 1 FROM people_helplines h WHERE h.person = p.number AND h.helpline = $5))`

func someReader(ctx context.Context, q querier, l Letter, which string, persons ...any) (some bool, err error) {
	args := append([]any{string(l.ID), string(Manager), string(TeamLeader), l.Named, l.Helpline}, persons...)
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 `+readers+` AND `+which+`)`, args...).Scan(&some)
	if err != nil {
		err = fmt.Errorf("reading who may read a letter: %w", err)
	}
	return some, err
}

func (r *Register) wallOff(ctx context.Context, tx *sql.Tx, id letter.ID, person int64) error {
	l, err := letterIn(ctx, tx, id)
	if err != nil || l.WalledOff(person) {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO walls (letter, person) VALUES ($1, $2)`, string(id), person); err != nil {
		return err
	}
	if err := r.forgetAt(ctx, tx, id, person); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET handed_to = 0 WHERE id = $1 AND handed_to = $2`, string(id), person); err != nil {
		return err
	}
	if l.State != Opened {
		return r.append(ctx, tx, LetterRecused{}, id, person)
	}
	var others int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM openings o WHERE o.letter = $1
		AND NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = o.letter AND w.person = o.person)`, string(id)).Scan(&others); err != nil {
		return err
	}
	if others > 0 {
		return r.append(ctx, tx, LetterRecused{}, id, person)
	}
	return r.move(ctx, tx, &l, change{to: Notified, receiptDue: l.ReceiptDue}, LetterRecused{}, person)
}

// forgetAt ends what the person, from here on walled off, has begun with the letter
// or is still owed of it: what they asked for is nobody's to confirm on their word.
func (r *Register) forgetAt(ctx context.Context, tx *sql.Tx, id letter.ID, person int64) error {
	asked, err := numbersIn(ctx, tx, `DELETE FROM requests WHERE letter = $1 AND asked_by = $2 RETURNING number`, string(id), person)
	if err != nil {
		return err
	}
	for _, number := range asked {
		if err := r.append(ctx, tx, RequestDeclined{Request: number, AskedBy: person}, id, person); err != nil {
			return err
		}
	}
	ended, err := numbersIn(ctx, tx, `SELECT number FROM holds WHERE letter = $1 AND release_by = $2`, string(id), person)
	if err != nil {
		return err
	}
	for _, hold := range ended {
		if err := r.askRelease(ctx, tx, hold, 0); err != nil {
			return err
		}
	}
	for _, stmt := range []string{
		`DELETE FROM hold_mails WHERE hold IN (SELECT h.number FROM holds h JOIN letters l ON l.id = $1 WHERE h.letter = l.id OR h.letter = '' AND h.helpline = l.helpline)
			AND person = $2 AND sent IS NULL`,
		`DELETE FROM mails WHERE letter = $1 AND person = $2 AND sent IS NULL`,
		`DELETE FROM calls WHERE letter = $1 AND person = $2 AND sent IS NULL`,
		`DELETE FROM request_mails WHERE request IN (SELECT number FROM requests WHERE letter = $1) AND person = $2 AND sent IS NULL`,
	} {
		if _, err := tx.ExecContext(ctx, stmt, string(id), person); err != nil {
			return err
		}
	}
	return nil
}

// keepWalls walls off from an answer, or another scan, whoever is walled off from
// the letter.
func keepWalls(ctx context.Context, tx *sql.Tx, from, to letter.ID) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO walls (letter, person) SELECT $1, person FROM walls WHERE letter = $2
		ON CONFLICT DO NOTHING`, string(from), string(to))
	return err
}

// WalledOff reports whether the person knows somebody in the letter, as they have
// said, and must not see it again.
func (l Letter) WalledOff(person int64) bool { return slices.Contains(l.Walled, person) }

// unwalled leaves out of a query what the column names a letter of from which the
// person of that parameter is walled off.
func unwalled(column, person string) string {
	return `NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = ` + column + ` AND w.person = ` + person + `)`
}

// notWalled reports ErrNotFound where one of them is walled off from the letter: to
// them there is none. A letter that is gone has no walls.
func notWalled(ctx context.Context, q querier, id letter.ID, persons ...int64) error {
	for _, person := range persons {
		var walled bool
		if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM walls WHERE letter = $1 AND person = $2)`, string(id), person).Scan(&walled); err != nil {
			return fmt.Errorf("reading who is walled off: %w", err)
		}
		if walled {
			return ErrNotFound
		}
	}
	return nil
}

// NotWalled reports ErrNotFound for a person who is walled off from the letter.
func (r *Register) NotWalled(ctx context.Context, id letter.ID, person int64) error {
	return notWalled(ctx, r.read, id, person)
}

// WalledFrom are the letters from which the person is walled off.
func (r *Register) WalledFrom(ctx context.Context, person int64) ([]letter.ID, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT letter FROM walls WHERE person = $1`, person)
	if err != nil {
		return nil, fmt.Errorf("reading from what a person is walled off: %w", err)
	}
	return scanAll(rows, func(row scannable) (id letter.ID, err error) { return id, row.Scan(&id) })
}

// readWalls reads the numbers that letterColumns joins with commas.
func readWalls(joined string) ([]int64, error) {
	if joined == "" {
		return nil, nil
	}
	var out []int64
	for _, s := range strings.Split(joined, ",") {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("reading who is walled off: %w", err)
		}
		out = append(out, n)
	}
	return out, nil
}
