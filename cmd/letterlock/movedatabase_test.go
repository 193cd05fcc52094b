package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline"
	"letterlock/pipeline/register/postgrestest"
)

// movingSteps are the boundaries of a move, in their order, and whether the new
// database is the one in use from there on.
var movingSteps = []struct {
	step  string
	moved bool
}{{"moving-begun", false}, {"moving-copied", false}, {"moving-named", true}}

// From the file into a real PostgreSQL and back, killed at each step on the way: at
// each the old database works or the new one, with all that was there, and never the
// other; the same command does the rest. What was left behind is removed, killed on
// the way as well.
func TestTheDatabaseIsMovedThereAndBack(t *testing.T) {
	server := postgrestest.Start(t)
	data := newSample(t)
	config := filepath.Join(data, "letterlock.toml")
	before := read(t, config)
	letters, kinds := command(t, data, "letters", "--json"), acts(t, data)
	address := filepath.Join(data, "database")
	must(t, os.WriteFile(address, []byte(server.Database(t)+"\n"), 0o600))

	for _, to := range []string{address, toFile} {
		if said := command(t, data, "setup", "--move-database", to, "--dry-run"); !strings.Contains(said, "A register of") {
			t.Errorf("a dry run said:\n%s", said)
		}
		was := read(t, config)
		for _, at := range movingSteps {
			killedAt(t, data, at.step, "setup", "--move-database", to)
			if moved := read(t, config) != was; moved != at.moved {
				t.Fatalf("killed at %q, the configuration names the new database: %v", at.step, moved)
			}
			if diff := cmp.Diff(letters, command(t, data, "letters", "--json")); diff != "" {
				t.Fatalf("killed at %q, the letters are others:\n%s", at.step, diff)
			}
			if at.moved {
				kinds = append(kinds, "database-moved")
			}
			if diff := cmp.Diff(kinds, acts(t, data)); diff != "" {
				t.Fatalf("killed at %q, the register has other entries:\n%s", at.step, diff)
			}
			if said := checkSays(t, data, "database"); strings.Contains(said, "a copy is left there") == at.moved {
				t.Errorf("killed at %q, check said: %s", at.step, said)
			}
		}
		if out, err := letterlockCmd(t, data, "check").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "--remove-old-database") {
			t.Errorf("beside the old database check ended with %v and said:\n%s", err, out)
		}
		for _, step := range []string{"removal-begun", "removal-done"} {
			killedAt(t, data, step, "setup", "--remove-old-database")
		}
		command(t, data, "setup", "--remove-old-database")
		kinds = append(kinds, "old-database-removed")
		if diff := cmp.Diff(kinds, acts(t, data)); diff != "" {
			t.Fatalf("after the removal the register has other entries:\n%s", diff)
		}
	}
	if tables := tablesAt(t, read(t, address)); len(tables) > 0 {
		t.Errorf("in the PostgreSQL are still %v", tables)
	}

	if unknown := uncommented(read(t, config), before); len(unknown) > 0 {
		t.Errorf("there and back again, the configuration also says %q", unknown)
	}
}

// acts are the kinds of a register's entries but for its exports, of which each look at
// it is one.
func acts(t *testing.T, data string) []string {
	t.Helper()
	return slices.DeleteFunc(entries(t, data), func(kind string) bool { return kind == "register-exported" })
}

