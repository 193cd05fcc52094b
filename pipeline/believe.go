package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
)

// believe reads a manifest and checks all that can be known before the letter
// itself is looked at.
func (s *Server) believe(ctx context.Context, marker string) (letter.Manifest, register.HeldReason, error) {
	site, id, ok := letter.SplitIncoming(marker)
	if !ok {
		return letter.Manifest{}, register.WrongPlace, nil
	}
	edge, err := s.edgeKey(ctx, site)
	if err != nil {
		return letter.Manifest{}, "", err
	}
	if edge == nil {
		return letter.Manifest{}, register.UnknownSite, nil
	}
	msg, err := s.readSmall(ctx, marker)
	if errors.Is(err, deposit.ErrNotFound) {
		return letter.Manifest{}, register.WrongPlace, nil // only remains of an upload: nothing to believe
	}
	if err != nil {
		return letter.Manifest{}, "", err
	}
	m, err := letter.OpenManifest(msg, edge)
	if err != nil {
		return letter.Manifest{}, register.FalseSignature, nil
	}
	if m.ID != id {
		return letter.Manifest{}, register.WrongPlace, nil
	}
	why, err := s.plausible(ctx, m)
	return m, why, err
}

func (s *Server) plausible(ctx context.Context, m letter.Manifest) (register.HeldReason, error) {
	_, err := s.cfg.Register.Letter(ctx, m.ID)
	if !errors.Is(err, register.ErrNotFound) {
		return "", err // known: an edge that waits for its receipt asks again for as long as it takes
	}
	accepted, err := s.cfg.Register.Accepted(ctx, m.ID)
	if err != nil {
		return "", err
	}
	holds, err := s.holdsKey(ctx, m.Week())
	if err != nil {
		return "", err
	}
	rescans, err := s.rescans(ctx, m)
	if err != nil {
		return "", err
	}
	switch now := s.cfg.Now(); {
	case !slices.Contains(s.cfg.Helplines, m.Helpline):
		return register.UnknownHelpline, nil
	case m.Class != letter.SixMonths:
		return register.NoSuchDecision, nil // or a stolen scanner would keep letters for five years
	case m.Size > maxSealed, m.Pages > pdf.MostPages:
		return register.TooLarge, nil // before anything of it is read
	case m.Received.After(now.Add(clockSlack)):
		return register.FromTheFuture, nil
	case m.Received.Before(now.Add(-brief)) && !accepted && !rescans:
		return register.TooOld, nil
	case !holds:
		return register.KeyNotHeld, nil
	}
	return "", nil
}

// rescans reports whether the manifest is of a new scan of a letter that lives:
// its paper came when that came. Who names a letter without right makes its own
// end the sooner, and nothing else.
func (s *Server) rescans(ctx context.Context, m letter.Manifest) (bool, error) {
	if m.Replaces == "" {
		return false, nil
	}
	old, err := s.cfg.Register.Letter(ctx, m.Replaces)
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	return err == nil && old.Received.Equal(m.Received), err
}

// heldRest is how long what was looked at and not taken is left alone, and floodRest the
// same where one scanner has left more than is listed at once: long enough that everything
// comes to be looked at before the first is again.
const (
	heldRest  = time.Minute
	floodRest = 15 * time.Minute
)

// lookedAt reports whether a held manifest was looked at a moment ago. Of a clock that
// was ahead nothing is left alone for longer.
func (s *Server) lookedAt(marker string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.held[marker]
	return ok && rests(until, s.cfg.Now())
}

func rests(until, now time.Time) bool { return until.After(now) && until.Sub(now) <= floodRest }

// noteLook remembers until when a manifest that was held is left alone, or that it no
// longer is held.
func (s *Server) noteLook(marker string, held bool) {
	if held {
		s.leaveAloneFor(marker, heldRest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, marker)
}

func (s *Server) leaveAloneFor(marker string, rest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[marker] = s.cfg.Now().Add(rest)
}

// forgetHeld has everything of the site that is held looked at again at once.
func (s *Server) forgetHeld(site string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.held, func(marker string, _ time.Time) bool {
		return strings.HasPrefix(marker, letter.IncomingPrefix+site+"/")
	})
}

// forgetLooks forgets what keeps nothing from being looked at any more.
func (s *Server) forgetLooks() {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.held, func(_ string, until time.Time) bool { return !rests(until, now) })
	maps.DeleteFunc(s.unasked, func(_ string, since time.Time) bool { return now.Sub(since).Abs() >= 2*unaskedFor })
}

// brief is how old an unknown manifest may be. It equals the life of
// incoming/: an older one was kept back by somebody.
const brief = letter.BriefDays * 24 * time.Hour
