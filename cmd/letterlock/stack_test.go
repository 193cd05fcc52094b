package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// stack is letters that are scanned in one go, under the cover sheet and between
// the separator sheets that the program prints. Nobody else's pages look like theirs.
type stack struct {
	scan    []byte     // a TIFF
	letters [][][]byte // each letter's pages, as the TIFF and the clean PDFs have them
}

// stackLetters are the numbers of pages of the stack's letters.
var stackLetters = []int{2, 1, 2, 1}

// scanStack prints the sheets, and makes one black-and-white scan of all.
func scanStack(t *testing.T, data string) stack {
	t.Helper()
	gs := realpart.Tool(t, "gs", "gs (Debian: ghostscript)")
	tiffcp := realpart.Tool(t, "tiffcp", "tiffcp (Debian: libtiff-tools)")
	dir := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	command(t, data, "separator", "--helpline", "respect-phoneline", "--cover", fmt.Sprint(len(stackLetters)), "--copies", "1",
		"--out", filepath.Join(dir, "sheets.pdf"))
	run(gs, "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=tiffg4", "-r150", "-dMaxStripSize=0", "-sOutputFile=sheets.tif", "sheets.pdf")
	const cover, separator = "sheets.tif,0", "sheets.tif,2" // their fronts
	papers := []string{cover}
	var s stack
	for i, pages := range stackLetters {
		name := fmt.Sprintf("letter%d.tif", i)
		if err := os.WriteFile(filepath.Join(dir, name), specimen.New(uint64(100+i), pages).G4TIFF(), 0o600); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			papers = append(papers, separator)
		}
		papers = append(papers, name)
	}
	run(tiffcp, append(append([]string{"-c", "g4"}, papers...), "stack.tif")...)
	var err error
	if s.scan, err = os.ReadFile(filepath.Join(dir, "stack.tif")); err != nil {
		t.Fatal(err)
	}
	at, all := 0, tiffStrips(t, s.scan)
	for _, pages := range stackLetters {
		s.letters = append(s.letters, all[at+1:at+1+pages]) // a sheet is before each
		at += 1 + pages
	}
	if at != len(all) {
		t.Fatalf("the stack has %d pages, not %d", len(all), at)
	}
	return s
}

// tiffStrips are the pages of a little-endian TIFF of one strip a page.
func tiffStrips(t *testing.T, file []byte) (pages [][]byte) {
	t.Helper()
	word := func(at uint32) uint32 { return binary.LittleEndian.Uint32(file[at:]) }
	for at := word(4); at != 0; {
		strip := map[uint16]uint32{}
		n := uint32(binary.LittleEndian.Uint16(file[at:]))
		for field := at + 2; field < at+2+12*n; field += 12 {
			tag, count := binary.LittleEndian.Uint16(file[field:]), word(field+4)
			if tag == 273 && count != 1 {
				t.Fatalf("a page has %d strips", count)
			}
			strip[tag] = word(field + 8)
		}
		pages = append(pages, file[strip[273]:strip[273]+strip[279]])
		at = word(at + 2 + 12*n)
	}
	return pages
}

// canaries are a run of each page's picture, for which a search can look.
func (s stack) canaries() (words []string) {
	for _, l := range s.letters {
		for _, page := range l {
			words = append(words, string(page[len(page)/2:len(page)/2+64]))
		}
	}
	return words
}

// noneOutside fails the test when a page of the stack is anywhere but in a claim,
// or where the stack was dropped.
func (s stack) noneOutside(t *testing.T, when, scanner, dropped string, roots ...string) {
	t.Helper()
	for _, root := range roots {
		for _, path := range searchTree(root, s.canaries()...) {
			if !strings.HasPrefix(path, filepath.Join(scanner, ".letterlock", "claimed")) && path != dropped {
				t.Errorf("%s a page is outside the claim folder: %s", when, path)
			}
		}
	}
}

// arrived fails the test unless the letters are the stack's, each once and with
// its own pages and slip. opens gives the clean PDF of one.
func (s stack) arrived(t *testing.T, letters []letterLine, scanner string, opens func(letterLine) []byte) {
	t.Helper()
	taken := filepath.Join(scanner, "respect-phoneline", "taken")
	slips, err := os.ReadDir(taken)
	if err != nil || len(slips) != len(s.letters) || len(letters) != len(s.letters) {
		t.Errorf("of %d letters came %d, with %d slips (%v)", len(s.letters), len(letters), len(slips), err)
	}
	came := map[int]bool{}
	for _, l := range letters {
		pages := faxPictures(opens(l))
		place := slices.IndexFunc(s.letters, func(own [][]byte) bool { return slices.EqualFunc(own, pages, samePicture) })
		if place < 0 || came[place] {
			t.Errorf("a letter of %d pages came twice, or holds what is not one letter of the stack", len(pages))
			continue
		}
		came[place] = true
		slip, err := os.ReadFile(filepath.Join(taken, l.Reference+".txt"))
		if err != nil {
			t.Errorf("letter %d has no slip: %v", place+1, err)
		}
		for _, says := range []string{fmt.Sprintf("Pages: %d.", len(pages)), fmt.Sprintf("letter %d of %d", place+1, len(s.letters))} {
			if !strings.Contains(string(slip), says) {
				t.Errorf("the slip of letter %d does not say %q: %q", place+1, says, slip)
			}
		}
	}
}

