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
	best, least := "", 3 // slips of the finger
	for _, f := range all {
		is := f.Section
		if f.Key != "" {
			is = strings.TrimPrefix(f.Section+"."+f.Key, ".")
		}
		switch {
		case f.Key == name && f.Section == "":
			return says + ": it stands at the top of the file, before the first [section]"
		case f.Key == name:
			return says + ": it belongs into [" + f.Section + "]"
		}
		if d := slips(is, key.String()); d < least {
			best, least = is, d
		}
	}
	if best != "" {
		return says + fmt.Sprintf(": %q may be meant", best)
	}
	return says + "; every key it knows is in the README"
}

// lineOf is where the key is set, as far as one line says so.
func lineOf(text string, key toml.Key) string {
	n := 0
	for line := range strings.Lines(text) {
		n++
		before, _, set := strings.Cut(line, "=")
		section := strings.Trim(strings.TrimSpace(line), "[]")
		if set && strings.TrimSpace(before) == key[len(key)-1] || !set && section == key.String() {
			return fmt.Sprintf(", line %d", n)
		}
	}
	return ""
}

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
