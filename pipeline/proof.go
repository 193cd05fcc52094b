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

// remains is everything in every place in which the letter may lie: what a
// listing over a new connection shows, and every version that was verified or
// seen before and can still be read. A listing alone proves nothing: it may be
// stale, and a storage that keeps what it was told to remove in a bin does not
// list it.
func (s *Server) remains(ctx context.Context, l *register.Letter) (found, error) {
	all := found{}
	for _, at := range l.Places() {
		key := at.Key(l.ID)
		there, err := s.cfg.Store.Traces(ctx, key)
		if err != nil {
			return nil, err
		}
		all[key] = there
	}
	known, err := s.cfg.Register.Remains(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	known = append(known, register.Remain{Key: l.Manifest.ObjectKey(), Kind: string(archive.Version), ID: l.ObjectVersion},
		register.Remain{Key: l.ObjectKey(), Kind: string(archive.Version), ID: l.Lies.Version})
	for _, k := range known {
		t := archive.Trace{Kind: archive.Kind(k.Kind), ID: k.ID}
		if t.Kind != archive.Version || t.ID == "" || slices.Contains(all[k.Key], t) {
			continue
		}
		readable, err := s.readable(ctx, k.Key, t.ID)
		if err != nil {
			return nil, err
		}
		if readable {
			all[k.Key] = append(all[k.Key], t)
		}
	}
	return all, nil
}

// readable reports whether that version can still be read.
func (s *Server) readable(ctx context.Context, key, version string) (bool, error) {
	body, _, err := s.cfg.Store.Read(ctx, key, version)
	if errors.Is(err, deposit.ErrNotFound) {
		return false, nil
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

// removedBy is who had removed the letter.
func (s *Server) removedBy(f register.Found) register.Remover {
	switch {
	case f != register.Found{}:
		return register.ByLetterlock
	case s.cfg.HasLifecycle:
		return register.ByStorage
	}
	return register.ByNobody
}
