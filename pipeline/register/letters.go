package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Letter is the row of a living letter: what its edge signed, and what has
// become of it since.
type Letter struct {
	letter.Manifest // as deposited; what was decided since comes before it

	Class    letter.Class // by which it is kept now
	Helpline string       // whose it is now
	Since    letter.Date  // the day from which the class counts
	Lies     Lodging      // the copy that people open
	Coming   *Lodging     // where a new copy is being made, if any
	Leaving  []Lodging    // the places that are to be emptied
	Been     []Lodging    // every place that was ever chosen for it, once it was to be moved

	Reason SafeguardingReason // why it is kept for five years; empty when it is not
	Risk   Risk               // what was said to whether somebody is at risk; empty for nothing
	Told   Told               // what the service user knows of that
	Review letter.Date        // when that is looked at again; zero for never
	Named  int64              // staff number of the one leader who may open it; 0 for every leader of its helpline, nobodyElse for the manager alone

	HandedTo int64 // staff number of the colleague to whom it was handed over; 0 for nobody

	Answers    letter.ID    // the letter to which this is the kept answer; empty for a letter
	UploadedBy int64        // staff number of who uploaded the answer; 0 for a letter
	DraftEnds  time.Time    // when it ends if it is not kept until then; zero for what is kept, and for a letter
	Address    AddressCheck // how the answer's address was found to be safe; empty before that was said

	Replaces   letter.ID       // the letter that had been scanned so that it could not be read, of which this is a new scan; Manifest.Replaces is what was said, this what is so
	ReplacedBy letter.ID       // the newest scan of its paper, if there is one beside this
	AskedAgain ScanAgainReason // why there was to be one

	Erase EraseReason // why it is erased before its time; empty for one that is not

	Walled []int64 // staff numbers of who knows somebody in it, and must not see it

	HeldSince letter.Date // the first day of the holds that it is under; zero for none

	State         State
	ObjectVersion string     // the deposited version that was verified; empty before that
	Trouble       Trouble    // why it does not move on
	Attempts      int        // of the step that is under way
	NotBefore     *time.Time // when the step is due; nil when it waits for a person or the deadline
	ReceiptDue    bool       // the edge is owed a (new) receipt
	ReadableBy    int64      // staff number
	ReadableAt    time.Time
	Paper         PaperState
	PaperReason   ScanAgainReason
	Found         Found // noted by NoteRemains before it was removed
	Missing       bool  // it was found nowhere in the storage when a restore was replayed
	Lost          bool  // the storage was seen not to hold it before its time

	replacedAt time.Time // since when it has a newer scan

	version int64 // for the compare-and-set
	moves   int64 // the same for where it lies
}

// nobodyElse in Letter.Named is no staff number: the manager alone may open it.
const nobodyElse = -1

// Found counts what the storage held of a letter on its deadline and later.
type Found struct{ Versions, Markers, Uploads int }

const letterColumns = `l.id, l.site, l.sent_helpline, l.sent_class, l.helpline, l.class, l.since, l.lies, l.coming, l.leaving, l.been, l.moves,
	l.reason, l.risk, l.handed_to, l.told, l.review, l.named, l.held_since, l.erase, l.answers, l.uploaded_by, l.draft_ends, l.address_check, l.received, l.pages, l.sheets, l.sides, l.flags, l.repaired, l.size, l.sha256, l.state,
	l.object_version, l.trouble, l.attempts, l.not_before, l.receipt_due, l.readable_by, l.readable_at,
	l.sent_replaces, l.replaces, l.replaced_by, l.replaced_at, l.asked_again,
	l.found_versions, l.found_markers, l.found_uploads, l.missing, l.lost, l.version, COALESCE(p.state, ''), COALESCE(p.reason, ''),
	COALESCE((SELECT string_agg(CAST(w.person AS TEXT), ',') FROM walls w WHERE w.letter = l.id), '')
	FROM letters l LEFT JOIN papers p ON p.letter = l.id`

