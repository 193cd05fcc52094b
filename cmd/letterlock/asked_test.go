package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// operator is somebody of operations who has signed in at the portal of a server.
func operator(t *testing.T, server *program) *person {
	t.Helper()
	dir, err := locate(server.data, "")
	must(t, err)
	in, err := open(t.Context(), dir, slog.New(slog.DiscardHandler))
	must(t, err)
	defer in.close()
	who, err := in.register.AddPerson(t.Context(), register.Person{Name: "Ola", Email: "ola@example.org", Role: register.Operations})
	must(t, err)
	token, err := in.register.SignIn(t.Context(), who, register.WithPasskey)
	must(t, err)
	ops := &person{t: t, origin: server.origin(), cookie: "__Host-letterlock=" + token}
	ops.sends("/policy/confirm", url.Values{"read": {"yes"}})
	return ops
}

// heldStack is a stack whose cover sheet says one letter more than it holds, and how
// many letters and pages that is.
func heldStack(t *testing.T, data string) (scan []byte, letters, pages int) {
	t.Helper()
	all, dir := scanStack(t, data), t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "all.tif"), all.scan, 0o600))
	var left []string
	for _, n := range stackLetters[:len(stackLetters)-1] {
		pages += 1 + n // a sheet is before each
	}
	for n := range pages {
		left = append(left, fmt.Sprintf("all.tif,%d", n))
	}
	cmd := exec.Command(realpart.Tool(t, "tiffcp", "tiffcp (Debian: libtiff-tools)"), append(append([]string{"-c", "g4"}, left...), "left.tif")...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	scan, err = os.ReadFile(filepath.Join(dir, "left.tif"))
	must(t, err)
	return scan, len(stackLetters) - 1, pages
}

