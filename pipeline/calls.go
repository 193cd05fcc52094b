package pipeline

import (
	"context"

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
	return sendOwed(s, owed, "mail about a decision", func(c register.Call) error {
		link := s.cfg.Origin.JoinPath("l", string(c.Letter))
		switch c.Why {
		case register.CalledRecused, // where it stands who has stepped back,
			register.CalledAwayKept, register.CalledAwayUnkept: // and what became of whose answer
			link = s.cfg.Origin.JoinPath("letters")
		}
		return s.send(ctx, mail.Message{About: mail.ACall, To: c.Address, MessageID: c.MessageID, Link: link.String()})
	}, func(c register.Call) error {
		s.cfg.Step("call-mail-sent", c.Letter)
		return s.cfg.Register.CallSent(ctx, c)
	})
}
