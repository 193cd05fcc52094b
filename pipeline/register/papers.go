package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
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
	CheckedToo int64           // and of who else did, where one is not enough; 0 for nobody
	Ledger     string          // once destroyed
	LetterGone bool            // the scan has expired; this paper should be long gone
}

const paperColumns = `letter, reference, helpline, class, site, received, deadline, pages, sheets, state, reason, checked_by, checked_too, ledger,
	letter_gone FROM papers`

func scanPaper(row scannable) (Paper, error) {
	var p Paper
	var received int64
	var deadline string
	err := row.Scan(&p.Letter, &p.Reference, &p.Helpline, &p.Class, &p.Site, &received, &deadline, &p.Pages, &p.Sheets, &p.State,
		&p.Reason, &p.CheckedBy, &p.CheckedToo, &p.Ledger, &p.LetterGone)
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

// PapersCalled returns the papers that bear the reference, in its canonical form,
// and are not on record as destroyed: one, or none, or very rarely two.
func (r *Register) PapersCalled(ctx context.Context, reference string) ([]Paper, error) {
	from, to := idsOf(reference)
	rows, err := r.read.QueryContext(ctx, `SELECT `+paperColumns+` WHERE letter >= $1 AND letter < $2 AND reference = $3 AND state <> $4
		ORDER BY received, letter`, from, to, reference, letter.PaperDestroyed)
	if err != nil {
		return nil, fmt.Errorf("reading papers: %w", err)
	}
	return scanAll(rows, scanPaper)
}

// PaperList is what the papers of a list of the destruction desk have in common.
type PaperList string

// The lists of paper originals whose destruction is not on record, oldest first.
const (
	PapersOutlived PaperList = "outlived" // their letter is gone
	PapersMayGo    PaperList = "may-go"   // as in the others below, their letter lives
	PapersAgain    PaperList = "again"    // they are to be scanned again
	PapersAnother  PaperList = "another"  // somebody found the scan readable, and somebody else must too
	PapersKept     PaperList = "kept"     // nobody has found the scan readable
)

var papersListed = map[PaperList]string{
	PapersOutlived: `letter_gone = 1`,
	PapersMayGo:    `state = '` + letter.PaperMayGo + `' AND letter_gone = 0`,
	PapersAgain:    `state = '` + letter.PaperScanAgain + `' AND letter_gone = 0`,
	PapersAnother:  `state = '` + letter.PaperKept + `' AND checked_by <> 0`,
	PapersKept:     `state = '` + letter.PaperKept + `' AND letter_gone = 0 AND checked_by = 0`,
}

// PlaceOfPaper is where the paper stands in its list.
func PlaceOfPaper(p Paper) Place { return Place{p.Received, p.Letter} }

// query is up to $3 papers of the list that come after the place of $1 and $2.
func (l PaperList) query() string {
	return `SELECT ` + paperColumns + ` WHERE ` + papersListed[l] + ` AND (received, letter) > ($1, $2) ORDER BY received, letter LIMIT $3`
}

// Papers returns up to limit paper originals of the list that come after the place.
func (r *Register) Papers(ctx context.Context, which PaperList, after Place, limit int) ([]Paper, error) {
	from := int64(-1)
	if after.ID != "" {
		from = millis(after.Received)
	}
	rows, err := r.read.QueryContext(ctx, which.query(), from, string(after.ID), limit)
	if err != nil {
		return nil, fmt.Errorf("reading papers: %w", err)
	}
	return scanAll(rows, scanPaper)
}

// CountOfPapers counts the paper originals of the whole list. It costs what it counts.
func (r *Register) CountOfPapers(ctx context.Context, which PaperList) (n int, err error) {
	if err := r.read.QueryRowContext(ctx, `SELECT count(*) FROM papers WHERE `+papersListed[which]).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting papers: %w", err)
	}
	return n, nil
}

// paperSays is what is said of a paper that is there.
type paperSays struct {
	State                 PaperState
	Reason                ScanAgainReason
	CheckedBy, CheckedToo int64
}