// faxPictures are the pictures in a clean PDF, in the order of its pages.
func faxPictures(clean []byte) (all [][]byte) {
	for _, object := range bytes.Split(clean, []byte("endobj")) {
		dict, stream, ok := bytes.Cut(object, []byte("stream"))
		if !ok || !bytes.Contains(dict, []byte("CCITTFaxDecode")) {
			continue
		}
		stream, _, _ = bytes.Cut(stream, []byte("endstream"))
		all = append(all, bytes.Trim(stream, "\r\n"))
	}
	return all
}

// samePicture compares a page of the scan with one of a clean PDF, which has its
// rows bit by bit and no mark of its end (EOFB, three bytes).
func samePicture(scanned, clean []byte) bool {
	n := len(clean) - 1 // in its last byte the mark may begin
	return n > 0 && len(scanned)-len(clean) <= 4 && bytes.HasPrefix(scanned, clean[:n])
}

// opened is the clean PDF of a sealed letter, opened with its week's key.
func opened(t *testing.T, data string, l letterLine, sealed io.Reader) []byte {
	t.Helper()
	key, err := os.Open(filepath.Join(data, "keyring", string(l.Key)+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = key.Close() }()
	identities, err := age.ParseIdentities(key)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(sealed, identities...)
	if err != nil {
		t.Fatal(err)
	}
	clean, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return clean
}

// onceEach fails the test when a letter's story is on the register twice, or not at all.
func onceEach(t *testing.T, data string, letters int) {
	t.Helper()
	kinds := entries(t, data)
	for _, k := range []string{"letter-admitted", "letter-verified", "letter-receipted", "letter-notified"} {
		if n := count(kinds, k); n != letters {
			t.Errorf("%d entries %s of %d letters", n, k, letters)
		}
	}
}

// A stack whose process is killed at every step, one after the other: each start
// gets as far as the next. In the end every letter is there once, with its own
// pages and slip.
func TestAStackKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	data := newData(t)
	p := start(t, data, "")
	p.isSetUp()
	p.stop()
	command(t, data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	s := scanStack(t, data)
	scans := filepath.Join(data, "scanner")
	dropped := filepath.Join(scans, "respect-phoneline", "Canary_Stack.tif")
	if err := os.WriteFile(dropped, s.scan, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{
		"claim", "claimed", "extracted", "extracted 2", "cut", "normalised", // the stack
		"spooled", "sealed", "stored", "deposited", // its first letter
		"spooled", "sealed", "stored 2", "deposited 2", // and another
		"receipt", "slip", "recorded", "taken", "slip", "recorded", "taken",
	} {
		if p = start(t, data, at); !p.wait() {
			t.Fatalf("%q was never reached; it said:\n%s", at, p.out)
		}
		s.noneOutside(t, "killed at "+at, scans, dropped, data)
	}
	p = start(t, data, "")
	p.isSetUp()
	p.eventually("the letters are announced and the scan gone", func() bool {
		now := p.status()
		return now.Letters[register.Notified] == len(s.letters) && now.MailWaiting == 0 && len(claimed(scans)) == 0
	})
	p.stop()
	onceEach(t, data, len(s.letters))
	s.arrived(t, p.letters(), scans, func(l letterLine) []byte {
		sealed, err := os.Open(filepath.Join(data, "bucket", filepath.FromSlash(l.Object)))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sealed.Close() }()
		return opened(t, data, l, sealed)
	})
	if all, _ := filepath.Glob(filepath.Join(data, "bucket", "letters", "*", "*", "*", "*")); len(all) != len(s.letters) {
		t.Errorf("%d letters are in the bucket", len(all))
	}
	if found := searchTree(data, append(s.canaries(), "Canary_Stack")...); len(found) > 0 {
		t.Errorf("in the end, plaintext is in %v", found)
	}
}

// The same with a scanner and a server that meet in a real S3 server only. The
// server goes on while the scanner is killed again and again.
func TestAStackKilledAtAScannerApart(t *testing.T) {
	t.Parallel()
	o := newApart(t)
	s := scanStack(t, o.data)
	dropped := filepath.Join(o.scans, "respect-phoneline", "Canary_Stack.tif")
	if err := os.MkdirAll(filepath.Dir(dropped), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dropped, s.scan, 0o600); err != nil {
		t.Fatal(err)
	}
	server := o.serve()
	everywhere := []string{o.data, o.edge, o.scans, o.s3dir}
	for _, at := range []string{
		"claim", "claimed", "extracted 2", "cut", "normalised", "sealed", "stored", "deposited", "deposited 2",
		"receipt", "slip", "recorded", "taken", "slip", "recorded",
	} {
		if p := o.scan(killtest.At(at)); !p.wait() {
			t.Fatalf("%q was never reached; it said:\n%s", at, p.out)
		}
		s.noneOutside(t, "killed at "+at, o.scans, dropped, everywhere...)
	}
	p := o.scan("")
	server.eventually("the letters are announced and the scan gone", func() bool {
		now := server.status()
		return now.Letters[register.Notified] == len(s.letters) && now.MailWaiting == 0 && len(claimed(o.scans)) == 0
	})
	p.stop()
	server.stop()
	onceEach(t, o.data, len(s.letters))
	client := s3Client(t, o.s3)
	s.arrived(t, server.letters(), o.scans, func(l letterLine) []byte {
		sealed, err := client.GetObject(t.Context(), o.s3.Bucket, l.Object, minio.GetObjectOptions{VersionID: l.Version})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sealed.Close() }()
		return opened(t, o.data, l, sealed)
	})
	if all := traces(t, o.s3, "letters/"); len(all) != len(s.letters) {
		t.Errorf("%d versions of letters are in the bucket", len(all))
	}
	for _, root := range everywhere {
		if found := searchTree(root, append(s.canaries(), "Canary_Stack")...); len(found) > 0 {
			t.Errorf("in the end, plaintext is in %v", found)
		}
	}
}

