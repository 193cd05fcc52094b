package pipeline

import (
	"context"
	"errors"
	"slices"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// found is what the storage holds of a letter, by the key under which it lies:
// one key as a rule, more for a letter that was moved.
type found map[string][]archive.Trace

func (f found) count() (n register.Found) {
	for _, traces := range f {
		c := count(traces)
		n.Versions, n.Markers, n.Uploads = n.Versions+c.Versions, n.Markers+c.Markers, n.Uploads+c.Uploads
	}
	return n
}

func (f found) noted() (all []register.Remain) {
	for key, traces := range f {
		for _, t := range traces {
			all = append(all, register.Remain{Key: key, Kind: string(t.Kind), ID: t.ID})
		}
	}
	return all
}

// remains is everything in every place in which the letter may lie.
func (s *Server) remains(ctx context.Context, l *register.Letter) (found, error) {
	noted, err := s.cfg.Register.Remains(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	known := found{}
	for _, n := range noted {
		known[n.Key] = append(known[n.Key], archive.Trace{Kind: archive.Kind(n.Kind), ID: n.ID})
	}
	all := found{}
	for _, at := range l.Places() {
		key := at.Key(l.ID)
		if all[key], err = s.there(ctx, key, append(verified(l, key), known[key]...)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// verified are the versions under key that were once read back.
func verified(l *register.Letter, key string) (known []archive.Trace) {
	if key == l.Manifest.ObjectKey() && l.ObjectVersion != "" {
		known = append(known, archive.Trace{Kind: archive.Version, ID: l.ObjectVersion})
	}
	if key == l.ObjectKey() && l.Lies.Version != "" {
		known = append(known, archive.Trace{Kind: archive.Version, ID: l.Lies.Version})
	}
	return known
}

// there is everything that the storage holds under key: what a listing over a
// new connection shows, and every known version that can still be read. A
// listing alone proves nothing: it may be stale, and a storage that keeps what
// it was told to remove in a bin does not list it.
func (s *Server) there(ctx context.Context, key string, known []archive.Trace) ([]archive.Trace, error) {
	all, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, t := range known {
		if t.Kind != archive.Version || slices.Contains(all, t) {
			continue
		}
		readable, err := s.readable(ctx, key, t.ID)
		if err != nil {
			return nil, err
		}
		if readable {
			all = append(all, t)
		}
	}
	return all, nil
}

// readable reports whether that version is still there, by its name.
func (s *Server) readable(ctx context.Context, key, version string) (bool, error) {
	body, _, err := s.cfg.Store.Read(ctx, key, version)
	if errors.Is(err, deposit.ErrNotFound) {
		return false, nil
	}
	if isItsOwn(err) {
		return true, nil // it is there, though the storage does not give it
	}
	if err != nil {
		return false, err
	}
	_ = body.Close()
	return true, nil
}

// said are the places of what the two roles said about a letter.
func said(l *register.Letter) []string {
	return []string{letter.ReceiptKey(l.Site, l.ID), letter.IncomingKey(l.Site, l.ID)}
}

// emptyStore removes the letter and what the two roles said about it.
func (s *Server) emptyStore(ctx context.Context, l *register.Letter, seen found) error {
	for key, traces := range seen {
		if err := s.removeAll(ctx, s.cfg.Store, key, traces); err != nil {
			return err
		}
	}
	for _, key := range said(l) {
		traces, err := s.cfg.Store.Traces(ctx, key)
		if err != nil {
			return err
		}
		if err := s.removeAll(ctx, s.cfg.Store, key, traces); err != nil {
			return err
		}
	}
	return nil
}

// left counts what the storage still holds of the letter and of what the two
// roles said about it.
func (s *Server) left(ctx context.Context, l *register.Letter) (register.Found, error) {
	all, err := s.remains(ctx, l)
	if err != nil {
		return register.Found{}, err
	}
	for _, key := range said(l) {
		if all[key], err = s.cfg.Store.Traces(ctx, key); err != nil {
			return register.Found{}, err
		}
	}
	return all.count(), nil
}

// removedBy is who had removed the letter. The storage's own rule hides it on
// the day after its number of days, and removes what it hid a day later at the
// earliest: what is gone before that, or was seen to be, was removed by somebody else.
func (s *Server) removedBy(l *register.Letter) register.Remover {
	earliest := l.Lies.Since.AddDays(l.Lies.Class.LifecycleDays() + 2)
	switch {
	case l.Found != register.Found{}:
		return register.ByLetterlock
	case s.cfg.HasLifecycle && !l.Lost && !l.Missing && !letter.DateOf(s.cfg.Now()).Before(earliest):
		return register.ByStorage
	}
	return register.ByNobody
}
