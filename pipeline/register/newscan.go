package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"letterlock/scanner/letter"
)

// A paper whose scan could not be read is scanned again. The new scan is a letter
// of its own, whose manifest names the old one because a person put it into the
// folder that asks for it. Once it is read back it takes over, in one transaction,
// the paper and all that was decided: who may read it and who is walled off, how
// long it is kept, holds, requests, answers. Its months are the old one's, also
// where it was sealed as of a later day, since the old week's key may be dead: see
// Again.
//
// The old scan stays, Replaced, for as long as nobody has found a newer one
// readable: a second bad scan must not cost the letter. It then ends like any
// letter, with its proof, unless a hold keeps it. Of several scans of one paper
// the newest is the one of which people decide; all others name it in replaced_by.

// Errors of decisions about new scans.
var (
	ErrReplaced   = errors.New("a new scan of the letter is here")
	ErrNoNewScan  = errors.New("the letter is no new scan of another")
	ErrOldScanEnd = errors.New("the old scan is erased or on its way out")
)

// goesWith is the letter with which this one goes: whose holds hold it, for
// instance.
func (l Letter) goesWith() letter.ID {
	if l.ReplacedBy != "" {
		return l.ReplacedBy
	}
	return l.Answers
}

// takeNewScan makes l the new scan of the letter that its manifest names, if that
// is what a person has asked for. If not, l stays a letter of its own, and its page
// says what its scanner said of it.
func (r *Register) takeNewScan(ctx context.Context, tx *sql.Tx, l *Letter) error {
	old, err := letterIn(ctx, tx, l.Manifest.Replaces)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	// Whoever knows somebody in the one is not shown the other, nor told of it: also
	// of what is no new scan as far as the register knows it may well be the same paper.
	if err := keepWalls(ctx, tx, l.ID, l.Manifest.Replaces); err != nil {
		return err
	}
	l.Walled = old.Walled
	if why := r.apart(old, *l, err == nil); why != "" {
		if old.Helpline == l.Helpline { // nor whoever may not open it
			l.Named = old.Named
			if err := r.keep(ctx, tx, l); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, NewScanApart{Of: l.Manifest.Replaces, Why: why}, l.ID, 0)
	}
	return r.replace(ctx, tx, old, l)
}

// replace makes l the new scan of the letter old.
func (r *Register) replace(ctx context.Context, tx *sql.Tx, old Letter, l *Letter) error {
	why := old.PaperReason
	if err := r.takeOver(ctx, tx, old, *l); err != nil {
		return err
	}
	l.Replaces, l.HandedTo = old.ID, old.HandedTo
	l.Class, l.Since, l.Reason, l.Told, l.Review = old.Class, old.Since, old.Reason, old.Told, old.Review
	if l.Named != nobodyElse {
		l.Named = old.Named
	}
	if err := r.keep(ctx, tx, l); err != nil {
		return err
	}
	if err := r.underHolds(ctx, tx, l); err != nil {
		return err
	}
	old.Review = letter.Date{} // one review is enough
	if err := r.keep(ctx, tx, &old); err != nil {
		return err
	}
	if err := r.move(ctx, tx, &old, change{to: Replaced, receiptDue: true}, LetterReplaced{By: l.ID}, 0); err != nil {
		return err
	}
	if err := r.append(ctx, tx, NewScanTaken{Of: old.ID, Reason: why}, l.ID, 0); err != nil {
		return err
	}
	if l.Class != letter.FiveYears {
		return nil
	}
	return r.append(ctx, tx, LetterSafeguarded{Reason: l.Reason, Told: l.Told, From: l.Since, Deadline: l.Deadline(),
		Review: l.Review, Named: l.Named}, l.ID, 0)
}

// apart is why l is no new scan of the letter old; empty where it is one.
func (r *Register) apart(old, l Letter, lives bool) ApartReason {
	switch {
	case !lives || old.IsResponse():
		return ApartUnknown
	case old.Site != l.Site || old.Helpline != l.Helpline:
		return ApartElsewhere
	case !old.Received.Equal(l.Received) && (l.Received.Before(old.Received) || !old.outlivesScanner()):
		return ApartOtherDay
	case old.State == Replaced:
		return ApartReplaced
	// By the paper alone: a letter that is told of anew, as another helpline's, still waits.
	case old.Paper != letter.PaperScanAgain || !old.Open(r.Now()):
		return ApartNotAsked
	}
	return ""
}

