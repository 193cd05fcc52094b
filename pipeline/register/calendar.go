package register

import (
	"context"
	"fmt"

	"letterlock/scanner/letter"
)

// Due is what of one helpline and class must be gone on one day.
type Due struct {
	Day      letter.Date
	Helpline string
	Class    letter.Class
	Letters  int
	Answers  int // kept copies of answers, which have no paper
	Papers   int // of the letters, whose destruction is not on record
}

// DueUntil returns what must be gone on that day or before and is not, earliest
// first. What is held is due on no day. It costs what is due, not what there is.
func (r *Register) DueUntil(ctx context.Context, last letter.Date) ([]Due, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT l.deadline, l.helpline, l.class, count(*) FILTER (WHERE l.answers = ''),
		count(*) FILTER (WHERE l.answers <> ''), count(p.letter)
		FROM letters l LEFT JOIN papers p ON p.letter = l.id AND p.state <> $2
		WHERE l.deadline <= $1 GROUP BY l.deadline, l.helpline, l.class ORDER BY l.deadline, l.helpline, l.class`,
		last.String(), letter.PaperDestroyed)
	if err != nil {
		return nil, fmt.Errorf("reading what is due: %w", err)
	}
	return scanAll(rows, func(row scannable) (d Due, err error) {
		var day string
		if err := row.Scan(&day, &d.Helpline, &d.Class, &d.Letters, &d.Answers, &d.Papers); err != nil {
			return d, err
		}
		d.Day, err = letter.ParseDate(day)
		return d, err
	})
}

// OnHold counts the letters and answers that are due on no day, because a hold
// keeps them.
func (r *Register) OnHold(ctx context.Context) (n int, err error) {
	err = r.read.QueryRowContext(ctx, `SELECT count(*) FROM letters WHERE held_since <> ''`).Scan(&n)
	return n, err
}
