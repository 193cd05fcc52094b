package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// smallDisk mounts a disk of so many MB at a folder until the test ends, and returns
// what fills it, or makes room on it again.
func smallDisk(t *testing.T, at string, megabytes int) (fill, makeRoom func()) {
	t.Helper()
	err := unix.Mount("none", at, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes))
	realpart.Need(t, err == nil, "the right to mount: run as root")
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	filler := filepath.Join(at, "filler")
	return func() {
			f, err := os.OpenFile(filler, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			must(t, err)
			for block := make([]byte, 4096); err == nil; {
				_, err = f.Write(block)
			}
			must(t, f.Close())
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}, func() {
			must(t, os.Remove(filler))
		}
}

// fileOnSmallDisk is a sample whose register is a file on a small disk.
func fileOnSmallDisk(t *testing.T) (data string, fill, makeRoom func()) {
	t.Helper()
	data = newSample(t)
	state, aside := filepath.Join(data, "state"), filepath.Join(data, "aside")
	must(t, os.Rename(state, aside))
	must(t, os.Mkdir(state, 0o700))
	fill, makeRoom = smallDisk(t, state, 64)
	must(t, os.CopyFS(state, os.DirFS(aside)))
	must(t, os.RemoveAll(aside))
	return data, fill, makeRoom
}

// serverOnSmallDisk is a sample whose register is in a PostgreSQL, on a small disk.
func serverOnSmallDisk(t *testing.T) (data string, fill, makeRoom func()) {
	t.Helper()
	server := postgrestest.Start(t)
	at, err := os.MkdirTemp("", "letterlock-small-") // not the test's own folder, into which the server may not look
	must(t, err)
	t.Cleanup(func() { _ = os.Remove(at) })
	fill, makeRoom = smallDisk(t, at, 32)
	owner, err := os.Stat(server.Dir)
	must(t, err)
	who := owner.Sys().(*syscall.Stat_t)
	must(t, os.Chown(at, int(who.Uid), int(who.Gid)))
	must(t, os.Chmod(at, 0o700))
	server.Do(t, "CREATE TABLESPACE small LOCATION '"+at+"'")
	address := server.Database(t)
	u, err := url.Parse(address)
	must(t, err)
	server.Do(t, "ALTER DATABASE "+strings.TrimPrefix(u.Path, "/")+" SET TABLESPACE small")
	data = newSample(t)
	named := filepath.Join(data, "database")
	must(t, os.WriteFile(named, []byte(address), 0o600))
	command(t, data, "setup", "--move-database", named)
	command(t, data, "setup", "--remove-old-database")
	return data, fill, makeRoom
}

