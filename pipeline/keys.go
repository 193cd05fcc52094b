package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// keyAhead is how many days before a key's death a letter that is to outlive it
// is an alarm: time enough to seal it anew.
const keyAhead = 14

// EndKeys destroys the private key of every week that is over and on which no
// letter depends any more. A key that is dead on record and has come back, with
// a restored keyring, is destroyed again.
func (s *Server) EndKeys(ctx context.Context) error {
	due, err := s.dueKeys(ctx)
	if err != nil {
		return err
	}
	return s.endAll(ctx, due)
}

func (s *Server) endAll(ctx context.Context, due []register.WeekKey) (failed error) {
	if len(due) == 0 {
		return nil
	}
	if empty, err := s.emptyKeyring(ctx); err != nil || empty {
		return errors.Join(err, errEmptyKeyring)
	}
	for _, k := range due {
		// The key's end does not depend on what is in the bucket: it is what holds
		// when that fails. The clock it does depend on, and on its witness.
		if may, err := s.mayDestroy(ctx, s.clockDoubt); err != nil || !may {
			return errors.Join(failed, err)
		}
		if err := s.endKey(ctx, k); err != nil {
			failed = errors.Join(failed, fmt.Errorf("ending key %s: %w", k.Week, err))
		}
	}
	return failed
}

