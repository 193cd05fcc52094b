package pdf

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"letterlock/scanner/child"
)

// RunChild reports whether args (os.Args) make this process the child of a
// Normaliser. If so it does the child's work and never returns: the process
// exits with 0 once it has given its verdict, whatever that is. A main function
// and a TestMain call it before anything else.
func RunChild(args []string) bool {
	var job job
	mine, err := child.Settings(args, childWord, &job)
	if !mine {
		return false
	}
	const usage = 2
	if err != nil {
		os.Exit(usage)
	}
	mouth := json.NewEncoder(os.NewFile(3, "verdict"))
	limits := job.Limits
	confine := child.Limits{AddressSpace: limits.AddressSpace, CPU: 2 * limits.Time, FileSize: limits.MaxOutput}
	if err := confine.Confine(); err != nil {
		os.Exit(usage) // never ready, so the parent knows that it is not the scan
	}
	debug.SetMaxStack(maxStack)
	in, out := os.Stdin, os.Stdout
	os.Stdin, os.Stdout = nil, nil // a stray print must not land in a letter
	if mouth.Encode(message{Ready: true}) != nil {
		os.Exit(usage)
	}
	if mouth.Encode(work(in, out, job)) != nil {
		os.Exit(usage)
	}
	os.Exit(0)
	return true
}

// maxStack ends a library that calls itself without end, in bytes.
const maxStack = 64 << 20

// job is what a child is told to do.
type job struct {
	Limits Limits `json:"limits"`
	// Pages are those to take out of a clean PDF, ascending from 1. Without any
	// the child makes a clean PDF of a scan.
	Pages []int `json:"pages,omitempty"`
	// Redraw has the scan's pictures drawn by decoders that are less strict.
	Redraw bool `json:"redraw,omitempty"`
}

// work does the job and puts the outcome into words for the parent.
func work(in, out *os.File, job job) message {
	scan, clean := &watched{file: in}, &watched{file: out}
	result, err := guarded(scan, clean, job)
	var refusal *Refusal
	switch {
	case clean.trouble != nil && errors.Is(clean.trouble, errFileTooLarge):
		return message{Refused: TooLarge}
	case clean.trouble != nil:
		return failure("writing the clean PDF", clean.trouble)
	case scan.trouble != nil:
		return failure("reading the scan", scan.trouble)
	case err == nil:
		return message{Result: &result}
	case errors.Is(err, errNoSuchPage):
		return failure("taking out pages", err)
	case errors.As(err, &refusal):
		return message{Refused: refusal.Code, Page: refusal.Page, Format: result.Format}
	default:
		// Only libraries' errors are left, and they may quote the scan.
		return message{Refused: Damaged, Format: result.Format}
	}
}

func failure(doing string, err error) message {
	m := message{Failed: doing}
	if !errors.As(err, &m.Errno) {
		m.Failed += ": " + err.Error()
	}
	return m
}

// guarded does the job with panics turned into refusals: a scan that breaks a
// library's promises is damaged.
func guarded(scan, clean *watched, job job) (result Result, err error) {
	defer func() {
		if recover() != nil {
			err = refuse(Damaged)
		}
	}()
	switch {
	case job.Pages != nil:
		return extract(scan, clean, job)
	case job.Redraw:
		return redraw(scan, clean, job.Limits)
	}
	return normalise(scan, clean, job.Limits)
}

// normalise is what the child is for: tell the format, make the clean PDF,
// read it back. A scan that is refused has its format in the result.
func normalise(scan, clean *watched, limits Limits) (Result, error) {
	format, size, err := recognised(scan)
	if err != nil {
		return Result{}, err
	}
	w := newWriter(clean)
	var looks []Look
	switch format {
	case PDF:
		err = scanToPDF(scan, size, w, limits)
	case JPEG:
		looks, err = jpegToPDF(scan, size, w, limits)
	case PNG:
		looks, err = pngToPDF(scan, size, w, limits)
	case TIFF:
		looks, err = tiffToPDF(scan, size, w, limits)
	}
	if err != nil {
		return Result{Format: format}, err
	}
	pages := len(w.pages)
	return Result{Pages: pages, Format: format, Looks: looks}, readBack(clean, pages, limits)
}

// recognised tells the format and the size of a whole scan, and refuses any other
// file.
func recognised(scan *watched) (format Format, size int64, err error) {
	if size, err = scan.size(); err != nil {
		return "", 0, err
	}
	format, err = Complete(scan, size)
	switch {
	case errors.Is(err, ErrUnknown):
		err = refuse(NotAScan)
	case errors.Is(err, ErrIncomplete):
		var code Code
		if code, err = Unfinished(scan, size, format); err == nil {
			err = refuse(code)
		}
	}
	return format, size, err
}

// watched is a file that remembers its first failure, so that a full disk or a
// share that went away is not taken for a damaged scan.
type watched struct {
	file    *os.File
	trouble error
}

func (w *watched) watch(n int, err error) (int, error) {
	if err != nil && !errors.Is(err, io.EOF) && w.trouble == nil && isFault(err) {
		w.trouble = bare(err)
	}
	return n, err
}

// isFault tells a failure of the machine from a library's use of a wrong offset.
func isFault(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no) && no != syscall.EINVAL
}

func (w *watched) Read(b []byte) (int, error)                { return w.watch(w.file.Read(b)) }
func (w *watched) ReadAt(b []byte, off int64) (int, error)   { return w.watch(w.file.ReadAt(b, off)) }
func (w *watched) Write(b []byte) (int, error)               { return w.watch(w.file.Write(b)) }
func (w *watched) Seek(off int64, whence int) (int64, error) { return w.file.Seek(off, whence) }

func (w *watched) size() (int64, error) { return w.file.Seek(0, io.SeekEnd) }
