package scanner

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// Everything that people read in the scanner folder is in the catalogue, package
// texts, apart from the troubles that are for whoever looks after the scanner.

// spoken are the files of what speaks in the folder.
func spoken(t *testing.T) map[string]*ast.File {
	t.Helper()
	out := map[string]*ast.File{}
	for _, pattern := range []string{"*.go", "pdf/*.go", "separator/batch.go", "separator/print.go", "folder/giveback.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("nothing is looked at: %s (%v)", pattern, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			if out[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// called is the name of a function that is called, without what it is of.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// notForPeople are calls whose words are for the log, for an error on its way there,
// or for whoever looks after the scanner.
var notForPeople = []string{"New", "Errorf", "Info", "Warn", "Error", "Debug", "panic", "Plain", "tell", "report", "failure", "advise"}

func TestNoCodeSaysAnythingInTheFolder(t *testing.T) {
	words := regexp.MustCompile(`^\s*[A-Z][a-z’]+,? \pL|\pL \pL.*[.?!]$|\pL \pL+ \pL+ \pL`)
	for name, file := range spoken(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec, *ast.Field: // of a field its tag
				return false
			case *ast.FuncDecl:
				if n.Name.Name == "Error" { // goes into the log
					return false
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "log" {
					return false
				}
			case *ast.CompositeLit:
				if of, ok := n.Type.(*ast.Ident); ok && of.Name == "againWrong" {
					return false // its first words are for the log, its second a text by type
				}
			case *ast.CallExpr:
				return !slices.Contains(notForPeople, called(n))
			case *ast.BasicLit:
				s, err := strconv.Unquote(n.Value)
				if err == nil && n.Kind == token.STRING && words.MatchString(s) && !strings.HasPrefix(s, "<!DOCTYPE") {
					t.Errorf("%s says %q by itself", name, s)
				}
			}
			return true
		})
	}
}

// TestEveryTextOfTheFolderIsThereAndSaid: with all that it needs, as far as that can be
// read off the code.
func TestEveryTextOfTheFolderIsThereAndSaid(t *testing.T) {
	english := texts.English()
	used := map[string]bool{}
	for name, file := range spoken(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !slices.Contains([]string{"say", "Say"}, called(call)) {
				return true
			}
			var given []string
			id, known := "", true
			for _, arg := range call.Args {
				lit, ok := arg.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				s, _ := strconv.Unquote(lit.Value)
				if id == "" && !strings.Contains(s, ".") {
					return true // its id is put together, like that of a hold
				} else if id == "" {
					id = s
				} else {
					given = append(given, s)
				}
			}
			if id == "" || call.Ellipsis.IsValid() {
				known = false
			}
			used[id] = true
			if id != "" && !english.Has(id) {
				t.Errorf("%s says %q, which is not in the catalogue", name, id)
			}
			for _, need := range english.Needs(id) {
				if known && !slices.Contains(given, need) {
					t.Errorf("%s says %q without its %s", name, id, need)
				}
			}
			return true
		})
	}
	for _, code := range pdf.Codes {
		used["refused."+string(code)+".what"], used["refused."+string(code)+".next"] = true, true
		if what, next := refusedSays(english, code); !english.Has("refused."+string(code)+".what") || what == "" || !strings.Contains(next, "Nothing is lost") {
			t.Errorf("of %s it says %q %q", code, what, next)
		}
	}
	for _, id := range english.IDs() {
		group, _, _ := strings.Cut(id, ".")
		if !used[id] && !slices.Contains([]string{"date", "list", "lasted", "reason", "hold"}, group) {
			t.Errorf("nothing says %q", id)
		}
	}
}

// foreign is a language in which every text begins with a mark.
func foreign(t *testing.T) *texts.Language {
	t.Helper()
	english, err := fs.ReadFile(texts.Files, "en.toml")
	if err != nil {
		t.Fatal(err)
	}
	marked := regexp.MustCompile(`((?:^|\n)[a-z0-9-]+ = (?:\{ one = )?"|, other = ")`).ReplaceAllString(string(english), "${1}«")
	marked = strings.Replace(marked, `"«en-GB"`, `"en-GB"`, 1)
	l, err := texts.New(fstest.MapFS{"en.toml": {Data: english}, "xx.toml": {Data: []byte(marked)}}, "xx")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAnotherLanguageInTheFolder: no paragraph of a slip or a note is English where the
// scanner speaks another language.
func TestAnotherLanguageInTheFolder(t *testing.T) {
	l := foreign(t)
	marked := func(what, said string) {
		t.Helper()
		if said == "" {
			t.Errorf("%s says nothing", what)
		}
		for _, paragraph := range strings.Split(strings.TrimSpace(said), "\r\n\r\n") {
			if !strings.HasPrefix(paragraph, "«") {
				t.Errorf("%s says in English %q", what, paragraph)
			}
		}
	}
	at := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	old := letter.NewID()
	for _, paper := range []string{letter.PaperMayGo, letter.PaperScanAgain, paperOverdue, "kept"} {
		r := record{ID: letter.NewID(), Class: letter.SixMonths, Received: at, Pages: 2, Paper: paper, Reason: "cut-off", Moved: "other", Replaces: old,
			stackPlace: stackPlace{Place: 2, Of: 3, From: 2, To: 3, First: old}}
		marked("a slip", r.slip(l, "Other"))
		r.Moved, r.Replaces, r.Gone, r.To = "", "", true, 2
		marked("a slip", r.slip(l, ""))
	}
	before := takenScan{id: old, day: letter.DateOf(at)}
	for _, err := range []error{
		&duplicate{before: before}, &duplicate{before: before, other: true}, &duplicate{before: before, other: true, whose: "Other"},
		&unclearStack{Batch: separator.Batch{Held: []separator.Hold{{Reason: separator.SideMissing, Page: 2, Found: 1}, {Reason: separator.CodeDamaged, Page: 2}, {Reason: separator.SheetCovered, Page: 4}}}},
		&againSame{before}, errAgainStack, &pdf.Refusal{Code: pdf.Damaged}, &pdf.Refusal{Code: pdf.Empty}, errStray, errUnreadable, folder.ErrLinked, errNotSame,
	} {
		for _, answer := range []folder.Answer{"", folder.Repair, folder.Again} {
			if _, same := err.(*againSame); (same || err == errAgainStack) && answer != folder.Again {
				continue // it is said of a new scan alone
			}
			out, ok := verdict(l, err, folder.Claim{Answer: answer, Again: "K7QM-4T2X"})
			if !ok || out.note.Language != l {
				t.Fatalf("%v: no note", err)
			}
			marked(err.Error(), out.note.What)
			marked(err.Error(), out.note.Next)
		}
	}
}
