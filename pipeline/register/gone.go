package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"letterlock/scanner/letter"
)

// goneDays is for how many days an edge is told that a letter is gone. One that
// is switched off for longer forgets its scan on the old deadline.
const goneDays = 30

// noteGone has the edge told that the letter is gone, or that now its paper is
// destroyed too. sha256, that of its sealed bytes, is empty where nobody knows it any
// more: what was noted before then stays.
func (r *Register) noteGone(ctx context.Context, tx *sql.Tx, id letter.ID, site, sha256 string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO gone (letter, site, sha256, ended) VALUES ($1, $2, $3, $4)
		ON CONFLICT (letter) DO UPDATE SET ended = excluded.ended, sha256 = CASE excluded.sha256 WHEN '' THEN gone.sha256 ELSE excluded.sha256 END`,
		string(id), site, sha256, letter.DateOf(r.Now()).String())
	return err
}

// NoteGone has the edge told that a letter which it announces again is gone, upon
// which the edge deletes its scan. That is told of the bytes alone that were deleted,
// or that had to be by now: whoever has a copy of a site's key can bring others under
// the id of a scan that waits, and have them deleted. The error is ErrSameIDOther for
// bytes that are known to be others; where nobody knows, nothing is told until the
// deadline has passed.
func (r *Register) NoteGone(ctx context.Context, m letter.Manifest) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var ended string
		switch err := tx.QueryRowContext(ctx, `SELECT sha256 FROM gone WHERE letter = $1`, string(m.ID)).Scan(&ended); {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("asking what was deleted: %w", err)
		case ended == m.SHA256:
			return nil
		case ended != "":
			return ErrSameIDOther
		case letter.DateOf(r.Now()).Before(m.Deadline()):
			return nil
		}
		if err := r.noteGone(ctx, tx, m.ID, m.Site, m.SHA256); err != nil {
			return fmt.Errorf("noting that a letter is gone: %w", err)
		}
		return nil
	})
}

// ForgetGone forgets what was told for long enough.
func (r *Register) ForgetGone(ctx context.Context) error {
	_, err := r.write.ExecContext(ctx, `DELETE FROM gone WHERE ended < $1`, letter.DateOf(r.Now()).AddDays(-goneDays).String())
	if err != nil {
		return fmt.Errorf("forgetting who was told of letters that are gone: %w", err)
	}
	return nil
}

// Gone returns what each site's edge is to be told, by the site: the newest alone
// where all of it is too much for one statement.
func (r *Register) Gone(ctx context.Context) (map[string][]letter.GoneLetter, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT letter, site, sha256, EXISTS (SELECT 1 FROM papers p WHERE p.letter = gone.letter AND p.state <> $1)
		FROM gone ORDER BY ended DESC, letter`, letter.PaperDestroyed)
	if err != nil {
		return nil, fmt.Errorf("reading which letters are gone: %w", err)
	}
	type told struct {
		letter.GoneLetter
		site string
	}
	all, err := scanAll(rows, func(row scannable) (t told, err error) {
		var waits bool
		err = row.Scan(&t.ID, &t.site, &t.SHA256, &waits)
		if t.Paper = letter.PaperDestroyed; waits {
			t.Paper = letter.PaperMayGo
		}
		return t, err
	})
	sites := map[string][]letter.GoneLetter{}
	for _, t := range all {
		if len(sites[t.site]) < letter.MaxGone {
			sites[t.site] = append(sites[t.site], t.GoneLetter)
		}
	}
	return sites, err
}
