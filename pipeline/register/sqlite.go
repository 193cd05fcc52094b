package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // the embedded database
	sqlite3 "modernc.org/sqlite/lib"
)

var sqlite = engine{
	dialect:    goose.DialectSQLite3,
	migrations: "migrations/sqlite",
	hasTable:   `SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = $1`,
	tables:     `SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name`,
	lastNumber: `SELECT COALESCE(max(seq), 0) FROM sqlite_sequence WHERE name = $1`,
	goOnFrom: []string{`DELETE FROM sqlite_sequence WHERE name = $1 AND $2 > 0`,
		`INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)`},
	open:   openFile,
	forget: emptyLog,
}

// openFile opens the file at cfg.Path, made when missing.
func openFile(ctx context.Context, cfg Config) (write, read *sql.DB, err error) {
	// The file is made with its mode before SQLite would make it with another.
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Close(); err != nil {
		return nil, nil, err
	}
	if write, err = openSQLite(cfg.Path, "_txlock=immediate"); err != nil {
		return nil, nil, err
	}
	write.SetMaxOpenConns(1)
	if err := switched(ctx, write); err != nil {
		return write, nil, err
	}
	if read, err = openSQLite(cfg.Path, "mode=ro"); err != nil {
		return write, nil, err
	}
	read.SetMaxOpenConns(4)
	return write, read, nil
}

// switched returns once the file has its write-ahead log. Where several processes
// find a new file, SQLite answers all but one of those that switch it that it is
// busy, at once and whatever busy_timeout says, since each of them reads while it
// waits to write. A process that comes next finds it switched. No try begins after
// ten seconds, since each may itself wait as long as busy_timeout says.
func switched(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func isBusy(err error) bool {
	db, ok := errors.AsType[*driver.Error](err)
	return ok && db.Code()&0xff == sqlite3.SQLITE_BUSY
}

// openSQLite opens the file so that what is committed is on disk
// (synchronous FULL) and what is deleted is overwritten (secure_delete).
func openSQLite(path, option string) (*sql.DB, error) {
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"secure_delete(ON)", "foreign_keys(ON)", "temp_store(MEMORY)",
	}}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: abs, RawQuery: option + "&" + pragmas.Encode()}
	return sql.Open("sqlite", dsn.String())
}

// emptyLog finishes what secure_delete has begun, which has overwritten deleted
// rows in their pages: the checkpoint overwrites the pages in the file and
// empties the write-ahead log.
func emptyLog(ctx context.Context, write *sql.DB) error {
	var busy, logged, done int
	if err := write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &logged, &done); err != nil {
		return fmt.Errorf("emptying the write-ahead log: %w", err)
	}
	if busy != 0 {
		return ErrBusy
	}
	return nil
}
