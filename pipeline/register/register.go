// Package register keeps what Letterlock knows: the permanent, tamper-evident
// register, the state of every living letter, and the people. All SQL of the
// product is here.
//
// Every change of state is a compare-and-set in the same transaction as the
// entry that records it: no record, no act. Entries are hashed into a Merkle
// tree (golang.org/x/mod/sumdb/tlog) and the tree's head is signed after each
// one, so that a changed, removed, added or swapped entry is found by anyone
// who holds an export and the public key.
package register

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// Config says how to open a register.
type Config struct {
	Path string // the SQLite file; made when missing
	URL  string // instead of Path: the address of a PostgreSQL database, postgres://…
	// Address is the URL as it is written now: its password counts for every connection
	// from then on, so that it can be changed under a server at work. nil for URL alone.
	Address func() (string, error)
	// Unread is told, each time, that Address cannot be read, and the one before counts,
	// or, by nil, that it was read; nil for nobody.
	Unread   func(error)
	Signer   note.Signer      // signs the tree's head; nil where the key is lost, and nothing is recorded
	Verifier string           // its public key, or another of the register's, as golang.org/x/mod/sumdb/note writes it
	Now      func() time.Time // the product's clock

	// CodeKey is the HMAC key for enrolment codes, kept outside the database. It is asked
	// for each code: it may have been made anew beside this process.
	CodeKey func() ([]byte, error)

	// SignerOf is the private half of a key that took over from Signer's, nil where
	// this server has none. It is asked when another process has changed the key; nil
	// for a register whose key is never changed.
	SignerOf func(SigningKey) (note.Signer, error)

	// Idle is how long a session lives that nobody uses, where that is not changed
	// at the portal; at most SessionIdle, which 0 stands for.
	Idle time.Duration

	// ReadableByAnother is set where paper may go only once somebody who cannot have
	// scanned it has found its scan readable, or two people have. It is asked when
	// they say so, and again before the destruction is on record.
	ReadableByAnother bool

	// Issuer is whose sign-ins do for an administrator all that a passkey does; "" for
	// nobody's.
	Issuer string

	// MaxSilence is how much later than the entry before it an entry may be
	// without putting the clock in doubt; 0 for however much.
	MaxSilence time.Duration

	Step func(step string) // observes a step between two transactions, or within a migration; nil for none

	Program string // the program's version, which an older one names as what is needed; "" for unknown

	// AsItIs leaves tables of an earlier version as they are, and refuses them: another
	// process, of that version, may be at work with them.
	AsItIs bool
}

// Register is an open register. It is safe for concurrent use, also by several
// processes on the same database.
type Register struct {
	engine *engine
	write  *sql.DB // one connection: the register has one writer
	read   *sql.DB
	cfg    Config
	queue  queuePool
	known  []int64 // the migrations of this program

	appending appending

	onDue atomic.Pointer[DueFunc]
	aside atomic.Bool // see StandAside
}

// DueFunc is told of a letter that has something to do now, inside the
// transaction that left it so.
type DueFunc func(ctx context.Context, tx *sql.Tx, id letter.ID) error

// OnDue has f called for every letter that becomes due, so that its job exists
// if and only if its state does; nil for nobody.
func (r *Register) OnDue(f DueFunc) {
	if f == nil {
		r.onDue.Store(nil)
		return
	}
	r.onDue.Store(&f)
}

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not on record")
	ErrMoved    = errors.New("the letter has moved on meanwhile") // a compare-and-set that lost
	// ErrClosed says that this is an older copy of the register, restored from a
	// backup: nothing is recorded in it, and so nothing done, before a replay.
	ErrClosed = errors.New("the register was restored from a backup, and what has happened since is not replayed")
)

// Open opens the register at cfg.URL or cfg.Path and brings its tables up to
// date, unless they are to stay as they are. It returns *TooNewError, *TooOldError or
// *UnfitError for a database that is.
func Open(ctx context.Context, cfg Config) (*Register, error) {
	if cfg.Step == nil {
		cfg.Step = func(string) {}
	}
	r := &Register{cfg: cfg, engine: engineOf(cfg)}
	if err := r.open(ctx); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("opening register: %w", err)
	}
	return r, nil
}

func (r *Register) open(ctx context.Context) (err error) {
	if r.write, r.read, err = r.engine.open(ctx, r.cfg); err != nil {
		return err
	}
	provider, err := r.engine.provider(r.write, r.cfg.Step)
	if err != nil {
		return err
	}
	if err := r.refuseNewer(ctx, provider); err != nil {
		return err
	}
	if r.cfg.AsItIs {
		if err := r.refuseOlder(ctx, provider); err != nil {
			return err
		}
	} else if err := r.Alone(ctx, func() error { return r.bringUpToDate(ctx, provider) }); err != nil {
		return fmt.Errorf("bringing tables up to date: %w", err)
	}
	if err := r.refuseOthers(ctx); err != nil {
		return err
	}
	if err := r.refuseMoved(ctx); err != nil {
		return err
	}
	return r.appending.prepare(ctx, r.write)
}

// refuseOthers keeps a server with keys of its own out of a database that several
// may use: it would sign the register with a key that nobody who verifies it knows.
func (r *Register) refuseOthers(ctx context.Context) error {
	if r.cfg.URL == "" || r.cfg.Signer == nil { // who cannot sign records nothing
		return nil
	}
	keys, err := r.keys(ctx, r.read)
	if _, others := errors.AsType[*Wrong](err); others {
		return othersRegister
	}
	if err != nil {
		return err
	}
	_, signed, err := head(ctx, r.read)
	if err != nil || signed == "" {
		return err
	}
	pubs, err := keys.verifiers()
	if err != nil {
		return err
	}
	// What is signed with our key, and wrong, is for a check to say.
	if _, err := note.Open([]byte(signed), note.VerifierList(pubs...)); err != nil {
		if _, others := errors.AsType[*note.UnverifiedNoteError](err); others {
			return othersRegister
		}
	}
	return nil // one that has ended records nothing, and who only looks goes on with it
}

