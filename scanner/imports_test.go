package scanner

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "letterlock"

// listed is what "go list" says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func goList(t *testing.T, args ...string) (all []listed) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("%v: %s", err, exit.Stderr)
	} else if err != nil {
		t.Skip("needs the go command: install Go")
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
}

// TestImportsRunOneWay holds the layout: the scanner knows nothing of the
// pipeline, and its parts do not know each other. Everything may use letter,
// a part its own sub-packages, and whatever runs in a child process the one
// piece of code that starts and confines it.
func TestImportsRunOneWay(t *testing.T) {
	for _, p := range goList(t, "./...") {
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module+"/pipeline") || strings.HasPrefix(i, module+"/cmd") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			from, to := part(p.ImportPath), part(i)
			free := to == "" || to == "letter" || to == from || i == module+"/scanner/pdf/child"
			if from != "" && !free {
				t.Errorf("%s imports its sibling %s", p.ImportPath, i)
			}
		}
	}
}

// part is the folder below scanner/ that a package belongs to.
func part(importPath string) string {
	below, ok := strings.CutPrefix(importPath, module+"/scanner/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(below, "/")
	return name
}

// TestTheEdgeLinksNoServer keeps out of a scanner PC what only a server needs.
func TestTheEdgeLinksNoServer(t *testing.T) {
	programs := []string{"."}
	if _, err := os.Stat("../cmd/scanner"); err == nil {
		programs = append(programs, "../cmd/scanner")
	}
	for _, p := range goList(t, programs...) {
		for _, dep := range p.Deps {
			// database/sql/driver is a few interfaces, which ids of other
			// modules implement; the database machinery is database/sql itself.
			bad := dep == "database/sql"
			for _, part := range []string{module + "/pipeline", "net/smtp", "go-mail", "riverqueue", "sqlite", "pgx"} {
				bad = bad || strings.Contains(dep, part)
			}
			if bad {
				t.Errorf("%s links %s", p.ImportPath, dep)
			}
		}
	}
}
