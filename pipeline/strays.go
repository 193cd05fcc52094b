package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

const (
	// straysEvery is how often it is looked for strays.
	straysEvery = time.Hour
	// strayGrace is how many days after its deadline an object is a stray: as
	// many as the storage's own rules may take, and the proof of a letter has
	// had its time.
	strayGrace = 3
)

// watchStrays has endStrays done at the start, and then hourly.
func (s *Server) watchStrays(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if now.Sub(w.strays).Abs() < straysEvery {
		return nil
	}
	if err := s.endStrays(ctx); err != nil {
		return fmt.Errorf("looking for what is left beyond its deadline: %w", err)
	}
	w.strays = now
	return nil
}

// endStrays removes what lies among the letters beyond its deadline and belongs
// to no letter: a deposit whose manifest never came, or a version that an edge
// put again after its letter was proven gone. The class and the day stand in
// its key. It costs a listing of the days, however many letters lie in them.
func (s *Server) endStrays(ctx context.Context) error {
	if may, err := s.mayDestroy(ctx, s.doubt); err != nil || !may {
		return err
	}
	days, err := s.daysBeyond(ctx)
	if err != nil {
		return err
	}
	stay := 0
	for _, day := range days {
		keys, err := s.cfg.Store.Remains(ctx, day.prefix)
		if err != nil {
			return err
		}
		for _, key := range keys {
			gone, err := s.endStray(ctx, key, day)
			if err != nil {
				return err
			}
			if !gone {
				stay++
			}
		}
	}
	return s.cfg.Register.SetMeta(ctx, register.MetaStrays, strconv.Itoa(stay))
}

// strayDay is a folder of the bucket in which nothing may lie any more.
type strayDay struct {
	prefix string
	class  letter.Class
	day    letter.Date
}

// daysBeyond finds the days whose deadline is past. Folders that are none of
// Letterlock's are left alone.
func (s *Server) daysBeyond(ctx context.Context) (beyond []strayDay, err error) {
	today := letter.DateOf(s.cfg.Now())
	for _, class := range letter.Classes {
		prefix := letter.ClassPrefix(class)
		helplines, err := s.cfg.Store.Folders(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, helpline := range helplines {
			days, err := s.cfg.Store.Folders(ctx, prefix+helpline+"/")
			if err != nil {
				return nil, err
			}
			for _, name := range days {
				day, err := letter.ParseDate(name)
				if err == nil && letter.Deadline(day, class).AddDays(strayGrace).Before(today) {
					beyond = append(beyond, strayDay{prefix + helpline + "/" + name + "/", class, day})
				}
			}
		}
	}
	return beyond, nil
}

// endStray removes one stray, with a record before and after. A crash leaves
// the first alone on the register, and the stray, if it is still there, for the
// next pass. It reports whether the place is empty, or a living letter's.
func (s *Server) endStray(ctx context.Context, key string, at strayDay) (gone bool, err error) {
	id, _ := letter.ParseID(strings.TrimSuffix(path.Base(key), ".age")) // none of what is only tried out
	if claimed, err := s.claimed(ctx, id, key); err != nil || claimed {
		return true, err
	}
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err != nil || len(traces) == 0 {
		return true, err
	}
	n := count(traces)
	if s.strays[key] != n { // said once, and again when there is more
		found := register.StrayFound{Class: at.class, Since: at.day, Versions: n.Versions, Markers: n.Markers, Uploads: n.Uploads}
		if err := s.cfg.Register.RecordOf(ctx, found, id); err != nil {
			return false, err
		}
		s.strays[key] = n
	}
	if err := s.removeAll(ctx, s.cfg.Store, key, traces); err != nil {
		return false, err
	}
	left, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return false, err
	}
	if len(left) > 0 {
		s.cfg.Log.Error("the storage still shows what was removed beyond its deadline; it is removed again in an hour", "left", count(left))
		return false, nil
	}
	delete(s.strays, key)
	return true, s.cfg.Register.RecordOf(ctx, register.StrayRemoved{ListingEmpty: s.cfg.Now().UTC().Truncate(time.Millisecond)}, id)
}

// claimed reports whether a letter that is on record lies there, is about to,
// or is being ended with a proof of its own.
func (s *Server) claimed(ctx context.Context, id letter.ID, key string) (bool, error) {
	if id == "" {
		return false, nil
	}
	l, err := s.cfg.Register.Letter(ctx, id)
	if errors.Is(err, register.ErrNotFound) {
		return false, nil
	}
	return l.State == register.Expiring || l.ObjectKey() == key || l.Coming != nil && l.Coming.Key(id) == key, err
}

// straysLeft counts the strays that did not go.
func (s *Server) straysLeft(ctx context.Context) (int, error) {
	n, err := s.cfg.Register.Meta(ctx, register.MetaStrays)
	if err != nil || n == "" {
		return 0, err
	}
	return strconv.Atoi(n)
}