// apart is what docker-compose.yml starts, as processes with the same arguments:
// set-up, server, and a scanner that has credentials of its own.
type apart struct {
	t           *testing.T
	s3          deposit.S3Config
	s3dir       string // where the S3 server keeps its objects
	data        string
	edge, scans string // the scanner's configuration and keys; its folder
	binary      string // cmd/scanner
	configured  string // the server's configuration, where that is not in the data folder

	database *postgrestest.Server                 // of what docker-compose.yml starts, as the rest of this
	setup    func(env map[string]string) []string // how set-up is run there, with that file .env
	here     func(path string) string
}

func newApart(t *testing.T) *apart {
	t.Helper()
	store := deposittest.Start(t)
	root := t.TempDir()
	o := &apart{t: t, s3: store.Config(), s3dir: store.Dir, data: newData(t),
		edge: filepath.Join(root, "edge"), scans: filepath.Join(root, "scans"), binary: buildScanner(t)}
	configure(t, o.data, o.s3, "")
	for range 2 { // set-up may be run again
		command(t, o.data, "setup", "--config", o.config(), "--edge", "office", "--edge-folder", o.edge, "--scans", o.scans)
	}
	o.settlesIn()
	return o
}

// settlesIn gives the scanner the compiled renderer, and a helpline its team leader.
func (o *apart) settlesIn() {
	o.t.Helper()
	cache, err := compiled()
	if err == nil {
		err = os.CopyFS(filepath.Join(o.edge, "state", "cache"), os.DirFS(cache))
	}
	if err != nil {
		o.t.Fatal(err)
	}
	command(o.t, o.data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
}

func (o *apart) config() string {
	return cmp.Or(o.configured, filepath.Join(o.data, "letterlock.toml"))
}

// scanner is the scanner's command line.
func (o *apart) scanner(args ...string) *exec.Cmd {
	cmd := exec.Command(o.binary, append(args, "--config", filepath.Join(o.edge, "scanner.toml"))...)
	cmd.Args[0] = "scanner" // by which the test binary knows whom to play
	return cmd
}

func (o *apart) serve() *program {
	return o.begin(letterlockCmd(o.t, o.data, "serve", "--config", o.config(), "--listen", "localhost:0"))
}

// scan starts the scanner; kill, if not empty, is of killtest.At.
func (o *apart) scan(kill string) *program {
	cmd := o.scanner("run")
	cmd.Env = append(os.Environ(), kill)
	return o.begin(cmd)
}

func (o *apart) begin(cmd *exec.Cmd) *program {
	o.t.Helper()
	p := &program{t: o.t, data: o.data, out: &safeBuffer{}, cmd: cmd}
	p.begin()
	return p
}

// buildScanner builds the edge's own program, in the form in which it can be killed.
func buildScanner(t *testing.T) string {
	t.Helper()
	binary, err := builtScanner()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// builtScanner is built once for all tests: linking it takes seconds.
var builtScanner = sync.OnceValues(func() (string, error) {
	dir, err := sharedFolder()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "scanner")
	if out, err := exec.Command("go", "test", "-c", "-ldflags=-w", "-o", binary, "letterlock/cmd/scanner").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the scanner: %w\n%s", err, out)
	}
	return binary, nil
})
