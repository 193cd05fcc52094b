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

// checkTime bounds what may be spent on drawing a letter for its check: some twenty times
// of what an honest one needs, since machines are slow and busy.
func checkTime(pages int) time.Duration {
	return 2*time.Minute + time.Duration(pages)*time.Second
}

// checkTurn is for how long a letter is drawn before it is another's turn; one that took
// long to open, for twice of that, so that all its openings together take no longer than
// the drawing may.
const checkTurn = 5 * time.Second

// drawnAtOnce is how many letters are drawn at once for their check: as many as the
// renderer has children, so that none of them waits there before somebody who reads.
const drawnAtOnce = 2

// render draws every page once. err is the renderer's trouble, trouble the letter's. A
// letter gives its child back after its turn, so that small ones do not wait for a long
// one; and after the page that is being drawn where somebody reads, who waits for it.
func (s *Server) render(ctx context.Context, l *register.Letter, plain *opened) (trouble register.Trouble, err error) {
	left := checkTime(l.Pages)
	for n := 1; n <= l.Pages; {
		next, spent, err := s.renderSome(ctx, l, plain, n, left)
		left -= spent
		switch {
		case errors.Is(err, errPagesDiffer):
			return register.PagesDiffer, nil
		case errors.Is(err, page.ErrRender), ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
			return register.CannotRender, nil
		case err != nil:
			return "", err
		}
		n = next
	}
	return "", nil
}

var errPagesDiffer = errors.New("it has not as many pages as its manifest says")

// renderSome draws pages from n on for one turn, and next is the page to go on with.
func (s *Server) renderSome(ctx context.Context, l *register.Letter, plain *opened, n int, left time.Duration) (next int, spent time.Duration, err error) {
	select {
	case s.drawing <- struct{}{}:
		defer func() { <-s.drawing }()
	case <-ctx.Done():
		return n, 0, ctx.Err()
	}
	opening := time.Now()
	// Not bounded by what is left: it may wait for a child, and the opening has its own limit.
	doc, err := plain.document(ctx, s.cfg.Pages)
	if err != nil {
		return n, 0, err
	}
	defer doc.Close()
	if doc.Pages() != l.Pages {
		return n, 0, errPagesDiffer
	}
	begun := time.Now()
	turn := max(checkTurn, 2*begun.Sub(opening))
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	next, err = doc.CheckFrom(ctx, n, func() bool { return time.Since(begun) < turn && len(s.showing.turns) == 0 })
	return next, time.Since(begun), err
}
