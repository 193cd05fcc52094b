package page

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"letterlock/scanner/child"
)

// word is the hidden argument that makes this program the child.
const word = "render-child"

// RunChild reports whether args (os.Args) make this process the child of a
// Renderer. If so it does the child's work and never returns; it ends when its
// input does, which is when the parent is gone. A main function and a TestMain
// call it before anything else.
func RunChild(args []string) bool {
	var s settings
	mine, err := child.Settings(args, word, &s)
	if !mine {
		return false
	}
	const usage, failure = 2, 1
	// The cache is the only file it may write.
	const maxCacheFile = 256 << 20
	confine := child.Limits{AddressSpace: s.AddressSpace, FileSize: maxCacheFile}
	if s.CacheDir != "" {
		confine.Folders = []string{s.CacheDir}
	}
	if err != nil || confine.Confine() != nil {
		os.Exit(usage)
	}
	if serve(os.Stdin, os.Stdout, s) != nil {
		os.Exit(failure)
	}
	os.Exit(0)
	return true
}

// serve answers questions until there are no more.
func serve(from io.Reader, to io.Writer, s settings) error {
	pool, err := newPool(s)
	if err != nil {
		if why, known := errors.AsType[syscall.Errno](err); known { // a full disk is not a child that crashed
			return errors.Join(err, answer{status: answerUnable, number: uint32(why)}.write(to))
		}
		return err
	}
	debug.FreeOSMemory() // compiling PDFium took several times what running it does
	// Nothing lies between the picture and the pipe: a buffer there would go on holding
	// the first of its dots when the picture itself is wiped.
	reply := func(a answer) error { return a.write(to) }
	if err := reply(answer{}); err != nil {
		return err
	}
	d := &desk{pool: pool, files: fromParent()}
	for {
		q, err := readRequest(from, d.shown.letter)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.answer(q, reply); err != nil {
			return err
		}
	}
}
