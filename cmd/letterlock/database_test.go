package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
)

// The whole way with the register in a real PostgreSQL, which is away in the
// middle of it, past the deadline and past the week.
func TestTheWayOverPostgreSQL(t *testing.T) {
	server := postgrestest.Start(t)
	data := onPostgreSQL(t, server.Database(t))
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	if exists(filepath.Join(data, "state", "letterlock.db")) {
		t.Error("there is an SQLite file too")
	}
	command(t, data, "check")
	kept, key := triesOutABackup(t, data)
	var ids []string
	for _, l := range p.letters() {
		ids = append(ids, string(l.ID))
	}

	server.Stop(t)
	p.eventually("it is said that the database is away", func() bool { return strings.Contains(p.out.String(), "the database cannot be reached") })
	server.Resume(t)
	p.eventually("the register answers again", func() bool { return p.status().Letters[register.Notified] == 3 })
	p.stop()

	p = start(t, data, "", "--sample", "--clock", today().AddMonths(8).String())
	p.eventually("everything is gone, with proof", func() bool {
		kinds := entries(t, data)
		return count(kinds, "letter-deleted") == 3 && count(kinds, "key-destroyed") > 0
	})
	proofs, err := os.ReadFile(filepath.Join(packHolds(t, data), "deletion-proofs.csv"))
	must(t, err)
	if n := bytes.Count(proofs, []byte(",letter-deleted,")); n != len(ids) {
		t.Errorf("%d proofs of deletion in the evidence pack", n)
	}
	command(t, data, "backup")
	backup := unpackByHand(t, newestBackup(t, kept), key)
	if n := rowsOf(t, backup, ids); n > 0 {
		t.Errorf("%d rows of letters that are gone are in the backup", n)
	}
	p.stop()
	losesTheKey(t, data, filepath.Join(backup, "data", "state", "register.key"))
}

// losesTheKey loses the register's signing key, puts it back from a backup, and loses
// every copy of it: another takes over, by a command that is killed at its steps, and
// the register is signed and verifies.
func losesTheKey(t *testing.T, data, copied string) {
	t.Helper()
	key := filepath.Join(data, "state", "register.key")
	must(t, os.Remove(key))
	for _, args := range [][]string{{"user", "add", "--name", "Ada", "--role", "operations"}, {"up", "--sample", "--listen", "localhost:0"}} {
		if out, err := letterlockCmd(t, data, args...).CombinedOutput(); exitCode(err) != exitFailed || !strings.Contains(string(out), "state/register.key is missing") {
			t.Errorf("letterlock %v ended with %v and said:\n%s", args, err, out)
		}
	}
	must(t, os.Rename(copied, key))
	command(t, data, "user", "add", "--name", "Ada", "--role", "operations")
	must(t, os.Remove(key))
	for _, step := range []string{"lost-key-made", "lost-key-recorded"} {
		killedAt(t, data, step, "register", "replace-lost-key", "--yes")
	}
	command(t, data, "register", "replace-lost-key", "--yes")
	must(t, os.Remove(key))
	killedAt(t, data, "lost-key-placed", "register", "replace-lost-key", "--yes")
	command(t, data, "register", "replace-lost-key", "--yes")
	command(t, data, "user", "add", "--name", "Bo", "--role", "operations")
	if n := count(entries(t, data), "signing-key-changed"); n != 2 {
		t.Errorf("%d changes of the key are on the register", n)
	}
}

// onPostgreSQL is a data folder whose register is to be in the database at that address.
func onPostgreSQL(t *testing.T, address string) (data string) {
	t.Helper()
	data = newData(t)
	must(t, os.MkdirAll(data, 0o700))
	for name, text := range map[string]string{"letterlock.toml": "[database]\nurl_file = \"database\"\n" + template(), "database": address} {
		must(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
	}
	return data
}

// triesOutABackup makes a backup, and a drill of it, which looks at what came back
// and not at the running server's database, and needs no file that is not in it.
func triesOutABackup(t *testing.T, data string) (kept, key string) {
	t.Helper()
	key, kept = filepath.Join(t.TempDir(), "key.txt"), t.TempDir()
	said := command(t, data, "key", "backup", "--out", key)
	recipients := regexp.MustCompile(`recipients = .*`).FindString(said)
	config := filepath.Join(data, "letterlock.toml")
	text, err := os.ReadFile(config)
	must(t, err)
	text = bytes.Replace(text, []byte("[backup]\n"), []byte("[backup]\nfolder = '"+kept+"'\n"+recipients+"\n"), 1)
	must(t, os.WriteFile(config, text, 0o600))
	made := strings.TrimSpace(strings.TrimPrefix(command(t, data, "backup"), "Written: "))
	command(t, data, "user", "add", "--role", "dpo", "--name", "Later Example")
	said = command(t, data, "restore", "--drill", "--from", made, "--key", key)
	whole := regexp.MustCompile(`its register verifies: (\d+) entries`).FindStringSubmatch(said)
	if whole == nil || !strings.Contains(said, "The register has "+whole[1]+" entries") || !strings.Contains(said, "3 letters where the register has them") {
		t.Errorf("the drill looked at something else than the backup:\n%s", said)
	}
	return kept, key
}

// An address that would give away a password, or travel in the open, is refused in
// a sentence that does not repeat it.
func TestADatabasesAddress(t *testing.T) {
	for address, wants := range map[string]string{
		"postgres://letterlock@/letterlock?host=/run/postgresql":                      "",
		"postgres://letterlock@localhost/letterlock":                                  "",
		"postgres://letterlock@127.0.0.1:5433/letterlock":                             "",
		"postgres://letterlock@db.example.org/letterlock":                             "verify-full",
		"postgres://letterlock@localhost,db.example.org/letterlock":                   "verify-full",
		"postgres://letterlock@db.example.org/letterlock?sslmode=require":             "verify-full",
		"postgres://letterlock@db.example.org/letterlock?sslmode=verify-full":         "",
		"mysql://letterlock@localhost/letterlock":                                     "postgres://",
		"postgres://letterlock:canary@localhost/letterlock":                           "password_file",
		"postgres://letterlock:canary@db.example.org:port/letterlock?sslmode=disable": "postgres://",
	} {
		c := &Config{Database: &Database{URL: address}}
		err := c.Database.check()
		if err == nil {
			_, err = c.address("letterlock.toml")
		}
		switch {
		case wants == "" && err != nil, wants != "" && (err == nil || !strings.Contains(err.Error(), wants)):
			t.Errorf("%s: %v, want %q", address, err, wants)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("the password is in %q", err)
		}
	}
}
