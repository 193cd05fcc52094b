package portal

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/BurntSushi/toml"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/texts"
)

// A made-up language finds what a real one would come upon: its words are some
// two fifths longer than the English, and each of their vowels has an accent,
// so that what is on a page without one was not said from the catalogue.

// foreignTag names it: en-XA is what BCP 47 leaves to such languages.
const foreignTag = "en-XA"

// kept are the parts of a text that every language keeps as they are.
var kept = regexp.MustCompile(`\{[^}]*\}|<[^>]*>`)

var accents = strings.NewReplacer("a", "áá", "e", "éé", "i", "íí", "o", "óó", "u", "úú", "A", "Á", "E", "É", "I", "Í", "O", "Ó", "U", "Ú")

// foreign says a text in the made-up language.
func foreign(text string) string {
	var b strings.Builder
	at := 0
	for _, m := range kept.FindAllStringIndex(text, -1) {
		b.WriteString(accents.Replace(text[at:m[0]]))
		b.WriteString(text[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(accents.Replace(text[at:]))
	return b.String()
}

// foreignFiles are English, and the made-up language made of it.
func foreignFiles(t *testing.T) fs.FS {
	t.Helper()
	english, err := fs.ReadFile(texts.Files, "en.toml")
	must(t, err)
	var all map[string]any
	must(t, toml.Unmarshal(english, &all))
	all["language"] = foreignTag
	var said func(group map[string]any)
	said = func(group map[string]any) {
		for key, v := range group {
			switch v := v.(type) {
			case string:
				if key != "language" {
					group[key] = foreign(v)
				}
			case map[string]any:
				said(v)
			}
		}
	}
	said(all)
	var out bytes.Buffer
	must(t, toml.NewEncoder(&out).Encode(all))
	return fstest.MapFS{"en.toml": {Data: english}, "xa.toml": {Data: out.Bytes()}}
}

// TestLooksInAnotherLanguage looks at every page and state in the made-up language:
// all of it is said from the catalogue, and has room where it stands.
func TestLooksInAnotherLanguage(t *testing.T) {
	files := foreignFiles(t)
	for _, who := range everybodysLooks {
		t.Run(who.name, func(t *testing.T) {
			l := newLooker(t, func(c *Config) { c.languages, c.Language = files, "xa" })
			l.foreign = true
			who.look(l)
		})
	}
}

// looksForeign looks at the page on which the browser is, in the made-up language.
func (l *looker) looksForeign(name string) {
	l.t.Helper()
	for i, width := range []int64{360, 768, 1280} {
		if i > 0 { // the browser comes as Layouts[0], a phone's
			l.Lay(portaltest.Layout{Width: width, Scheme: "light"})
		}
		for _, wide := range l.Sideways() {
			l.t.Errorf("%s, %d pixels: %s", name, width, wide)
		}
	}
	if tag := l.Finds(`document.documentElement.lang`); tag != foreignTag {
		l.t.Errorf("%s says that it is in %q", name, tag)
	}
	for _, s := range l.unsaid() {
		l.t.Errorf("%s says %q in English", name, s)
	}
	l.Lay(portaltest.Layouts[0])
}

// data is what pages show of what people have entered, or of names and addresses
// that are the same in every language.
var data = regexp.MustCompile(`(?s:letterlock register\n.*)|Letterlock|Ada Lead|Bea Lead|Cy Other|Mo Manager|Ola Office|Pat Office|Dee Protect|Sam Admin|Nell New|` +
	`Respect Phoneline|Men’s Advice Line|somebody@example\.org|letterlock [a-z -]+|[a-z0-9]+(-[a-z0-9]+)+|office|annexe|refuge|library\.invitation|library|batch|Test\w+|[^ ]+\.[^ ]+|[^ ]*/[^ ]*`)

var inWords = regexp.MustCompile(`\pL+`)

// unsaid is what stands on the page without an accent: words that are not from the
// catalogue, and are not marked as English either.
func (l *looker) unsaid() (found []string) {
	l.t.Helper()
	said := l.Finds(`(() => {
		const said = [document.title];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) {
			if (!walk.currentNode.parentElement.closest("script, style, noscript, .policy, [lang]:not(html)")) said.push(walk.currentNode.data);
		}
		for (const e of document.body.querySelectorAll("*")) for (const where of ["::before", "::after"]) { // what the style sheet says
			for (const s of getComputedStyle(e, where).content.match(/"[^"]*"/g) || []) said.push(s);
		}
		for (const e of document.querySelectorAll("[aria-label], [title], [alt], [placeholder]")) {
			if (e.closest("[lang]:not(html)")) continue;
			for (const a of ["aria-label", "title", "alt", "placeholder"]) if (e.hasAttribute(a)) said.push(e.getAttribute(a));
		}
		return JSON.stringify(said);
	})()`)
	var all []string
	must(l.t, json.Unmarshal([]byte(said), &all))
	for _, s := range all {
		english := slices.DeleteFunc(inWords.FindAllString(data.ReplaceAllString(s, " "), -1), func(w string) bool {
			return len(w) < 2 || !strings.ContainsAny(w, "aeiou")
		})
		if len(english) > 0 && !slices.Contains(found, s) {
			found = append(found, strings.TrimSpace(s))
		}
	}
	return found
}
