package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"letterlock/cmd/configfile/configtest"
)

// logCalls are the ways in which the source writes a line of the log: which
// argument is its text, its level where the call says it, and what it is with
// beside the call's own words.
var logCalls = map[string]struct {
	text  int
	level string
	with  []string
}{
	"Info": {0, "INFO", nil}, "Warn": {0, "WARN", nil}, "Error": {0, "ERROR", nil},
	"Log": {2, "", nil}, "LogAttrs": {2, "", nil},
	"tell": {1, "WARN", []string{"about"}}, "report": {2, "WARN", []string{"letter", "error"}}, // the scanner's: see scanner/run.go
}

// TestReadmeHoldsTheLinesOfTheLog reads the source for every line that the two
// programs can write to their logs.
func TestReadmeHoldsTheLinesOfTheLog(t *testing.T) {
	lines := map[string]bool{}
	for _, root := range []string{top + "pipeline", top + "scanner"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				logLines(t, path, lines)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, known := range []string{"| `request` |", "| `sign-in refused` |", "| `A scan is refused: …", "| `the disk of the data folder"} {
		if !slices.ContainsFunc(sortedKeys(lines), func(l string) bool { return strings.Contains(l, known) }) {
			t.Errorf("the source is not read as it should be: no line has %s", known)
		}
	}
	configtest.Part(t, readme, "lines of the log", "| level | line | with |\n|---|---|---|\n"+strings.Join(sortedKeys(lines), ""))
}

func sortedKeys(m map[string]bool) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// logLines adds the lines that the package in that folder writes.
func logLines(t *testing.T, dir string, lines map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	constants := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if v, is := n.(*ast.ValueSpec); is && len(v.Values) == len(v.Names) {
				for i, name := range v.Names {
					constants[name.Name] = wordsOf(v.Values[i], nil)
				}
			}
			return true
		})
	}
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if line := logLine(n, constants); line != "" {
					lines[line] = true
				}
			case *ast.KeyValueExpr: // what becomes of a scan, with its line: see scanner/refusals.go
				if key, is := n.Key.(*ast.Ident); is && key.Name == "log" && wordsOf(n.Value, nil) != "" {
					lines[row("INFO", wordsOf(n.Value, nil), []string{"letter"})] = true
				}
			}
			return true
		})
	}
}

// logLine is the README's row of a call that writes to a log, or empty.
func logLine(call *ast.CallExpr, constants map[string]string) string {
	method, is := call.Fun.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	how, known := logCalls[method.Sel.Name]
	if !known || len(call.Args) <= how.text {
		return ""
	}
	on := ""
	switch x := method.X.(type) {
	case *ast.SelectorExpr:
		on = x.Sel.Name
	case *ast.Ident:
		on = x.Name
	}
	if !slices.Contains([]string{"Log", "log", "slog", "e"}, on) {
		return ""
	}
	text := wordsOf(call.Args[how.text], constants)
	if text == "" {
		return ""
	}
	level := how.level
	if level == "" {
		level = "WARN"
		if of, is := call.Args[1].(*ast.SelectorExpr); is {
			level = strings.ToUpper(strings.TrimPrefix(of.Sel.Name, "Level"))
		}
	}
	with := slices.Clone(how.with)
	for _, arg := range call.Args[how.text+1:] {
		attr, is := arg.(*ast.CallExpr)
		if is && len(attr.Args) == 2 {
			arg = attr.Args[0]
		}
		if key, is := arg.(*ast.BasicLit); is && key.Kind == token.STRING {
			with = append(with, wordsOf(key, nil))
		}
	}
	return row(level, text, with)
}

func row(level, text string, with []string) string {
	return fmt.Sprintf("| %s | `%s` | %s |\n", level, strings.ReplaceAll(text, "|", `\|`), strings.Join(with, ", "))
}

// wordsOf is a text as the source has it, with dots for what comes in at run time;
// empty for one that stands elsewhere.
func wordsOf(e ast.Expr, constants map[string]string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, _ := strconv.Unquote(e.Value)
			return strings.NewReplacer("%s", "…", "%d", "…").Replace(s)
		}
	case *ast.Ident:
		return constants[e.Name]
	case *ast.BinaryExpr:
		left, right := wordsOf(e.X, constants), wordsOf(e.Y, constants)
		if left == "" && right == "" {
			return ""
		}
		return strings.ReplaceAll(orDots(left)+orDots(right), "……", "…")
	case *ast.CallExpr:
		if f, is := e.Fun.(*ast.SelectorExpr); is && f.Sel.Name == "Sprintf" {
			return wordsOf(e.Args[0], constants)
		}
	}
	return ""
}

func orDots(s string) string {
	if s == "" {
		return "…"
	}
	return s
}
