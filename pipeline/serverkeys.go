package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// A change of the key with which the server signs what scanners read. The register holds
// what is said of it, a letter.ServerKeys; what the bucket has is a copy.
//
//	named    the old key names the new one, and goes on signing; scanners learn it
//	changed  every scanner knows it, or nobody waits for the others: it signs alone
//
// A crash leaves one or the other, and the next sweep goes on from there.

const (
	// keyLearnable is for how long a scanner can learn the new key from the old one.
	keyLearnable = 30 * 24 * time.Hour
	// keyRenewed is when the word on a change that goes on is said anew, before its end.
	keyRenewed = 15 * 24 * time.Hour
)

// NameServerKey has the key that signs name the one that is to follow it, on the register.
// The leading server puts it where scanners read.
func (s *Server) NameServerKey(ctx context.Context, from, to string) error {
	if _, err := s.signer(ctx); err != nil {
		return err
	}
	keys, err := s.cfg.Register.ServerKeys(ctx)
	if err != nil {
		return err
	}
	step := letter.KeyStep{N: len(keys.All()), From: from, To: to, Named: s.second()}
	if last, ok := keys.Last(); !ok {
		step.N = 1
	} else if last.Since.IsZero() {
		step.N = last.N // another key in the place of one that is lost
	}
	step.Until = step.Named.Add(keyLearnable)
	return s.sayStep(ctx, keys, step, register.ServerKeyNamed{From: register.ServerKey(from), To: register.ServerKey(to)})
}

// second is now as a statement has it.
func (s *Server) second() time.Time { return s.cfg.Now().UTC().Truncate(time.Second) }

// sayStep signs a step and puts it on record.
func (s *Server) sayStep(ctx context.Context, keys letter.ServerKeys, step letter.KeyStep, ev register.Event) error {
	from, err := s.signerOf(step.From)
	if err != nil {
		return err
	}
	to, err := s.signerOf(step.To)
	if err != nil {
		return err
	}
	signed, err := step.Sign(from, to)
	if err != nil {
		return fmt.Errorf("signing the change of the server's key: %w", err)
	}
	next, err := keys.With(signed)
	if err != nil {
		return err
	}
	return s.cfg.Register.SayServerKeys(ctx, keys, next, ev)
}

// ChangeServerKey has the key that was named sign from now on, whoever has heard of it,
// and returns the scanners that have not. Where none was named it does nothing.
func (s *Server) ChangeServerKey(ctx context.Context) (unheard []string, err error) {
	keys, err := s.cfg.Register.ServerKeys(ctx)
	if err != nil {
		return nil, err
	}
	unheard, err = s.cfg.Register.Unheard(ctx)
	if err != nil {
		return nil, err
	}
	step, ok := keys.Last()
	if !ok || !step.Since.IsZero() {
		return unheard, nil
	}
	step.Since = s.second()
	if step.Since.Before(step.Named) {
		step.Since = step.Named
	}
	step.Until = step.Since.Add(keyLearnable)
	return unheard, s.sayStep(ctx, keys, step, register.ServerKeyChanged{From: register.ServerKey(step.From), To: register.ServerKey(step.To), Unheard: len(unheard)})
}

// tendServerKeys carries a change of the server's key on, and keeps what scanners read of
// it as the register has it.
func (s *Server) tendServerKeys(ctx context.Context, w *watch) error {
	keys, err := s.cfg.Register.ServerKeys(ctx)
	if err != nil {
		return err
	}
	if now, err := s.keysToday(keys); err != nil || w.keys != now {
		if keys, err = s.adoptKeys(ctx, keys); err != nil {
			return err
		}
	}
	if keys, err = s.carryOnKeys(ctx, keys); err != nil {
		return err
	}
	now, err := s.keysToday(keys)
	if err != nil || w.keys == now {
		return err
	}
	if err := s.publishKeys(ctx, keys); err != nil {
		return err
	}
	w.keys = now
	return nil
}

// keysToday is what the bucket is compared with once a day, and whenever it changes.
func (s *Server) keysToday(keys letter.ServerKeys) (string, error) {
	text, err := keys.Text()
	return letter.DateOf(s.cfg.Now()).String() + string(text), err
}

// keysThere is what scanners are told of the server's keys; nil for nothing.
func (s *Server) keysThere(ctx context.Context) ([]byte, error) {
	there, err := s.readSmall(ctx, letter.ServerKeysKey)
	if err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return nil, fmt.Errorf("reading what scanners are told of the server's keys: %w", err)
	}
	return there, nil
}

// catchUpKeys has a register that was restored from before a change of the server's key
// learn of it before anything is signed, where the key is here that signs by now.
func (s *Server) catchUpKeys(ctx context.Context) error {
	if _, _, err := s.signerHere(ctx); !errors.Is(err, ErrServerKeyMissing) {
		return nil // what needs the key says what is wrong with it
	}
	keys, err := s.cfg.Register.ServerKeys(ctx)
	if err == nil {
		_, err = s.adoptKeys(ctx, keys)
	}
	return err
}

