package postgrestest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"letterlock/scanner/realpart"
)

// programsAt is the environment that names the folder with initdb and postgres of the
// version that tests are run on, where it is not to be the newest of this machine.
const programsAt = "LETTERLOCK_TEST_POSTGRES_PROGRAMS"

// programs is the folder of the server's programs.
func programs(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(programsAt); dir != "" {
		return dir
	}
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // where Debian puts them
	if path, err := exec.LookPath("initdb"); err == nil {
		all = append(all, path)
	}
	realpart.Need(t, len(all) > 0, "PostgreSQL 15 or later: apt-get install postgresql")
	return filepath.Dir(slices.MaxFunc(all, func(a, b string) int { return version(a) - version(b) }))
}

// newest is the newest PostgreSQL that Letterlock is tested on, as .ci/run keeps it out
// of npm: Debian's, which the other tests take, is the oldest that is promised.
const newest = "postgresql-18.4"

// Newest has the servers that the test starts be of the newest PostgreSQL. It is kept for
// amd64 only, and a test on another machine is skipped.
func Newest(t *testing.T) {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(home, ".cache", "letterlock-ci", newest)
	if runtime.GOOS+runtime.GOARCH != "linuxamd64" {
		t.Skip("there is no " + newest + " for this machine")
	}
	_, err = os.Stat(filepath.Join(kept, "bin", "postgres"))
	realpart.Need(t, err == nil, newest+": run bash .ci/run, which takes it out of npm")
	// Root's own folder is one into which the server's user may not look.
	dir, err := os.MkdirTemp("", "letterlock-pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := errors.Join(os.CopyFS(dir, os.DirFS(kept)), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Setenv(programsAt, filepath.Join(dir, "bin"))
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}