// dueKeys are the keys past their week that are not destroyed, by the register
// or by the keyring.
func (s *Server) dueKeys(ctx context.Context) (due []register.WeekKey, err error) {
	known, err := s.keysPast(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.keysBack(ctx)
	return append(known, found...), err
}

// keysPast are those that are not dead on record.
func (s *Server) keysPast(ctx context.Context) (past []register.WeekKey, err error) {
	known, err := s.cfg.Register.Keys(ctx, register.KeyDying, register.KeyLiving)
	today := letter.DateOf(s.cfg.Now())
	return slices.DeleteFunc(known, func(k register.WeekKey) bool { return today.Before(k.Week.Over()) }), err
}

// keysBack are those that are in the keyring all the same: that of a week which is
// not on record is from another state of this installation, and dies like the others.
func (s *Server) keysBack(ctx context.Context) (back []register.WeekKey, err error) {
	today := letter.DateOf(s.cfg.Now())
	there, err := s.cfg.Keyring.Weeks()
	if err != nil {
		return nil, err
	}
	for _, w := range there {
		if today.Before(w.Over()) {
			break // they are in order
		}
		state, err := s.cfg.Register.KeyState(ctx, w)
		if err != nil {
			return nil, err
		}
		if state == register.KeyDead || state == register.KeyUnknown {
			back = append(back, register.WeekKey{Week: w, State: state})
		}
	}
	return back, nil
}

// endKey destroys one key. It is recorded before it is done: a crash leaves the
// key dying, with its file whole, as noise, or gone, and the next pass goes on.
func (s *Server) endKey(ctx context.Context, k register.WeekKey) error {
	var err error
	if k.State == register.KeyLiving {
		err = s.cfg.Register.KeyDeathBegun(ctx, k.Week)
	} else if k.State != register.KeyDying {
		s.cfg.Log.Warn("a key that must not exist any more was found in the keyring and is destroyed", "key", k.Week)
		err = s.cfg.Register.Record(ctx, register.KeyFoundAgain{Week: k.Week}, 0)
	}
	switch {
	case errors.Is(err, register.ErrKeyNeeded):
		return nil // an alarm until that letter is sealed anew or gone; till then the key is kept
	case errors.Is(err, register.ErrMoved):
		return nil // another process is at it; should it die, the next pass finds the key dying
	case err != nil:
		return err
	}
	s.cfg.Step("key-dying", "")
	if err := s.cfg.Keyring.Overwrite(k.Week); err != nil {
		return err
	}
	s.cfg.Step("key-overwritten", "")
	if err := s.cfg.Keyring.Destroy(k.Week); err != nil {
		return err
	}
	s.cfg.Step("key-gone", "")
	if k.State != register.KeyLiving && k.State != register.KeyDying {
		return nil // its death is on record already, or it was never alive here
	}
	if err := s.cfg.Register.KeyDestroyed(ctx, k.Week); !errors.Is(err, register.ErrMoved) {
		return err
	}
	return nil // another process has recorded it
}

// makeKey makes the week's key pair, or finds the newest, and records it. A key that
// is on record and not in the keyring is not made anew: a disk that is not mounted
// must not cost the letters of a week.
func (s *Server) makeKey(ctx context.Context, w letter.Week) (recipient string, err error) {
	known, err := s.cfg.Register.Key(ctx, w)
	if err != nil {
		return "", err
	}
	if known.State != register.KeyUnknown && !s.cfg.Keyring.Has(w) {
		return "", fmt.Errorf("key %s is on record and not in the keyring: is its folder mounted, or must it be restored?", w)
	}
	if empty, err := s.emptyKeyring(ctx); err != nil || empty {
		return "", cmp.Or(err, errEmptyKeyring)
	}
	if recipient, err = s.cfg.Keyring.Make(w); err != nil {
		return "", err
	}
	// On disk before it is on record, on record before it is given out. A crash here leaves
	// a key that the next call finds, and records.
	s.cfg.Step("expiry-key-made", "")
	if known.State == register.KeyLiving && known.Recipient != recipient {
		err = s.replaceKey(ctx, known, recipient)
	} else {
		err = s.cfg.Register.AddKey(ctx, w, recipient)
	}
	if err != nil {
		return "", fmt.Errorf("recording key %s: %w", w, err)
	}
	return recipient, nil
}

// replaceKey records that the newest key of the keyring takes the place of that on
// record, if it was made in its place: here, or at a time of which a restored
// register does not know, so that no restore brings a stolen key back into use.
func (s *Server) replaceKey(ctx context.Context, known register.WeekKey, newest string) error {
	lacks, err := s.lacks(known)
	if err != nil {
		return err
	}
	if lacks {
		return errors.New("another key is on record, which is not in the keyring: is its folder mounted, or must it be restored?")
	}
	err = s.cfg.Register.ReplaceKey(ctx, known.Week, known.Recipient, newest)
	if errors.Is(err, register.ErrMoved) { // another process was first
		now, failed := s.cfg.Register.Key(ctx, known.Week)
		if failed == nil && now.State == register.KeyLiving && now.Recipient == newest {
			return nil
		}
		return errors.Join(err, failed)
	}
	return err
}

// ReplaceKeys makes another key for each week to which anything may still be sealed,
// and publishes them: somebody else may know those that there are. What is sealed to
// these stays so, and they die when their weeks are over, as ever. It returns the
// weeks. A crash leaves weeks with another key and weeks without; a running server
// gives out the former, and running it again makes further ones.
//
// What is there already is not sealed anew: it would be another object, which the
// storage's lifecycle, counting from its creation, would keep for longer.
func (s *Server) ReplaceKeys(ctx context.Context) (weeks []letter.Week, err error) {
	if s.mustRest(ctx) {
		return nil, register.ErrClosed
	}
	living, err := s.livingKeys(ctx)
	if err != nil {
		return nil, err
	}
	for i, k := range living {
		s.cfg.Far(i, len(living))
		lacks, err := s.lacks(k)
		if err == nil && lacks {
			err = errKeyMissing
		}
		if err == nil {
			_, err = s.cfg.Keyring.MakeAnother(k.Week)
		}
		if err != nil {
			return weeks, fmt.Errorf("replacing key %s: %w", k.Week, err)
		}
		s.cfg.Step("key-made-anew", "")
		if _, err := s.makeKey(ctx, k.Week); err != nil {
			return weeks, err
		}
		s.cfg.Step("key-replaced", "")
		weeks = append(weeks, k.Week)
	}
	return weeks, s.PublishRecipients(ctx)
}

// neededKeys are the living keys that die within keyAhead days, or should be
// dead, although letters are to outlive them; and how many letters that are.
func (s *Server) neededKeys(ctx context.Context) (weeks []letter.Week, letters int, err error) {
	keys, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	if err != nil {
		return nil, 0, err
	}
	soon := letter.DateOf(s.cfg.Now()).AddDays(keyAhead)
	for _, k := range keys {
		if soon.Before(k.Week.Over()) {
			continue
		}
		n, err := s.cfg.Register.OutliveKey(ctx, k.Week)
		if err != nil {
			return nil, 0, err
		}
		if n > 0 {
			weeks, letters = append(weeks, k.Week), letters+n
		}
	}
	return weeks, letters, nil
}

// moveWithin is for how many days at most a letter may wait to be moved to where it is
// to live for longer: the storage ends it by the old place's rule, which waits for nobody.
const moveWithin = 1

// outliveKeys counts letters of which somebody must hear that they are to outlive their
// key: it dies soon, or their move to another has failed since the day before.
func (s *Server) outliveKeys(ctx context.Context) (letters int, err error) {
	weeks, letters, err := s.neededKeys(ctx)
	if err != nil {
		return 0, err
	}
	stuck, err := s.cfg.Register.StuckMoves(ctx, letter.DateOf(s.cfg.Now()).AddDays(-moveWithin))
	for week, n := range stuck {
		if !slices.Contains(weeks, week) {
			letters += n
		}
	}
	return letters, err
}

// overdueKeys counts keys past their week that are still there and that no
// letter needs: something keeps them from being destroyed, or they have come back.
func (s *Server) overdueKeys(ctx context.Context) (n int, err error) {
	past, err := s.keysPast(ctx)
	if err != nil {
		return 0, err
	}
	for _, k := range past {
		needed, err := s.cfg.Register.OutliveKey(ctx, k.Week)
		if err != nil {
			return 0, err
		}
		if needed == 0 {
			n++
		}
	}
	back, err := s.keysBack(ctx)
	if n += len(back); n > 0 {
		err = nil // a keyring that cannot be read silences no alarm
	}
	return n, err
}

// checkKeys says what is amiss now and what will be: the alarm of a list that is late
// refers to this, whatever else there is.
func (s *Server) checkKeys(ctx context.Context) (bad, good texts.Text, err error) {
	keys, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	if err != nil {
		return nil, nil, err
	}
	if bad, err = s.checkKeysNow(ctx, keys); err != nil {
		return nil, nil, err
	}
	ahead, err := s.checkKeysAhead(ctx, keys)
	switch {
	case err != nil:
		return nil, nil, err
	case bad == nil:
		bad = ahead
	case ahead != nil:
		bad = texts.Say("check-keys.and-ahead", "now", bad, "ahead", ahead)
	}
	return bad, texts.Say("check-keys.all-there", "n", len(keys)), nil
}

// checkKeysNow says what is amiss with the living keys, the worst first.
func (s *Server) checkKeysNow(ctx context.Context, keys []register.WeekKey) (bad texts.Text, err error) {
	needed, letters, err := s.neededKeys(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.cfg.Keyring.Weeks(); err != nil {
		s.cfg.Log.Error("the keyring cannot be read", "error", err)
		return texts.Say("check-keys.cannot-read-folder"), nil
	}
	due, err := s.dueKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if slices.ContainsFunc(due, func(d register.WeekKey) bool { return d.Week == k.Week }) && !slices.Contains(needed, k.Week) {
			continue // it is to be missing
		}
		_, err := s.cfg.Keyring.Recipient(k.Week)
		switch {
		case errors.Is(err, keyring.ErrNoKey):
			return texts.Say("check-keys.missing", "key", k.Week), nil
		case err != nil:
			s.cfg.Log.Error("a key cannot be read", "key", k.Week, "error", err)
			return texts.Say("check-keys.cannot-read", "key", k.Week), nil
		}
	}
	for _, k := range due {
		if !slices.Contains(needed, k.Week) {
			return texts.Say("check-keys.still-there", "key", k.Week), nil
		}
	}
	if letters > 0 {
		return texts.Say("check-keys.needed", "n", letters, "day", needed[0].Over()), nil
	}
	return nil, nil
}

// listLateAfter is after how long without a new recipients list somebody must look: one is
// published each day, and one day may fail. Scanners obey the last for listValid.
const listLateAfter = 2 * 24 * time.Hour

// listLate is when the last recipients list was published, and whether one is overdue;
// the zero time before the first.
func (s *Server) listLate(ctx context.Context) (listed time.Time, late bool, err error) {
	listed, err = s.cfg.Register.KeptTime(ctx, register.MetaListed)
	return listed, err == nil && !listed.IsZero() && s.cfg.Now().Sub(listed) > listLateAfter, err
}

// checkKeysAhead says what will stop the scanners in some days: keys that are not made
// for the letters that come next, or a list of them that is not renewed. Before the
// first list there is nothing that could run out.
func (s *Server) checkKeysAhead(ctx context.Context, living []register.WeekKey) (bad texts.Text, err error) {
	listed, late, err := s.listLate(ctx)
	if err != nil || listed.IsZero() {
		return nil, err
	}
	if late {
		return texts.Say("check-keys.list-late", "since", letter.DateOf(listed), "day", letter.DateOf(listed.Add(listValid))), nil
	}
	for _, week := range WeeksAhead(letter.DateOf(s.cfg.Now())) {
		if !slices.ContainsFunc(living, func(k register.WeekKey) bool { return k.Week == week }) {
			return texts.Say("check-keys.not-ahead", "key", week), nil
		}
	}
	return nil, nil
}

// volumeSays is what a person must know of the keyring's volume, and whether it
// is to be mended: where old blocks of a dead key are kept by design, or no key at all.
var volumeSays = map[keyring.Volume]struct {
	bad  bool
	says texts.Text
}{
	keyring.VolumePlain:  {false, texts.Say("check-keyring.plain")},
	keyring.VolumeCopies: {true, texts.Say("check-keyring.copies")},
	keyring.VolumeRemote: {true, texts.Say("check-keyring.remote")},
	keyring.VolumeLayer:  {false, texts.Say("check-keyring.layer")},
	keyring.VolumeMemory: {true, texts.Say("check-keyring.memory")},
}

// checkKeyring looks at where the keys lie, and for what would outlive them there.
func (s *Server) checkKeyring(ctx context.Context) (bad, good texts.Text, err error) {
	strangers, err := s.cfg.Keyring.Strangers()
	if err != nil { // which the line before says
		return texts.Say("check-keys.cannot-read-folder"), nil, nil
	}
	kind := s.cfg.Keyring.Volume()
	volume := volumeSays[kind]
	servers, err := s.cfg.Register.Running(ctx)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case kind == keyring.VolumeRemote && len(servers) > 1: // who share it
		volume.bad, volume.says = false, texts.Say("check-keyring.shared")
	case kind == keyring.VolumeMemory && !s.cfg.NeedsBackups: // a sample, which nobody misses
		volume.bad = false
	}
	switch {
	case strangers > 0:
		return texts.Say("check-keyring.strangers", "n", strangers), nil, nil
	case volume.bad:
		return volume.says, nil, nil
	}
	return nil, volume.says, nil
}