// A duplicate and a stack that nobody can tell apart come to a scanner on another
// machine. They are seen and answered in the portal; the server's word is lost, and the
// scanner is killed at each step of obeying. The letters come, once; of the questions
// nothing is left in the bucket, and nowhere but on the board does the name of a file
// ever stand.
func TestQuestionsOfAScannerApart(t *testing.T) {
	t.Parallel()
	o := newApart(t)
	stack, stacked, pages := heldStack(t, o.data)
	line := filepath.Join(o.scans, "respect-phoneline")
	must(t, os.MkdirAll(line, 0o700))
	twin := specimen.New(3, 1).JPEG(1)
	must(t, os.WriteFile(filepath.Join(line, "Canary_First.jpg"), twin, 0o600))
	server, answers := o.serve(), letter.AnswersKey("office")
	server.eventually("the server says that it hears questions", func() bool { return len(traces(t, o.s3, answers)) == 1 })
	scans := o.scan("")
	server.eventually("the first letter is taken", func() bool { return server.status().Letters[register.Notified] == 1 })
	must(t, os.WriteFile(filepath.Join(line, "Canary_Twin.jpg"), twin, 0o600))
	must(t, os.WriteFile(filepath.Join(line, "Canary_Stack.tif"), stack, 0o600))

	ops := operator(t, server)
	board := func() string {
		status, page := ops.do(http.MethodGet, "/intake", nil)
		if status != http.StatusOK {
			t.Fatalf("the board: %d\n%s", status, page)
		}
		return page
	}
	server.eventually("both are on the board", func() bool {
		page := board()
		return strings.Contains(page, "Canary_Twin.jpg") && strings.Contains(page, "Canary_Stack.tif")
	})
	at := func(name string) string {
		t.Helper()
		found := regexp.MustCompile(`href="(/intake/[^"]+)">[^<]*<bdi class="file">` + name).FindStringSubmatch(board())
		if found == nil {
			t.Fatalf("%s is not on the board:\n%s", name, board())
		}
		return found[1]
	}
	atTwin, atStack := at("Canary_Twin"), at("Canary_Stack")
	server.eventually("the pages of the stack are to be seen", func() bool {
		status, page := ops.do(http.MethodGet, atStack, nil)
		return status == http.StatusOK && strings.Count(page, "<img ") == pages
	})
	if status, picture := ops.do(http.MethodGet, fmt.Sprintf("%s/page/%d.jpg", atStack, pages), nil); status != http.StatusOK || !strings.HasPrefix(picture, "\xff\xd8") {
		t.Errorf("its last page: %d", status)
	}
	if note := read(t, filepath.Join(line, "stacks", "Canary_Stack.tif.txt")); !strings.Contains(note, "the page Intake in Letterlock") {
		t.Errorf("its note does not name Letterlock:\n%s", note)
	}
	if len(traces(t, o.s3, letter.IncomingPrefix+"office/asked")) < 4 {
		t.Error("the questions are not in the bucket")
	}
	scans.stop()

	// Answered while the scanner is away. Letters begin behind each sheet.
	cuts := url.Values{"pages": {fmt.Sprint(pages)}, "confirm": {"yes"}}
	n := 0
	for _, size := range stackLetters[:stacked] {
		for i := range 1 + size {
			n++
			cuts.Set(fmt.Sprintf("page-%d", n), map[int]string{0: "sheet", 1: "begins", 2: "on"}[i])
		}
	}
	for path, form := range map[string]url.Values{atTwin: {"answer": {"another"}}, atStack: cuts} {
		if status, page := ops.do(http.MethodPost, path, form); status != http.StatusSeeOther {
			t.Fatalf("answering: %d\n%s", status, page)
		}
		if status, _ := ops.do(http.MethodPost, path, form); status != http.StatusGone {
			t.Errorf("it is answered twice: %d", status)
		}
	}
	if page := board(); strings.Count(page, "The answer is on its way to the scanner") != 2 {
		t.Errorf("it is not said that the answers are on their way:\n%s", page)
	}
	server.eventually("the scanner is told", func() bool { return len(traces(t, o.s3, answers)) == 1 })
	for v := range s3Client(t, o.s3).ListObjects(t.Context(), o.s3.Bucket, minio.ListObjectsOptions{Prefix: answers, WithVersions: true}) {
		must(t, s3Client(t, o.s3).RemoveObject(t.Context(), o.s3.Bucket, v.Key, minio.RemoveObjectOptions{VersionID: v.VersionID}))
	}
	server.stop() // and whatever it knew by heart is gone
	server = o.serve()
	server.isSetUp()
	ops.origin = server.origin()
	if page := board(); strings.Count(page, "The answer is on its way to the scanner") != 2 {
		t.Errorf("after a start the answers are forgotten:\n%s", page)
	}
	server.eventually("the scanner is told again", func() bool { return len(traces(t, o.s3, answers)) == 1 })
	for _, step := range []string{"answer-given", "answer-kept", "claimed"} {
		if p := o.scan(killtest.At(step)); !p.wait() {
			t.Fatalf("%s was never reached; it said:\n%s", step, p.out)
		}
	}
	scans = o.scan("")
	server.eventually("every letter is taken", func() bool {
		return server.status().Letters[register.Notified] == 2+stacked && len(claimed(o.scans)) == 0
	})
	server.eventually("nothing is asked any more", func() bool {
		return strings.Contains(board(), "No scan is waiting for an answer.") && len(traces(t, o.s3, letter.IncomingPrefix+"office/asked")) == 0
	})
	scans.stop()
	server.stop()
	if n := count(entries(t, o.data), "scan-answered"); n != 2 {
		t.Errorf("%d answers on record", n)
	}
	if slips, _ := filepath.Glob(filepath.Join(line, "taken", "*.txt")); len(slips) != 2+stacked {
		t.Errorf("%d slips", len(slips))
	}
	for _, root := range []string{o.data, o.edge, o.scans, o.s3dir} {
		if found := searchTree(root, "Canary_"); len(found) > 0 {
			t.Errorf("the name of a file stands in %v", found)
		}
	}
	for _, said := range []string{scans.out.String(), server.out.String(), command(t, o.data, "register", "export")} {
		if strings.Contains(said, "Canary_") {
			t.Errorf("the name of a file is said:\n%s", said)
		}
	}
}