func scanLetter(row scannable) (Letter, error) {
	var l Letter
	var received, readableAt, replacedAt int64
	var notBefore, draftEnds sql.NullInt64
	var since, lies, coming, leaving, been, review, held, walled string
	err := row.Scan(&l.ID, &l.Site, &l.Manifest.Helpline, &l.Manifest.Class, &l.Helpline, &l.Class, &since, &lies, &coming, &leaving, &been, &l.moves,
		&l.Reason, &l.Risk, &l.HandedTo, &l.Told, &review, &l.Named, &held, &l.Erase, &l.Answers, &l.UploadedBy, &draftEnds, &l.Address, &received, &l.Pages, &l.Sheets, &l.Sides, &l.Flags, &l.Repaired, &l.Size, &l.SHA256, &l.State,
		&l.ObjectVersion, &l.Trouble, &l.Attempts, &notBefore, &l.ReceiptDue, &l.ReadableBy, &readableAt,
		&l.Manifest.Replaces, &l.Replaces, &l.ReplacedBy, &replacedAt, &l.AskedAgain,
		&l.Found.Versions, &l.Found.Markers, &l.Found.Uploads, &l.Missing, &l.Lost, &l.version, &l.Paper, &l.PaperReason, &walled)
	if errors.Is(err, sql.ErrNoRows) {
		return Letter{}, ErrNotFound
	}
	if err != nil {
		return Letter{}, fmt.Errorf("reading letter: %w", err)
	}
	if l.Walled, err = readWalls(walled); err != nil {
		return Letter{}, err
	}
	l.Received, l.ReadableAt, l.replacedAt = fromMillis(received), fromMillis(readableAt), fromMillis(replacedAt)
	if notBefore.Valid {
		t := fromMillis(notBefore.Int64)
		l.NotBefore = &t
	}
	if draftEnds.Valid {
		l.DraftEnds = fromMillis(draftEnds.Int64)
	}
	return l, l.readKeeping(since, lies, coming, leaving, been, review, held)
}

// Letter reads one living letter, or ErrNotFound.
func (r *Register) Letter(ctx context.Context, id letter.ID) (Letter, error) {
	return scanLetter(r.read.QueryRowContext(ctx, `SELECT `+letterColumns+` WHERE l.id = $1`, string(id)))
}

func letterIn(ctx context.Context, q querier, id letter.ID) (Letter, error) {
	return scanLetter(q.QueryRowContext(ctx, `SELECT `+letterColumns+` WHERE l.id = $1`, string(id)))
}

// letters reads the rows that a query of letterColumns finds.
func (r *Register) letters(ctx context.Context, where string, args ...any) ([]Letter, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT `+letterColumns+` `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading letters: %w", err)
	}
	return scanAll(rows, scanLetter)
}

// EachLetter calls f with every living letter, oldest first.
func (r *Register) EachLetter(ctx context.Context, f func(Letter) error) error {
	after := int64(-1)
	var last letter.ID
	for {
		page, err := r.letters(ctx, `WHERE (l.received, l.id) > ($1, $2) ORDER BY l.received, l.id LIMIT 500`, after, string(last))
		if err != nil || len(page) == 0 {
			return err
		}
		for _, l := range page {
			if err := f(l); err != nil {
				return err
			}
			after, last = millis(l.Received), l.ID
		}
	}
}

// DueNow returns letters whose next step is due: up to limit of those that are to be
// checked, and before them as many of the others, which wait behind no check. What is
// listed follows the work, not the archive.
func (r *Register) DueNow(ctx context.Context, limit int) (due []letter.ID, err error) {
	now := r.Now()
	for _, checked := range []int{0, 1} {
		ids, err := r.ids(ctx, dueNow, millis(now), millis(now.Add(longestWait)), limit, checked)
		if err != nil {
			return nil, err
		}
		due = append(due, ids...)
	}
	return due, nil
}

// longestWait is more than any step is ever put off. What seems to be due later
// was put off by a clock that was ahead, and is due now.
const longestWait = 2 * time.Hour

const dueNow = `SELECT id FROM letters WHERE (not_before <= $1 OR not_before > $2)
	AND CASE state WHEN 'admitted' THEN 1 ELSE 0 END = $4 LIMIT $3`

// ToBeChecked reports whether what is next for the letter is that it is verified. tx may
// be nil.
func (r *Register) ToBeChecked(ctx context.Context, tx *sql.Tx, id letter.ID) (bool, error) {
	var q querier = r.read
	if tx != nil {
		q = tx
	}
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM letters WHERE id = $1 AND state = $2 AND deadline > $3`,
		string(id), string(Admitted), letter.DateOf(r.Now()).String()).Scan(&n)
	return n > 0, err
}

