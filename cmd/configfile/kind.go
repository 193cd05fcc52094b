package configfile

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// wrongKind says of the first key whose value is of another kind than its field how
// that one is written; "" where none is.
func wrongKind(path, text string, all []Field) string {
	var values map[string]any
	meta, err := toml.Decode(text, &values)
	if err != nil {
		return ""
	}
	for _, key := range meta.Keys() {
		for _, f := range all {
			if !strings.EqualFold(f.name(), key.String()) {
				continue
			}
			if says := f.wants(meta.Type(key...)); says != "" {
				return fmt.Sprintf("%s%s: %s", path, lineOf(text, key), says)
			}
		}
	}
	return ""
}

// name is the key with its section, as TOML names it.
func (f Field) name() string {
	if f.Key == "" {
		return f.Section
	}
	return strings.TrimPrefix(f.Section+"."+f.Key, ".")
}

// wants says how the field is written, unless the kind of value that TOML calls so is
// what it takes.
func (f Field) wants(kind string) string {
	switch {
	case f.Key == "" && f.List:
		if kind != "ArrayHash" {
			return fmt.Sprintf("each %s is a block of its own, which begins with a line [[%s]]", f.Section, f.Section)
		}
	case f.Key == "":
		if kind != "Hash" {
			return fmt.Sprintf("%s is a section: write [%s] on a line of its own, and its keys below it", f.Section, f.Section)
		}
	case f.List:
		if kind != "Array" {
			return fmt.Sprintf("%s is a list, in square brackets and quotation marks, as in %s = [%q]", f.Key, f.Key, cmp.Or(f.Default, "..."))
		}
	case f.Switch:
		if kind != "Bool" {
			return fmt.Sprintf("%s is true or false, without quotation marks, as in %s = true", f.Key, f.Key)
		}
	case f.Number:
		if kind != "Integer" {
			return fmt.Sprintf("%s is a whole number, without quotation marks, as in %s = %s", f.Key, f.Key, f.Default)
		}
	case kind != "String":
		return fmt.Sprintf("%s is written in quotation marks, as in %s = %q", f.Key, f.Key, cmp.Or(f.Default, "..."))
	}
	return ""
}
