package commandline

import (
	"os/exec"
	"testing"
)

// What somebody is told to type is what a shell hands on, whatever the path holds.
func TestAWordIsAsAShellTakesIt(t *testing.T) {
	for word, want := range map[string]string{
		"/mnt/stick/storage-admin":    "/mnt/stick/storage-admin",
		"/mnt/my stick/storage-admin": `"/mnt/my stick/storage-admin"`,
		"/mnt/a b/c":                  `"/mnt/a b/c"`,
		"/srv/Ann's; rm x":            `"/srv/Ann's; rm x"`,
		"/srv/$HOME it's `x`":         `'/srv/$HOME it'\''s ` + "`x`'",
		`a\b "c"`:                     `'a\b "c"'`,
		"~/x":                         `"~/x"`,
		"":                            `""`,
	} {
		if got := Word(word); got != want {
			t.Errorf("%q is typed as %s", word, got)
		}
		if out, err := exec.Command("sh", "-c", "printf %s "+Word(word)).Output(); err != nil || string(out) != word {
			t.Errorf("a shell makes %q of %s, %v", out, Word(word), err)
		}
	}
}
