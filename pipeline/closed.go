package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// This file is what follows from a sign that the register, or the bucket, is an
// older copy of itself: nobody is shown anything, and nothing is done, until
// the time that is missing has been replayed. Scans wait at the edge.

// bucketEvery is how often the bucket is asked for signs: an older copy of it
// may be put in its place while the server runs.
const bucketEvery = 10 * time.Minute

// Recognise finds out whether the register, or the bucket, is an older copy of
// itself, and keeps what it finds: from then on Letterlock is closed. Signs come
// with an error where the bucket could not be asked, or where they could not be
// kept; without a sign, an error says that it is not known.
func (s *Server) Recognise(ctx context.Context) ([]register.RestoreSign, error) {
	signs, err := s.RestoreSigns(ctx)
	return signs, errors.Join(err, s.shutFor(ctx, signs))
}

// RecogniseHere is Recognise without the bucket: it costs next to nothing.
func (s *Server) RecogniseHere(ctx context.Context) ([]register.RestoreSign, error) {
	signs, err := s.cfg.Register.Closed(ctx)
	if err == nil && len(signs) == 0 {
		signs, err = s.keyringSigns(ctx)
	}
	return signs, errors.Join(err, s.shutFor(ctx, signs))
}

// shutFor closes Letterlock where there is any sign. This process is closed
// before the sign is on record, and stays closed where it cannot be put there.
func (s *Server) shutFor(ctx context.Context, signs []register.RestoreSign) error {
	if len(signs) == 0 {
		return nil
	}
	s.shut.Store(true)
	return s.cfg.Register.KeepClosed(ctx, signs)
}

// Closed reports whether nobody may be shown anything. What cannot be found out
// is no reason to show it.
func (s *Server) Closed(ctx context.Context) bool {
	closed, err := s.FindClosed(ctx)
	return err != nil || closed
}

// FindClosed is Closed for whoever tells people why.
func (s *Server) FindClosed(ctx context.Context) (closed bool, err error) {
	if s.shut.Load() {
		return true, nil
	}
	signs, err := s.cfg.Register.Closed(ctx)
	return len(signs) > 0, err
}

// mustRest reports whether nothing may be done just now: a replay is not concerned
// by what it is for.
func (s *Server) mustRest(ctx context.Context) bool {
	return s.aside.Load() || !register.IsReplaying(ctx) && s.Closed(ctx)
}

// standing is what a sweep knows of whether what it goes by is of now.
type standing struct {
	asked    time.Time // when the bucket was last asked; zero if it never answered
	saidAt   time.Time // when it was last said that Letterlock is closed
	kept     string    // the checkpoint that the keyring remembers
	mailedAt time.Time // when the day's mail was last looked after while closed
}

// recognise comes before everything else that a sweep does, which is only done
// where it returns true: nothing is a sign that this is an older copy, and the
// bucket has been asked today. While it cannot be, no letter is taken in,
// announced or ended, and nothing is published; what the register and the
// keyring know by themselves decides whether people are shown anything.
func (s *Server) recognise(ctx context.Context, st *standing) (mayGoOn bool, err error) {
	signs, err := s.RecogniseHere(ctx)
	if err != nil || len(signs) > 0 {
		st.asked = time.Time{} // opened again, it is asked first
		return false, err
	}
	now := s.cfg.Now()
	asked := letter.DateOf(st.asked) == letter.DateOf(now)
	if asked && now.Sub(st.asked).Abs() < bucketEvery {
		s.shut.Store(false)
		return true, nil
	}
	signs, err = s.bucketSigns(ctx)
	if len(signs) > 0 {
		return false, errors.Join(err, s.shutFor(ctx, signs))
	}
	s.shut.Store(false)
	if err != nil {
		return asked, err
	}
	st.asked = now
	if !st.saidAt.IsZero() {
		st.saidAt = time.Time{}
		s.cfg.Log.Info("Letterlock is open again: what was missing is replayed")
	}
	return true, nil
}

// whileClosed is all that a sweep does while Letterlock is closed, and it leaves
// nothing on the register: it is said in the log once a minute, and mailed once
// a day.
func (s *Server) whileClosed(ctx context.Context, st *standing) error {
	s.sayClosed(ctx, st)
	now := s.cfg.Now()
	if now.Sub(st.mailedAt).Abs() < alarmsEvery {
		return nil
	}
	st.mailedAt = now
	return s.tellAlarms(ctx)
}

func (s *Server) sayClosed(ctx context.Context, st *standing) {
	if time.Since(st.saidAt) < time.Minute {
		return
	}
	signs, err := s.cfg.Register.Closed(ctx)
	switch {
	case register.IsOutOfReach(err), register.IsFull(err):
		return // nobody knows whether it was restored; the sweep says what is wrong
	case err == nil && len(signs) == 0 && !s.shut.Load():
		return // that could not be found out a moment ago, and now the database is back
	}
	st.saidAt = time.Now()
	s.cfg.Log.LogAttrs(ctx, slog.LevelError, "Letterlock is closed: it was restored from a backup, and shows nobody anything and does nothing until an administrator has run 'letterlock restore'",
		slog.Any("signs", signs), slog.Any("error", err))
}

