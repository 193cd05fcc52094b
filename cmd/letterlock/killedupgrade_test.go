package main

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register/postgrestest"
)

// The program is killed at any moment of its start, in which it makes the tables, or
// brings those of an earlier version up to date. The next start goes on, whatever the
// moment was: the register verifies, and what was on it is there.
func TestKilledWhileTheTablesAreBroughtUpToDate(t *testing.T) {
	kept, err := filepath.Glob("testdata/kept/*.tar.gz")
	must(t, err)
	server := postgrestest.Start(t)
	empty := func(entries []string) {
		if count(entries, "folder-made") != 1 || !slices.Contains(entries, "key-made") {
			t.Errorf("on the register: %v", entries)
		}
	}
	for name, c := range map[string]struct {
		folder func(t *testing.T) (data string) // as the killed program finds it
		args   []string                         // that bring the tables up to date
		whole  func(t *testing.T, data string)
	}{
		"a kept folder": {func(t *testing.T) string {
			data := newData(t)
			if out, err := exec.Command("tar", "-C", data, "-xzf", kept[0]).CombinedOutput(); err != nil {
				t.Fatalf("tar: %v\n%s", err, out)
			}
			return data
		}, []string{"letters"}, func(t *testing.T, data string) {
			sameLetters(t, data, read(t, strings.TrimSuffix(kept[0], ".tar.gz")+".ndjson"))
			entries(t, data) // which verifies
		}},
		"a new folder": {func(t *testing.T) string { return newData(t) }, []string{"setup"}, func(t *testing.T, data string) {
			command(t, data, "setup")
			empty(entries(t, data))
		}},
		"a new database": {func(t *testing.T) string { return onPostgreSQL(t, server.Database(t)) }, []string{"setup"}, func(t *testing.T, data string) {
			command(t, data, "setup")
			empty(entries(t, data))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			undisturbed := c.folder(t)
			begun := time.Now()
			if out, err := letterlockCmd(t, undisturbed, c.args...).CombinedOutput(); err != nil {
				t.Fatalf("undisturbed: %v\n%s", err, out)
			}
			takes := time.Since(begun)
			const kills = 4
			killed := 0
			for range kills {
				after := time.Duration(rand.Int64N(int64(takes)))
				t.Run(fmt.Sprint("killed after ", after.Round(time.Millisecond)), func(t *testing.T) {
					data := c.folder(t)
					cmd := letterlockCmd(t, data, c.args...)
					must(t, cmd.Start())
					time.Sleep(after)
					_ = cmd.Process.Kill() // it may have ended
					if cmd.Wait() != nil {
						killed++
					}
					c.whole(t, data)
				})
			}
			t.Logf("%d of %d were at work when they were killed", killed, kills)
		})
	}
}
