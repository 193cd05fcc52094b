package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Moving is how a register is moved into another database.
type Moving struct {
	From string                         // what OldPlace is to say in the other of where this one is; "" for a copy of no living register
	Tell func(table string, rows int64) // hears of every table that is copied, and of its rows; nil for nobody
	Far  func(done, of int64)           // hears how many rows of how many are copied; nil for nobody
	Then func() error                   // has the other be the one that is used; it is whole when this is called
}

// errElsewhere is what is said of a register that goes on elsewhere.
var errElsewhere = &UnfitError{"the register was moved from here into another database, and goes on there: name that one in [database] of letterlock.toml"}

// MoveTo moves the register, as CopyTo copies it, into another that was Vacant. Nobody
// writes here meanwhile, nor ever again once it is done.
//
// A crash before Then has ended leaves this one as it was, and a copy in the other
// that is Vacant still; one after it leaves the other in use, and this one without
// its mark that it has moved. An error is like the first, but for one of *MovedError.
func (r *Register) MoveTo(ctx context.Context, to *Register, m Moving) (entries int64, signed string, err error) {
	moved := false
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		if r.engine.patient != "" {
			if _, err := tx.ExecContext(ctx, r.engine.patient); err != nil {
				return err
			}
		}
		if err := setMeta(ctx, tx, metaMoved, r.Now().UTC().Format(time.RFC3339)); err != nil {
			return err
		}
		entries, signed, err = r.copyTo(ctx, to, copying{m.Tell, m.Far}, mayFill, func(ctx context.Context, tx *sql.Tx) error { return to.arrive(ctx, tx, m.From) })
		if err != nil {
			return err
		}
		r.cfg.Step("moving-copied")
		var held bool // the lock, all the time
		if err := tx.QueryRowContext(ctx, `SELECT count(*) = 1 FROM meta WHERE name = $1`, metaMoved).Scan(&held); err != nil || !held {
			return errors.Join(err, errors.New("others could write into the register while it was copied"))
		}
		if err := m.Then(); err != nil {
			return err
		}
		moved = true
		r.cfg.Step("moving-named")
		return nil
	})
	if err == nil {
		err = to.Use(ctx)
	}
	if err != nil && moved {
		err = &MovedError{err}
	}
	return entries, signed, err
}

// MovedError says that a register was moved, but that the old one may not know it.
type MovedError struct{ Err error }

func (e *MovedError) Error() string { return fmt.Sprintf("ending the move: %v", e.Err) }
func (e *MovedError) Unwrap() error { return e.Err }

// arrive ends the copy of a register that is moved here from another place.
func (r *Register) arrive(ctx context.Context, tx *sql.Tx, from string) error {
	if from != "" {
		old, err := json.Marshal(OldPlace{Place: from, Since: r.Now().UTC().Truncate(time.Second)})
		if err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaOldPlace, string(old)); err != nil {
			return err
		}
		if err := r.append(ctx, tx, DatabaseMoved{PostgreSQL: r.engine == &postgreSQL}, "", 0); err != nil {
			return err
		}
	}
	if err := forgetMeta(ctx, tx, metaMovingTo); err != nil {
		return err
	}
	_, signed, err := head(ctx, tx)
	if err != nil {
		return err
	}
	return setMeta(ctx, tx, metaArriving, signed)
}

// mayFill is ErrNotEmpty for a register that is in use.
func mayFill(ctx context.Context, tx *sql.Tx) error {
	entries, signed, err := head(ctx, tx)
	if err != nil || entries == 0 {
		return err
	}
	var arriving string
	switch err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaArriving).Scan(&arriving); {
	case errors.Is(err, sql.ErrNoRows) || err == nil && arriving != signed:
		return ErrNotEmpty
	default:
		return err
	}
}

