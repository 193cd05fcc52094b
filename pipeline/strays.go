package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
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

// watchStrays has endStrays done at the start, and then hourly, and endReturned
// once a day.
func (s *Server) watchStrays(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if now.Sub(w.strays).Abs() < straysEvery {
		return nil
	}
	if err := s.endStrays(ctx); err != nil {
		return fmt.Errorf("looking for what is left beyond its deadline: %w", err)
	}
	if today := letter.DateOf(now); w.returned != today {
		if err := s.endReturned(ctx); err != nil {
			return fmt.Errorf("looking for what has come back: %w", err)
		}
		w.returned = today
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

// endReturned removes what lies where a letter lay that is proven gone, however
// far off the deadline in its key is: an edge that missed its receipt, or a copy
// that was on its way for long, may have put a letter again that was erased
// before its time. It lists every place once.
func (s *Server) endReturned(ctx context.Context) error {
	days, err := s.days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		keys, err := s.cfg.Store.Remains(ctx, day.prefix)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(keys, 500) {
			if err := s.endReturnedOf(ctx, some, day); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) endReturnedOf(ctx context.Context, keys []string, at strayDay) error {
	of := map[letter.ID]string{}
	for _, key := range keys {
		if id, err := letterAt(key); err == nil {
			of[id] = key
		}
	}
	gone, err := s.cfg.Register.ProvenGone(ctx, slices.Collect(maps.Keys(of)))
	if err != nil || len(gone) == 0 {
		return err
	}
	// What a replay could not open stays until the deadline in its key, as was said.
	unread, _, err := s.unreadLeft(ctx)
	if err != nil {
		return err
	}
	gone = slices.DeleteFunc(gone, func(id letter.ID) bool { return slices.Contains(unread, of[id]) })
	if may, err := s.mayDestroy(ctx, s.doubt); err != nil || !may {
		return err
	}
	for _, id := range gone {
		if _, err := s.endStray(ctx, of[id], at); err != nil {
			return err
		}
	}
	return nil
}

// letterAt is the letter that an object's key names.
func letterAt(key string) (letter.ID, error) {
	return letter.ParseID(strings.TrimSuffix(path.Base(key), ".age"))
}

// strayDay is a folder of the bucket in which letters of a day lie.
type strayDay struct {
	prefix string
	class  letter.Class
	day    letter.Date
}

// daysBeyond finds the days whose deadline is past: nothing may lie there any more.
func (s *Server) daysBeyond(ctx context.Context) ([]strayDay, error) {
	days, err := s.days(ctx)
	today := letter.DateOf(s.cfg.Now())
	return slices.DeleteFunc(days, func(d strayDay) bool {
		return !letter.Deadline(d.day, d.class).AddDays(strayGrace).Before(today)
	}), err
}

// days finds every day of which letters lie in the bucket. Folders that are none
// of Letterlock's are left alone.
func (s *Server) days(ctx context.Context) (found []strayDay, err error) {
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
				if day, err := letter.ParseDate(name); err == nil {
					found = append(found, strayDay{prefix + helpline + "/" + name + "/", class, day})
				}
			}
		}
	}
	return found, nil
}

// endStray removes one stray, with a record before and after. A crash leaves
// the first alone on the register, and the stray, if it is still there, for the
// next pass. It reports whether the place is empty, or a living letter's.
func (s *Server) endStray(ctx context.Context, key string, at strayDay) (gone bool, err error) {
	id, _ := letterAt(key) // none of what is only tried out
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
