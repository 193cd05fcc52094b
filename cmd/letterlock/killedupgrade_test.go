package main

import (
	"database/sql"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// The program is killed within a migration, when everything is done but to commit it:
// of the one that makes the first table, or brings those of an earlier version up to
// date, and of the next. Nothing of it is there, and the next start goes on: the
// register verifies, and what was on it is there.
func TestKilledWithinAMigration(t *testing.T) {
	kept, err := filepath.Glob("testdata/kept/*.tar.gz")
	must(t, err)
	made := func(t *testing.T, data string) {
		command(t, data, "setup")
		if all := entries(t, data); count(all, "folder-made") != 1 || !slices.Contains(all, "key-made") {
			t.Errorf("on the register: %v", all)
		}
	}
	file := func(data string) (driver, address string) {
		return "sqlite", filepath.Join(data, "state", "letterlock.db")
	}
	address := postgrestest.Start(t).Database(t)
	for name, c := range map[string]struct {
		folder   func(t *testing.T) (data string) // as the killed program finds it
		database func(data string) (driver, address string)
		there    int      // migrations before, goose's own included
		args     []string // that bring the tables up to date
		whole    func(t *testing.T, data string)
	}{
		"a kept folder": {func(t *testing.T) string {
			data := newData(t)
			if out, err := exec.Command("tar", "-C", data, "-xzf", kept[0]).CombinedOutput(); err != nil {
				t.Fatalf("tar: %v\n%s", err, out)
			}
			return data
		}, file, 31, []string{"setup"}, func(t *testing.T, data string) {
			command(t, data, "setup")
			sameLetters(t, data, read(t, strings.TrimSuffix(kept[0], ".tar.gz")+".ndjson"))
			entries(t, data) // which verifies
		}},
		"a new folder": {func(t *testing.T) string { return newData(t) }, file, 0, []string{"setup"}, made},
		"a new database": {func(t *testing.T) string { return onPostgreSQL(t, address) },
			func(string) (string, string) { return "pgx", address }, 0, []string{"setup"}, made},
	} {
		t.Run(name, func(t *testing.T) {
			data := c.folder(t)
			for n := 1; n <= 2; n++ { // the first is gone with the first kill, and comes again
				killedAt(t, data, fmt.Sprint("migrating ", n), c.args...)
			}
			if n := migrations(t, c.database, data); n != c.there+1 {
				t.Errorf("%d migrations are there, and %d were committed", n, c.there+1)
			}
			c.whole(t, data)
		})
	}
}

// migrations counts those that a database has had, goose's own included.
func migrations(t *testing.T, database func(data string) (driver, address string), data string) (n int) {
	t.Helper()
	db, err := sql.Open(database(data))
	must(t, err)
	must(t, db.QueryRow(`SELECT count(*) FROM goose_db_version WHERE is_applied`).Scan(&n))
	must(t, db.Close())
	return n
}
