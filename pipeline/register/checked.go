package register

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Who scanned a letter may not be the only one who found it readable, where
// Config.ReadableByAnother says so. Letterlock does not see who scans: scans come
// from a folder. So whoever had the paper in their hands at the time may have done
// it, and what such a person finds readable waits for somebody else's word, which
// is as good from anybody: of two people one at most has scanned it.

// liesUnscanned is how long a scan can have lain in its folder before the letter
// is received: as long as a manifest may be late.
const liesUnscanned = 14 * 24 * time.Hour

// HandlesPaper reports whether people of that role scan paper, and destroy it.
func (role Role) HandlesPaper() bool { return role == Operations || role == Manager }

// AnotherDue reports whether the paper is kept until somebody else than CheckedBy
// has found its scan readable too.
func (p Paper) AnotherDue() bool { return p.State == letter.PaperKept && p.CheckedBy != 0 }

// AnotherDue reports whether the paper is kept until somebody else than ReadableBy
// has found the scan readable too.
func (l Letter) AnotherDue() bool { return l.State == Readable && l.Paper == letter.PaperKept }

// checked reports whether enough people have found the paper's scan readable,
// scannedBy being who scanned it, or 0 where that is not known.
func (r *Register) checked(ctx context.Context, tx *sql.Tx, p Paper, scannedBy int64) (bool, error) {
	switch {
	case !r.cfg.ReadableByAnother, p.CheckedToo != 0:
		return true, nil
	case p.CheckedBy == 0, p.CheckedBy == scannedBy:
		return false, nil
	}
	may, err := mayHaveScanned(ctx, tx, p.CheckedBy, p.Received)
	return !may, err
}

// mayHaveScanned reports whether the person handled paper when the letter was
// received, in the fortnight before, or at any time since. The register knows it
// of everybody, whatever they do now.
func mayHaveScanned(ctx context.Context, tx *sql.Tx, person int64, received time.Time) (may bool, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT line FROM entries WHERE kind IN ($1, $2, $3) ORDER BY seq`,
		PersonAdded{}.kind(), RoleGiven{}.kind(), RoleTaken{}.kind())
	if err != nil {
		return false, fmt.Errorf("reading who handled paper: %w", err)
	}
	lines, err := scanAll(rows, func(row scannable) (line string, err error) { return line, row.Scan(&line) })
	if err != nil {
		return false, fmt.Errorf("reading who handled paper: %w", err)
	}
	for _, line := range lines {
		var e struct {
			At   time.Time
			By   int64
			Data struct {
				Person int64 // of PersonAdded; the others are about By
				Role   Role
			}
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return false, fmt.Errorf("reading who handled paper: %w", err)
		}
		if cmp.Or(e.Data.Person, e.By) != person {
			continue
		}
		before := e.At.Before(received.Add(-liesUnscanned))
		may = e.Data.Role.HandlesPaper() || may && !before
	}
	return may, nil
}

// readableToo takes the word of a further person on a letter that one has found
// readable: it counts where the paper waits for it.
func (r *Register) readableToo(ctx context.Context, tx *sql.Tx, l Letter, person int64) error {
	p := Paper{Received: l.Received, CheckedBy: l.ReadableBy}
	if person != l.ReadableBy {
		p.CheckedToo = person
	}
	enough, err := r.checked(ctx, tx, p, 0)
	if err != nil || !enough || !l.AnotherDue() {
		return err
	}
	if err := setPaper(ctx, tx, l.ID, paperSays{State: letter.PaperMayGo, CheckedBy: p.CheckedBy, CheckedToo: p.CheckedToo}); err != nil {
		return err
	}
	if err := r.append(ctx, tx, LetterReadable{}, l.ID, person); err != nil {
		return err
	}
	if err := r.paperChanged(ctx, tx, l.ID); err != nil {
		return err
	}
	return r.eachWith(ctx, tx, l.ID, func(old *Letter) error { return r.endOldScan(ctx, tx, old, person) })
}

// KeepBack keeps those of the papers that nobody but who scanned them, or may
// have, has found readable, and returns them; scannedBy is what the person at the
// desk says of that, or 0 where nobody knows any more. It can be so of a paper that
// was free before the rule was made, or whose reader has scanned it after all.
func (r *Register) KeepBack(ctx context.Context, papers []letter.ID, scannedBy, person int64) (kept []Paper, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		kept = nil // of a try before
		for _, id := range papers {
			p, err := scanPaper(tx.QueryRowContext(ctx, `SELECT `+paperColumns+` WHERE letter = $1`, string(id)))
			if err != nil {
				return err
			}
			if enough, err := r.checked(ctx, tx, p, scannedBy); err != nil {
				return err
			} else if enough || p.LetterGone || p.State != letter.PaperMayGo {
				continue
			}
			if err := setPaper(ctx, tx, id, paperSays{State: letter.PaperKept, CheckedBy: p.CheckedBy}); err != nil {
				return err
			}
			if err := r.append(ctx, tx, PaperKeptBack{ScannedBy: scannedBy}, id, person); err != nil {
				return err
			}
			if err := r.paperChanged(ctx, tx, id); err != nil {
				return err
			}
			p.State = letter.PaperKept
			kept = append(kept, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keeping papers back: %w", err)
	}
	return kept, nil
}
