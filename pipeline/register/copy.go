package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotEmpty says that a register is to be copied into one that has entries.
var ErrNotEmpty = errors.New("there is a register in that database already")

// CopyTo copies the whole register, as it is at one moment, into another that has no
// entry, whichever of the two databases either is in. Jobs are not copied: whatever
// is due is found without them. tell hears of every table that is copied and of its
// rows; nil for nobody.
//
// It is one transaction of the other, which is looked through before it is committed:
// a crash before leaves it empty, as does an error. It returns the number of entries
// and their signed checkpoint, which are the same in both.
func (r *Register) CopyTo(ctx context.Context, to *Register, tell func(table string, rows int64)) (entries int64, signed string, err error) {
	return r.copyTo(ctx, to, copying{tell: tell}, func(ctx context.Context, tx *sql.Tx) error {
		held, _, err := head(ctx, tx)
		if err == nil && held > 0 {
			err = ErrNotEmpty
		}
		return err
	}, nil)
}

// copying is who hears of a copy; nil for nobody.
type copying struct {
	tell func(table string, rows int64) // of every table that is copied
	far  func(done, of int64)           // of the rows of all
}

// copyTo is CopyTo once may has agreed to what is in the other. whole belongs to the
// same transaction, and comes after the copy; nil for nothing.
func (r *Register) copyTo(ctx context.Context, to *Register, c copying, may, whole func(context.Context, *sql.Tx) error) (entries int64, signed string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("copying the register: %w", err)
		}
	}()
	from, err := r.reading(ctx)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = from.Rollback() }()
	if entries, signed, err = head(ctx, from); err != nil {
		return 0, "", err
	}
	return entries, signed, to.inTx(ctx, func(tx *sql.Tx) error {
		if err := may(ctx, tx); err != nil {
			return err
		}
		if err := to.fill(ctx, tx, from, c); err != nil {
			return err
		}
		if err := copyNumbers(ctx, r, from, to, tx); err != nil {
			return err
		}
		copied, same, err := head(ctx, tx)
		if err == nil && (copied != entries || same != signed) {
			err = errors.New("the copy has another checkpoint")
		}
		if err != nil || whole == nil {
			return err
		}
		return whole(ctx, tx)
	})
}

// fill puts the rows of every table in the place of those that there are: what
// opening it has written, or an earlier copy.
func (r *Register) fill(ctx context.Context, tx, from *sql.Tx, c copying) error {
	tables, err := r.tables(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(tables) {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+name); err != nil {
			return err
		}
	}
	var done, of int64
	if c.far == nil {
		c.far = func(int64, int64) {}
	} else if of, err = countAll(ctx, from, tables); err != nil {
		return err
	}
	for _, name := range tables {
		rows, err := copyTable(ctx, from, tx, name, func(rows int64) { c.far(done+rows, of) })
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		done += rows
		if c.tell != nil {
			c.tell(name, rows)
		}
	}
	return nil
}

// countAll counts the rows of all these tables.
func countAll(ctx context.Context, from *sql.Tx, tables []string) (rows int64, err error) {
	for _, name := range tables {
		var n int64
		if err := from.QueryRowContext(ctx, `SELECT count(*) FROM `+name).Scan(&n); err != nil {
			return 0, fmt.Errorf("counting table %s: %w", name, err)
		}
		rows += n
	}
	return rows, nil
}

// owners are the tables to whose rows others refer, each after those to which it
// refers itself.
var owners = []string{"people", "letters", "requests", "holds", "policies"}

// numbers are the tables whose rows are numbered by the database, which gives no
// number twice, not even that of a row that is gone: it names a person for good.
var numbers = []string{"people", "holds", "requests", "policies"}

// copyNumbers has the other database go on where this one would.
func copyNumbers(ctx context.Context, r *Register, from *sql.Tx, to *Register, tx *sql.Tx) error {
	for _, name := range numbers {
		var last int64 // 0 for none
		if err := from.QueryRowContext(ctx, r.engine.lastNumber, name).Scan(&last); err != nil {
			return fmt.Errorf("reading the last number of %s: %w", name, err)
		}
		if last == 0 {
			continue
		}
		if err := to.goOn(ctx, tx, name, last); err != nil {
			return err
		}
	}
	return nil
}

// goOn has the table's numbers go on after that one.
func (r *Register) goOn(ctx context.Context, tx *sql.Tx, table string, last int64) error {
	for _, statement := range r.engine.goOnFrom {
		if _, err := tx.ExecContext(ctx, statement, table, last); err != nil {
			return fmt.Errorf("numbering %s: %w", table, err)
		}
	}
	return nil
}

// tables are those of the register, owners first.
func (r *Register) tables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	all, err := r.engine.allTables(ctx, tx)
	all = slices.DeleteFunc(all, func(name string) bool {
		return name == "goose_db_version" || strings.HasPrefix(name, "river_") || slices.Contains(owners, name)
	})
	return slices.Concat(owners, all), err
}

// allTables are those of whomever.
func (e *engine) allTables(ctx context.Context, q querier) ([]string, error) {
	rows, err := q.QueryContext(ctx, e.tables)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, func(row scannable) (name string, err error) { return name, row.Scan(&name) })
}

// copyTable copies the rows of one table, many with each statement, and demands that
// there are as many as there were. far hears how many have been copied so far.
func copyTable(ctx context.Context, from, to *sql.Tx, name string, far func(rows int64)) (rows int64, err error) {
	source, err := from.QueryContext(ctx, `SELECT * FROM `+name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = source.Close() }()
	columns, err := source.Columns()
	if err != nil {
		return 0, err
	}
	const most = 5000 // parameters of one statement; the databases take a few times that
	batch := make([]any, 0, most+len(columns))
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := to.ExecContext(ctx, insertRows(name, columns, len(batch)/len(columns)), batch...)
		batch = batch[:0]
		far(rows)
		return err
	}
	for source.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := source.Scan(into...); err != nil {
			return 0, err
		}
		for i := range row {
			// SQLite's driver gives an empty blob as a nil slice, which is then written
			// as NULL; a NULL itself is nil without a type.
			if b, is := row[i].([]byte); is && b == nil {
				row[i] = []byte{}
			}
		}
		rows++
		if batch = append(batch, row...); len(batch) >= most {
			if err := flush(); err != nil {
				return 0, err
			}
		}
	}
	if err := errors.Join(source.Err(), flush()); err != nil {
		return 0, err
	}
	var copied int64
	if err := to.QueryRowContext(ctx, `SELECT count(*) FROM `+name).Scan(&copied); err != nil {
		return 0, err
	}
	if copied != rows {
		return 0, fmt.Errorf("%d of %d rows were copied", copied, rows)
	}
	return rows, nil
}

// insertRows is the statement that adds so many rows.
func insertRows(table string, columns []string, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
	for n := range rows * len(columns) {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", n+1)
	}
	return b.String() + ")"
}
