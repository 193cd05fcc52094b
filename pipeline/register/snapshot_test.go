package register

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// A copy is a register of its own that verifies, and it holds nothing of what was
// deleted: neither rows nor free space.
func TestASnapshotIsWholeAndHoldsNothingDeleted(t *testing.T) {
	d := newDesk(t)
	d.receipted()
	_, err := d.write.ExecContext(t.Context(), `CREATE TABLE canary (said TEXT)`)
	d.must(err)
	for range 200 {
		_, err = d.write.ExecContext(t.Context(), `INSERT INTO canary VALUES ($1)`, strings.Repeat("CANARY", 100))
		d.must(err)
	}
	_, err = d.write.ExecContext(t.Context(), `DELETE FROM canary`)
	d.must(err)
	path := filepath.Join(t.TempDir(), "copy.db")
	n, same, err := d.Snapshot(t.Context(), path)
	d.must(err)
	info, err := os.Stat(path)
	d.must(err)
	text, err := os.ReadFile(path)
	d.must(err)
	if strings.Contains(string(text), "CANARY") || info.Mode().Perm() != 0o600 {
		t.Errorf("what was deleted is in the copy, or others may read it (%s)", info.Mode())
	}
	if _, _, err := d.Snapshot(t.Context(), path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a copy in the place of another: %v", err)
	}

	entries, signed, err := d.Checkpoint(t.Context())
	if err != nil || n != entries || same != signed {
		t.Errorf("of %d entries the copy is said to have %d, %v", entries, n, err)
	}
	cfg := d.cfg
	cfg.URL, cfg.Path = "", path
	again, err := Open(t.Context(), cfg)
	d.must(err)
	defer func() { _ = again.Close() }()
	n, same, err = again.Checkpoint(t.Context())
	if err != nil || n != entries || same != signed {
		t.Errorf("the copy has %d entries of %d, %v", n, entries, err)
	}
	letters := 0
	d.must(again.EachLetter(t.Context(), func(Letter) error { letters++; return nil }))
	if letters != 1 {
		t.Errorf("the copy has %d letters", letters)
	}
}

// A database that is not whole makes no backup, which would push out good ones.
func TestASnapshotOfADamagedDatabaseIsRefused(t *testing.T) {
	postgrestest.OnSQLite(t)
	d := newDesk(t)
	// A column's demand that its rows do not meet is damage that a copy takes along.
	_, err := d.write.ExecContext(t.Context(), `CREATE TABLE damaged (n INT); INSERT INTO damaged VALUES (NULL);
		PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE damaged (n INT NOT NULL)' WHERE name = 'damaged'`)
	d.must(err)
	cfg := d.cfg
	d.must(d.Close())
	d.Register, err = Open(t.Context(), cfg)
	d.must(err)
	_, _, err = d.Snapshot(t.Context(), filepath.Join(t.TempDir(), "copy.db"))
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		t.Errorf("copied: %v", err)
	}
}
