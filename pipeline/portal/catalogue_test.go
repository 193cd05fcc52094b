package portal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template/parse"
	"unicode"

	"golang.org/x/net/html"

	"letterlock/pipeline/texts"
)

// Everything that the portal and the mails say is in the catalogue, package texts.
// These tests hold it so: nothing is said elsewhere, and nothing there is left
// unsaid.

// saying is one place that says a text.
type saying struct {
	where, id string
	given     []string // names of what is put into it; nil where that is not known
	group     bool     // id is a group, of which a word is said
}

// sayings are all places in templates and code that say something.
func sayings(t *testing.T) (all []saying) {
	t.Helper()
	for name, source := range templateSources(t) {
		trees, err := parse.Parse(name, source, "", "", anyFunction(source))
		must(t, err)
		for _, tree := range trees {
			eachCommand(tree.Root, func(c *parse.CommandNode) {
				if id, said := templateSays(c); said {
					id.where = name
					all = append(all, id)
				}
			})
		}
	}
	for name, file := range codeFiles(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if id, said := codeSays(call); said {
					id.where = name
					all = append(all, id)
				}
			}
			return true
		})
	}
	return all
}

func templateSources(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(templates, "templates/*.html")
	must(t, err)
	out := map[string]string{}
	for _, name := range names {
		source, err := fs.ReadFile(templates, name)
		must(t, err)
		out[strings.TrimPrefix(name, "templates/")] = string(source)
	}
	for _, name := range globbed(t, "../evidence/templates/*.html") {
		source, err := os.ReadFile(name)
		must(t, err)
		out[name] = string(source)
	}
	return out
}

// codeFiles are the files of what speaks to people, tests apart.
func codeFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	out := map[string]*ast.File{}
	for _, name := range slices.Concat(globbed(t, "*.go"), globbed(t, "../mail/mail.go"), globbed(t, "../retention/*.go"), globbed(t, "../evidence/*.go"), globbed(t, "../*.go")) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		must(t, err)
		out[name], err = parser.ParseFile(token.NewFileSet(), name, source, 0)
		must(t, err)
	}
	return out
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	must(t, err)
	if len(names) == 0 {
		t.Fatalf("nothing is looked at: %s", pattern)
	}
	return names
}

var name = regexp.MustCompile(`[a-zA-Z]\w*`)

// anyFunction lets a template call whatever it likes.
func anyFunction(source string) map[string]any {
	out := map[string]any{}
	for _, called := range name.FindAllString(source, -1) {
		out[called] = 0
	}
	return out
}

// eachCommand calls do for every call in a template.
func eachCommand(n parse.Node, do func(*parse.CommandNode)) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				eachCommand(child, do)
			}
		}
	case *parse.ActionNode:
		eachCommand(n.Pipe, do)
	case *parse.TemplateNode:
		eachCommand(n.Pipe, do)
	case *parse.IfNode:
		eachBranch(&n.BranchNode, do)
	case *parse.RangeNode:
		eachBranch(&n.BranchNode, do)
	case *parse.WithNode:
		eachBranch(&n.BranchNode, do)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				do(c)
				for _, arg := range c.Args {
					eachCommand(arg, do)
				}
			}
		}
	}
}

// sentence is what looks like something for people: words, or one with a capital.
var sentence = regexp.MustCompile(`^\s*[A-Z][a-z’]+|\pL\pP? \pL`)

// TestNoActionSaysAnything: nor has an action of a template words of its own.
func TestNoActionSaysAnything(t *testing.T) {
	for name, source := range templateSources(t) {
		trees, err := parse.Parse(name, source, "", "", anyFunction(source))
		must(t, err)
		for _, tree := range trees {
			eachCommand(tree.Root, func(c *parse.CommandNode) {
				for _, arg := range c.Args {
					if s, ok := arg.(*parse.StringNode); ok && sentence.MatchString(s.Text) {
						t.Errorf("%s says %q by itself", name, s.Text)
					}
				}
			})
		}
	}
}

