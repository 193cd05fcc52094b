package pipeline

import (
	"context"
	"errors"
	"fmt"

	"letterlock/pipeline/mail"
)

// sendInvitations tells people whom an administrator has invited where they set
// up their sign-in. The mail holds neither their code nor their number. A crash
// between a mail server's taking it and the note of that makes a second one,
// with the same Message-ID.
func (s *Server) sendInvitations(ctx context.Context) error {
	if s.Closed(ctx) {
		return nil // an older copy does not know what has been sent since
	}
	owed, err := s.cfg.Register.OwedInvitations(ctx, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	var failed error
	for _, m := range owed {
		message := mail.Message{About: mail.AnInvitation, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath("enrol").String()}
		if err := s.cfg.Mail.Send(ctx, message); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sending an invitation: %w", err))
			continue // one address that is refused must not keep the mail from the others
		}
		s.cfg.Step("invitation-sent", "")
		if err := s.cfg.Register.InvitationSent(ctx, m.Person); err != nil {
			return err
		}
	}
	return failed
}
