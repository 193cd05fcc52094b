package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit/deposittest"
)

// A backup made on one database comes back in the other, beside its bucket on a real
// S3 server: from the file into PostgreSQL, killed at each step, from there into a
// PostgreSQL that is empty again, and into a file. A register that is not lost is
// never gone back from.
func TestABackupComesBackInEitherDatabase(t *testing.T) {
	s3, server := deposittest.Start(t).Config(), postgrestest.Start(t)
	data := newData(t)
	configure(t, data, s3, "")
	kept, key := setUpBackups(t, data)
	announce(t, data)
	letters, people := command(t, data, "letters", "--json"), command(t, data, "user", "list")
	exported := func(data string) string {
		t.Helper()
		to := filepath.Join(t.TempDir(), "register.ndjson")
		command(t, data, "register", "export", "--out", to)
		return to
	}
	before := exported(data)
	onFile := firstBackup(t, data, kept)
	place := func() string {
		t.Helper()
		place := newData(t)
		must(t, os.CopyFS(filepath.Join(place, "keyring"), os.DirFS(filepath.Join(data, "keyring"))))
		return place
	}
	isBack := func(where, place string, file bool) {
		t.Helper()
		if diff := cmp.Diff(letters, command(t, place, "letters", "--json")); diff != "" {
			t.Errorf("%s, the letters are others:\n%s", where, diff)
		}
		if signs := closedFor(t, place); len(signs) > 0 || exists(filepath.Join(place, "state", "letterlock.db")) != file {
			t.Errorf("%s, it is closed for %v, or the register is in the wrong place", where, signs)
		}
		if diff := cmp.Diff(people, command(t, place, "user", "list")); diff != "" {
			t.Errorf("%s, the people are others:\n%s", where, diff)
		}
		command(t, place, "register", "compare", before, exported(place), "--key", filepath.Join(place, "register.pub"))
		noneLeft(t, place)
	}

	inPostgres, address := place(), filepath.Join(t.TempDir(), "database")
	must(t, os.WriteFile(address, []byte(server.Database(t)), 0o600))
	into := []string{"restore", "--yes", "--from", onFile, "--key", key, "--database", address}
	for _, step := range []string{"unpacked", "unpacked-closed", "moving-copied"} {
		killedAt(t, inPostgres, step, into...)
		if exists(filepath.Join(inPostgres, "letterlock.toml")) {
			t.Fatalf("killed at %q, and there is a configuration", step)
		}
		if out, err := letterlockCmd(t, inPostgres, "status").CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "no Letterlock in") {
			t.Fatalf("killed at %q, status ended with %v and said:\n%s", step, err, out)
		}
	}
	killedAt(t, inPostgres, "moving-named", into...)
	if len(closedFor(t, inPostgres)) == 0 {
		t.Fatal("killed before the replay, and it is open")
	}
	command(t, inPostgres, "restore", "--yes")
	isBack("from the file in PostgreSQL", inPostgres, false)
	if !slices.Contains(entries(t, inPostgres), "restored") {
		t.Error("the restore is on no record")
	}

	nextSecond()
	onPostgres := firstBackup(t, inPostgres, kept)
	letters = command(t, inPostgres, "letters", "--json")
	living := place()
	said := command(t, living, "restore", "--yes", "--from", onPostgres, "--key", key)
	if !strings.Contains(said, "is used as it is") {
		t.Errorf("beside a register that is not lost it said:\n%s", said)
	}
	isBack("with the register that is not lost", living, false)

	must(t, os.WriteFile(address, []byte(server.Database(t)), 0o600)) // another, empty server
	again := place()
	command(t, again, "restore", "--yes", "--from", onPostgres, "--key", key)
	isBack("from PostgreSQL in PostgreSQL", again, false)
	out, err := letterlockCmd(t, place(), "restore", "--yes", "--from", onFile, "--key", key, "--database", address).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is used as it is") {
		t.Errorf("an older backup beside the register ended with %v and said:\n%s", err, out)
	}
	older := filepath.Join(t.TempDir(), "older")
	must(t, os.WriteFile(older, []byte(server.Database(t)), 0o600))
	command(t, place(), "restore", "--yes", "--from", onFile, "--key", key, "--database", older)
	out, err = letterlockCmd(t, place(), "restore", "--yes", "--from", onPostgres, "--key", key, "--database", older).CombinedOutput()
	if exitCode(err) != exitUse || !strings.Contains(string(out), "older than this backup, or another") {
		t.Errorf("beside an older register it ended with %v and said:\n%s", err, out)
	}

	onFileAgain := place()
	command(t, onFileAgain, "restore", "--yes", "--from", onPostgres, "--key", key, "--database", "sqlite")
	isBack("from PostgreSQL in a file", onFileAgain, true)
}
