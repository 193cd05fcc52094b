package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/specimen"
)

// annexe is a second place that scans, on machines of its own.
type annexe struct {
	*apart
	invitation, code string
}

// invite has the site's invitation made, and reads the code.
func (a *annexe) invite(more ...string) {
	a.t.Helper()
	a.invitation = filepath.Join(a.t.TempDir(), "annexe.invitation")
	said := command(a.t, a.data, append([]string{"edge", "invite", "annexe", "--out", a.invitation}, more...)...)
	found := regexp.MustCompile(`(?m)^Code +(\S+)$`).FindStringSubmatch(said)
	if found == nil {
		a.t.Fatalf("no code in:\n%s", said)
	}
	a.code = found[1]
}

// enrol runs 'scanner enrol' on a machine, whose folder is dir, and returns how it
// ended and what it said.
func (a *annexe) enrol(dir, kill string, more ...string) (int, string) {
	a.t.Helper()
	args := []string{"enrol", a.invitation, "--config", filepath.Join(dir, "scanner.toml"), "--wait", patience.String()}
	if len(more) == 0 {
		more = []string{"--code", a.code}
	}
	if !slices.Contains(more, "--again") { // else it is as scanner.toml has it
		args = append(args, "--scans", filepath.Join(dir, "scans"))
	}
	cmd := exec.Command(a.binary, append(args, more...)...)
	cmd.Args[0] = "scanner"
	if kill != "" {
		cmd.Env = append(os.Environ(), killtest.At(kill))
	}
	out, err := cmd.CombinedOutput()
	if err != nil && exitCode(err) == 0 {
		a.t.Fatal(err)
	}
	return exitCode(err), string(out)
}

func (a *annexe) wantRefused(says, dir string, more ...string) {
	a.t.Helper()
	if status, out := a.enrol(dir, "", more...); status == exitDone || !strings.Contains(out, says) {
		a.t.Errorf("it ended with %d and did not say %q:\n%s", status, says, out)
	}
}

func (a *annexe) state() (state register.ScannerState) {
	a.t.Helper()
	for line := range strings.Lines(command(a.t, a.data, "edge", "list", "--json")) {
		var l edgeLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			a.t.Fatal(err)
		}
		if l.Site == "annexe" {
			state = l.State
		}
	}
	return state
}

// storage is the bucket as the scanner of that folder may use it.
func (a *annexe) storage(dir string) *deposit.S3 {
	a.t.Helper()
	text, err1 := os.ReadFile(filepath.Join(dir, "scanner.toml"))
	secret, err2 := os.ReadFile(filepath.Join(dir, "storage.key"))
	if err1 != nil || err2 != nil {
		a.t.Fatal(err1, err2)
	}
	c := a.s3
	c.AccessKey = regexp.MustCompile(`access_key = "(.+)"`).FindStringSubmatch(string(text))[1]
	c.SecretKey = strings.TrimSpace(string(secret))
	if user, key, both := strings.Cut(c.SecretKey, "\n"); both { // as 'edge storage' writes them
		c.AccessKey, c.SecretKey = user, key
	}
	store, err := deposit.OpenS3(c)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = store.Close() })
	return store
}