// Vacant reports whether a register may be moved into the database at cfg.URL or
// cfg.Path: by nil where nothing is in it but what a move that was cut off has left.
// Otherwise it is ErrNotEmpty, or *UnfitError. Nothing is changed.
func Vacant(ctx context.Context, cfg Config) error {
	db, engine, err := peep(ctx, cfg)
	if db == nil || err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: engine.moment})
	if err != nil {
		return fmt.Errorf("looking into the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	tables, err := engine.allTables(ctx, tx)
	if err != nil {
		return fmt.Errorf("looking into the database: %w", err)
	}
	if ours := slices.Contains(tables, "entries") && slices.Contains(tables, "checkpoint"); ours {
		return mayFill(ctx, tx)
	}
	if slices.ContainsFunc(tables, func(name string) bool { return name != "goose_db_version" }) { // which the first start makes first
		return &UnfitError{"there are tables of something else in it, and Letterlock's stand in a database of their own: make a new one"}
	}
	return nil
}

// HeadOf is the signed checkpoint of the register in the database at cfg.URL or
// cfg.Path, which stays as it is; "" where there is none.
func HeadOf(ctx context.Context, cfg Config) (signed string, err error) {
	db, engine, err := peep(ctx, cfg)
	if db == nil || err != nil {
		return "", err
	}
	defer func() { _ = db.Close() }()
	if there, err := engine.there(ctx, db, "checkpoint"); err != nil || !there {
		return "", err
	}
	_, signed, err = head(ctx, db)
	return signed, err
}

// peep connects to a database to look into it; nil where there is none yet.
func peep(ctx context.Context, cfg Config) (*sql.DB, *engine, error) {
	e := engineOf(cfg)
	if e == &sqlite {
		if _, err := os.Stat(cfg.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, e, nil
		}
	}
	write, read, err := e.open(ctx, cfg)
	if err != nil {
		for _, db := range []*sql.DB{write, read} {
			if db != nil {
				_ = db.Close()
			}
		}
		return nil, nil, fmt.Errorf("looking into the database: %w", err)
	}
	_ = read.Close()
	return write, e, nil
}

// refuseMoved keeps everybody out of a register that goes on elsewhere.
func (r *Register) refuseMoved(ctx context.Context) error {
	moved, err := r.Meta(ctx, metaMoved)
	if err == nil && moved != "" {
		err = errElsewhere
	}
	return err
}

// Use is called by whoever works with the register where it is: a move that brought
// it here is over.
func (r *Register) Use(ctx context.Context) error {
	if arriving, err := r.Meta(ctx, metaArriving); err != nil || arriving == "" {
		return err
	}
	return r.forget(ctx, metaArriving)
}

func (r *Register) forget(ctx context.Context, name string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return forgetMeta(ctx, tx, name) })
}

func forgetMeta(ctx context.Context, tx *sql.Tx, name string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1`, name)
	return err
}

// OldPlace is where a register was before it was moved.
type OldPlace struct {
	Place string    `json:"place"`           // what Moving.From said
	Since time.Time `json:"since"`           // when it was moved
	Going bool      `json:"going,omitempty"` // its removal has begun, which is on the register
}

// OldPlace is where the register was before it was moved, for as long as that is not
// removed; false where there is none.
func (r *Register) OldPlace(ctx context.Context) (old OldPlace, there bool, err error) {
	said, err := r.Meta(ctx, metaOldPlace)
	if err != nil || said == "" {
		return old, false, err
	}
	if err := json.Unmarshal([]byte(said), &old); err != nil {
		return old, false, fmt.Errorf("reading where the register was: %w", err)
	}
	return old, true, nil
}

// BeginRemoval puts on record that the old place is about to be removed. A crash
// after it leaves that to be done.
func (r *Register) BeginRemoval(ctx context.Context, old OldPlace) error {
	old.Going = true
	said, err := json.Marshal(old)
	if err != nil {
		return err
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.append(ctx, tx, OldDatabaseRemoved{}, "", 0); err != nil {
			return err
		}
		return setMeta(ctx, tx, metaOldPlace, string(said))
	})
}

// EndRemoval forgets the old place: it is gone.
func (r *Register) EndRemoval(ctx context.Context) error {
	return r.forget(ctx, metaOldPlace)
}

// DropTables removes every table of a register from the PostgreSQL at cfg.URL, and
// the job queue's; those of anybody else stay. The tables' files go at once, the
// server's log of changes and its copies keep what they keep.
func (r *Register) DropTables(ctx context.Context, cfg Config) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("dropping the old tables: %w", err)
		}
	}()
	db, engine, err := peep(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	there, err := engine.allTables(ctx, tx)
	if err != nil {
		return err
	}
	ours, err := r.engine.allTables(ctx, r.read)
	if err != nil {
		return err
	}
	there = slices.DeleteFunc(there, func(name string) bool {
		return !slices.Contains(ours, name) && !strings.HasPrefix(name, "river_")
	})
	if len(there) > 0 {
		if _, err := tx.ExecContext(ctx, `DROP TABLE `+strings.Join(there, ", ")); err != nil {
			return err
		}
	}
	if err := dropRest(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// dropRest drops what the job queue has made in a PostgreSQL beside its tables. It
// makes it anew in a database in which it has no table, and fails where it is there.
func dropRest(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'river\_%'
		UNION ALL
		SELECT 'TYPE ' || oid::regtype FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'river\_%' AND typtype = 'e'`)
	if err != nil {
		return err
	}
	rest, err := scanAll(rows, func(row scannable) (what string, err error) { return what, row.Scan(&what) })
	if err != nil {
		return err
	}
	for _, what := range rest { // functions first, which take such types
		if _, err := tx.ExecContext(ctx, `DROP `+what); err != nil {
			return err
		}
	}
	return nil
}
