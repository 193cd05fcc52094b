package texts

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// reference is the language that says which texts there are.
const reference = "en"

// asHTML ends the key of a text's form for HTML. No id holds it.
const asHTML = "\x00html"

// entry is one text of a language.
type entry struct {
	forms  map[string][]piece // by plural form; "" for a text without
	places []place            // what is put into it, in the order of its values
}

// piece is a part of a text: words, or a place.
type piece struct {
	words string
	at    place // where words is empty
}

// place is where something is put into a text.
type place struct {
	name  string
	lower bool // begins with a small letter
	count bool // a number that decides the plural form
	mark  rune // '<' where a marked part begins, '/' where it ends, 0 for a value
}

// counter is the name of the number that decides a text's plural form.
const counter = "n"

// mayDiffer are places that a language may use or leave out as it likes.
var mayDiffer = map[string][]string{"date.moment": {"hour", "hour24", "half"}, "date.hour": {"hour", "hour24", "half"}}

// New reads the language of that name, NAME.toml in files. Its error names every
// text in which something is wrong, and what to do about it, for whoever
// translates: Faults where the file is TOML at all.
func New(files fs.FS, name string) (*Language, error) {
	own, ok := files.(embed.FS)
	if !ok {
		return load(files, name)
	}
	// Whoever starts asks for these more than once, and reading one takes longer than
	// much else of a start.
	loaded.Lock()
	defer loaded.Unlock()
	key := ofProgram{own, name}
	if l := loaded.languages[key]; l != nil {
		return l, nil
	}
	l, err := load(files, name)
	if err == nil {
		loaded.languages[key] = l
	}
	return l, err
}

// loaded are the languages that come with the program and have been read: nobody
// changes a Language.
var loaded = struct {
	sync.Mutex
	languages map[ofProgram]*Language
}{languages: map[ofProgram]*Language{}}

// ofProgram is a language that is part of the program.
type ofProgram struct {
	files embed.FS
	name  string
}

func load(files fs.FS, name string) (*Language, error) {
	if !slices.Contains(Names(files), name) {
		return nil, fmt.Errorf("there is no language %q; there is: %s", name, strings.Join(Names(files), ", "))
	}
	l, wrong, err := read(files, name)
	if err != nil {
		return nil, err
	}
	if name != reference {
		model, wrongThere, err := read(files, reference)
		if err != nil {
			return nil, err
		}
		if len(wrongThere) > 0 {
			return nil, &Faults{File: reference + ".toml", Each: wrongThere}
		}
		wrong = append(wrong, l.fits(model)...)
	}
	if wrong = append(wrong, l.compile()...); len(wrong) > 0 {
		return nil, &Faults{File: name + ".toml", Each: wrong}
	}
	return l, nil
}

// Faults is everything that is wrong in a language's file.
type Faults struct {
	File string
	Each []string // in the order of the texts' ids, first what cannot be read
}

func (f *Faults) Error() string {
	if len(f.Each) == 1 {
		return f.File + ": " + f.Each[0]
	}
	return fmt.Sprintf("%s has %d faults:\n- %s", f.File, len(f.Each), strings.Join(f.Each, "\n- "))
}

// Names are the languages in files, sorted.
func Names(files fs.FS) []string {
	found, _ := fs.Glob(files, "*.toml") // the pattern is a good one
	for i, f := range found {
		found[i] = strings.TrimSuffix(f, ".toml")
	}
	return found
}

// read reads a file without comparing it with another's, and says what is wrong in
// it. It fails on a file that is not TOML.
func read(files fs.FS, name string) (l *Language, wrong []string, err error) {
	var all map[string]any
	if _, err := toml.DecodeFS(files, name+".toml", &all); err != nil {
		return nil, nil, fmt.Errorf("%s.toml cannot be read: %w", name, err)
	}
	l = &Language{entries: map[string]entry{}}
	tag, _ := all["language"].(string)
	delete(all, "language")
	if l.tag, err = language.Parse(tag); err != nil {
		wrong = append(wrong, "its first line must name the language, like language = \"en-GB\"")
	}
	return l, append(wrong, l.take("", all)...), nil
}

// forms are the plural forms that languages can have.
var forms = []string{"zero", "one", "two", "few", "many", "other"}

