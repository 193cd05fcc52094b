// Package child runs a part of this program in a process of its own, one that
// may hang, crash or eat memory and be killed for it without harm: the parts
// that read what a stranger made.
//
// The child is the same executable, started with a hidden first argument (its
// word) and one argument of settings as JSON. It gets an environment of ours
// alone and no file but those it is handed open, and it confines itself before
// it reads a byte: limits on what it may use, no network, no other program, and
// no file but its own. What the system does not grant of that is logged by the process
// that started it (see Confinement). A child never outlives that process.
package child

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Limits are what a child may use. Zero means no limit of that kind. They hold
// on Linux; elsewhere only the parent's clock bounds a child.
type Limits struct {
	// AddressSpace is how many bytes the child may map beyond what it starts
	// with (RLIMIT_AS). Go reserves much address space without using it, so a
	// limit counted from nothing would say little.
	AddressSpace int64 `json:"address_space,omitempty"`
	// CPU is the processor time of all its threads, in whole seconds (RLIMIT_CPU).
	CPU time.Duration `json:"cpu,omitempty"`
	// FileSize is the largest file it may write, in bytes (RLIMIT_FSIZE).
	FileSize int64 `json:"file_size,omitempty"`
	// Folders are what it may read and write below; they must exist. With none,
	// it opens no file at all and has only those it was handed.
	Folders []string `json:"folders,omitempty"`
}

// Command is how to start this program's own child for word.
func Command(word string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the program's own file: %w", err)
	}
	return []string{self, word}, nil
}

// Settings reports whether args (as os.Args) start the child for word, and if
// so reads its settings into v.
func Settings(args []string, word string, v any) (mine bool, err error) {
	if len(args) < 2 || args[1] != word {
		return false, nil
	}
	if len(args) != 3 {
		return true, fmt.Errorf("%s is started by the program itself", word)
	}
	if err := json.Unmarshal([]byte(args[2]), v); err != nil {
		return true, fmt.Errorf("reading settings of %s: %w", word, err)
	}
	return true, nil
}

// Process is a running child.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

// Start starts command with settings as its last argument. stdin and stdout may
// be nil; extra becomes file descriptor 3 and up (not on Windows). What the
// child says on standard error is dropped, since it could quote the scan, but
// for the report that Limits.Confine makes there before anything is read.
func Start(command []string, settings any, stdin, stdout *os.File, extra ...*os.File) (*Process, error) {
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("writing settings of a child: %w", err)
	}
	args := append(append([]string{}, command[1:]...), string(raw))
	p := &Process{cmd: exec.Command(command[0], args...), ended: make(chan struct{})}
	// The C library of a build with cgo sets up to 128 MiB of addresses aside for
	// each thread, and how many threads there are is chance: a child would come
	// to the end of its address space on a busy machine only.
	p.cmd.Env = []string{"MALLOC_ARENA_MAX=1"}
	p.cmd.ExtraFiles = extra
	p.cmd.SysProcAttr = attributes()
	if stdin != nil { // a nil *os.File must not become a non-nil io.Reader
		p.cmd.Stdin = stdin
	}
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	ear, mouth, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to a child: %w", err)
	}
	p.cmd.Stderr = mouth
	started := make(chan error)
	go p.run(started, ear)
	err = <-started
	mouth.Close() // ours, so that the child's end is the last
	if err != nil {
		ear.Close()
		return nil, fmt.Errorf("starting a child: %w", err)
	}
	return p, nil
}

// run starts the child and sees it end on one operating system thread: Linux
// takes the end of the thread for the end of the parent.
func (p *Process) run(started chan<- error, ear *os.File) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	heard := make(chan struct{})
	go func() {
		hear(ear)
		close(heard)
	}()
	p.err = p.cmd.Wait()
	// Its last words are in the pipe. Nobody else should hold that open, but
	// nobody is waited for.
	const soon = time.Second
	_ = ear.SetReadDeadline(time.Now().Add(soon))
	<-heard
	close(p.ended)
}

// Ended reports whether the child has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Kill ends the child at once. It may be called at any time, more than once.
func (p *Process) Kill() {
	if !p.Ended() { // else its number may be another's by now
		kill(p.cmd.Process)
	}
}

// Wait waits for the child to end and returns how it did (*exec.ExitError
// unless it exited with 0). It may be called more than once.
func (p *Process) Wait() error {
	<-p.ended
	return p.err
}
