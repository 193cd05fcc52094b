package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/letter"
)

// ExpiryBegun takes a due letter from everybody's sight and puts on record what
// the storage still holds of it, before anything is removed. A crash afterwards
// finds the letter Expiring, and goes on. Where it has been decided meanwhile, at another
// server whose clock is a moment behind, that the letter is kept, it is ErrMoved.
func (r *Register) ExpiryBegun(ctx context.Context, l *Letter, found Found) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		now, err := letterIn(ctx, tx, l.ID)
		if errors.Is(err, ErrNotFound) || err == nil && now.moves != l.moves {
			return ErrMoved
		}
		if err != nil {
			return err
		}
		return r.move(ctx, tx, l, change{to: Expiring, due: true}, ExpiryBegun{Deadline: l.Deadline(),
			Versions: found.Versions, Markers: found.Markers, Uploads: found.Uploads}, 0)
	})
}

// Remain is something that the storage was seen to hold of a letter: under an
// object's key a "version", a "marker" or an "upload", by its id there.
type Remain struct{ Key, Kind, ID string }

// NoteRemains notes what the storage was seen to hold of an expiring letter,
// before it is removed, so that l.Found counts all that was ever seen, each
// once: listings may be stale, removals come back to life, and something may
// come in meanwhile. Nothing new costs nothing.
func (r *Register) NoteRemains(ctx context.Context, l *Letter, seen []Remain) error {
	known, err := r.Remains(ctx, l.ID)
	if err != nil {
		return err
	}
	seen = slices.DeleteFunc(slices.Clone(seen), func(s Remain) bool { return slices.Contains(known, s) })
	if len(seen) == 0 {
		return nil
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		for _, s := range seen {
			if _, err := tx.ExecContext(ctx, `INSERT INTO remains (letter, object, kind, trace) VALUES ($1, $2, $3, $4)
				ON CONFLICT DO NOTHING`, string(l.ID), s.Key, s.Kind, s.ID); err != nil {
				return err
			}
		}
		const n = `(SELECT count(*) FROM remains WHERE letter = $1 AND kind = `
		return tx.QueryRowContext(ctx, `UPDATE letters SET found_versions = `+n+`'version'), found_markers = `+n+`'marker'),
			found_uploads = `+n+`'upload') WHERE id = $1 RETURNING found_versions, found_markers, found_uploads`,
			string(l.ID)).Scan(&l.Found.Versions, &l.Found.Markers, &l.Found.Uploads)
	})
}

// Remains is what was noted of a letter by NoteRemains.
func (r *Register) Remains(ctx context.Context, id letter.ID) (noted []Remain, err error) {
	rows, err := r.read.QueryContext(ctx, `SELECT object, kind, trace FROM remains WHERE letter = $1`, string(id))
	if err != nil {
		return nil, fmt.Errorf("reading remains: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n Remain
		if err := rows.Scan(&n.Key, &n.Kind, &n.ID); err != nil {
			return nil, fmt.Errorf("reading remains: %w", err)
		}
		noted = append(noted, n)
	}
	return noted, rows.Err()
}

// DeleteRows deletes the rows of a letter of which the storage holds nothing
// more. They are deleted, but not yet gone from the database's files: that is
// ProveErased's business, which a crash at any point leaves to be done again.
func (r *Register) DeleteRows(ctx context.Context, l Letter, by Remover, listingEmpty time.Time) error {
	key := l.lastKey()
	ev, err := json.Marshal(LetterDeleted{Deadline: l.Deadline(), Class: l.Class, Helpline: Name(l.Helpline),
		Versions: l.Found.Versions, Markers: l.Found.Markers, Uploads: l.Found.Uploads, By: by,
		ListingEmpty: listingEmpty.UTC().Truncate(time.Millisecond), Week: key, KeyDies: key.Over(),
		Early: l.Erase, NewScan: l.ReplacedBy, PaperKept: l.Paper != "" && l.Paper != letter.PaperDestroyed})
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
			`DELETE FROM remains WHERE letter = $1`,
			`DELETE FROM papers WHERE letter = $1 AND state = '` + letter.PaperDestroyed + `'`,
			// A paper that is still somewhere stays on record, and is an alarm.
			fmt.Sprintf(`UPDATE papers SET letter_gone = 1, letter_gone_at = %d, state = '%s' WHERE letter = $1`, millis(r.Now()), letter.PaperMayGo),
		} {
			if _, err := tx.ExecContext(ctx, stmt, string(l.ID)); err != nil {
				return err
			}
		}
		if l.Erase != "" && !l.IsResponse() { // on its deadline the edge forgets it by itself
			if err := r.noteGone(ctx, tx, l.ID, l.Site, l.Manifest.SHA256); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO erasures (letter, line, deleted) VALUES ($1, $2, $3)`,
			string(l.ID), string(ev), millis(r.Now()))
		return err
	})
}

// ProvenGone returns which of the letters are on record as deleted, and not
// living.
func (r *Register) ProvenGone(ctx context.Context, ids []letter.ID) ([]letter.ID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args, marks := []any{LetterDeleted{}.kind()}, make([]string, len(ids))
	for i, id := range ids {
		args = append(args, string(id))
		marks[i] = fmt.Sprintf("$%d", i+2)
	}
	return r.ids(ctx, `SELECT DISTINCT letter FROM entries WHERE letter IN (`+strings.Join(marks, ", ")+`) AND letter <> '' AND kind = $1
		AND NOT EXISTS (SELECT 1 FROM letters l WHERE l.id = entries.letter)`, args...)
}

// ErrBusy says that another connection still reads an older state of the
// database, so that deleted rows are not yet gone from its files.
var ErrBusy = errors.New("a reader keeps deleted rows in the database's files for now")

// ProveErased makes deleted rows disappear from the database's files (see emptyLog
// and rewriteTables) and writes the deletion entry of each letter for which that
// is now true. That is done once, however many letters wait; with none waiting it
// costs nothing.
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
	if err := r.engine.forget(ctx, r.write); err != nil {
		return 0, err
	}
	// A crash here leaves what waits waiting: the next pass empties the log again.
	r.cfg.Step("files-erased")
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

const isKeyDead = `SELECT count(*) FROM week_keys WHERE week = $1 AND state = $2`

// Overdue counts letters whose deadline has come and which are not yet proven gone.
func (r *Register) Overdue(ctx context.Context, today letter.Date) (n int, err error) {
	err = r.read.QueryRowContext(ctx, overdue, today.String()).Scan(&n)
	return n, err
}

// Erasures are few: the deletions of the last moments.
const overdue = `SELECT (SELECT count(*) FROM letters WHERE deadline <= $1) + (SELECT count(*) FROM erasures)`
