package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/register"
	"letterlock/scanner"
	"letterlock/scanner/specimen"
)

// program is one run of the whole product as a process of its own.
type program struct {
	t    testing.TB
	data string
	cmd  *exec.Cmd
	out  *safeBuffer
}

// safeBuffer collects what a process says while others look.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// letterlockCmd is the program's command line on a data folder.
func letterlockCmd(t testing.TB, data string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0] = "letterlock" // by which the test binary knows whom to play
	cmd.Env = append(os.Environ(), "LETTERLOCK_DATA="+data)
	return cmd
}

// start begins a run; crashAt, if not empty, is the step at which it ends itself
// by SIGKILL, as killtest.At has it.
func start(t testing.TB, data, crashAt string, args ...string) *program {
	t.Helper()
	p := &program{t: t, data: data, out: &safeBuffer{}}
	p.cmd = letterlockCmd(t, data, append([]string{"up", "--listen", "localhost:0"}, args...)...)
	if crashAt != "" {
		p.cmd.Env = append(p.cmd.Env, killtest.At(crashAt))
	}
	p.begin()
	return p
}

// begin starts its process, which ends with the test at the latest.
func (p *program) begin() {
	p.t.Helper()
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
}

// wait waits for the program's end and reports whether it was a SIGKILL.
func (p *program) wait() (killed bool) {
	p.t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case <-done:
		status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
		return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
	case <-time.After(patience):
		p.t.Fatalf("the program did not end; it said:\n%s", p.out)
		return false
	}
}

// stop ends the program as Ctrl-C does.
func (p *program) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	p.wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("Ctrl-C ended it with %d; it said:\n%s", code, p.out)
	}
}

