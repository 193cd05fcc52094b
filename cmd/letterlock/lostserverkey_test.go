package main

import (
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/cmd/progress"
	"letterlock/pipeline/register"
)

// refused runs a command that must fail, and looks for what it has to say.
func refused(t *testing.T, data, says string, args ...string) {
	t.Helper()
	if out, err := letterlockCmd(t, data, args...).CombinedOutput(); err == nil || !strings.Contains(string(out), says) {
		t.Errorf("letterlock %v ended with %v and did not say %q:\n%s", args, err, says, out)
	}
}

// inDatabase changes what a register of SQLite holds, as no program of this version does.
func inDatabase(t *testing.T, data, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(data, "state", "letterlock.db"))
	must(t, err)
	_, err = db.Exec(statement, args...)
	must(t, err)
	must(t, db.Close())
}

// The server's key of another stands in its place where no register knows which is right:
// at the upgrade from a version that noted none, and beside a bucket that another server has
// signed. It is neither used nor noted, and the right one is taken as if nothing had been.
func TestAStrangersServerKeyIsNotTaken(t *testing.T) {
	data := newData(t)
	key := filepath.Join(data, "state", ofServer.file)
	noted := func(data string) string {
		in := beside(t, data)
		defer in.close()
		public, err := in.register.ServerKey(t.Context())
		must(t, err)
		return public
	}
	command(t, data, "setup")
	right := read(t, key)
	if known := noted(data); known == "" || !strings.Contains(right, known) {
		t.Fatalf("noted is %q", known)
	}
	command(t, data, "key", "rotate-signing", "--prepare")
	must(t, os.Rename(filepath.Join(data, "state", ofServer.next()), key))
	stranger := read(t, key)
	inDatabase(t, data, `DELETE FROM meta WHERE name = 'server_key'`)
	refused(t, data, "not signed by this server", "setup")
	refused(t, data, "the bucket is not signed with the key in state/server.key", "key", "rotate-signing")
	if known := noted(data); known != "" {
		t.Errorf("at the upgrade a stranger's key was noted: %s", known)
	}
	must(t, os.WriteFile(key, []byte(right), 0o600))
	command(t, data, "setup")
	if known := noted(data); known == "" || strings.Contains(stranger, known) {
		t.Errorf("noted is %q", known)
	}

	second := newData(t)
	must(t, os.CopyFS(filepath.Join(second, "bucket"), os.DirFS(filepath.Join(data, "bucket"))))
	refused(t, second, "not signed by this server", "setup")
	if known := noted(second); known != "" {
		t.Errorf("beside another server's bucket its key was noted: %s", known)
	}
	command(t, second, "setup", "--repair", "--take-over", "--yes")
	command(t, second, "setup")
	if known := noted(second); known == "" || !strings.Contains(read(t, filepath.Join(second, "state", ofServer.file)), known) {
		t.Errorf("noted is %q", known)
	}
}

// wrongClockIsNoDeath has a server at work whose clock is a day behind, and that no other
// hears: it lives as long as its beat is heard.
func wrongClockIsNoDeath(t *testing.T, data string, in *installation) {
	t.Helper()
	slow := register.Running{Name: "slow", Boot: "1"}
	in.clock.ahead = func() int { return -1 }
	must(t, in.register.Join(t.Context(), slow))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-time.After(200 * time.Millisecond):
			}
			if err := in.register.Beat(context.WithoutCancel(ctx), slow); err != nil {
				ended <- err
				return
			}
		}
	}()
	refused(t, data, "slow is at work, and was not forgotten", "server", "forget", "slow")
	if out := command(t, data, "server", "list"); !strings.Contains(out, "slow     at work") {
		t.Errorf("listed:\n%s", out)
	}
	here := &installation{register: in.register, clock: &clock{ahead: func() int { return 1 }}} // to which every other clock is wrong
	alone := func(listen time.Duration) bool {
		is, err := here.alone(t.Context(), listen)
		must(t, err)
		return is
	}
	if alone(time.Minute) {
		t.Error("a server whose beat is heard is not at work, since its clock is wrong")
	}
	stop()
	must(t, <-ended)
	if !alone(500 * time.Millisecond) {
		t.Error("servers that give no beat and have said nothing for long are at work")
	}
	all, err := in.register.Running(t.Context())
	must(t, err)
	dead, err := here.dead(&world{ctx: t.Context(), screen: progress.On(io.Discard)}, all, 500*time.Millisecond)
	if err != nil || !dead[slow.ID()] {
		t.Errorf("of a server that gives no beat any more is said: %v, %v", dead, err)
	}
	must(t, in.register.Depart(t.Context(), slow))
	in.clock.ahead = nil
}

