package configtest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"letterlock/cmd/commandline"
)

// model is what kong knows of a program's command line.
func model(t *testing.T, program string, cli any) *kong.Kong {
	t.Helper()
	k, err := kong.New(cli, commandline.Option(program), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// commands are a program's, as they are typed, without hidden ones.
func commands(t *testing.T, program string, cli any) []*kong.Node {
	t.Helper()
	return model(t, program, cli).Model.Leaves(true)
}

// Commands is every command of a program as a Markdown table.
func Commands(t *testing.T, program string, cli any) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| command | what it does |\n|---|---|\n")
	for _, n := range commands(t, program, cli) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", n.Path(), n.Help)
	}
	return b.String()
}

// Examples fails the test where a command has no example, or one that the
// program takes for something else. fresh makes a new command line.
func Examples(t *testing.T, program string, fresh func() any) {
	t.Helper()
	word := regexp.MustCompile(`"[^"]*"|\S+`)
	for _, n := range commands(t, program, fresh()) {
		k := model(t, program, fresh())
		examples := commandline.Examples(k.Model, n)
		if len(examples) == 0 {
			// What a command does when nothing follows has its parent's examples.
			if n.Parent.DefaultCmd == n {
				examples = commandline.Examples(k.Model, n.Parent)
			}
			if len(examples) == 0 {
				t.Errorf("%s has no example: add it to the tag", n.FullPath())
			}
		}
		for _, e := range examples {
			var args []string
			for _, w := range word.FindAllString(e, -1) {
				args = append(args, strings.Trim(w, `"`))
			}
			parsed, err := model(t, program, fresh()).Parse(args[1:])
			if err != nil {
				t.Errorf("%s: the example %q: %v", n.FullPath(), e, err)
			} else if got := parsed.Selected().FullPath(); args[0] != program || got != n.FullPath() {
				t.Errorf("%s: the example %q is %s", n.FullPath(), e, got)
			}
		}
	}
}