// PastDeadline returns up to limit letters whose deadline has come and whose
// expiry has not been tried within the last moments.
func (r *Register) PastDeadline(ctx context.Context, today letter.Date, limit int) ([]letter.ID, error) {
	now := r.Now()
	return r.ids(ctx, pastDeadline, today.String(), string(StoreDown), string(StillShown), millis(now), millis(now.Add(longestWait)), limit)
}

// Only the storage's own troubles put an expiry off.
const pastDeadline = `SELECT id FROM letters WHERE deadline <= $1 AND (trouble NOT IN ($2, $3)
	OR not_before IS NULL OR not_before <= $4 OR not_before > $5) ORDER BY deadline LIMIT $6`

func (r *Register) ids(ctx context.Context, query string, args ...any) ([]letter.ID, error) {
	return idsIn(ctx, r.read, query, args...)
}

func idsIn(ctx context.Context, q querier, query string, args ...any) ([]letter.ID, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading letters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []letter.ID
	for rows.Next() {
		var id letter.ID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// change is what one transition writes into a letter's row.
type change struct {
	to            State
	objectVersion string // "" leaves it
	receiptDue    bool
	due           bool // the next step is due at once; otherwise it waits for a person
}

// move carries the letter to its next state if it is still as it was read, and
// records ev in the same transaction. The lost answer of a committed move is
// met by the next one's ErrMoved, after which the letter is read again.
func (r *Register) move(ctx context.Context, tx *sql.Tx, l *Letter, c change, ev Event, by int64) error {
	var unsent int
	if err := tx.QueryRowContext(ctx, unsentMails, string(l.ID)).Scan(&unsent); err != nil {
		return err
	}
	var notBefore sql.NullInt64
	if c.due || c.receiptDue || unsent > 0 || l.MoveDue() {
		notBefore = sql.NullInt64{Int64: millis(r.Now()), Valid: true}
	}
	if c.objectVersion == "" {
		c.objectVersion = l.ObjectVersion
	}
	res, err := tx.ExecContext(ctx, `UPDATE letters SET state = $1, object_version = $2, receipt_due = $3,
		not_before = $4, trouble = '', attempts = 0, version = version + 1 WHERE id = $5 AND version = $6`,
		string(c.to), c.objectVersion, c.receiptDue, notBefore, string(l.ID), l.version)
	if err := oneRow(res, err); err != nil {
		return err
	}
	if c.objectVersion != l.ObjectVersion {
		l.Lies.Version = c.objectVersion // nothing was moved before it was verified
	}
	l.State, l.ObjectVersion, l.ReceiptDue, l.Trouble, l.Attempts = c.to, c.objectVersion, c.receiptDue, NoTrouble, 0
	l.version++
	if err := r.append(ctx, tx, ev, l.ID, by); err != nil {
		return err
	}
	if notBefore.Valid {
		return r.due(ctx, tx, l.ID)
	}
	return nil
}

// oneRow turns "no row changed" into ErrMoved.
func oneRow(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n != 1 {
		return ErrMoved
	}
	return err
}

func (r *Register) due(ctx context.Context, tx *sql.Tx, id letter.ID) error {
	if f := r.onDue.Load(); f != nil {
		return (*f)(ctx, tx, id)
	}
	return nil
}

// onRecord counts a letter's entries. That an id is not empty is said so that
// the index can be used, which leaves entries without a letter out.
const onRecord = `SELECT count(*) FROM entries WHERE letter = $1 AND letter <> ''`

// neverOnRecord is ErrAlreadyDeleted for an id that is on record, or ever was.
func neverOnRecord(ctx context.Context, tx *sql.Tx, id letter.ID) error {
	var times int
	if err := tx.QueryRowContext(ctx, onRecord, string(id)).Scan(&times); err != nil {
		return err
	}
	if times > 0 {
		return ErrAlreadyDeleted
	}
	return nil
}

// Errors of Admit; each is why a manifest must be held.
var (
	ErrSameIDOther    = errors.New("the id is known with another content")
	ErrAlreadyDeleted = errors.New("the id was deleted before")
)

// Admit makes a manifest's letter known, once for each id. A manifest that is
// known word for word changes nothing but that its receipt is given again.
func (r *Register) Admit(ctx context.Context, m letter.Manifest) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		known, err := letterIn(ctx, tx, m.ID)
		switch {
		case err == nil && known.Manifest == m:
			return r.oweReceipt(ctx, tx, known)
		case err == nil && known.likely(m):
			return r.complete(ctx, tx, known, m)
		case err == nil:
			return ErrSameIDOther
		case !errors.Is(err, ErrNotFound):
			return err
		}
		if err := neverOnRecord(ctx, tx, m.ID); err != nil {
			return err
		}
		if err := r.insert(ctx, tx, m); err != nil {
			return fmt.Errorf("admitting letter: %w", err)
		}
		if err := r.append(ctx, tx, LetterAdmitted{Site: Name(m.Site), Helpline: Name(m.Helpline), Class: m.Class,
			Received: m.Received, Deadline: m.Deadline(), Week: m.Week(), Pages: m.Pages, Sheets: m.Sheets, Sides: m.Sides, Repaired: m.Repaired}, m.ID, 0); err != nil {
			return err
		}
		l, err := letterIn(ctx, tx, m.ID)
		if err != nil {
			return err
		}
		if err := r.underHolds(ctx, tx, &l); err != nil { // its helpline may be held
			return err
		}
		return r.due(ctx, tx, m.ID)
	})
}

