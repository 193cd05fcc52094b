package register

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register/postgrestest"
)

// Whatever holds of a register in an SQLite file holds of one in PostgreSQL.
func TestOnPostgreSQL(t *testing.T) { onPostgreSQL(t, "^Test") }

// The newest PostgreSQL does what the oldest does: tables go up and down and are alike,
// rows that are deleted are gone from its files, locks hold several hands apart, and a
// register moves.
func TestOnTheNewestPostgreSQL(t *testing.T) {
	postgrestest.Newest(t)
	onPostgreSQL(t, "^Test(ALettersStory|AMovedRegister|ACopyIs|AServer|BothDatabases|ErasedRows|ManyHands|ManifestsAre|MigrationsGo|NoRecord|QueriesFollowTheWorkDueOn|ServersAnd|SessionsAtOnce|TransitionsAre)")
}

func onPostgreSQL(t *testing.T, tests string) {
	t.Helper()
	postgrestest.Suite(t, tests, func(url string) error {
		r, err := Open(t.Context(), Config{URL: url, Now: time.Now})
		if err != nil {
			return err
		}
		return r.Close()
	})
}

// A server that comes with keys of its own does not sign what another has begun.
func TestAServerWithOtherKeysIsKeptOut(t *testing.T) {
	url := postgrestest.URL(t)
	if url == "" {
		return // an SQLite file has one data folder, with its keys in it
	}
	desks := func() (err error) {
		secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
		if err != nil {
			t.Fatal(err)
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), Config{URL: url, Signer: signer, Verifier: public, Now: time.Now})
		if err != nil {
			return err
		}
		return errors.Join(r.Record(t.Context(), FolderMade{}, 0), r.Close())
	}
	if err := desks(); err != nil {
		t.Fatal(err)
	}
	if _, unfit := errors.AsType[*UnfitError](desks()); !unfit {
		t.Error("another server's keys were taken")
	}
}

// One that missed a change of the key may look, and records nothing; one that has both
// goes on.
func TestAServerWithAnEndedKeyRecordsNothing(t *testing.T) {
	url := postgrestest.URL(t)
	if url == "" {
		return // an SQLite file has one data folder, with its keys in it
	}
	first, second := newSigner(t), newSigner(t)
	holds := func(public SigningKey) (note.Signer, error) {
		if public == second.public {
			return second.Signer, nil
		}
		return nil, nil
	}
	opens := func(cfg Config) error {
		cfg.URL, cfg.Now = url, time.Now
		r, err := Open(t.Context(), cfg)
		if err != nil {
			return err
		}
		err = r.Record(t.Context(), FolderMade{}, 0)
		_, changing := r.ChangeKey(t.Context(), second.Signer, second.public)
		return errors.Join(err, changing, r.Close())
	}
	old := Config{Signer: first.Signer, Verifier: string(first.public)}
	if err := opens(old); err != nil {
		t.Fatal(err)
	}
	if err := opens(old); !errors.Is(err, ErrOldKey) {
		t.Errorf("a server that has the old key alone: %v", err)
	}
	old.SignerOf = holds
	if err := errors.Join(opens(old), opens(Config{Signer: second.Signer, Verifier: string(second.public)})); err != nil {
		t.Error(err)
	}
}

// The password is changed under a register at work: once the server has ended its
// connections it refuses, which is told from being away; with the new password where
// the address is written everything goes on, nothing opened anew.
func TestTheDatabasesPasswordIsChanged(t *testing.T) {
	if postgrestest.URL(t) != "" {
		return // it has a server of its own
	}
	server := postgrestest.Start(t)
	// A database, or a server, in which nothing could be kept safely is not used.
	plain := server.DatabaseAs(t, "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
	for says, err := range map[string]error{
		"keeps its texts as SQL_ASCII": func() error { _, err := Open(t.Context(), Config{URL: plain, Now: time.Now}); return err }(),
		"is PostgreSQL 14":             suits(oldestServer-1, "UTF8"),
	} {
		if unfit, is := errors.AsType[*UnfitError](err); !is || !strings.Contains(unfit.Says, says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	if err := suits(oldestServer, "UTF8"); err != nil {
		t.Error(err)
	}
	at := server.Guarded(t, "guarded", "first")
	address := func(password string) string {
		return "postgres://letterlock:" + password + "@" + at + "/guarded?sslmode=disable"
	}
	written := address("first")
	signer := newSigner(t)
	var unread error // of the file with the address
	told, lasts := 0, false
	tell := func(err error) {
		if lasts = err != nil; lasts {
			told++
		}
	}
	r, err := Open(t.Context(), Config{URL: written, Address: func() (string, error) { return written, unread }, Unread: tell, Signer: signer.Signer, Verifier: string(signer.public), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if _, err := r.Pool(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Do(t, "ALTER ROLE letterlock PASSWORD 'second'")
	server.Do(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'guarded'")
	record := func() (err error) {
		for range 3 { // the first may only find that its connection is no more
			if err = r.Record(t.Context(), FolderMade{}, 0); err == nil || Refuses(err) {
				return err
			}
		}
		return err
	}
	unread = errors.New("permission denied")
	if err := record(); !Refuses(err) || told == 0 || !lasts {
		t.Errorf("with the old password, and a file that cannot be read: %v; it was told %d times", err, told)
	}
	unread = nil
	written = address("second")
	if err := record(); err != nil || lasts {
		t.Errorf("with the new one: %v; it was told that it was read: %v", err, !lasts)
	}
	pool, err := r.Pool(t.Context())
	if err == nil {
		err = pool.Ping(t.Context())
	}
	if err != nil {
		t.Errorf("the job queue's connections: %v", err)
	}
}
