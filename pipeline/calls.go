package pipeline

import (
	"context"
	"errors"
	"fmt"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// tellCalled tells those whom a reader's decision calls to a letter that they are
// called, and not to what. A mail is on record before it is sent; a crash between
// a mail server's taking it and the note of that makes a second one, with the same
// Message-ID.
func (s *Server) tellCalled(ctx context.Context) error {
	if s.Closed(ctx) { // what an older copy says may not be so any more
		return nil
	}
	owed, err := s.cfg.Register.OwedCalls(ctx, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	var failed error
	for _, c := range owed {
		link := s.cfg.Origin.JoinPath("l", string(c.Letter))
		switch c.Why {
		case register.CalledRecused, // where it stands who has stepped back,
			register.CalledAwayKept, register.CalledAwayUnkept: // and what became of whose answer
			link = s.cfg.Origin.JoinPath("letters")
		}
		if err := s.cfg.Mail.Send(ctx, mail.Message{About: mail.ACall, To: c.Address, MessageID: c.MessageID, Link: link.String()}); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sending mail about a decision: %w", err))
			continue // one address that is refused must not keep the mail from the others
		}
		s.cfg.Step("call-mail-sent", c.Letter)
		if err := s.cfg.Register.CallSent(ctx, c); err != nil {
			return err
		}
	}
	return failed
}