// takeOver gives the new scan what was the old one's. What was answered of a scan
// that could not be read counts as far as somebody is at risk: that nobody is must
// be said again.
func (r *Register) takeOver(ctx context.Context, tx *sql.Tx, old, l Letter) error {
	risk := old.Risk
	if risk == RiskNone {
		risk = ""
	}
	from, to := string(old.ID), string(l.ID)
	return inOrder(ctx, tx, "taking over from the old scan", []statement{
		{`UPDATE letters SET replaced_by = $2 WHERE replaced_by = $1 AND replaced_by <> ''`, []any{from, to}}, // older ones
		{`UPDATE letters SET replaced_by = $2, replaced_at = $3, asked_again = $4, handed_to = 0 WHERE id = $1`, []any{from, to, millis(r.Now()), string(old.PaperReason)}},
		{`UPDATE letters SET replaces = $1, risk = $3, handed_to = $4 WHERE id = $2`, []any{from, to, string(risk), old.HandedTo}},
		{`UPDATE papers SET received = COALESCE((SELECT min(received) FROM papers WHERE letter IN ($1, $2)), received) WHERE letter = $2`, []any{from, to}}, // it came when it came
		{`DELETE FROM papers WHERE letter = $1`, []any{from}},                                                                                               // it is one paper, and the new scan's
		{`DELETE FROM mails WHERE letter = $1 AND sent IS NULL`, []any{from}},
		{`UPDATE letters SET answers = $2 WHERE answers = $1 AND answers <> ''`, []any{from, to}},
		{`UPDATE calls SET letter = $2 WHERE letter = $1 AND why IN ('unkept', 'declined', 'confirmed', 'away-kept', 'away-unkept')`, []any{from, to}}, // what became of answers
		{`UPDATE holds SET letter = $2 WHERE letter = $1`, []any{from, to}},
		{`UPDATE requests SET letter = $2 WHERE letter = $1`, []any{from, to}},
	})
}

// paperCame is the day on which the letter's paper came, from which its six months
// count: of a new scan that may be long before the scan.
func paperCame(ctx context.Context, q querier, l Letter) (letter.Date, error) {
	var came sql.NullInt64
	if err := q.QueryRowContext(ctx, `SELECT min(received) FROM papers WHERE letter = $1`, string(l.ID)).Scan(&came); err != nil {
		return letter.Date{}, fmt.Errorf("reading when a paper came: %w", err)
	}
	if !came.Valid {
		return l.ReceivedOn(), nil
	}
	return letter.DateOf(fromMillis(came.Int64)), nil
}

// Scans are the letter and all older scans of its paper, the newest first, also those of
// which the register alone knows that they were there.
func (r *Register) Scans(ctx context.Context, l Letter) ([]letter.ID, error) {
	return scansUntil(ctx, r.read, l)
}

