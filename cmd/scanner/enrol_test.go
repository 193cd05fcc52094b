package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
)

// A machine that is enrolled anew goes on with what its people have set, and has the rest
// from the server; where it is another site's, or nothing can be read, all of it.
func TestWhatWasSetAtTheMachineStaysWhenItIsEnrolledAnew(t *testing.T) {
	const set = "site = \"annexe\"\nhelplines = [\"old\"]\nfolder = \"/srv/scans\"\nstate = \"/var/memory\"\nserver_key = \"k\"\nlanguage = \"cy\"\nsite_key_file = \"/var/keys/site.key\"\nduplex = \"yes\"\narriving_limit = \"1h\"\nallow_symbols = true\n"
	for name, c := range map[string]struct {
		before string
		enrol  enrolCmd
		said   bool // by whoever invites
		kept   bool
		folder string
	}{
		"enrolled anew":               {set, enrolCmd{Again: true}, false, true, "/srv/scans"},
		"the invitation names it":     {set, enrolCmd{Again: true}, true, true, "/scans"},
		"somebody names it here":      {set, enrolCmd{Again: true, Scans: "/here"}, true, true, "/here"},
		"its folder and nothing else": {"site = \"annexe\"\nfolder = \"/srv/scans\"\n", enrolCmd{Again: true}, false, false, "/srv/scans"},
		"another site's":              {strings.Replace(set, "annexe", "refuge", 1), enrolCmd{Again: true}, false, false, "/scans"},
		"damaged":                     {"site = \"annexe", enrolCmd{Again: true}, false, false, "/scans"},
		"lost":                        {"", enrolCmd{Again: true}, false, false, "/scans"},
		"for the first time":          {"", enrolCmd{Scans: "/here"}, false, false, "/here"},
	} {
		config := filepath.Join(t.TempDir(), "scanner.toml")
		if c.before != "" {
			if err := os.WriteFile(config, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		edge := invitation.Edge{Site: "annexe", Helplines: []string{"new"}, Folder: "/scans", FolderSaid: c.said, Duplex: "auto", ArrivingLimit: 30 * time.Minute, ServerKey: "new"}
		named := c.enrol.keep(config, &edge)
		var now Config
		if err := configfile.Parse(config, edge.Config("test"), &now); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := Config{State: "state", Language: "en", SiteKeyFile: "site.key", Duplex: "auto", ArrivingLimit: configfile.Duration(30 * time.Minute)}
		if c.kept {
			want = Config{State: "/var/memory", Language: "cy", SiteKeyFile: "/var/keys/site.key", Duplex: "yes", ArrivingLimit: configfile.Duration(time.Hour), AllowSymbols: true}
		}
		if now.Folder != c.folder || now.State != want.State || now.Language != want.Language || now.SiteKeyFile != want.SiteKeyFile || now.Duplex != want.Duplex || now.ArrivingLimit != want.ArrivingLimit || now.AllowSymbols != want.AllowSymbols {
			t.Errorf("%s: %+v", name, now)
		}
		if now.ServerKey != "new" || now.Helplines[0] != "new" {
			t.Errorf("%s: it has the server's word no more: %+v", name, now)
		}
		if slices.Contains(named, "folder") != (c.folder == "/srv/scans") {
			t.Errorf("%s: it says that these stay: %v", name, named)
		}
	}
}

// In a folder where no scanner is, as that in which root stands, a key would be made and take
// the place of the machine's own one: nothing is asked, and the invitation stays good.
func TestEnrolledAnewIsAScannerThatIsThere(t *testing.T) {
	var asked atomic.Int32
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(storage.Close)
	signing, public, err := note.GenerateKey(rand.Reader, "letterlock-invitation")
	if err != nil {
		t.Fatal(err)
	}
	_, server, err := note.GenerateKey(rand.Reader, "letterlock-server")
	if err != nil {
		t.Fatal(err)
	}
	code := invitation.NewCode()
	sealed, err := invitation.Invitation{Until: time.Now().Add(time.Hour), Key: signing, Public: public, SecretKey: "secret",
		Edge: invitation.Edge{Site: "annexe", Helplines: []string{"advice"}, Folder: "/scans", ServerKey: server, Endpoint: storage.URL, Bucket: "letters", AccessKey: "a"}}.Seal(code)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "annexe.invitation")
	if err := os.WriteFile(file, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	enrol := func(dir string) (status int, says string) {
		var out, errout bytes.Buffer
		status = run([]string{"enrol", file, "--again", "--code", code, "--wait", "1s", "--config", filepath.Join(dir, "scanner.toml")}, &out, &errout)
		return status, out.String() + errout.String()
	}
	empty := t.TempDir()
	if status, says := enrol(empty); status != exitUse || !strings.Contains(says, "there is no scanner here") || !strings.Contains(says, "with --config") {
		t.Errorf("from a folder without a scanner it ended with %d and said: %s", status, says)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 || asked.Load() > 0 {
		t.Errorf("it has made %v (%v) and asked the storage %d times", left, err, asked.Load())
	}
	// A server's data folder is none, nor is a folder a scanner.toml.
	servers, folder := t.TempDir(), t.TempDir()
	for _, name := range []string{"letterlock.toml", "storage.key"} {
		if err := os.WriteFile(filepath.Join(servers, name), []byte("the server's"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "scanner.toml"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{servers: "is a server's data folder", folder: "is a folder: name the scanner.toml in it"} {
		if status, says := enrol(dir); status != exitUse || !strings.Contains(says, want) || asked.Load() > 0 {
			t.Errorf("it ended with %d, asked the storage %d times and said: %s", status, asked.Load(), says)
		}
	}
	// A scanner of which anything is left is one, and the key is made where it was.
	for _, left := range []string{"scanner.toml", "site.key", "storage.key"} {
		dir, keys := t.TempDir(), t.TempDir()
		text := map[string]string{"scanner.toml": fmt.Sprintf("site = \"annexe\"\nsite_key_file = %q\n", filepath.Join(keys, "site.key"))}[left]
		if err := os.WriteFile(filepath.Join(dir, left), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, says := enrol(dir); strings.Contains(says, "there is no scanner here") {
			t.Errorf("where %s is left it ended with %d and said: %s", left, status, says)
		}
		if left == "scanner.toml" && (exists(filepath.Join(dir, "site.key")) || !exists(filepath.Join(keys, "site.key"))) {
			t.Error("the key is made in another place than scanner.toml names")
		}
	}
}
