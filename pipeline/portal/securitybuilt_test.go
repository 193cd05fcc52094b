package portal

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
)

// sourceFile is one file of what a release is made of.
type sourceFile struct {
	*ast.File
	path   string          // from the top, with slashes
	consts map[string]bool // of its package
}

// readSource reads all Go files of which a release is made: no tests, no parts that only
// tests use, which know the package testing or are called after it, and nothing of what
// makes a release.
func readSource(t *testing.T) (files []sourceFile) {
	t.Helper()
	folders := map[string][]sourceFile{}
	forTests := map[string]bool{"cmd/release": true, "scanner/realpart": true}
	must(t, filepath.WalkDir("../..", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		is := filepath.ToSlash(strings.TrimPrefix(name, filepath.Join("..", "..")+string(filepath.Separator)))
		folder := path.Dir(is)
		forTests[folder] = forTests[folder] || strings.HasSuffix(folder, "test") || slices.Contains(imported(file), "testing")
		folders[folder] = append(folders[folder], sourceFile{File: file, path: is})
		return nil
	}))
	for folder, all := range folders {
		consts := map[string]bool{}
		for _, f := range all {
			for _, d := range f.Decls {
				if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.CONST {
					for _, s := range d.Specs {
						for _, name := range s.(*ast.ValueSpec).Names {
							consts[name.Name] = true
						}
					}
				}
			}
		}
		for _, f := range all {
			if f.consts = consts; !forTests[folder] {
				files = append(files, f)
			}
		}
	}
	if len(files) < 300 {
		t.Fatalf("only %d files of the source are found", len(files))
	}
	return files
}

func imported(f *ast.File) (all []string) {
	for _, i := range f.Imports {
		name, _ := strconv.Unquote(i.Path.Value)
		all = append(all, name)
	}
	return all
}

// calls runs f with every call in the file of something by its package's or its value's
// name, as in "fmt.Sprintf".
func (s sourceFile) calls(f func(name string, args []ast.Expr)) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fun, ok := call.Fun.(*ast.SelectorExpr); ok {
				of := "…"
				if x, ok := fun.X.(*ast.Ident); ok {
					of = x.Name
				}
				f(of+"."+fun.Sel.Name, call.Args)
			}
		}
		return true
	})
}

// written reports whether the expression stands in the code: nothing that comes in is in
// it, unless quoted.
func (s sourceFile) written(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return s.consts[e.Name]
	case *ast.BinaryExpr:
		return s.written(e.X) && s.written(e.Y)
	case *ast.CallExpr:
		fun, ok := e.Fun.(*ast.SelectorExpr)
		return ok && fun.Sel.Name == "QuoteMeta"
	}
	return false
}

// Nothing that comes in is run, or becomes part of what says how something is done:
// programs, regular expressions, templates, formats, files that are served.
func TestNothingThatComesInIsCode(t *testing.T) {
	seen := map[string]int{}
	for _, f := range readSource(t) {
		f.calls(func(name string, args []ast.Expr) {
			ok := true
			switch name {
			case "exec.Command", "exec.CommandContext":
				// Its own child, and Samba's testparm: neither is a shell.
				ok = f.path == "scanner/child/child.go" || f.path == "scanner/folder/samba.go" && args[1].(*ast.BasicLit).Value == `"testparm"`
			case "regexp.MustCompile", "regexp.Compile", "regexp.MustCompilePOSIX", "regexp.MatchString":
				ok = !strings.HasPrefix(f.path, "pipeline/") || f.written(args[0])
			case "fmt.Sprintf", "fmt.Errorf", "fmt.Printf":
				ok = !strings.HasPrefix(f.path, "pipeline/portal/") || f.written(args[0])
			case "fmt.Fprintf", "fmt.Appendf":
				ok = !strings.HasPrefix(f.path, "pipeline/portal/") || f.written(args[1])
			case "….ParseFS": // which holds what was there when the program was made
				ok = args[0].(*ast.Ident).Name == "templates"
			case "template.ParseFiles", "template.ParseGlob", "….ParseFiles", "….ParseGlob",
				"http.FileServer", "http.FileServerFS", "http.ServeFile", "http.Dir", "os.DirFS":
				ok = false
			default:
				return
			}
			if seen[name]++; !ok {
				t.Errorf("%s has %s with something that does not stand in the code", f.path, name)
			}
		})
		ast.Inspect(f.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fun, ok := call.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == "Parse" {
				if x, ok := fun.X.(*ast.CallExpr); ok && strings.HasPrefix(fmt.Sprint(x.Fun), "&{template ") {
					if seen["Parse"]++; !f.written(call.Args[0]) {
						t.Errorf("%s makes a template of something that does not stand in the code", f.path)
					}
				}
			}
			return true
		})
	}
	for _, name := range []string{"exec.Command", "exec.CommandContext", "regexp.MustCompile", "fmt.Sprintf", "….ParseFS", "Parse"} {
		if seen[name] == 0 {
			t.Errorf("no %s is found: this test looks in the wrong place", name)
		}
	}
}

