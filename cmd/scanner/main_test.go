package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/killtest"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

func TestMain(m *testing.M) {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return
	}
	testscript.Main(m, map[string]func(){"scanner": func() {
		killtest.Arm(&crashPoint)
		main()
	}})
}

// TestScripts runs the stories of testdata/script: the program as its user runs
// it. Beside testscript's own commands they may use those below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"until": until,
			"office": func(ts *testscript.TestScript, _ bool, args []string) {
				// Each has a state folder of its own, and all have one scanner
				// folder and a store that is away.
				o := office{dir: ts.MkAbs(args[0]), scans: ts.MkAbs("scans"), endpoint: "http://127.0.0.1:9", bucket: "letters", access: "a", secret: "s"}
				ts.Check(o.write())
			},
		},
	})
}

// until runs a command again and again until its output matches: until REGEXP scanner status
func until(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[0])
	var last []byte
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		cmd := exec.CommandContext(ctx, args[1], args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		last, _ = cmd.CombinedOutput()
		cancel()
		if want.Match(last) {
			return
		}
	}
	ts.Fatalf("waited in vain for %q; last seen:\n%s", args[0], last)
}

// office is a place that scans, as 'scanner enrol' writes it.
type office struct {
	dir, scans                       string
	endpoint, bucket, access, secret string
	server                           note.Signer // whose list is believed; made by write
}

func (o *office) config() string { return filepath.Join(o.dir, "scanner.toml") }

func (o *office) write() error {
	site, _, err := note.GenerateKey(rand.Reader, "office")
	if err != nil {
		return err
	}
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-server")
	if err != nil {
		return err
	}
	if o.server, err = note.NewSigner(secret); err != nil {
		return err
	}
	text := fmt.Sprintf("site = \"office\"\nhelplines = [\"respect-phoneline\", \"mens-advice-line\"]\nfolder = %q\nserver_key = %q\n"+
		"[storage]\nendpoint = %q\nbucket = %q\naccess_key = %q\n", o.scans, public, o.endpoint, o.bucket, o.access)
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	for name, content := range map[string]string{"scanner.toml": text, "site.key": site, "storage.key": o.secret} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}
