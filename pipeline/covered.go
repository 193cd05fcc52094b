package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
)

// uncoverEvery is how often it is looked for letters that are covered. A storage takes
// what lies beneath another version after a day at the earliest.
const uncoverEvery = 6 * time.Hour

// uncoverAgain is when it is tried again where nothing may be removed just now.
const uncoverAgain = 10 * time.Minute

// uncoverLetters keeps each verified letter the newest version of its object. Whoever holds
// a scanner's credentials can put over the letters of which they know the ids, and an
// honest scanner that waits for its receipt does; people are shown the verified one in any
// case, but the storage would end it as one that was replaced. It lists every place.
func (s *Server) uncoverLetters(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if now.Sub(w.uncovered).Abs() < uncoverEvery {
		return nil
	}
	if may, err := s.mayDestroy(ctx, s.doubt); err != nil || !may {
		w.uncovered = now.Add(uncoverAgain - uncoverEvery)
		return err
	}
	days, err := s.days(ctx)
	if err != nil {
		return fmt.Errorf("looking for what lies above letters: %w", err)
	}
	w.uncovered = now // also where one stays: each try is on record
	var failed error
	for _, day := range days {
		keys, err := s.cfg.Store.Covered(ctx, day.prefix)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("looking for what lies above letters: %w", err))
		}
		for _, key := range keys {
			if err := s.uncover(ctx, key); err != nil {
				failed = errors.Join(failed, fmt.Errorf("removing what lies above a letter: %w", err))
			}
		}
	}
	return failed
}

// uncover removes the versions above a verified letter, with a record before. Where the
// storage's own rules, or a person, have hidden the letter nothing is changed. A crash
// leaves the entry, and what it is about for the next look.
func (s *Server) uncover(ctx context.Context, key string) error {
	id, err := letterAt(key)
	if err != nil {
		return nil // tried out, or a stray
	}
	if claimed, err := s.claimed(ctx, id, key); err != nil || !claimed {
		return err
	}
	l, err := s.cfg.Register.Letter(ctx, id)
	if err != nil || l.State == register.Expiring || l.ObjectKey() != key || l.Lies.Version == "" {
		return err
	}
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return err
	}
	verified := slices.Index(traces, archive.Trace{Kind: archive.Version, ID: l.Lies.Version})
	if verified < 0 {
		_, err := s.repin(ctx, &l)
		return err
	}
	if verified < 1 || slices.ContainsFunc(traces[:verified], func(t archive.Trace) bool { return t.Kind != archive.Version }) {
		return nil
	}
	s.cfg.Log.Warn("something lay above a letter in the storage and is removed; the letter stays", "letter", id, "versions", verified)
	if err := s.cfg.Register.RecordOf(ctx, register.LetterCovered{Versions: verified}, id); err != nil {
		return err
	}
	return s.removeAll(ctx, s.cfg.Store, key, traces[:verified])
}

// repin has another version in the letter's place be the letter, if the verified one is
// gone and that is it byte for byte: the scanner may have put it over the other while no
// server was there to remove it, and the storage's rule takes the older of the two.
func (s *Server) repin(ctx context.Context, l *register.Letter) (found bool, err error) {
	same, err := s.sameBytes(ctx, l)
	if err != nil || same == nil {
		return false, err
	}
	s.cfg.Log.Warn("the verified version of a letter is gone from the storage, and another of the same bytes takes its place", "letter", l.ID)
	return true, s.cfg.Register.Repin(ctx, l, same.Version, false)
}

// sameBytes is a version in the letter's place that is the letter byte for byte, or nil.
func (s *Server) sameBytes(ctx context.Context, l *register.Letter) (*register.Lodging, error) {
	versions, err := s.versions(ctx, l.ID, place(l.Lies))
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		if v.Size == l.Lies.Size && v.SHA256 == l.Lies.SHA256 {
			return &v, nil
		}
	}
	return nil, nil
}
