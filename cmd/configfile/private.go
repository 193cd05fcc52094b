package configfile

import (
	"fmt"
	"slices"
	"strings"
)

// Private is something that nobody but the account that runs the program is to read: a
// file, or a folder with its files.
type Private struct {
	What string // in words, as in "the storage's secret key"
	Path string
}

// Exposed says which of these other accounts of this machine can read, and what a person
// runs against it; "" where there are none, and where a system cannot be asked (Windows).
// What is not there is exposed to nobody. It names kinds and places, never what is in them.
func Exposed(all []Private) string { return exposedBelow("/", all) }

// exposedBelow is Exposed of what lies below a folder that everybody may enter.
func exposedBelow(top string, all []Private) string {
	var what, commands []string
	for _, p := range all {
		shut := shuts(top, p.Path)
		commands = append(commands, shut...)
		if len(shut) > 0 && !slices.Contains(what, p.What) {
			what = append(what, p.What)
		}
	}
	if len(what) == 0 {
		return ""
	}
	return fmt.Sprintf("Other accounts of this machine can read what only this one should: %s. Shut them out: %s. If somebody else may have been here meanwhile, change these secrets too.",
		strings.Join(what, "; "), strings.Join(slices.Compact(commands), " && "))
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t'\"$&;()<>|*?[]#~`\\!") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
