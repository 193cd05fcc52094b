package main

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"letterlock/pipeline/register/postgrestest"
)

// A newer program was tried, and has changed the tables. The older one refuses them; with
// the commands of the page "Going back" it has the register that was backed up before,
// in the file as in another PostgreSQL, which it asks for.
func TestGoingBackToAnOlderProgram(t *testing.T) {
	server := postgrestest.Start(t)
	for name, on := range map[string]struct {
		driver, address string
		block           int // of the page
	}{
		"the file":   {"sqlite", "", 0},
		"PostgreSQL": {"pgx", server.Database(t), 1},
	} {
		t.Run(name, func(t *testing.T) {
			var data string
			if on.address == "" {
				data = newSample(t)
				on.address = filepath.Join(data, "state", "letterlock.db")
			} else {
				data = onPostgreSQL(t, on.address)
				announce(t, data)
			}
			kept, key := setUpBackups(t, data)
			before := command(t, data, "letters", "--json")
			from := firstBackup(t, data, kept)
			isUsedByANewerProgram(t, on.driver, on.address)

			elsewhere := filepath.Join(t.TempDir(), "database")
			must(t, os.WriteFile(elsewhere, []byte(server.Database(t)), 0o600))
			typed := strings.NewReplacer("/var/lib/letterlock", data, "letterlock-20261128T040000Z.tar.age", from, "/mnt/stick/backup-key.txt", key, "/etc/letterlock/database", elsewhere)
			for _, line := range strings.Split(goingBack(t)[on.block], "\n") {
				words := strings.Fields(typed.Replace(line))
				switch words[0] {
				case "mv":
					if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
						t.Fatalf("%s: %v\n%s", line, err, out)
					}
				case "letterlock":
					if with, is := strings.CutSuffix(strings.Join(words[1:], " "), " --database "+elsewhere); is {
						asksForAnother(t, data, strings.Fields(with))
					}
					command(t, data, append(words[1:], "--yes")...)
				}
			}
			if after := command(t, data, "letters", "--json"); after != before {
				t.Errorf("the letters were\n%s\nand are\n%s", before, after)
			}
			if signs := closedFor(t, data); len(signs) > 0 {
				t.Errorf("gone back, and it is closed: %v", signs)
			}
			p := start(t, data, "", "--sample")
			p.isSetUp()
			p.stop()
		})
	}
}

// Whoever goes back and is refused may go on where they were: a restore destroys no
// register that it has not placed.
func TestARestoreThatIsRefusedIsTakenBack(t *testing.T) {
	data := newSample(t)
	kept, key := setUpBackups(t, data)
	before := command(t, data, "letters", "--json")
	from := firstBackup(t, data, kept)
	database, config := filepath.Join(data, "state", "letterlock.db"), filepath.Join(data, "letterlock.toml")
	restore := func(exit int, says string) {
		t.Helper()
		out, err := letterlockCmd(t, data, "restore", "--from", from, "--key", key, "--yes").CombinedOutput()
		if exitCode(err) != exit || !strings.Contains(string(out), says) {
			t.Fatalf("restore ended with %v, and did not say %q:\n%s", err, says, out)
		}
	}
	isAsBefore := func(when string) {
		t.Helper()
		if after := command(t, data, "letters", "--json"); after != before {
			t.Errorf("%s: the letters were\n%s\nand are\n%s", when, before, after)
		}
	}
	settings := read(t, config)
	must(t, os.WriteFile(config, []byte(settings+"# changed since\n"), 0o600))
	must(t, os.Rename(database, database+"-newer"))
	restore(exitUse, "letterlock.toml is there already, and is not what the backup holds")
	must(t, os.Rename(database+"-newer", database))
	isAsBefore("refused")

	// Cut off, and the register was put back.
	mark := filepath.Join(data, "state", ".restoring")
	must(t, os.WriteFile(mark, nil, 0o600))
	restore(exitUse, "If you have put your own back, delete "+mark)
	out, err := letterlockCmd(t, data, "letters").CombinedOutput()
	if exitCode(err) != exitUse || !strings.Contains(string(out), "If you have put your own back") {
		t.Errorf("with the mark there it ended with %v and said:\n%s", err, out)
	}
	must(t, os.Remove(mark))
	isAsBefore("cut off")
}

// asksForAnother restores into the database that the newer program has used.
func asksForAnother(t *testing.T, data string, restores []string) {
	t.Helper()
	out, err := letterlockCmd(t, data, append(restores, "--yes")...).CombinedOutput()
	if exitCode(err) != exitUse || !strings.Contains(string(out), "the tables of a newer program (v9.9.9)") || !strings.Contains(string(out), "name an empty database with --database") {
		t.Errorf("into the tables of a newer program, restore ended with %v and said:\n%s", err, out)
	}
}

// goingBack are the two lists of commands of the page.
func goingBack(t *testing.T) (blocks []string) {
	t.Helper()
	_, page, found := strings.Cut(read(t, "ADMIN.md"), "\n**Going back.**")
	page, _, _ = strings.Cut(page, "\n## ")
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, m[1])
	}
	if !found || len(blocks) != 2 {
		t.Fatalf("the page has %d lists of commands", len(blocks))
	}
	return blocks
}

// isUsedByANewerProgram has a program v9.9.9 change the tables.
func isUsedByANewerProgram(t *testing.T, driver, address string) {
	t.Helper()
	db, err := sql.Open(driver, address)
	must(t, err)
	for _, change := range []string{`INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, TRUE)`, `UPDATE meta SET value = 'v9.9.9' WHERE name = 'program'`} {
		_, err := db.Exec(change)
		must(t, err)
	}
	must(t, db.Close())
}