var othersRegister = &UnfitError{"the register in this database is signed with another key than this server's: copy the keys of the server that made it, state/*.key and keyring/ of its data folder, or name a database of this server's own"}

// Alone has f done while no other process does such a thing: it makes tables.
func (r *Register) Alone(ctx context.Context, f func() error) error {
	if r.engine.alone == nil {
		return f()
	}
	return r.engine.alone(ctx, r.read, f)
}

// Close ends every connection.
func (r *Register) Close() error {
	var errs []error
	r.queue.close()
	for _, db := range []*sql.DB{r.read, r.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// DB is the write handle, for the job queue that shares the file.
func (r *Register) DB() *sql.DB { return r.write }

// Now is the time that the register writes into its entries.
func (r *Register) Now() time.Time { return r.cfg.Now() }

// inTx runs f in one write transaction. A crash before its commit leaves
// nothing of it; after its commit, all of it is on disk.
func (r *Register) inTx(ctx context.Context, f func(tx *sql.Tx) error) (err error) {
	defer func() {
		// Whoever is told to end hears of that, and not what it did to the
		// transaction.
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}()
	tx, err := r.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if r.engine.begin != "" {
		if _, err := tx.ExecContext(ctx, r.engine.begin); err != nil {
			return fmt.Errorf("waiting for other writers: %w", err)
		}
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// Record writes an entry that goes with no other change.
func (r *Register) Record(ctx context.Context, ev Event, by int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.append(ctx, tx, ev, "", by) })
}

// RecordOf adds an entry about a letter, or ("") about something that is none.
func (r *Register) RecordOf(ctx context.Context, ev Event, id letter.ID) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.append(ctx, tx, ev, id, 0) })
}

// Meta reads a fact about this data folder; missing is the empty string.
func (r *Register) Meta(ctx context.Context, name string) (string, error) {
	var v string
	err := r.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// SetMeta writes a fact about this data folder.
func (r *Register) SetMeta(ctx context.Context, name, value string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return setMeta(ctx, tx, name, value) })
}

func setMeta(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// The names of facts in Meta.
const (
	MetaKind       = "kind"        // KindReal or KindSample; written once
	MetaClockAhead = "clock_ahead" // sample only: days that its clock runs ahead
	MetaStrays     = "strays"      // how many strays did not go when it was last looked
	MetaUnread     = "unread"      // keys of what the last replay could not open, as JSON
	// MetaLookForMissing is set where a letter was asked for and not there, until it
	// was looked for others that are missing.
	MetaLookForMissing = "look_for_missing"
	MetaLifecycle      = "lifecycle"    // "installed" once the storage's rules were written
	MetaBackup         = "backup"       // when the last backup was made; see KeepTime
	MetaBackupDisk     = "backup_disk_" // and a server: on what kind of disk its last backup went
	MetaBackupFolders  = "backup_dirs_" // and a server: the folders into which its backups went, the last one last, as JSON
	MetaConformance    = "conformance"  // what came of trying the storage out, as JSON
	MetaTriedOut       = "tried_out"    // when it was last tried out whether a backup comes back
	MetaMailSaid       = "mail_said"    // what set-up has said last of the mail server, in a word
	MetaListed         = "listed"       // when a recipients list was last put into the bucket; see KeepTime
	MetaOdd            = "odd"          // the sites in whose place something odd was met, and what, as JSON
	MetaProves         = "proves_"      // and a site: its scanner proves which recipients lists it has seen

	metaSerial    = "serial"            // of the last recipients list
	metaPublished = "published"         // serial of the last list that is known to be in the bucket
	metaUnderWay  = "serials_under_way" // of lists of which it is not known whether they will yet come into the bucket, each with when it was given out, as JSON
	metaDoubt     = "clock_doubt"       // why the clock is in doubt, until a person vouches for it
	metaDay       = "day"               // the last day that was begun
	metaDayHead   = "day_head"          // the checkpoint over what there was when it had begun
	metaDayBefore = "day_before"        // and that of the day before it
	metaAnchored  = "anchored"          // the key in the bucket of the last checkpoint that was left there

	metaClosed      = "closed"       // the signs that this is an older copy, until a replay has ended
	metaClosedSince = "closed_since" // and when the first was found
	metaClosedOver  = "closed_over"  // and how many entries there were then

	metaProgram = "program" // the version of the program that has changed the tables last

	metaMoved    = "moved"     // when the register was moved from here into another database
	metaArriving = "arriving"  // in that one the checkpoint under which it came, until it is used
	metaOldPlace = "old_place" // and there where it was before, as JSON, until that is removed
	metaMovingTo = "moving_to" // where a copy of it may lie that nobody uses: a move has begun and not ended, as JSON

	metaForgotten = "forgotten" // names of people who have gone may still be in the database's files

	metaAccepted = "accepted_" // and an id: a person vouches for its manifest
)

// The kinds of data folder.
const (
	KindReal   = "real"
	KindSample = "sample"
)

// Found tells a data folder's kind on first use and returns it ever after: a
// folder that began as one kind stays it.
func (r *Register) Found(ctx context.Context, sample bool) (kind string, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		switch err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, MetaKind).Scan(&kind); {
		case err == nil:
			return nil
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		if kind = KindReal; sample {
			kind = KindSample
		}
		if err := setMeta(ctx, tx, MetaKind, kind); err != nil {
			return err
		}
		return r.append(ctx, tx, FolderMade{Sample: sample}, "", 0)
	})
	return kind, err
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