// runs starts the scanner of that folder.
func (a *annexe) runs(dir string) *program {
	a.t.Helper()
	a.edge, a.scans = dir, filepath.Join(dir, "scans")
	cache, err := compiled()
	if err == nil && !exists(filepath.Join(dir, "state", "cache")) {
		err = os.CopyFS(filepath.Join(dir, "state", "cache"), os.DirFS(cache))
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return a.scan("")
}

// renews gives the running scanner of that folder other credentials, and ends those
// that it had.
func (a *annexe) renews(dir string) {
	a.t.Helper()
	file, stick := filepath.Join(a.t.TempDir(), "storage.key"), filepath.Join(a.t.TempDir(), "a stick")
	must(a.t, os.WriteFile(stick, []byte(a.s3.AccessKey+"\n"+a.s3.SecretKey+"\n"), 0o600))
	a.renewsCutOff(dir, stick)
	before := a.storage(dir)
	said := command(a.t, a.data, "edge", "storage", "annexe", "--out", file, "--storage-admin", stick)
	if _, err := before.Get(a.t.Context(), "keys/recipients"); err != nil {
		a.t.Errorf("the former credentials are no good meanwhile: %v", err)
	}
	if err := os.Rename(file, filepath.Join(dir, "storage.key")); err != nil {
		a.t.Fatal(err)
	}
	next := regexp.MustCompile(`letterlock (edge storage annexe --keep \S+ --storage-admin) "(.+)"\n`).FindStringSubmatch(said)
	if next == nil {
		a.t.Fatalf("it is not said how the former ones are ended:\n%s", said)
	}
	command(a.t, a.data, append(strings.Fields(next[1]), next[2])...)
	if _, err := before.Get(a.t.Context(), "keys/recipients"); err == nil {
		a.t.Error("the former credentials are good for ever")
	}
}

// renewsCutOff is the same cut off in its midst: whoever has put the file in its place ends
// those of before, and keeps these.
func (a *annexe) renewsCutOff(dir, stick string) {
	a.t.Helper()
	before, file := a.storage(dir), filepath.Join(a.t.TempDir(), "storage.key")
	cmd := letterlockCmd(a.t, a.data, "edge", "storage", "annexe", "--out", file, "--storage-admin", stick)
	cmd.Env = append(cmd.Env, killtest.At("edge-storage-written"))
	if out, err := cmd.CombinedOutput(); exitCode(err) != -1 {
		a.t.Fatalf("it was not cut off: %v\n%s", err, out)
	}
	must(a.t, os.Rename(file, filepath.Join(dir, "storage.key")))
	user, _, _ := strings.Cut(read(a.t, filepath.Join(dir, "storage.key")), "\n")
	command(a.t, a.data, "edge", "storage", "annexe", "--keep", user, "--storage-admin", stick)
	if _, err := before.Get(a.t.Context(), "keys/recipients"); err == nil {
		a.t.Error("cut off, the former credentials are good for ever")
	}
	if _, err := a.storage(dir).Get(a.t.Context(), "keys/recipients"); err != nil {
		a.t.Errorf("cut off, those that the scanner has are no good: %v", err)
	}
}

// revokedOnceMore revokes the scanner of that folder without the storage's administrator,
// and then says the same line again with them, as the command and ADMIN.md have it.
func (a *annexe) revokedOnceMore(dir string) {
	a.t.Helper()
	a.invite()
	if status, out := a.enrol(dir, ""); status != exitDone {
		a.t.Fatalf("enrolling once more: %d\n%s", status, out)
	}
	thief := a.storage(dir)
	revoke := letterlockCmd(a.t, a.data, "edge", "revoke", "annexe")
	revoke.Env = append(revoke.Env, "LETTERLOCK_STORAGE_ADMIN=")
	if out, err := revoke.CombinedOutput(); exitCode(err) != exitWrong {
		a.t.Errorf("revoked without the storage's administrator: %v\n%s", err, out)
	}
	if _, err := thief.Get(a.t.Context(), "keys/recipients"); err != nil {
		a.t.Errorf("its user is there no more: %v", err)
	}
	if said := command(a.t, a.data, "edge", "revoke", "annexe"); !strings.Contains(said, "none of annexe is enrolled, but users of the storage are left of it") || !strings.Contains(said, "was removed") {
		a.t.Errorf("said again with the storage's administrator: %s", said)
	}
	if _, err := thief.Get(a.t.Context(), "keys/recipients"); err == nil {
		a.t.Error("the thief's credentials are good for ever")
	}
	if out, err := letterlockCmd(a.t, a.data, "edge", "revoke", "annexe").CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "no scanner of the site") {
		a.t.Errorf("said a third time, with nothing left: %v\n%s", err, out)
	}
}

// sets sets what the machine's people may, and returns how the scanner is set now.
func (a *annexe) sets(dir string) []string {
	a.t.Helper()
	file := filepath.Join(dir, "scanner.toml")
	text := strings.NewReplacer(`duplex = "auto"`, `duplex = "yes"`, `arriving_limit = "30m0s"`, `arriving_limit = "1h0m0s"`).Replace(read(a.t, file))
	must(a.t, os.WriteFile(file, []byte(text), 0o600))
	return []string{fmt.Sprintf("folder = %q", filepath.Join(dir, "scans")), `duplex = "yes"`, `arriving_limit = "1h0m0s"`}
}

// losesUser is the storage that has lost the user of the scanner of that folder, as the
// page "The bucket" has it: the scanner gets new credentials.
func (a *annexe) losesUser(dir string) {
	a.t.Helper()
	text := read(a.t, filepath.Join(dir, "scanner.toml"))
	must(a.t, archive.RemoveEdgeUser(a.t.Context(), a.s3, regexp.MustCompile(`access_key = "(.+)"`).FindStringSubmatch(text)[1]))
	file := filepath.Join(a.t.TempDir(), "storage.key")
	command(a.t, a.data, "edge", "storage", "annexe", "--out", file)
	must(a.t, os.Rename(file, filepath.Join(dir, "storage.key")))
}