// Memory is Go's own to look after, nothing reads XML with a reader of this program, and
// what is secret is made with known cryptography.
func TestTheSourceUsesSafePartsAlone(t *testing.T) {
	cryptography := []string{"crypto", "crypto/aes", "crypto/cipher", "crypto/ed25519", "crypto/hmac", "crypto/rand", "crypto/sha256", "crypto/subtle", "crypto/tls", "crypto/x509", "golang.org/x/crypto/argon2"}
	for _, f := range readSource(t) {
		for _, name := range imported(f.File) {
			switch {
			case name == "C" || name == "unsafe" || name == "encoding/xml",
				strings.Contains(name, "crypto") && !slices.Contains(cryptography, name),
				// What is drawn or measured with these guards nothing.
				strings.HasPrefix(name, "math/rand") && !slices.Contains([]string{"scanner/specimen", "scanner/inspect"}, path.Dir(f.path)):
				t.Errorf("%s uses %s", f.path, name)
			}
		}
	}
}

// go.mod and go.sum list every library that is used, with its version and its hash, and
// each run of the tests looks them up.
func TestLibrariesAreListed(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	must(t, err)
	sum, err := os.ReadFile("../../go.sum")
	must(t, err)
	var known []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) (v\S+)`).FindAllStringSubmatch(string(mod), -1) {
		if known = append(known, m[1]); !strings.Contains(string(sum), "\n"+m[1]+" "+m[2]+" h1:") {
			t.Errorf("%s %s has no hash", m[1], m[2])
		}
	}
	for _, f := range readSource(t) {
		for _, name := range imported(f.File) {
			if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") &&
				!slices.ContainsFunc(known, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") }) {
				t.Errorf("%s uses %s, which is not listed", f.path, name)
			}
		}
	}
	run, err := os.ReadFile("../../.ci/run")
	must(t, err)
	if !regexp.MustCompile(`(?m)^\s*govulncheck \./\.\.\.$`).Match(run) {
		t.Error("no run of the tests looks them up")
	}
}

// The scripts make no objects of what comes in, write no HTML, and read nothing that
// another window says.
func TestScriptsTakeNothingIn(t *testing.T) {
	files, err := filepath.Glob("static/*.js")
	must(t, err)
	if len(files) < 3 {
		t.Fatalf("only %d scripts are found", len(files))
	}
	for _, name := range files {
		script, err := os.ReadFile(name)
		must(t, err)
		if found := regexp.MustCompile(`__proto__|prototype|Object\.assign|\binnerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|window\.postMessage|\.data\b|addEventListener\("message", (?:\(|\w+ =>)`).Find(script); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}

// Where a request ends is never in doubt: what two servers could read in two ways is
// refused, and the connection with it.
func TestWhereARequestEndsIsClear(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.portal)
	defer server.Close()
	for _, head := range []string{
		"Content-Length: 4\r\nContent-Length: 44", "Content-Length: 4, 44", "Content-Length: +4", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
		"Content-Length : 4", "Transfer-Encoding\t: chunked",
	} {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = fmt.Fprintf(c, "POST /sign-out HTTP/1.1\r\nHost: localhost:8080\r\n%s\r\n\r\n0\r\n\r\nGET /policy HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", head)
		must(t, err)
		in := bufio.NewReader(c)
		answer, err := http.ReadResponse(in, nil)
		must(t, err)
		if answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusNotImplemented {
			t.Errorf("%q: answered %s", head, answer.Status)
		}
		if !answer.Close {
			t.Errorf("%q: the connection is used further", head)
		}
		_ = c.Close()
	}
}

// Each line of the log has its time with its zone, and only what reads the command line
// decides where they go.
func TestLinesOfTheLog(t *testing.T) {
	h := newHouse(t)
	h.as(h.lead).get("/letters")
	h.nobody().get("/nowhere")
	for line := range strings.Lines(h.log.String()) {
		if !regexp.MustCompile(`^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) level=`).MatchString(line) {
			t.Errorf("it does not say when: %s", line)
		}
	}
	if h.log.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, f := range readSource(t) {
		f.calls(func(name string, _ []ast.Expr) {
			switch name {
			case "slog.NewTextHandler", "slog.NewJSONHandler", "slog.SetDefault", "log.SetOutput":
				if f.path != "cmd/commandline/log.go" {
					t.Errorf("%s logs on its own, with %s", f.path, name)
				}
			}
		})
	}
}

// What a form has beside its own fields changes nothing.
func TestAFormChangesItsOwnFieldsAlone(t *testing.T) {
	h := newHouse(t)
	admin, path := h.as(h.admin), personPath(h.ops)
	before, err := h.register.Person(t.Context(), h.ops)
	must(t, err)
	admin.showsAgain(path + "/edit")
	form := map[string][]string{"name": {"Ola Newname"}, "email": {"ola@example.org"}, "role": {string(register.Administrator)}, "Role": {string(register.Manager)},
		"number": {"99"}, "person": {strconv.FormatInt(h.dpo, 10)}, "handle": {"x"}, "disabled": {"1"}, "by": {"1"}}
	wantRedirect(t, admin.post(path+"/edit", form), path+"?done=changed")
	after, err := h.register.Person(t.Context(), h.ops)
	must(t, err)
	before.Name, before.Email = "Ola Newname", "ola@example.org"
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("it became %+v", after)
	}
	if other, err := h.register.Person(t.Context(), h.dpo); err != nil || other.Name != "Dee Protect" {
		t.Errorf("somebody else was changed: %+v, %v", other, err)
	}
}
