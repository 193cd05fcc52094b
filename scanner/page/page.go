// Package page turns the pages of a PDF into pixels, for people who read a
// letter and for the check that it can be read. It is PDFium, compiled to
// WebAssembly, in child processes: a page that hangs or eats memory costs one
// child and nothing else.
//
// A letter's bytes go to the child through a pipe, or as an open file that the
// child reads itself, and pictures come back through a pipe; nothing is written
// to a disk. Each document gets a WebAssembly instance of its own, a sandbox, so
// that none can see what another left in memory.
package page

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"letterlock/scanner/child"
)

// ErrRender says that a document or one of its pages could not be made into
// pixels: the document is damaged, or it took the child too long or too much
// memory. It is not a matter of trying again.
var ErrRender = errors.New("rendering failed")

// ErrLocked says that a document needs a password to be seen. It comes with
// ErrRender.
var ErrLocked = errors.New("it needs a password")

// ErrClosed is what a Renderer says after Close.
var ErrClosed = errors.New("renderer is closed")

// Config is how a Renderer works. A zero field takes its default.
type Config struct {
	// Command is how to start a child, without its settings. Default: this
	// program's own file and the word that RunChild knows.
	Command []string
	// Children is how many documents can be open at once; each holds a child.
	// An idle one takes some 50 MB, and what a page needs comes on top: 10 MB in
	// black and white, 50 MB in colour at 300 dpi. Default: 2.
	Children int
	// CacheDir is a folder for PDFium's compiled code, which makes a child
	// start in half a second instead of five to fourteen. It holds nothing of
	// any letter, but it is code: nobody else may be able to write there. Empty
	// for none.
	CacheDir string
	// AddressSpace is how many bytes a child may map beyond what it starts
	// with, the document included if it goes through the pipe. Of this a third,
	// but no more than 512 MiB, is for the sandbox of each document. Default: 3 GiB.
	AddressSpace int64
	// Time is how long one page may take. Default: 30 seconds. Opening a
	// document may take as long, and a second more for each 10 MB.
	Time time.Duration
}

// Bounds that no caller can lift.
const (
	maxDPI      = 300
	maxPixels   = 25_000_000 // of a rendered page: A4 at 500 dots per inch
	maxDocument = 1 << 30    // bytes, of one that goes through the pipe
	maxFile     = 1<<32 - 1  // bytes, of one that lies in a file: PDFium counts in 32 bits
	maxBeside   = 2          // documents that a child has open at once
	// checkDPI finds what cannot be rendered at any resolution.
	checkDPI = 72
	// startTime is how long a child may take until it is ready, without a
	// cache and on a busy machine.
	startTime = 3 * time.Minute
)

// Renderer keeps children ready. It is safe for use by many goroutines.
type Renderer struct {
	config Config
	slots  chan struct{} // one for each document that is open

	mu     sync.Mutex
	idle   []*worker
	all    map[*worker]bool
	closed bool
}

// Open makes a Renderer. No child is started yet.
func Open(config Config) (*Renderer, error) {
	if config.Command == nil {
		var err error
		if config.Command, err = child.Command(word); err != nil {
			return nil, err
		}
	}
	if config.Children <= 0 {
		config.Children = 2
	}
	if config.AddressSpace == 0 {
		config.AddressSpace = 3 << 30
	}
	if config.Time == 0 {
		config.Time = 30 * time.Second
	}
	return &Renderer{
		config: config,
		slots:  make(chan struct{}, config.Children),
		all:    map[*worker]bool{},
	}, nil
}

// Warm starts a child if none is ready, so that the first document does not
// wait for it.
func (r *Renderer) Warm(ctx context.Context) error {
	w, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	r.release(w)
	return nil
}

// Close ends all children, whatever they are doing. Documents that are still
// open fail with ErrRender.
func (r *Renderer) Close() error {
	r.mu.Lock()
	r.closed = true
	var all []*worker
	for w := range r.all {
		all = append(all, w)
	}
	r.idle = nil
	r.mu.Unlock()
	for _, w := range all {
		w.end()
	}
	return nil
}

// Document opens a PDF that lies in memory, with a child of its own for as long
// as it is open; when all are taken it waits for one. The bytes must not change
// until it returns. The error wraps ErrRender when PDFium cannot open it, and is
// ctx's when ctx ended first.
func (r *Renderer) Document(ctx context.Context, pdf []byte) (*Document, error) {
	if len(pdf) > maxDocument {
		return nil, fmt.Errorf("opening a document: %w: larger than 1 GiB", ErrRender)
	}
	w, err := r.acquire(ctx)
	if err != nil {
		return nil, err
	}
	d := &Document{renderer: r, worker: w}
	if err := d.opened(w.ask(ctx, request{kind: askOpen, body: pdf},
		r.openingTime(len(pdf)))); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// File is Document for a PDF in a file that is open for reading. Its content
// does not pass through this process where the system can hand an open file to
// another one, and its offset does not matter. The file may be closed once File
// returns, but its bytes must not change while the document is open. An error
// that is neither ErrRender nor ctx's is of the file or the system.
func (r *Renderer) File(ctx context.Context, f *os.File) (*Document, error) {
	w, err := r.acquire(ctx)
	if err != nil {
		return nil, err
	}
	d := &Document{renderer: r, worker: w}
	if err := d.openFile(ctx, f); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// bare takes the file's name off an error.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// acquire takes a slot and a child that is ready.
func (r *Renderer) acquire(ctx context.Context) (*worker, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w, err := r.ready()
	if w != nil || err != nil {
		if err != nil {
			<-r.slots
		}
		return w, err
	}
	type started struct {
		w   *worker
		err error
	}
	came := make(chan started, 1)
	go func() {
		w, err := r.start()
		came <- started{w, err}
	}()
	select {
	case s := <-came:
		if s.err != nil {
			<-r.slots
		}
		return s.w, s.err
	case <-ctx.Done():
		// The child is of use to the next one.
		go func() {
			if s := <-came; s.err == nil {
				r.release(s.w)
			} else {
				<-r.slots
			}
		}()
		return nil, ctx.Err()
	}
}

// ready takes an idle child, or none. One that has died meanwhile is forgotten.
func (r *Renderer) ready() (*worker, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	for len(r.idle) > 0 {
		w := r.idle[len(r.idle)-1]
		r.idle = r.idle[:len(r.idle)-1]
		if !w.process.Ended() {
			return w, nil
		}
		delete(r.all, w)
		w.end()
	}
	return nil, nil
}

// start starts a child and waits until it is ready.
func (r *Renderer) start() (*worker, error) {
	w, err := startWorker(r.config)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	closed := r.closed
	if !closed {
		r.all[w] = true
	}
	r.mu.Unlock()
	if closed {
		w.end()
		return nil, ErrClosed
	}
	if err := w.awaitReady(startTime); err != nil {
		r.forget(w)
		return nil, err
	}
	return w, nil
}

// release gives a child back, or forgets it when something went wrong with it,
// and frees its slot.
func (r *Renderer) release(w *worker) {
	r.mu.Lock()
	keep := !r.closed && !w.broken.Load()
	if keep {
		r.idle = append(r.idle, w)
	}
	r.mu.Unlock()
	if !keep {
		r.forget(w)
	}
	<-r.slots
}

func (r *Renderer) forget(w *worker) {
	w.end()
	r.mu.Lock()
	delete(r.all, w)
	r.mu.Unlock()
}
