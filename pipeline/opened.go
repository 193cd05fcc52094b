package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/page"
)

// opened is the plaintext of a letter that is checked: in a file that no disk ever
// holds, which the child that draws reads for itself, so that it lies in memory once.
// Where the system has no such file it is bytes, and lies there twice.
type opened struct {
	file  *os.File // nil for none
	bytes bytes.Buffer
}

func newOpened() (*opened, error) {
	file, err := inMemory()
	if _, none := errors.AsType[*portal.NotTaken](err); none {
		return &opened{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &opened{file: file}, nil
}

// Write adds to the plaintext.
func (o *opened) Write(b []byte) (int, error) {
	if o.file != nil {
		return o.file.Write(b)
	}
	return o.bytes.Write(b)
}

// document opens it to be drawn. Errors are those of page.Renderer.
func (o *opened) document(ctx context.Context, pages *page.Renderer) (*page.Document, error) {
	if o.file != nil {
		return pages.File(ctx, o.file)
	}
	return pages.Document(ctx, o.bytes.Bytes())
}

// close forgets it. A document that is open keeps what it needs until it is closed.
func (o *opened) close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// largeLetter is from how many sealed bytes on letters are opened to be checked one
// at a time: whoever can deposit must not be able to have several of the largest
// opened at once. So what is opened for a check never takes more than maxLetter, and
// as much as this for each of the other workers.
const largeLetter = 64 << 20

// largeWait is when a letter that waits for another large one is looked at again.
const largeWait = 5 * time.Second

// beginCheck comes before anything of a letter is read: the attempt is on record
// then, so that a letter on which this process dies is tried again later and later,
// and not as soon as it runs again. done is nil where another large letter is being
// checked; this one then waits, and not a worker for it.
func (s *Server) beginCheck(ctx context.Context, l *register.Letter) (done func(), err error) {
	done = func() {}
	if l.Size > largeLetter {
		select {
		case s.large <- struct{}{}:
			done = func() { <-s.large }
		default:
			return nil, s.cfg.Register.PutOff(ctx, *l, s.cfg.Now().Add(largeWait))
		}
	}
	if err := s.cfg.Register.Defer(ctx, *l, l.Trouble, s.cfg.Now().Add(restAfter(l.Attempts))); err != nil {
		done()
		return nil, err
	}
	return done, nil
}