func (a *annexe) drops(dir, name string, seed uint64) {
	a.t.Helper()
	folder := filepath.Join(dir, "scans", "respect-phoneline")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		a.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name), specimen.New(seed, 1).ColourPDF(), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// serverHasItsOwnUser sets up with the storage's administrator, whose credentials the
// server has had until now and has no more from here on. Whoever sets up makes the
// scanners' users with them.
func (a *annexe) serverHasItsOwnUser() {
	a.t.Helper()
	key, admin := filepath.Join(a.data, "s3.key"), filepath.Join(a.t.TempDir(), "admin")
	must(a.t, os.WriteFile(admin, []byte(a.s3.AccessKey+"\n"+a.s3.SecretKey+"\n"), 0o600))
	ownUser := []string{"setup", "--server-user", "letterlock-server", "--storage-admin", admin}
	says := func(want string, args ...string) {
		a.t.Helper()
		if said := command(a.t, a.data, args...); !strings.Contains(said, want) {
			a.t.Errorf("%v does not say %q:\n%s", args, want, said)
		}
	}
	refused := func(want string, args ...string) {
		a.t.Helper()
		if said, err := letterlockCmd(a.t, a.data, args...).CombinedOutput(); err == nil || !strings.Contains(string(said), want) {
			a.t.Errorf("%v: %v, and it does not say %q:\n%s", args, err, want, said)
		}
	}
	refused("needs --storage-admin", "setup", "--server-user", "letterlock-server")
	refused("is the very file", "setup", "--server-user", "letterlock-server", "--storage-admin", key)
	says("Storage user: letterlock-server would be made", append(ownUser, "--dry-run")...)
	was := read(a.t, key)
	if was != a.s3.SecretKey || exists(key+".next") {
		a.t.Error("a dry run has written credentials")
	}
	says("Storage user: letterlock-server was made", ownUser...)
	own := read(a.t, key)
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(own, "letterlock-server\n") {
		a.t.Errorf("the server's credentials: %v, %v", info, err)
	}
	// As a crash leaves it, before the new credentials take the place of the former.
	must(a.t, os.Rename(key, key+".next"))
	must(a.t, os.WriteFile(key, []byte(was), 0o600))
	says("Storage user: letterlock-server was made", ownUser...)
	says("Its credentials were not changed", ownUser...)
	says("stay as they are", append(ownUser, "--dry-run")...)
	if read(a.t, key) != own || exists(key+".next") {
		a.t.Error("set-up that is run again has made other credentials")
	}
	// A second server would shut the first one out with a secret of its own.
	must(a.t, os.Rename(key, key+".away"))
	must(a.t, os.WriteFile(key, []byte(was), 0o600))
	refused("Where that is another server's, copy that server's file to here", ownUser...)
	must(a.t, os.Rename(key+".away", key))
	refused("is a server's data folder", "setup", "--edge", "other", "--edge-folder", a.data)
	refused("the server itself is letterlock-server", "setup", "--edge", "server", "--edge-folder", filepath.Join(a.t.TempDir(), "edge"))
	// What was stolen and ended does not come back to life by itself.
	must(a.t, archive.RemoveEdgeUser(a.t.Context(), a.s3, "letterlock-server"))
	says("it would be asked whether they are to count again", append(ownUser, "--dry-run")...)
	refused("choose another name with --server-user", ownUser...)
	refused("refuse", "setup")
	says("Storage user: letterlock-server was made anew, with the rights of a server and the secret that it had", append(ownUser, "--yes")...)
	command(a.t, a.data, "setup") // which needs no more than these
	// The file may lie on a volume of its own, behind a link. What a set-up under another
	// name has begun is said, and not forgotten.
	kept := filepath.Join(a.t.TempDir(), "kept")
	must(a.t, errors.Join(os.Rename(key, kept), os.Symlink(kept, key), os.WriteFile(kept+".next", []byte("half\nthe secret of half\n"), 0o600)))
	must(a.t, archive.MakeServerUser(a.t.Context(), a.s3, "half", "the secret of half"))
	another := []string{"setup", "--server-user", "letterlock-another", "--storage-admin", admin, "--yes"}
	says("Storage user: half was made by a set-up that broke off", another...)
	if to, err := os.Readlink(key); err != nil || to != kept || !strings.HasPrefix(read(a.t, kept), "letterlock-another\n") {
		a.t.Errorf("the file is no link to %s any more, or holds another's credentials: %v", kept, err)
	}
	must(a.t, os.Rename(kept, kept+".away"))
	refused("is a link to what is not there", another...)
	must(a.t, os.Rename(kept+".away", kept))
	server, err1 := archive.ServerPolicy(a.s3.Bucket)
	edge, err2 := archive.EdgePolicy(a.s3.Bucket, "annexe")
	must(a.t, errors.Join(err1, err2))
	says(string(server), "setup", "--print-policies", "--edge", "annexe")
	says(string(edge), "setup", "--print-policies", "--edge", "annexe")
	refused("letterlock: this storage lets no user be made with these credentials", "edge", "invite", "annexe", "--out", filepath.Join(a.t.TempDir(), "annexe.invitation"))
	refused("name some that may with --storage-admin", "edge", "invite", "annexe", "--out", filepath.Join(a.t.TempDir(), "annexe.invitation"))
	a.t.Setenv("LETTERLOCK_STORAGE_ADMIN", admin)
}

