package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
)

// Data folders of earlier versions are taken as they are: their tables are brought
// up to date, the register verifies, every letter is there and opens, and the
// program goes on with it.
//
// One is kept for each release, in testdata/kept: a sample with its letters
// announced, ended, packed without state/cache and outbox (tar -C data -czf), and
// beside it what 'letterlock letters --json' said. A name is a day, or a version. One
// whose register is in PostgreSQL has database.sql, as pg_dump writes it.
func TestDataFoldersOfEarlierVersionsAreTaken(t *testing.T) {
	packed, err := filepath.Glob("testdata/kept/*.tar.gz")
	must(t, err)
	if len(packed) == 0 {
		t.Fatal("none is kept")
	}
	for _, archive := range packed {
		name := strings.TrimSuffix(archive, ".tar.gz")
		t.Run(filepath.Base(name), func(t *testing.T) {
			onTheDayAfter(t, read(t, name+".ndjson"))
			data := newData(t)
			if out, err := exec.Command("tar", "-C", data, "-xzf", archive).CombinedOutput(); err != nil {
				t.Fatalf("tar: %v\n%s", err, out)
			}
			must(t, os.MkdirAll(filepath.Join(data, "outbox"), 0o700))
			if dump := filepath.Join(data, "database.sql"); exists(dump) {
				address := postgrestest.Start(t).Filled(t, []byte(read(t, dump)))
				must(t, os.WriteFile(filepath.Join(data, "database"), []byte(address), 0o600)) // which [database] names
			}
			bringsUpToDate(t, data)
			letters := sameLetters(t, data, read(t, name+".ndjson"))
			entries(t, data) // which verifies
			for _, l := range letters {
				sealed, err := os.Open(copies(data, l.ID)[0])
				must(t, err)
				if clean := opened(t, data, l, sealed); !strings.HasPrefix(string(clean), "%PDF-") {
					t.Errorf("the letter %s is no PDF", l.ID)
				}
				must(t, sealed.Close())
			}
			p := start(t, data, "", "--sample")
			p.isSetUp()
			p.eventually("it has looked at them", func() bool { return p.status().Letters[register.Notified] == len(letters) })
			p.stop()
			sameLetters(t, data, read(t, name+".ndjson"))
		})
	}
}

// onTheDayAfter has this process and every program that the test starts go by the time of
// a day after the letters came: months later they would be gone, as they should.
func onTheDayAfter(t *testing.T, said string) {
	t.Helper()
	var came time.Time
	for line := range strings.Lines(said) {
		var l letterLine
		must(t, json.Unmarshal([]byte(line), &l))
		at, err := time.Parse(time.RFC3339, l.Received)
		must(t, err)
		if at.After(came) {
			came = at
		}
	}
	file := filepath.Join(t.TempDir(), "clock")
	must(t, os.WriteFile(file, []byte(untilMoment(came.AddDate(0, 0, 1)).String()), 0o600))
	t.Setenv(clockEnv, file)
	systemClock = wrongBy(file)
	t.Cleanup(func() { systemClock = time.Now })
}

// bringsUpToDate has commands look at, and act in, a data folder of an earlier version: a
// server of that one may be at work there. Each says what is to be done first, and changes
// no table. Set-up, as the server's start, brings the tables up to date.
func bringsUpToDate(t *testing.T, data string) {
	t.Helper()
	tables := func() int {
		return migrations(t, func(data string) (driver, address string) {
			if at := filepath.Join(data, "database"); exists(at) {
				return "pgx", read(t, at)
			}
			return "sqlite", filepath.Join(data, "state", "letterlock.db")
		}, data)
	}
	before, refused := tables(), 0
	commands := [][]string{{"status", "--json"}, {"check"}, {"letters"}, {"user", "list"}, {"key", "list"}, {"backup"}, {"user", "add", "--role", "dpo", "--name", "Dana"}}
	for _, args := range commands {
		out, err := letterlockCmd(t, data, args...).CombinedOutput()
		if exitCode(err) == exitFailed && strings.Contains(string(out), "is newer than its data: the tables are of an earlier one") && strings.Contains(string(out), "Nothing was changed") {
			refused++
		}
	}
	if after := tables(); after != before {
		t.Errorf("%d migrations were there, and commands that do not start the server have made it %d", before, after)
	}
	command(t, data, "setup")
	if older := tables() > before; older && refused != len(commands) || !older && refused > 0 {
		t.Errorf("the tables are of an earlier version: %v, and %d of %d commands were refused for that", older, refused, len(commands))
	}
}

// sameLetters compares what an earlier version said of each letter, in the fields
// that it had, with what this one says.
func sameLetters(t *testing.T, data, said string) (letters []letterLine) {
	t.Helper()
	now := strings.Split(strings.TrimSpace(command(t, data, "letters", "--json")), "\n")
	then := strings.Split(strings.TrimSpace(said), "\n")
	if len(now) != len(then) {
		t.Fatalf("there are %d letters, and there were %d", len(now), len(then))
	}
	for i := range then {
		var was, is map[string]any
		must(t, json.Unmarshal([]byte(then[i]), &was))
		must(t, json.Unmarshal([]byte(now[i]), &is))
		for field := range is {
			if _, had := was[field]; !had {
				delete(is, field)
			}
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Error(diff)
		}
		var line letterLine
		must(t, json.Unmarshal([]byte(now[i]), &line))
		letters = append(letters, line)
	}
	return letters
}

// A program that is older than its data says which version is needed, whatever the
// command, and changes nothing.
func TestAnOlderProgramSaysWhatIsNeeded(t *testing.T) {
	data := newSample(t)
	isUsedByANewerProgram(t, "sqlite", filepath.Join(data, "state", "letterlock.db"))
	before := folderState(t, data)
	for _, args := range [][]string{{"status"}, {"up", "--sample", "--listen", "localhost:0"}, {"backup"}, {"restore", "--yes"}, {"check"}} {
		out, err := letterlockCmd(t, data, args...).CombinedOutput()
		if exitCode(err) != exitFailed || !strings.Contains(string(out), "is older than its data: a newer one (v9.9.9)") || !strings.Contains(string(out), "Nothing was changed") {
			t.Errorf("letterlock %v ended with %v and said:\n%s", args, err, out)
		}
	}
	if diff := cmp.Diff(before, folderState(t, data)); diff != "" {
		t.Errorf("something was changed:\n%s", diff)
	}
}

// folderState is every file of a data folder and its content, but for locks.
func folderState(t *testing.T, data string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "lock" || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "-shm") {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	}))
	return files
}