// adoptKeys takes from the bucket what a register does not know that was restored from
// before the change. Only where the key is here that signs by it: who has stolen the one
// before could put something there too.
func (s *Server) adoptKeys(ctx context.Context, keys letter.ServerKeys) (letter.ServerKeys, error) {
	there, err := s.keysThere(ctx)
	if err != nil || there == nil || s.cfg.Verifier == nil {
		return keys, err
	}
	next, notOurs := keys.Follow(s.cfg.Verifier, there, s.cfg.Now())
	if notOurs != nil && !errors.Is(notOurs, letter.ErrKeysOver) {
		return keys, nil // it is overwritten
	}
	if errors.Is(notOurs, letter.ErrKeysOver) {
		return keys, ErrServerKeyMissing
	}
	was, err1 := keys.Text()
	text, err2 := next.Text()
	if err := errors.Join(err1, err2); err != nil || string(was) == string(text) {
		return keys, err
	}
	if _, err := s.signerOf(next.Signing("")); err != nil {
		return keys, err
	}
	s.cfg.Log.Warn("the register does not know of a change of the server's key of which scanners do: it was restored from before. It knows now")
	return next, s.cfg.Register.SayServerKeys(ctx, keys, next, nil)
}

// carryOnKeys changes the key over once every scanner knows the new one, and nobody can
// come with an invitation that has the old one. Until then it keeps the word from ending.
func (s *Server) carryOnKeys(ctx context.Context, keys letter.ServerKeys) (letter.ServerKeys, error) {
	step, ok := keys.Last()
	if !ok || !step.Since.IsZero() {
		return keys, nil
	}
	unheard, err := s.cfg.Register.Unheard(ctx)
	if err != nil {
		return keys, err
	}
	invited, err := s.cfg.Register.OpenInvitations(ctx)
	if err != nil {
		return keys, err
	}
	switch {
	case len(unheard) == 0 && !invited:
		if _, err := s.ChangeServerKey(ctx); err != nil {
			return keys, fmt.Errorf("having the server's new key sign: %w", err)
		}
		s.cfg.Step("server-key-changed", "")
		s.cfg.Log.Info("every scanner knows the server's new key, which signs from now on")
	case step.Until.Sub(s.cfg.Now()) < keyRenewed:
		step.Until = s.second().Add(keyLearnable)
		if err := s.sayStep(ctx, keys, step, nil); err != nil {
			return keys, fmt.Errorf("renewing the word on the server's new key: %w", err)
		}
	default:
		return keys, nil
	}
	return s.cfg.Register.ServerKeys(ctx)
}

// publishKeys puts what is said of the server's keys where scanners read it. What the new
// key signs anew comes first: a scanner that hears of the change finds it done.
func (s *Server) publishKeys(ctx context.Context, keys letter.ServerKeys) error {
	text, err := keys.Text()
	if err != nil {
		return err
	}
	there, err := s.keysThere(ctx)
	if err != nil {
		return err
	}
	if string(there) == string(text) {
		return nil
	}
	step, ok := keys.Last()
	if !ok && there == nil {
		return nil // no key was ever changed, and no object is needed
	}
	if !ok {
		// Somebody else's word is overwritten, and it may be true where this key is not.
		if _, err := s.signer(ctx); err != nil {
			return err
		}
	}
	if ok && !step.Since.IsZero() {
		if err := s.signAnew(ctx); err != nil {
			return err
		}
	}
	s.cfg.Step("server-keys-resigned", "")
	if err := s.put(ctx, letter.ServerKeysKey, text); err != nil {
		return fmt.Errorf("telling scanners of the server's keys: %w", err)
	}
	s.cfg.Step("server-keys-told", "")
	return nil
}

// signAnew has everything that scanners read signed by the key that signs now. Receipts
// are due since it took over, and each follows by itself; what is gone is said by tellGone.
func (s *Server) signAnew(ctx context.Context) error {
	signer, err := s.signer(ctx)
	if err != nil {
		return err
	}
	msg, err := s.readSmall(ctx, letter.RecipientsKey)
	if err != nil && !errors.Is(err, deposit.ErrNotFound) {
		return fmt.Errorf("reading the recipients list: %w", err)
	}
	if !signedWith(msg, signer) {
		if err := s.PublishRecipients(ctx); err != nil {
			return err
		}
	}
	return s.sayAbout(ctx)
}

// signedWith reports whether a statement says that it is signed with that key. Nothing is
// believed by it.
func signedWith(msg []byte, key note.Signer) bool {
	_, err := note.Open(msg, note.VerifierList())
	unverified, is := errors.AsType[*note.UnverifiedNoteError](err)
	return is && len(unverified.Note.UnverifiedSigs) == 1 && unverified.Note.UnverifiedSigs[0].Hash == key.KeyHash()
}

// keySays says of a scanner that has not heard of the server's new key what that means,
// and whether a person must see to it. It is nil for all others.
func keySays(site string, step letter.KeyStep, now time.Time) (says texts.Text, bad bool) {
	if step.Since.IsZero() {
		return texts.Say("check-scanners.key-not-known", "site", site, "since", step.Named), now.Sub(step.Named) > register.ScannerSilence
	}
	return texts.Say("check-scanners.key-not-followed", "site", site, "since", step.Since), now.Sub(step.Since) > keyPatience
}

// keyPatience is after how long a scanner counts as lost to the new key: one that runs
// hears of it within a minute, and says so within ten.
const keyPatience = 20 * time.Minute

// ownList opens a recipients list that this server has signed, with whichever key.
func (s *Server) ownList(ctx context.Context, msg []byte) (seal.Recipients, error) {
	keys, err := s.ownKeys(ctx)
	if err != nil {
		return seal.Recipients{}, err
	}
	return letter.ByAny(seal.OpenRecipients, msg, keys)
}
