package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

const (
	// keysAhead is for how many days of receipt an edge finds keys in the list:
	// as long as the list is valid, and a week more.
	keysAhead = 21
	// listValid is how long an edge obeys a recipients list that is not renewed.
	listValid = 14 * 24 * time.Hour
)

// AdoptBucket takes a person's word that the bucket is the right one, on the
// register, and publishes a list that no edge takes for an old one.
func (s *Server) AdoptBucket(ctx context.Context) error {
	msg, err := s.readSmall(ctx, letter.RecipientsKey)
	if err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return err
	}
	if list, err := s.ownList(ctx, msg); err == nil {
		if err := s.cfg.Register.RaiseSerial(ctx, list.Serial); err != nil {
			return err
		}
	}
	if err := s.cfg.Register.Record(ctx, register.BucketAdopted{}, 0); err != nil {
		return err
	}
	s.vouched.Store(true) // by whoever says that the bucket is to be this server's
	return s.PublishRecipients(ctx)
}

// WeeksAhead are the expiry weeks whose keys are made, if they are not there: from those
// of the oldest scan on that would still be believed, so that an edge finds them from a
// server's first list on.
func WeeksAhead(today letter.Date) (weeks []letter.Week) {
	for day := -letter.BriefDays - 1; day <= keysAhead; day++ {
		week := letter.WeekOf(letter.Deadline(today.AddDays(day), letter.SixMonths))
		if !slices.Contains(weeks, week) {
			weeks = append(weeks, week)
		}
	}
	return weeks
}

// weeksListed are the expiry weeks to whose keys a letter may be sealed today: WeeksAhead,
// and every earlier week that is not over and whose key lives. A scanner that was off for
// weeks seals what it claimed before; and a new scan of a paper is sealed to the week of the
// old one, which may have come months ago. Whatever is sealed so dies with its own week, no
// later than if it had come in time. The list has 31 keys then, and 64 KB of the 1 MiB that
// any release of the scanner reads. A week between them that never had a key, since the
// server was off for long, gets one: scanners that were not may have received something.
func (s *Server) weeksListed(ctx context.Context) ([]letter.Week, error) {
	today := letter.DateOf(s.cfg.Now())
	weeks := WeeksAhead(today)
	living, err := s.livingKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking which keys live: %w", err)
	}
	if len(living) == 0 {
		return weeks, nil
	}
	oldest, first := living[0].Week, weeks[0]
	for day := -letter.BriefDays - 1; ; day-- { // in steps a week would be left out at February's end
		week := letter.WeekOf(letter.Deadline(today.AddDays(day), letter.SixMonths))
		if week < oldest {
			return weeks, nil
		}
		if week >= first || slices.Contains(weeks, week) {
			continue
		}
		known, err := s.cfg.Register.Key(ctx, week)
		if err != nil {
			return nil, fmt.Errorf("looking which keys live: %w", err)
		}
		// One that is lost must not keep the list from being renewed: 'check' says so.
		lacks := false
		if known.State != register.KeyUnknown {
			lacks, err = s.lacks(known)
		}
		if err == nil && !lacks {
			weeks = append(weeks, week)
		}
	}
}

// PublishRecipients makes the expiry weeks' keys that edges will need and puts
// the signed list of their public halves into the bucket. A crash leaves keys
// that no list names yet, or a serial that no list carries; both do no harm.
func (s *Server) PublishRecipients(ctx context.Context) (err error) {
	if s.mustRest(ctx) {
		return register.ErrClosed
	}
	// The number is taken before the keys are looked at: a list with a key that was
	// replaced meanwhile has the lower number.
	serial, err := s.cfg.Register.NextSerial(ctx)
	if err != nil {
		return fmt.Errorf("numbering the recipients list: %w", err)
	}
	weeks, err := s.weeksListed(ctx)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	list := seal.Recipients{Serial: serial, ValidUntil: now.Add(listValid).UTC().Truncate(time.Second), Keys: map[letter.Week]string{}}
	for i, week := range weeks {
		s.cfg.Far(i, len(weeks))
		if list.Keys[week], err = s.makeKey(ctx, week); err != nil {
			return err
		}
	}
	if err := s.catchUpKeys(ctx); err != nil {
		return err
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	msg, err := list.Sign(signer)
	if err != nil {
		return fmt.Errorf("signing the recipients list: %w", err)
	}
	if err := s.put(ctx, letter.RecipientsKey, msg); err != nil {
		return fmt.Errorf("publishing the recipients list: %w", err)
	}
	s.vouched.Store(true)
	// A crash before this leaves a list in the bucket that is newer than the one
	// known to be there, and not newer than what was given out: no doubt.
	if err := s.cfg.Register.Published(ctx, serial); err != nil {
		return err
	}
	if err := s.cfg.Register.KeepTime(ctx, register.MetaListed, now); err != nil {
		return err
	}
	if given, _, err := s.cfg.Register.Serials(ctx); err != nil || given == serial {
		return err
	}
	// Another process has published meanwhile. Whose list came last into the bucket
	// is not known, and no scanner would take the older of the two. A crash before this
	// leaves it there, under way on record: see uncoverList.
	return s.PublishRecipients(ctx)
}
