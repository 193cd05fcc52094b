package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Replay catches up with what a restored register, or a restored bucket, has
// missed: letters that have moved or arrived since are found, every deadline and
// every key's death that is past is carried out, and all of it is recorded. Only
// its last step opens Letterlock again. It is cut off anywhere and run again: each
// step looks at what is there, and is done where it is not yet done.
//
// What was kept longer since is found before any deadline is looked at, so that
// no letter ends of which somebody has decided otherwise.

// ReplayStep is one part of a replay, in words for people.
type ReplayStep string

// The steps of a replay, in their order.
const (
	ReplayKeys     ReplayStep = "keys that were made since are put on record"
	ReplayPlaces   ReplayStep = "letters are looked for where they lie"
	ReplayUnknown  ReplayStep = "letters that arrived since are read"
	ReplayScans    ReplayStep = "new scans take over from old ones"
	ReplayPapers   ReplayStep = "papers that were destroyed since are noted"
	ReplayDrafts   ReplayStep = "copies of answers that waited to be kept wait anew"
	ReplayDeadline ReplayStep = "letters past their deadline are ended"
	ReplayRemains  ReplayStep = "what must not be in the storage any more is removed"
	ReplayKeyEnds  ReplayStep = "keys past their week are destroyed"
	ReplayMemory   ReplayStep = "bucket, keyring and scanners are told where things stand"
)

// CannotReplay is why a replay does not begin, or does not go on: a sentence for
// the person at the keyboard. Nothing is lost by it.
type CannotReplay struct{ Says string }

func (c *CannotReplay) Error() string { return c.Says }

// replay is one run of Replay.
type replay struct {
	*Server
	today  letter.Date
	there  map[letter.ID][]shelf // what the bucket held of each letter when the run began
	unread []string              // keys of what could not be opened, and is left alone

	answers []register.AnswerAdoption // of which this register has never heard
}

// Replay does everything that a Backlog counts, and opens Letterlock again. tell
// hears of each step when it begins.
func (s *Server) Replay(ctx context.Context, tell func(ReplayStep)) (done register.Restored, err error) {
	ctx = register.Replaying(ctx)
	signs, err := s.RestoreSigns(ctx)
	if err != nil {
		return done, err
	}
	if err := s.mayReplay(ctx, signs); err != nil {
		return done, err
	}
	if err := s.beginReplay(ctx, signs); err != nil {
		return done, err
	}
	s.cfg.Step("replay-begun", "")
	r := &replay{Server: s, today: letter.DateOf(s.cfg.Now())}
	if r.there, err = s.shelves(ctx); err != nil {
		return done, err
	}
	for _, step := range []struct {
		name string // of the boundary after it
		says ReplayStep
		do   func(context.Context) error
	}{
		{"replay-keys", ReplayKeys, r.recordKeys},
		{"replay-places", ReplayPlaces, r.settleAll},
		{"replay-unknown", ReplayUnknown, r.adoptAll},
		{"replay-scans", ReplayScans, r.cfg.Register.TakeAdoptedScans},
		{"replay-papers", ReplayPapers, r.notePapers},
		{"replay-drafts", ReplayDrafts, r.cfg.Register.DraftsCameBack},
		{"replay-deadline", ReplayDeadline, r.endDue},
		{"replay-remains", ReplayRemains, r.removeRemains},
		{"replay-key-ends", ReplayKeyEnds, r.endKeys},
		{"replay-memory", ReplayMemory, r.tellAll},
	} {
		tell(step.says)
		if err := step.do(ctx); err != nil {
			return done, err
		}
		// A crash after any of them leaves what it did done, and Letterlock closed.
		s.cfg.Step(step.name, "")
	}
	return s.cfg.Register.EndRestore(ctx, len(r.unread))
}

// mayReplay refuses where a replay could destroy what must live.
func (s *Server) mayReplay(ctx context.Context, signs []register.RestoreSign) error {
	if len(signs) == 0 {
		return &CannotReplay{"there is no sign that anything was restored from a backup: nothing is to be replayed. If a witness on another machine has found one, run: letterlock restore --witness-says"}
	}
	why, err := s.clockDoubt(ctx)
	if err != nil {
		return err
	}
	if why != "" {
		return &CannotReplay{fmt.Sprintf("nothing is replayed while the clock is in doubt: %s. It says %s now. If that is right, run: letterlock check --clock-is-right, and then this again",
			why, s.cfg.Now().In(letter.London).Format("2 January 2006 15:04"))}
	}
	if why, err = s.BucketDoubt(ctx); err != nil {
		return err
	}
	if why != "" {
		return &CannotReplay{"this is not the bucket with the letters: " + why + " If you are sure that it is the right one, as a new one is where the old one is lost, run: letterlock setup --repair, and then this again"}
	}
	weeks, err := s.cfg.Keyring.Weeks()
	if err != nil {
		return err
	}
	if len(weeks) == 0 {
		return &CannotReplay{"the keyring holds no key: is its folder mounted? Without the keys no letter can be told from another. If the keyring is lost, bring it back from the custodians first: letterlock key escrow restore"}
	}
	return nil
}

// beginReplay puts on record that a replay begins, and by what it is known that
// it must. A crash before leaves nothing but that Letterlock is closed.
func (s *Server) beginReplay(ctx context.Context, signs []register.RestoreSign) error {
	if err := s.cfg.Register.KeepClosed(ctx, signs); err != nil {
		return err
	}
	ev := register.RestoreBegun{Signs: signs}
	newest, err := s.NewestSeen(ctx)
	if err != nil {
		return err
	}
	if newest.Note != "" {
		ev.Seen, ev.Root = newest.Entries, register.TreeHash(newest.Root.String())
	}
	return s.cfg.Register.BeginRestore(ctx, ev)
}

