package main

import (
	"os"
	"strings"
	"testing"

	"letterlock/cmd/configfile"
)

func TestReadmeHoldsTheConfigurationInFull(t *testing.T) {
	const readme = "../../README.md"
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- scanner configuration: begin -->\n", "<!-- scanner configuration: end -->"
	text, want := string(b), configfile.Table(Config{})
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatal("the README has no part for the scanner's configuration")
	}
	if text[i+len(begin):j] == want {
		return
	}
	if os.Getenv("LETTERLOCK_UPDATE") != "1" {
		t.Fatal("the README's scanner configuration is not what the program says; renew it: LETTERLOCK_UPDATE=1 go test ./cmd/...")
	}
	if err := os.WriteFile(readme, []byte(text[:i+len(begin)]+want+text[j:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Mistakes in scanner.toml: one sentence each, exit status 2, no stack trace.
func TestMistakes(t *testing.T) {
	whole := "site = \"office\"\nhelplines = [\"respect-phoneline\"]\nfolder = \"scans\"\nserver_key = \"x\"\n[storage]\nendpoint = \"http://127.0.0.1:1\"\nbucket = \"b\"\naccess_key = \"a\"\n"
	for want, text := range map[string]string{
		"are needed":                   "site = \"office\"\n",
		"this version knows no key":    whole + "colour = \"red\"\n",
		"a time span is written":       "arriving_limit = 30\n" + whole,
		"the file with the storage's":  whole,
		"there is no configuration at": "",
	} {
		path := t.TempDir() + "/scanner.toml"
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, errout strings.Builder
		if status := run([]string{"run", "--config", path}, &out, &errout); status != exitUse || !strings.Contains(errout.String(), want) ||
			strings.Count(errout.String(), "\n") != 1 {
			t.Errorf("%q: exit status %d, said %q", want, status, errout.String())
		}
	}
}