func setPaper(ctx context.Context, tx *sql.Tx, id letter.ID, says paperSays) error {
	res, err := tx.ExecContext(ctx, `UPDATE papers SET state = $1, reason = $2, checked_by = $3, checked_too = $4 WHERE letter = $5 AND state <> $6`,
		says.State, string(says.Reason), says.CheckedBy, says.CheckedToo, string(id), letter.PaperDestroyed)
	return oneRow(res, err)
}

// Destruction is what the person at the destruction desk says.
type Destruction struct {
	Sheets      int        // of paper, counted by hand
	ScannedBy   int64      // staff number; 0 when nobody knows any more
	Method      Method     // how
	Level       Level      // of an own shredder
	Machine     Name       // which it was; empty where the configuration names none
	Contractor  Name       // or who destroyed it for us,
	Collection  Number     // the number of the collection
	Certificate Number     // and that of the certificate
	Place       Name       // where
	Witness     int64      // staff number
	WitnessWith SignInWith // by what means the witness has shown who they are
	Authority   Name       // policy and version
}

// ErrPaperNotFree is returned for a paper that may not be destroyed (yet, or any more).
var ErrPaperNotFree = errors.New("this paper may not be destroyed")

// ErrOwnWitness is returned when somebody would be the witness of what they do.
var ErrOwnWitness = errors.New("nobody is their own witness")

// Destroyed is one paper of a tray, and what is said of it.
type Destroyed struct {
	Letter letter.ID
	Destruction
}

// DestroyPaper records the destruction of one paper original: see DestroyPapers.
func (r *Register) DestroyPaper(ctx context.Context, id letter.ID, d Destruction, person int64) (Ledger, error) {
	ledgers, err := r.DestroyPapers(ctx, []Destroyed{{id, d}}, person)
	if err != nil {
		return "", err
	}
	return ledgers[0], nil
}

// DestroyPapers records the destruction of paper originals by the person, all of
// them or none, and returns their ledger numbers in the same order. Only what may
// go can go, and only once. A paper whose letter has expired may always go: it
// should have gone before.
// Refused with ErrNotFound, also where the person or the witness is walled off from a
// letter, ErrOwnWitness and ErrPaperNotFree.
func (r *Register) DestroyPapers(ctx context.Context, tray []Destroyed, person int64) (ledgers []Ledger, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		ledgers = nil // of a try before
		for _, d := range tray {
			ledger, err := r.destroyOne(ctx, tx, d, person)
			if err != nil {
				return err
			}
			ledgers = append(ledgers, ledger)
		}
		return nil
	})
	return ledgers, err
}

func (r *Register) destroyOne(ctx context.Context, tx *sql.Tx, d Destroyed, person int64) (ledger Ledger, err error) {
	p, err := freePaper(ctx, tx, d.Letter, d.Witness, person)
	if err != nil {
		return "", err
	}
	if enough, err := r.checked(ctx, tx, p, d.ScannedBy); err != nil {
		return "", err
	} else if !enough && !p.LetterGone {
		return "", ErrPaperNotFree
	}
	if ledger, err = r.nextLedger(ctx, tx, 1); err != nil {
		return "", fmt.Errorf("numbering destruction: %w", err)
	}
	sides, err := sidesOf(ctx, tx, d.Letter)
	if err != nil {
		return "", err
	}
	destroyed := r.destroyed(p, sides, d.Destruction, ledger)
	if destroyed.Scanned, err = scannedAt(ctx, tx, p); err != nil {
		return "", err
	}
	if err := r.append(ctx, tx, destroyed, d.Letter, person); err != nil {
		return "", err
	}
	return ledger, r.paperIsGone(ctx, tx, p, ledger)
}

// freePaper is a paper that the person and the witness may put an end to: neither
// knows somebody in its letter.
func freePaper(ctx context.Context, tx *sql.Tx, id letter.ID, witness, person int64) (Paper, error) {
	if witness == person {
		return Paper{}, ErrOwnWitness
	}
	p, err := scanPaper(tx.QueryRowContext(ctx, `SELECT `+paperColumns+` WHERE letter = $1`, string(id)))
	if err == nil {
		err = notWalled(ctx, tx, id, person, witness)
	}
	if err != nil {
		return Paper{}, err
	}
	if p.State == letter.PaperDestroyed || p.State != letter.PaperMayGo && !p.LetterGone {
		return Paper{}, ErrPaperNotFree
	}
	return p, nil
}

