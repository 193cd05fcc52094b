package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/cmd/sitekey"
	"letterlock/pipeline/register"
	"letterlock/scanner/specimen"
)

// The key of this machine's own scanner is changed by commands that die at each of their
// steps: beside 'letterlock up', while it does not run, and on the console's word. The
// next start goes on from there, one key is believed at any time, and letters are taken
// once.
func TestTheOwnScannersKeyIsChangedByCommandsThatDie(t *testing.T) {
	data := newData(t)
	p := start(t, data, "")
	p.isSetUp()
	command(t, data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	letters := 0
	brings := func(after string) {
		t.Helper()
		letters++
		must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", fmt.Sprintf("%d.tif", letters)), specimen.New(uint64(letters), 1).G4TIFF(), 0o600))
		p.eventually("a letter is announced after "+after, func() bool {
			return p.status().Letters[register.Notified] == letters && len(claimed(filepath.Join(data, "scanner"))) == 0
		})
	}
	key := filepath.Join(data, "state", "edge", "site.key")
	next := key + sitekey.NextExt
	was := read(t, key)
	isChanged := func(after string) {
		t.Helper()
		if now := read(t, key); now == was || exists(next) {
			t.Errorf("after %s: the key is another: %v, and one more lies beside it: %v", after, now != was, exists(next))
		}
		was = read(t, key)
	}
	brings("the start")

	killedAt(t, data, "own-key-made", "edge", "rotate-key")
	p.eventually("the scanner at work has gone on with it", func() bool { return read(t, key) != was && !exists(next) })
	isChanged("a command that died beside the scanner")
	brings("that")
	p.stop()

	killedAt(t, data, "own-key-made", "edge", "rotate-key")
	coming := read(t, next)
	if out, err := letterlockCmd(t, data, "edge", "rotate-key", "--wait", "0s").CombinedOutput(); exitCode(err) != exitFailed || !strings.Contains(string(out), "is under way, and goes on") || read(t, next) != coming || read(t, key) != was {
		t.Errorf("run again while no scanner runs: %v\n%s", err, out)
	}
	for _, step := range []string{"key-named", "key-answered"} {
		if p = start(t, data, step); !p.wait() {
			t.Fatalf("%q was never reached:\n%s", step, p.out)
		}
	}
	if read(t, key) != was || count(entries(t, data), "edge-key-changed") != 2 {
		t.Error("killed before the key is in its place, it is there, or the server does not believe it yet")
	}
	p = start(t, data, "")
	p.isSetUp()
	isChanged("a start that died")
	if was != coming {
		t.Error("it is not the key that was made first")
	}
	brings("that")
	p.stop()

	killedAt(t, data, "own-key-lost-made", "edge", "rotate-key", "--lost", "--yes")
	if read(t, key) != was || count(entries(t, data), "edge-replaced") != 0 {
		t.Error("killed before anything is on record, the key is another")
	}
	killedAt(t, data, "own-key-lost-recorded", "edge", "rotate-key", "--lost", "--yes")
	if read(t, key) != was {
		t.Error("killed before it is in its place, the key is there")
	}
	p = start(t, data, "")
	p.isSetUp()
	isChanged("a key that was lost")
	brings("that")
	p.stop()
	onceEach(t, data, letters)
}
