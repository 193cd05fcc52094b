package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

const (
	// triedAfter is for how long a server is at work before it tries the storage out: at
	// its start it has found out already that letters can be held there.
	triedAfter = 10 * time.Minute
	// triedAgain is after how long it is tried again where the storage was away, or did
	// not do what it must.
	triedAgain = time.Hour
	// triedSince is for how long a good trial counts.
	triedSince = 3 * 24 * time.Hour
	// trialLasts is how long a server waits at most: it does nothing else meanwhile.
	trialLasts = 2 * time.Minute
)

// trial is what came of trying the storage out. The register's MetaConformance holds
// the last one as JSON, for the portal and for whichever server leads next.
type trial struct {
	At     time.Time `json:"at"`
	Failed []string  `json:"failed,omitempty"` // words of the catalogue's storage-question
}

// due reports whether it is time for another.
func (t *trial) due(now time.Time) bool {
	if len(t.Failed) > 0 {
		return now.Sub(t.At).Abs() >= triedAgain
	}
	return letter.DateOf(t.At) != letter.DateOf(now)
}

// TryStorage tries the storage out, as 'letterlock check storage' does, and notes what
// came of it for every later check. Where the storage is away, or in doubt as not
// this server's, nothing is tried and the trial before counts on. A crash in
// between leaves objects in a place of their own, which the storage's own rules end.
func (s *Server) TryStorage(ctx context.Context) error {
	if s.cfg.TryStorage == nil {
		return nil
	}
	why, err := s.BucketDoubt(ctx)
	if err != nil || why != "" {
		return err
	}
	failed, err := s.cfg.TryStorage(ctx)
	if err != nil {
		return err
	}
	found := trial{s.cfg.Now().UTC().Truncate(time.Second), failed}
	s.tried.Store(&found)
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	if err := s.cfg.Register.SetMeta(ctx, register.MetaConformance, string(text)); err != nil {
		return fmt.Errorf("noting what came of trying the storage out: %w", err)
	}
	return nil
}

// lastTrial is the last that was noted, or that this process has made and could not
// note; nil for none.
func (s *Server) lastTrial(ctx context.Context) (*trial, error) {
	own := s.tried.Load()
	text, err := s.cfg.Register.Meta(ctx, register.MetaConformance)
	if err != nil || text == "" {
		return own, err
	}
	var noted trial
	if err := json.Unmarshal([]byte(text), &noted); err != nil {
		return nil, fmt.Errorf("reading what came of trying the storage out: %w", err)
	}
	if own != nil && own.At.After(noted.At) {
		return own, nil
	}
	return &noted, nil
}

// tryStorageDaily tries the storage out once a day, whichever server leads: a storage
// that is brought up to date, or moved, may not keep any more what it kept. One that
// fails is tried again each hour, so that what was mended is not loud for a day.
func (s *Server) tryStorageDaily(ctx context.Context, w *watch) error {
	if s.cfg.TryStorage == nil || time.Since(s.began) < triedAfter || time.Since(w.tried) < triedAgain {
		return nil
	}
	last, err := s.lastTrial(ctx)
	if err != nil || last != nil && !last.due(s.cfg.Now()) {
		return err
	}
	w.tried = time.Now()
	within, cancel := context.WithTimeout(ctx, trialLasts)
	defer cancel()
	switch err := s.TryStorage(within); {
	case errors.Is(err, deposit.ErrUnavailable), errors.Is(err, deposit.ErrRefused):
		return nil // which checkStorage says
	case err != nil:
		return err
	}
	if last := s.tried.Load(); last != nil && len(last.Failed) > 0 {
		s.cfg.Log.Error("the storage does not do what letters need; 'letterlock check' says what, and what to do")
	}
	return nil
}

// checkConformance says what came of trying the storage out, and when that was.
func (s *Server) checkConformance(ctx context.Context) (bad, good texts.Text, err error) {
	last, err := s.lastTrial(ctx)
	switch {
	case err != nil || last == nil:
		return nil, texts.Say("check-conformance.not-yet"), err
	case len(last.Failed) > 0:
		var what []texts.Text
		for _, question := range last.Failed {
			what = append(what, texts.Word("storage-question", question))
		}
		return texts.Say("check-conformance.fails", "at", last.At, "what", what), nil, nil
	case s.cfg.NeedsBackups && s.cfg.Now().Sub(last.At) > triedSince: // the clock of a sample is moved by days
		return texts.Say("check-conformance.old", "at", last.At), nil, nil
	}
	return nil, texts.Say("check-conformance.holds", "at", last.At), nil
}
