package register

import (
	"context"
	"fmt"

	"letterlock/scanner/letter"
)

// Counts is how many letters and papers are in each state.
type Counts struct {
	Letters map[State]int
	Papers  map[PaperState]int
}

// Counts counts living letters and papers by state.
func (r *Register) Counts(ctx context.Context) (Counts, error) {
	c := Counts{Letters: map[State]int{}, Papers: map[PaperState]int{}}
	err := r.countBy(ctx, `SELECT state, count(*) FROM letters GROUP BY state`, func(s string, n int) { c.Letters[State(s)] = n })
	if err != nil {
		return Counts{}, err
	}
	return c, r.countBy(ctx, `SELECT state, count(*) FROM papers GROUP BY state`, func(s string, n int) { c.Papers[s] = n })
}

// Troubles counts the letters that do not move on, by why.
func (r *Register) Troubles(ctx context.Context) (map[Trouble]int, error) {
	out := map[Trouble]int{}
	return out, r.countBy(ctx, `SELECT trouble, count(*) FROM letters WHERE trouble <> '' GROUP BY trouble`,
		func(s string, n int) { out[Trouble(s)] = n })
}

// stuckDays is for how many days of its receipt a letter counts as stuck: by then its
// paper was scanned again, or is lost, and until its deadline a check goes on counting it.
const stuckDays = 30

// stuckQuery counts what is announced and not believed, and what is not what was
// announced. Such a letter is looked at anew each day, when its scanner announces it
// again, and counts meanwhile.
const stuckQuery = `SELECT (SELECT count(*) FROM held WHERE reason <> $1) + (SELECT count(*) FROM (
	SELECT l.id FROM letters l WHERE l.trouble <> '' AND l.answers = '' AND l.received > $2 AND (l.state = $3 OR l.state = $4 AND l.trouble = $5)
	UNION SELECT l.id FROM letters l WHERE l.not_before IS NOT NULL AND l.state = $4 AND l.answers = '' AND l.received > $2
		AND EXISTS (SELECT 1 FROM entries e WHERE e.letter = l.id AND e.letter <> '' AND e.kind = $6)) AS those)`

// Stuck counts what scanners have brought and nobody will ever be shown as it is, for
// some days: see stuckDays. What was deleted before, and announced again, is no loss.
func (r *Register) Stuck(ctx context.Context) (n int, err error) {
	err = r.read.QueryRowContext(ctx, stuckQuery, string(AlreadyDeleted), millis(r.Now().AddDate(0, 0, -stuckDays)),
		string(Unverifiable), string(Admitted), string(ObjectMissing), LetterUnverifiable{}.kind()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting what waits at scanners: %w", err)
	}
	return n, nil
}

func (r *Register) countBy(ctx context.Context, query string, add func(string, int)) error {
	rows, err := r.read.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("counting: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		var n int
		if err := rows.Scan(&s, &n); err != nil {
			return err
		}
		add(s, n)
	}
	return rows.Err()
}

// Forgotten counts papers whose letter has expired and whose destruction is
// not on record.
func (r *Register) Forgotten(ctx context.Context) (n int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM papers WHERE letter_gone = 1`).Scan(&n)
	return n, err
}

// Balance is whether what the register says adds up with what the database
// holds: letters that arrived, or were adopted after a restore, and responses that
// were filed are living or proven gone, papers that came in are waiting or on
// record as destroyed, or as written off after a restore.
type Balance struct {
	Arrived            int // letters
	Filed              int // responses
	Deleted, Living    int // of both; Living with those whose proof is on its way
	Again              int // letters that are new scans of a paper which had come before
	Destroyed, Waiting int // papers, one of which comes with each other letter
}

// Differs counts what is missing on either side; 0 where it adds up.
func (b Balance) Differs() int {
	return abs(b.Arrived+b.Filed-b.Deleted-b.Living) + abs(b.Arrived-b.Again-b.Destroyed-b.Waiting)
}

func abs(n int) int { return max(n, -n) }

// Balance counts, in one moment. It walks the index of the kinds it counts.
func (r *Register) Balance(ctx context.Context) (b Balance, err error) {
	err = r.read.QueryRowContext(ctx, balance, LetterAdmitted{}.kind(), LetterDeleted{}.kind(), PaperDestroyed{}.kind(), letter.PaperDestroyed,
		ResponseFiled{}.kind(), LetterAdopted{}.kind(), PaperFoundDestroyed{}.kind(), PaperWrittenOff{}.kind(),
		LetterReplaced{}.kind(), NewScanIsOther{}.kind(), ResponseAdopted{}.kind()).Scan(&b.Arrived, &b.Deleted, &b.Destroyed, &b.Living, &b.Waiting, &b.Filed, &b.Again)
	return b, err
}

const balance = `SELECT (SELECT count(*) FROM entries WHERE kind IN ($1, $6)), (SELECT count(*) FROM entries WHERE kind = $2),
	(SELECT count(*) FROM entries WHERE kind IN ($3, $7, $8)), (SELECT count(*) FROM letters) + (SELECT count(*) FROM erasures),
	(SELECT count(*) FROM papers WHERE state <> $4), (SELECT count(*) FROM entries WHERE kind IN ($5, $11)),
	(SELECT count(*) FROM entries WHERE kind = $9) - (SELECT count(*) FROM entries WHERE kind = $10)`
