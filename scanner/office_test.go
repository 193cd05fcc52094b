package scanner

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/seal"
	"letterlock/scanner/specimen"
)

const line = "respect-phoneline"

// secrets are the private halves of an office's keys.
type secrets struct {
	Site, SitePublic     string
	Server, ServerPublic string
	Weeks                string // one age identity for all expiry weeks
}

func newSecrets(t testing.TB) (s secrets) {
	t.Helper()
	var errs [3]error
	s.Site, s.SitePublic, errs[0] = note.GenerateKey(rand.Reader, "office")
	s.Server, s.ServerPublic, errs[1] = note.GenerateKey(rand.Reader, "server")
	weeks, err := age.GenerateHybridIdentity()
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	s.Weeks = weeks.String()
	return s
}

// office is a scanner folder with an edge, the bucket in a plain folder, and a
// server that does no more than answer, on a clock that only the test moves.
type office struct {
	testing.TB
	*Edge
	base   string // of all that follows
	cfg    Config
	bucket *deposit.Dir
	now    time.Time
	set    time.Duration // by how much somebody has put the clock back

	site   note.Verifier
	server note.Signer
	weeks  *age.HybridIdentity
	serial uint64
	read   map[letter.Manifest]bool // what the server has read back

	names []string // that were dropped and must not be found in the log
	log   bytes.Buffer
}

// morning is when every test begins.
var morning = time.Date(2026, 5, 26, 9, 0, 0, 0, time.UTC)

// renderer is one for all tests: it takes seconds to compile.
var (
	renderer     *page.Renderer
	makeRenderer sync.Once
)

