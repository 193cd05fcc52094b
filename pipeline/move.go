package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"filippo.io/age"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// move is one step of carrying a letter's sealed object to where it must lie,
// which register.Letter.Wanted says. The steps are these, and at each of them
// at least one copy of the letter is whole and on record:
//
//  1. begin: the new place is on record before anything is put there.
//  2. copy: sealed anew, put create-only, read back, found to be the letter;
//     then, in one transaction, people open the new one and the old is to go.
//  3. leave: the old place is emptied, with proof.
//
// A copy is trusted only by whoever put it and read it back. What else lies in
// the new place, from a crash after the put or from a stranger with an edge's
// credentials, is never adopted: the place is given up, emptied, and begun anew.
// So no copy that is on record can be in a list that somebody is about to
// remove: it was put after the place was last on record as one to be emptied.
func (s *Server) move(ctx context.Context, l *register.Letter) error {
	switch {
	case len(l.Leaving) > 0:
		return s.leave(ctx, l)
	case l.Coming == nil:
		return s.beginMove(ctx, l)
	case *l.Coming != l.Wanted():
		return s.cfg.Register.MoveGivenUp(ctx, l)
	}
	return s.copy(ctx, l)
}

// beginMove makes the new week's key. A crash leaves a key to which nothing is
// sealed yet, and which dies with its week.
func (s *Server) beginMove(ctx context.Context, l *register.Letter) error {
	if _, err := s.makeKey(ctx, l.Wanted().Week()); err != nil {
		return err
	}
	s.cfg.Step("move-key", l.ID)
	if err := s.cfg.Register.MoveBegun(ctx, l); err != nil {
		return err
	}
	s.cfg.Step("move-begun", l.ID)
	return nil
}

// copy makes the new copy. A crash before its last line leaves the letter where
// it was and perhaps a copy in the new place, which is on record as begun and is
// given up by the next pass.
func (s *Server) copy(ctx context.Context, l *register.Letter) error {
	to := *l.Coming
	there, err := s.cfg.Store.Traces(ctx, to.Key(l.ID))
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if len(there) > 0 {
		return s.cfg.Register.MoveGivenUp(ctx, l)
	}
	spool, err := newSpool(s.cfg.Spool)
	if err != nil {
		return err
	}
	defer spool.remove()
	plain, err := s.sealAnew(ctx, l, &to, spool.File)
	if err != nil {
		return s.laterMove(ctx, l, err)
	}
	sum, err := hex.DecodeString(to.SHA256)
	if err != nil {
		return err
	}
	s.cfg.Step("move-sealed", l.ID)
	to.Version, err = s.cfg.Store.Put(ctx, to.Key(l.ID), spool, to.Size, [sha256.Size]byte(sum), deposit.CreateOnly)
	if err != nil {
		// It may be there all the same: the next pass looks.
		return s.later(ctx, l, register.StoreDown, err)
	}
	s.cfg.Step("move-put", l.ID)
	if again, err := s.fingerprint(ctx, l.ID, to); err != nil || !bytes.Equal(again, plain) {
		return s.later(ctx, l, register.StoreDown, errors.Join(err, errors.New("the copy that was just put is not the letter")))
	}
	err = s.cfg.Register.Moved(ctx, l, to)
	if errors.Is(err, register.ErrMoved) {
		// Somebody was first, or decided otherwise: what was put must not be forgotten.
		return errors.Join(s.cfg.Register.MayHaveLeft(ctx, l.ID, to), err)
	}
	if err != nil {
		return err
	}
	s.cfg.Step("moved", l.ID)
	return nil
}

// sealAnew seals the letter to the new week's key and fills in what the copy
// is. It returns a hash of the plaintext, which stays in memory.
func (s *Server) sealAnew(ctx context.Context, l *register.Letter, to *register.Lodging, spool io.Writer) (plain []byte, err error) {
	recipient, err := s.recipient(ctx, to.Week())
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	err = s.openTo(ctx, l.ID, l.Lies, func(r io.Reader) error {
		size, sum, err := seal.Seal(spool, io.TeeReader(r, hash), recipient)
		to.Size, to.SHA256 = size, hex.EncodeToString(sum[:])
		return err
	})
	return hash.Sum(nil), err
}

