package postgrestest

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// server is the environment that names the sockets of the server that a package's
// tests are run on, instead of on SQLite.
const server = "LETTERLOCK_TEST_POSTGRES"

// template is the database that each of a suite's is made from.
const template = "prepared"

func randomText() string { return rand.Text()[:16] }

// Suite runs those tests of the package again, in a process of its own, with each
// register that they open by URL in PostgreSQL. prepare makes the tables in the
// database at that address, so that not every test has to.
func Suite(t *testing.T, tests string, prepare func(url string) error) {
	t.Helper()
	if OnPostgreSQL() {
		t.Skip("runs already")
	}
	s := Start(t, quick...)
	s.Do(t, "CREATE DATABASE "+template)
	if err := prepare(s.url(template)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+tests, "-test.count=1", "-test.timeout="+remaining(t))
	cmd.Env = append(os.Environ(), server+"="+s.sockets)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("on PostgreSQL: %v\n%s", err, out.String())
	} else if bytes.Contains(out.Bytes(), []byte("no tests to run")) {
		t.Errorf("no test is called %q", tests)
	}
}

func remaining(t *testing.T) string {
	end, ok := t.Deadline()
	if !ok {
		return "0"
	}
	return time.Until(end).String()
}

// OnPostgreSQL reports whether the package's tests are run on PostgreSQL.
func OnPostgreSQL() bool { return os.Getenv(server) != "" }

// OnSQLite skips a test of what there is on SQLite only.
func OnSQLite(t testing.TB) {
	t.Helper()
	if OnPostgreSQL() {
		t.Skip("is about SQLite")
	}
}

// BackToSQLite has the rest of the test be run on SQLite.
func BackToSQLite(t *testing.T) { t.Setenv(server, "") }

// URL is the address of a new database with tables, or "" where the tests are run
// on SQLite.
func URL(t testing.TB) string {
	t.Helper()
	return url(t, template)
}

// Empty is URL of a database without tables.
func Empty(t testing.TB) string {
	t.Helper()
	return url(t, "")
}

// Files are the files in which the server keeps the database at that address.
func Files(t testing.TB, url string) []string {
	t.Helper()
	sockets := os.Getenv(server)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var number string
	if err := db.QueryRowContext(t.Context(), `SELECT oid::text FROM pg_database WHERE datname = current_database()`).Scan(&number); err != nil {
		t.Fatal(err)
	}
	do(t, sockets, "CHECKPOINT") // until which they lag behind
	files, err := filepath.Glob(filepath.Join(dataIn(sockets), "base", number, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of the database, %v", len(files), err)
	}
	return files
}

func url(t testing.TB, of string) string {
	t.Helper()
	if !OnPostgreSQL() {
		return ""
	}
	options := ""
	if of != "" {
		options = "TEMPLATE " + of
	}
	return newDatabase(t, os.Getenv(server), options)
}
