package pipeline

import (
	"context"
	"errors"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Backups is what a check must know of where backups are kept.
type Backups struct {
	Keep time.Duration                                // for how long
	Made func() (oldest, newest time.Time, err error) // when those were that are there; the zero time for none
	// Former says in which of the folders, the present one apart, the oldest backup lies, as
	// far as they can be read; "" for none. It may be nil.
	Former func(folders []register.BackupFolder) (folder string, oldest time.Time)
	// Lacks is the file with the public half of a key to which backups are sealed, where that
	// cannot be read; "" for none. It may be nil.
	Lacks func() string
}

// keptBackups is when those were made that are there; the zero time for none.
type keptBackups struct{ oldest, newest time.Time }

func (b *Backups) look() (kept keptBackups, err error) {
	kept.oldest, kept.newest, err = b.Made()
	return kept, err
}

// formerBackups is a folder of before, and when the oldest backup in it was made; the zero
// value for none.
type formerBackups struct {
	folder string
	oldest time.Time
}

// lookAtFormer looks at the folders of before, after the present one and apart from it: of those
// whose disk is gone for good nothing is known, and that hides nothing of the backups of now.
func (s *Server) lookAtFormer(ctx context.Context) (former formerBackups, err error) {
	if s.cfg.Backups.Former == nil {
		return former, nil
	}
	folders, err := s.cfg.Register.BackupFolders(ctx, s.cfg.Name)
	if err != nil {
		return former, err
	}
	former, err = s.former.begin(func() (found formerBackups, err error) {
		found.folder, found.oldest = s.cfg.Backups.Former(folders)
		return found, nil
	}).wait(ctx, s.diskWait)
	if errors.Is(err, errSilent) {
		err = nil
	}
	return former, err
}

// backupAge is after how long without a backup somebody must look: they are made
// once a day, and one may fail.
const backupAge = 2 * 24 * time.Hour

// keptTooLong is by how much a backup may outlive its time: each one removes what would before
// the next one is made.
const keptTooLong = time.Hour

// notYet is how far ahead of the clock one was made under another clock: never old
// enough to be removed, and no sign that any is made since.
const notYet = 24 * time.Hour

// backupLate is 1 where a person must see to backups that are set up. Of several servers
// one makes them, and it may be the only one that sees their disk: the others go by what
// it has recorded of the last.
func (s *Server) backupLate(ctx context.Context) (int, error) {
	if s.cfg.Backups == nil {
		return 0, nil // which a check says
	}
	bad, _, unseen, err := s.lookAtBackups(ctx)
	if err != nil || bad == nil {
		return 0, err
	}
	if unseen {
		servers, err := s.cfg.Register.Running(ctx)
		if err != nil || len(servers)-len(missed(servers)) > 1 {
			return 0, err
		}
	}
	return 1, nil
}

// checkBackup finds out whether backups are made, and whether any is kept for
// longer than it may be: it holds rows of letters that are gone.
func (s *Server) checkBackup(ctx context.Context) (bad, good texts.Text, err error) {
	bad, good, _, err = s.lookAtBackups(ctx)
	return bad, good, err
}

// lookAtBackups is checkBackup. unseen says that the last backup was made in time, and
// that all that is bad is that this server does not see it, or could make none itself.
func (s *Server) lookAtBackups(ctx context.Context) (bad, good texts.Text, unseen bool, err error) {
	switch {
	case s.cfg.Backups == nil && s.cfg.NeedsBackups:
		return texts.Say("check-backup.none-set-up"), nil, false, nil
	case s.cfg.Backups == nil:
		return nil, texts.Say("check-backup.none-in-sample"), false, nil
	}
	made, err := s.cfg.Register.KeptTime(ctx, register.MetaBackup)
	if err != nil {
		return nil, nil, false, err
	}
	tried, err := s.cfg.Register.KeptTime(ctx, register.MetaTriedOut)
	if err != nil {
		return nil, nil, false, err
	}
	now := s.cfg.Now()
	kept, lookErr := s.backups.begin(s.cfg.Backups.look).wait(ctx, s.diskWait) // on another machine's disk, perhaps
	if ctx.Err() != nil {
		return nil, nil, false, ctx.Err()
	}
	former, err := s.lookAtFormer(ctx)
	if err != nil {
		return nil, nil, false, err
	}
	var lacks string
	if s.cfg.Backups.Lacks != nil {
		lacks = s.cfg.Backups.Lacks()
	}
	oldest, newest := kept.oldest, kept.newest
	if made.Sub(now) > notYet && lookErr == nil { // noted under another clock, it says nothing of the last
		made = newest
	}
	switch {
	case lookErr == nil && newest.Sub(now) > notYet:
		return texts.Say("check-backup.ahead", "day", letter.DateOf(newest)), nil, false, nil
	case made.IsZero():
		return texts.Say("check-backup.none-made"), nil, false, nil
	case now.Sub(made) > backupAge:
		return texts.Say("check-backup.late", "day", letter.DateOf(made)), nil, false, nil
	case !oldest.IsZero() && now.Sub(oldest) > s.cfg.Backups.Keep+keptTooLong:
		return texts.Say("check-backup.too-old", "day", letter.DateOf(oldest)), nil, false, nil
	case former.folder != "" && now.Sub(former.oldest) > s.cfg.Backups.Keep+keptTooLong:
		return texts.Say("check-backup.former", "day", letter.DateOf(former.oldest), "folder", former.folder), nil, false, nil
	case lacks != "": // of several servers the one that makes them has it
		return texts.Say("check-backup.no-key", "file", lacks), nil, made.Sub(now) <= notYet, nil
	case lookErr != nil:
		return texts.Say("check-backup.cannot-read"), nil, made.Sub(now) <= notYet, nil
	case newest.Before(made.Add(-time.Minute)): // the name says when it was begun
		return texts.Say("check-backup.not-there", "day", letter.DateOf(made)), nil, true, nil
	}
	if tried.IsZero() {
		return nil, texts.Say("check-backup.never-tried", "day", letter.DateOf(made)), false, nil
	}
	return nil, texts.Say("check-backup.tried", "day", letter.DateOf(made), "tried", letter.DateOf(tried)), false, nil
}
