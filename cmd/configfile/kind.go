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
	if says := wrongInBlock(path, text, values, all); says != "" {
		return says
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

// wrongInBlock is wrongKind of the sections of which there may be several: of one name each
// block has its own values, and its own lines.
func wrongInBlock(path, text string, values map[string]any, all []Field) string {
	for _, f := range all {
		blocks, several := values[f.Section].([]map[string]any)
		if f.Key == "" || !several {
			continue
		}
		for i, block := range blocks {
			value, set := block[f.Key]
			if !set {
				continue
			}
			if says := f.wants(kindOf(value)); says != "" {
				return fmt.Sprintf("%s%s: %s", path, lineInBlock(text, f.Section, i, f.Key), says)
			}
		}
	}
	return ""
}

// kindOf is what TOML calls the kind of a value, as far as a field may want it.
func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "String"
	case bool:
		return "Bool"
	case int64:
		return "Integer"
	case []any:
		return "Array"
	}
	return "another"
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