// insertLetter makes the row of a letter or a response.
func (r *Register) insertLetter(ctx context.Context, tx *sql.Tx, m letter.Manifest) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO letters (id, reference, site, helpline, class, state, version, received,
		deadline, week, pages, sheets, sides, flags, repaired, size, sha256, object, object_version, trouble, attempts, not_before, receipt_due,
		readable_by, readable_at, found_versions, found_markers, found_uploads, sent_helpline, sent_class, sent_replaces)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, '', '', 0, $18, 0, 0, 0, 0, 0, 0, $4, $5, $19)`,
		string(m.ID), m.ID.Reference(), m.Site, m.Helpline, string(m.Class), string(Admitted), millis(m.Received),
		m.Deadline().String(), string(m.Week()), m.Pages, m.Sheets, m.Sides, string(m.Flags), m.Repaired, m.Size, m.SHA256, m.ObjectKey(), millis(r.Now()), string(m.Replaces))
	return err
}

// insert makes the rows of a letter and its paper.
func (r *Register) insert(ctx context.Context, tx *sql.Tx, m letter.Manifest) error {
	if err := r.insertLetter(ctx, tx, m); err != nil {
		return err
	}
	return r.insertPaper(ctx, tx, m)
}

func (r *Register) insertPaper(ctx context.Context, tx *sql.Tx, m letter.Manifest) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO papers (letter, reference, helpline, class, site, received, deadline, pages,
		sheets, state, reason, checked_by, ledger, letter_gone) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', 0, '', 0)`,
		string(m.ID), m.ID.Reference(), m.Helpline, string(m.Class), m.Site, millis(m.Received), m.Deadline().String(),
		m.Pages, m.Sheets, letter.PaperKept)
	return err
}

// OweReceipt has the letter's receipt written again, where it has one and goes on.
func (r *Register) OweReceipt(ctx context.Context, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := letterIn(ctx, tx, id)
		if errors.Is(err, ErrNotFound) || err == nil && !l.State.CanBeOpened() {
			return nil
		}
		if err != nil {
			return err
		}
		return r.oweReceipt(ctx, tx, l)
	})
}