func eachBranch(n *parse.BranchNode, do func(*parse.CommandNode)) {
	eachCommand(n.Pipe, do)
	eachCommand(n.List, do)
	eachCommand(n.ElseList, do)
}

func templateSays(c *parse.CommandNode) (s saying, said bool) {
	f, ok := c.Args[0].(*parse.IdentifierNode)
	if !ok || f.Ident != "t" && f.Ident != "say" && f.Ident != "word" {
		return s, false
	}
	id, ok := c.Args[1].(*parse.StringNode)
	if !ok {
		return saying{id: c.String()}, true
	}
	s = saying{id: id.Text, given: []string{}, group: f.Ident == "word"}
	for i := 2; i < len(c.Args) && !s.group; i += 2 {
		s.given = append(s.given, strings.Trim(c.Args[i].String(), `"`))
	}
	return s, true
}

func codeSays(call *ast.CallExpr) (s saying, said bool) {
	if of, ok := call.Fun.(*ast.IndexExpr); ok && len(call.Args) == 2 { // word[kind](language, group)
		if f, ok := of.X.(*ast.Ident); ok && f.Name == "word" {
			return saying{id: unquoted(call.Args[1].(*ast.BasicLit)), group: true}, true
		}
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return s, false
	}
	if from, ok := f.X.(*ast.Ident); !ok || from.Name != "texts" || f.Sel.Name != "Say" && f.Sel.Name != "Word" {
		return s, false
	}
	id, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return s, false
	}
	s = saying{id: unquoted(id), group: f.Sel.Name == "Word"}
	if s.group || call.Ellipsis.IsValid() {
		return s, true
	}
	s.given = []string{}
	for i := 1; i < len(call.Args); i += 2 {
		if name, ok := call.Args[i].(*ast.BasicLit); ok {
			s.given = append(s.given, unquoted(name))
		}
	}
	return s, true
}

func unquoted(l *ast.BasicLit) string {
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return l.Value
	}
	return s
}

// TestEveryTextIsThereAndSaid: what is said is in the catalogue, and given what it
// needs; what is in the catalogue is said somewhere.
func TestEveryTextIsThereAndSaid(t *testing.T) {
	english, err := texts.New(texts.Files, "en")
	must(t, err)
	used := map[string]bool{}
	for _, s := range sayings(t) {
		used[s.id] = true
		switch {
		case s.group:
			if !slices.ContainsFunc(english.IDs(), func(id string) bool { return strings.HasPrefix(id, s.id+".") }) {
				t.Errorf("%s says a word of %q, a group that has none", s.where, s.id)
			}
		case !english.Has(s.id):
			t.Errorf("%s says %q, which is not in the catalogue", s.where, s.id)
		case s.given != nil:
			given := slices.Sorted(slices.Values(s.given))
			for _, name := range english.Needs(s.id) {
				if !slices.Contains(given, name) {
					t.Errorf("%s says %q without its %s", s.where, s.id, name)
				}
			}
			for _, name := range given {
				if !slices.Contains(english.Needs(s.id), name) {
					t.Errorf("%s gives %q a %s, for which it has no place", s.where, s.id, name)
				}
			}
		}
	}
	for _, id := range english.IDs() {
		group, _, _ := strings.Cut(id, ".")
		if !used[id] && !used[group] && group != "date" && group != "list" {
			t.Errorf("nothing says %q", id)
		}
	}
}

// sameEverywhere are words of a page that are the same in every language.
var sameEverywhere = []string{"Letterlock"}

