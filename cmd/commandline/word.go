package commandline

import (
	"os"
	"strings"
)

// Word is one word of a command that somebody is told to type, as a shell takes it: a path
// that holds a space stands in quotation marks.
func Word(s string) string {
	plain := func(r rune) bool {
		return r == os.PathSeparator || r > 127 || strings.ContainsRune("-+=:,./_@%", r) ||
			'0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	switch {
	case s != "" && strings.TrimFunc(s, plain) == "":
		return s
	case !strings.ContainsAny(s, "\"$`!") && (os.PathSeparator == '\\' || !strings.Contains(s, `\`)):
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
