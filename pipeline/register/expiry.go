package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// ExpiryBegun takes a due letter from everybody's sight and notes what the
// storage still holds of it, before anything is removed. A crash afterwards
// finds the letter Expiring, with these counts, and goes on removing.
func (r *Register) ExpiryBegun(ctx context.Context, l *Letter, found Found) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET found_versions = $1, found_markers = $2, found_uploads = $3
			WHERE id = $4`, found.Versions, found.Markers, found.Uploads, string(l.ID)); err != nil {
			return err
		}
		l.Found = found
		return r.move(ctx, tx, l, change{to: Expiring, due: true}, ExpiryBegun{Deadline: l.Deadline(),
			Versions: found.Versions, Markers: found.Markers, Uploads: found.Uploads}, 0)
	})
}

// DeleteRows deletes the rows of a letter of which the storage holds nothing
// more. They are deleted, but not yet gone from the database's files: that is
// ProveErased's business, which a crash at any point leaves to be done again.
func (r *Register) DeleteRows(ctx context.Context, l Letter, by Remover, listingEmpty time.Time) error {
	ev, err := json.Marshal(LetterDeleted{Deadline: l.Deadline(), Class: l.Class, Helpline: Name(l.Helpline),
		Versions: l.Found.Versions, Markers: l.Found.Markers, Uploads: l.Found.Uploads, By: by,
		ListingEmpty: listingEmpty.UTC().Truncate(time.Millisecond), Week: l.Week(), KeyDies: l.Week().Over(),
		PaperKept: l.Paper != letter.PaperDestroyed})
	if err != nil {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM letters WHERE id = $1 AND version = $2`, string(l.ID), l.version)
		if err := oneRow(res, err); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1`, metaAccepted+string(l.ID)); err != nil {
			return err
		}
		for _, stmt := range []string{
			`DELETE FROM papers WHERE letter = $1 AND state = '` + letter.PaperDestroyed + `'`,
			// A paper that is still somewhere stays on record, and is an alarm.
			`UPDATE papers SET letter_gone = 1, state = '` + letter.PaperMayGo + `' WHERE letter = $1`,
		} {
			if _, err := tx.ExecContext(ctx, stmt, string(l.ID)); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO erasures (letter, line, deleted) VALUES ($1, $2, $3)`,
			string(l.ID), string(ev), millis(r.Now()))
		return err
	})
}

// ErrBusy says that another connection still reads an older state of the
// database, so that deleted rows are not yet gone from its files.
var ErrBusy = errors.New("a reader keeps deleted rows in the database's files for now")

// ProveErased makes deleted rows disappear from the database's files
// (secure_delete has overwritten them in the pages; the checkpoint overwrites
// the pages in the file and empties the write-ahead log) and writes the
// deletion entry of each letter for which that is now true. It costs one
// checkpoint, however many letters wait; with none waiting it costs nothing.
func (r *Register) ProveErased(ctx context.Context) (proven int, err error) {
	rows, err := r.read.QueryContext(ctx, `SELECT letter, line FROM erasures ORDER BY deleted`)
	if err != nil {
		return 0, fmt.Errorf("reading erasures: %w", err)
	}
	type erasure struct {
		id letter.ID
		ev LetterDeleted
	}
	var waiting []erasure
	for rows.Next() {
		var id letter.ID
		var line string
		var e erasure
		if err = rows.Scan(&id, &line); err == nil {
			err = json.Unmarshal([]byte(line), &e.ev)
		}
		if err != nil {
			break
		}
		e.id = id
		waiting = append(waiting, e)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil || len(waiting) == 0 {
		return 0, err
	}
	if err := r.checkpointFiles(ctx); err != nil {
		return 0, err
	}
	erased := r.Now().UTC().Truncate(time.Millisecond)
	for _, e := range waiting {
		e.ev.RowsErased = erased
		if err := r.inTx(ctx, func(tx *sql.Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM erasures WHERE letter = $1`, string(e.id))
			if err := oneRow(res, err); err != nil {
				return err
			}
			if err := tx.QueryRowContext(ctx, isKeyDead, string(e.ev.Week), string(KeyDead)).Scan(&e.ev.KeyDead); err != nil {
				return err
			}
			return r.append(ctx, tx, e.ev, e.id, 0)
		}); err != nil {
			return proven, fmt.Errorf("recording deletion: %w", err)
		}
		proven++
	}
	return proven, nil
}

func (r *Register) checkpointFiles(ctx context.Context) error {
	var busy, logged, done int
	if err := r.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &done); err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	if busy != 0 {
		return ErrBusy
	}
	return nil
}

const isKeyDead = `SELECT count(*) FROM week_keys WHERE week = $1 AND state = $2`

// Overdue counts letters whose deadline has come and which are not yet proven gone.
func (r *Register) Overdue(ctx context.Context, today letter.Date) (n int, err error) {
	err = r.read.QueryRowContext(ctx, overdue, today.String()).Scan(&n)
	return n, err
}

// Erasures are few: the deletions of the last moments.
const overdue = `SELECT (SELECT count(*) FROM letters WHERE deadline <= $1) + (SELECT count(*) FROM erasures)`