// children is the workshop of a real edge.
func children(t testing.TB) Children {
	t.Helper()
	makeRenderer.Do(func() {
		dir, err := os.UserCacheDir()
		if err == nil {
			renderer, err = page.Open(page.Config{CacheDir: filepath.Join(dir, "letterlock-test-pdfium")})
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	return Children{Pages: renderer}
}

func newOffice(t testing.TB, edit ...func(*office)) *office {
	t.Helper()
	o := buildOffice(t, t.TempDir(), newSecrets(t))
	for _, e := range edit {
		e(o)
	}
	o.open()
	return o
}

// buildOffice makes everything but the edge, which open opens.
func buildOffice(t testing.TB, base string, s secrets) *office {
	t.Helper()
	o := &office{TB: t, read: map[letter.Manifest]bool{}, base: base, now: morning}
	bucket, err := deposit.OpenDir(filepath.Join(base, "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	o.bucket = bucket
	site, err0 := note.NewSigner(s.Site)
	public, err1 := note.NewVerifier(s.ServerPublic)
	var err2, err3, err4 error
	o.server, err2 = note.NewSigner(s.Server)
	o.site, err3 = note.NewVerifier(s.SitePublic)
	o.weeks, err4 = age.ParseHybridIdentity(s.Weeks)
	if err := errors.Join(err0, err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	o.cfg = Config{
		Folder:    filepath.Join(base, "scanner"),
		StateDir:  filepath.Join(base, "state"),
		Site:      "office",
		Helplines: []string{line, "mens-advice-line"},
		Signer:    site,
		Server:    public,
		Store:     bucket,
		Workshop:  children(t),
		Now:       func() time.Time { return o.now },
		Steady:    func() time.Duration { return o.now.Sub(morning) + o.set },
		Log:       slog.New(slog.NewTextHandler(&o.log, nil)),
		patience:  time.Hour, // that a pass does as much on a busy machine
	}
	o.publish(o.recipients())
	t.Cleanup(func() {
		o.close()
		bucket.Close()
		if t.Failed() {
			t.Logf("the log says:\n%s", o.log.String())
		}
		for _, name := range o.names {
			if strings.Contains(o.log.String(), name) {
				t.Errorf("the log holds the name of a scan, %q", name)
			}
		}
	})
	return o
}

func (o *office) open() {
	o.Helper()
	e, err := Open(o.cfg)
	if err != nil {
		o.Fatal(err)
	}
	o.Edge = e
}

func (o *office) close() {
	if o.Edge != nil {
		o.Edge.Close()
		o.Edge = nil
	}
}

// restart is a clean end and a new start.
func (o *office) restart() {
	o.Helper()
	o.close()
	o.open()
}

// recipients is a true list for a year from now.
func (o *office) recipients() seal.Recipients {
	o.serial++
	until := o.now.AddDate(0, 0, 30).UTC().Truncate(time.Second)
	r := seal.Recipients{Serial: o.serial, ValidUntil: until, Keys: map[letter.Week]string{}}
	for days := 0; days < 366; days += 7 {
		r.Keys[letter.WeekOf(letter.DateOf(o.now).AddDays(days))] = o.weeks.Recipient().String()
	}
	return r
}

func (o *office) publish(r seal.Recipients) {
	o.Helper()
	msg, err := r.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.RecipientsKey, msg)
}

// replace puts an object as the server does.
func (o *office) replace(key string, data []byte) {
	o.Helper()
	_, err := o.bucket.Put(context.Background(), key, bytes.NewReader(data), int64(len(data)), sha256.Sum256(data), deposit.Replace)
	if err != nil {
		o.Fatal(err)
	}
}

// drop leaves a scan in the folder.
func (o *office) drop(name string, data []byte) {
	o.Helper()
	full := filepath.Join(o.cfg.Folder, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o644); err != nil {
		o.Fatal(err)
	}
	o.names = append(o.names, filepath.Base(name))
}

// pass lets the edge do what it can and moves the clock on by a second.
func (o *office) pass(n int) {
	o.Helper()
	for range n {
		if err := o.Once(o.Context()); err != nil {
			o.Fatal(err)
		}
		o.now = o.now.Add(time.Second)
	}
}

// wait lets time pass that the edge spends looking.
func (o *office) wait(d time.Duration) {
	o.Helper()
	for ; d > 0; d -= time.Minute {
		o.pass(1)
		o.now = o.now.Add(time.Minute - time.Second)
	}
	o.pass(settled)
}

// settled is how many passes it takes to settle a scan and work on it.
const settled = 3

// verify answers every manifest that has no receipt yet, as the server does
// once it has read the letter back, and returns them all. It polices what an
// edge promises: a letter is in the bucket before its manifest, whole, and
// sealed so that the week's key opens it; one letter has one manifest.
func (o *office) verify() []letter.Manifest {
	o.Helper()
	var all []letter.Manifest
	for _, key := range o.keys(letter.IncomingPrefix) {
		if _, is := letter.SplitReport(key); is {
			continue
		}
		if _, is := letter.SplitJoin(key); is {
			continue
		}
		if _, _, is := letter.SplitAsked(key); is {
			continue
		}
		_, id, ok := letter.SplitIncoming(key)
		if !ok {
			o.Fatalf("a key that no edge should write: %s", key)
		}
		msg, err := o.bucket.Get(o.Context(), key)
		if err != nil {
			o.Fatal(err)
		}
		m, err := letter.OpenManifest(msg, o.site)
		if err != nil {
			o.Fatal(err)
		}
		if m.ID != id {
			o.Fatal("a manifest lies under another letter's key")
		}
		if !o.read[m] {
			o.opens(m)
			o.read[m] = true
		}
		all = append(all, m)
		if _, err := o.bucket.Get(o.Context(), letter.ReceiptKey(m.Site, m.ID)); errors.Is(err, deposit.ErrNotFound) {
			o.answer(m, letter.PaperKept, "")
		}
	}
	return all
}

// answer leaves a receipt.
func (o *office) answer(m letter.Manifest, paper, reason string) {
	o.Helper()
	o.answerMoved(m, paper, reason, "")
}

// answerMoved leaves a receipt for a letter that was given to that helpline.
func (o *office) answerMoved(m letter.Manifest, paper, reason, helpline string) {
	o.Helper()
	r := letter.Receipt{ID: m.ID, Version: "1", SHA256: m.SHA256, Paper: paper, Reason: reason, Helpline: helpline}
	msg, err := r.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.ReceiptKey(m.Site, m.ID), msg)
}

// opens reads a letter back and returns the PDF in it.
func (o *office) opens(m letter.Manifest) []byte {
	o.Helper()
	sealed, err := os.ReadFile(filepath.Join(o.base, "bucket", filepath.FromSlash(m.ObjectKey())))
	if err != nil {
		o.Fatalf("a manifest without its letter: %v", err)
	}
	if sum := sha256.Sum256(sealed); hex.EncodeToString(sum[:]) != m.SHA256 || int64(len(sealed)) != m.Size {
		o.Fatal("the letter is not the one of the manifest")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), o.weeks)
	if err != nil {
		o.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil || !bytes.HasPrefix(plain, []byte("%PDF-")) {
		o.Fatalf("a letter holds no PDF (%v)", err)
	}
	return plain
}

// keys lists the bucket below a prefix, without unfinished uploads.
func (o *office) keys(prefix string) []string {
	o.Helper()
	var keys []string
	for name := range o.files("bucket") {
		if strings.HasPrefix(name, prefix) && !strings.HasPrefix(filepath.Base(name), ".") {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

// files is every file below a part of the office, with its content.
func (o *office) files(part string) map[string]string {
	o.Helper()
	files := map[string]string{}
	root := filepath.Join(o.base, filepath.FromSlash(part))
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(root, name)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.Fatal(err)
	}
	return files
}

// slips are the file names in a helpline's taken folder.
func (o *office) slips() []string {
	var names []string
	for name := range o.files("scanner/" + line + "/taken") {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ended checks that nothing is under way any more.
func (o *office) ended(want int) {
	o.Helper()
	counts, err := folder.Count(o.cfg.Folder, o.cfg.Helplines)
	if err != nil {
		o.Fatal(err)
	}
	if counts.Arriving+counts.Claimed+counts.Waiting > 0 {
		o.Errorf("still under way: %+v", counts)
	}
	if n := len(o.keys(letter.LettersPrefix)); n != want {
		o.Errorf("%d letters are in the bucket, not %d", n, want)
	}
	for name := range o.files("scanner/.letterlock") {
		if !strings.HasPrefix(name, "taken/") && name != "lock" && name != "owner" && name != FolderFile {
			o.Errorf("left behind: %s", name)
		}
	}
}

// says checks that the log holds a sentence, once.
func (o *office) says(part string) {
	o.Helper()
	if n := strings.Count(o.log.String(), part); n != 1 {
		o.Errorf("the log says %q %d times", part, n)
	}
}

// sampleLetter is a small scan of one page, the same for the same seed.
func sampleLetter(seed uint64) []byte {
	l := specimen.New(seed, 1)
	l.DPI = 40
	return l.JPEG(1)
}

// crash is what the process of a crash test is told through its environment.
type crash struct {
	Base    string
	Step    string
	Nth     int // how often the step comes before that; 0 and 1 are the first time
	Secrets secrets
	Now     time.Time // when the process starts; the morning if zero
	Serial  uint64    // of the recipients list that the edge knew then
	Bench   bench
}

const crashEnv = "LETTERLOCK_TEST_CRASH"

// happens starts the process that crashes, and returns when it is dead.
func (c crash) happens(t testing.TB) {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestCrashingProcess$")
	child.Env = append(os.Environ(), crashEnv+"="+string(data))
	out, err := child.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("it was not killed at %q: %v\n%s", c.Step, err, out)
	}
}

// TestMain is also the child that makes clean PDFs, and the process that is
// killed in the crash tests.
func TestMain(m *testing.M) {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return
	}
	status := m.Run()
	if renderer != nil {
		renderer.Close()
	}
	os.Exit(status)
}

// TestCrashingProcess is the process that a crash test kills: an office at
// work, whose edge ends without a word at one step.
func TestCrashingProcess(t *testing.T) {
	var c crash
	if data := os.Getenv(crashEnv); data == "" {
		return // nobody asked for it
	} else if err := json.Unmarshal([]byte(data), &c); err != nil {
		t.Fatal(err)
	}
	o := buildOffice(t, c.Base, c.Secrets)
	if !c.Now.IsZero() {
		o.now, o.serial = c.Now, c.Serial
		o.publish(o.recipients())
	}
	o.cfg.Step = func(step string, _ letter.ID) {
		if step != c.Step {
			return
		}
		if c.Nth--; c.Nth < 1 {
			p, _ := os.FindProcess(os.Getpid())
			_ = p.Kill()
			select {}
		}
	}
	o.sit(c.Bench)
	o.cfg.NextKey = o.nextKey
	o.open()
	for range 90 {
		o.pass(1)
		o.looks()
		o.takesKey()
		o.verify()
	}
	fmt.Println("survived")
}