// TestNoTemplateSaysAnythingItself: between its tags, and in the attributes that
// people see or hear, a template has nothing but actions.
func TestNoTemplateSaysAnythingItself(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}|</?noscript>|<style>.*?</style>`) // what is in a noscript is markup to whoever has no script
	for name, source := range templateSources(t) {
		z := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(source, "")))
		for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
			token := z.Token()
			said := []string{}
			if kind == html.TextToken {
				said = append(said, token.Data)
			}
			for _, a := range token.Attr {
				if slices.Contains([]string{"title", "placeholder", "aria-label", "alt", "label", "aria-description"}, a.Key) {
					said = append(said, a.Val)
				}
			}
			for _, s := range said {
				if s = strings.TrimSpace(s); strings.ContainsFunc(s, unicode.IsLetter) && !slices.Contains(sameEverywhere, s) {
					t.Errorf("%s says %q by itself", name, s)
				}
			}
		}
	}
}

var catalogueIDs = sync.OnceValue(func() map[string]bool {
	ids := map[string]bool{}
	if english, err := texts.New(texts.Files, "en"); err == nil {
		for _, id := range english.IDs() {
			ids[id] = true
		}
	}
	return ids
})

var likeID = regexp.MustCompile(`[a-z0-9-]+\.[a-z0-9-]+`)

// allSaid finds a text's id on a page: it was handed to the page and not said.
func allSaid(t testing.TB, where string, a *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(a.Header().Get("Content-Type"), "text/html") {
		return
	}
	for _, like := range likeID.FindAllString(a.Body.String(), -1) {
		if catalogueIDs()[like] {
			t.Errorf("%s shows the id %q instead of its text", where, like)
		}
	}
}

// TestNoScriptSaysAnything: what a script has to say is on the page, in the page's
// language.
func TestNoScriptSaysAnything(t *testing.T) {
	said := regexp.MustCompile(`"[A-Z][^"\n]* [^"\n]*"|'[A-Z][^'\n]* [^'\n]*'|` + "`[A-Z][^`]* [^`]*`")
	scripts, err := filepath.Glob("static/*.js")
	must(t, err)
	if len(scripts) == 0 {
		t.Fatal("no scripts are looked at")
	}
	for _, script := range scripts {
		source, err := os.ReadFile(script)
		must(t, err)
		for _, s := range said.FindAllString(string(source), -1) {
			t.Errorf("%s says %s by itself", script, s)
		}
	}
}

// notForPeople are calls whose words no page shows: they are for the log, or wrap an
// error on its way there.
var notForPeople = []string{"New", "Errorf", "Info", "Warn", "Error", "Debug", "panic"}

// speaks are the functions of package pipeline whose findings the portal shows; what
// its others say is for the console and the log.
var speaks = regexp.MustCompile(`^(check[A-Z]\w*|skewSays|RestoredSays|takesTurn|normalised|inMemory)$`)

func isOfPipeline(file string) bool { return filepath.Dir(file) == ".." }

// TestNoCodeSaysAnything: nor has the code a sentence of its own for people.
func TestNoCodeSaysAnything(t *testing.T) {
	words := regexp.MustCompile(`^\s*[A-Z][a-z’]+,? \pL|\pL \pL.*[.?!]$`)
	for name, file := range codeFiles(t) {
		var look func(n ast.Node) bool
		look = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec, *ast.Field: // of a field its tag
				return false
			case *ast.FuncDecl:
				if isOfPipeline(name) && !speaks.MatchString(n.Name.Name) {
					return false
				}
			case *ast.GenDecl:
				if isOfPipeline(name) {
					return false
				}
			case *ast.KeyValueExpr:
				if filepath.Base(name) == "policy.go" { // whose keys are the policy's sentences, and no words of ours
					ast.Inspect(n.Value, look)
					return false
				}
			case *ast.CallExpr:
				called := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					called = f.Name
				case *ast.SelectorExpr:
					called = f.Sel.Name
				}
				return !slices.Contains(notForPeople, called)
			case *ast.BasicLit:
				if s := unquoted(n); n.Kind == token.STRING && words.MatchString(s) {
					t.Errorf("%s says %q by itself", name, s)
				}
			}
			return true
		}
		ast.Inspect(file, look)
	}
}
