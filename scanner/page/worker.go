package page

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"letterlock/scanner/child"
)

// worker is the parent's side of one child.
type worker struct {
	process  *child.Process
	to, from *os.File
	files    *handover
	turn     sync.Mutex  // one question at a time
	broken   atomic.Bool // it broke the protocol, ran out of time or died
}

// settings are what a child is told at its start.
type settings struct {
	CacheDir     string `json:"cache_dir,omitempty"`
	AddressSpace int64  `json:"address_space"`
}

func startWorker(config Config) (*worker, error) {
	input, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to a child: %w", err)
	}
	from, output, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a pipe to a child: %w", err), input.Close(), to.Close())
	}
	files, err := newHandover()
	if err != nil {
		return nil, errors.Join(err, input.Close(), to.Close(), from.Close(), output.Close())
	}
	process, err := child.Start(config.Command, settings{config.CacheDir, config.AddressSpace}, input, output, files.ends()...)
	input.Close()
	output.Close()
	files.started() // ours, so that the child's ends are the last
	if err != nil {
		files.close()
		return nil, errors.Join(err, to.Close(), from.Close())
	}
	return &worker{process: process, to: to, from: from, files: files}, nil
}

// awaitReady waits for the child's first word.
func (w *worker) awaitReady(within time.Duration) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if _, err := w.within(within, func() (answer, error) { return readAnswer(w.from, nil) }); err != nil {
		// Not ErrRender: no document has anything to do with it.
		return fmt.Errorf("starting a child that renders: %v", err)
	}
	return nil
}

// ask puts a question and waits for the answer, but not longer than ctx. When
// ctx ends, the child still works on it and can answer the next one after it,
// unless its own time runs out. It closes the question's file in any case.
func (w *worker) ask(ctx context.Context, q request, within time.Duration) (answer, error) {
	if err := ctx.Err(); err != nil {
		q.closeFile()
		return answer{}, err
	}
	type reply struct {
		a   answer
		err error
	}
	came := make(chan reply, 1)
	go func() {
		w.turn.Lock()
		defer w.turn.Unlock()
		a, err := w.within(within, func() (answer, error) { return w.exchange(q) })
		q.closeFile()
		came <- reply{a, err}
	}()
	select {
	case r := <-came:
		return r.a, r.err
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// exchange sends a question, its file first, and reads the answer.
func (w *worker) exchange(q request) (answer, error) {
	if q.file != nil {
		if err := w.files.send(q.file); err != nil {
			return answer{}, err
		}
	}
	if err := q.write(w.to); err != nil {
		return answer{}, err
	}
	return readAnswer(w.from, q.room)
}

// within runs one exchange with the child and kills the child when it takes
// longer. An error wraps ErrRender, unless the child could not read the file it
// was handed; after one of the pipe the child is of no more use.
func (w *worker) within(limit time.Duration, exchange func() (answer, error)) (answer, error) {
	if w.broken.Load() {
		return answer{}, fmt.Errorf("%w: its child is gone", ErrRender)
	}
	var late atomic.Bool
	clock := time.AfterFunc(limit, func() {
		late.Store(true)
		w.process.Kill()
	})
	a, err := exchange()
	clock.Stop()
	switch {
	case late.Load():
		w.broken.Store(true)
		return answer{}, fmt.Errorf("%w: it took longer than %v", ErrRender, limit)
	case err != nil:
		w.broken.Store(true)
		return answer{}, fmt.Errorf("%w: its child crashed or ran out of memory", ErrRender)
	case a.status == answerUnable:
		w.broken.Store(true)
		return answer{}, fmt.Errorf("its compiled code cannot be kept in the cache's folder: %w", syscall.Errno(a.number))
	case a.status == answerUnread:
		return answer{}, fmt.Errorf("reading its file: %w", syscall.Errno(a.number))
	case a.status == answerLocked:
		return answer{}, fmt.Errorf("%w: %w", ErrRender, ErrLocked)
	case a.status != answerDone:
		return answer{}, fmt.Errorf("%w: PDFium cannot read it", ErrRender)
	}
	return a, nil
}

// end kills the child and waits for its end.
func (w *worker) end() {
	w.broken.Store(true)
	w.process.Kill()
	_ = w.process.Wait() // killed is what it should be
	w.to.Close()
	w.from.Close()
	w.files.close()
}
