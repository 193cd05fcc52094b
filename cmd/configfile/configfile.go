// Package configfile reads the configuration files of the commands: TOML whose
// every key is a documented field of a struct. The field's doc tag is its
// comment in a new file and its line in the README, its def tag what holds
// when the key is absent. Keys that the struct does not have are refused.
package configfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Mistake is a mistake of the person who wrote the file or the command line:
// one sentence that says what is wrong and what to do.
type Mistake struct{ Says string }

func (m Mistake) Error() string { return m.Says }

// Wrong makes a Mistake.
func Wrong(format string, args ...any) error { return Mistake{fmt.Sprintf(format, args...)} }

// Read reads the file at path into the struct that into points to. What is
// wrong with the file comes back as a Mistake that names file and line.
func Read(path string, into any) error {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Wrong("there is no configuration at %s", path)
	case err != nil:
		return Wrong("the configuration cannot be read: %s", Reason(err))
	}
	return Parse(path, string(text), into)
}

// Parse is Read of what stands in the file at path, or is to stand there.
func Parse(path, text string, into any) error {
	setDefaults(reflect.ValueOf(into).Elem())
	meta, err := toml.Decode(text, into)
	var parse toml.ParseError
	switch {
	case errors.As(err, &parse) && parse.Message == errSpan.Error():
		return Wrong("%s, line %d: %s: %s", path, parse.Position.Line, parse.LastKey, parse.Message)
	case errors.As(err, &parse) && strings.Contains(parse.Message, "already been defined"):
		_, name, _ := strings.Cut(parse.Message, "'") // a section's is nowhere else
		name, _, _ = strings.Cut(name, "'")
		return Wrong("%s, line %d: %s is there twice: keep one of the two, and all its keys in it", path, parse.Position.Line, name)
	case errors.As(err, &parse):
		return Wrong("%s, line %d: this line cannot be read (%s): a key, = and its value stand on one line, and text in quotation marks", path, parse.Position.Line, parse.Message)
	case err != nil:
		if says := wrongKind(path, text, Fields(into)); says != "" {
			return Wrong("%s", says)
		}
		return Wrong("%s: %s", path, Reason(err))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Wrong("%s%s: %s", path, lineOf(text, unknown[0]), unknownKey(Fields(into), unknown[0]))
	}
	fillSections(reflect.ValueOf(into).Elem())
	return nil
}

var errSpan = errors.New(`a time span is written with its unit, like "30s" or "336h", and is at least a second`)

// Duration is a time span of a second or more, written with its unit: "30s",
// "336h".
type Duration time.Duration

// UnmarshalText reads the span; a bare number is refused, since nobody can know
// what it counts.
func (d *Duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil || span < time.Second {
		return errSpan
	}
	*d = Duration(span)
	return nil
}

// Beside is the path that a key of the configuration file names: a relative one
// counts from the file's folder.
func Beside(config, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(config), path)
}

// Secret reads a file that holds one secret. Its path is as for Beside.
func Secret(config, path, what string) (string, error) {
	path = Beside(config, path)
	b, err := os.ReadFile(path)
	if err != nil {
		return "", Wrong("the file with the %s cannot be read: %s", what, Reason(err))
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" {
		return "", Wrong("the file with the %s is empty: %s", what, path)
	}
	return secret, nil
}

// StorageKey reads a file that holds the secret key of the storage or, on two lines, an
// access key and its secret key; on a third stands the session token of temporary ones.
// The access key of the configuration, which is given, counts for a file of one line.
// Its path is as for Beside.
func StorageKey(config, path, accessKey string) (access, secret, token string, err error) {
	text, err := Secret(config, path, "storage's secret key")
	if err != nil {
		return "", "", "", err
	}
	first, rest, two := strings.Cut(text, "\n")
	if !two {
		return accessKey, text, "", nil
	}
	second, third, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(first), strings.TrimSpace(second), strings.TrimSpace(third), nil
}

// Reason is an error of the file system without the name of the system call.
func Reason(err error) string {
	says := err.Error()
	if p, is := errors.AsType[*fs.PathError](err); is {
		says = p.Path + ": " + p.Err.Error()
	}
	if errors.Is(err, fs.ErrPermission) {
		says += ": run this as the account that may, or let this one"
	}
	return says
}

// Field is one key, or with an empty Key a section.
type Field struct {
	Section, Key, Default, Doc string
	List                       bool // its value is a list of strings; a section: there may be several
	Switch                     bool // its value is true or false, and false by default
	Number                     bool // its value is a whole number
}

// Written is the default as it is written in the file.
func (f Field) Written() string {
	switch {
	case f.Switch:
		return "false"
	case f.Number:
		return f.Default
	case f.List && f.Default == "":
		return "[]"
	case f.List:
		return fmt.Sprintf("[%q]", f.Default)
	}
	return strconv.Quote(f.Default)
}

// Fields lists the keys of a configuration in the order of its struct, each
// section's own line before its keys.
func Fields(config any) []Field {
	var out []Field
	var walk func(t reflect.Type, section string)
	walk = func(t reflect.Type, section string) {
		for f := range t.Fields() {
			d := Field{Section: section, Key: f.Tag.Get("toml"), Default: f.Tag.Get("def"), Doc: f.Tag.Get("doc")}
			inner := f.Type
			if inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() != reflect.Struct {
				d.List, d.Switch, d.Number = f.Type.Kind() == reflect.Slice, f.Type.Kind() == reflect.Bool, f.Type.Kind() == reflect.Int
				out = append(out, d)
				continue
			}
			out = append(out, Field{Section: d.Key, Doc: d.Doc, List: f.Type.Kind() == reflect.Slice})
			walk(inner, d.Key)
		}
	}
	t := reflect.TypeOf(config)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	walk(t, "")
	return out
}

// fillSections gives sections that may be absent their defaults once they are there.
func fillSections(v reflect.Value) {
	for _, at := range v.Fields() {
		if at.Kind() == reflect.Pointer && !at.IsNil() {
			setDefaults(at.Elem())
		}
	}
}

// setDefaults sets every field that is still zero to what its tag says.
func setDefaults(v reflect.Value) {
	for i, f := range slices.Collect(v.Type().Fields()) {
		switch at, def := v.Field(i), f.Tag.Get("def"); {
		case at.Kind() == reflect.Struct:
			setDefaults(at)
		case def == "" || !at.IsZero() || at.Kind() == reflect.Bool:
		case f.Type == reflect.TypeFor[Duration]():
			if err := at.Addr().Interface().(*Duration).UnmarshalText([]byte(def)); err != nil {
				panic(err) // a mistake in the struct's tags
			}
		case at.Kind() == reflect.Int:
			n, err := strconv.Atoi(def)
			if err != nil {
				panic(err) // likewise
			}
			at.SetInt(int64(n))
		case at.Kind() == reflect.Slice:
			at.Set(reflect.ValueOf([]string{def}))
		default:
			at.SetString(def)
		}
	}
}
