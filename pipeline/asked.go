package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"letterlock/scanner/letter"
)

// What scanners on other machines ask of people. A scanner names in its report what
// waits, and leaves each question below incoming/, sealed; the server opens it for who
// looks at the board, and keeps nothing of it but in memory. What people answer is on
// the register, and its scanner finds it in a list of its own.
//
//	asked      the report names it, and the object lies there
//	answered   a row says what: the list is put with the next sweep, and again after a crash
//	gone       a newer report does not name it: object and pages are removed, then the row

// unaskedFor is for how long something of a question lies there that no report names
// before it is removed. A scanner reports what it asks within minutes.
const unaskedFor = 30 * time.Minute

// tendAsked removes what lies there of a question that its scanner does not ask: it was
// put when it was answered already, by a scanner that was ended since, or by nobody who
// may.
func (s *Server) tendAsked(ctx context.Context, key, site, token string) error {
	s.noteLook(key, true) // once a minute is enough
	said, err := s.reportOf(ctx, site)
	if err != nil {
		return err
	}
	s.mu.Lock()
	since, known := s.unasked[key]
	switch {
	case slices.Contains(said.Questions, token):
		delete(s.unasked, key)
		known = false
	case !known:
		s.unasked[key] = s.cfg.Now()
	}
	s.mu.Unlock()
	if !known || s.cfg.Now().Sub(since).Abs() < unaskedFor {
		return nil
	}
	if err := s.endTraces(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unasked, key)
	return nil
}

// reportOf is what the site's scanner said last; zero if it has said nothing, or is
// enrolled no more.
func (s *Server) reportOf(ctx context.Context, site string) (letter.Report, error) {
	all, err := s.cfg.Register.Reports(ctx)
	if at := slices.IndexFunc(all, func(r letter.Report) bool { return r.Site == site }); at >= 0 {
		return all[at], err
	}
	return letter.Report{}, err
}

// endQuestions removes, with all their versions, the questions that a scanner has named
// before and names no more. It comes before the report is kept: a crash in between finds
// that report again, and comes back here.
func (s *Server) endQuestions(ctx context.Context, said letter.Report) error {
	before, err := s.reportOf(ctx, said.Site)
	if err != nil || said.At.Before(before.At) {
		return err
	}
	for _, token := range before.Questions {
		if slices.Contains(said.Questions, token) {
			continue
		}
		for _, key := range []string{letter.AskedKey(said.Site, token), letter.AskedPagesKey(said.Site, token)} {
			if err := s.endTraces(ctx, key); err != nil {
				return err
			}
		}
		s.cfg.Step("question-ended", "")
	}
	return nil
}

// endTraces removes all that lies at a key of a question.
func (s *Server) endTraces(ctx context.Context, key string) error {
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err == nil {
		err = s.removeAll(ctx, s.cfg.Store, key, traces)
	}
	if err != nil {
		return fmt.Errorf("removing what a scanner has asked: %w", err)
	}
	return nil
}

// tellAnswers keeps the lists of what people have answered, one for every site but this
// process's own, empty or not: by it a scanner knows that its questions are heard. One that
// is put and not noted is put again, newer. Where the letters lie in a folder no scanner is
// on another machine.
func (s *Server) tellAnswers(ctx context.Context, w *watch) error {
	if !s.cfg.HasLifecycle {
		return nil
	}
	sites, err := s.cfg.Register.Sites(ctx)
	if err != nil {
		return err
	}
	given, err := s.cfg.Register.ScanAnswers(ctx)
	if err != nil {
		return err
	}
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	told := map[string]farewell{}
	for _, site := range sites {
		if site == s.ownSite {
			continue
		}
		list := letter.Answers{Site: site, At: s.cfg.Now().UTC().Truncate(time.Second), Answers: []letter.Answer{}}
		for _, a := range given[site][:min(len(given[site]), letter.MaxQuestions)] {
			list.Answers = append(list.Answers, a.Answer)
		}
		now := farewell{letter.DateOf(s.cfg.Now()), fmt.Sprint(list.Answers), signer.KeyHash()}
		if w.answers[site] != now {
			msg, err := list.Sign(signer)
			if err != nil {
				return err
			}
			if err := s.replaceList(ctx, letter.AnswersKey(site), msg); err != nil {
				return fmt.Errorf("telling a scanner what people have answered: %w", err)
			}
		}
		told[site] = now
	}
	w.answers = told
	return nil
}
