package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Copy copies the database at that address, as it is now, into a new one.
//
// pg_dump would do it, if it were as new as the server.
func Copy(t testing.TB, from string) (to string) {
	t.Helper()
	to = url(t, template)
	if err := copyRows(t.Context(), from, to); err != nil {
		t.Fatalf("copying a database: %v", err)
	}
	return to
}

// copyRows puts the rows of all tables, and where counters stand, in the place of what
// a database with the same tables has.
func copyRows(ctx context.Context, from, to string) (err error) {
	source, err := pgx.Connect(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close(ctx)) }()
	target, err := pgx.Connect(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close(ctx)) }()
	if _, err := source.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ"); err != nil {
		return err
	}
	tables, err := names(ctx, source, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
	if err != nil {
		return err
	}
	// Rows come in an order that foreign keys and triggers know nothing of.
	if _, err := target.Exec(ctx, "SET session_replication_role = replica; TRUNCATE "+strings.Join(tables, ", ")); err != nil {
		return err
	}
	for _, table := range tables {
		var rows bytes.Buffer
		if _, err := source.PgConn().CopyTo(ctx, &rows, "COPY "+table+" TO STDOUT"); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		if _, err := target.PgConn().CopyFrom(ctx, &rows, "COPY "+table+" FROM STDIN"); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	counters, err := names(ctx, source, `SELECT format('SELECT setval(%L, %s)', format('%I.%I', schemaname, sequencename), last_value) FROM pg_sequences WHERE last_value IS NOT NULL`)
	for _, set := range counters {
		if _, err := target.Exec(ctx, set); err != nil {
			return err
		}
	}
	return err
}

func names(ctx context.Context, db *pgx.Conn, query string) ([]string, error) {
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
