package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// An edge learns what became of a letter's paper from its receipt, and forgets the
// scan on the letter's deadline. A letter that is erased before takes its receipt
// with it, and so would leave the edge in the dark: the edge finds it in one list,
// which the server keeps for each site.

// farewell is what was last said to a site's edge.
type farewell struct {
	day  letter.Date // the storage forgets it after some days: it is said anew each day
	says string
	by   uint32 // the key that signed it: it is said anew under another
}

// tellGone keeps the lists of what is gone. One that is put and not noted is put
// again, the same.
func (s *Server) tellGone(ctx context.Context, w *watch) error {
	sites, err := s.cfg.Register.Gone(ctx)
	if err != nil {
		return err
	}
	for site := range w.farewells { // nothing is left to tell: said once, so that no id stays
		if _, is := sites[site]; !is {
			sites[site] = []letter.GoneLetter{}
		}
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	told := maps.Clone(w.farewells)
	for site, letters := range sites {
		if letters, err = s.understood(ctx, site, letters); err != nil {
			return err
		}
		now := farewell{letter.DateOf(s.cfg.Now()), fmt.Sprint(letters), signer.KeyHash()}
		if w.farewells[site] == now || len(letters) == 0 && w.farewells[site].says == now.says && w.farewells[site].by == now.by {
			continue
		}
		msg, err := letter.Gone{Site: site, Letters: letters}.Sign(signer)
		if err != nil {
			return err
		}
		if err := s.replaceList(ctx, letter.GoneKey(site), msg); err != nil {
			return fmt.Errorf("telling a scanner which letters are gone: %w", err)
		}
		if told == nil {
			told = map[string]farewell{}
		}
		told[site] = now
	}
	w.farewells = told
	return nil
}

// understood is the list as the site's scanner can read it: one that is a release older
// refuses what it does not know, and so all of it, for a hash.
func (s *Server) understood(ctx context.Context, site string, letters []letter.GoneLetter) ([]letter.GoneLetter, error) {
	proves, err := s.cfg.Register.Meta(ctx, register.MetaProves+site)
	if err != nil || proves != "" || site == s.ownSite {
		return letters, err
	}
	letters = slices.Clone(letters)
	for i := range letters {
		letters[i].SHA256 = ""
	}
	return letters, nil
}

// replaceList puts a list and removes those before it, which name letters that
// need no longer be named. A crash in between leaves one of them to the storage's
// own rule.
func (s *Server) replaceList(ctx context.Context, key string, msg []byte) error {
	before, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return err
	}
	if err := s.put(ctx, key, msg); err != nil {
		return err
	}
	after, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return err
	}
	if len(after) <= 1 { // a storage without versions has replaced it
		return nil
	}
	return s.removeAll(ctx, s.cfg.Store, key, before)
}
