package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// listed is what "go list" says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func goList(t *testing.T, packages ...string) (all []listed) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, packages...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
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

// mayUse says which parts of the product each part may import, its own
// sub-packages apart. What is not in it may use nothing of the product, and
// everything may use letter.
var mayUse = map[string][]string{
	"cmd/letterlock":     {"cmd/commandline", "cmd/configfile", "cmd/invitation", "cmd/progress", "cmd/sitekey", "cmd/supervised", "pipeline", "pipeline/archive", "pipeline/backup", "pipeline/certificate", "pipeline/durable", "pipeline/evidence", "pipeline/keyring", "pipeline/mail", "pipeline/portal", "pipeline/register", "pipeline/retention", "pipeline/texts", "pipeline/witness", "scanner", "scanner/deposit", "scanner/folder", "scanner/page", "scanner/pdf", "scanner/separator", "scanner/specimen", "scanner/texts", "scanner/words"},
	"cmd/scanner":        {"cmd/commandline", "cmd/configfile", "cmd/invitation", "cmd/progress", "cmd/sitekey", "cmd/supervised", "scanner", "scanner/child", "scanner/deposit", "scanner/disk", "scanner/folder", "scanner/page", "scanner/pdf", "scanner/seal", "scanner/separator", "scanner/texts", "scanner/words"},
	"cmd/configfile":     {"cmd/commandline"},
	"cmd/progress":       {"scanner/words"},
	"cmd/release":        {"cmd/commandline"},
	"cmd/sitekey":        {"cmd/configfile", "scanner", "scanner/disk"},
	"pipeline":           {"pipeline/archive", "pipeline/keyring", "pipeline/mail", "pipeline/portal", "pipeline/register", "pipeline/texts", "scanner/child", "scanner/deposit", "scanner/disk", "scanner/page", "scanner/pdf", "scanner/seal", "scanner/words"},
	"pipeline/archive":   {"scanner/deposit"},
	"pipeline/backup":    {"pipeline/durable"},
	"pipeline/evidence":  {"pipeline/register", "pipeline/texts", "scanner/words"},
	"pipeline/keyring":   {"pipeline/durable"},
	"pipeline/mail":      {"pipeline/durable", "pipeline/texts"},
	"pipeline/portal":    {"pipeline/register", "pipeline/texts", "scanner/realpart"},
	"pipeline/register":  {"scanner/realpart"},
	"pipeline/retention": {"pipeline/register", "pipeline/texts"},
	"pipeline/texts":     {"scanner/texts"},
	"pipeline/witness":   {"pipeline/durable", "pipeline/register"},
	"scanner":            {"scanner/deposit", "scanner/disk", "scanner/folder", "scanner/inspect", "scanner/page", "scanner/pdf", "scanner/seal", "scanner/separator", "scanner/texts", "scanner/words"},
	"scanner/deposit":    {"scanner/realpart"},
	"scanner/folder":     {"scanner/disk", "scanner/texts", "scanner/words"},
	"scanner/inspect":    {"scanner/page", "scanner/pdf"},
	"scanner/page":       {"scanner/child"},
	"scanner/pdf":        {"scanner/child"},
	"scanner/separator":  {"scanner/texts"},
	"scanner/sharetest":  {"scanner/realpart"},
}

// Imports run one way: cmd to pipeline and scanner, pipeline to the scanner's
// leaves, and nothing back. Of its siblings a part of a tree knows those that mayUse
// names for it, and no other.
func TestImportsRunOneWay(t *testing.T) {
	for _, p := range goList(t, "letterlock/...") {
		from := part(p.ImportPath)
		for _, i := range p.Imports {
			if to := part(i); to != "" && to != from && to != "scanner/letter" && !slices.Contains(mayUse[from], to) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

// part is the folder, two levels deep at most, that a package of the product
// belongs to; "" for others' packages.
func part(importPath string) string {
	below, ok := strings.CutPrefix(importPath, "letterlock/")
	if !ok {
		return ""
	}
	names := strings.SplitN(below, "/", 3)
	return strings.Join(names[:min(2, len(names))], "/")
}

// A scanner PC links nothing that only a server needs, and no release links
// what only tests need.
func TestTheEdgeLinksNoServer(t *testing.T) {
	for _, p := range goList(t, "letterlock/cmd/scanner", "letterlock/cmd/letterlock") {
		for _, dep := range p.Deps {
			// database/sql/driver is a few interfaces, which ids of other
			// modules implement; the database machinery is database/sql itself.
			server := dep == "database/sql" || dep == "net/smtp" || strings.HasPrefix(dep, "letterlock/pipeline") ||
				containsAny(dep, "sqlite", "riverqueue", "go-mail", "pgx", "webauthn", "goose")
			if server && strings.HasSuffix(p.ImportPath, "/scanner") {
				t.Errorf("the scanner links %s", dep)
			}
			if dep == "testing" || containsAny(dep, "configtest", "dnstest", "killtest", "deposittest", "lyingtest", "portaltest", "postgrestest", "terminaltest", "realpart", "chromedp", "minio/minio/") {
				t.Errorf("%s links %s", p.ImportPath, dep)
			}
		}
	}
}

func containsAny(s string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}
