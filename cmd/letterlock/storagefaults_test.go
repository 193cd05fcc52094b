package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/specimen"
)

// The storage ends the credentials under which server and scanner work. What is
// scanned meanwhile stays with the scanner; one sentence says what the matter is;
// and whether the old credentials are given back or new ones are written into the
// file, it all goes on without a restart.
func TestTheStorageEndsTheCredentials(t *testing.T) {
	store := deposittest.Start(t)
	data := newData(t)
	configure(t, data, store.Config(), "")
	p := start(t, data, "", "--sample")
	announced := func(n int) func() bool {
		return func() bool {
			return p.status().Letters[register.Notified] == n && len(claimed(filepath.Join(data, "scanner"))) == 0
		}
	}
	p.eventually("the sample's letters are announced", announced(3))
	changes := func(secret string) {
		store.Stop()
		store.SecretKey = secret
		store.Resume(t)
	}
	waits := func(secret string, n uint64) {
		t.Helper()
		read := len(p.out.String()) // it is said once
		changes(secret)
		must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "meanwhile.tif"), specimen.New(n, 1).G4TIFF(), 0o600))
		p.eventually("the log says that the storage refuses", func() bool {
			return strings.Contains(p.out.String()[read:], "the storage refuses something that Letterlock needs")
		})
		p.eventually("the scan waits, sealed", func() bool { return len(claimed(filepath.Join(data, "scanner"))) > 0 })
		if out, err := letterlockCmd(t, data, "check").CombinedOutput(); exitCode(err) == 0 || !strings.Contains(string(out), "refuses") || strings.Contains(string(out), "the log says why") {
			t.Errorf("check ended with %v and said:\n%s", err, out)
		}
	}
	first, second := store.SecretKey, rand.Text()
	waits(second, 8)
	changes(first)
	p.eventually("given back, the letter is announced", announced(4))
	p.eventually("the log says that all goes on", func() bool { return strings.Contains(p.out.String(), "the storage refuses nothing just now") })
	waits(second, 9)
	must(t, os.WriteFile(filepath.Join(data, "s3.key"), []byte(second), 0o600))
	p.eventually("with new ones, the letter is announced", announced(5))
	p.stop()
	for _, kind := range []string{"letter-admitted", "letter-verified", "letter-receipted", "letter-notified"} {
		if n := count(entries(t, data), kind); n != 5 {
			t.Errorf("%d entries %s of five letters", n, kind)
		}
	}
}
