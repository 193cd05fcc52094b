package register

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// engine is what the two databases do differently. All else the register asks of
// either in the SQL that both understand: see DIALECT in postgres.go.
type engine struct {
	dialect    goose.Dialect
	migrations string // the folder of its migrations
	hasTable   string // asks whether the table $1 is there
	clock      string // asks for the time of its own clock, in milliseconds; empty where that is this machine's

	// tables lists all tables; lastNumber is the last number that the database gave to
	// a row of the table $1, or 0; goOnFrom has it go on after the number $2 in the
	// table $1.
	tables     string
	lastNumber string
	goOnFrom   []string

	// patient has the server not give up a transaction that says nothing for long;
	// empty where it never does.
	patient string

	// begin is what every transaction that writes does first, so that it is the only
	// one, of all processes; empty where the database has one writer by itself.
	begin string
	// moment is how a transaction is isolated that reads several things of one moment.
	moment sql.IsolationLevel

	// open connects to the database, and makes it where that is for us to do. write
	// has one connection, so that a process never waits for itself.
	open func(ctx context.Context, cfg Config) (write, read *sql.DB, err error)
	// forget makes what was deleted disappear from the database's files, or is ErrBusy.
	forget func(ctx context.Context, write *sql.DB) error
	// alone does what no two processes may at once, with a connection of its own; nil
	// where the database refuses the second by itself.
	alone func(ctx context.Context, db *sql.DB, f func() error) error
}

// engineOf is the database that the configuration names.
func engineOf(cfg Config) *engine {
	if cfg.URL != "" {
		return &postgreSQL
	}
	return &sqlite
}

// provider brings tables up to date. step is told of each migration before its
// transaction is committed.
func (e *engine) provider(db *sql.DB, step func(step string)) (*goose.Provider, error) {
	sub, err := fs.Sub(migrations, e.migrations)
	if err != nil {
		return nil, err
	}
	store, err := database.NewStore(e.dialect, goose.DefaultTablename)
	if err != nil {
		return nil, err
	}
	// Each stands alone, and two may come to be in either order.
	return goose.NewProvider(goose.DialectCustom, db, sub, goose.WithAllowOutofOrder(true), goose.WithStore(observed{store, e, step}))
}

// observed is where goose notes which migrations were made.
type observed struct {
	database.Store
	engine *engine
	step   func(step string)
}

// Insert notes a migration in its transaction, of which it is the last statement. A
// crash here leaves nothing of the migration.
func (o observed) Insert(ctx context.Context, tx database.DBTxConn, made database.InsertRequest) error {
	if err := o.Store.Insert(ctx, tx, made); err != nil {
		return err
	}
	o.step("migrating")
	return nil
}

// TableExists keeps goose from asking for what may not be there, which fails in
// PostgreSQL's log.
func (o observed) TableExists(ctx context.Context, db database.DBTxConn) (there bool, err error) {
	err = db.QueryRowContext(ctx, o.engine.hasTable, o.Tablename()).Scan(&there)
	return there, err
}

// there reports whether the database has the table.
func (e *engine) there(ctx context.Context, db *sql.DB, table string) (there bool, err error) {
	err = db.QueryRowContext(ctx, e.hasTable, table).Scan(&there)
	return there, err
}

// reading begins a transaction in which everything that is read is of one moment.
func (r *Register) reading(ctx context.Context) (*sql.Tx, error) {
	return r.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: r.engine.moment})
}

// UnfitError says why Letterlock does not keep its register in that database, and
// what to do about it, in a sentence for people.
type UnfitError struct{ Says string }

func (e *UnfitError) Error() string { return fmt.Sprintf("an unfit database: %s", e.Says) }
