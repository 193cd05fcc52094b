// Package texts reads catalogues of texts, one file a language, and holds that of
// the scanner: what people read in the scanner folder. What the portal and the
// mails say is in a catalogue of its own, in pipeline/texts.
//
// A file is TOML: a text stands under its id, and ids are grouped by where they
// are read. en.toml explains to translators how a text is written. Another
// language is one more file beside it: New refuses one that lacks a text, has a
// text too many, or has other placeholders than the English.
package texts

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"letterlock/scanner/letter"
)

// Files are the languages of the scanner that come with Letterlock.
//
//go:embed *.toml
var Files embed.FS

// Text is something to be said: an id, and what belongs into the text's
// placeholders. It becomes words only where it is shown. nil says nothing.
type Text interface {
	// String is the text's id, for logs and tests; people are never shown it.
	String() string
	phrase() phrase
}

// phrase is every Text there is.
type phrase struct {
	id    string
	plain string // said as it is, where there is no such id
	args  []any  // names and values in turn
}

func (p phrase) String() string { return cmp.Or(p.id, p.plain) }
func (p phrase) phrase() phrase { return p }

// Say is the text of that id. with are the names of its placeholders and the
// value of each, in turn: a string or number as it is, a Text, a letter.Date, a
// time.Time, a list of these, or, for a name that marks a part of the text, an
// Element.
func Say(id string, with ...any) Text { return phrase{id: id, args: with} }

// Plain is data, the same in every language: a name, a reference. Nothing says
// nothing.
func Plain(s string) Text {
	if s == "" {
		return nil
	}
	return phrase{plain: s}
}

// Listed is the things joined as people do: A, B and C. None of them says nothing.
func Listed[T any](things []T) Text {
	if len(things) == 0 {
		return nil
	}
	return phrase{id: "list.all", args: []any{"things", things}}
}

// Day is a day as people say it.
func Day(d letter.Date) Text { return phrase{id: "date.said", args: []any{"day", d}} }

// Word is the text for an enumerated word, by the group of its ids. A word
// that has no text is shown as it is, so that one that is new inside is never a
// blank outside.
func Word[K ~string](group string, k K) Text {
	if k == "" {
		return nil
	}
	return phrase{id: group + "." + string(k), plain: string(k)}
}

// Element is what a text marks a part of itself as, like a link.
type Element struct{ open, end template.HTML }

// Link is the element of a link to a path of ours.
func Link(path string) Element {
	return Element{open: template.HTML(`<a href="` + template.HTMLEscapeString(path) + `">`), end: "</a>"}
}

// elements are those that a text may use by itself.
var elements = map[string]Element{
	"strong": {"<strong>", "</strong>"},
	"code":   {"<code>", "</code>"},
	"ref":    {`<span class="reference">`, "</span>"},
	"file":   {`<strong class="file">`, "</strong>"},
	"number": {`<strong class="reference">`, "</strong>"},
	// What the console says too is English everywhere, and read aloud as that.
	"english": {`<span lang="en-GB">`, "</span>"},
}

// Language is everything that is said, in one language.
type Language struct {
	tag     language.Tag
	printer *message.Printer
	entries map[string]entry
}

// Tag names the language as browsers know it, like en-GB.
func (l *Language) Tag() string { return l.tag.String() }

// Has reports whether there is a text of that id.
func (l *Language) Has(id string) bool { _, ok := l.entries[id]; return ok }

// Needs are the names that must be given to the text of that id, sorted.
func (l *Language) Needs(id string) []string {
	names := map[string]bool{}
	for _, p := range l.entries[id].places {
		if _, own := elements[p.name]; !own || p.mark == 0 {
			names[p.name] = true
		}
	}
	return sortedKeys(names)
}

// English is the language that says which texts of the scanner there are.
var English = sync.OnceValue(func() *Language {
	l, err := New(Files, reference)
	if err != nil {
		panic(err) // it is part of the program
	}
	return l
})

// IDs are the ids of all texts, sorted.
func (l *Language) IDs() []string { return sortedKeys(l.entries) }

// Text is the text in words, without markup.
func (l *Language) Text(t Text) string {
	if t == nil {
		return ""
	}
	p := t.phrase()
	e, ok := l.entries[p.id]
	if !ok {
		return p.otherwise()
	}
	return l.printer.Sprintf(p.id, l.values(e, p, false)...)
}

