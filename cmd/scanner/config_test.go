package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/configfile/configtest"
	"letterlock/scanner/realpart"
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

const scannerPage = "../../scanner/README.md"

// Every command of the scanner that the page for the people there, the README and
// ADMIN.md have is one that the program understands.
func TestReadmeOfTheScannerNamesCommands(t *testing.T) {
	text := readFile(t, scannerPage)
	for page, least := range map[string]int{scannerPage: 2, "../../README.md": 2, "../letterlock/ADMIN.md": 3} {
		lines := regexp.MustCompile("(?m)^ *scanner (.+)$|`scanner ([^`]+)`").FindAllStringSubmatch(readFile(t, page), -1)
		if len(lines) < least {
			t.Errorf("only %d commands were found in %s", len(lines), page)
		}
		for _, m := range lines {
			k, err := kong.New(&cli{}, commandline.Option("scanner"))
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(k.Model.Leaves(true), func(n *kong.Node) bool { return n.Path() == m[2] }) {
				continue // the name of a command, which may want more
			}
			if _, err := k.Parse(strings.Fields(m[1] + m[2])); err != nil {
				t.Errorf("%s: scanner %s: %v", page, m[1]+m[2], err)
			}
		}
	}
	// What it names in a helpline's folder is what the scanner makes there.
	known := readFile(t, "../../README.md")
	for _, name := range []string{"taken", "refused", "scan again", "duplicates", "same letter", "another letter", "other helpline", "dropped here by mistake", "take it here too", "stacks", "STATUS.txt", "SLIPS.html"} {
		if !strings.Contains(text, "`"+name+"`") || !strings.Contains(known, name) {
			t.Errorf("%q is not on both pages", name)
		}
	}
}

// Samba takes the page's settings as they stand, and keeps nothing by them, also
// where a recycle bin is on for every share.
func TestReadmeOfTheScannerHasSettingsThatSambaTakes(t *testing.T) {
	testparm := realpart.Tool(t, "testparm", "Samba: apt-get install samba")
	share := regexp.MustCompile("(?s)```ini\n(.*?)```").FindStringSubmatch(readFile(t, scannerPage))
	if share == nil {
		t.Fatal("the page has no settings for Samba")
	}
	path := filepath.Join(t.TempDir(), "smb.conf")
	if err := os.WriteFile(path, []byte("[global]\n\tvfs objects = recycle\n"+share[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(testparm, "--suppress-prompt", "--section-name=scans", path)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || strings.Contains(said.String(), "nknown parameter") || !strings.Contains(said.String(), "Loaded services file OK") {
		t.Errorf("testparm: %v\n%s\n%s", err, out, said.String())
	}
	if strings.Contains(string(out), "recycle") || !strings.Contains(string(out), "path = /srv/scans") {
		t.Errorf("the share is\n%s", out)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