// recordKeys puts those keys of the keyring on record that live and that this
// register does not know: they were made after the backup.
func (r *replay) recordKeys(ctx context.Context) error {
	weeks, err := r.cfg.Keyring.Weeks()
	if err != nil {
		return err
	}
	for _, w := range weeks {
		state, err := r.cfg.Register.KeyState(ctx, w)
		if err != nil {
			return err
		}
		if state != register.KeyUnknown || !r.today.Before(w.Over()) {
			continue // one whose week is over is destroyed like any other
		}
		if _, err := r.makeKey(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

const (
	// replayTries is how often what is not yet gone is tried again.
	replayTries = 5
	replayRest  = 200 * time.Millisecond
)

// endDue ends every letter and response that is due, with its proof.
func (r *replay) endDue(ctx context.Context) error {
	for try := 0; ; try++ {
		if err := r.cfg.Register.DontWait(ctx, r.today); err != nil {
			return err
		}
		if err := r.advanceDue(ctx); err != nil {
			return err
		}
		_, err := r.cfg.Register.ProveErased(ctx)
		if err != nil && !errors.Is(err, register.ErrBusy) {
			return err
		}
		overdue, err := r.cfg.Register.Overdue(ctx, r.today)
		if err != nil || overdue == 0 {
			return err
		}
		if try == replayTries {
			return &CannotReplay{words.Are(overdue, "letter") + " past the deadline and not yet proven gone: the storage did not answer, or it still shows them. Letterlock stays closed. Look at the storage, then run this again: it goes on where it stopped"}
		}
		if err := r.rest(ctx); err != nil {
			return err
		}
	}
}

// advanceDue ends what is due, as far as it goes at once.
func (r *replay) advanceDue(ctx context.Context) error {
	all, err := r.cfg.Register.Overdue(ctx, r.today)
	if err != nil {
		return err
	}
	for ended := 0; ; {
		due, err := r.cfg.Register.PastDeadline(ctx, r.today, dueAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, id := range due {
			r.cfg.Far(ended, all)
			if err := r.Advance(ctx, id); err != nil {
				return err
			}
			ended++
		}
		again, err := r.cfg.Register.PastDeadline(ctx, r.today, dueAtOnce)
		if err != nil || slices.Equal(due, again) {
			return err // none of them has moved
		}
	}
}

func (r *replay) rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(replayRest):
		return nil
	}
}

// endKeys destroys every key that is past its week. One that this register
// believes to live, and that is dead, is recorded as destroyed.
func (r *replay) endKeys(ctx context.Context) error {
	if err := r.EndKeys(ctx); err != nil {
		return err
	}
	left, err := r.overdueKeys(ctx)
	if err == nil && left > 0 {
		err = &CannotReplay{words.Are(left, "key") + " past the week and not destroyed. Look at the keyring's folder, then run this again"}
	}
	return err
}

// tellAll leaves with the bucket, the scanners and the keyring what they remember
// of this register, so that none of them takes it for an older one. Letterlock is
// still closed: a crash anywhere leaves that to be done again.
func (r *replay) tellAll(ctx context.Context) error {
	seen, err := r.SeenByEdges(ctx)
	if err != nil {
		return err
	}
	msg, err := r.readSmall(ctx, letter.RecipientsKey)
	if err != nil {
		return fmt.Errorf("reading the bucket's recipients list: %w", err)
	}
	if list, err := r.ownList(ctx, msg); err == nil {
		seen = max(seen, list.Serial)
	}
	if err := r.cfg.Register.RaiseSerial(ctx, seen); err != nil {
		return err
	}
	if err := r.PublishRecipients(ctx); err != nil {
		return err
	}
	if err := r.keepUnread(ctx); err != nil {
		return err
	}
	if err := r.anchorAnew(ctx); err != nil {
		return err
	}
	_, signed, err := r.cfg.Register.Checkpoint(ctx)
	if err != nil {
		return err
	}
	return r.keepInMind(ctx, signed)
}

// anchorAnew leaves a checkpoint in the bucket that comes after those of the
// branch which is lost: see letter.RestoredCheckpointKey.
func (r *replay) anchorAnew(ctx context.Context) error {
	entries, signed, err := r.cfg.Register.Checkpoint(ctx)
	if err != nil {
		return err
	}
	statement := register.Statement{Checkpoint: signed}
	if statement.Keys, err = r.cfg.Register.KeyChanges(ctx); err != nil {
		return err
	}
	if _, day, err := r.cfg.Register.Today(ctx); err == nil {
		from, err := r.cfg.Register.OpenHead(ctx, day.Checkpoint)
		if err != nil {
			return err
		}
		growth, err := r.cfg.Register.ProveGrowth(ctx, from.Entries, entries)
		if err != nil {
			return err
		}
		statement.Growth = &growth
	} else if !errors.Is(err, register.ErrNotFound) {
		return err
	}
	body, err := json.Marshal(statement)
	if err != nil {
		return err
	}
	key := letter.RestoredCheckpointKey(r.cfg.Now())
	if err := r.put(ctx, key, body); err != nil {
		return fmt.Errorf("leaving a checkpoint in the bucket: %w", err)
	}
	return r.cfg.Register.KeepAnchored(ctx, key)
}
