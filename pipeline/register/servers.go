package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Several servers may be at work on one register. Each says by a beat that it
// lives, and one of them leads: it does what is to be done once. No two clocks are
// compared to find out who lives: whoever waits for a beat waits by their own.

// Running is one server at work on the register.
type Running struct {
	Name    string        // of its own; kept over restarts
	Boot    string        // of this start
	Beat    int64         // grows while it lives
	Clock   time.Time     // its own, at its last beat
	Program string        // its version
	Setup   string        // stands for what of its configuration all servers must share
	Exposed string        // the address of its portal's door, where other machines reach it without TLS; "" where not
	Lacks   int           // how many keys that live on record are not in its keyring
	Silent  time.Time     // since when the leading server has heard nothing of it; zero where it does
	Apart   time.Duration // by which its clock was ahead of the leading server's, where that differed
}

// ID tells this start of the server from every other.
func (s Running) ID() string { return s.Name + "/" + s.Boot }

// metaLead is the ID of the server that leads.
const metaLead = "lead"

// Join puts a server among those that are at work. An earlier start under the
// same name is over with it.
func (r *Register) Join(ctx context.Context, s Running) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO servers (name, boot, beat, clock, program, setup, exposed) VALUES ($1, $2, 0, $3, $4, $5, $6)
			ON CONFLICT (name) DO UPDATE SET boot = excluded.boot, beat = 0, clock = excluded.clock, program = excluded.program,
			setup = excluded.setup, exposed = excluded.exposed, silent = NULL, apart = 0, lacks = 0`,
			s.Name, s.Boot, millis(r.Now()), s.Program, s.Setup, s.Exposed)
		return err
	})
	if err != nil {
		return fmt.Errorf("joining the servers: %w", err)
	}
	return nil
}

// Beat says that the server lives. ErrMoved says that another start has taken its
// name, ErrNotFound that it was taken for gone.
func (r *Register) Beat(ctx context.Context, s Running) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		err := oneRow(tx.ExecContext(ctx, `UPDATE servers SET beat = beat + 1, clock = $1 WHERE name = $2 AND boot = $3`, millis(r.Now()), s.Name, s.Boot))
		if !errors.Is(err, ErrMoved) {
			return err
		}
		var known bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM servers WHERE name = $1)`, s.Name).Scan(&known); err != nil {
			return err
		}
		if !known {
			return ErrNotFound
		}
		return ErrMoved
	})
	if err != nil {
		return fmt.Errorf("saying that this server lives: %w", err)
	}
	return nil
}

// GiveUpLead takes the lead from the server, if it has it.
func (r *Register) GiveUpLead(ctx context.Context, s Running) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error { return giveUpLead(ctx, tx, s) })
	if err != nil {
		return fmt.Errorf("giving up the lead: %w", err)
	}
	return nil
}

func giveUpLead(ctx context.Context, tx *sql.Tx, s Running) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1 AND value = $2`, metaLead, s.ID())
	return err
}

// Depart takes the server from among those at work, and the lead from it.
func (r *Register) Depart(ctx context.Context, s Running) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if err := giveUpLead(ctx, tx, s); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM servers WHERE name = $1 AND boot = $2`, s.Name, s.Boot)
		return err
	})
	if err != nil {
		return fmt.Errorf("leaving the servers: %w", err)
	}
	return nil
}

// Running are the servers at work, by name: those that live, and those that have
// ended without a word.
func (r *Register) Running(ctx context.Context) ([]Running, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT name, boot, beat, clock, program, setup, exposed, lacks, silent, apart FROM servers ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("reading the servers: %w", err)
	}
	return scanAll(rows, func(row scannable) (s Running, err error) {
		var clock, apart int64
		var silent sql.NullInt64
		err = row.Scan(&s.Name, &s.Boot, &s.Beat, &clock, &s.Program, &s.Setup, &s.Exposed, &s.Lacks, &silent, &apart)
		s.Clock, s.Apart = fromMillis(clock), time.Duration(apart)*time.Millisecond
		if silent.Valid {
			s.Silent = fromMillis(silent.Int64)
		}
		return s, err
	})
}

// Leader is the ID of the server that leads, or "".
func (r *Register) Leader(ctx context.Context) (id string, err error) { return r.Meta(ctx, metaLead) }

// Lead gives the lead to a server from the one that had it, "" for none, or
// returns ErrMoved where it is another's by now.
func (r *Register) Lead(ctx context.Context, from, to string) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		if from != "" {
			return oneRow(tx.ExecContext(ctx, `UPDATE meta SET value = $1 WHERE name = $2 AND value = $3`, to, metaLead, from))
		}
		return oneRow(tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, metaLead, to))
	})
	if err != nil {
		return fmt.Errorf("taking the lead: %w", err)
	}
	return nil
}

// Heard notes what the leading server hears of another: since when nothing, the
// zero time where it does, and by how much the other's clock is ahead of its own.
func (r *Register) Heard(ctx context.Context, s Running, silent time.Time, apart time.Duration) error {
	since := sql.NullInt64{Int64: millis(silent), Valid: !silent.IsZero()}
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE servers SET silent = $1, apart = $2 WHERE name = $3 AND boot = $4`, since, apart.Milliseconds(), s.Name, s.Boot)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting what is heard of a server: %w", err)
	}
	return nil
}

// Lacking notes how many keys that live on record are not in a server's keyring.
func (r *Register) Lacking(ctx context.Context, s Running, keys int) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE servers SET lacks = $1 WHERE name = $2 AND boot = $3`, keys, s.Name, s.Boot)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting which keys a server lacks: %w", err)
	}
	return nil
}

// Forget takes a server from among those at work that has given no beat since s
// was read.
func (r *Register) Forget(ctx context.Context, s Running) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM servers WHERE name = $1 AND boot = $2 AND beat = $3`, s.Name, s.Boot, s.Beat)
		return err
	})
}
