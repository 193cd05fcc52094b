package pipeline

import (
	"context"
	"errors"
	"fmt"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// takeSaid takes in what a scanner says beside its manifests; said is false for what
// is neither.
func (s *Server) takeSaid(ctx context.Context, key string) (said bool, err error) {
	if site, ok := letter.SplitSeen(key); ok {
		return true, s.dismissSeen(ctx, site)
	}
	if site, ok := letter.SplitReport(key); ok {
		return true, s.takeReport(ctx, site)
	}
	if site, token, ok := letter.SplitAsked(key); ok {
		return true, s.tendAsked(ctx, key, site, token)
	}
	return false, nil
}

// takeReport takes in what a scanner says is in its folder, for operations to see,
// and removes it: only the latest is of use to anybody. What it has not signed, or
// what is from a time that has not come, is left alone, and goes with what is
// brief. A crash before the removal takes the same report in once more.
func (s *Server) takeReport(ctx context.Context, site string) error {
	key := letter.ReportKey(site)
	s.noteLook(key, true) // once a minute is enough
	// Listed before it is read: a report that is put after this stays for the next look.
	traces, err := s.cfg.Store.Traces(ctx, key)
	if err != nil {
		return fmt.Errorf("looking at a scanner's report: %w", err)
	}
	msg, err := s.readSmall(ctx, key)
	if errors.Is(err, deposit.ErrNotFound) {
		return nil
	}
	if s.isAnObjectsOwn(ctx, key, err) {
		s.noteOdd(site, oddUnreadable)
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading a scanner's report: %w", err)
	}
	edge, err := s.edgeKey(ctx, site)
	if err != nil || edge == nil {
		return err
	}
	said, err := letter.OpenReport(msg, edge)
	if err != nil || said.At.After(s.cfg.Now().Add(clockSlack)) {
		return nil
	}
	if err := s.endQuestions(ctx, said); err != nil {
		return err
	}
	if err := errors.Join(s.noteProves(ctx, said), s.cfg.Register.KeepReport(ctx, said)); err != nil {
		return err
	}
	return s.removeAll(ctx, s.cfg.Store, key, traces)
}
