// Package sharetest starts the real servers through which scans reach a
// folder, smbd and vsftpd, and the real clients that send them: whole, slowly,
// with pauses and cut off. Only tests import it.
package sharetest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"letterlock/scanner/realpart"
)

// patience is how long anything of another process may take. It bounds only
// what would otherwise hang: no test is quicker or slower for it.
const patience = 3 * time.Minute

// needRoot skips where the servers cannot run.
func needRoot(t testing.TB) {
	t.Helper()
	realpart.Need(t, runtime.GOOS == "linux" && os.Geteuid() == 0, "Linux and root, as whom smbd and vsftpd run")
}

// freePort is a port of 127.0.0.1 that is the test's own.
func freePort(t testing.TB) string {
	t.Helper()
	_, port, err := net.SplitHostPort(realpart.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// said is what a process has said so far.
type said struct {
	mu sync.Mutex
	bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Buffer.String()
}

// process is a server that runs until the test ends.
type process struct {
	ended chan struct{}
	said  said
}

// start starts a server. The test's end, however it ends, is the server's, and
// that of all that it has started.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	cmd.WaitDelay = time.Second // what it has started may hold its output
	inGroup(cmd)
	started := make(chan error)
	go func() {
		// Linux takes the end of this thread for the end of the test.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		killGroup(cmd.Process.Pid)
		<-p.ended
	})
	return p
}

// ready waits until a server does what it is there for.
func (p *process) ready(t testing.TB, is func() bool) {
	t.Helper()
	const pause = 10 * time.Millisecond
	for begun := time.Now(); !is(); time.Sleep(pause) {
		select {
		case <-p.ended:
			t.Fatalf("the server ended: %s", p.said.String())
		default:
		}
		if time.Since(begun) > patience {
			t.Fatalf("the server is not ready after a minute: %s", p.said.String())
		}
	}
}

// listening reports whether somebody listens on a port of 127.0.0.1.
func listening(port string) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, patience)
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// run runs a program to its end and fails the test if it fails.
func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var output said
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	clock := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	clock.Stop()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, output.String())
	}
	return output.String()
}
