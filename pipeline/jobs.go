package pipeline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

const (
	workers = 4
	// checkers work on letters that are yet to be checked, and on nothing else: however
	// long these take, what is due, owed or to be moved has workers of its own.
	checkers   = 3
	checkQueue = "check"
	// noTimeout: every page, the drawing of a whole letter, and every read of the storage
	// have their own limits.
	noTimeout = -1
	// stuckAfter is long after any letter: what died with its server does not
	// wait for it, see release.
	stuckAfter = 24 * time.Hour
	// brieflyKept is how long a job that has ended is kept, however it did. Its row
	// names a letter, which may be gone by then. River looks every half-minute.
	brieflyKept = time.Minute
)

// letterAdvance is the one kind of job. It carries the id alone: jobs are kept
// for a while, and nothing else about a letter may be. A letter has one job at a
// time, whichever server works on it.
type letterAdvance struct {
	ID letter.ID `json:"id" river:"unique"`
}

// Kind names the job in the queue.
func (letterAdvance) Kind() string { return "letter_advance" }

// jobs executes Advance. Whatever goes wrong with it, the next sweep enqueues
// what is due: it can delay a letter, never lose one.
type jobs struct {
	client *river.Client[*sql.Tx]
	db     *sql.DB
	reg    *register.Register
	server string    // that works on them here
	begun  *sync.Map // the numbers of those on which it does
}

type worker struct {
	river.WorkerDefaults[letterAdvance]
	advance func(context.Context, letter.ID) error
	log     *slog.Logger
	begun   *sync.Map
}

// Work advances one letter. Its error stays out of the queue's tables, where
// it would live for days: the log has it, and the sweep tries again.
func (w *worker) Work(ctx context.Context, job *river.Job[letterAdvance]) error {
	w.begun.Store(job.ID, true)
	defer w.begun.Delete(job.ID)
	// That a disk is full or the database away the sweep says, once for all letters.
	if err := w.advance(ctx, job.Args.ID); err != nil && ctx.Err() == nil && !register.IsFull(err) && !register.IsOutOfReach(err) {
		w.log.Error("a letter could not be advanced; it is tried again", "error", err)
	}
	return nil
}

// startJobs starts the queue of the server with that ID. alone says that no other
// is at work.
func startJobs(ctx context.Context, reg *register.Register, log *slog.Logger, server string, alone bool, advance func(context.Context, letter.ID) error) (*jobs, error) {
	driver, db, err := queueDriver(ctx, reg)
	if err != nil {
		return nil, err
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("preparing job queue: %w", err)
	}
	err = reg.Alone(ctx, func() error {
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("preparing job queue: %w", err)
	}
	// What an earlier start has left names letters that may be gone, and nobody
	// needs it: the sweep enqueues whatever is due.
	if alone {
		if _, err := db.ExecContext(ctx, `DELETE FROM river_job`); err != nil {
			return nil, fmt.Errorf("clearing job queue: %w", err)
		}
	}
	all, begun := river.NewWorkers(), &sync.Map{}
	river.AddWorker(all, &worker{advance: advance, log: log, begun: begun})
	client, err := river.NewClient(driver, &river.Config{
		ID:                          server,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}, checkQueue: {MaxWorkers: checkers}},
		Workers:                     all,
		Logger:                      slog.New(quiet{log.Handler()}),
		JobTimeout:                  noTimeout,
		RescueStuckJobsAfter:        stuckAfter,
		CompletedJobRetentionPeriod: brieflyKept,
		CancelledJobRetentionPeriod: brieflyKept,
		DiscardedJobRetentionPeriod: brieflyKept,
		MaxAttempts:                 1,
	})
	if err != nil {
		return nil, fmt.Errorf("starting job queue: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return nil, fmt.Errorf("starting job queue: %w", err)
	}
	return &jobs{client: client, db: db, reg: reg, server: server, begun: begun}, nil
}

// atWork are the jobs that some server works on, or did when it died.
func (j *jobs) atWork(ctx context.Context) ([]*rivertype.JobRow, error) {
	const most = 1000 // each server has a handful
	found, err := j.client.JobList(ctx, river.NewJobListParams().States(rivertype.JobStateRunning).First(most))
	if err != nil {
		return nil, fmt.Errorf("looking what servers work on: %w", err)
	}
	return found.Jobs, nil
}

