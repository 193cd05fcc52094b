package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Paper is a paper original.
type Paper struct {
	Letter     letter.ID
	Reference  string
	Helpline   string
	Class      letter.Class
	Site       string
	Received   time.Time
	Deadline   letter.Date
	Pages      int
	Sheets     int // as the scanner counted; 0 where it could not
	State      PaperState
	Reason     ScanAgainReason // why it must be scanned again
	CheckedBy  int64           // staff number of who found the scan readable
	Ledger     string          // once destroyed
	LetterGone bool            // the scan has expired; this paper should be long gone
}

const paperColumns = `letter, reference, helpline, class, site, received, deadline, pages, sheets, state, reason, checked_by, ledger,
	letter_gone FROM papers`

func scanPaper(row interface{ Scan(...any) error }) (Paper, error) {
	var p Paper
	var received int64
	var deadline string
	err := row.Scan(&p.Letter, &p.Reference, &p.Helpline, &p.Class, &p.Site, &received, &deadline, &p.Pages, &p.Sheets, &p.State,
		&p.Reason, &p.CheckedBy, &p.Ledger, &p.LetterGone)
	if errors.Is(err, sql.ErrNoRows) {
		return Paper{}, ErrNotFound
	}
	if err != nil {
		return Paper{}, fmt.Errorf("reading paper: %w", err)
	}
	p.Received = fromMillis(received)
	p.Deadline, err = letter.ParseDate(deadline)
	return p, err
}

// Paper reads one paper original, or ErrNotFound.
func (r *Register) Paper(ctx context.Context, id letter.ID) (Paper, error) {
	return scanPaper(r.read.QueryRowContext(ctx, `SELECT `+paperColumns+` WHERE letter = $1`, string(id)))
}

// Papers returns up to limit paper originals in that state, oldest first.
func (r *Register) Papers(ctx context.Context, state PaperState, limit int) ([]Paper, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT `+paperColumns+` WHERE state = $1 ORDER BY received, letter LIMIT $2`, state, limit)
	if err != nil {
		return nil, fmt.Errorf("reading papers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Paper
	for rows.Next() {
		p, err := scanPaper(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func setPaper(ctx context.Context, tx *sql.Tx, id letter.ID, state PaperState, why ScanAgainReason, checkedBy int64) error {
	res, err := tx.ExecContext(ctx, `UPDATE papers SET state = $1, reason = $2, checked_by = $3 WHERE letter = $4 AND state <> $5`,
		state, string(why), checkedBy, string(id), letter.PaperDestroyed)
	return oneRow(res, err)
}

// Destruction is what the person at the destruction desk says.
type Destruction struct {
	Sheets      int    // of paper, counted by hand
	Method      Method // how
	Level       string // ISO/IEC 21964 level for an own shredder
	Certificate string // of the contractor
	Witness     int64  // staff number
	Authority   string // policy and version
}

// ErrPaperNotFree is returned for a paper that may not be destroyed (yet, or any more).
var ErrPaperNotFree = errors.New("this paper may not be destroyed")

// DestroyPaper records the destruction of a paper original by the person and
// returns its ledger number. Only what may go can go, and only once. A paper
// whose letter has expired may always go: it should have gone before.
func (r *Register) DestroyPaper(ctx context.Context, id letter.ID, d Destruction, person int64) (ledger string, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		p, err := scanPaper(tx.QueryRowContext(ctx, `SELECT `+paperColumns+` WHERE letter = $1`, string(id)))
		if err != nil {
			return err
		}
		if p.State == letter.PaperDestroyed || p.State != letter.PaperMayGo && !p.LetterGone {
			return ErrPaperNotFree
		}
		if ledger, err = r.nextLedger(ctx, tx); err != nil {
			return fmt.Errorf("numbering destruction: %w", err)
		}
		if err := r.append(ctx, tx, r.destroyed(p, d, ledger), id, person); err != nil {
			return err
		}
		if p.LetterGone {
			// The last trace of the letter: nothing is left to tie the paper to.
			_, err = tx.ExecContext(ctx, `DELETE FROM papers WHERE letter = $1`, string(id))
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE papers SET state = $1, ledger = $2 WHERE letter = $3`,
			letter.PaperDestroyed, ledger, string(id)); err != nil {
			return err
		}
		// The edge learns it from a new receipt and takes its slip away.
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET receipt_due = 1, not_before = $1, version = version + 1
			WHERE id = $2`, millis(r.Now()), string(id)); err != nil {
			return err
		}
		return r.due(ctx, tx, id)
	})
	return ledger, err
}

// SheetsBetween is how many sheets the scan can come from: as many as the
// scanner counted, or, where it could not, from half as many as there are pages
// to as many, since a sheet has one or two sides.
func (p Paper) SheetsBetween() (fewest, most int) {
	if p.Sheets > 0 {
		return p.Sheets, p.Sheets
	}
	return (p.Pages + 1) / 2, p.Pages
}

func (r *Register) destroyed(p Paper, d Destruction, ledger string) PaperDestroyed {
	anomaly := "none"
	if fewest, most := p.SheetsBetween(); d.Sheets < fewest || d.Sheets > most {
		anomaly = "sheets-differ"
	}
	return PaperDestroyed{
		Ledger: ledger, Reference: p.Reference, Class: p.Class, Received: p.Received, ScannedAt: p.Site,
		ReadableBy: p.CheckedBy, Authority: d.Authority, Destroyed: r.Now().UTC().Truncate(time.Millisecond),
		Sheets: d.Sheets, Pages: p.Pages, Witness: d.Witness, Method: d.Method, Level: d.Level,
		Certificate: d.Certificate, Anomaly: anomaly, LetterAlive: !p.LetterGone,
	}
}

// nextLedger counts destructions within a calendar year: D-2026-000017.
func (r *Register) nextLedger(ctx context.Context, tx *sql.Tx) (string, error) {
	year := letter.DateOf(r.Now()).Year
	name := fmt.Sprintf("ledger_%d", year)
	var n int
	err := tx.QueryRowContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, '1')
		ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT) RETURNING CAST(value AS BIGINT)`, name).Scan(&n)
	return fmt.Sprintf("D-%d-%06d", year, n), err
}
