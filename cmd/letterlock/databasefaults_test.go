package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// faulty is a program whose database's server is failed in every way.
type faulty struct {
	*program
	server          *postgrestest.Server
	address         string // of the database
	portal, monitor string
	letters         int // that are dropped
	read            int // how much of the output is accounted for
}

// drops leaves some letters in the scanner folder.
func (f *faulty) drops(n int) {
	f.t.Helper()
	for range n {
		f.letters++
		must(f.t, os.WriteFile(filepath.Join(f.data, "scanner", "respect-phoneline", fmt.Sprintf("%d.tif", f.letters)), specimen.New(uint64(f.letters), 1).G4TIFF(), 0o600))
	}
}

// sees waits until an address answers so, with words in it.
func (f *faulty) sees(at string, status int, says string) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%s answers %d and says %q", at, status, says), func() bool {
		answer, err := http.Get(at)
		if err != nil {
			return false
		}
		text, err := io.ReadAll(answer.Body)
		return errors.Join(err, answer.Body.Close()) == nil && answer.StatusCode == status && strings.Contains(string(text), says) &&
			(status != http.StatusServiceUnavailable || at != f.portal || answer.Header.Get("Retry-After") != "")
	})
}

// away waits until a fault is seen from outside: it lives, nobody is sent to it, and
// who comes all the same reads what the matter is.
func (f *faulty) away(says string) {
	f.t.Helper()
	f.sees(f.monitor+"/readyz", http.StatusServiceUnavailable, says)
	f.sees(f.monitor+"/healthz", http.StatusOK, "ok")
	f.sees(f.portal, http.StatusServiceUnavailable, "Nothing is lost")
	f.eventually("the log says "+says, func() bool { return f.said(says) > 0 })
}

// goesOn is what the log says once a fault of the database is over.
const goesOn = "can be recorded again"

// said counts what the log has said since it was accounted for.
func (f *faulty) said(what string) int { return strings.Count(f.out.String()[f.read:], what) }

// eachTime waits until a fault that may have come and gone is over, and returns what is
// said of it as often as it was: each time once, and each time that it is over.
func (f *faulty) eachTime(says string) []string {
	f.t.Helper()
	f.eventually("each time that the log says "+says+", it says that it is over", func() bool { return f.said(goesOn) > 0 && f.said(says) == f.said(goesOn) })
	return slices.Repeat([]string{says}, f.said(goesOn))
}

// back waits until the fault is over and every letter announced, and fails the test
// if the log said anything else, or the same more than once.
func (f *faulty) back(fault string, says ...string) {
	f.t.Helper()
	f.eventually("the log says that it is over: "+fault, func() bool { return f.said("the database answers")+f.said(goesOn) > 0 })
	f.eventually("every letter is announced after: "+fault, func() bool {
		s := f.status()
		return s.Letters[register.Notified] == f.letters && s.MailWaiting == 0 && len(claimed(filepath.Join(f.data, "scanner"))) == 0
	})
	f.sees(f.monitor+"/readyz", http.StatusOK, "ok")
	f.sees(f.portal+"/sample", http.StatusOK, "Be ")
	said := f.out.String()[f.read:]
	f.read += len(said)
	for _, line := range regexp.MustCompile(`(?m)^.*level=(?:WARN|ERROR).*$`).FindAllString(said, -1) {
		at := slices.IndexFunc(says, func(one string) bool { return strings.Contains(line, one) })
		if at < 0 {
			f.t.Errorf("%s: the log says too %s", fault, line)
			continue
		}
		says = slices.Delete(says, at, at+1)
	}
}

// The database's server fails in every way while letters come in. Each time one
// sentence says it, the portal and whoever looks after the process are told, and it
// goes on by itself: each letter is there once, and the register whole.
func TestTheDatabasesServerFails(t *testing.T) {
	f := &faulty{server: postgrestest.Start(t, fmt.Sprintf("max_connections=%d", connections)), letters: 3}
	f.address = f.server.Database(t)
	data := onPostgreSQL(t, f.address)
	at := realpart.Address(t)
	f.monitor = "http://" + at
	config := filepath.Join(data, "letterlock.toml")
	must(t, os.WriteFile(config, []byte(strings.Replace(read(t, config), "[metrics]\n", "[metrics]\nlisten = \""+at+"\"\n", 1)), 0o600))

	f.server.Stop(t) // as after a power failure, after which both begin at once
	at = realpart.Address(t)
	f.portal = "http://" + at
	f.program = start(t, data, "", "--sample", "--listen", at)
	f.away("the database cannot be reached")
	f.server.Resume(t)
	f.isSetUp()
	f.back("not there at the start", "the database cannot be reached")

	f.drops(2)
	f.eventually("letters are on their way", func() bool {
		return f.status().Letters[register.Notified] > 3 || len(claimed(filepath.Join(data, "scanner"))) > 0
	})
	f.server.Crash(t)
	f.away("the database cannot be reached")
	f.server.Resume(t)
	f.back("killed", "the database cannot be reached")

	f.drops(2)
	f.noConnections()
	f.back("no connections", f.eachTime("the database cannot be reached")...)

	f.server.Stop(t)
	f.server.Standby(t)
	f.server.Resume(t)
	f.drops(1)
	f.away("a standby")
	f.server.Do(t, `SELECT pg_promote()`)
	f.back("failed over", "a standby", "the database cannot be reached") // it is away first

	f.stop()
	onceEach(t, data, f.letters)
}

// connections are all that the server has.
const connections = 40

// noConnections takes every connection that the server has, those of the program too,
// until it is seen. While they are taken the program may get one again, and lose it.
func (f *faulty) noConnections() {
	f.t.Helper()
	others, err := sql.Open("pgx", f.address)
	must(f.t, err)
	defer func() { must(f.t, others.Close()) }()
	first, err := others.Conn(f.t.Context())
	must(f.t, err)
	taken := []*sql.Conn{first}
	defer func() {
		for _, c := range taken {
			_ = c.Close() // it may have been ended
		}
	}()
	for late, left := time.Now().Add(patience), connections; left > 0 || len(taken) < connections; {
		if time.Now().After(late) {
			f.t.Fatalf("waited in vain until nothing is left for the program, which has %d connections, and others %d", left, len(taken))
		}
		for {
			c, err := others.Conn(context.WithoutCancel(f.t.Context()))
			if err != nil {
				break
			}
			taken = append(taken, c)
		}
		must(f.t, first.QueryRowContext(f.t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'letterlock'`).Scan(&left))
	}
	f.away("the database cannot be reached")
	f.eventually("the log says that it lasts", func() bool { return f.said("the database cannot be reached") > f.said(goesOn) })
}
