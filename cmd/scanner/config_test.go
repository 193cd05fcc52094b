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
