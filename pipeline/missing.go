package pipeline

import (
	"context"
	"errors"
	"path"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// Missing returns the letters that people should be able to open and that the
// storage does not hold: somebody or something has removed them before their
// time, which is noted for their proofs; or its own rules have, of what was to be kept
// longer. Letters come in the order of their days, so that each day in which some
// lie is listed once, and only the days of the last few hundred are remembered.
func (s *Server) Missing(ctx context.Context) (missing []letter.ID, err error) {
	const atOnce = 500
	var some []register.Letter
	var listed map[string]map[string]bool
	look := func() error {
		gone, seen, err := s.missingOf(ctx, some, listed)
		missing, some, listed = append(missing, gone...), some[:0], seen
		return err
	}
	err = s.cfg.Register.EachLetter(ctx, func(l register.Letter) error {
		if s.mustBeThere(l) {
			some = append(some, l)
		}
		if len(some) < atOnce {
			return nil
		}
		return look()
	})
	if err == nil {
		err = look()
	}
	return missing, err
}

// mustBeThere reports whether the storage's own rules cannot have taken the
// letter yet, nor anything of Letterlock; or may not have, since it was decided that
// the letter is to outlive the place where it lies, and its move has failed until
// then. What a restore did not find is on record as missing already.
func (s *Server) mustBeThere(l register.Letter) bool {
	return l.Open(s.cfg.Now()) && !l.Missing && (!s.ruleMayTake(l) || l.Lies.Deadline().Before(l.Wanted().Deadline()))
}

// ruleMayTake reports whether the storage's own rules may have taken the letter from
// where it lies.
func (s *Server) ruleMayTake(l register.Letter) bool {
	return letter.OpenUntil(l.Lies.Since, l.Lies.Class).Before(letter.DateOf(s.cfg.Now()))
}

// missingOf looks for some letters. before is what was listed for those that
// came before them, by the day's place, and listed is the same for these.
func (s *Server) missingOf(ctx context.Context, some []register.Letter, before map[string]map[string]bool) (missing []letter.ID, listed map[string]map[string]bool, err error) {
	listed = map[string]map[string]bool{}
	for _, l := range some {
		key := l.ObjectKey()
		day := path.Dir(key) + "/"
		if listed[day] == nil {
			listed[day] = before[day]
		}
		if listed[day] == nil {
			if listed[day], err = s.listDay(ctx, day); err != nil {
				return nil, nil, err
			}
		}
		if listed[day][key] {
			continue
		}
		gone, err := s.isMissing(ctx, l.ID)
		if err != nil {
			return nil, nil, err
		}
		if !gone {
			continue
		}
		if !l.Lost && !s.ruleMayTake(l) { // else its proof is to say that the storage did
			if err := s.cfg.Register.NoteLost(ctx, l.ID); err != nil {
				return nil, nil, err
			}
		}
		missing = append(missing, l.ID)
	}
	return missing, listed, nil
}

func (s *Server) listDay(ctx context.Context, day string) (map[string]bool, error) {
	there := map[string]bool{}
	for key, err := range s.cfg.Store.List(ctx, day) {
		if err != nil {
			return nil, err
		}
		there[key] = true
	}
	return there, nil
}

// isMissing asks for the letter by its name, as it is on record now: a listing
// may be stale, and the letter may have been moved or ended meanwhile.
func (s *Server) isMissing(ctx context.Context, id letter.ID) (bool, error) {
	l, err := s.cfg.Register.Letter(ctx, id)
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	if err != nil || !s.mustBeThere(l) {
		return false, err
	}
	readable, err := s.readable(ctx, l.ObjectKey(), l.Lies.Version)
	if err != nil || readable {
		return false, err
	}
	now, err := s.cfg.Register.Letter(ctx, id)
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	return err == nil && now.ObjectKey() == l.ObjectKey() && s.mustBeThere(now), err
}

// notThere tells a letter that the storage no longer holds from one whose time
// is over, and has all of them looked at.
func (s *Server) notThere(l register.Letter, err error) (lost bool) {
	if !errors.Is(err, deposit.ErrNotFound) || !s.mustBeThere(l) {
		return false
	}
	s.lookForMissing.Store(true)
	s.cfg.Log.Error("a letter is not in the storage any more, before its time; 'letterlock check' says which")
	return true
}
