package pipeline

import (
	"context"
	"slices"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// DueShares are those of keys whose week is over or that are dead, and those in
// whose place newer ones were made.
func (s *Server) DueShares(ctx context.Context) ([]register.Share, error) {
	shares, err := s.cfg.Register.Shares(ctx)
	if err != nil || len(shares) == 0 {
		return nil, err
	}
	lives, err := s.livingWeeks(ctx)
	return slices.DeleteFunc(slices.Clone(shares), func(share register.Share) bool {
		return lives[share.Week] && (!share.Old || !sharedAnew(share.Week, shares))
	}), err
}

// pairsOf are those of the due shares of which, with those that are lost, two of one making are
// left, since one alone tells nothing. Nobody need do more each week than have two of the
// custodians destroy theirs; the third's goes when the stick is next here.
func (s *Server) pairsOf(ctx context.Context, due []register.Share) ([]register.Share, error) {
	lost, err := s.cfg.Register.LostShares(ctx)
	if err != nil {
		return nil, err
	}
	left := append(slices.Clone(due), lost...)
	return slices.DeleteFunc(slices.Clone(due), func(share register.Share) bool {
		return !slices.ContainsFunc(left, func(other register.Share) bool {
			return other.Week == share.Week && other.Set == share.Set && other.Custodian != share.Custodian
		})
	}), nil
}

// custodiansWeek in days is how long after a key's death its shares are no matter for an
// alarm yet. A key dies each Monday, and whoever looks after Letterlock once a week hears
// of it, asks the custodians, and has their word a week later: by then the next key is
// dead, so that there is no day without shares that are due, and an alarm about these
// would stand for ever and be heeded by nobody.
const custodiansWeek = 7

// forgottenShares counts those of pairsOf what is due that should be destroyed by now.
func (s *Server) forgottenShares(ctx context.Context) (int, error) {
	due, err := s.DueShares(ctx)
	if err != nil {
		return 0, err
	}
	pairs, err := s.pairsOf(ctx, due)
	today := letter.DateOf(s.cfg.Now())
	return len(slices.DeleteFunc(pairs, func(share register.Share) bool {
		over := share.Week.Over()
		return !today.Before(over) && today.Before(over.AddDays(custodiansWeek))
	})), err
}

// exposedWeeks are those of which two shares of one making are lost, in order.
func (s *Server) exposedWeeks(ctx context.Context) (weeks []letter.Week, err error) {
	lost, err := s.cfg.Register.LostShares(ctx)
	for i, share := range lost {
		if !slices.ContainsFunc(lost[:i], func(other register.Share) bool { return other.Week == share.Week && other.Set == share.Set }) {
			continue
		}
		if len(weeks) == 0 || weeks[len(weeks)-1] != share.Week {
			weeks = append(weeks, share.Week)
		}
	}
	return weeks, err
}

// checkShares looks whether the custodians have what they should, where there
// are any, and nothing else.
func (s *Server) checkShares(ctx context.Context) (bad, good texts.Text, err error) {
	out, err := s.cfg.Register.Shares(ctx)
	if err != nil {
		return nil, nil, err
	}
	due, err := s.DueShares(ctx)
	if err != nil {
		return nil, nil, err
	}
	pairs, err := s.pairsOf(ctx, due)
	if err != nil {
		return nil, nil, err
	}
	living, err := s.livingKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	without := 0
	for _, k := range living {
		if !slices.ContainsFunc(out, func(share register.Share) bool { return share.Week == k.Week && !share.Old }) {
			without++
		}
	}
	exposed, err := s.exposedWeeks(ctx)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(exposed) > 0:
		return texts.Say("check-escrow.two-lost", "n", len(exposed), "week", exposed[0]), nil, nil
	case len(pairs) > 0:
		return texts.Say("check-escrow.due", "n", len(pairs)), nil, nil
	case len(out) == 0 && s.cfg.NeedsBackups:
		return texts.Say("check-escrow.none-shared"), nil, nil
	case len(out) == 0:
		return nil, texts.Say("check-escrow.none-in-sample"), nil
	case without > 0:
		return texts.Say("check-escrow.not-shared", "n", without), nil, nil
	}
	if len(due) > 0 {
		return nil, texts.Say("check-escrow.all-shared-some-due", "n", len(due)), nil
	}
	return nil, texts.Say("check-escrow.all-shared"), nil
}