// uncommented are the lines of a configuration that count, and do not stand in the other.
func uncommented(text, other string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !slices.Contains(strings.Split(other, "\n"), line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// checkSays is what check says on the line of that name.
func checkSays(t *testing.T, data, name string) string {
	t.Helper()
	out, err := letterlockCmd(t, data, "check", "--json").Output() // which may end with 3
	var lines []pipeline.Line
	if json.Unmarshal(out, &lines) != nil {
		t.Fatalf("check ended with %v and wrote:\n%s", err, out)
	}
	at := slices.IndexFunc(lines, func(l pipeline.Line) bool { return l.Name == name })
	if at < 0 {
		t.Fatalf("check has no line %q:\n%s", name, out)
	}
	return lines[at].Says
}

func tablesAt(t *testing.T, address string) (tables []string) {
	t.Helper()
	db, err := sql.Open("pgx", strings.TrimSpace(address))
	must(t, err)
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	must(t, err)
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	return tables
}

// What cannot be moved, or not there, is refused in a sentence, and nothing is changed.
func TestAMoveOfTheDatabaseIsRefused(t *testing.T) {
	server := postgrestest.Start(t)
	data := newSample(t)
	folder := t.TempDir()
	address := func(name, text string) string {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	inUse, foreign, newer := server.Database(t), server.Database(t), server.Database(t)
	other := newSample(t)
	command(t, other, "setup", "--move-database", address("in-use", inUse))
	do(t, foreign, `CREATE TABLE recipes (name text)`)
	killedAt(t, data, "moving-copied", "setup", "--move-database", address("newer", newer))
	do(t, newer, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)

	config := filepath.Join(data, "letterlock.toml")
	before := read(t, config)
	refused := func(status int, wants string, args ...string) {
		t.Helper()
		out, err := letterlockCmd(t, data, append([]string{"setup"}, args...)...).CombinedOutput()
		if exitCode(err) != status || !strings.Contains(string(out), wants) {
			t.Errorf("%v ended with %v, want %d and %q, and said:\n%s", args, err, status, wants, out)
		}
		if strings.Contains(string(out), "canary") {
			t.Errorf("%v repeats the password:\n%s", args, out)
		}
		if read(t, config) != before {
			t.Fatalf("%v was refused, and has changed the configuration", args)
		}
	}
	refused(exitUse, "is in that database already", "--move-database", "sqlite")
	refused(exitUse, "there is a register in", "--move-database", address("a", inUse))
	refused(exitFailed, "tables of something else", "--move-database", address("b", foreign))
	refused(exitFailed, "is older than its data", "--move-database", address("c", newer))
	refused(exitUse, "was cut off, and a copy of the register may lie there", "--move-database", address("another", server.Database(t)))
	if said := command(t, data, "setup", "--remove-old-database"); !strings.Contains(said, "Removed: the PostgreSQL database") {
		t.Errorf("removing what was left said:\n%s", said)
	}
	if tables := tablesAt(t, newer); len(tables) > 0 || strings.Contains(checkSays(t, data, "database"), "a copy is left there") {
		t.Errorf("removed, there are still %v, and check says so", tables)
	}
	refused(exitUse, "url holds a password", "--move-database", "postgres://me:canary@localhost/x")
	refused(exitUse, "sslmode=verify-full", "--move-database", address("d", "postgres://me:canary@db.example.org/x"))
	refused(exitUse, "cannot be read", "--move-database", filepath.Join(folder, "nothing"))
	refused(exitFailed, "cannot be reached", "--move-database", address("e", "postgres://me:canary@127.0.0.1:1/x"))
	refused(exitUse, "belongs to --move-database", "--without-tls")
	refused(exitUse, "there is no old database", "--remove-old-database")
	unlock, err := dataDir{path: data}.lock() // as a server of an earlier version, which does not make way
	must(t, err)
	refused(exitFailed, "stop it first", "--move-database", address("f", server.Database(t)))
	unlock()

	// One server more works on the PostgreSQL, from another folder.
	second := filepath.Join(t.TempDir(), "data")
	must(t, os.CopyFS(second, os.DirFS(other)))
	command(t, other, "setup", "--remove-old-database")
	p := start(t, second, "", "--sample")
	p.isSetUp()
	out, err := letterlockCmd(t, other, "setup", "--move-database", "sqlite").CombinedOutput()
	if exitCode(err) != exitFailed || !strings.Contains(string(out), "stop every server first") {
		t.Errorf("beside another server it ended with %v and said:\n%s", err, out)
	}
	p.stop()

	// The old file, named again by hand, is recognised.
	third := newSample(t)
	command(t, third, "setup", "--move-database", address("g", server.Database(t)))
	config = filepath.Join(third, "letterlock.toml")
	moved := read(t, config)
	must(t, os.WriteFile(config, []byte(strings.Replace(moved, "[database]\nurl_file", "#[database]\n#url_file", 1)), 0o600))
	if out, err := letterlockCmd(t, third, "status").CombinedOutput(); exitCode(err) != exitFailed || !strings.Contains(string(out), "goes on there") {
		t.Errorf("with the old file status ended with %v and said:\n%s", err, out)
	}
}

// do has a database do something.
func do(t *testing.T, address, query string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	must(t, err)
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), query)
	must(t, err)
}

// However a configuration is written, all that it says but the database stays; or
// it is left alone.
func TestAConfigurationNamesAnotherDatabase(t *testing.T) {
	there := &Database{URLFile: "/etc/letterlock/database", WithoutTLS: true}
	helpline := "[[helpline]]\nname = \"a\"\ntitle = \"[database]\"\n"
	for name, c := range map[string]struct {
		text  string
		to    *Database
		holds string // "" for refused
	}{
		"new":                   {template(), there, "\n[database]\nurl_file = \"/etc/letterlock/database\"\nwithout_tls = true\n# The database's address"},
		"without the comment":   {"destroy_after = \"verified\"\n" + helpline, there, helpline + "\n[database]\nurl_file"},
		"without the last line": {strings.TrimSuffix(helpline, "\n"), there, helpline + "\n[database]\nurl_file"},
		"back":                  {"[database]\n# mine\nurl = \"postgres://a@/b\"\n\n" + helpline, nil, "#[database]\n# mine\n#url = \"postgres://a@/b\"\n\n" + helpline},
		"back from the end":     {helpline + "[database] # here\nurl = \"postgres://a@/b\"", nil, "#[database] # here\n#url = "},
		"to another":            {"[database]\nurl = \"postgres://a@/b\"\n" + helpline, &Database{URL: "postgres://c@/d"}, "[database]\nurl = \"postgres://c@/d\"\n#url = \"postgres://a@/b\"\n" + helpline},
		"a key in the comment":  {"policy = \"a\"\n#[database]\nkeyring_folder = \"k\"\n" + helpline, there, "k\"\n" + helpline + "\n[database]"},
		"written in one line":   {"database = { url = \"postgres://a@/b\" }\n" + helpline, nil, ""},
	} {
		got, err := configText{path: "letterlock.toml", text: c.text}.named(c.to)
		switch {
		case c.holds == "" && err == nil, c.holds != "" && (err != nil || !strings.Contains(got.text, c.holds)):
			t.Errorf("%s: %v\n%s", name, err, got.text)
		case err != nil && got.text != c.text:
			t.Errorf("%s was refused, and changed", name)
		}
	}
}
