package sharetest

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// Upload is a file that is being sent.
type Upload struct {
	t    testing.TB
	to   io.WriteCloser
	once sync.Once

	process *exec.Cmd // the client; nil if that is this process
	said    said
	replied func() error // the server's last word, where this process is the client
}

// Send sends some more. It returns when the client has taken it; the server may
// not have all of it yet.
func (u *Upload) Send(data string) {
	u.t.Helper()
	if _, err := io.WriteString(u.to, data); err != nil {
		u.t.Fatalf("sending: %v %s", err, u.said.String())
	}
}

// Pause stops the client in its tracks, until it goes on. A client that is
// this process pauses whenever it does not send.
func (u *Upload) Pause() { u.signal(stop) }

// GoOn ends a pause.
func (u *Upload) GoOn() { u.signal(goOn) }

// Finish ends the file as whole, and returns when the server has it.
func (u *Upload) Finish() {
	u.t.Helper()
	u.once.Do(func() {
		err := u.to.Close()
		if u.process != nil {
			err = u.process.Wait()
		} else if err == nil {
			err = u.replied()
		}
		if err != nil {
			u.t.Fatalf("sending: %v %s", err, u.said.String())
		}
	})
}

// Cut breaks the connection as a power cut at the client's does: nothing more
// is said. It does nothing to an upload that is finished.
func (u *Upload) Cut() {
	u.once.Do(func() {
		u.signal(os.Kill)
		_ = u.to.Close()
		if u.process != nil {
			_ = u.process.Wait()
		}
	})
}

func (u *Upload) signal(s os.Signal) {
	if u.process != nil {
		_ = u.process.Process.Signal(s)
	}
}
