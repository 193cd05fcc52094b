package pipeline

import (
	"context"
	"fmt"
	"time"

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

// PublishRecipients makes the expiry weeks' keys that edges will need and puts
// the signed list of their public halves into the bucket. A crash leaves keys
// that no list names yet, or a serial that no list carries; both do no harm.
func (s *Server) PublishRecipients(ctx context.Context) error {
	now := s.cfg.Now()
	list := seal.Recipients{ValidUntil: now.Add(listValid).UTC().Truncate(time.Second), Keys: map[letter.Week]string{}}
	today := letter.DateOf(now)
	// From yesterday: an edge that claimed a scan before midnight seals it after.
	for day := -1; day <= keysAhead; day++ {
		week := letter.WeekOf(letter.Deadline(today.AddDays(day), letter.SixMonths))
		if list.Keys[week] != "" {
			continue
		}
		recipient, err := s.cfg.Keyring.Make(week)
		if err != nil {
			return err
		}
		// On disk before it is on record, on record before it is given out.
		if err := s.cfg.Register.AddKey(ctx, week, recipient); err != nil {
			return fmt.Errorf("recording key %s: %w", week, err)
		}
		list.Keys[week] = recipient
	}
	serial, err := s.cfg.Register.NextSerial(ctx)
	if err != nil {
		return fmt.Errorf("numbering the recipients list: %w", err)
	}
	list.Serial = serial
	msg, err := list.Sign(s.cfg.Signer)
	if err != nil {
		return fmt.Errorf("signing the recipients list: %w", err)
	}
	if err := s.put(ctx, letter.RecipientsKey, msg); err != nil {
		return fmt.Errorf("publishing the recipients list: %w", err)
	}
	return nil
}
