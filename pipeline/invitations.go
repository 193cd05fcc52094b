package pipeline

import (
	"context"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
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
	return sendOwed(s, owed, "an invitation", func(m register.Mail) error {
		return s.send(ctx, mail.Message{About: mail.AnInvitation, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath("enrol").String()})
	}, func(m register.Mail) error {
		s.cfg.Step("invitation-sent", "")
		return s.cfg.Register.InvitationSent(ctx, m.Person)
	})
}