func scansUntil(ctx context.Context, q querier, l Letter) (ids []letter.ID, err error) {
	ids = []letter.ID{l.ID}
	for of := l.Replaces; of != ""; {
		ids = append(ids, of)
		if of, err = tookOverFrom(ctx, q, of); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// tookOverFrom is the scan of which that one is the new scan, or empty. Its own row may
// have gone with it.
func tookOverFrom(ctx context.Context, q querier, id letter.ID) (older letter.ID, err error) {
	taken, is, err := lastSaid[NewScanTaken](ctx, q, id)
	if err != nil || !is {
		return "", err
	}
	if _, other, err := lastSaid[NewScanIsOther](ctx, q, id); err != nil || other {
		return "", err
	}
	return taken.Data.Of, nil
}

// statement is one of several that are done together.
type statement struct {
	sql  string
	args []any
}

func inOrder(ctx context.Context, tx *sql.Tx, doing string, all []statement) error {
	for _, do := range all {
		if _, err := tx.ExecContext(ctx, do.sql, do.args...); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	return nil
}

// endOldScan has the letter erased if a newer scan of its paper was found readable,
// by as many people as the rule demands, and no hold keeps it. Of any other it changes nothing.
func (r *Register) endOldScan(ctx context.Context, tx *sql.Tx, old *Letter, person int64) error {
	if old.Held() {
		return nil
	}
	if readable, err := newerReadable(ctx, tx, *old); err != nil || !readable {
		return err
	}
	old.Erase = NewerScan
	return r.shorten(ctx, tx, old, OldScanEnding{By: old.ReplacedBy}, person)
}

// newerReadable reports whether the letter is an old scan that nothing but a hold keeps:
// the newest of its paper was found readable.
func newerReadable(ctx context.Context, q querier, old Letter) (bool, error) {
	if old.State != Replaced || old.Erase != "" {
		return false, nil
	}
	newest, err := letterIn(ctx, q, old.ReplacedBy)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return newest.State == Readable && !newest.AnotherDue(), err
}

// MarkOtherPaper records that the person, who has opened the letter, found it to be
// no new scan of the one that it is said to replace: somebody scanned another paper.
// The old scan gets back its paper and what was its own before, and waits to be
// scanned again; the letter keeps what was decided since, of which a hold keeps the
// old one too, its walls, and the old one's months, within which its own paper can
// be scanned into the ordinary folder. It is kept for six months of its own at least:
// the old one's may long be over.
// Refused with ErrNoNewScan, ErrPaperGone, ErrOldScanEnd, or as ErrNotRead says.
func (r *Register) MarkOtherPaper(ctx context.Context, id letter.ID, person int64) error {
	return r.formTx(ctx, person, func(tx *sql.Tx) error {
		l, err := r.whoHasRead(ctx, tx, id, person)
		if err != nil {
			return err
		}
		if l.Replaces == "" {
			return ErrNoNewScan
		}
		if l.Paper == letter.PaperDestroyed {
			return ErrPaperGone
		}
		old, err := letterIn(ctx, tx, l.Replaces)
		if errors.Is(err, ErrNotFound) || err == nil && (old.State != Replaced || old.Erase != "") {
			return ErrOldScanEnd
		}
		if err != nil {
			return err
		}
		if err := r.giveBack(ctx, tx, l, old, person); err != nil {
			return err
		}
		return r.apartAgain(ctx, tx, l.ID, old.ID, person)
	})
}

// giveBack gives the old scan what was its own when the other took it over.
func (r *Register) giveBack(ctx context.Context, tx *sql.Tx, l, old Letter, person int64) error {
	from, to, since := string(l.ID), string(old.ID), millis(old.replacedAt)
	if err := r.insertPaper(ctx, tx, old.Manifest); err != nil {
		return err
	}
	if err := setPaper(ctx, tx, old.ID, paperSays{State: letter.PaperScanAgain, Reason: old.AskedAgain}); err != nil {
		return err
	}
	answers, err := r.answersFiledBefore(ctx, tx, l.ID)
	if err != nil {
		return err
	}
	for _, id := range answers {
		if _, err := tx.ExecContext(ctx, `UPDATE letters SET answers = $2 WHERE id = $1`, string(id), to); err != nil {
			return err
		}
	}
	if err := inOrder(ctx, tx, "giving back to the old scan", []statement{
		{`UPDATE letters SET replaces = '' WHERE id = $1`, []any{from}},
		{`UPDATE papers SET received = (SELECT received FROM papers WHERE letter = $1) WHERE letter = $2`, []any{from, to}}, // as takeOver had it
		{`UPDATE papers SET received = $2 WHERE letter = $1`, []any{from, millis(l.Received)}},
		{`UPDATE letters SET replaced_by = $2 WHERE replaced_by = $1 AND replaced_by <> '' AND id <> $2`, []any{from, to}},
		{`UPDATE letters SET replaced_by = '', replaced_at = 0, asked_again = '' WHERE id = $1`, []any{to}},
		{`UPDATE holds SET letter = $2 WHERE letter = $1 AND placed <= $3`, []any{from, to, since}},
		{`UPDATE requests SET letter = $2 WHERE letter = $1 AND asked <= $3`, []any{from, to, since}},
	}); err != nil {
		return err
	}
	// Of a hold that came since nobody knows which of the two it is meant for.
	return r.placeAlike(ctx, tx, old.ID, old.Helpline, person, ` WHERE letter = $1 ORDER BY number`, from)
}

// answersFiledBefore are the answers of the letter that were filed as answers to
// another, as the register says: to the scan before it, or to one before that.
func (r *Register) answersFiledBefore(ctx context.Context, tx *sql.Tx, of letter.ID) (filed []letter.ID, err error) {
	all, err := idsIn(ctx, tx, `SELECT id FROM letters WHERE answers = $1 AND answers <> ''`, string(of))
	for _, id := range all {
		said, found, err := lastSaid[ResponseFiled](ctx, tx, id)
		if err != nil {
			return nil, err
		}
		// One without such an entry was found by a restore: see AdoptAnswer.
		if found && said.Data.Answers != of {
			filed = append(filed, id)
		}
	}
	return filed, err
}

// apartAgain records that the two are letters of their own, and works out anew
// which holds each is under.
func (r *Register) apartAgain(ctx context.Context, tx *sql.Tx, id, oldID letter.ID, person int64) error {
	l, err := letterIn(ctx, tx, id)
	if err != nil {
		return err
	}
	old, err := letterIn(ctx, tx, oldID)
	if err != nil {
		return err
	}
	was := l
	another, err := r.keptAsAnother(ctx, tx, l)
	if err != nil {
		return err
	}
	said := NewScanIsOther{Of: oldID}
	if another || l.Deadline().Before(l.Manifest.Deadline()) {
		l.Class, l.Since = l.Manifest.Class, l.ReceivedOn()
		l.Reason, l.Told, l.Review = "", "", letter.Date{}
		if l.Named != nobodyElse {
			l.Named = 0
		}
		if err := r.keep(ctx, tx, &l); err != nil {
			return err
		}
		said.Class, said.Deadline = l.Class, l.Deadline()
	}
	old.Reason, old.Told, old.Review = was.Reason, was.Told, was.Review // its class has followed the other's
	if err := r.keep(ctx, tx, &old); err != nil {
		return err
	}
	for _, one := range []*Letter{&l, &old} {
		if err := r.underHolds(ctx, tx, one); err != nil {
			return err
		}
		if err := r.eachWith(ctx, tx, one.ID, func(with *Letter) error { return r.underHolds(ctx, tx, with) }); err != nil {
			return err
		}
	}
	if err := r.move(ctx, tx, &l, change{to: l.State, receiptDue: true}, said, person); err != nil {
		return err
	}
	return r.move(ctx, tx, &old, change{to: ScanAgain, receiptDue: true}, LetterScanAgain{Reason: old.PaperReason}, person)
}

// keptAsAnother reports whether the letter is kept for five years by nothing but a
// decision about another paper, that of which it was taken for a new scan: it was not
// shared itself, and nobody who has opened it has looked at its keeping again. Where its
// own months are over, or nearly, it is not: nobody has decided of it yet, and it would
// be gone before they can.
func (r *Register) keptAsAnother(ctx context.Context, tx *sql.Tx, l Letter) (bool, error) {
	if l.Class != letter.FiveYears || l.Manifest.Deadline().Before(letter.DateOf(r.Now()).AddDays(ReleaseSoonDays)) {
		return false, nil
	}
	said, is, err := lastSaid[LetterSafeguarded](ctx, tx, l.ID)
	if err != nil || !is || said.By != 0 {
		return false, err
	}
	if _, shared, err := lastSaid[LetterShared](ctx, tx, l.ID); err != nil || shared {
		return false, err
	}
	// The manager may review what they have not opened: that says nothing of this paper.
	reviewers, err := reviewersOf(ctx, tx, l.ID)
	if err != nil {
		return false, err
	}
	for _, person := range reviewers {
		if err := hasRead(ctx, tx, l.ID, person); err == nil || !errors.Is(err, ErrNotRead) {
			return false, err
		}
	}
	return true, nil
}

// reviewersOf are those who have looked at the letter's keeping again, the last first.
func reviewersOf(ctx context.Context, tx *sql.Tx, id letter.ID) (people []int64, err error) {
	query, args := entriesQuery(math.MaxInt64, SafeguardingReviewed{}.kind(), id, math.MaxInt32)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading who looked at a letter's keeping again: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		var said saying[SafeguardingReviewed]
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			return nil, fmt.Errorf("reading who looked at a letter's keeping again: %w", err)
		}
		people = append(people, said.By)
	}
	return people, rows.Err()
}

// NewScanOf is the newest scan of the paper that bore the reference, in its
// canonical form, while a scan under it was replaced; ErrNotFound for none.
func (r *Register) NewScanOf(ctx context.Context, reference string) (Paper, error) {
	from, to := idsOf(reference)
	return scanPaper(r.read.QueryRowContext(ctx, newScanOf, from, to, letter.PaperDestroyed))
}

// Of three scans of one paper the second knows the first.
const newScanOf = `SELECT ` + paperColumns + ` WHERE state <> $3 AND letter = (
	WITH RECURSIVE later (id) AS (
		SELECT id FROM letters WHERE replaces >= $1 AND replaces < $2 AND replaces <> ''
		UNION SELECT l.id FROM letters l JOIN later ON l.replaces = later.id AND l.replaces <> '')
	SELECT later.id FROM later JOIN papers p ON p.letter = later.id LIMIT 1)`