// remember has the keyring keep the register's newest checkpoint. It is done
// only after recognise: what lies there is of what this register holds, or is
// nothing that its key has signed. A damaged memory is written anew once the
// bucket has vouched for the register: until then it could hide that this is an
// older copy. Another register's is left to a person: it may be the wrong keyring.
// A crash before this leaves an older one, which the register holds as well.
func (s *Server) remember(ctx context.Context, st *standing) error {
	_, signed, err := s.cfg.Register.Checkpoint(ctx)
	if err != nil || signed == "" || signed == st.kept {
		return err
	}
	kept, err := s.memory(ctx)
	switch {
	case err != nil || kept == memoryOfAnother:
		return err
	case kept == memoryDamaged:
		if why, err := s.BucketDoubt(ctx); err != nil || why != "" {
			return err
		}
	}
	if err := s.keepInMind(ctx, signed); err != nil {
		return err
	}
	st.kept = signed
	return nil
}

// memoryKind is what the keyring's memory of the register is.
type memoryKind int

const (
	memoryWell      memoryKind = iota // of this register, or none
	memoryDamaged                     // no checkpoint
	memoryOfAnother                   // signed, but not with this register's key
)

// keepInMind has the keyring remember a checkpoint of the register. Where its
// signing key was changed once, that is remembered too: an older copy of the
// register that is restored beside the keyring does not know it.
func (s *Server) keepInMind(ctx context.Context, signed string) error {
	changes, err := s.cfg.Register.KeyChanges(ctx)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return s.cfg.Keyring.Remember(signed)
	}
	text, err := json.Marshal(register.Statement{Checkpoint: signed, Keys: changes})
	if err != nil {
		return err
	}
	return s.cfg.Keyring.Remember(string(text))
}

// remembered is what the keyring remembers of the register, as it lies there: a
// checkpoint alone, or with the changes of its signing key.
func (s *Server) remembered() (st register.Statement, err error) {
	return rememberedIn(s.cfg.Keyring)
}

// Remembers reports whether the keyring remembers a register that this key has signed:
// one that holds nothing has then lost it.
func Remembers(k *keyring.Keyring, key note.Verifier) (bool, error) {
	seen, err := rememberedIn(k)
	if err != nil {
		return false, err
	}
	_, notSigned := note.Open([]byte(seen.Checkpoint), note.VerifierList(key))
	return notSigned == nil, nil
}

func rememberedIn(k *keyring.Keyring) (st register.Statement, err error) {
	text, err := k.Remembered()
	if err == nil && (json.Unmarshal([]byte(text), &st) != nil || st.Checkpoint == "") {
		st = register.Statement{Checkpoint: text}
	}
	return st, err
}

func (s *Server) memory(ctx context.Context) (memoryKind, error) {
	seen, err := s.remembered()
	if err != nil || seen.Checkpoint == "" {
		return memoryWell, err
	}
	if _, err = s.cfg.Register.OpenStatement(ctx, seen); err == nil || notWrong(err) != nil {
		return memoryWell, notWrong(err)
	}
	_, err = note.Open([]byte(seen.Checkpoint), note.VerifierList())
	if _, signed := errors.AsType[*note.UnverifiedNoteError](err); signed {
		return memoryOfAnother, nil
	}
	return memoryDamaged, nil
}

// RestoredSays is what there is to say of these signs, and what to do.
func RestoredSays(signs []register.RestoreSign) texts.Text {
	var because []texts.Text
	for _, sign := range signs {
		because = append(because, texts.Word("restore-sign", sign))
	}
	return texts.Say("check-restore.restored", "because", joined("list.part", because))
}

// checkRestore says whether this is an older copy, in words that tell what to do.
func (s *Server) checkRestore(ctx context.Context) (bad, good texts.Text, err error) {
	signs, err := s.RestoreSigns(ctx)
	if len(signs) > 0 {
		return RestoredSays(signs), nil, nil
	}
	if errors.Is(err, deposit.ErrUnavailable) {
		return nil, texts.Say("check-restore.bucket-not-asked"), nil
	}
	if err != nil {
		return nil, nil, err
	}
	unread, _, err := s.unreadLeft(ctx)
	if err != nil {
		return nil, nil, err
	}
	switch kept, err := s.memory(ctx); {
	case err != nil:
		return nil, nil, err
	case len(unread) > 0:
		return texts.Say("check-restore.unread", "n", len(unread)), nil, nil
	case kept == memoryDamaged:
		return texts.Say("check-restore.memory-damaged"), nil, nil
	case kept == memoryOfAnother:
		return texts.Say("check-restore.memory-of-another"), nil, nil
	}
	return nil, texts.Say("check-restore.of-now"), nil
}