// A machine becomes the scanner of a site by a file and a code, is killed at every
// step of that, brings a letter, is replaced by another, is given another key while it
// runs, and is revoked.
func TestAScannerEnrolsIsReplacedAndRevoked(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	a := &annexe{apart: &apart{t: t, s3: s3, data: newData(t), binary: buildScanner(t)}}
	configure(t, a.data, s3, "")
	a.serverHasItsOwnUser()
	command(t, a.data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	first, second, third := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second"), filepath.Join(t.TempDir(), "third")

	if out, err := letterlockCmd(t, a.data, "edge", "invite", "annexe", "--replace").CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "no scanner that could be replaced") {
		t.Errorf("replacing nobody: %v\n%s", err, out)
	}
	a.invite()
	stale := *a
	a.invite() // the first one is worth nothing now
	// Where none can be written, none is made: the one that somebody has stays good.
	if out, err := letterlockCmd(t, a.data, "edge", "invite", "annexe", "--out", filepath.Join(t.TempDir(), "nowhere", "annexe.invitation")).CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "the invitation cannot be written, and nothing was made") {
		t.Errorf("into no folder: %v\n%s", err, out)
	}
	if a.state() != edgeInvited {
		t.Errorf("invited, it is %q", a.state())
	}
	a.wantRefused("the code does not open this invitation", first, "--code", "AAAA-BBBB-CCCC")
	a.wantRefused("has not answered for", first, "--code", a.code, "--wait", "1s")
	for _, step := range []string{"enrol-key", "enrol-asked"} {
		if status, out := a.enrol(first, step); status != -1 {
			t.Fatalf("%s was not reached: %d\n%s", step, status, out)
		}
	}
	for _, step := range []string{"joined", "join-answered"} {
		cmd := letterlockCmd(t, a.data, "serve", "--listen", "localhost:0")
		cmd.Env = append(cmd.Env, killtest.At(step))
		if p := a.begin(cmd); !p.wait() {
			t.Fatalf("the server never came to %s:\n%s", step, p.out)
		}
	}
	server := a.serve()
	for _, step := range []string{"enrol-answered", "enrol-storage.key", "enrol-scanner.toml"} {
		if status, out := a.enrol(first, step); status != -1 {
			t.Fatalf("%s was not reached: %d\n%s", step, status, out)
		}
		if step != "enrol-scanner.toml" && exists(filepath.Join(first, "scanner.toml")) {
			t.Fatalf("killed at %s it looks enrolled", step)
		}
	}
	a.wantRefused("this machine is a scanner already", first)
	a.wantRefused("used by another machine", second)
	stale.wantRefused("invitation", second)
	if a.state() != register.ScannerEnrolled {
		t.Errorf("enrolled, it is %q", a.state())
	}
	old := a.runs(first)
	a.drops(first, "one.pdf", 1)
	server.eventually("its letter is taken", func() bool { return server.status().Letters[register.Notified] == 1 })

	// Another machine takes its place in one step; the first is believed no more.
	if out, err := letterlockCmd(t, a.data, "edge", "invite", "annexe").CombinedOutput(); exitCode(err) != exitUse || !strings.Contains(string(out), "add --replace") {
		t.Errorf("the same name twice: %v\n%s", err, out)
	}
	a.invite("--replace")
	before := a.storage(first)
	if status, out := a.enrol(second, ""); status != exitDone {
		t.Fatalf("replacing: %d\n%s", status, out)
	}
	if said, _ := letterlockCmd(t, a.data, "check").Output(); !strings.Contains(string(said), "No scanner needs these users of the storage any more") {
		t.Errorf("check does not say that the former scanner's user is left:\n%s", said)
	}
	if said := command(t, a.data, "setup"); !strings.Contains(said, "was removed") {
		t.Errorf("the former scanner's user of the storage is left:\n%s", said)
	}
	if _, err := before.Get(t.Context(), "keys/recipients"); err == nil {
		t.Error("the former scanner's credentials are good for ever")
	}
	a.drops(first, "late.pdf", 2)
	now := a.runs(second)
	a.drops(second, "two.pdf", 3)
	server.eventually("the new one's letter is taken", func() bool { return server.status().Letters[register.Notified] == 2 })
	old.stop()
	if a.wantRefused("was revoked or replaced", first, "--code", a.code, "--again"); server.status().Letters[register.Notified] != 2 {
		t.Error("a letter of the replaced scanner was taken")
	}
	a.renews(second)
	a.drops(second, "three.pdf", 4)
	server.eventually("a letter is taken with the new credentials", func() bool { return server.status().Letters[register.Notified] == 3 })

	// Its key is stolen: it is enrolled anew beside the scanner that runs, which goes on.
	set := a.sets(second)
	if a.invite("--replace"); os.Rename(filepath.Join(second, "site.key"), filepath.Join(second, "stolen.key")) != nil {
		t.Fatal("its key cannot be moved away")
	}
	if status, out := a.enrol(second, "", "--code", a.code, "--again"); status != exitDone || !strings.Contains(out, "goes on as this within seconds") || !strings.Contains(out, "A new signing key was made: "+filepath.Join(second, "site.key")+".\n") {
		t.Fatalf("enrolling the scanner that runs anew: %d\n%s", status, out)
	}
	for _, line := range set {
		if text := read(t, filepath.Join(second, "scanner.toml")); !strings.Contains(text, line+"\n") {
			t.Errorf("enrolled anew, the scanner has %q no more:\n%s", line, text)
		}
	}
	now.eventually("the scanner that runs goes on as that", func() bool { return strings.Contains(now.out.String(), "was enrolled anew") })
	// Whoever had moved another file away is told that the key stays.
	a.invite("--replace")
	if status, out := a.enrol(second, "", "--code", a.code, "--again"); status != exitDone || !strings.Contains(out, "Its signing key stays: "+filepath.Join(second, "site.key")+".\n") {
		t.Fatalf("enrolled anew with the key that it has: %d\n%s", status, out)
	}
	a.losesUser(second)
	a.drops(second, "four.pdf", 5)
	server.eventually("a letter is taken under its new key", func() bool { return server.status().Letters[register.Notified] == 4 })
	now.stop()

	if said := command(t, a.data, "edge", "revoke", "annexe"); !strings.Contains(said, "was removed") {
		t.Errorf("its user of the storage is left: %s", said)
	}
	if a.state() != register.ScannerRevoked {
		t.Errorf("revoked, it is %q", a.state())
	}
	a.invite() // a revoked site's name may be given again
	if status, out := a.enrol(third, ""); status != exitDone {
		t.Fatalf("enrolling anew: %d\n%s", status, out)
	}
	// Stolen, and revoked by whoever has no stick at hand: its credentials are good still.
	revoke := letterlockCmd(t, a.data, "edge", "revoke", "annexe")
	revoke.Env = append(revoke.Env, "LETTERLOCK_STORAGE_ADMIN=")
	if out, err := revoke.CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "could not be removed") || a.state() != register.ScannerRevoked {
		t.Errorf("revoked without the storage's administrator: %v\n%s", err, out)
	}
	if said := command(t, a.data, "setup"); !strings.Contains(said, "was removed") {
		t.Errorf("the stolen scanner's user of the storage is left:\n%s", said)
	}
	a.revokedOnceMore(filepath.Join(t.TempDir(), "fourth"))
	server.stop()
	kinds := entries(t, a.data)
	for kind, n := range map[string]int{"edge-invited": 7, "edge-added": 3, "edge-replaced": 2, "edge-revoked": 3, "letter-admitted": 4} {
		if got := count(kinds, kind); got != n {
			t.Errorf("%d entries %s, want %d", got, kind, n)
		}
	}
}
