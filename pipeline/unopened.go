package pipeline

import (
	"context"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Letters that nobody opens are mailed again: to their team leaders after some
// working days and to the managers after more, as the settings say, all of a day
// in one mail, and only while people are at work. Public holidays are not known here, and count.
const (
	workBegins = 8 // o'clock in London
	workEnds   = 18
)

// tellUnopened sends the day's reminders. A reminder is on record before it is
// sent; a crash between a mail server's taking it and the note of that makes a
// second one, with the same Message-ID.
func (s *Server) tellUnopened(ctx context.Context) error {
	now := s.cfg.Now().In(letter.London)
	if s.Closed(ctx) {
		return nil
	}
	if letter.IsWeekend(now) || now.Hour() < workBegins || now.Hour() >= workEnds {
		return s.cfg.Register.ForgetReminders(ctx)
	}
	is, err := s.settings(ctx)
	if err != nil {
		return err
	}
	owed, err := s.cfg.Register.OwedReminders(ctx, letter.DateOf(now), letter.WorkingDaysBefore(now, is[register.SettingLeaders]),
		letter.WorkingDaysBefore(now, is[register.SettingManagers]), s.cfg.MailDomain)
	if err != nil {
		return err
	}
	return sendOwed(s, owed, "a reminder of unopened letters", func(m register.Reminder) error {
		message := mail.Message{About: mail.Unopened, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath("letters").String()}
		if m.Manager {
			message.About = mail.UnopenedLong
		}
		return s.send(ctx, message)
	}, func(m register.Reminder) error {
		s.cfg.Step("reminder-sent", "")
		return s.cfg.Register.ReminderSent(ctx, m)
	})
}
