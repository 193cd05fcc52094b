package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/archive/lyingtest"
	"letterlock/pipeline/archive/probe"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit/deposittest"
)

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// The administrator tries the bucket out, with the credentials of a scanner, on
// a server that keeps its promises and on one that does not.
func TestTheStorageIsTriedOut(t *testing.T) {
	s3 := deposittest.Start(t).Config()
	data, edge := newData(t), filepath.Join(t.TempDir(), "edge")
	configure(t, data, s3, "")
	if out, err := letterlockCmd(t, data, "check", "storage").CombinedOutput(); exitCode(err) != exitWrong || !strings.Contains(string(out), "NO-GO  bucket       There is no bucket") {
		t.Fatalf("before there is a bucket: %v\n%s", err, out)
	}
	command(t, data, "setup", "--edge", "office", "--edge-folder", edge)
	out := command(t, data, "check", "storage", "--edge-folder", edge)
	if strings.Contains(out, "NO-GO") || !strings.Contains(out, "go     edge         The scanner's credentials can put letters") {
		t.Errorf("it said:\n%s", out)
	}
	checkSays := func(what, says string) {
		t.Helper()
		if out, _ := letterlockCmd(t, data, "check").CombinedOutput(); !strings.Contains(string(out), says) {
			t.Errorf("%s, 'check' said:\n%s", what, out)
		}
	}
	checkSays("on an honest server", "ok        conformance  The storage does what letters need")

	liar := lyingtest.Before(t, s3, lyingtest.Instead(lyingtest.IsRemoval, 204, ""), nil)
	configure(t, data, liar, "")
	said, err := letterlockCmd(t, data, "check", "storage", "--json").Output()
	if exitCode(err) != exitWrong {
		t.Errorf("on a server that lies it ended with %v", err)
	}
	var lines []probe.Line
	if err := json.Unmarshal(said, &lines); err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if !texts.English().Has("storage-question." + l.Name) {
			t.Errorf("the question %s has no words", l.Name)
		}
		if l.OK == (l.Name == "removal") {
			t.Errorf("on a server that does not remove: %+v", l)
		}
	}
	checkSays("on a server that does not remove", ": removing for good. A letter could be lost there")
}

// A server without what cannot be done without is refused, with what it lacks,
// before a scan is taken or a key given out.
func TestAStorageThatCannotHoldLettersIsRefused(t *testing.T) {
	t.Parallel()
	const notOffered = `<Error><Code>NotImplemented</Code><Message>not implemented</Message></Error>`
	server := deposittest.Start(t)
	for _, c := range []struct {
		name, says string
		lie        lyingtest.Lie
	}{
		{"no versioning", "turning on versioning", lyingtest.Instead(func(r *http.Request) bool { return lyingtest.Asks(r, "PUT", "versioning") }, 501, notOffered)},
		{"versioning that does nothing", "versioning was turned on and is not on", lyingtest.Instead(func(r *http.Request) bool { return lyingtest.Asks(r, "PUT", "versioning") }, 200, "")},
		{"no lifecycle", "installing lifecycle", lyingtest.Instead(func(r *http.Request) bool { return lyingtest.Asks(r, "PUT", "lifecycle") }, 501, notOffered)},
		{"a lifecycle that is dropped", "does not keep them", lyingtest.Instead(func(r *http.Request) bool { return lyingtest.Asks(r, "PUT", "lifecycle") }, 200, "")},
		{"create-only is ignored", "could take another's place", lyingtest.Pretended(lyingtest.IsPut)},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := newData(t)
			honest := server.Config()
			configure(t, data, lyingtest.Before(t, honest, c.lie, nil), "")
			for _, args := range [][]string{{"setup"}, {"serve", "--listen", "localhost:0"}, {"up", "--listen", "localhost:0"}} {
				out, err := letterlockCmd(t, data, args...).CombinedOutput()
				if exitCode(err) != exitFailed || !strings.Contains(string(out), "cannot hold letters") || !strings.Contains(string(out), c.says) {
					t.Errorf("%v ended with %v and said:\n%s", args, err, out)
				}
			}
			if left := traces(t, honest, ""); slices.Contains(left, "keys/recipients") || len(left) > 0 {
				t.Errorf("in the bucket: %v", left)
			}
		})
	}
}
