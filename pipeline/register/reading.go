package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/scanner/letter"
)

// OpeningCounts is how long one opening stands for a session's further looks
// at the same letter: a page turned is not another opening.
const OpeningCounts = 15 * time.Minute

// ErrNotOpen is returned for a letter that nobody may be shown: not yet
// verified, or due.
var ErrNotOpen = errors.New("the letter cannot be opened")

// ErrNotRead is returned when somebody decides on a letter that they have not opened.
// Such a decision is also refused with ErrNotFound, for who is walled off from the letter
// too, ErrNotOpen and ErrReplaced.
var ErrNotRead = errors.New("the letter was not opened by this person")

// RecordOpening writes down that the person is about to be shown the letter;
// without it nothing may be shown. One entry stands for a session and letter
// for fifteen minutes. session is the hash of the session's token. The
// PDF and a printing are always entries of their own.
// Refused with ErrNotFound and ErrNotOpen.
func (r *Register) RecordOpening(ctx context.Context, id letter.ID, person int64, session []byte, as Shown) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := r.openable(ctx, tx, id)
		if err != nil {
			return err
		}
		var last int64
		err = tx.QueryRowContext(ctx, `SELECT at FROM openings WHERE letter = $1 AND session = $2`, string(id), session).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		fresh := err == nil && r.Now().Sub(fromMillis(last)).Abs() < OpeningCounts
		if fresh && as == ShownPages {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO openings (letter, session, person, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (letter, session) DO UPDATE SET at = excluded.at`, string(id), session, person, millis(r.Now())); err != nil {
			return err
		}
		if l.State == Receipted || l.State == Notified {
			// Opened before everyone was told of it: the telling goes on.
			c := change{to: Opened, receiptDue: l.ReceiptDue, due: l.State == Receipted}
			return r.move(ctx, tx, &l, c, LetterOpened{As: as}, person)
		}
		return r.append(ctx, tx, LetterOpened{As: as}, id, person)
	})
}

// OpenedAt is when the session's opening of the letter was recorded, the one that
// stands for its looks now; ErrNotRead if there is none.
func (r *Register) OpenedAt(ctx context.Context, id letter.ID, session []byte) (time.Time, error) {
	var at int64
	err := r.read.QueryRowContext(ctx, `SELECT at FROM openings WHERE letter = $1 AND session = $2`, string(id), session).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, ErrNotRead
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("reading an opening: %w", err)
	}
	return fromMillis(at), nil
}

// PageShown notes that the person is shown one page of the letter, from 1. It is
// no entry of its own: the opening is on the register.
func (r *Register) PageShown(ctx context.Context, id letter.ID, person int64, page int) error {
	// Most pages are looked at more than once, and a look is cheaper than a transaction.
	var known bool
	err := r.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pages_shown WHERE letter = $1 AND person = $2 AND page = $3)`,
		string(id), person, page).Scan(&known)
	if err != nil {
		return fmt.Errorf("reading which pages were shown: %w", err)
	}
	if known {
		return nil
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		// A letter that is gone meanwhile has no row for it to belong to.
		_, err := tx.ExecContext(ctx, `INSERT INTO pages_shown (letter, person, page) SELECT id, $2, $3 FROM letters WHERE id = $1
			ON CONFLICT (letter, person, page) DO NOTHING`, string(id), person, page)
		return err
	})
}

