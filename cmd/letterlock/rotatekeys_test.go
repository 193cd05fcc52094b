package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/cmd/invitation"
	"letterlock/cmd/killtest"
	"letterlock/pipeline/register"
	"letterlock/scanner"
	"letterlock/scanner/deposit/deposittest"
)

// rotations are a server and the scanners of two sites, of which every signing key is
// changed. The commands are killed at each of their steps.
type rotations struct {
	*annexe
	server       *program
	near, far    string   // the scanners' folders
	scans, away  *program // near's, which always runs, and far's
	letters      int
	keysReplaced int // of the register
}

// The signing keys are changed while letters come: the register's, the server's, which
// each scanner has to hear of, and a scanner's own. Commands are killed at every step, one
// scanner is off meanwhile, the server dies in the middle, and then its key is stolen. One
// key of each lives at any time, every letter is taken once, and whoever holds the first
// public key of the register can verify all of it.
func TestSigningKeysAreChangedUnderAServer(t *testing.T) {
	t.Parallel()
	k := newRotations(t)
	k.brings(k.near, k.far)
	k.registersKey()
	k.serversKey()
	k.serversStolenKey()
	k.scannersKey()
	k.scans.stop()
	k.away.stop()
	k.server.stop()
	kinds := entries(t, k.data)
	for kind, n := range map[string]int{"signing-key-changed": k.keysReplaced, "server-key-named": 2, "server-key-changed": 2, "edge-key-changed": 2,
		"letter-verified": k.letters, "manifest-held": 0} {
		if got := count(kinds, kind); got != n {
			t.Errorf("%d entries %s, want %d", got, kind, n)
		}
	}
}

func newRotations(t *testing.T) *rotations {
	t.Helper()
	s3 := deposittest.Start(t).Config()
	k := &rotations{annexe: &annexe{apart: &apart{t: t, s3: s3, data: newData(t), binary: buildScanner(t)}},
		near: filepath.Join(t.TempDir(), "near"), far: filepath.Join(t.TempDir(), "far")}
	configure(t, k.data, s3, "")
	command(t, k.data, "setup", "--edge", "branch", "--edge-folder", k.far, "--scans", filepath.Join(k.far, "scans"))
	k.server = k.serve()
	k.invite()
	if status, out := k.enrol(k.near, ""); status != exitDone {
		t.Fatalf("enrolling: %d\n%s", status, out)
	}
	k.scans, k.away = k.runs(k.near), k.runs(k.far)
	return k
}

// brings has each of the scanners bring a letter.
func (k *rotations) brings(scanners ...string) {
	k.t.Helper()
	for _, dir := range scanners {
		k.letters++
		k.drops(dir, string(rune('a'+k.letters))+".pdf", uint64(k.letters))
	}
	k.server.eventually("the letters are taken", func() bool { return k.server.status().Letters[register.Receipted] == k.letters })
}

// killed runs a command that is killed at a step.
func (k *rotations) killed(cmd *exec.Cmd, step string) {
	k.t.Helper()
	cmd.Env = append(cmd.Environ(), killtest.At(step))
	if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		k.t.Fatalf("%s: not killed: %v\n%s", step, err, out)
	}
}

func (k *rotations) state(name string) string { return filepath.Join(k.data, "state", name) }

func (k *rotations) registersKey() {
	for _, step := range []struct {
		name    string
		changed bool // the new key lives then
	}{{"rotate-made", false}, {"rotate-recorded", true}, {"rotate-aside", true}, {"rotate-placed", true}} {
		k.killed(letterlockCmd(k.t, k.data, "register", "rotate-key"), step.name)
		if step.changed {
			k.keysReplaced++
		}
		if n := count(entries(k.t, k.data), "signing-key-changed"); n != k.keysReplaced { // verified with the first public key
			k.t.Errorf("%s: %d changes on the register, and %d were made", step.name, n, k.keysReplaced)
		}
		if exists(k.state(registerKeyNext)) == step.changed || exists(k.state(registerKeyOld)) {
			k.t.Errorf("%s: what is left of the keys: next %v, old %v", step.name, exists(k.state(registerKeyNext)), exists(k.state(registerKeyOld)))
		}
	}
	k.brings(k.near)
	command(k.t, k.data, "register", "rotate-key")
	k.keysReplaced++
}

