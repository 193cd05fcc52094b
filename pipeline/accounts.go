package pipeline

import (
	"context"
	"errors"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// accountMails are what each mail about a sign-in says, and where its link leads.
var accountMails = map[register.AccountReason]struct {
	about mail.About
	to    string
}{
	register.ToldCode:    {mail.ANewCode, "account"},
	register.ToldSignIn:  {mail.ANewSignIn, "account"},
	register.ToldAddress: {mail.AnotherAddress, ""},
	register.ToldReader:  {mail.ANewReader, ""},
}

// tellAccounts tells people of what may be a sign-in of somebody else's in their name,
// and those who watch over letters of who may read them now. A mail is on record before
// it is sent; a crash between a mail server's taking it and the note of that makes a
// second one, with the same Message-ID.
func (s *Server) tellAccounts(ctx context.Context) error {
	if s.Closed(ctx) {
		return nil // an older copy does not know what has been sent since
	}
	owed, err := s.cfg.Register.OwedAccountMails(ctx, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	return sendOwed(s, owed, "mail about a sign-in", func(m register.AccountMail) error {
		says := accountMails[m.Why]
		message := mail.Message{About: says.about, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath(says.to).String()}
		err := s.send(ctx, message)
		if m.Why == register.ToldAddress && errors.Is(err, mail.ErrPermanent) {
			err = nil // nobody reads there any more, and nobody could put that right
		}
		return err
	}, func(m register.AccountMail) error {
		s.cfg.Step("account-mail-sent", "")
		return s.cfg.Register.AccountMailSent(ctx, m)
	})
}
