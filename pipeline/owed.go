package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"letterlock/pipeline/mail"
)

const (
	// mailPause is for how long nobody is written to after the mail server did not answer.
	mailPause = time.Minute
	// stalledPause is the same for an address alone, where it stopped answering in the
	// middle of a message to it: meanwhile the others have their turn.
	stalledPause = 5 * time.Minute
	// mailTurn is after how long of one kind of mail a sweep goes on with the rest: a mail
	// server may be slow with each, and all else that a sweep does would wait.
	mailTurn = 20 * time.Second
)

// errStalled is of an address that is not tried again yet.
var errStalled = errors.New("sending mail: the connection broke off at this address a while ago, which is tried again later")

// sending has a mail server that does not answer waited for by one at a time, and not
// by each mail that is owed: a sweep, and whoever works on a letter, could otherwise
// do nothing else. The zero value takes the mail server to answer.
type sending struct {
	mu      sync.Mutex
	failed  error                // why it could not be reached; nil while it answers
	at      time.Time            // when that was
	trying  bool                 // somebody finds out whether it still is so
	stalled map[string]time.Time // when it stopped answering, by the address
	passed  map[string]int       // how many owed mails of a kind were tried when its turn was over
}

// next is where among so many owed mails of a kind its turn begins: after those with
// which the last one was over, of which some may be owed still.
func (s *sending) next(kind string, owed int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed[kind] % owed
}

// over notes how a turn of a kind has ended: with so many passed, or 0 with all of them.
func (s *sending) over(kind string, passed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passed == nil {
		s.passed = map[string]int{}
	}
	s.passed[kind] = passed
}

// begin reports whether the address may be written to now, or why not; finds says that
// this finds out whether the mail server answers again. end follows where there is no error.
func (s *sending) begin(now time.Time, to string) (finds bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.stalled, func(_ string, at time.Time) bool { return now.Sub(at).Abs() >= stalledPause })
	if s.failed != nil && (s.trying || now.Sub(s.at).Abs() < mailPause) {
		return false, s.failed
	}
	if _, waits := s.stalled[to]; waits {
		return false, errStalled
	}
	s.trying = s.failed != nil
	return s.trying, nil
}

// end notes what came of it. What was cut off from here says nothing of the mail server.
func (s *sending) end(now time.Time, to string, finds bool, err error, cutOff bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if finds {
		s.trying = false
	}
	switch {
	case errors.Is(err, mail.ErrUnreachable):
		s.failed, s.at = err, now
		if errors.Is(err, mail.ErrStalled) {
			if s.stalled == nil {
				s.stalled = map[string]time.Time{}
			}
			s.stalled[to] = now
		}
	case !cutOff:
		s.failed = nil
	}
}

// send hands a message to the mail system, unless that did not answer just now: then
// it says the same again, and dials no one.
func (s *Server) send(ctx context.Context, m mail.Message) (err error) {
	finds, err := s.sending.begin(s.cfg.Now(), m.To)
	if err != nil {
		return err
	}
	// Also after a panic, which a worker outlives: or nobody would ever try again.
	defer func() { s.sending.end(s.cfg.Now(), m.To, finds, err, ctx.Err() != nil) }()
	return s.cfg.Mail.Send(ctx, m)
}

// sendOwed sends mails that the register says are owed, one each, and has it noted that
// each is sent; what says of what they are. Each is on record before: a crash between a
// mail server's taking it and the note makes a second one, with the same Message-ID.
// Those for which a turn has no time are owed still, and come first in the next.
func sendOwed[M any](s *Server, owed []M, what string, send, sent func(M) error) (failed error) {
	if len(owed) == 0 {
		return nil
	}
	began, first, waiting := s.cfg.Now(), s.sending.next(what, len(owed)), 0
	for i := range owed {
		if s.cfg.Now().Sub(began).Abs() >= mailTurn {
			s.sending.over(what, first+waiting)
			return failed
		}
		m := owed[(first+i)%len(owed)]
		if err := send(m); err != nil {
			waiting++
			failed = errors.Join(failed, fmt.Errorf("sending %s: %w", what, err))
			if errors.Is(err, mail.ErrUnreachable) {
				return failed // the rest is owed still
			}
			continue // one address that is refused must not keep the mail from the others
		}
		if err := sent(m); err != nil {
			return err
		}
	}
	s.sending.over(what, 0)
	return failed
}