// release takes away those of the jobs that died with their server, which would
// stand in the way of new ones. lives says of a server's ID whether it is at work.
// One that was taken for dead and comes back does its job to the end all the same,
// and finds what another did meanwhile.
func (j *jobs) release(ctx context.Context, found []*rivertype.JobRow, lives func(server string) bool) error {
	for _, job := range found {
		if n := len(job.AttemptedBy); n > 0 && lives(job.AttemptedBy[n-1]) {
			continue
		}
		if err := j.takeAway(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// releaseLost takes away those of the jobs that this server was given and does not know
// of, after a while: the database gave them, and its answer was lost on the way. Nobody
// else would before the day is over.
func (j *jobs) releaseLost(ctx context.Context, found []*rivertype.JobRow, while time.Duration) error {
	for _, job := range found {
		n := len(job.AttemptedBy)
		if n == 0 || job.AttemptedBy[n-1] != j.server || job.AttemptedAt == nil || time.Since(*job.AttemptedAt) < while {
			continue
		}
		if _, works := j.begun.Load(job.ID); works {
			continue
		}
		if err := j.takeAway(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

func (j *jobs) takeAway(ctx context.Context, job *rivertype.JobRow) error {
	if _, err := j.db.ExecContext(ctx, `DELETE FROM river_job WHERE id = $1 AND state = 'running'`, job.ID); err != nil {
		return fmt.Errorf("taking away a job that nobody works on: %w", err)
	}
	return nil
}

// queueDriver is the queue's way into the register's database. On PostgreSQL it is
// told of a new job, and has connections of its own.
func queueDriver(ctx context.Context, reg *register.Register) (riverdriver.Driver[*sql.Tx], *sql.DB, error) {
	pool, err := reg.Pool(ctx)
	if err != nil {
		return nil, nil, err
	}
	if pool == nil {
		return riversqlite.New(reg.DB()), reg.DB(), nil
	}
	db := stdlib.OpenDBFromPool(pool)
	return riverdatabasesql.NewWithPgxListener(db, pool), db, nil
}

// enqueue adds the letter's job in the transaction that made it due, unless
// one is waiting or at work already.
func (j *jobs) enqueue(ctx context.Context, tx *sql.Tx, id letter.ID) error {
	check, err := j.reg.ToBeChecked(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("enqueueing a letter: %w", err)
	}
	queue := river.QueueDefault
	if check {
		queue = checkQueue
	}
	opts := &river.InsertOpts{Queue: queue, UniqueOpts: river.UniqueOpts{
		ByArgs: true,
		// Without "completed", which would block the letter's next job for a day.
		ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending,
			rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled},
	}}
	args := letterAdvance{ID: id}
	if tx != nil {
		_, err = j.client.InsertTx(ctx, tx, args, opts)
	} else {
		_, err = j.client.Insert(ctx, args, opts)
	}
	if err != nil {
		return fmt.Errorf("enqueueing a letter: %w", err)
	}
	return nil
}

// stop lets running jobs finish for a moment, then cancels them: every step
// may be cut off anywhere.
func (j *jobs) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := j.client.Stop(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		hard, cancel := context.WithTimeout(context.Background(), 30*time.Second) // where much else runs, too
		defer cancel()
		err = j.client.StopAndCancel(hard)
	}
	return err
}

// asksDatabase are the parts of the job queue that do nothing but ask the database; its
// messages begin with them.
var asksDatabase = []string{"leadership.", "notifier.", "producer:"}

// quiet passes on what the job queue warns of, not its chat.
type quiet struct{ slog.Handler }

// Enabled hides everything below a warning.
func (q quiet) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle hides that the queue finds no room on the disk, or no database, and what it
// does then: it says so at every try, and the sweep says it once.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	known := strings.Contains(r.Message, "reelection deadline elapsed")
	asks := slices.ContainsFunc(asksDatabase, func(part string) bool { return strings.HasPrefix(r.Message, part) })
	r.Attrs(func(a slog.Attr) bool {
		said := a.Value.String() // the queue has no better to offer
		known = known || register.SaysFull(said) || register.SaysAway(said) ||
			asks && strings.Contains(said, context.DeadlineExceeded.Error()) // of a database that does not say a word
		return !known
	})
	if known {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}
