package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/cmd/configfile/configtest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// What pipeline/README.md says of the formats is enough for another program: this
// one knows nothing of Letterlock's code, opens a letter with stock age, and
// verifies its receipt and the register.
func TestTheFormatsAreAsThePageSays(t *testing.T) {
	age := realpart.Tool(t, "age", "age 1.3 (filippo.io/age/cmd/age)")
	data := newData(t)
	p := start(t, data, "")
	p.isSetUp()
	must(t, os.WriteFile(filepath.Join(data, "scanner", "respect-phoneline", "scan.pdf"), specimen.New(5, 2).ColourPDF(), 0o600))
	p.eventually("verified", func() bool {
		found, _ := filepath.Glob(filepath.Join(data, "bucket", "receipts", "*", "*"))
		return len(found) > 0
	})
	custodians := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	command(t, data, append([]string{"key", "escrow", "make"}, custodians...)...)
	export := command(t, data, "register", "export")
	p.stop()

	objects, err := filepath.Glob(filepath.Join(data, "bucket", "letters", "six-months", "*", "*", "*.age"))
	must(t, err)
	if len(objects) != 1 {
		t.Fatalf("there are %d letters", len(objects))
	}
	id := strings.TrimSuffix(filepath.Base(objects[0]), ".age")
	day, err := time.Parse(time.DateOnly, filepath.Base(filepath.Dir(objects[0])))
	must(t, err)
	pdf, err := exec.Command(age, "-d", "-i", filepath.Join(data, "keyring", weekOf(day)+".txt"), objects[0]).Output()
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("age opens %d bytes, %v", len(pdf), err)
	}

	receipts, err := filepath.Glob(filepath.Join(data, "bucket", "receipts", "office", id))
	must(t, err)
	server := strings.Split(read(t, filepath.Join(data, "state", "server.key")), "\n")[1]
	kind, body, _ := strings.Cut(signedText(t, read(t, receipts[0]), server), "\n")
	var receipt struct{ ID, SHA256, Paper string }
	must(t, json.Unmarshal([]byte(body), &receipt))
	if sum := sha256.Sum256([]byte(read(t, objects[0]))); kind != "letterlock receipt v1" || receipt.ID != id || receipt.SHA256 != hex.EncodeToString(sum[:]) || receipt.Paper != "kept" {
		t.Errorf("%s: %+v", kind, receipt)
	}
	public := strings.TrimSpace(read(t, filepath.Join(data, "register.pub")))
	readRegister(t, export, public)
	readDay(t, data, public)
	if key := keyOfShares(t, custodians[0], custodians[2], weekOf(day)); !strings.Contains(read(t, filepath.Join(data, "keyring", weekOf(day)+".txt")), "\n"+key+"\n") {
		t.Error("two shares do not give the week's key")
	}
	changed := strings.Replace(export, `"pages":2`, `"pages":3`, 1)
	if root(leaves(export)) == root(leaves(changed)) {
		t.Error("a changed entry has the same root")
	}
}

