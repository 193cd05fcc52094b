package register

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register/postgrestest"
)

// Both databases have the same tables, columns, demands and indexes, whatever
// migrations have made them.
func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	if !postgrestest.OnPostgreSQL() {
		return // TestOnPostgreSQL does it
	}
	there := newDesk(t).tables()
	postgrestest.BackToSQLite(t)
	if diff := cmp.Diff(newDesk(t).tables(), there); diff != "" {
		t.Errorf("SQLite (-) and PostgreSQL (+) differ:\n%s", diff)
	}
}

const (
	sqliteColumns = `SELECT m.name, c.name, CASE WHEN c.type = 'BIGINT' OR c.type = 'INTEGER' THEN 'number' WHEN c.type = 'BLOB' THEN 'bytes' ELSE 'text' END,
			c."notnull" OR c.pk > 0, COALESCE(c.dflt_value, ''), m.sql LIKE '%AUTOINCREMENT%' AND c.pk > 0
		FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'`
	postgresColumns = `SELECT table_name, column_name, CASE data_type WHEN 'bigint' THEN 'number' WHEN 'bytea' THEN 'bytes' WHEN 'text' THEN 'text' END,
			is_nullable = 'NO', COALESCE(replace(column_default, '::text', ''), ''), is_identity = 'YES'
		FROM information_schema.columns WHERE table_schema = 'public' AND (data_type <> 'text' OR collation_name = 'C')`

	sqliteIndexes = `SELECT m.name, i.name, i."unique", (SELECT group_concat(c.name, ',' ORDER BY c.seqno) FROM pragma_index_info(i.name) c),
			COALESCE((SELECT s.sql FROM sqlite_schema s WHERE s.name = i.name), '')
		FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table'`
	postgresIndexes = `SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisunique,
			(SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid), pg_get_indexdef(i.indexrelid)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace`

	sqliteReferences = `SELECT m.name, r."from", r."table", r."to", r.on_delete = 'CASCADE'
		FROM sqlite_schema m, pragma_foreign_key_list(m.name) r WHERE m.type = 'table'`
	postgresReferences = `SELECT r.conrelid::regclass::text, a.attname, r.confrelid::regclass::text, b.attname, r.confdeltype = 'c' FROM pg_constraint r
		JOIN pg_attribute a ON a.attrelid = r.conrelid AND a.attnum = r.conkey[1] JOIN pg_attribute b ON b.attrelid = r.confrelid AND b.attnum = r.confkey[1]
		WHERE r.contype = 'f'`
)

// tables says what the database demands of what is put into it, a line each.
func (d *desk) tables() (out []string) {
	d.t.Helper()
	columns, indexes, references := sqliteColumns, sqliteIndexes, sqliteReferences
	if d.engine == &postgreSQL {
		columns, indexes, references = postgresColumns, postgresIndexes, postgresReferences
	}
	out = append(d.lines(columns, 6), d.lines(references, 5)...)
	rows, err := d.read.QueryContext(d.t.Context(), indexes)
	d.must(err)
	found, err := scanAll(rows, func(row scannable) (string, error) {
		var table, name, columns, text string
		var unique bool
		if err := row.Scan(&table, &name, &unique, &columns, &text); err != nil {
			return "", err
		}
		if unique {
			name = "" // is made by the database
		}
		_, where, _ := strings.Cut(text, " WHERE ")
		return strings.TrimSpace(fmt.Sprintln(table, "index", name, unique, columns, plain.ReplaceAllString(where, ""))), nil
	})
	d.must(err)
	out = slices.DeleteFunc(append(out, found...), func(line string) bool {
		return strings.HasPrefix(line, "goose") || strings.HasPrefix(line, "sqlite")
	})
	slices.Sort(out)
	// A row's number is in SQLite the key, and has no index of its own.
	return slices.DeleteFunc(out, func(line string) bool { return ownNumber.MatchString(line) })
}

var (
	// plain leaves out what PostgreSQL adds when it says what a condition is.
	plain     = regexp.MustCompile(`[() ]|::text`)
	ownNumber = regexp.MustCompile(`^(people|holds|requests|policies|entries|tree|checkpoint) index  true (number|seq|idx|one)$`)
)

func (d *desk) lines(query string, columns int) []string {
	d.t.Helper()
	rows, err := d.read.QueryContext(d.t.Context(), query)
	d.must(err)
	all, err := scanAll(rows, func(row scannable) (string, error) {
		said, into := make([]any, columns), make([]any, columns)
		for i := range said {
			into[i] = &said[i]
		}
		err := row.Scan(into...)
		for i, s := range said {
			switch s {
			case int64(1):
				said[i] = true
			case int64(0):
				said[i] = false
			}
		}
		return strings.TrimSpace(fmt.Sprintln(said...)), err
	})
	d.must(err)
	return all
}

// A migration that lies in neither folder would be read by nobody, and one that
// lies in one of them leaves the other database behind.
func TestEachMigrationIsWrittenForBoth(t *testing.T) {
	const first = 90 // of PostgreSQL's, which makes the tables of SQLite's up to it
	numbers := map[string]bool{}
	for _, dir := range []string{"migrations", sqlite.migrations, postgreSQL.migrations} {
		files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*.sql"))
		if err != nil || dir == "migrations" && len(files) > 0 {
			t.Errorf("in neither database's folder: %v, %v", files, err)
		}
		for _, name := range files {
			number, _, _ := strings.Cut(filepath.Base(name), "_")
			if n, err := strconv.Atoi(number); err != nil {
				t.Errorf("%s has no number", name)
			} else if n > first {
				numbers[number] = !numbers[number]
			}
		}
	}
	for number, alone := range numbers {
		if alone {
			t.Errorf("migration %s is written for one database only", number)
		}
	}
}
