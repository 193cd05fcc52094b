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
