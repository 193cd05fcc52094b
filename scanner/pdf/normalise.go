package pdf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"letterlock/scanner/child"
)

// Limits bound what one scan may cost. A zero field takes its default, which
// for time, memory and output grows with the size of the scan.
type Limits struct {
	// Time is how long the child may take by the clock once it reads. Default: a minute, and
	// two seconds for each MiB of the scan. The processor time of all threads
	// together may be twice as long.
	Time time.Duration `json:"time"`
	// AddressSpace is how many bytes the child may map beyond what it starts
	// with. Default: 1 GiB and three times the scan; reading a PDF takes its
	// size and 15 MB.
	AddressSpace int64 `json:"address_space"`
	// MaxInput is the largest scan in bytes. Default: 1 GiB.
	MaxInput int64 `json:"max_input"`
	// MaxOutput is the largest clean PDF in bytes. Default: 64 MiB and four
	// times the scan.
	MaxOutput int64 `json:"max_output"`
	// MaxPages is the largest number of pages. Default: 2,000.
	MaxPages int `json:"max_pages"`
	// MaxPixels is the largest picture, width times height. Default: 100
	// million, which is A4 at 1,000 dots per inch.
	MaxPixels int64 `json:"max_pixels"`
	// MaxObjects is the largest object number of a PDF. Default: a million.
	MaxObjects int `json:"max_objects"`
	// AllowSymbols takes PDFs in which JBIG2 draws one shape in the place of
	// others. Some scanners choose the wrong one: a number on the page is then
	// another than on the paper.
	AllowSymbols bool `json:"allow_symbols"`
}

// MostPages is how many pages a scan may have where nothing else is said.
const MostPages = 2000

// withDefaults fills in what is zero, for a scan of size bytes.
func (l Limits) withDefaults(size int64) Limits {
	const mib = 1 << 20
	orElse(&l.Time, time.Minute+time.Duration(size/mib)*2*time.Second)
	orElse(&l.AddressSpace, 1024*mib+3*size)
	orElse(&l.MaxInput, 1024*mib)
	orElse(&l.MaxOutput, 64*mib+4*size)
	orElse(&l.MaxPages, MostPages)
	orElse(&l.MaxPixels, 100_000_000)
	orElse(&l.MaxObjects, 1_000_000)
	return l
}

func orElse[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Normaliser makes clean PDFs. Its zero value is ready, in a program whose main
// calls RunChild first.
type Normaliser struct {
	// Command is how to start the child, without its settings. Default: this
	// program's own file and the word that RunChild knows.
	Command []string
	Limits  Limits
}

// childWord is the hidden argument that makes this program the child.
const childWord = "normalise-child"

// startTime is how long a child may take until it is ready.
const startTime = time.Minute

// message is what the child says on its third descriptor, a line of JSON each:
// first that it is confined and about to read, then how it went.
type message struct {
	Ready   bool          `json:"ready,omitempty"`
	Result  *Result       `json:"result,omitempty"`
	Refused Code          `json:"refused,omitempty"`
	Page    int           `json:"page,omitempty"`
	Format  Format        `json:"format,omitempty"` // of a scan that is refused
	Failed  string        `json:"failed,omitempty"` // not the scan's fault
	Errno   syscall.Errno `json:"errno,omitempty"`  // behind Failed, so that a full disk is known as one
}

// Normalise makes one clean PDF of the scan in and writes it to out, which must
// be open for reading and writing and loses what it held. Both are regular
// files; out is left at its start and not synced.
//
// The error is a *Refusal when the scan can never be taken, which includes that
// reading it crashed, ran out of memory or took too long. It is ctx's when ctx
// ends first. Any other error is not the scan's fault. After an error out is
// empty. A crash of this process takes the child with it and leaves in out an
// unfinished PDF, which the next Normalise into it overwrites.
func (n Normaliser) Normalise(ctx context.Context, in, out *os.File) (Result, error) {
	return n.do(ctx, job{}, in, out)
}

// do gives a child its job, with the limits for that file.
func (n Normaliser) do(ctx context.Context, job job, in, out *os.File) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	info, err := in.Stat()
	if err != nil {
		return Result{}, fmt.Errorf("looking at the scan: %w", bare(err))
	}
	if err := rewind(out); err != nil {
		return Result{}, fmt.Errorf("emptying the clean PDF: %w", bare(err))
	}
	limits := n.Limits.withDefaults(info.Size())
	if info.Size() > limits.MaxInput {
		return Result{}, refuse(TooLarge)
	}
	job.Limits = limits
	result, err := n.run(ctx, job, in, out)
	if err != nil {
		// Nothing half clean may be taken for a letter later.
		if again := rewind(out); again != nil {
			err = errors.Join(err, fmt.Errorf("emptying the clean PDF: %w", bare(again)))
		}
		return Result{}, err
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return Result{}, fmt.Errorf("going to the start of the clean PDF: %w", bare(err))
	}
	return result, nil
}

func rewind(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// bare takes the file's name off an error.
func bare(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// run starts the child, listens to it and stops it when its time is over.
func (n Normaliser) run(ctx context.Context, job job, in, out *os.File) (Result, error) {
	command := n.Command
	if command == nil {
		var err error
		if command, err = child.Command(childWord); err != nil {
			return Result{}, err
		}
	}
	ear, mouth, err := os.Pipe()
	if err != nil {
		return Result{}, fmt.Errorf("making a pipe to a child: %w", err)
	}
	defer ear.Close()
	process, err := child.Start(command, job, in, out, mouth)
	mouth.Close() // ours, so that the child's end is the last
	if err != nil {
		return Result{}, err
	}
	defer context.AfterFunc(ctx, process.Kill)()
	// On a busy machine a child may be slow to start, for which no scan is to blame.
	clock := time.AfterFunc(startTime, process.Kill)
	defer clock.Stop()
	ready, verdict := listen(ear, job.Limits.MaxPages, func() { clock.Reset(job.Limits.Time) })
	_ = process.Wait() // its verdict counts, not its exit status
	switch {
	case verdict != nil:
		return verdict.outcome()
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case ready:
		// Killed by the clock or by a limit, or crashed: the scan did that.
		return Result{}, refuse(TooHeavy)
	default:
		return Result{}, errors.New("starting a child: it ended before it was ready")
	}
}

// listen reads what the child says until it ends, no more than it may say of so
// many pages, and calls begin when it is ready.
func listen(ear io.Reader, pages int, begin func()) (ready bool, verdict *message) {
	const much, muchPerPage = 64 << 10, 2 * lookSide * lookSide // base64 adds a third
	lines := json.NewDecoder(io.LimitReader(ear, much+int64(pages)*muchPerPage))
	for {
		var m message
		if lines.Decode(&m) != nil {
			return ready, verdict
		}
		if m.Ready {
			ready = true
			begin()
		} else {
			verdict = &m
		}
	}
}

// outcome turns the child's verdict into what Normalise returns.
func (m *message) outcome() (Result, error) {
	switch {
	case m.Result != nil:
		return *m.Result, nil
	case m.Refused != "":
		return Result{}, &Refusal{Code: m.Refused, Page: m.Page, Format: m.Format}
	case m.Errno != 0:
		return Result{}, fmt.Errorf("%s: %w", m.Failed, m.Errno)
	default:
		return Result{}, errors.New(m.Failed)
	}
}
