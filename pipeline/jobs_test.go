package pipeline

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"

	"letterlock/scanner/letter"
)

// A job names a letter. What an earlier start has left of its jobs, however they
// ended, is gone with the next start: by then the letter may be gone.
func TestAStartClearsTheJobsOfEarlierOnes(t *testing.T) {
	o := newOffice(t)
	db := o.cfg.Register.DB()
	first := o.startsJobs(true)
	o.must(first.enqueue(t.Context(), (*sql.Tx)(nil), letter.NewID()))
	o.must(first.stop())
	if n := o.jobRows(db); n != 1 {
		t.Fatalf("%d jobs are left by the first start", n)
	}
	beside := o.startsJobs(false)
	if n := o.jobRows(db); n != 1 {
		t.Errorf("after the start of a server beside it %d jobs are left", n)
	}
	o.must(beside.stop())
	second := o.startsJobs(true)
	if n := o.jobRows(db); n != 0 {
		t.Errorf("after the second start %d jobs are left", n)
	}
	o.must(second.stop())
}

func (o *office) startsJobs(alone bool) *jobs {
	o.t.Helper()
	j, err := startJobs(o.t.Context(), o.cfg.Register, slog.New(slog.DiscardHandler), "server", alone, func(context.Context, letter.ID) error { return nil })
	o.must(err)
	return j
}

func (o *office) jobRows(db *sql.DB) (n int) {
	o.t.Helper()
	o.must(db.QueryRowContext(o.t.Context(), `SELECT count(*) FROM river_job`).Scan(&n))
	return n
}
