package main

import (
	"os"
	"path/filepath"
	"testing"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/register"
	"letterlock/scanner/specimen"
)

// The signing key is changed under a running server, by a command that is killed at
// every one of its steps: one key lives at any time, whoever holds the first public
// key can verify everything, and the server goes on with the new key by itself.
func TestTheSigningKeyIsChangedUnderAServer(t *testing.T) {
	data := newData(t)
	p := start(t, data, "")
	p.isSetUp()
	state := func(name string) string { return filepath.Join(data, "state", name) }
	changes := 0
	for _, step := range []struct {
		name    string
		changed bool // the new key lives then
	}{{"rotate-made", false}, {"rotate-recorded", true}, {"rotate-aside", true}, {"rotate-placed", true}} {
		cmd := letterlockCmd(t, data, "register", "rotate-key")
		cmd.Env = append(cmd.Env, killtest.At(step.name))
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("%s: not killed: %v\n%s", step.name, err, out)
		}
		if step.changed {
			changes++
		}
		if n := count(entries(t, data), "signing-key-changed"); n != changes { // verified with the first public key
			t.Errorf("%s: %d changes on the register, and %d were made", step.name, n, changes)
		}
		if exists(state(registerKeyNext)) == step.changed || exists(state(registerKeyOld)) {
			t.Errorf("%s: what is left of the keys: next %v, old %v", step.name, exists(state(registerKeyNext)), exists(state(registerKeyOld)))
		}
	}
	if err := os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "scan.pdf"), specimen.New(7, 1).ColourPDF(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.eventually("a letter is taken in", func() bool { return p.status().Letters[register.Receipted] == 1 })
	command(t, data, "register", "rotate-key")
	kinds := entries(t, data)
	if n := count(kinds, "letter-verified"); n != 1 || count(kinds, "signing-key-changed") != changes+1 {
		t.Errorf("on the register: %v", kinds)
	}
	p.stop()
}
