package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// oddity is what a scanner of ours does not leave in its place in the bucket: either it
// is broken, or somebody else holds its key or its storage credentials.
type oddity string

const (
	oddSeen       oddity = "odd-seen"       // it says that it has seen what it does not prove
	oddUnreadable oddity = "odd-unreadable" // an object that the storage has and does not give
	oddFlood      oddity = "odd-flood"      // more keys than one listing shows
)

// oddFor is for how long an oddity counts after it was last met. It is less than the
// alarm's grace, so that a storage that once refused for nothing alarms nobody, and more
// than the time between two looks.
const oddFor = 15 * time.Minute

// oddities are those that were met, by site, and when each was last.
type oddities map[string]map[oddity]time.Time

// isItsOwn reports whether err is the fault of the object that was asked for, in a bucket
// that answers: whoever can put may put what the storage gives to nobody, under a key of
// their own or into an archive. It says as much as one that is not there.
func isItsOwn(err error) bool { return errors.Is(err, deposit.ErrRefused) && !deposit.IsNoBucket(err) }

// isAnObjectsOwn is isItsOwn where the storage lets this server read in the place of the
// key: it has taken the server's rights away there, and no scanner did, where it also
// refuses what was never put, and would else say of that that it is not there.
func (s *Server) isAnObjectsOwn(ctx context.Context, key string, err error) bool {
	if !isItsOwn(err) {
		return false
	}
	_, control := s.readSmall(ctx, path.Dir(key)+"/"+string(letter.NewID()))
	return !errors.Is(control, deposit.ErrRefused)
}

// noteOdd notes what was met in a site's place. The log is told once while it lasts.
func (s *Server) noteOdd(site string, what oddity) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.odd == nil {
		s.odd = oddities{}
	}
	if s.odd[site] == nil {
		s.odd[site] = map[oddity]time.Time{}
	}
	if last, met := s.odd[site][what]; !met || now.Sub(last).Abs() > oddFor {
		s.cfg.Log.Error("a scanner's place in the bucket holds what no scanner leaves; 'letterlock check' says what to do if it goes on", "site", site, "what", what)
	}
	s.odd[site][what] = now
}

// oddSites counts the scanners in whose place something odd was met of late, and keeps
// them for 'letterlock check'. What a process that ran before has met counts as long as if
// it were met at this one's start.
func (s *Server) oddSites(ctx context.Context) (int, error) {
	kept, err := s.keptOdd(ctx)
	if err != nil {
		return 0, err
	}
	sites, err := s.cfg.Register.Sites(ctx)
	if err != nil {
		return 0, err
	}
	now := s.cfg.Now()
	odd := map[string][]oddity{}
	if time.Since(s.began) < oddFor {
		odd = maps.Clone(kept)
	}
	s.mu.Lock()
	for site, met := range s.odd {
		maps.DeleteFunc(met, func(_ oddity, at time.Time) bool { return now.Sub(at).Abs() > oddFor })
		odd[site] = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(odd[site], maps.Keys(met)))))
	}
	s.mu.Unlock()
	maps.DeleteFunc(odd, func(site string, met []oddity) bool { return len(met) == 0 || !slices.Contains(sites, site) })
	if maps.EqualFunc(odd, kept, slices.Equal) {
		return len(odd), nil
	}
	text, err := json.Marshal(odd)
	if err != nil {
		return 0, err
	}
	return len(odd), s.cfg.Register.SetMeta(ctx, register.MetaOdd, string(text))
}

// keptOdd is what oddSites has kept.
func (s *Server) keptOdd(ctx context.Context) (map[string][]oddity, error) {
	odd := map[string][]oddity{}
	kept, err := s.cfg.Register.Meta(ctx, register.MetaOdd)
	if err != nil || kept == "" {
		return odd, err
	}
	if err := json.Unmarshal([]byte(kept), &odd); err != nil {
		return nil, fmt.Errorf("reading which scanners are odd: %w", err)
	}
	return odd, nil
}