func (s *Server) recipient(ctx context.Context, week letter.Week) (age.Recipient, error) {
	key, err := s.makeKey(ctx, week)
	if err != nil {
		return nil, err
	}
	return age.ParseHybridRecipient(key)
}

// fingerprint is a hash of a copy's plaintext. It is compared in memory and
// never kept.
func (s *Server) fingerprint(ctx context.Context, id letter.ID, at register.Lodging) ([]byte, error) {
	hash := sha256.New()
	err := s.openTo(ctx, id, at, func(r io.Reader) error {
		_, err := io.Copy(hash, r)
		return err
	})
	return hash.Sum(nil), err
}

// laterMove tells a letter that cannot be read from a storage that cannot be reached.
func (s *Server) laterMove(ctx context.Context, l *register.Letter, err error) error {
	why := register.StoreDown
	if errors.Is(err, deposit.ErrNotFound) || errors.Is(err, errOtherHash) || errors.Is(err, errUnseal) || errors.Is(err, keyring.ErrNoKey) {
		why = register.CannotMove
		s.cfg.Log.Error("a letter must be moved and cannot be read where it lies; it stays there", "error", err)
	}
	return s.later(ctx, l, why, err)
}

// leave empties the first place that the letter has left: list, look whether
// the register still says so, remove what was found, list again and ask for it by
// its name, demand nothing. A crash leaves the place on record as one to be emptied.
func (s *Server) leave(ctx context.Context, l *register.Letter) error {
	// A listing of the wrong bucket proves nothing, and in an older one this may be
	// the only copy; nor does a register from a backup know what was decided since.
	if may, err := s.mayDestroy(ctx, s.doubt); err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	} else if !may {
		return s.later(ctx, l, register.StoreDown, nil)
	}
	key := l.Leaving[0].Key(l.ID)
	traces, err := s.remainsAt(ctx, key, l.Leaving[0].Version)
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	// Asked after the listing: a letter that came back here meanwhile is not in it.
	if err := s.cfg.Register.Unmoved(ctx, *l); err != nil {
		return err
	}
	s.cfg.Step("move-leaving", l.ID)
	if err := s.removeAll(ctx, s.cfg.Store, key, traces); err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	s.cfg.Step("move-left", l.ID)
	left, err := s.remainsAt(ctx, key, l.Leaving[0].Version)
	if err != nil {
		return s.later(ctx, l, register.StoreDown, err)
	}
	if len(left) > 0 {
		s.cfg.Log.Error("the storage still shows a copy that was removed; it is removed again", "traces", len(left))
		return s.later(ctx, l, register.StillShown, nil)
	}
	if err := s.cfg.Register.OldCopyRemoved(ctx, l, count(traces), s.cfg.Now()); err != nil {
		return err
	}
	s.cfg.Step("move-done", l.ID)
	return nil
}

// remainsAt is what a listing shows under the key, and the version that is known
// to have lain there, if it can still be read: see remains.
func (s *Server) remainsAt(ctx context.Context, key, version string) ([]archive.Trace, error) {
	traces, err := s.cfg.Store.Traces(ctx, key)
	known := archive.Trace{Kind: archive.Version, ID: version}
	if err != nil || version == "" || slices.Contains(traces, known) {
		return traces, err
	}
	readable, err := s.readable(ctx, key, version)
	if readable {
		traces = append(traces, known)
	}
	return traces, err
}

// spool is a sealed letter on its way, in a file without a name where the
// system allows that: a crash leaves nothing, or ciphertext.
type spool struct{ *os.File }

func newSpool(dir string) (spool, error) {
	f, err := os.CreateTemp(dir, "moving-*") // mode 0600
	if err != nil {
		return spool{}, fmt.Errorf("making room for a sealed letter: %w", err)
	}
	_ = os.Remove(f.Name()) // where that is refused, remove does it
	return spool{f}, nil
}

func (s spool) remove() {
	_ = s.Close()
	_ = os.Remove(s.Name())
}
