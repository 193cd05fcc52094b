package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"

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

// entriesQuery asks by the index that fits.
func entriesQuery(before int64, kind string, id letter.ID, limit int) (query string, args []any) {
	query, args = `SELECT line FROM entries WHERE seq < $1`, []any{before, limit}
	if id != "" {
		args = append(args, string(id))
		query += ` AND letter <> '' AND letter = $` + strconv.Itoa(len(args))
	}
	if kind != "" {
		args = append(args, kind)
		query += ` AND kind = $` + strconv.Itoa(len(args))
	}
	return query + ` ORDER BY seq DESC LIMIT $2`, args
}

// saying is an entry with its event read.
type saying[E Event] struct {
	By   int64 `json:"by"`
	Data E     `json:"data"`
}

// lastSaid is the newest entry of an event's kind about the letter, if there is one.
func lastSaid[E Event](ctx context.Context, q querier, id letter.ID) (said saying[E], is bool, err error) {
	query, args := entriesQuery(math.MaxInt64, said.Data.kind(), id, 1)
	var line string
	err = q.QueryRowContext(ctx, query, args...).Scan(&line)
	if errors.Is(err, sql.ErrNoRows) {
		return said, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(line), &said)
	}
	if err != nil {
		return said, false, fmt.Errorf("reading what was said of a letter: %w", err)
	}
	return said, true, nil
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

// Entries returns up to limit entries before entry `before` (negative: from
// the newest), newest first; of one kind or one letter only where these are
// given. It costs what it returns.
func (r *Register) Entries(ctx context.Context, before int64, kind string, id letter.ID, limit int) ([]Entry, error) {
	if before < 0 {
		before = 1 << 62
	}
	query, args := entriesQuery(before, kind, id, limit)
	rows, err := r.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("reading entries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Entry
	for rows.Next() {
		var line string
		var e Entry
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("reading entry: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Story yields the entries of these kinds, oldest first, up to what there is at
// the beginning. It keeps one entry in memory. An error ends it.
func (r *Register) Story(ctx context.Context, kinds []string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := r.story(ctx, kinds, yield); err != nil {
			yield(Entry{}, fmt.Errorf("reading the register: %w", err))
		}
	}
}

func (r *Register) story(ctx context.Context, kinds []string, yield func(Entry, error) bool) error {
	var marks []string
	var args []any
	for i, k := range kinds {
		marks, args = append(marks, "$"+strconv.Itoa(i+1)), append(args, k)
	}
	// The empty text keeps the database from sorting what it finds by kind: it walks
	// the register in order and passes over the rest.
	rows, err := r.read.QueryContext(ctx, `SELECT line FROM entries WHERE kind || '' IN (`+strings.Join(marks, ",")+`) ORDER BY seq`, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		if !yield(e, nil) {
			return nil
		}
	}
	return rows.Err()
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
