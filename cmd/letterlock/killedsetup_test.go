package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/lyingtest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// halfway is a set-up that is cut off again and again, each time run anew with the same
// words.
type halfway struct {
	*apart
	args []string
}

func newHalfway(t *testing.T, s3 *deposittest.Server, lie lyingtest.Lie, more ...string) *halfway {
	t.Helper()
	root := t.TempDir()
	h := &halfway{apart: &apart{t: t, s3: s3.Config(), data: newData(t), binary: buildScanner(t),
		edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans")}}
	h.s3 = lyingtest.Before(t, h.s3, lie, nil)
	stick := filepath.Join(root, "storage-admin")
	must(t, os.WriteFile(stick, []byte(h.s3.AccessKey+"\n"+h.s3.SecretKey+"\n"), 0o600))
	h.args = append([]string{"setup", "--no-input", "--storage", h.s3.Endpoint, "--bucket", h.s3.Bucket,
		"--server-user", "server-of-" + h.s3.Bucket[:20], "--storage-admin", stick, "--admin-name", "Ada Example",
		"--helpline", "respect-phoneline=Respect Phoneline",
		"--edge", "annexe-" + h.s3.Bucket[8:14], "--edge-folder", h.edge, "--scans", h.scans}, more...)
	return h
}

// goesOn runs set-up once more, and then what it has made: everything is there, once, and
// a letter goes its whole way.
func (h *halfway) goesOn() {
	h.t.Helper()
	said := command(h.t, h.data, h.args...)
	for _, line := range []string{"Bucket: ready, its deletion rules are Letterlock's.", "Keys: the recipients list is in the bucket.",
		"person=1 with the code that was said before", "letterlock user code 1", "Scanner: annexe-"} {
		if !strings.Contains(said, line) {
			h.t.Errorf("it does not say %q:\n%s", line, said)
		}
	}
	made := contents(h.t, h.data) + contents(h.t, h.edge)
	command(h.t, h.data, h.args...)
	if contents(h.t, h.data)+contents(h.t, h.edge) != made {
		h.t.Error("run once more, it has changed something")
	}
	for _, left := range []string{".next", ".unfinished"} {
		if found, _ := filepath.Glob(filepath.Join(h.data, "*"+left+"*")); len(found) > 0 {
			h.t.Errorf("left over: %v", found)
		}
	}
	if code := command(h.t, h.data, "user", "code", "1"); !regexp.MustCompile(`[0-9A-Z]{4}-`).MatchString(code) {
		h.t.Errorf("another code: %s", code)
	}
	h.settlesIn()
	must(h.t, os.MkdirAll(filepath.Join(h.scans, "respect-phoneline"), 0o700))
	must(h.t, os.WriteFile(filepath.Join(h.scans, "respect-phoneline", "first.tif"), specimen.New(1, 1).G4TIFF(), 0o600))
	server, scanner := h.serve(), h.scan("")
	server.eventually("the first letter is announced and the scan gone", func() bool {
		now := server.status()
		return now.Letters[register.Notified] == 1 && len(claimed(h.scans)) == 0
	})
	scanner.stop()
	server.stop()
	kinds := entries(h.t, h.data)
	for _, kind := range []string{"folder-made", "lifecycle-installed", "edge-added", "letter-receipted"} {
		if n := count(kinds, kind); n != 1 {
			h.t.Errorf("%d entries %s", n, kind)
		}
	}
	if n := count(kinds, "person-added"); n != 2 { // the administrator, and who reads the letter
		h.t.Errorf("%d people", n)
	}
	keys, err := filepath.Glob(filepath.Join(h.data, "keyring", "x*.txt"))
	if must(h.t, err); count(kinds, "key-made") != len(keys) {
		h.t.Errorf("%d keys were recorded, and %d are there", count(kinds, "key-made"), len(keys))
	}
}

// severed cuts a command off at the storage: when it asks for a change of a kind that was
// not asked for before, and once more when that kind of change is made and the answer is
// not heard.
type severed struct {
	mu   sync.Mutex
	runs *exec.Cmd // nil where nothing is cut off
	seen []string
	at   string // where the command was cut off; "" for nowhere
}

// kindOf tells one change from another. What tries the storage out has names of its own.
func kindOf(r *http.Request) string {
	q := r.URL.Query()
	_, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if strings.HasPrefix(path, archive.TrialPrefix) {
		path = archive.TrialPrefix
	}
	what := []string{r.Method, path, q.Get("name"), q.Get("accessKey"), q.Get("userOrGroup")}
	for _, about := range []string{"lifecycle", "versioning", "versionId"} {
		if q.Has(about) {
			what = append(what, about)
		}
	}
	return strings.Join(slices.DeleteFunc(what, func(s string) bool { return s == "" }), " ")
}

func (s *severed) lie(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == nil || r.Method == http.MethodGet || r.Method == http.MethodHead || s.at != "" {
		return next.RoundTrip(r)
	}
	kind := kindOf(r)
	before, after := "before "+kind, "after "+kind
	switch {
	case !slices.Contains(s.seen, before):
		s.at = before
	case !slices.Contains(s.seen, after):
		s.at = after
	default:
		return next.RoundTrip(r)
	}
	s.seen = append(s.seen, s.at)
	var answer *http.Response
	err := fmt.Errorf("cut off")
	if s.at == after {
		answer, err = next.RoundTrip(r)
	}
	_ = s.runs.Process.Kill()
	return answer, err
}

// cuts runs the command, and reports where it was cut off.
func (s *severed) cuts(t *testing.T, cmd *exec.Cmd) (at string) {
	t.Helper()
	out := &safeBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	s.mu.Lock()
	must(t, cmd.Start())
	s.runs, s.at = cmd, ""
	s.mu.Unlock()
	err := cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = nil
	if (err == nil) != (s.at == "") || err != nil && cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("cut off at %q, it ended with %v and said:\n%s", s.at, err, out)
	}
	return s.at
}

// Set-up is killed whenever it is about to change something at the storage, and whenever
// it has and does not hear so: a bucket whose versioning is off, rights without a user, a
// user without rights, keys without their list. Each time the same words go on.
func TestSetUpIsCutOffAtTheStorage(t *testing.T) {
	s := &severed{}
	h := newHalfway(t, deposittest.Start(t), s.lie)
	for s.cuts(t, letterlockCmd(t, h.data, h.args...)) != "" {
	}
	for _, kind := range []string{"PUT", "PUT versioning", "PUT lifecycle", "PUT " + letter.RecipientsKey, "PUT admin/v3/add-canned-policy letterlock-" + h.s3.Bucket + "-server",
		"PUT admin/v3/add-user server-of-" + h.s3.Bucket[:20], "PUT admin/v3/set-user-or-group-policy letterlock-annexe-" + h.s3.Bucket[8:14]} {
		if !slices.Contains(s.seen, "before "+kind) || !slices.Contains(s.seen, "after "+kind) {
			t.Errorf("it was never cut off at %q", kind)
		}
	}
	h.goesOn()
}

// The same between its steps on this machine, with a database that is a server.
func TestSetUpIsKilledAtEachStep(t *testing.T) {
	honest := func(r *http.Request, next http.RoundTripper) (*http.Response, error) { return next.RoundTrip(r) }
	h := newHalfway(t, deposittest.Start(t), honest, "--database", postgrestest.Start(t).Database(t))
	for _, step := range []string{"setup-written", "setup-user", "migrating", "migrating 5", "setup-opened",
		"expiry-key-made", "expiry-key-made 3", "setup-edge-key", "setup-edge-enrolled", "setup-edge-written", "setup-person", "setup-code"} {
		cmd := letterlockCmd(t, h.data, h.args...)
		cmd.Env = append(cmd.Env, killtest.At(step))
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("not killed at %s: %v\n%s", step, err, out)
		}
	}
	h.goesOn()
}
