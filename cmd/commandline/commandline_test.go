package commandline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"letterlock/scanner/realpart"
)

// grammar has a command line of every kind that the shells must follow.
type grammar struct {
	Data string `help:"The data folder. Made where there is none." type:"path" placeholder:"DIR" env:"TRY_DATA"`

	Up  struct{} `cmd:"" help:"Begin. It's all."`
	Key struct {
		List   struct{} `cmd:"" help:"List keys."`
		Escrow struct {
			Make struct {
				Ahead int    `help:"How many weeks." placeholder:"WEEKS"`
				Paper string `help:"Its size." enum:"a4,letter" default:"a4"`
				Out   string `help:"What to write; .txt is usual." type:"path" placeholder:"FILE"`
				First string `arg:"" help:"The first folder."`
			} `cmd:"" help:"Make shares: three." example:"try key escrow make one"`
		} `cmd:"" help:"Shares."`
	} `cmd:"" help:"Keys."`
	Check struct {
		All struct {
			JSON bool `help:"As JSON."`
		} `cmd:"" default:"withargs" help:"Look."`
		Storage struct{} `cmd:"" help:"Try."`
	} `cmd:"" help:"Check."`
	Secret struct{} `cmd:"" hidden:"" help:"For nobody."`
	Commands
}

func model(t *testing.T) *kong.Kong {
	t.Helper()
	k, err := kong.New(&grammar{}, Option("try"), kong.Description("Tries."), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What each shell offers where the cursor stands, asked of the shells
// themselves.
func TestShellsOfferWhatMayComeNext(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a file", "b.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ line, want string }{
		{"try ", "check completion key man up"},
		{"try k", "key"},
		{"try key ", "escrow list"},
		{"try key escrow ", "make"},
		{"try --data up key ", "escrow list"}, // up is the folder's name here
		{"try key escrow make --", "--ahead --data --help --out --paper"},
		{"try key escrow make --ahead 3 --o", "--out"},
		{"try key escrow make --paper ", "a4 letter"},
		{"try key escrow make --paper=l", "letter"},
		{"try key escrow make --ahead ", ""},
		{"try key escrow make --out b", "b.txt"},
		{"try --data f", "folder"},
		{"try key escrow make f", "folder"},
		{"try check --j", "--json"},
		{"try completion ", "bash fish zsh"},
	} {
		for shell, ask := range map[string]func(*testing.T, string, string) string{"bash": askBash, "zsh": askZsh, "fish": askFish} {
			t.Run(shell+"/"+c.line, func(t *testing.T) {
				if got := ask(t, dir, c.line); got != c.want {
					t.Errorf("%q offers %q, want %q", c.line, got, c.want)
				}
			})
		}
	}
}

// script writes the completion for a shell and returns where.
func script(t *testing.T, shell string) string {
	t.Helper()
	var b bytes.Buffer
	if err := Completion(&b, model(t).Model, shell); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "completion")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// said are the words that a shell has said, in order of the alphabet.
func said(t *testing.T, cmd *exec.Cmd, dir string) string {
	t.Helper()
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// askBash fills in what bash tells a completion, which splits words at "=" too.
func askBash(t *testing.T, dir, line string) string {
	words := strings.Split(strings.ReplaceAll(line, "=", " = "), " ")
	for i, w := range words {
		words[i] = "'" + w + "'"
	}
	return said(t, exec.Command(realpart.Tool(t, "bash", "bash"), "--norc", "-c", `source "$0"
		COMP_WORDS=(`+strings.Join(words, " ")+`); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _try
		(( ${#COMPREPLY[@]} == 0 )) || printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort`, script(t, "bash")), dir)
}

// askZsh stands in for the three parts of zsh that show what is found.
func askZsh(t *testing.T, dir, line string) string {
	return said(t, exec.Command(realpart.Tool(t, "zsh", "zsh (Debian: zsh)"), "-f", "-c", `
		compdef() { }
		compset() { cur=${cur#*=} }
		_describe() { local w; for w in ${(P)@[-1]}; do [[ ${w%%:*} == ${cur}* ]] && echo ${w%%:*}; done | LC_ALL=C sort; true }
		_files() { if [[ $1 == -/ ]]; then print -l -- ${cur}*(N/); else print -l -- ${cur}*(N); fi }
		source $1
		words=("${(@s. .)2}"); CURRENT=${#words}; cur=${words[CURRENT]}
		_try`, "zsh", script(t, "zsh"), line), dir)
}

// askFish asks fish itself. Its answers hold the help too, after a tab, and "/" after folders.
func askFish(t *testing.T, dir, line string) string {
	return said(t, exec.Command(realpart.Tool(t, "fish", "fish (Debian: fish)"), "--no-config", "-c", `source $argv[1]
		complete -C $argv[2] | string replace -r '\t.*' '' | string replace -r '/$' '' | string replace -r '^--paper=' '' | env LC_ALL=C sort`, script(t, "fish"), line), dir)
}

// The manual page is one that mandoc finds nothing in, and says all there is.
func TestTheManualIsWhole(t *testing.T) {
	var b bytes.Buffer
	if err := Man(&b, model(t).Model, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(realpart.Tool(t, "mandoc", "mandoc (Debian: mandoc)"), "-Tlint")
	cmd.Stdin = bytes.NewReader(b.Bytes())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s\n%s", err, out, b.String())
	}
	cmd = exec.Command("mandoc", "-Tutf8", "-Owidth=200")
	cmd.Stdin = bytes.NewReader(b.Bytes())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	page := string(out)
	// As terminals have it, a bold letter is the letter, a step back, the letter.
	for i := strings.Index(page, "\b"); i > 0; i = strings.Index(page, "\b") {
		page = page[:i-1] + page[i+1:]
	}
	for _, want := range []string{"try – tries", "key escrow make [--ahead WEEKS] [--paper a4] [--out FILE] first", "TRY_DATA",
		"try key escrow make one", "What to write; .txt is usual.", "The default is ‘a4’.", "November 28, 2026"} {
		if !strings.Contains(strings.ReplaceAll(page, "—", "–"), want) {
			t.Errorf("the manual does not say %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "For nobody") {
		t.Error("the manual tells of a hidden command")
	}
}

// A command's help ends with its examples.
func TestHelpHasExamples(t *testing.T) {
	k := model(t)
	var b bytes.Buffer
	k.Stdout = &b
	_, _ = k.Parse([]string{"key", "escrow", "make", "--help"})
	if !strings.Contains(b.String(), "Examples:\n\n    try key escrow make one\n") {
		t.Errorf("help is\n%s", b.String())
	}
}

func TestWantsJSON(t *testing.T) {
	for line, want := range map[string]bool{"check --json": true, "check all --json": true, "check --json=true": true, "check": false, "check storage": false, "up": false} {
		parsed, err := model(t).Parse(strings.Fields(line))
		if err != nil {
			t.Fatal(err)
		}
		if got := WantsJSON(parsed); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// Of a build that nobody can name, the version says so in words and not in Go's.
func TestAVersionIsNamed(t *testing.T) {
	for version, want := range map[string]string{
		"v1.4.0": "v1.4.0 go", "(devel)": "unreleased, built from source without its git history go", "": "unreleased, built from source without its git history go",
	} {
		if says := inFull(named(version)); !strings.HasPrefix(says, want) {
			t.Errorf("%q is called %q", version, says)
		}
	}
}