// serversKey waits for the scanner that is off.
func (k *rotations) serversKey() {
	k.away.stop()
	first := read(k.t, k.state(ofServer.file))
	for _, step := range []string{"signing-made", "signing-named"} {
		k.killed(letterlockCmd(k.t, k.data, "key", "rotate-signing"), step)
	}
	if said := command(k.t, k.data, "key", "rotate-signing"); !strings.Contains(said, "waits for the scanner of branch") {
		k.t.Errorf("asked, it says:\n%s", said)
	}
	k.brings(k.near)
	k.heard(k.near)
	if !slices.Contains(k.server.status().KeyWaits, "branch") {
		k.t.Errorf("status says that it waits for %v", k.server.status().KeyWaits)
	}
	if read(k.t, k.state(ofServer.file)) != first || !exists(k.state(ofServer.next())) {
		k.t.Fatal("the old key is not in its place, or the new one not beside it")
	}
	k.server.stop()
	k.away = k.runs(k.far)
	k.heard(k.far) // while no server runs: the next one finds what both have said
	cmd := letterlockCmd(k.t, k.data, "serve", "--listen", "localhost:0")
	cmd.Env = append(cmd.Environ(), killtest.At("server-key-changed"))
	dies := k.begin(cmd)
	if !dies.wait() {
		k.t.Fatalf("the scanner that was off has never said that it knows the new key:\n%s\n%s", dies.out, k.away.out)
	}
	k.server = k.serve()
	k.changed(first)
	k.brings(k.near, k.far)
}

// heard waits until a scanner has written down that another key is to sign.
func (k *rotations) heard(dir string) {
	k.t.Helper()
	k.server.eventually("the scanner has heard of it", func() bool { return exists(filepath.Join(dir, "state", scanner.ServerKeysFile)) })
}

// changed waits until another key of the server's is in its place, alone.
func (k *rotations) changed(from string) {
	k.t.Helper()
	k.server.eventually("the new key is in its place", func() bool {
		now, err := os.ReadFile(k.state(ofServer.file))
		return err == nil && string(now) != from && !exists(k.state(ofServer.next())) && !exists(k.state(ofServer.old()))
	})
}

// serversStolenKey waits for nobody; the scanner that is off follows when it comes.
func (k *rotations) serversStolenKey() {
	k.away.stop()
	stolen := read(k.t, k.state(ofServer.file))
	k.killed(letterlockCmd(k.t, k.data, "key", "rotate-signing", "--now"), "signing-changed")
	k.changed(stolen)
	k.away = k.runs(k.far)
	k.brings(k.near, k.far)
	if out, err := k.scanner("check").CombinedOutput(); err != nil || !strings.Contains(string(out), "The recipients list is the server's") {
		k.t.Errorf("scanner check: %v\n%s", err, out)
	}
	k.invite("--replace")
	file, err := os.ReadFile(k.invitation)
	if err != nil {
		k.t.Fatal(err)
	}
	inv, err := invitation.Open(file, k.code)
	if err != nil {
		k.t.Fatal(err)
	}
	if !strings.Contains(read(k.t, k.state(ofServer.file)), inv.ServerKey) || strings.Contains(stolen, inv.ServerKey) {
		k.t.Error("an invitation carries another key than the one that signs")
	}
}

// scannersKey changes a scanner's own key beside it, and once by a command that is killed
// while no scanner runs, and by a scanner that is killed when the server believes the new
// key and the old one is in its place. Another waits for the folder from before the first
// change: what it brings then is signed with the new key.
func (k *rotations) scannersKey() {
	waits := k.runs(k.near)
	k.server.eventually("another scanner waits for the folder", func() bool { return strings.Contains(waits.out.String(), "Waiting: ") })
	key := filepath.Join(k.near, "site.key")
	first := read(k.t, key)
	if out, err := k.scanner("key", "rotate", "--wait", "10m").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing more that the old one signs") {
		k.t.Errorf("it says: %v\n%s", err, out)
	}
	second := read(k.t, key)
	if second == first || exists(key+nextOfSite) {
		k.t.Error("the new key is not in its place")
	}
	k.scans.stop()
	k.scans = waits
	k.brings(k.near)
	k.scans.stop()
	k.killed(k.scanner("key", "rotate"), "key-made")
	if out, err := k.scanner("key", "rotate", "--wait", "100ms").CombinedOutput(); exitCode(err) != exitFailed || !strings.Contains(string(out), "the old one goes on signing") {
		k.t.Errorf("while no scanner runs: %v\n%s", err, out)
	}
	if dies := k.scan(killtest.At("key-answered")); !dies.wait() {
		k.t.Fatalf("the server has never answered:\n%s", dies.out)
	}
	if read(k.t, key) != second || count(entries(k.t, k.data), "edge-key-changed") != 2 {
		k.t.Error("killed in the middle, it has the new key already, or the server does not believe that yet")
	}
	k.scans = k.runs(k.near)
	k.brings(k.near)
	if read(k.t, key) == second || exists(key+nextOfSite) {
		k.t.Error("after a crash the new key is not in its place")
	}
}

// nextOfSite ends the name of a scanner's key that is to follow.
const nextOfSite = ".next"
