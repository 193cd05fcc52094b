package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
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

// doubt is what a deletion and its proof go by: the clock and the bucket. That
// one of bucket and register is an older copy is why there is a replay, which
// asks for the rest.
func (s *Server) doubt(ctx context.Context) (why string, err error) {
	if why, err = s.clockDoubt(ctx); err != nil || why != "" {
		return why, err
	}
	b, err := s.compareList(ctx)
	if err == nil && b.older && !register.IsReplaying(ctx) {
		return "the bucket or the database was restored from a backup", nil
	}
	return b.strange, b.unless(err)
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
// are in, or "": an empty folder where a disk should be mounted, or another
// bucket. A listing of such a bucket proves nothing. That one of the two was
// restored from a backup is for Recognise to find.
func (s *Server) BucketDoubt(ctx context.Context) (why string, err error) {
	b, err := s.compareList(ctx)
	return b.strange, b.unless(err)
}

// comparison is what the bucket's recipients list tells of the bucket.
type comparison struct {
	strange string // why it is not the register's bucket
	older   bool   // it is, and either of the two is an older copy
	ours    bool   // it is
	unused  bool   // the register has never put a list anywhere
	serial  uint64 // of the list, where it is ours
}

// unless is err, unless nothing was ever put into the bucket: whether it can be
// used is found out by using it.
func (c comparison) unless(err error) error {
	if c.unused {
		return nil
	}
	return err
}

// compareList compares the recipients list in the bucket with the serials that
// the register has given out and published. Another process may publish while it looks:
// what would be a sign counts only where the same list is found once more.
func (s *Server) compareList(ctx context.Context) (c comparison, err error) {
	c, err = s.compareListOnce(ctx)
	for err == nil && c.older {
		before := c.serial
		if c, err = s.compareListOnce(ctx); c.serial == before {
			break
		}
	}
	return c, err
}

func (s *Server) compareListOnce(ctx context.Context) (c comparison, err error) {
	msg, err := s.readSmall(ctx, letter.RecipientsKey)
	given, published, known := s.cfg.Register.Serials(ctx)
	if known != nil {
		return c, known
	}
	c.unused = err != nil && published == 0
	switch {
	case err != nil && c.unused && !errors.Is(err, deposit.ErrUnavailable):
		return c, nil
	case deposit.IsNoBucket(err):
		c.strange = "there is no such bucket, although the register has published a recipients list into one: is its name right, and the server's address?"
		return c, nil
	case errors.Is(err, deposit.ErrNotFound):
		c.strange = "the storage holds no recipients list, although the register has published one: is it the right bucket, and is it mounted?"
		return c, nil
	case err != nil:
		return c, fmt.Errorf("looking whether it is the right bucket: %w", err)
	}
	list, err := s.ownList(ctx, msg)
	if err != nil && s.cfg.Verifier == nil {
		c.strange = "state/server.key is missing, by which this server knows its own bucket again"
		return c, nil
	}
	if err != nil {
		c.strange = "the storage's recipients list is not signed by this server: is it another installation's bucket?"
		return c, nil
	}
	c.ours, c.serial, c.older = true, list.Serial, list.Serial > given
	if list.Serial < published {
		covered, err := s.cfg.Register.UnderWay(ctx, list.Serial)
		if err != nil {
			return c, err
		}
		c.older = c.older || !covered
		s.covered.Store(covered)
	}
	return c, nil
}

// uncoverList publishes anew where it was found that an older list lies above a newer
// one. Until then scanners that have seen the newer one seal nothing. A crash in between
// leaves it to whoever finds it next.
func (s *Server) uncoverList(ctx context.Context) error {
	if !s.covered.Load() {
		return nil
	}
	if err := s.PublishRecipients(ctx); err != nil {
		return err
	}
	s.covered.Store(false)
	return nil
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

// clockSlack is how far two honest clocks may differ.
const clockSlack = 5 * time.Minute
