// Package texts is the catalogue of everything that the portal and the mails say, one
// file a language, see letterlock/scanner/texts. en.toml explains to translators how
// a text is written.
package texts

import (
	"embed"
	"io/fs"
	"sync"

	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// Files are the languages that come with Letterlock.
//
//go:embed *.toml
var Files embed.FS

// What a catalogue is made of.
type (
	Text     = texts.Text
	Element  = texts.Element
	Language = texts.Language
)

// English is the language that says which texts there are.
var English = sync.OnceValue(func() *Language {
	l, err := New(Files, "en")
	if err != nil {
		panic(err) // it is part of the program
	}
	return l
})

// New reads the language of that name, NAME.toml in files, see texts.New.
func New(files fs.FS, name string) (*Language, error) { return texts.New(files, name) }

// Names are the languages in files, sorted.
func Names(files fs.FS) []string { return texts.Names(files) }

// Say is the text of that id, with its placeholders' names and values in turn.
func Say(id string, with ...any) Text { return texts.Say(id, with...) }

// Plain is data, the same in every language. Nothing says nothing.
func Plain(s string) Text { return texts.Plain(s) }

// Listed is the things joined as people do: A, B and C.
func Listed[T any](things []T) Text { return texts.Listed(things) }

// Day is a day as people say it.
func Day(d letter.Date) Text { return texts.Day(d) }

// Hour is an hour of the day, from 0 to 23, as people say it: 10pm.
func Hour(hour int) Text { return texts.Hour(hour) }

// Month is the month of a day as people say it: November 2026.
func Month(d letter.Date) Text { return texts.Month(d) }

// Word is the text for an enumerated word, by the group of its ids.
func Word[K ~string](group string, k K) Text { return texts.Word(group, k) }

// Link is the element of a link to a path of ours.
func Link(path string) Element { return texts.Link(path) }
