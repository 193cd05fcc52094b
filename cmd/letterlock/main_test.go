package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"letterlock/cmd/dnstest"
	"letterlock/cmd/killtest"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// clockEnv names a file that says by how much the program's clock is wrong.
const clockEnv = "LETTERLOCK_TEST_CLOCK"

// wrongBy is a clock that is wrong by what stands in that file.
func wrongBy(file string) func() time.Time {
	return func() time.Time {
		text, err := os.ReadFile(file)
		by, wrong := time.ParseDuration(string(text))
		if err := errors.Join(err, wrong); err != nil {
			panic(err)
		}
		return time.Now().Add(by)
	}
}

// paceEnv says how often the roles look for work, for a test that cannot wait.
const paceEnv = "LETTERLOCK_TEST_PACE"

func TestMain(m *testing.M) {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return
	}
	testscript.Main(tests{m}, map[string]func(){"letterlock": func() {
		killtest.Arm(&crashPoint)
		dnstest.Arm()
		if at := os.Getenv(clockEnv); at != "" {
			systemClock = wrongBy(at)
		}
		pace, _ = time.ParseDuration(os.Getenv(paceEnv)) // 0 where it is not set
		main()
	}})
}

// patience is how long a test waits for what it wants: on a busy machine everything
// takes its time, and only what never comes costs that much.
const patience = 5 * time.Minute

// today is the program's day, whatever time it is where the tests run.
func today() letter.Date { return letter.DateOf(time.Now()) }

// tests are all of the package's.
type tests struct{ *testing.M }

// Run runs them, and removes what they have shared.
func (t tests) Run() int {
	status := t.M.Run()
	if dir, err := sharedFolder(); err == nil {
		_ = os.RemoveAll(dir)
	}
	return status
}

// sharedFolder is for what is made once for several tests, and goes after the last.
var sharedFolder = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "letterlock-tests-") })

// TestScripts runs the stories of testdata/script: the program as its user
// runs it. Beside testscript's own commands they may use those below.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("METRICS", realpart.Address(t)) // where a story's program may give its numbers
			return warm(filepath.Join(env.WorkDir, "data"))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"until":   until,
			"scan":    drawScan,
			"cut":     cut,
			"edit":    edit,
			"canary":  canary,
			"listens": listens,
			"fetches": fetches,
			"visits":  visits,
			"unzips":  unzips,
		},
	})
}

// warm gives a data folder the compiled page renderer, which every first start
// would else spend ten seconds on. It is compiled once for all tests.
func warm(data string) error {
	cache, err := compiled()
	if err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(data, "state", "cache"), os.DirFS(cache))
}

// compiled is kept from run to run, as the other packages' tests keep it.
var compiled = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.UserCacheDir(); err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "letterlock-test-pdfium")
	pages, err := page.Open(page.Config{CacheDir: dir})
	if err != nil {
		return "", err
	}
	return dir, errors.Join(pages.Warm(context.Background()), pages.Close())
})

// until runs a command again and again until its output matches: until REGEXP letterlock status --json
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] until REGEXP COMMAND [ARG...]")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(300 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, args[1], args[2:]...)
		if p := filepath.Join(ts.Getenv("TESTSCRIPT_BIN"), args[1]); exists(p) {
			cmd.Path = p
		}
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "LETTERLOCK_DATA=" + ts.Getenv("LETTERLOCK_DATA")}
		out, _ := cmd.CombinedOutput()
		cancel()
		if last = string(out); want.MatchString(last) != neg {
			return
		}
	}
	ts.Fatalf("waited in vain for %q; last seen:\n%s", args[0], last)
}

// drawScan draws a letter into a file: scan pdf|tiff|jpeg|png FILE PAGES [CANARY]
func drawScan(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: scan FORMAT FILE PAGES [CANARY]")
	}
	pages, err := strconv.Atoi(args[2])
	ts.Check(err)
	l := specimen.New(uint64(len(args[1])), pages)
	if len(args) > 3 {
		l.Canary = args[3]
	}
	scan := draw(args[0], l)
	if scan == nil {
		ts.Fatalf("no format %q", args[0])
	}
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[1])), 0o700))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), scan, 0o600))
}

func draw(format string, l specimen.Letter) []byte {
	switch format {
	case "pdf":
		return l.ColourPDF()
	case "tiff":
		return l.G4TIFF()
	case "jpeg":
		return l.JPEG(1)
	case "png":
		return l.PNG(1)
	}
	return nil
}

// cut shortens a file to a percentage of its length: cut FILE PERCENT
func cut(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	percent, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()*int64(percent)/100))
}

// edit replaces the first occurrence of a text in a file: edit FILE OLD NEW
func edit(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// canary searches every file below a folder for words, in names and bytes: [!] canary DIR WORD...
func canary(ts *testscript.TestScript, neg bool, args []string) {
	for _, word := range args[1:] {
		found := searchTree(ts.MkAbs(args[0]), word)
		if neg && len(found) > 0 {
			ts.Fatalf("%q is in %v", word, found)
		}
		if !neg && len(found) == 0 {
			ts.Fatalf("%q is nowhere: the search cannot fail", word)
		}
	}
}

// searchTree lists the files below a folder that hold one of the words, in their
// names or bytes.
func searchTree(dir string, words ...string) (found []string) {
	// Bytes, not text: each file would be copied for that, and a data folder holds PDFium.
	holds := func(b []byte) bool {
		return slices.ContainsFunc(words, func(word string) bool { return bytes.Contains(b, []byte(word)) })
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if holds([]byte(d.Name())) {
			found = append(found, path)
		} else if d.Type().IsRegular() {
			if b, err := os.ReadFile(path); err == nil && holds(b) {
				found = append(found, path)
			}
		}
		return nil
	})
	return found
}

// listens waits until a program's output file holds the portal's address.
func listens(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(`(?s)The portal is at +(http://localhost:\d+)\n.*\n(?:First sign-in|CLOSED) [^\n]*\n`)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil {
			if said := want.FindSubmatch(b); said != nil {
				ts.Setenv("PORTAL", string(said[1]))
				return
			}
		}
	}
	ts.Fatalf("the portal's address was never said")
}

// fetches reads an address until the answer, its status first, matches: fetches URL REGEXP
func fetches(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile("(?m)" + args[1])
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(res.Body)
		ts.Check(errors.Join(err, res.Body.Close()))
		if last = res.Status + "\n" + string(body); want.MatchString(last) {
			return
		}
	}
	ts.Fatalf("%s never said %q; last:\n%s", args[0], args[1], last)
}
