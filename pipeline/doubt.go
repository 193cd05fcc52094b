package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/words"
)

// mayDestroy asks, before anything is destroyed, whether what it goes by is in
// doubt. If so it says it, once a minute.
func (s *Server) mayDestroy(ctx context.Context, doubt func(context.Context) (string, error)) (bool, error) {
	why, err := doubt(ctx)
	if err != nil || why == "" {
		return err == nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.doubted) >= time.Minute {
		s.doubted = time.Now()
		s.cfg.Log.Error("nothing is destroyed; 'letterlock check' says what to do", "why", why)
	}
	return false, nil
}

// doubt is what a deletion and its proof go by: the clock and the bucket.
func (s *Server) doubt(ctx context.Context) (why string, err error) {
	if why, err = s.clockDoubt(ctx); err != nil || why != "" {
		return why, err
	}
	return s.BucketDoubt(ctx)
}

// clockDoubt asks the second witness: the storage's clock where it has one, and
// the register always.
func (s *Server) clockDoubt(ctx context.Context) (why string, err error) {
	if why, err = s.cfg.Register.ClockDoubt(ctx); err != nil || why != "" {
		return why, err
	}
	if why, err = s.storeClockDiffers(ctx); err != nil {
		return "", fmt.Errorf("asking the storage for its clock: %w", err)
	}
	return why, nil
}

// BucketDoubt says why this cannot be the bucket that the register's letters
// are in, or "": an empty folder where a disk should be mounted, another
// bucket, one of the two restored from an older backup. A listing of such a
// bucket proves nothing.
func (s *Server) BucketDoubt(ctx context.Context) (why string, err error) {
	// The list before the serials: another process may publish in between.
	msg, err := s.readSmall(ctx, letter.RecipientsKey)
	given, published, known := s.cfg.Register.Serials(ctx)
	if known != nil {
		return "", known
	}
	switch {
	case err != nil && published == 0:
		return "", nil // nothing was ever put into it; whether it can be used is found out by using it
	case deposit.IsNoBucket(err):
		return "there is no such bucket, although the register has published a recipients list into one: is its name right, and the server's address?", nil
	case errors.Is(err, deposit.ErrNotFound):
		return "the storage holds no recipients list, although the register has published one: is it the right bucket, and is it mounted?", nil
	case err != nil:
		return "", fmt.Errorf("looking whether it is the right bucket: %w", err)
	}
	list, err := seal.OpenRecipients(msg, s.cfg.Verifier)
	switch {
	case err != nil:
		return "the storage's recipients list is not signed by this server: is it another installation's bucket?", nil
	case list.Serial > given:
		return "the storage is ahead of the register: was the database restored from a backup?", nil
	case list.Serial < published:
		return "the storage is behind the register: is it an old copy of the bucket?", nil
	}
	return "", nil
}

func (s *Server) storeClockDiffers(ctx context.Context) (why string, err error) {
	theirs, err := s.cfg.Store.Clock(ctx)
	if errors.Is(err, deposit.ErrNoClock) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if d := s.cfg.Now().Sub(theirs).Abs(); d > clockSlack {
		return fmt.Sprintf("it differs from the storage's clock by %s", words.Lasted(d)), nil
	}
	return "", nil
}
