// Package configtest holds the README to what the programs say of themselves:
// their configurations' structs, and other tables. Only tests import it.
package configtest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"letterlock/cmd/configfile"
)

// Update says that the generated parts of the README are to be renewed:
// LETTERLOCK_UPDATE=1 go test -p 1 ./cmd/...
var Update = os.Getenv("LETTERLOCK_UPDATE") == "1"

// Readme fails the test when the README's part of that name, between its two
// markers, is not the configuration in full.
func Readme(t *testing.T, readme, part string, config any) {
	t.Helper()
	Part(t, readme, part, table(config))
}

// Part fails the test when the README's part of that name is not the text.
func Part(t *testing.T, readme, part, want string) {
	t.Helper()
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	begin, end := "<!-- "+part+": begin -->\n", "<!-- "+part+": end -->"
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatalf("the README has no part %q", part)
	}
	if text[i+len(begin):j] == want {
		return
	}
	if !Update {
		t.Fatalf("the README's part %q is not what the program says; renew it: LETTERLOCK_UPDATE=1 go test -p 1 ./cmd/...", part)
	}
	if err := os.WriteFile(readme, []byte(text[:i+len(begin)]+want+text[j:]), 0o644); err != nil {
		t.Fatal(err)
	}
}

// table is the configuration in full as a Markdown table.
func table(config any) string {
	var b strings.Builder
	b.WriteString("| key | when absent | what it is |\n|---|---|---|\n")
	for _, f := range configfile.Fields(config) {
		name, def := "`"+f.Key+"`", ""
		if f.Key == "" {
			name = "**[" + f.Section + "]**"
		}
		if f.Default != "" {
			def = "`" + f.Default + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, def, f.Doc)
	}
	return b.String()
}
