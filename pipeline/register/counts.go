package register

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

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
