package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

const (
	// alarmsEvery is how often it is looked whether somebody must see to something.
	alarmsEvery = 10 * time.Second
	// slowAlarmsEvery is the same for what takes many questions to find out.
	slowAlarmsEvery = 15 * time.Minute
	// recountEvery is how often it is counted anew while the counts differ, so that
	// what was mended does not stay loud for a day.
	recountEvery = time.Hour
)

// alarmFinders find out how much there is of each kind, 0 for nothing. What
// cannot be found out just now is left as it was.
type alarmFinders map[register.AlarmKind]func(context.Context) (int, error)

// quickFinders ask little, and are asked every few seconds.
func (s *Server) quickFinders() alarmFinders {
	return alarmFinders{
		register.LettersOverdue: func(ctx context.Context) (int, error) {
			return s.cfg.Register.Overdue(ctx, letter.DateOf(s.cfg.Now()))
		},
		register.LettersWait:   s.cfg.Register.Stuck,
		register.PapersOutlive: s.cfg.Register.Forgotten,
		register.KeyNeeded:     s.outliveKeys,
		register.KeyOverdue:    s.overdueKeys,
		register.StraysStay:    s.straysLeft,
		register.ScannerOdd:    s.oddSites, register.ScannersSilent: s.silentScanners,
		register.ServersSilent: func(ctx context.Context) (int, error) {
			all, err := s.cfg.Register.Running(ctx)
			return len(missed(all)), err
		},
		register.SharesDue: s.forgottenShares,
		register.ListLate: func(ctx context.Context) (int, error) {
			_, late, err := s.listLate(ctx)
			if late {
				return 1, err
			}
			return 0, err
		},
		register.ClockDoubted: func(ctx context.Context) (int, error) { return one(s.clockDoubt(ctx)) },
	}
}

// one is 1 where there is anything to say.
func one(says string, err error) (int, error) {
	if says != "" {
		return 1, err
	}
	return 0, err
}

// storageWrong counts nothing while the storage cannot be asked: letters then
// wait, and say so themselves. What the last trial has found counts until the next.
func (s *Server) storageWrong(ctx context.Context) (int, error) {
	last, err := s.lastTrial(ctx)
	switch {
	case err != nil:
		return 0, err
	case last != nil && len(last.Failed) > 0:
		return 1, nil
	}
	if why, err := s.BucketDoubt(ctx); err != nil || why != "" {
		return one(why, err)
	}
	store, ok := s.cfg.Store.(Lifecycle)
	if !s.cfg.HasLifecycle || !ok {
		return 0, nil
	}
	drift, err := store.Drift(ctx)
	return min(len(drift), 1), err
}

// countsDiffer counts what is missing on either side. It is asked at the start
// and then once a day, or each hour while there is something, since it counts every letter that ever was.
func (s *Server) countsDiffer(ctx context.Context) (int, error) {
	b, err := s.cfg.Register.Balance(ctx)
	return b.Differs(), err
}