// paperIsGone follows from the entry that says so.
func (r *Register) paperIsGone(ctx context.Context, tx *sql.Tx, p Paper, ledger Ledger) error {
	if p.LetterGone {
		// The last trace of the letter: nothing is left to tie the paper to. Its
		// edge's slip, which may ask for the paper, goes all the same.
		if _, err := tx.ExecContext(ctx, `DELETE FROM papers WHERE letter = $1`, string(p.Letter)); err != nil {
			return err
		}
		return r.noteGone(ctx, tx, p.Letter, p.Site, "")
	}
	if _, err := tx.ExecContext(ctx, `UPDATE papers SET state = $1, ledger = $2 WHERE letter = $3`,
		letter.PaperDestroyed, string(ledger), string(p.Letter)); err != nil {
		return err
	}
	return r.paperChanged(ctx, tx, p.Letter) // upon which the edge takes its slip away
}

// paperChanged has the edge learn from a new receipt what its slip is to say.
func (r *Register) paperChanged(ctx context.Context, tx *sql.Tx, id letter.ID) error {
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET receipt_due = 1, not_before = $1, version = version + 1
		WHERE id = $2`, millis(r.Now()), string(id)); err != nil {
		return err
	}
	return r.due(ctx, tx, id)
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

func (r *Register) destroyed(p Paper, sides int, d Destruction, ledger Ledger) PaperDestroyed {
	return PaperDestroyed{
		Ledger: ledger, Reference: Reference(p.Reference), Class: p.Class, Received: p.Received,
		ScannedAt: Name(p.Site), ScannedBy: d.ScannedBy, ReadableBy: p.CheckedBy, ReadableToo: p.CheckedToo, Authority: d.Authority,
		Destroyed: r.Now().UTC().Truncate(time.Millisecond), Sheets: d.Sheets, Sides: sides, Pages: p.Pages,
		Witness: d.Witness, WitnessWith: d.WitnessWith, Method: d.Method, Level: d.Level, Machine: d.Machine, Contractor: d.Contractor, Collection: d.Collection,
		Certificate: d.Certificate, Place: d.Place, Anomalies: anomalies(p, d), LetterAlive: !p.LetterGone,
	}
}

// scannedAt is when the paper was scanned: later than it came where that scan is a
// new one which came late. Of a letter that is gone nobody knows that any more.
func scannedAt(ctx context.Context, tx *sql.Tx, p Paper) (time.Time, error) {
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT received FROM letters WHERE id = $1`, string(p.Letter)).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return p.Received, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a paper was scanned: %w", err)
	}
	return fromMillis(at), nil
}

// anomalies are never nil: the register says [] where there is none.
func anomalies(p Paper, d Destruction) []Anomaly {
	found := []Anomaly{}
	note := func(is bool, a Anomaly) {
		if is {
			found = append(found, a)
		}
	}
	fewest, most := p.SheetsBetween()
	note(d.Sheets < fewest || d.Sheets > most, AnomalySheets)
	note(p.LetterGone, AnomalyLetterGone)
	note(p.CheckedBy == 0, AnomalyUnread)
	note(d.ScannedBy == 0, AnomalyScannerUnknown)
	note(d.Method == Shredder && d.Level < DefaultLevel, AnomalyLevel)
	return found
}

// sidesOf is how many sides the scanner counted. The entry of the letter's
// arrival still knows it when its row is gone; 0 where the scanner could not tell.
func sidesOf(ctx context.Context, tx *sql.Tx, id letter.ID) (int, error) {
	said, _, err := lastSaid[LetterAdmitted](ctx, tx, id)
	return said.Data.Sides, err
}

// nextLedger counts destructions within a calendar year, by one or, where numbers are
// left out, by more: D-2026-000017.
func (r *Register) nextLedger(ctx context.Context, tx *sql.Tx, by int) (Ledger, error) {
	year := letter.DateOf(r.Now()).Year
	name := fmt.Sprintf("ledger_%d", year)
	var n int
	err := tx.QueryRowContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + CAST(excluded.value AS BIGINT) AS TEXT) RETURNING CAST(value AS BIGINT)`,
		name, strconv.Itoa(by)).Scan(&n)
	return Ledger(fmt.Sprintf("D-%d-%06d", year, n)), err
}