// weekOf is the expiry week of what was received on a day.
func weekOf(day time.Time) string {
	first := time.Date(day.Year(), day.Month()+6, 1, 12, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	year, week := first.AddDate(0, 0, min(day.Day(), last)-1).ISOWeek()
	return fmt.Sprintf("x%04d-W%02d", year, week)
}

// signedText is the text of a note that the key has signed.
func signedText(t *testing.T, msg, key string) string {
	t.Helper()
	at := strings.LastIndex(msg, "\n\n")
	text := msg[:at+1]
	words := strings.Fields(msg[at+2:])
	parts := strings.SplitN(key, "+", 3)
	public, err := base64.StdEncoding.DecodeString(parts[2])
	must(t, err)
	signature, err := base64.StdEncoding.DecodeString(words[2])
	must(t, err)
	named := sha256.Sum256(append([]byte(parts[0]+"\n"), public...))
	if words[1] != parts[0] || hex.EncodeToString(signature[:4]) != parts[1] || !bytes.Equal(named[:4], signature[:4]) ||
		public[0] != 1 || !ed25519.Verify(public[1:], []byte(text), signature[4:]) {
		t.Fatalf("%s has not signed\n%s", key, msg)
	}
	return text
}

func leaves(export string) []string {
	lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
	return lines[:len(lines)-1]
}

// root is the hash of a tree of lines.
func root(lines []string) [sha256.Size]byte {
	if len(lines) == 1 {
		return sha256.Sum256(append([]byte{0}, lines[0]...))
	}
	half := 1
	for half*2 < len(lines) {
		half *= 2
	}
	left, right := root(lines[:half]), root(lines[half:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// readRegister reads every line of an export and verifies its checkpoint.
func readRegister(t *testing.T, export, key string) {
	t.Helper()
	all := leaves(export)
	for i, line := range all {
		var e struct {
			N    int
			At   time.Time
			Kind string
		}
		must(t, json.Unmarshal([]byte(line), &e))
		if e.N != i || e.At.IsZero() || !strings.Contains(read(t, pipelinePage), "| `"+e.Kind+"` |") {
			t.Errorf("line %d: %s", i, line)
		}
	}
	var last struct{ Checkpoint string }
	must(t, json.Unmarshal([]byte(strings.TrimSuffix(export, "\n")[strings.LastIndex(strings.TrimSuffix(export, "\n"), "\n")+1:]), &last))
	hash := root(all)
	if got, want := signedText(t, last.Checkpoint, key), "letterlock register\n"+strconv.Itoa(len(all))+"\n"+base64.StdEncoding.EncodeToString(hash[:])+"\n"; got != want {
		t.Errorf("the checkpoint says %q, and the lines %q", got, want)
	}
}

// readDay reads the day's checkpoint in the bucket.
func readDay(t *testing.T, data, key string) {
	t.Helper()
	days, err := filepath.Glob(filepath.Join(data, "bucket", "checkpoints", "????-??-??"))
	must(t, err)
	if len(days) == 0 {
		t.Fatal("no day has a checkpoint")
	}
	var day struct{ Checkpoint string }
	must(t, json.Unmarshal([]byte(read(t, days[0])), &day))
	if !strings.HasPrefix(signedText(t, day.Checkpoint, key), "letterlock register\n") {
		t.Errorf("the day's checkpoint is %q", day.Checkpoint)
	}
}

// keyOfShares is the key that the files of two custodians give.
func keyOfShares(t *testing.T, one, other, week string) string {
	t.Helper()
	parts, set := map[string][]byte{}, map[string]bool{}
	for _, folder := range []string{one, other} {
		files, err := filepath.Glob(filepath.Join(folder, "letterlock-"+week+"-custodian-?.txt"))
		must(t, err)
		if len(files) != 1 {
			t.Fatalf("a custodian has %d shares of week %s", len(files), week)
		}
		text := read(t, files[0])
		before, sum, _ := strings.Cut(text, "sum ")
		if whole := sha256.Sum256([]byte(before)); hex.EncodeToString(whole[:8]) != strings.TrimSpace(sum) {
			t.Errorf("the sum of a share is %s", sum)
		}
		for line := range strings.Lines(text) {
			switch name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name {
			case "set":
				set[value] = true
			case "part1", "part2", "part3":
				parts[name], err = hex.DecodeString(value)
				must(t, err)
			}
		}
	}
	if len(parts) != 3 || len(set) != 1 {
		t.Fatalf("two shares have %d parts of %d makings", len(parts), len(set))
	}
	secret := parts["part1"]
	for i := range secret {
		secret[i] ^= parts["part2"][i] ^ parts["part3"][i]
	}
	return string(secret)
}

// The page leaves out no kind of statement that the code signs, and no place in the
// bucket that it writes.
func TestThePageNamesEveryStatementAndEveryPlace(t *testing.T) {
	page, found := read(t, pipelinePage), map[string]bool{}
	said := regexp.MustCompile(`"((?:letterlock [a-z ]+ v[0-9]+)|(?:(?:keys|letters|incoming|receipts|checkpoints)/[a-z/]*)|letterlock\.trial)"`)
	for _, tree := range []string{"../../scanner", "../../pipeline"} {
		must(t, filepath.WalkDir(tree, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				for _, m := range said.FindAllStringSubmatch(read(t, path), -1) {
					found[m[1]] = true
				}
			}
			return err
		}))
	}
	if len(found) < 20 {
		t.Fatalf("only %d were found: %v", len(found), found)
	}
	for what := range found {
		named := "| `" + what + "` |"
		if strings.HasSuffix(what, "/") || what == "letterlock.trial" {
			named = what
		}
		if !strings.Contains(page, named) {
			t.Errorf("the page does not name %s", what)
		}
	}
}

const pipelinePage = "../../pipeline/README.md"

// The page lists every kind of entry, in the words of its comment.
func TestReadmeOfThePipelineHoldsEveryEntry(t *testing.T) {
	files, err := filepath.Glob("../../pipeline/register/*.go")
	must(t, err)
	kinds := map[string]string{} // by the name of their type
	types := map[string]*ast.TypeSpec{}
	docs := map[string]string{}
	kind := regexp.MustCompile(`(?m)^func \((\w+)\) kind\(\) string +\{ return "([a-z0-9-]+)" \}`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range kind.FindAllStringSubmatch(read(t, f), -1) {
			kinds[m[1]] = m[2]
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments)
		must(t, err)
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				for _, s := range g.Specs {
					spec := s.(*ast.TypeSpec)
					types[spec.Name.Name] = spec
					docs[spec.Name.Name] = g.Doc.Text() + spec.Doc.Text()
				}
			}
		}
	}
	if len(kinds) < 50 {
		t.Fatalf("only %d kinds were found", len(kinds))
	}
	var rows []string
	for name, k := range kinds {
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", k, fieldsOf(t, types[name]), cell(strings.TrimPrefix(strings.TrimPrefix(docs[name], name+" "), "says that "))))
	}
	sort.Strings(rows)
	configtest.Part(t, pipelinePage, "entries", "| kind | data | what it says |\n|---|---|---|\n"+strings.Join(rows, ""))
}

// fieldsOf are an event's fields as they stand in data, each with its comment.
func fieldsOf(t *testing.T, spec *ast.TypeSpec) string {
	t.Helper()
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		t.Fatalf("%s is no struct", spec.Name.Name)
	}
	var out []string
	for _, f := range fields.Fields.List {
		if f.Tag == nil {
			continue // of another struct, whose fields it has
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		must(t, err)
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		says := cell(f.Comment.Text() + f.Doc.Text())
		if says != "" {
			says = ": " + says
		}
		out = append(out, "`"+name+"`"+says)
	}
	return strings.Join(out, "<br>")
}

// cell is text in a cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