// Show is the text for an html/template: a string, which the template escapes
// as its place demands, or, where the text marks parts of itself, HTML in which
// everything but these marks is escaped.
func (l *Language) Show(t Text) any {
	if t == nil {
		return ""
	}
	p := t.phrase()
	e, ok := l.entries[p.id]
	if !ok || !e.marked() {
		return l.Text(t)
	}
	return template.HTML(l.printer.Sprintf(p.id+asHTML, l.values(e, p, true)...))
}

// otherwise is what is said for a text that is not there. New has seen to it
// that only words which are new inside come here.
func (p phrase) otherwise() string {
	if p.plain == "" {
		panic("no text has the id " + p.id)
	}
	return p.plain
}

// values are what the placeholders of e stand for, in their order.
func (l *Language) values(e entry, t phrase, html bool) []any {
	out := make([]any, 0, len(e.places))
	for _, p := range e.places {
		if p.count {
			out = append(out, t.arg(p.name))
			continue
		}
		if p.mark == 0 {
			said := l.say(t.arg(p.name))
			if p.lower {
				said = lowerFirst(said)
			}
			if html {
				said = template.HTMLEscapeString(said)
			}
			out = append(out, said)
			continue
		}
		var part string
		if html {
			part = string(t.element(p.name).part(p.mark))
		}
		out = append(out, part)
	}
	return out
}

func (t phrase) arg(name string) any {
	for i := 0; i+1 < len(t.args); i += 2 {
		if t.args[i] == name {
			return t.args[i+1]
		}
	}
	panic("the text " + t.id + " is not given its " + name)
}

func (t phrase) element(name string) Element {
	if e, ok := elements[name]; ok {
		return e
	}
	e, ok := t.arg(name).(Element)
	if !ok {
		panic("the text " + t.id + " is given no element for " + name)
	}
	return e
}

func (e Element) part(mark rune) template.HTML {
	if mark == '/' {
		return e.end
	}
	return e.open
}

// say writes a value in words.
func (l *Language) say(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Text:
		return l.Text(v)
	case letter.Date:
		return l.Day(v)
	case inMonth:
		return l.Text(Say("date.month", "month", l.month(v.Month), "year", v.Year))
	case time.Time:
		return l.Moment(v)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		said := make([]string, r.Len())
		for i := range said {
			said[i] = l.say(r.Index(i).Interface())
		}
		return l.List(said)
	}
	return fmt.Sprint(v)
}

// inMonth is a day of which the month alone is said.
type inMonth letter.Date

// Month is the month of a day as people say it: November 2026.
func Month(d letter.Date) Text { return phrase{id: "date.said", args: []any{"day", inMonth(d)}} }

// Day writes a day as people say it: 24 November 2026.
func (l *Language) Day(d letter.Date) string {
	return l.Text(Say("date.day", "day", d.Day, "month", l.month(d.Month), "year", d.Year))
}

// Moment writes a time as people say it, in London: 24 November 2026 at 2:02pm.
func (l *Language) Moment(t time.Time) string {
	t = t.In(letter.London)
	return l.Text(Say("date.moment", append(hour(t.Hour()), "day", t.Day(), "month", l.month(t.Month()), "year", t.Year(),
		"minute", fmt.Sprintf("%02d", t.Minute()))...))
}

// Hour is an hour of the day, from 0 to 23, as people say it, in a catalogue that
// has the text for it.
func Hour(of int) Text { return Say("date.hour", hour(of)...) }

// hour is what a language may say of an hour of the day.
func hour(of int) []any {
	half := Say("date.am")
	if of >= 12 {
		half = Say("date.pm")
	}
	return []any{"hour", (of+11)%12 + 1, "hour24", of, "half", half}
}

func (l *Language) month(m time.Month) Text { return Say(fmt.Sprintf("date.month-%d", int(m))) }

// List joins names as people do: A, B and C.
func (l *Language) List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	before := names[0]
	for _, next := range names[1 : len(names)-1] {
		before = l.Text(Say("list.more", "before", before, "next", next))
	}
	return l.Text(Say("list.last", "before", before, "last", names[len(names)-1]))
}

func lowerFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToLower(first)) + s[size:]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