// take takes the texts of a group, and of the groups in it, and says what is wrong
// with them.
func (l *Language) take(group string, all map[string]any) (wrong []string) {
	for _, key := range sortedKeys(all) {
		id := strings.TrimPrefix(group+"."+key, ".")
		switch v := all[key].(type) {
		case string:
			wrong = append(wrong, l.add(id, map[string]string{"": v})...)
		case map[string]any:
			if said := pluralForms(v); said != nil {
				wrong = append(wrong, l.add(id, said)...)
			} else {
				wrong = append(wrong, l.take(id, v)...)
			}
		default:
			l.entries[id] = entry{} // it is there, and nothing more is said of it
			wrong = append(wrong, fmt.Sprintf("the text %q is neither words in quotation marks nor plural forms; write it as in English", id))
		}
	}
	return wrong
}

// pluralForms is v as plural forms, or nil if it is a group of texts.
func pluralForms(v map[string]any) map[string]string {
	said := map[string]string{}
	for key, words := range v {
		s, ok := words.(string)
		if !ok || !slices.Contains(forms, key) {
			return nil
		}
		said[key] = s
	}
	return said
}

// add adds a text, and says what is wrong with it. One that cannot be read is there
// without a form, so that nothing more is said of it.
func (l *Language) add(id string, said map[string]string) (wrong []string) {
	e := entry{forms: map[string][]piece{}}
	for _, form := range sortedKeys(said) {
		pieces, err := parse(said[form])
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("the text %q %v", id, err))
			continue
		}
		for i := range pieces {
			if p := &pieces[i]; form != "" && p.at.name == counter {
				p.at.count = true
			}
			if at := pieces[i].at; at.name != "" && !slices.Contains(e.places, at) {
				e.places = append(e.places, at)
			}
		}
		e.forms[form] = pieces
	}
	if n := (place{name: counter, count: true}); e.plural() && !slices.Contains(e.places, n) {
		e.places = append(e.places, n)
	}
	if len(wrong) > 0 {
		e = entry{}
	}
	l.entries[id] = e
	return wrong
}

func (e entry) plural() bool { _, plain := e.forms[""]; return !plain }

// marked reports whether the text marks parts of itself.
func (e entry) marked() bool {
	return slices.ContainsFunc(e.places, func(p place) bool { return p.mark != 0 })
}

// token is a place in a text, or the beginning of something that only looks like one.
var token = regexp.MustCompile(`\{([a-z][a-z0-9-]*)( lower)?\}|<(/?)([a-z][a-z0-9-]*)>|[{}<>]`)

// parse takes a text to pieces. Marked parts do not lie in each other.
func parse(s string) (out []piece, err error) {
	s = strings.Trim(s, "\n")
	if strings.TrimSpace(s) == "" {
		return nil, errors.New("says nothing; translate it")
	}
	open := ""
	for s != "" {
		at := token.FindStringSubmatchIndex(s)
		if at == nil {
			out = append(out, piece{words: s})
			break
		}
		if at[0] > 0 {
			out = append(out, piece{words: s[:at[0]]})
		}
		m := token.FindStringSubmatch(s)
		switch value, ends, mark := m[1], m[3] != "", m[4]; {
		case value != "":
			out = append(out, piece{at: place{name: value, lower: m[2] != ""}})
		case mark != "" && !ends && open == "":
			out, open = append(out, piece{at: place{name: mark, mark: '<'}}), mark
		case mark != "" && ends && open == mark:
			out, open = append(out, piece{at: place{name: mark, mark: '/'}}), ""
		default:
			return nil, fmt.Errorf("has %s where nothing begins or ends; keep what is put in as in English, like {name}, <name> and </name>", m[0])
		}
		s = s[at[1]:]
	}
	if open != "" {
		return nil, fmt.Errorf("lacks </%[1]s>; put it where the part ends that begins at <%[1]s>", open)
	}
	return out, nil
}