// oweReceipt has the letter's receipt written again, if it has one already. A
// letter that could not be verified is looked at anew: its edge still waits.
func (r *Register) oweReceipt(ctx context.Context, tx *sql.Tx, l Letter) error {
	if l.State == Unverifiable {
		return r.move(ctx, tx, &l, change{to: Admitted, due: true}, LetterLookedAtAgain{}, 0)
	}
	if !l.State.CanBeOpened() {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE letters SET receipt_due = 1, not_before = $1, version = version + 1
		WHERE id = $2`, millis(r.Now()), string(l.ID)); err != nil {
		return err
	}
	return r.due(ctx, tx, l.ID)
}

// Defer notes why a step failed and when it is tried again. It is no
// transition: the state stays, and the register has no entry of it. The attempt that
// l was read before is counted once, however often it is noted.
func (r *Register) Defer(ctx context.Context, l Letter, why Trouble, until time.Time) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE letters SET trouble = $1, attempts = $2, not_before = $3
			WHERE id = $4 AND version = $5`, string(why), l.Attempts+1, millis(until), string(l.ID), l.version)
		return oneRow(res, err)
	})
}

// PutOff has the letter wait for its turn until then, which counts as no attempt.
func (r *Register) PutOff(ctx context.Context, l Letter, until time.Time) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE letters SET not_before = $1 WHERE id = $2 AND version = $3`,
			millis(until), string(l.ID), l.version)
		return oneRow(res, err)
	})
}

// Rest says that nothing is under way for the letter: it waits for a person or
// its deadline.
func (r *Register) Rest(ctx context.Context, l *Letter) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE letters SET trouble = '', attempts = 0, not_before = NULL
			WHERE id = $1 AND version = $2 AND move_due = 0`, string(l.ID), l.version)
		return oneRow(res, err)
	})
}

// Verified pins the object version that was read back, opened and rendered.
// paperMayGo is set where the organisation destroys paper without waiting for a
// reader; that of a new scan waits for one all the same, since the last was not
// readable. What a new scan takes over it takes over here, in the transaction
// before which nobody can be shown it.
func (r *Register) Verified(ctx context.Context, l *Letter, objectVersion string, paperMayGo bool) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		to := change{to: Verified, objectVersion: objectVersion, due: true}
		if l.IsResponse() {
			// Nobody waits for its receipt, has its paper or is told of it.
			to, paperMayGo = change{to: Draft, objectVersion: objectVersion}, false
			if l.DraftEnds.IsZero() { // uploaded before there were drafts
				to.to = Filed
			}
		}
		if l.Manifest.Replaces != "" {
			paperMayGo = false
			if err := r.takeNewScan(ctx, tx, l); err != nil {
				return err
			}
		}
		if paperMayGo {
			if err := setPaper(ctx, tx, l.ID, paperSays{State: letter.PaperMayGo}); err != nil {
				return err
			}
			l.Paper = letter.PaperMayGo
		}
		return r.move(ctx, tx, l, to, LetterVerified{Pages: l.Pages}, 0)
	})
}

// Unverifiable parks a letter whose deposit is not what its manifest says.
func (r *Register) Unverifiable(ctx context.Context, l *Letter, why Trouble) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.move(ctx, tx, l, change{to: Unverifiable}, LetterUnverifiable{Reason: why}, 0); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE letters SET trouble = $1 WHERE id = $2`, string(why), string(l.ID))
		return err
	})
}

// Receipted says that the first receipt is stored.
func (r *Register) Receipted(ctx context.Context, l *Letter) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		return r.move(ctx, tx, l, change{to: Receipted, due: true}, LetterReceipted{}, 0)
	})
}

// ReceiptRenewed says that a later receipt is stored. If the paper's state
// changed meanwhile the receipt stays owed: ErrMoved.
func (r *Register) ReceiptRenewed(ctx context.Context, l *Letter) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE letters SET receipt_due = 0, version = version + 1, trouble = '', attempts = 0,
			not_before = CASE WHEN state = $1 OR move_due = 1 OR EXISTS (SELECT 1 FROM mails WHERE letter = id AND sent IS NULL)
				THEN not_before END
			WHERE id = $2 AND version = $3`, string(Receipted), string(l.ID), l.version)
		if err := oneRow(res, err); err != nil {
			return err
		}
		l.ReceiptDue, l.Trouble, l.Attempts = false, NoTrouble, 0
		l.version++
		return nil
	})
}