// PagesNotShown returns the letter's pages, from 1, that the person has not been
// shown yet.
func (r *Register) PagesNotShown(ctx context.Context, l Letter, person int64) ([]int, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT page FROM pages_shown WHERE letter = $1 AND person = $2`, string(l.ID), person)
	if err != nil {
		return nil, fmt.Errorf("reading which pages were shown: %w", err)
	}
	shown, err := scanNumbers(rows)
	if err != nil {
		return nil, fmt.Errorf("reading which pages were shown: %w", err)
	}
	var out []int
	for n := 1; n <= l.Pages; n++ {
		if !slices.Contains(shown, int64(n)) {
			out = append(out, n)
		}
	}
	return out, nil
}

// openable reads a letter that people may be shown today.
func (r *Register) openable(ctx context.Context, tx *sql.Tx, id letter.ID) (Letter, error) {
	l, err := letterIn(ctx, tx, id)
	if err != nil {
		return Letter{}, err
	}
	if !l.Open(r.Now()) {
		return Letter{}, ErrNotOpen
	}
	return l, nil
}

// Open reports whether people may be shown the letter at that time: it was
// verified, and its deadline has not come or a hold stops it. Of a draft its
// uploader alone may be, and only within its time.
func (l Letter) Open(now time.Time) bool {
	return l.State.CanBeOpened() && !l.DueOn(letter.DateOf(now)) && (l.DraftEnds.IsZero() || now.Before(l.DraftEnds))
}

// MarkReadable records that the person, who has opened the letter, found it
// readable; from then on its paper may be destroyed, or waits for another who finds
// it so: see Config.ReadableByAnother. Said again, it changes nothing. A letter that is
// to be scanned again stays so, with ErrScanAgain: who says it may have a page before
// them that is older, and the paper would go over a colleague's word.
func (r *Register) MarkReadable(ctx context.Context, id letter.ID, person int64) error {
	return r.markReadable(ctx, id, person, false)
}

// MarkReadableAfterAll is MarkReadable by somebody who was told that the letter is to be
// scanned again.
func (r *Register) MarkReadableAfterAll(ctx context.Context, id letter.ID, person int64) error {
	return r.markReadable(ctx, id, person, true)
}

// ErrScanAgain is returned when a letter is found readable of which somebody else has
// said that it must be scanned again.
var ErrScanAgain = errors.New("the letter is to be scanned again")

func (r *Register) markReadable(ctx context.Context, id letter.ID, person int64, afterAll bool) error {
	return r.decide(ctx, id, person, func(tx *sql.Tx, l Letter) error {
		switch {
		case l.State == Readable:
			return r.readableToo(ctx, tx, l, person)
		case l.State == ScanAgain && !afterAll:
			return ErrScanAgain
		}
		says := paperSays{State: letter.PaperMayGo, CheckedBy: person}
		if enough, err := r.checked(ctx, tx, Paper{Received: l.Received, CheckedBy: person}, 0); err != nil {
			return err
		} else if !enough {
			says.State = letter.PaperKept
		}
		if err := setPaper(ctx, tx, id, says); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET readable_by = $1, readable_at = $2 WHERE id = $3`,
			person, millis(r.Now()), string(id)); err != nil {
			return err
		}
		if err := r.move(ctx, tx, &l, change{to: Readable, receiptDue: true}, LetterReadable{}, person); err != nil {
			return err
		}
		return r.eachWith(ctx, tx, id, func(old *Letter) error { return r.endOldScan(ctx, tx, old, person) })
	})
}

// MarkScanAgain records that the person, who has opened the letter, could not
// read it: its paper is kept, and operations see why.
// Refused with ErrPaperGone, ErrNotOpen of the copy of an answer too, or as whoHasRead
// says.
func (r *Register) MarkScanAgain(ctx context.Context, id letter.ID, person int64, why ScanAgainReason) error {
	return r.decide(ctx, id, person, func(tx *sql.Tx, l Letter) error {
		if l.State == ScanAgain && l.PaperReason == why {
			return nil
		}
		if err := setPaper(ctx, tx, id, paperSays{State: letter.PaperScanAgain, Reason: why}); err != nil {
			return err
		}
		return r.move(ctx, tx, &l, change{to: ScanAgain, receiptDue: true}, LetterScanAgain{Reason: why}, person)
	})
}

// ErrPaperGone is returned for a decision that comes after the paper's destruction.
var ErrPaperGone = errors.New("the paper is already destroyed")

func (r *Register) decide(ctx context.Context, id letter.ID, person int64, act func(*sql.Tx, Letter) error) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.IsResponse() {
			return ErrNotOpen // nobody waits for a word on whether it can be read
		}
		if l.Paper == letter.PaperDestroyed {
			return ErrPaperGone
		}
		return act(tx, l)
	})
}

// decidable reads a letter of which people may decide something today.
func (r *Register) decidable(ctx context.Context, tx *sql.Tx, id letter.ID) (Letter, error) {
	l, err := r.openable(ctx, tx, id)
	if err == nil && l.State == Replaced {
		return Letter{}, ErrReplaced
	}
	return l, err
}

// whoHasRead reads a letter for the decision of a person who has opened it, and has
// not stepped back since. See ErrNotRead.
func (r *Register) whoHasRead(ctx context.Context, tx *sql.Tx, id letter.ID, person int64) (Letter, error) {
	l, err := r.decidable(ctx, tx, id)
	if err != nil {
		return Letter{}, err
	}
	if l.WalledOff(person) {
		return Letter{}, ErrNotFound
	}
	return l, hasRead(ctx, tx, id, person)
}

// hasRead reports ErrNotRead for a person who has not opened the letter.
func hasRead(ctx context.Context, tx *sql.Tx, id letter.ID, person int64) error {
	var read int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM openings WHERE letter = $1 AND person = $2`,
		string(id), person).Scan(&read); err != nil {
		return err
	}
	if read == 0 {
		return ErrNotRead
	}
	return nil
}

// OpenedBy tells who has opened each of the letters, by staff number.
func (r *Register) OpenedBy(ctx context.Context, letters []Letter) (map[letter.ID][]int64, error) {
	out := map[letter.ID][]int64{}
	for _, l := range letters { // a page of a list; each is one look into the primary key
		rows, err := r.read.QueryContext(ctx, `SELECT DISTINCT person FROM openings WHERE letter = $1 ORDER BY person`, string(l.ID))
		if err != nil {
			return nil, fmt.Errorf("reading openings: %w", err)
		}
		if out[l.ID], err = scanNumbers(rows); err != nil {
			return nil, fmt.Errorf("reading openings: %w", err)
		}
	}
	return out, nil
}