// newData is a data folder that does not exist yet, but for the compiled renderer.
func newData(t testing.TB) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := warm(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// command runs a command to its end and returns its output.
func command(t testing.TB, data string, args ...string) string {
	t.Helper()
	out, err := letterlockCmd(t, data, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("letterlock %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// looks runs a command that only looks, in this process: of what a test waits for,
// starting another process for each look would take the most. The stories of
// testdata/script look from outside.
func looks(data string, args ...string) (out string, err error) {
	var says, complains bytes.Buffer
	if code := run(append([]string{"--data", data}, args...), &says, &complains); code != exitDone {
		err = fmt.Errorf("letterlock %v ended with %d and said:\n%s", args, code, complains.String())
	}
	return says.String(), err
}

// eventually looks again and again until it is so.
func (p *program) eventually(what string, so func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if so() {
			return
		}
	}
	out, _ := letterlockCmd(p.t, p.data, "status", "--json").CombinedOutput()
	p.t.Fatalf("waited in vain until %s; status:\n%s\nit said:\n%s", what, out, p.out)
}

// running reports whether the program has not ended yet.
func (p *program) running() bool { return p.cmd.ProcessState == nil }

// isSetUp waits until the program says that people can sign in.
func (p *program) isSetUp() {
	p.t.Helper()
	p.eventually("it is set up", func() bool { return strings.Contains(p.out.String(), "First sign-in") })
}

// status reads what 'status --json' says; the zero status while it says nothing.
func (p *program) status() (s status) {
	out, _ := looks(p.data, "status", "--json") // which may tell of an alarm
	_ = json.Unmarshal([]byte(out), &s)
	return s
}

func (p *program) letters() []letterLine {
	p.t.Helper()
	return lettersOf(p.t, p.data)
}

// lettersOf reads what 'letters --json' says.
func lettersOf(t testing.TB, data string) (all []letterLine) {
	t.Helper()
	out, err := looks(data, "letters", "--json")
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(out))
	for dec.More() {
		var l letterLine
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

// entries returns the kinds of the register's entries, in order, after the
// whole register was verified.
func entries(t testing.TB, data string) (kinds []string) {
	t.Helper()
	export := filepath.Join(t.TempDir(), "register.ndjson")
	for _, args := range [][]string{{"export", "--out", export}, {"verify", export, "--key", filepath.Join(data, "register.pub")}} {
		if _, err := looks(data, append([]string{"register"}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var e register.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Kind != "" {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func count(kinds []string, kind string) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}

// pipelineSteps are the boundaries at the server, up to the last mail.
var pipelineSteps = []string{"admitted", "verified", "receipted", "mails-queued", "mail-sent", "notified"}

// A process that is killed between any two steps of a letter goes on at its
// next start, and leaves exactly one letter, one story on the register, and no
// plaintext outside the claim folder.
func TestKillAtEveryStepOfALetter(t *testing.T) {
	template := newData(t)
	p := start(t, template, "")
	p.isSetUp()
	p.stop()
	command(t, template, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	for _, step := range append(append([]string{}, scanner.Steps...), pipelineSteps...) {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(data, os.DirFS(template)); err != nil {
				t.Fatal(err)
			}
			killAt(t, data, step)
		})
	}
}

func killAt(t *testing.T, data, step string) {
	const canaryWord = "CANARYWORD"
	l := specimen.New(7, 1)
	l.Canary = canaryWord
	scan := l.ColourPDF()
	pixels := string(scan[len(scan)/2 : len(scan)/2+64]) // a run of the page's compressed image
	name := filepath.Join(data, "scanner", "respect-phoneline", "Canary_Name.pdf")
	if err := os.WriteFile(name, scan, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, data, step)
	if !p.wait() {
		t.Fatalf("the step was never reached; it said:\n%s", p.out)
	}
	for _, path := range append(searchTree(data, canaryWord), searchTree(data, pixels)...) {
		if !strings.HasPrefix(path, filepath.Join(data, "scanner", ".letterlock", "claimed")) && path != name {
			t.Errorf("after the kill, plaintext is outside the claim folder: %s", strings.TrimPrefix(path, data))
		}
	}

	p = start(t, data, "")
	p.isSetUp() // all may be done already, and a Ctrl-C in the middle of a start is another story
	p.eventually("the letter is announced and its scan gone", func() bool {
		s := p.status()
		return s.Letters[register.Notified] == 1 && s.MailWaiting == 0 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	p.stop()
	if all := p.letters(); len(all) != 1 {
		t.Errorf("%d letters from one scan", len(all))
	}
	kinds := entries(t, data)
	for _, k := range []string{"letter-admitted", "letter-verified", "letter-receipted", "letter-notified"} {
		if n := count(kinds, k); n != 1 {
			t.Errorf("%d entries %s", n, k)
		}
	}
	for _, word := range []string{canaryWord, pixels, "Canary_Name"} {
		if found := searchTree(data, word); len(found) > 0 {
			t.Errorf("in the end, plaintext is in %v", found)
		}
	}
	if slips, _ := filepath.Glob(filepath.Join(data, "scanner", "respect-phoneline", "taken", "*")); len(slips) != 1 {
		t.Errorf("%d slips", len(slips))
	}
}

// claimed lists whatever is left in a scanner folder's claims and its spool.
func claimed(scanner string) (found []string) {
	for _, dir := range []string{"claimed", "spool"} {
		_ = filepath.WalkDir(filepath.Join(scanner, ".letterlock", dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// A running program ends letters when their day comes, without a restart.
func TestTheDayComesWhileItRuns(t *testing.T) {
	data := newData(t)
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	deadline := p.letters()[0].Deadline
	dir, err := locate(data, "")
	if err != nil {
		t.Fatal(err)
	}
	in, err := open(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	day := today()
	if err := in.moveClock(t.Context(), deadline.AddDays(-1).String()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // a sweep, on the eve
	// Unless midnight has come meanwhile, and the day with it.
	if n := p.status().Letters[register.Notified]; n != 3 && day == today() {
		t.Fatalf("on the eve %d letters are left", n)
	}
	if err := in.moveClock(t.Context(), deadline.String()); err != nil {
		t.Fatal(err)
	}
	p.eventually("they are gone, with proof", func() bool { return count(entries(t, data), "letter-deleted") == 3 })
	p.stop()
}

// expirySteps are the boundaries on and after the deadline.
var expirySteps = []string{"expiring", "store-emptied", "rows-deleted", "files-erased", "key-dying", "key-overwritten", "key-gone"}

// A process that is killed between any two steps of expiry goes on at its next
// start: everything gone, each deletion and each death on the register once.
func TestKillAtEveryStepOfExpiry(t *testing.T) {
	for _, step := range expirySteps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := newSample(t)
			// Not only the letters' own: all of them are over when those are.
			keys, err := filepath.Glob(filepath.Join(data, "keyring", "x*.txt"))
			must(t, err)
			if len(keys) == 0 {
				t.Fatal("it has no keys")
			}
			late := today().AddMonths(8).String()
			p := start(t, data, step, "--sample", "--clock", late)
			if !p.wait() {
				t.Fatalf("the step was never reached; it said:\n%s", p.out)
			}
			p = start(t, data, "", "--sample")
			gone := func() bool {
				left, _ := filepath.Glob(filepath.Join(data, "bucket", "letters", "*", "*", "*", "*"))
				return len(p.status().Letters) == 0 && len(left) == 0 && !slices.ContainsFunc(keys, exists)
			}
			p.eventually("letters and keys are gone", gone)
			p.eventually("the proof is on the register", func() bool {
				kinds := entries(t, data)
				return count(kinds, "letter-deleted") == 3 && count(kinds, "key-destroyed") >= len(keys)
			})
			p.stop()
			kinds := entries(t, data)
			if n := count(kinds, "expiry-begun"); n != 3 {
				t.Errorf("%d expiries begun", n)
			}
			if a, b := count(kinds, "key-death-begun"), count(kinds, "key-destroyed"); a != b {
				t.Errorf("%d deaths begun, %d done", a, b)
			}
		})
	}
}
