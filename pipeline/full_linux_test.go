package pipeline

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/realpart"
)

// onSmallDisk is an office of which everything lies on a disk of 4 MB, and a
// function that leaves so many bytes of it free; all of it below zero.
func onSmallDisk(t *testing.T) (o *office, leave func(bytes int)) {
	t.Helper()
	pages()                         // whose cache lies elsewhere
	at, err := os.MkdirTemp("", "") // not the test's own folder, which is to lie on that disk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(at) })
	err = unix.Mount("none", at, "tmpfs", 0, "size=4m")
	realpart.Need(t, err == nil, "the right to mount: run as root")
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	t.Setenv("TMPDIR", at)
	filler := filepath.Join(at, "filler")
	return newOffice(t), func(bytes int) {
		t.Helper()
		if err := os.Remove(filler); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var free unix.Statfs_t
		if err := unix.Statfs(at, &free); err != nil {
			t.Fatal(err)
		}
		if size := int(free.Bfree)*int(free.Bsize) - bytes; bytes >= 0 && size > 0 {
			if err := os.WriteFile(filler, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTheDiskIsFull at every write of a letter's life on the server: there is
// room for so many bytes and then for no more. What is on the register in the
// end is what would be there without it, and each mail was sent once. Half of them
// are kept for five years.
func TestTheDiskIsFull(t *testing.T) {
	postgrestest.OnSQLite(t)
	onItsWay := 0 // to the five-year letters
	lives := func(t *testing.T, years bool, leave func(o *office, set func(int))) (story string, full bool) {
		o, set := onSmallDisk(t)
		m := o.deposit()
		leave(o, set)
		for range 3 {
			full = register.IsFull(errors.Join(o.Admit(t.Context()), o.Advance(t.Context(), m.ID))) || full
		}
		set(-1)
		o.work(m.ID)
		if len(o.post.taken) != 1 {
			t.Errorf("%d mails", len(o.post.taken))
		}
		if years {
			o.must(o.cfg.Register.RecordOpening(t.Context(), m.ID, oneLeader, []byte("s"), "pages"))
			o.safeguard(m.ID)
			leave(o, set)
			for range 3 {
				if register.IsFull(o.Advance(t.Context(), m.ID)) {
					full, onItsWay = true, onItsWay+1
				}
			}
			set(-1)
			o.work(m.ID)
			o.lies(m)
		}
		o.now = o.state(m.ID).Deadline().Start().Add(time.Hour)
		_ = o.cfg.Register.ConfirmClock(t.Context()) // of half a year in which nothing happened
		leave(o, set)
		for range 3 {
			_, err := o.cfg.Register.ProveErased(t.Context())
			full = register.IsFull(errors.Join(o.Advance(t.Context(), m.ID), err)) || full
		}
		set(-1)
		o.work(m.ID)
		if _, err := o.cfg.Register.Letter(t.Context(), m.ID); !errors.Is(err, register.ErrNotFound) {
			t.Errorf("it is not gone: %v", err)
		}
		if _, err := o.cfg.Register.VerifyTip(t.Context()); err != nil {
			t.Error(err)
		}
		return o.story(m.ID), full
	}
	var want [2]string
	for i := range want {
		if want[i], _ = lives(t, i == 1, func(*office, func(int)) {}); !strings.HasSuffix(want[i], "letter-deleted") {
			t.Fatalf("the whole story is %q", want[i])
		}
	}
	hit := 0
	for k := range 20 {
		t.Run(fmt.Sprintf("after %d kB", 4*k), func(t *testing.T) {
			got, full := lives(t, k%2 == 1, func(_ *office, set func(int)) { set(4096 * k) })
			if want := want[k%2]; got != want {
				t.Errorf("on the register: %s\nwant: %s", got, want)
			}
			if full {
				hit++
			}
		})
	}
	if hit < 5 || onItsWay < 3 {
		t.Errorf("the disk was full in %d lives, and %d times while a letter was on its way", hit, onItsWay)
	}
}

// TestTheDiskIsFullIsSaidOnce, for all that finds no room.
func TestTheDiskIsFullIsSaidOnce(t *testing.T) {
	postgrestest.OnSQLite(t)
	o, leave := onSmallDisk(t)
	o.deposit()
	leave(0)
	var w watch
	for range 3 {
		err := errors.Join(o.Admit(t.Context()), o.watchAlarms(t.Context(), &w))
		if !register.IsFull(err) {
			t.Fatalf("got %v", err)
		}
		o.report(t.Context(), err)
	}
	if strings.Count(o.log.String(), "make room, and Letterlock goes on by itself") != 1 || strings.Count(o.log.String(), "\n") != 1 {
		t.Errorf("the log says: %s", o.log)
	}
	slog.New(quiet{slog.NewTextHandler(o.log, nil)}).Error("leadership.Elector: Error attempting to elect", "err", o.Admit(t.Context()).Error())
	if strings.Count(o.log.String(), "\n") != 1 {
		t.Errorf("the job queue says it too: %s", o.log)
	}
	leave(-1)
	o.must(o.Admit(t.Context()))
}
