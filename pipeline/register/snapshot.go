package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"
)

// Snapshot writes a copy of the whole database, as it is at one moment, to path,
// beside whoever is at work on it. What was deleted is not in the copy, not even as
// free space. Neither are jobs: they name letters that are done with, and whatever
// is due is found without them; nor what is of use for a moment only. The copy is
// looked through: one of a damaged database is an error.
//
// It returns the number of entries in the copy and their signed checkpoint. The
// file must not exist. A crash leaves a piece of the copy there and beside it (see
// CopyFiles), which is for the caller to destroy: it names people.
func (r *Register) Snapshot(ctx context.Context, path string) (entries int64, signed string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("copying the database: %w", err)
		}
	}()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // before SQLite would make it with another mode
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = r.copyInto(ctx, path)
	}
	if err != nil {
		return 0, "", err
	}
	copied, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: "_pragma=secure_delete(ON)&_pragma=journal_mode(MEMORY)"}).String())
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = copied.Close() }()
	copied.SetMaxOpenConns(1)
	if err := forgetJobs(ctx, copied); err != nil {
		return 0, "", err
	}
	if err := forgetServers(ctx, copied); err != nil {
		return 0, "", err
	}
	var found string
	if err := copied.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found); err != nil {
		return 0, "", err
	}
	if found != "ok" {
		return 0, "", ErrDamaged
	}
	return head(ctx, copied)
}

// copyInto writes the copy into the empty file: from either database the same, so that
// what is copied from one comes back in the other.
func (r *Register) copyInto(ctx context.Context, path string) error {
	if r.engine == &sqlite {
		_, err := r.read.ExecContext(ctx, `VACUUM INTO $1`, path)
		return err
	}
	cfg := r.cfg
	cfg.URL, cfg.Path, cfg.AsItIs = "", path, false
	to, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	_, _, err = r.CopyTo(ctx, to, nil)
	return errors.Join(err, to.Close())
}

// CopyFiles are the files of a copy that is being written to path.
func CopyFiles(path string) []string {
	return []string{path, path + "-journal", path + "-wal", path + "-shm"}
}

// forgetJobs empties the job queue, where there is one.
func forgetJobs(ctx context.Context, db *sql.DB) error {
	if there, err := sqlite.there(ctx, db, "river_job"); err != nil || !there {
		return err
	}
	_, err := db.ExecContext(ctx, `DELETE FROM river_job`)
	return err
}

// forgetServers takes out which servers were at work, what people were in the midst
// of, and from or to where the register was moved: a restored database begins without.
func forgetServers(ctx context.Context, db *sql.DB) error {
	for _, stmt := range []string{`DELETE FROM servers`, `DELETE FROM underway`} {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	_, err := db.ExecContext(ctx, `DELETE FROM meta WHERE name IN ($1, $2, $3, $4)`, metaLead, metaArriving, metaOldPlace, metaMovingTo)
	return err
}

// ErrDamaged says that a database is not whole.
var ErrDamaged = errors.New("the database is damaged")

// KeepTime notes a moment of this data folder under one of the names of Meta.
func (r *Register) KeepTime(ctx context.Context, name string, at time.Time) error {
	return r.SetMeta(ctx, name, at.UTC().Format(time.RFC3339))
}

// KeptTime is the moment that was noted last, or the zero time.
func (r *Register) KeptTime(ctx context.Context, name string) (time.Time, error) {
	said, err := r.Meta(ctx, name)
	if err != nil || said == "" {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, said)
}

// BackupFolder is a folder into which a server's backups went.
type BackupFolder struct {
	Path  string    `json:"path"`
	Left  time.Time `json:"left,omitzero"`  // when they began to go into another; zero for the last one
	Named bool      `json:"named,omitzero"` // people were told once that nothing is removed there any more
}

// BackupFolders are the folders of that server into which its backups went, the last one
// last: whose administrator names another has to empty the one before.
func (r *Register) BackupFolders(ctx context.Context, server string) (folders []BackupFolder, err error) {
	said, err := r.Meta(ctx, MetaBackupFolders+server)
	if err != nil || said == "" {
		return nil, err
	}
	if err := json.Unmarshal([]byte(said), &folders); err != nil {
		return nil, fmt.Errorf("reading the folders of backups: %w", err)
	}
	return folders, nil
}

// NoteBackupFolders notes what BackupFolders returns.
func (r *Register) NoteBackupFolders(ctx context.Context, server string, folders []BackupFolder) error {
	said, err := json.Marshal(folders)
	if err != nil {
		return err
	}
	return r.SetMeta(ctx, MetaBackupFolders+server, string(said))
}
