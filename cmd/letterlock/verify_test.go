package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Ctrl-C ends a verification whose export stops coming.
func TestAVerificationThatWaitsIsInterrupted(t *testing.T) {
	data := newSample(t)
	cmd := letterlockCmd(t, data, "register", "verify", "-", "--key", filepath.Join(data, "register.pub"))
	export, err := cmd.StdinPipe()
	must(t, err)
	said := &strings.Builder{}
	cmd.Stderr = said
	must(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill() }()
	// More than a pipe holds, so that it is at reading when this is written.
	for _, n := range []string{"0", "1", "2", "3"} {
		_, err := io.WriteString(export, `{"n":`+n+`,"kind":"`+strings.Repeat("x", 60<<10)+"\"}\n")
		must(t, err)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	err = cmd.Wait()
	if exitCode(err) != exitFailed || !strings.Contains(said.String(), "interrupted. Nothing was changed") {
		t.Errorf("ended with %v and said:\n%s", err, said)
	}
}
