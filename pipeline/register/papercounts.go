package register

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// PaperPile is what paper there is of one helpline at one site in one state.
type PaperPile struct {
	Site, Helpline string
	State          PaperState
	LetterGone     bool // these papers should be long gone
	Papers         int
	Oldest         time.Time // when the oldest of them was received
}

// notDestroyed picks the papers that are there, by the index of the desk.
const notDestroyed = `state IN ('` + letter.PaperKept + `', '` + letter.PaperMayGo + `', '` + letter.PaperScanAgain + `')`

// PaperPiles says what paper exists: everything that was scanned and is not on
// record as destroyed. It costs what there is, not what there was.
func (r *Register) PaperPiles(ctx context.Context) ([]PaperPile, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT site, helpline, state, letter_gone, count(*), min(received) FROM papers
		WHERE `+notDestroyed+` GROUP BY site, helpline, state, letter_gone ORDER BY site, helpline, state, letter_gone`)
	if err != nil {
		return nil, fmt.Errorf("counting papers: %w", err)
	}
	return scanAll(rows, func(row scannable) (p PaperPile, err error) {
		var oldest int64
		err = row.Scan(&p.Site, &p.Helpline, &p.State, &p.LetterGone, &p.Papers, &oldest)
		p.Oldest = fromMillis(oldest)
		return p, err
	})
}

// PapersAt returns up to limit papers that were scanned at the site and are not
// on record as destroyed, in the order of their references and after that of one;
// with "" from the first on.
func (r *Register) PapersAt(ctx context.Context, site string, after letter.ID, limit int) ([]Paper, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT `+paperColumns+` WHERE `+notDestroyed+` AND site = $1 AND letter > $2
		ORDER BY letter LIMIT $3`, site, string(after), limit)
	if err != nil {
		return nil, fmt.Errorf("reading papers: %w", err)
	}
	return scanAll(rows, scanPaper)
}

// CountOfPapersAt counts all of those.
func (r *Register) CountOfPapersAt(ctx context.Context, site string, after letter.ID) (n int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM papers WHERE `+notDestroyed+` AND site = $1 AND letter > $2`, site, string(after)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting papers: %w", err)
	}
	return n, nil
}

// CountPapers puts a count on record.
func (r *Register) CountPapers(ctx context.Context, c PapersCounted, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error { return r.append(ctx, tx, c, "", person) })
}