func (s *Server) registerWrong(ctx context.Context) (int, error) {
	_, err := s.cfg.Register.VerifyTip(ctx)
	if _, wrong := errors.AsType[*register.Wrong](err); wrong {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	return one(s.anchorsDiffer(ctx))
}

// watchAlarms finds out what somebody must see to, keeps it where the portal,
// 'letterlock status' and the metrics find it, and has it told once a day until
// it is solved. It goes on where one kind cannot be found out.
func (s *Server) watchAlarms(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if now.Sub(w.alarmed).Abs() < alarmsEvery {
		return nil
	}
	w.alarmed = now
	finders := s.quickFinders()
	if now.Sub(w.alarmedSlow).Abs() >= slowAlarmsEvery {
		w.alarmedSlow = now
		finders[register.StorageWrong] = s.storageWrong
		finders[register.RegisterWrong] = s.registerWrong
		finders[register.BackupLate] = s.backupLate
		finders[register.CertificateEnd] = s.certificatesEnd
	}
	asked, err := s.cfg.Register.Meta(ctx, register.MetaLookForMissing) // by another server
	if err != nil {
		return err
	}
	if today := letter.DateOf(now); w.present != today || asked != "" || s.lookForMissing.Load() {
		finders[register.LettersMissing] = func(ctx context.Context) (int, error) {
			s.lookForMissing.Store(false)
			if asked != "" { // before it is looked: who asks meanwhile asks for another look
				if err := s.cfg.Register.SetMeta(ctx, register.MetaLookForMissing, ""); err != nil {
					return 0, err
				}
			}
			missing, err := s.Missing(ctx)
			if err == nil {
				w.present = today // what failed is tried again
			}
			return len(missing), err
		}
	}
	if letter.DateOf(w.counted) != letter.DateOf(now) || w.differ && now.Sub(w.counted).Abs() >= recountEvery {
		finders[register.CountsDiffer] = func(ctx context.Context) (int, error) {
			n, err := s.countsDiffer(ctx)
			if err == nil {
				w.counted, w.differ = now, n != 0 // what failed is tried again
			}
			return n, err
		}
	}
	return s.keepAlarms(ctx, finders)
}

// keepAlarms looks once, with these finders: see watchAlarms.
func (s *Server) keepAlarms(ctx context.Context, finders alarmFinders) error {
	found := map[register.AlarmKind]int{}
	var failed error
	for kind, find := range finders {
		n, err := find(ctx)
		switch {
		case err == nil:
			found[kind] = n
		case !errors.Is(err, deposit.ErrUnavailable):
			failed = errors.Join(failed, fmt.Errorf("looking for %s: %w", kind, err))
		}
	}
	return errors.Join(failed, s.cfg.Register.KeepAlarms(ctx, found), s.tellAlarms(ctx), s.tellRequests(ctx), s.tellCalled(ctx), s.tellAccounts(ctx), s.tellUnopened(ctx), s.sendInvitations(ctx))
}

// sayAlarms has the log say which alarms have begun, or stand since before this server
// leads, and which have ended: of a clock that is wrong nothing else is said there
// until something is due.
func (s *Server) sayAlarms(alarms []register.Alarm) {
	loud := map[register.AlarmKind]bool{}
	for _, a := range alarms {
		loud[a.Kind] = true
	}
	s.mu.Lock()
	before := s.loud
	s.loud = loud
	s.mu.Unlock()
	for _, kind := range register.AlarmKinds {
		switch {
		case loud[kind] && !before[kind]:
			s.cfg.Log.Error("something is wrong and needs somebody; 'letterlock check' says what to do", "alarm", kind)
		case before[kind] && !loud[kind]:
			s.cfg.Log.Info("what was wrong and needed somebody is mended", "alarm", kind)
		}
	}
}

// tellAlarms sends the day's mail, which says whether there is something and
// not what, and carries the register's checkpoint of the day. It is on record
// before it is sent; a crash between a mail server's taking it and the note of
// that makes a second one, with the same Message-ID.
func (s *Server) tellAlarms(ctx context.Context) error {
	alarms, err := s.cfg.Register.Alarms(ctx)
	if err != nil {
		return err
	}
	s.sayAlarms(alarms)
	well, about := len(alarms) == 0, mail.AnAlarm
	if well {
		about = mail.AllIsWell
	}
	today := letter.DateOf(s.cfg.Now())
	day, statement, err := s.cfg.Register.Today(ctx)
	if err != nil && !errors.Is(err, register.ErrNotFound) {
		return err
	}
	if well && day != today {
		return nil // the day is not begun, and has no checkpoint yet
	}
	waits, err := s.cfg.Register.Waiting(ctx, today, 0)
	if err != nil {
		return err
	}
	closed := s.Closed(ctx)
	if closed { // what an older copy says may not be so any more
		statement, waits = register.Statement{}, register.Waiting{}
	}
	owed, err := s.cfg.Register.OwedDailyMails(ctx, today, well, waits != (register.Waiting{}), s.cfg.MailDomain)
	if err != nil {
		return err
	}
	s.cfg.Step("alarm-mails-queued", "")
	return sendOwed(s, owed, "the day's mail", func(m register.Mail) error {
		if !closed { // and of that, nothing in which they know somebody
			if waits, err = s.cfg.Register.Waiting(ctx, today, m.Person); err != nil {
				return err
			}
		}
		about := about
		if waits.Urgent > 0 { // all is not well, as far as they are concerned
			about = mail.AnAlarm
		}
		return s.send(ctx, mail.Message{About: about, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.String(),
			Checkpoint: statement.Checkpoint, Urgent: waits.Urgent, Requests: waits.Requests, Reviews: waits.Reviews})
	}, func(m register.Mail) error {
		s.cfg.Step("alarm-mail-sent", "")
		return s.cfg.Register.DailyMailSent(ctx, m, well)
	})
}

// tellRequests tells those who may confirm a request, or the end of a hold, that one
// waits, and not what it asks for. A mail is on record before it is sent; a crash between a mail
// server's taking it and the note of that makes a second one, with the same
// Message-ID.
func (s *Server) tellRequests(ctx context.Context) error {
	owed, err := s.cfg.Register.OwedRequestMails(ctx, s.cfg.MailDomain)
	if err != nil {
		return err
	}
	return sendOwed(s, owed, "mail about a request", func(m register.RequestMail) error {
		page := "requests"
		if m.Hold != 0 {
			page = "holds"
		}
		return s.send(ctx, mail.Message{About: mail.ARequest, To: m.Address, MessageID: m.MessageID, Link: s.cfg.Origin.JoinPath(page).String()})
	}, func(m register.RequestMail) error {
		s.cfg.Step("request-mail-sent", "")
		return s.cfg.Register.RequestMailSent(ctx, m)
	})
}
