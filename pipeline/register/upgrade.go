package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pressly/goose/v3"
)

// TooNewError says that a newer program has brought the tables further than this
// one knows them. It went no further: nothing was changed.
type TooNewError struct {
	Program string // version of the newer program; "" where it is not on record
	Tables  int64  // number of its newest migration
	Known   int64  // number of this program's newest
}

func (e *TooNewError) Error() string {
	return fmt.Sprintf("tables of version %d, made by %q; this program knows them up to %d", e.Tables, e.Program, e.Known)
}

// TooOldError says that the tables are of an earlier version than this program's, which
// was not to bring them up to date.
type TooOldError struct {
	Tables int64 // number of their newest migration; 0 where there are none yet
	Known  int64 // number of this program's newest
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("tables of version %d; this program has them up to %d", e.Tables, e.Known)
}

// refuseOlder ends the opening of a database that lacks a migration of this program's.
func (r *Register) refuseOlder(ctx context.Context, provider *goose.Provider) error {
	there, err := r.migrated(ctx)
	if err != nil {
		return err
	}
	older, lacks := &TooOldError{Tables: slices.Max(append(there, 0))}, false
	for _, source := range provider.ListSources() {
		older.Known = max(older.Known, source.Version)
		lacks = lacks || !slices.Contains(there, source.Version)
	}
	if lacks {
		return older
	}
	return nil
}

// refuseNewer ends the opening of a database that holds a migration which this
// program does not have: it could read such tables wrongly, and would write into
// them what the newer program does not expect.
func (r *Register) refuseNewer(ctx context.Context, provider *goose.Provider) error {
	for _, source := range provider.ListSources() {
		r.known = append(r.known, source.Version)
	}
	return r.RefuseNewer(ctx)
}

// RefuseNewer is *TooNewError where the database holds a migration that this program does
// not have, also one that a newer program has made since this one opened it.
func (r *Register) RefuseNewer(ctx context.Context) error {
	there, err := r.migrated(ctx)
	if err != nil {
		return err
	}
	newer := &TooNewError{Known: slices.Max(r.known)}
	for _, version := range there {
		if version > 0 && !slices.Contains(r.known, version) { // 0 is goose's own
			newer.Tables = max(newer.Tables, version)
		}
	}
	if newer.Tables == 0 {
		return nil
	}
	err = r.write.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, metaProgram).Scan(&newer.Program)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("reading which program made the tables: %w", err)
	}
	if newer.Program == r.cfg.Program { // the newer one is at it, and leaves its name in the end
		newer.Program = ""
	}
	return newer
}

// migrated lists the migrations that the database has had; none in a new one.
func (r *Register) migrated(ctx context.Context) (versions []int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading which tables there are: %w", err)
		}
	}()
	if made, err := r.engine.there(ctx, r.write, "goose_db_version"); err != nil || !made {
		return nil, err
	}
	rows, err := r.write.QueryContext(ctx, `SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY version_id`)
	if err != nil {
		return nil, err
	}
	return scanNumbers(rows)
}

// bringUpToDate makes the tables, or those that are new in this version. A crash
// after it leaves them without the name of the program that made them, which is
// then missing from the words of a refusal and nowhere else.
//
// Another process may do the same in this moment: a second server, set-up beside
// a start, a restore. Each migration is a transaction of its
// own, so on SQLite one of the two does it whole, and the other, told that the
// tables are there already, finds at its next look that nothing is left to do. It
// gives up once none is added any more.
func (r *Register) bringUpToDate(ctx context.Context, provider *goose.Provider) error {
	had := 0
	for try := 1; ; try++ {
		done, err := provider.Up(ctx)
		if err == nil && len(done) > 0 {
			return r.SetMeta(ctx, metaProgram, r.cfg.Program)
		}
		if err == nil || try == 20 {
			return err
		}
		if there, failed := r.migrated(ctx); failed == nil && len(there) > had {
			had, try = len(there), 0
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}
