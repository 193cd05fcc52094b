package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"letterlock/cmd/configfile/configtest"
	"letterlock/pipeline/portal"
	"letterlock/scanner/folder"
)

const readme = "../../README.md"

func TestReadmeHoldsTheConfigurationInFull(t *testing.T) {
	configtest.Readme(t, readme, "configuration", Config{})
}

// Who may do what is one table in the portal's code, by which it goes, and the
// README has it whole.
func TestReadmeHoldsWhoMayDoWhat(t *testing.T) {
	configtest.Part(t, readme, "who may do what", portal.WhoMayDoWhat())
}

// What happens to whatever lies in the scanner folder is said in full, in the
// words of the rules that the scanner keeps.
func TestReadmeHoldsTheRulesOfTheScannerFolder(t *testing.T) {
	var b strings.Builder
	b.WriteString("| what lies there | known by | what happens |\n|---|---|---|\n")
	for _, r := range folder.Rules() {
		var names []string
		for _, n := range r.Names {
			names = append(names, "`"+strings.ReplaceAll(n, "\r", `\r`)+"`")
		}
		happens := string(r.Outcome)
		if r.Says != "" {
			happens += ": " + r.Says
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.What, strings.Join(names, " "), happens)
	}
	configtest.Part(t, readme, "scanner folder", b.String())
}

// Whoever opens a firewall reads in the README what Letterlock connects to: every key of the
// configuration that is an address elsewhere is named there.
func TestReadmeNamesWhatIsConnectedTo(t *testing.T) {
	_, part, found := strings.Cut(read(t, readme), "**What it connects to**")
	part, _, ended := strings.Cut(part, "\n\nEach scanner")
	if !found || !ended {
		t.Fatal("the part on connections is not there")
	}
	addresses := 0
	for _, section := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		fields := section.Type
		if fields.Kind() == reflect.Pointer {
			fields = fields.Elem()
		}
		if fields.Kind() != reflect.Struct {
			continue
		}
		for _, key := range reflect.VisibleFields(fields) {
			if key.Type.Kind() != reflect.String || !strings.Contains(key.Tag.Get("doc"), "://") {
				continue
			}
			addresses++
			if name := "`[" + section.Tag.Get("toml") + "] " + key.Tag.Get("toml") + "`"; !strings.Contains(part, name) {
				t.Errorf("%s is an address and is not named", name)
			}
		}
	}
	if addresses < 5 {
		t.Errorf("only %d addresses were found", addresses)
	}
}

// Every command that the README, ADMIN.md and SECURITY.md tell people to type is one that the
// program understands. None is run here: what ADMIN.md's commands do is held by the tests
// that it names, and TestAdminNamesTestsThatAreThere holds that there are such.
func TestReadmesCommandsAreUnderstood(t *testing.T) {
	for page, least := range map[string]int{readme: 10, "ADMIN.md": 10, "../../.github/SECURITY.md": 3} {
		t.Run(filepath.Base(page), func(t *testing.T) { commandsAreUnderstood(t, read(t, page), least) })
	}
}

// Every test and script that ADMIN.md names as what holds it is there.
func TestAdminNamesTestsThatAreThere(t *testing.T) {
	var code strings.Builder
	must(t, filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			code.WriteString(read(t, path))
		}
		return err
	}))
	named := regexp.MustCompile("`(Test\\w+|\\w+\\.txt)`").FindAllStringSubmatch(read(t, "ADMIN.md"), -1)
	if len(named) < 6 {
		t.Fatalf("only %d tests were found", len(named))
	}
	for _, m := range named {
		if strings.HasSuffix(m[1], ".txt") && !exists(filepath.Join("testdata", "script", m[1])) ||
			!strings.HasSuffix(m[1], ".txt") && !strings.Contains(code.String(), "func "+m[1]+"(t ") {
			t.Errorf("there is no test %s", m[1])
		}
	}
}

// Every command has examples in its help, and each is that command as the
// program understands it.
func TestEveryCommandNamesExamples(t *testing.T) {
	configtest.Examples(t, "letterlock", func() any { return &cli{} })
}

// The README lists every command, in the words of its help.
func TestReadmeHoldsEveryCommand(t *testing.T) {
	configtest.Part(t, readme, "commands", configtest.Commands(t, "letterlock", &cli{}))
}

func commandsAreUnderstood(t *testing.T, text string, least int) {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^ *(?:letterlock|go run \./cmd/letterlock) (.+)$`).FindAllStringSubmatch(text, -1)
	lines = append(lines, regexp.MustCompile("`letterlock ([^`]+)`").FindAllStringSubmatch(text, -1)...)
	lines = append(lines, inComposition.FindAllStringSubmatch(text, -1)...)
	if len(lines) < least {
		t.Fatalf("only %d commands were found", len(lines))
	}
	word := regexp.MustCompile(`"[^"]*"|\S+`)
	for _, m := range lines {
		var args []string
		for _, w := range word.FindAllString(m[1], -1) {
			args = append(args, strings.Trim(w, `"`))
		}
		var c cli
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("letterlock %s: %v", m[1], err)
		}
	}
}

// A new configuration file is one that the program reads, and means the defaults.
func TestANewConfigurationIsReadBack(t *testing.T) {
	path := t.TempDir() + "/letterlock.toml"
	if err := os.WriteFile(path, []byte(template()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if c.DestroyAfter != "readable" || time.Duration(c.MaxSilence) != 336*time.Hour || c.Storage != nil || c.Database != nil || c.SSO != nil || len(c.Helplines) != 2 {
		t.Errorf("a new configuration means %+v", c)
	}
	// With every comment sign of a key taken away it is still understood.
	whole := regexp.MustCompile(`(?m)^#(\w+ = |\[)`).ReplaceAllString(template(), "$1")
	whole = strings.NewReplacer(`endpoint = ""`, `endpoint = "http://127.0.0.1:9000"`, `bucket = ""`, `bucket = "b"`,
		`access_key = ""`, `access_key = "a"`, `url_file = ""`, `url_file = "d"`, `secret_key_file = ""`, `secret_key_file = "s"`,
		`issuer = ""`, `issuer = "https://login.example.org"`, `client_id = ""`, `client_id = "c"`, `client_secret_file = ""`, `client_secret_file = "s"`).Replace(whole)
	if err := os.WriteFile(path, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = readConfig(path); err != nil || c.Storage == nil || c.Storage.Region != "us-east-1" {
		t.Errorf("with every key set: %+v, %v", c, err)
	}
}
