package configfile

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// unknownKey says of a key that the struct does not have what may have been meant.
func unknownKey(all []Field, key toml.Key) string {
	says := fmt.Sprintf("this version knows no key %q", key)
	name := key[len(key)-1]
	var sections []string // that have a key of this name
	several := map[string]bool{}
	best, least := "", 3 // slips of the finger
	for _, f := range all {
		if f.Key == "" && f.List {
			several[f.Section] = true
		}
		switch {
		case f.Key == name && f.Section == "":
			return says + ": it stands at the top of the file, before the first [section]"
		case f.Key == name:
			section := "[" + f.Section + "]"
			if several[f.Section] {
				section = "[" + section + "]"
			}
			sections = append(sections, section)
		}
		if d := slips(f.name(), key.String()); d < least {
			best, least = f.name(), d
		}
	}
	if len(sections) > 0 {
		return says + ": it belongs into " + strings.Join(sections, " or ")
	}
	if best != "" {
		return says + fmt.Sprintf(": %q may be meant", best)
	}
	return says + "; every key it knows is in the README"
}

// lineOf is where the key is set, as far as one line says so: not where several sections
// of one name have it, as of helplines.
func lineOf(text string, key toml.Key) string {
	section, n := "", 0
	var found []int
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if header, is := strings.CutPrefix(line, "["); is {
			header, _, _ = strings.Cut(strings.TrimPrefix(header, "["), "]")
			section = bare(header)
			if section == key.String() {
				found = append(found, n)
			}
			continue
		}
		before, _, set := strings.Cut(line, "=")
		if set && strings.TrimPrefix(section+"."+bare(before), ".") == key.String() {
			found = append(found, n)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return fmt.Sprintf(", line %d", found[0])
}

// lineInBlock is where the key is set in one of several sections of one name, counted
// from 0.
func lineInBlock(text, section string, block int, key string) string {
	n, at := 0, -1
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if header, is := strings.CutPrefix(line, "["); is {
			if header, _, _ = strings.Cut(strings.TrimPrefix(header, "["), "]"); bare(header) == section {
				at++
				continue
			}
			if at == block {
				break
			}
		}
		if before, _, set := strings.Cut(line, "="); set && at == block && bare(before) == key {
			return fmt.Sprintf(", line %d", n)
		}
	}
	return ""
}

// bare is a key or the name of a section without spaces and quotation marks.
func bare(name string) string { return strings.Trim(strings.TrimSpace(name), `"'`) }

// slips is how many letters are wrong, missing or too many.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}
