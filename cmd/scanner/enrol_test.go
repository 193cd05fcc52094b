package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
)

// A machine that is enrolled anew goes on with what its people have set, and has the rest
// from the server; where it is another site's, or nothing can be read, all of it.
func TestWhatWasSetAtTheMachineStaysWhenItIsEnrolledAnew(t *testing.T) {
	const set = "site = \"annexe\"\nhelplines = [\"old\"]\nfolder = \"/srv/scans\"\nstate = \"/var/memory\"\nserver_key = \"k\"\nlanguage = \"cy\"\nduplex = \"yes\"\narriving_limit = \"1h\"\nallow_symbols = true\n"
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
		want := Config{State: "state", Language: "en", Duplex: "auto", ArrivingLimit: configfile.Duration(30 * time.Minute)}
		if c.kept {
			want = Config{State: "/var/memory", Language: "cy", Duplex: "yes", ArrivingLimit: configfile.Duration(time.Hour), AllowSymbols: true}
		}
		if now.Folder != c.folder || now.State != want.State || now.Language != want.Language || now.Duplex != want.Duplex || now.ArrivingLimit != want.ArrivingLimit || now.AllowSymbols != want.AllowSymbols {
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
