package pipeline

import (
	"context"
	"fmt"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Backups is what a check must know of where backups are kept.
type Backups struct {
	Keep   time.Duration             // for how long
	Oldest func() (time.Time, error) // when the oldest that is there was made; the zero time for none
}

// backupLate is after how long without a backup somebody must look: they are made
// once a day, and one may fail.
const backupLate = 2 * 24 * time.Hour

// checkBackup finds out whether backups are made, and whether any is kept for
// longer than it may be: it holds rows of letters that are gone.
func (s *Server) checkBackup(ctx context.Context) (bad, good string, err error) {
	if s.cfg.Backups == nil {
		return "", "No backups are set up: with this disk the register would be lost. Set [backup]; cmd/letterlock/ADMIN.md says how.", nil
	}
	made, err := s.cfg.Register.KeptTime(ctx, register.MetaBackup)
	if err != nil {
		return "", "", err
	}
	tried, err := s.cfg.Register.KeptTime(ctx, register.MetaTriedOut)
	if err != nil {
		return "", "", err
	}
	now := s.cfg.Now()
	oldest, lookErr := s.cfg.Backups.Oldest()
	switch {
	case made.IsZero():
		return "No backup was made yet. Run: letterlock backup", "", nil
	case now.Sub(made) > backupLate:
		return fmt.Sprintf("The last backup is of %s, and one a day is due. See why the timer's command failed: letterlock backup", onDay(made)), "", nil
	case lookErr != nil:
		return "The folder of the backups cannot be read: is its disk mounted?", "", nil
	case !oldest.IsZero() && now.Sub(oldest) > s.cfg.Backups.Keep+backupLate:
		return fmt.Sprintf("A backup of %s is kept for longer than it may be: it tells of letters that are gone. Run: letterlock backup", onDay(oldest)), "", nil
	}
	good = "The last backup is of " + onDay(made) + "; "
	if tried.IsZero() {
		return "", good + "whether one comes back was never tried: letterlock restore --drill", nil
	}
	return "", good + "that one comes back was last tried on " + onDay(tried) + ".", nil
}

func onDay(t time.Time) string { return t.In(letter.London).Format("2 January 2006") }
