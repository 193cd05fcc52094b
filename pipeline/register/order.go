package register

import (
	"context"
	"fmt"
	"sort"
	"time"
)

// around is how many entries to either side of one say which time it is there.
const around = 250

// EntriesBefore is the place in the register at which that time begins: how many
// entries count as recorded before it. Where the times run on it is the first that was
// not. A clock may have been ahead or behind for a while: then it is the place with the
// fewest entries on the wrong side, as it is, among its own entries, for the retention
// record; found by halving
// and at each place by what most entries around it say. A clock that was wrong for fewer
// than those leads nobody astray.
func (r *Register) EntriesBefore(ctx context.Context, t time.Time) (int64, error) {
	n, err := r.entriesBefore(ctx, millis(t))
	if err != nil {
		return 0, fmt.Errorf("finding entries by their time: %w", err)
	}
	return n, nil
}

func (r *Register) entriesBefore(ctx context.Context, t int64) (int64, error) {
	var size int64
	err := r.read.QueryRowContext(ctx, `SELECT COALESCE(max(seq) + 1, 0) FROM entries`).Scan(&size)
	near := int64(sort.Search(int(size), func(i int) bool {
		seq := int64(i)
		each := min(around, seq, size-1-seq) // as many to either side
		var later int64
		if err == nil {
			err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM entries WHERE seq >= $1 AND seq <= $2 AND at >= $3`,
				seq-each, seq+each, t).Scan(&later)
		}
		return later > each
	}))
	if err != nil {
		return 0, err
	}
	rows, err := r.read.QueryContext(ctx, `SELECT at FROM entries WHERE seq >= $1 AND seq < $2 ORDER BY seq`, near-around, near+around)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	seq := max(0, near-around)
	n, wrong, best := seq, 0, 0
	for ; rows.Next(); seq++ {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return 0, err
		}
		if at < t {
			wrong--
		} else {
			wrong++
		}
		if wrong < best {
			n, best = seq+1, wrong
		}
	}
	return n, rows.Err()
}
