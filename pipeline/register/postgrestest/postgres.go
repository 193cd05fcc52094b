// Package postgrestest starts a real PostgreSQL for tests. Only tests import it.
package postgrestest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"letterlock/scanner/realpart"
)

// Server is a running PostgreSQL, reached through a socket in a folder.
type Server struct {
	// Dir is the folder in which the server keeps its databases.
	Dir string

	sockets string
	bin     string   // the folder of its programs
	options []string // of its configuration
	running *exec.Cmd
	ended   chan struct{} // closed once it has
	output  bytes.Buffer  // whole from then on
}

// quick lets a server forget what it has said is on disk: a test of what a crash
// of the server leaves does without it. Nor does it tidy up, for which it would be in a
// database that somebody needs whole.
var quick = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off"}

// Start runs a PostgreSQL until the test ends, with those options ("name=value")
// beside its defaults.
//
// Its databases are made for English, whose order of letters is another than that
// of bytes.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	return StartAs(t, []string{"--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-GB"}, options...)
}

// StartAs is Start with databases that are made with these options of initdb.
func StartAs(t testing.TB, initdb []string, options ...string) *Server {
	t.Helper()
	bin := programs(t)
	// Not the test's own folder, into which only its user may look, and which is too
	// long for a socket's name.
	sockets, err := os.MkdirTemp("", "letterlock-pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	s := &Server{Dir: dataIn(sockets), sockets: sockets, bin: bin, options: options}
	if err := s.give(sockets); err != nil {
		t.Fatal(err)
	}
	s.run(t, "initdb", append([]string{"--pgdata=" + s.Dir, "--username=letterlock", "--auth=trust", "--no-sync"}, initdb...)...)
	t.Cleanup(func() { s.Stop(t) })
	s.Resume(t)
	return s
}

// patience is how long the server may take to begin, and to end.
const patience = 5 * time.Minute

// dataIn is where the server with those sockets keeps its databases.
func dataIn(sockets string) string { return filepath.Join(sockets, "data") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = "/" // its user may not look into the test's
	asItsUser(cmd)
	return cmd
}

func (s *Server) run(t testing.TB, program string, args ...string) {
	t.Helper()
	if out, err := s.command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// Resume starts the server again after Stop or Kill, with what it held.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	args := []string{"-D", s.Dir, "-c", "unix_socket_directories=" + s.sockets, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=32MB"}
	for _, option := range s.options {
		args = append(args, "-c", option)
	}
	s.running = s.command("postgres", args...)
	s.output.Reset()
	s.running.Stdout, s.running.Stderr = &s.output, &s.output
	if err := s.running.Start(); err != nil {
		t.Fatal(err)
	}
	running, ended := s.running, make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		_ = running.Wait() // a server that was told to end says so by its status
	}()
	for late := time.Now().Add(patience); time.Now().Before(late) && !s.hasEnded(50*time.Millisecond); { // nothing tells when it is ready
		db, err := sql.Open("pgx", s.url("postgres"))
		if err == nil {
			err = errors.Join(db.Ping(), db.Close())
		}
		if err == nil {
			return
		}
	}
	_ = running.Process.Kill()
	<-ended
	s.running = nil
	t.Fatalf("PostgreSQL did not start:\n%s", s.output.String())
}

// hasEnded reports whether the server has ended by itself, and looks for so long.
func (s *Server) hasEnded(within time.Duration) bool {
	select {
	case <-s.ended:
		return true
	case <-time.After(within):
		return false
	}
}

// Stop ends the server, and every connection with it, and keeps what it holds.
func (s *Server) Stop(t testing.TB) { s.end(t, syscall.SIGINT) }

// Kill ends the server as a power failure would.
func (s *Server) Kill(t testing.TB) { s.end(t, syscall.SIGQUIT) }

// Crash ends the server's main process by SIGKILL, and returns once the others, which
// see that, have ended too.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	s.end(t, syscall.SIGKILL)
	for late := time.Now().Add(patience); time.Now().Before(late); {
		if !s.alive() {
			return
		}
		time.Sleep(50 * time.Millisecond) // nothing tells when they have
	}
	t.Fatal("PostgreSQL's processes live on without it")
}

// alive reports whether there is a process in the databases' folder.
func (s *Server) alive() bool {
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, folder := range folders {
		if at, err := os.Readlink(folder); err == nil && at == s.Dir {
			return true
		}
	}
	return false
}

// Standby has the server, which is stopped, begin as one that only repeats another's.
func (s *Server) Standby(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, "standby.signal"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) end(t testing.TB, how syscall.Signal) {
	t.Helper()
	if s.running == nil {
		return
	}
	if err := s.running.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-s.ended
	s.running = nil
}

// url is the address of a database.
func (s *Server) url(name string) string { return address(s.sockets, name) }

func address(sockets, name string) string {
	return fmt.Sprintf("postgres://letterlock@/%s?host=%s", name, sockets)
}

// Do has the server do something as its administrator.
func (s *Server) Do(t testing.TB, query string) { do(t, s.sockets, query) }

func do(t testing.TB, sockets, query string) {
	t.Helper()
	if err := try(sockets, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// doOnceFree is do for what a whole database is needed for: the processes of who was in
// it before may take a while to end, longer than the server waits for them.
func doOnceFree(t testing.TB, sockets, query string) {
	t.Helper()
	const inUse = "55006"
	for late := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := try(sockets, query)
		if err == nil {
			return
		}
		if refused, said := errors.AsType[*pgconn.PgError](err); !said || refused.Code != inUse || time.Now().After(late) {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

func try(sockets, query string) error {
	db, err := sql.Open("pgx", address(sockets, "postgres"))
	if err == nil {
		_, err = db.ExecContext(context.Background(), query) // also at a test's end
		err = errors.Join(err, db.Close())
	}
	return err
}

// Database makes an empty database and returns its address.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return newDatabase(t, s.sockets, "")
}

// Filled makes a database of what pg_dump has written of another.
func (s *Server) Filled(t testing.TB, dump []byte) (address string) {
	t.Helper()
	address = s.Database(t)
	fill := exec.CommandContext(t.Context(), realpart.Tool(t, "psql", "PostgreSQL's psql: apt-get install postgresql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", address)
	fill.Stdin = bytes.NewReader(dump)
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return address
}

// DatabaseAs is Database with these options of CREATE DATABASE.
func (s *Server) DatabaseAs(t testing.TB, options string) string {
	t.Helper()
	return newDatabase(t, s.sockets, options)
}

// newDatabase makes a database, with these options of CREATE DATABASE, for as long as
// the test runs.
func newDatabase(t testing.TB, sockets, options string) string {
	t.Helper()
	name := "test_" + strings.ToLower(randomText())
	doOnceFree(t, sockets, "CREATE DATABASE "+name+" "+options)
	t.Cleanup(func() { doOnceFree(t, sockets, "DROP DATABASE "+name+" WITH (FORCE)") })
	return address(sockets, name)
}
