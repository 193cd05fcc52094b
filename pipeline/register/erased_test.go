package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// After the proof, nothing of the letter's rows is in the database's files.
func TestErasedRowsAreGoneFromTheFiles(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.leader()
	l := d.receipted()
	_, err := d.QueueMails(ctx, l, "example.org")
	d.must(err)
	owed, err := d.UnsentMails(ctx, l.ID)
	d.must(err)
	canaries := []string{owed[0].MessageID, l.ObjectKey(), l.SHA256, "a-trace-in-the-storage"}
	d.must(d.NoteRemains(ctx, &l, []Remain{{l.ObjectKey(), "version", "a-trace-in-the-storage"}}))
	for _, c := range canaries {
		if !d.inFiles(c) {
			t.Fatalf("%q is not in the files even before: the search cannot fail", c)
		}
	}
	d.must(d.ExpiryBegun(ctx, &l, Found{Versions: 1}))
	d.must(d.DeleteRows(ctx, l, "letterlock", d.now))

	// A reader of an older state keeps the rows in the files: no proof yet.
	reader, err := d.reading(ctx)
	d.must(err)
	var n int
	d.must(reader.QueryRowContext(ctx, `SELECT count(*) FROM entries`).Scan(&n))
	d.must(d.SetMeta(ctx, "x", "y"))
	if !postgrestest.OnPostgreSQL() {
		d.must(d.exec(`PRAGMA busy_timeout = 50`))
	}
	if proven, err := d.ProveErased(ctx); !errors.Is(err, ErrBusy) || proven != 0 {
		t.Fatalf("proven with a reader at work: %d, %v", proven, err)
	}
	d.must(reader.Rollback())

	proven, err := d.ProveErased(ctx)
	if err != nil || proven != 1 {
		t.Fatalf("%d proven, %v", proven, err)
	}
	for _, c := range canaries {
		if d.inFiles(c) {
			t.Errorf("%q is still in the database's files", c)
		}
	}
	entries, err := d.Entries(ctx, -1, "letter-deleted", l.ID, 10)
	d.must(err)
	var ev LetterDeleted
	if len(entries) != 1 || json.Unmarshal(entries[0].Data, &ev) != nil || ev.Versions != 1 || ev.By != "letterlock" || ev.RowsErased.IsZero() || !ev.PaperKept {
		t.Errorf("deletion entry: %+v", entries)
	}
	if err := d.Admit(ctx, l.Manifest); !errors.Is(err, ErrAlreadyDeleted) {
		t.Errorf("a deleted letter was admitted again: %v", err)
	}
	if forgotten, _ := d.Forgotten(ctx); forgotten != 1 {
		t.Error("the paper that outlived its letter is forgotten")
	}
}

func (d *desk) exec(stmt string, with ...any) error {
	_, err := d.write.ExecContext(d.t.Context(), stmt, with...)
	return err
}

// inFiles reports whether any of the texts is in a file of the database.
func (d *desk) inFiles(texts ...string) bool {
	d.t.Helper()
	files, err := filepath.Glob(d.path + "*")
	d.must(err)
	if postgrestest.OnPostgreSQL() {
		files = postgrestest.Files(d.t, d.cfg.URL)
	}
	for _, name := range files {
		found, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // the server has removed it meanwhile
			continue
		}
		d.must(err)
		for _, text := range texts {
			if bytes.Contains(found, []byte(text)) {
				return true
			}
		}
	}
	return false
}
