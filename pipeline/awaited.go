package pipeline

import (
	"context"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// An edge forgets a letter when its six months are over, and one that is held or kept
// for five years may yet have to be scanned again. Which these are its site's edge
// finds in a list of their own, beside that of farewell.go: an older edge looks for
// nothing there, and goes on without.

// tellAgain keeps the lists of papers that are to be scanned again although their
// edges forget the letters. One that is put and not noted is put again, newer. On a
// list that an earlier run of the server left, or another server, nobody may go by: it
// is said anew to every site where one lies.
func (s *Server) tellAgain(ctx context.Context, w *watch) error {
	sites, err := s.cfg.Register.Again(ctx)
	if err != nil {
		return err
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	told := map[string]farewell{}
	for site := range w.awaited { // of which none waits any more: said, so that its folder goes
		if _, is := sites[site]; !is {
			sites[site] = []letter.AgainLetter{}
		}
	}
	if w.awaited == nil {
		if err := s.findAgain(ctx, sites); err != nil {
			return err
		}
	}
	for site, letters := range sites {
		now := farewell{letter.DateOf(s.cfg.Now()), fmt.Sprint(letters), signer.KeyHash()}
		if before, is := w.awaited[site]; is && (before == now || len(letters) == 0 && before.says == now.says && before.by == now.by) {
			told[site] = before
			continue
		}
		msg, err := letter.Again{Site: site, At: s.cfg.Now().UTC().Truncate(time.Second), Letters: letters}.Sign(signer)
		if err != nil {
			return err
		}
		if err := s.replaceList(ctx, letter.AgainKey(site), msg); err != nil {
			return fmt.Errorf("telling a scanner which papers are to be scanned again: %w", err)
		}
		told[site] = now
	}
	w.awaited = told
	return nil
}

// findAgain adds to sites those at which a list lies although nothing is to be said.
func (s *Server) findAgain(ctx context.Context, sites map[string][]letter.AgainLetter) error {
	all, err := s.cfg.Register.Sites(ctx)
	if err != nil {
		return err
	}
	for _, site := range all {
		if _, is := sites[site]; is {
			continue
		}
		there, err := s.cfg.Store.Traces(ctx, letter.AgainKey(site))
		if err != nil {
			return err
		}
		if len(there) > 0 {
			sites[site] = []letter.AgainLetter{}
		}
	}
	return nil
}