// fits says where the language's texts are not those of the model.
func (l *Language) fits(model *Language) (wrong []string) {
	for _, id := range model.IDs() {
		if !l.Has(id) {
			wrong = append(wrong, fmt.Sprintf("the text %q is missing; copy it from %s.toml and translate it", id, reference))
		}
	}
	for _, id := range l.IDs() {
		want, ok := model.entries[id]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("there is no text %q in %s.toml; take it out", id, reference))
			continue
		}
		for _, not := range l.entries[id].fits(want, mayDiffer[id]) {
			wrong = append(wrong, fmt.Sprintf("the text %q %s", id, not))
		}
	}
	return wrong
}

func (e entry) fits(want entry, free []string) (wrong []string) {
	if len(e.forms) == 0 {
		return nil // it could not be read
	}
	if e.plural() != want.plural() {
		if want.plural() {
			return []string{"needs plural forms, like { one = \"…\", other = \"…\" }"}
		}
		return []string{"has plural forms, and in English it has none; write it as one text"}
	}
	say := func(format, name string) {
		if not := fmt.Sprintf(format, name); !slices.Contains(wrong, not) { // once for all its forms
			wrong = append(wrong, not)
		}
	}
	names := want.names(sortedKeys(want.forms)[0])
	for _, form := range sortedKeys(e.forms) {
		has := e.names(form)
		for _, name := range sortedKeys(has) {
			if !names[name] && !slices.Contains(free, name) && name != counter {
				say("has the placeholder %s, which the English has not; take it out, or write it as there", name)
			}
		}
		for _, name := range sortedKeys(names) {
			if !has[name] && !slices.Contains(free, name) && (name != counter || !e.plural()) {
				say("lacks the placeholder %s; put it in as in English", name)
			}
		}
	}
	return wrong
}

// names are the places of one of the text's forms.
func (e entry) names(form string) map[string]bool {
	out := map[string]bool{}
	for _, p := range e.forms[form] {
		switch p.at.mark {
		case 0:
			if p.at.name != "" {
				out[p.at.name] = true
			}
		case '<':
			out["<"+p.at.name+">"] = true
		}
	}
	return out
}

// compile makes the texts ready to be said, and says of which it could not.
func (l *Language) compile() (wrong []string) {
	needed := formsOf(l.tag)
	b := catalog.NewBuilder(catalog.Fallback(l.tag))
	for _, id := range l.IDs() {
		e := l.entries[id]
		if len(e.forms) == 0 {
			continue // it could not be read
		}
		if e.plural() {
			for _, form := range needed {
				if _, ok := e.forms[form]; !ok {
					wrong = append(wrong, fmt.Sprintf("the text %q lacks the plural form %s; add it", id, form))
				}
			}
		}
		for _, html := range []bool{false, true} {
			key := id
			if html && !e.marked() {
				continue
			} else if html {
				key += asHTML
			}
			if err := b.Set(l.tag, key, e.message(html)); err != nil {
				wrong = append(wrong, fmt.Sprintf("the text %q cannot be said: %v", id, err))
				break
			}
		}
	}
	l.printer = message.NewPrinter(l.tag, message.Catalog(b))
	return wrong
}

// message is the text as golang.org/x/text knows texts.
func (e entry) message(html bool) catalog.Message {
	if !e.plural() {
		return catalog.String(e.format("", html))
	}
	var cases []any
	for _, form := range forms { // "other" comes last: it takes every number
		if _, ok := e.forms[form]; ok {
			cases = append(cases, form, e.format(form, html))
		}
	}
	at := slices.Index(e.places, place{name: counter, count: true})
	return plural.Selectf(at+1, "%d", cases...)
}

// formsOf are the plural forms that whole numbers have in a language.
func formsOf(tag language.Tag) []string {
	names := map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	found := map[string]bool{"other": true}
	for n := range 1001 {
		found[names[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// format is one form of the text as fmt knows formats.
func (e entry) format(form string, html bool) string {
	var b strings.Builder
	for _, p := range e.forms[form] {
		words := p.words
		if p.at.name != "" {
			verb := 's'
			if p.at.count {
				verb = 'd'
			}
			fmt.Fprintf(&b, "%%[%d]%c", slices.Index(e.places, p.at)+1, verb)
			continue
		}
		if html {
			words = template.HTMLEscapeString(words)
		}
		b.WriteString(strings.ReplaceAll(words, "%", "%%"))
	}
	return b.String()
}
