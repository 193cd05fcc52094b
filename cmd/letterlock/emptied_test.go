package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// The PostgreSQL is lost, and the server's folder is not. Whoever starts the server first
// is told to name a backup, and nothing is begun in the empty database; then the page's
// own commands bring the register back, beside the keys that are there.
func TestPostgreSQLIsLostAndTheServersFolderIsNot(t *testing.T) {
	server := postgrestest.Start(t)
	address := server.Database(t)
	data := onPostgreSQL(t, address)
	kept, key := setUpBackups(t, data)
	announce(t, data)
	before, people := command(t, data, "letters", "--json"), command(t, data, "user", "list")
	from := firstBackup(t, data, kept)
	command(t, data, "user", "add", "--role", "dpo", "--name", "Later Example") // after the backup

	page := pageOf(t, "The database, or the server's disk")
	typed := strings.NewReplacer("/var/lib/letterlock", data, "letterlock-20261128T040000Z.tar.age", from, "/mnt/stick/backup-key.txt", key)
	restores := append(strings.Fields(typed.Replace(page[0]))[1:], "--yes")
	if out, err := letterlockCmd(t, data, restores...).CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "there is a Letterlock in") {
		t.Errorf("with a register that is not lost, restore ended with %v and said:\n%s", err, out)
	}
	empties(t, server, address)
	for _, args := range [][]string{{"up", "--sample", "--listen", "localhost:0"}, {"setup"}, {"status"}, {"restore", "--yes"}} {
		out, err := letterlockCmd(t, data, args...).CombinedOutput()
		if exitCode(err) != exitUse || !strings.Contains(string(out), "letterlock restore --from FILE --key FILE") || strings.Contains(string(out), "restored from a backup") {
			t.Errorf("without a register, letterlock %v ended with %v and said:\n%s", args, err, out)
		}
	}

	// A file that is not the backup's is named, and all is as it was.
	policy := filepath.Join(data, "policy.md")
	was := read(t, policy)
	must(t, os.WriteFile(policy, []byte("another"), 0o644))
	folder := folderState(t, data)
	if out, err := letterlockCmd(t, data, restores...).CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), policy+" is there already") {
		t.Errorf("beside another policy, restore ended with %v and said:\n%s", err, out)
	}
	if after := folderState(t, data); len(after) != len(folder) || after[policy] != "another" {
		t.Errorf("a restore that was refused has changed the folder: %d files, and there were %d", len(after), len(folder))
	}
	must(t, os.WriteFile(policy, []byte(was), 0o644))

	killedAt(t, data, "unpacked-closed", restores...)
	command(t, data, restores...)
	if signs := closedFor(t, data); len(signs) > 0 {
		t.Errorf("restored, and it is closed: %v", signs)
	}
	if after := command(t, data, "letters", "--json"); after != before {
		t.Errorf("the letters were\n%s\nand are\n%s", before, after)
	}
	if after := command(t, data, "user", "list"); after != people {
		t.Errorf("the people were\n%s\nand are\n%s", people, after)
	}
	for _, line := range page[1:] {
		command(t, data, strings.Fields(line)[1:]...)
	}
	noneLeft(t, data)
}

// empties makes the database anew, with nothing in it.
func empties(t *testing.T, server *postgrestest.Server, address string) {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(address, "postgres://letterlock@/"), "?")
	server.Do(t, "DROP DATABASE "+name+" WITH (FORCE)")
	server.Do(t, "CREATE DATABASE "+name)
}
