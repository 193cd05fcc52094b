package main

import (
	"os"
	"strings"
	"testing"

	"letterlock/cmd/configfile"
	"letterlock/cmd/configfile/configtest"
)

func TestReadmeHoldsTheConfigurationInFull(t *testing.T) {
	configtest.Readme(t, "../../README.md", "scanner configuration", Config{})
}

func TestReadmeHoldsEveryCommand(t *testing.T) {
	configtest.Part(t, "../../README.md", "scanner commands", configtest.Commands(t, "scanner", &cli{}))
}

// Every command has examples in its help, and each is that command as the
// program understands it.
func TestEveryCommandNamesExamples(t *testing.T) {
	configtest.Examples(t, "scanner", func() any { return &cli{} })
}

// Mistakes in scanner.toml: one sentence each, exit status 2, no stack trace.
func TestMistakes(t *testing.T) {
	whole := "site = \"office\"\nhelplines = [\"respect-phoneline\"]\nfolder = \"scans\"\nserver_key = \"x\"\n[storage]\nendpoint = \"http://127.0.0.1:1\"\nbucket = \"b\"\naccess_key = \"a\"\n"
	for want, text := range map[string]string{
		"are needed":                    "site = \"office\"\n",
		"this version knows no key":     whole + "colour = \"red\"\n",
		"a time span is written":        "arriving_limit = 30\n" + whole,
		"the file with the storage's":   whole,
		"titles has 2 entries for 1":    "titles = [\"A\", \"B\"]\n" + whole,
		"is http:// on another machine": strings.Replace(whole, "127.0.0.1:1", "s3.example.org", 1),
		"there is no configuration at":  "",
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

// Shapes in the place of others are taken only where the configuration says so.
func TestSymbolsAreAllowedByTheConfigurationAlone(t *testing.T) {
	for text, want := range map[string]bool{"": false, "allow_symbols = false\n": false, "allow_symbols = true\n": true} {
		path := t.TempDir() + "/scanner.toml"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &Config{}
		if err := configfile.Read(path, c); err != nil {
			t.Fatal(err)
		}
		if got := c.workshop(nil).Normaliser.Limits.AllowSymbols; got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