// The disk of the register is full while people are at work at the portal and a scan
// comes in. Whatever is answered with success is on record, and nothing else; whoever
// is refused reads why; the log says it once; and once there is room, all that was
// refused is done, and the letter announced, without a restart.
func TestTheRegistersDiskIsFullWhilePeopleWork(t *testing.T) {
	for name, onSmallDisk := range map[string]func(*testing.T) (data string, fill, makeRoom func()){"SQLite": fileOnSmallDisk, "PostgreSQL": serverOnSmallDisk} {
		t.Run(name, func(t *testing.T) {
			data, fill, makeRoom := onSmallDisk(t)
			before := entries(t, data)
			p := start(t, data, "", "--sample")
			p.isSetUp()
			letters := p.letters()
			answered, other := letters[0], letters[1]
			leader, second := p.signsIn(leaderOf(answered.Helpline)), p.signsIn(leaderOf(other.Helpline))
			leader.reads(answered.ID)
			leader.sends("/l/"+string(answered.ID)+"/readable", url.Values{})
			second.reads(other.ID)
			signedIn, kept := 2, 0
			noRoom := func(what string, status int, page string) (refused bool) {
				t.Helper()
				refused = status == http.StatusServiceUnavailable && strings.Contains(page, "Letterlock has no room left")
				if !refused && status != http.StatusSeeOther {
					t.Fatalf("%s: %d\n%s", what, status, page)
				}
				return refused
			}
			_, page := leader.do(http.MethodGet, "/sample", nil)
			_, number, _ := strings.Cut(page, `name="person" value="`)
			number, _, _ = strings.Cut(number, `"`)

			fill()
			must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "meanwhile.tif"), specimen.New(9, 1).G4TIFF(), 0o600))
			p.eventually("nobody can sign in any more", func() bool {
				v := &person{t: t, origin: leader.origin}
				status, page := v.do(http.MethodPost, "/sample", url.Values{"person": {number}})
				if noRoom("signing in", status, page) {
					return true
				}
				signedIn++
				return false
			})
			readable := "/l/" + string(other.ID) + "/readable"
			status, page := second.do(http.MethodPost, readable, url.Values{"confirm": {"yes"}})
			undecided := noRoom("deciding", status, page)
			upload, copied := "/l/"+string(answered.ID)+"/response", specimen.New(77, 1).ColourPDF()
			status, page = leader.sendsFile(upload, copied)
			if !noRoom("uploading", status, page) {
				kept++
			}
			p.eventually("the log says it", func() bool { return strings.Contains(p.out.String(), "is full: nothing can be recorded") })
			if out, _ := letterlockCmd(t, data, "status").CombinedOutput(); !strings.Contains(string(out), "register entries") {
				t.Errorf("status said:\n%s", out)
			}

			makeRoom()
			if undecided {
				second.sends(readable, url.Values{})
			}
			if kept == 0 {
				leader.uploads(upload, copied)
			}
			p.eventually("the letter is announced", func() bool { return count(entries(t, data), "letter-notified") == len(letters)+1 })
			p.stop()
			after := entries(t, data)
			for kind, want := range map[string]int{"letter-admitted": 4, "letter-verified": 5, "letter-receipted": 4, "letter-notified": 4} { // the copy is verified too
				if n := count(after, kind); n != want {
					t.Errorf("%d entries %s, want %d", n, kind, want)
				}
			}
			if found := count(after, "signed-in") - count(before, "signed-in"); found != signedIn {
				t.Errorf("%d were let in, and %d are on record", signedIn, found)
			}
			if found := count(after, "letter-readable"); found != 2 {
				t.Errorf("two letters were found readable, and %d are on record", found)
			}
			if said := p.out.String(); strings.Count(said, "is full: nothing can be recorded") != 1 || strings.Contains(said, "Canary") {
				t.Errorf("the log says:\n%s", said)
			}
		})
	}
}

// The disk of the backups becomes full in the midst of one: no piece is left there, what
// there was stays, and one sentence says what to do. Once there is room the next is made.
func TestTheBackupsDiskIsFull(t *testing.T) {
	data, kept, _ := backedUp(t)
	fill, makeRoom := smallDisk(t, kept, 8)
	command(t, data, "backup")
	fill()
	filler, err := os.Stat(filepath.Join(kept, "filler"))
	must(t, err)
	must(t, os.Truncate(filepath.Join(kept, "filler"), filler.Size()-64<<10)) // room for a beginning
	before := contents(t, kept)
	nextSecond()
	out, err := letterlockCmd(t, data, "backup").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is full: none was made, and those that are there stay") || strings.Contains(string(out), "no space") {
		t.Errorf("%v: %s", err, out)
	}
	if contents(t, kept) != before {
		t.Error("a piece is left, or another backup changed")
	}
	makeRoom()
	command(t, data, "backup")
}

// A move of the register that fails, here since its configuration cannot be written,
// leaves no copy of names and letters of which nobody would know.
func TestAMoveThatFailsLeavesNoCopy(t *testing.T) {
	server := postgrestest.Start(t)
	data, folder := newSample(t), t.TempDir()
	fill, makeRoom := smallDisk(t, folder, 1)
	for _, name := range []string{"letterlock.toml", "policy.md"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(read(t, filepath.Join(data, name))), 0o600))
	}
	address := filepath.Join(data, "database")
	must(t, os.WriteFile(address, []byte(server.Database(t)+"\n"), 0o600))
	moves := func() (string, error) {
		cmd := letterlockCmd(t, data, "setup", "--move-database", address)
		cmd.Env = append(cmd.Env, "LETTERLOCK_CONFIG="+filepath.Join(folder, "letterlock.toml"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	fill()
	if out, err := moves(); err == nil || !strings.Contains(out, "The copy verifies") || !strings.Contains(out, "nothing was moved, and the old database goes on") {
		t.Fatalf("on a full disk it ended with %v and said:\n%s", err, out)
	}
	if tables := tablesAt(t, read(t, address)); len(tables) > 0 {
		t.Errorf("in the PostgreSQL are still %v", tables)
	}
	makeRoom()
	if out, err := moves(); err != nil {
		t.Errorf("with room again it ended with %v and said:\n%s", err, out)
	}
	if tables := tablesAt(t, read(t, address)); len(tables) == 0 {
		t.Error("nothing was moved")
	}
}
