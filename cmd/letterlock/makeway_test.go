package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/specimen"
)

// comers are people who come to a portal one after the other, each to sign in, and
// note what they saw.
type comers struct {
	mu         sync.Mutex
	in, turned int      // who were let in, and who read that it moves
	cut        int      // whose connection ended first, as at any server's end: nobody knows
	strange    []string // what else was answered
	end        func()
}

// come has people come until end is called.
func come(p *program) *comers {
	c, ended, gone := &comers{}, make(chan struct{}), make(chan struct{})
	c.end = sync.OnceFunc(func() { close(ended); <-gone })
	first := p.signsIn("")
	_, page := first.do(http.MethodGet, "/sample", nil)
	button := regexp.MustCompile(`name="person" value="(\d+)"`).FindStringSubmatch(page)
	c.in = 1
	go func() {
		defer close(gone)
		for {
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
			}
			v := &person{t: p.t, origin: first.origin}
			status, page := v.do(http.MethodPost, "/sample", url.Values{"person": {button[1]}})
			c.mu.Lock()
			switch {
			case status == http.StatusSeeOther:
				c.in++
			case status == http.StatusServiceUnavailable && strings.Contains(page, "Letterlock is moving"):
				c.turned++
			case status == 0:
				c.cut++
			default:
				c.strange = append(c.strange, fmt.Sprintf("%d %s", status, page))
			}
			c.mu.Unlock()
		}
	}()
	return c
}

// The register is moved under a server that is at work, into a real PostgreSQL and
// back. Whoever comes is let in, or reads that it moves; everybody who was let in is on
// record after it, and every letter that was dropped meanwhile is there once. Where the
// move is killed the server goes on by itself, with the one database or the other.
func TestTheDatabaseMovesUnderAServerAtWork(t *testing.T) {
	server := postgrestest.Start(t)
	data := newSample(t)
	config, address := filepath.Join(data, "letterlock.toml"), filepath.Join(data, "database")
	must(t, os.WriteFile(address, []byte(server.Database(t)+"\n"), 0o600))
	before := count(entries(t, data), "signed-in")
	p := start(t, data, "", "--sample")
	p.isSetUp()
	people := come(p)
	defer people.end()
	letters := 3
	drops := func() {
		letters++
		must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", fmt.Sprintf("%d.tif", letters)), specimen.New(uint64(letters), 1).G4TIFF(), 0o600))
	}
	goesOn := func(after string) {
		t.Helper()
		p.eventually("every letter is announced after "+after, func() bool { return p.status().Letters[register.Notified] == letters })
	}

	if said := command(t, data, "setup", "--move-database", address, "--dry-run"); !strings.Contains(said, "A register of") {
		t.Errorf("a dry run said:\n%s", said)
	}
	was := read(t, config)
	for _, at := range movingSteps[1:] {
		drops()
		killedAt(t, data, at.step, "setup", "--move-database", address)
		if moved := read(t, config) != was; moved != at.moved {
			t.Fatalf("killed at %q, the configuration names the new database: %v", at.step, moved)
		}
		goesOn("being killed at " + at.step)
	}
	command(t, data, "setup", "--remove-old-database")
	drops()
	if said := command(t, data, "setup", "--move-database", toFile); !strings.Contains(said, "The server goes on with it.") {
		t.Errorf("the move back said:\n%s", said)
	}
	command(t, data, "setup", "--remove-old-database")
	goesOn("the move back")
	people.end()
	if people.turned == 0 || people.in < 5 || len(people.strange) > 0 {
		t.Errorf("%d were let in, %d read that it moves, and what else was answered: %q", people.in, people.turned, people.strange)
	}
	if found := count(entries(t, data), "signed-in") - before; found < people.in || found > people.in+people.cut {
		t.Errorf("%d people were let in, %d were cut off, and %d are on record", people.in, people.cut, found)
	}

	// The server is killed while it has made way, and started again: it waits.
	drops()
	killedAt(t, data, "moving-begun", "setup", "--move-database", address) // which leaves tables to wait for
	p = killedWhileMoving(p, read(t, address), address)
	goesOn("being killed while the register was moved")
	p.stop()
	onceEach(t, data, letters)
}

// killedWhileMoving kills the server while the register is moved, and returns the one
// that is started in its place.
func killedWhileMoving(p *program, database, address string) *program {
	t := p.t
	t.Helper()
	db, err := sql.Open("pgx", strings.TrimSpace(database))
	must(t, err)
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), `LOCK TABLE calls IN SHARE MODE`) // so that the move waits in its midst
	must(t, err)
	isMoving := func() bool {
		v := &person{t: t, origin: regexp.MustCompile(`http://localhost:\d+`).FindString(p.out.String())}
		status, page := v.do(http.MethodGet, "/", nil)
		return status == http.StatusServiceUnavailable && strings.Contains(page, "Letterlock is moving")
	}
	p.eventually("it is back from the move that was killed", func() bool { return !isMoving() }) // or it would be killed before the next one saw it
	moving := &program{t: t, data: p.data, out: &safeBuffer{}, cmd: letterlockCmd(t, p.data, "setup", "--move-database", address)}
	moving.begin()
	p.eventually("it makes way", isMoving)
	must(t, p.cmd.Process.Kill())
	p.wait()
	again := start(t, p.data, "", "--sample")
	again.eventually("the one that is started meanwhile makes way too", func() bool { return strings.Contains(again.out.String(), "makes way") })
	must(t, tx.Rollback())
	if moving.wait(); moving.cmd.ProcessState.ExitCode() != exitDone || !strings.Contains(moving.out.String(), "The server goes on with it.") {
		t.Errorf("the move ended with %v and said:\n%s", moving.cmd.ProcessState, moving.out)
	}
	return again
}
