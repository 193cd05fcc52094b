//go:build unix

package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What others can read is named by its kind, with what shuts them out, and that helps.
func TestSecretsThatOthersCanReadAreNamed(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(top, name) }
	mode := func(name string, as os.FileMode) {
		t.Helper()
		if err := os.Chmod(in(name), as); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"data", "keys", "my data"} {
		if err := os.Mkdir(in(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"data/s3.key", "keys/a.txt", "keys/b.txt", "my data/it's.key"} {
		if err := os.WriteFile(in(name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(in("data/s3.key"), in("link")); err != nil {
		t.Fatal(err)
	}
	all := []Private{{"the storage's secret key", in("data/s3.key")}, {"the expiry weeks' keys", in("keys")}, {"a key", in("my data/it's.key")}, {"another", in("absent")}}
	says := func(when string, want ...string) {
		t.Helper()
		said := exposedBelow(top, all)
		if len(want) == 0 && said != "" {
			t.Errorf("%s: %s", when, said)
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: it does not say %q: %s", when, w, said)
			}
		}
	}
	says("each its owner's alone")
	mode("data/s3.key", 0o644)
	says("one open", "only this one should: the storage's secret key. Shut them out: chmod go= "+in("data/s3.key")+". ")
	mode("data", 0o700)
	says("in a folder that lets nobody in")
	mode("data", 0o711)
	says("in one that lets in whoever knows the name", "the storage's secret key")
	mode("data/s3.key", 0o600)
	mode("keys/b.txt", 0o604)
	mode("my data/it's.key", 0o604)
	says("two", "the expiry weeks' keys; a key", "chmod -R go= "+in("keys")+" && chmod go= '"+in("my data")+`/it'\''s.key'`)
	mode("keys/b.txt", 0o600)
	mode("my data/it's.key", 0o600)
	says("mended")
	mode("data/s3.key", 0o644)
	all = []Private{{"the storage's secret key", in("link")}}
	says("by a link", "chmod go= "+in("data/s3.key"))

	// Of another account, and this one reads it as all others do: what shuts those out
	// must not shut this one out too.
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	if err := os.Chown(in("data/s3.key"), 4711, 4711); err != nil {
		t.Fatal(err)
	}
	says("somebody else's", "chgrp 0 "+in("data/s3.key")+" && chmod g=r,o= "+in("data/s3.key"))
	if err := os.Chown(in("data/s3.key"), 4711, 0); err != nil {
		t.Fatal(err)
	}
	says("somebody else's, of this one's group", "Shut them out: chmod o= "+in("data/s3.key"))
}