// Every copy of the server's key is lost. Another is not taken while another server is at
// work; it is, once, whatever cuts the command off, and whoever must be invited again is
// named by every run, by check and by status, until it has joined.
func TestTheServersKeyIsLostWhateverCutsItOff(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	in := beside(t, data)
	defer in.close()
	must(t, in.register.AddEdge(t.Context(), "branch", "letterlock-site+00000000+key"))
	must(t, os.Remove(filepath.Join(data, "state", ofServer.file)))

	// It is forgotten once it has died.
	other := register.Running{Name: "another", Boot: "1"}
	must(t, in.register.Join(t.Context(), other))
	refused(t, data, "another server is at work on this register, and has the key", "key", "rotate-signing", "--lost", "--yes")
	refused(t, data, "another is at work, and was not forgotten", "server", "forget", "another")
	refused(t, data, "no server of the name", "server", "forget", "a-third")
	wrongClockIsNoDeath(t, data, in)
	must(t, in.register.Heard(t.Context(), other, time.Now(), 0))
	if out := command(t, data, "server", "list"); !strings.Contains(out, "another  dead") {
		t.Errorf("listed:\n%s", out)
	}
	living := register.Running{Name: "living", Boot: "1"}
	must(t, in.register.Join(t.Context(), living))
	refused(t, data, "run: letterlock server forget another", "register", "rotate-key")
	must(t, in.register.Depart(t.Context(), living))
	command(t, data, "server", "forget", "another")

	lose := []string{"key", "rotate-signing", "--lost", "--yes"}
	killedAt(t, data, "lost-signing-made", lose...)
	if _, there, err := in.register.LostServerKey(t.Context()); err != nil || there {
		t.Errorf("cut off before anything was recorded, it was lost: %v, %v", there, err)
	}
	killedAt(t, data, "lost-signing-recorded", lose...)
	names := func(out string) {
		t.Helper()
		if !strings.Contains(out, "edge invite branch --replace") {
			t.Errorf("branch is not named:\n%s", out)
		}
	}
	for range 2 {
		names(command(t, data, lose...))
	}
	refused(t, data, "edge invite branch --replace", "check")
	if out := command(t, data, "status"); !strings.Contains(out, "do not know the server's new key  branch") {
		t.Errorf("status:\n%s", out)
	}
	if n := count(entries(t, data), "server-key-lost"); n != 1 {
		t.Errorf("it was lost %d times", n)
	}
	command(t, data, "setup") // the bucket is signed with the new key
	must(t, in.register.Equipped(t.Context(), "branch"))
	refused(t, data, "is here and signs: it is not lost", lose...)
	if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); strings.Contains(string(out), "edge invite branch") {
		t.Errorf("it has joined, and is named:\n%s", out)
	}
}

// The key of enrolment codes is lost at two servers that begin in the same moment. One makes
// another, and the other says that it is to be copied, and does not begin; while nothing can
// be recorded nobody makes one.
func TestTheCodesKeyIsNotMadeTwice(t *testing.T) {
	data := newData(t)
	command(t, data, "setup")
	key := filepath.Join(data, "state", "codes.key")
	must(t, os.Remove(key))
	must(t, os.Rename(filepath.Join(data, "state", ofRegister.file), filepath.Join(data, "aside")))
	command(t, data, "letters")
	if exists(key) {
		t.Error("a key was made, and it is on no record")
	}
	must(t, os.Rename(filepath.Join(data, "aside"), filepath.Join(data, "state", ofRegister.file)))
	killedAt(t, data, "code-key-recorded", "letters")
	inDatabase(t, data, `UPDATE meta SET value = replace(value, '"by":"', '"by":"another-') WHERE name = 'code_key_made'`)
	command(t, data, "letters")
	refused(t, data, "of several servers copy it from one of the others", "setup")
	if exists(key) {
		t.Error("a second server has made a key of its own")
	}
	inDatabase(t, data, `DELETE FROM meta WHERE name = 'code_key_made'`)
	command(t, data, "letters")
	if n := count(entries(t, data), "codes-ended"); n != 2 || !exists(key) {
		t.Errorf("%d times on record, and it is there: %t", n, exists(key))
	}
}
