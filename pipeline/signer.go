package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

// ErrServerKeyMissing says that another server's key signs by now, or is to, which this
// one does not have.
var ErrServerKeyMissing = errors.New("scanners are told what another key signs than this server has: put back state/server.key, or state/server.key.next, of its data folder, from the server where the key was changed, or from the newest backup")

// ErrNoServerKey says that this server has no key to sign what scanners are told.
var ErrNoServerKey = errors.New("state/server.key is missing, with which this server signs what scanners are told: without it no scanner believes it, and none is answered. Put it back, from a backup or from another server. Only if every copy of it is lost, run: letterlock key rotate-signing --lost")

// ErrKeyInDoubt says that the key in the place of this server's may be a stranger's.
var ErrKeyInDoubt = errors.New("nothing is signed for scanners: the bucket is not signed with the key in state/server.key of this server's data folder. See that [storage] names the right bucket; if it does, put the right key in its place, from a backup or from another server")

// signer signs what scanners read, once it is known that this server's key is the one by
// which they know it. The register has noted which that is, unless a version of before
// NoteServerKey has begun it: then the bucket tells, by its recipients list, and while that
// cannot be asked nothing is signed. The key may have been changed beside this process.
func (s *Server) signer(ctx context.Context) (note.Signer, error) {
	own, known, err := s.signerHere(ctx)
	if err != nil || known {
		return own, err
	}
	list, err := s.compareList(ctx)
	switch {
	case list.ours:
		s.vouched.Store(true)
	case list.strange != "":
		return nil, ErrKeyInDoubt
	case err != nil:
		return nil, fmt.Errorf("finding out whether this server's key is the right one: %w", err)
	}
	return own, nil // or nothing was ever signed
}

// signerHere is signer without the bucket; known says that it is the right key.
func (s *Server) signerHere(ctx context.Context) (own note.Signer, known bool, err error) {
	living, err := s.cfg.Register.ServerKey(ctx)
	if err != nil {
		return nil, false, err
	}
	if living != "" {
		own, err = s.signerOf(living)
		if s.cfg.Signer == nil && errors.Is(err, ErrServerKeyMissing) {
			err = ErrNoServerKey
		}
		return own, true, err
	}
	if s.cfg.Signer == nil {
		return nil, false, ErrNoServerKey
	}
	return s.cfg.Signer, s.vouched.Load(), nil
}

// signerOf is the private half of one of the server's keys, or ErrServerKeyMissing.
func (s *Server) signerOf(public string) (note.Signer, error) {
	pub, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("reading the server's public key: %w", err)
	}
	if own := s.cfg.Signer; own != nil && own.Name() == pub.Name() && own.KeyHash() == pub.KeyHash() {
		return own, nil
	}
	if s.cfg.SignerOf == nil {
		return nil, ErrServerKeyMissing
	}
	signer, err := s.cfg.SignerOf(public)
	if err != nil {
		return nil, fmt.Errorf("reading the server's new signing key: %w", err)
	}
	if signer == nil {
		return nil, ErrServerKeyMissing
	}
	return signer, nil
}

// lacksKey reports whether this server does not have the key that a step has sign from
// now on, or is to: it can tell scanners nothing then, or cannot carry the change on.
func (s *Server) lacksKey(step letter.KeyStep) (bool, error) {
	if step.To == "" {
		return false, nil
	}
	_, err := s.signerOf(step.To)
	if errors.Is(err, ErrServerKeyMissing) {
		return true, nil
	}
	return false, err
}

// ownKeys are all the keys with which this server has ever signed, by which it knows
// again what is its own in the bucket.
func (s *Server) ownKeys(ctx context.Context) ([]note.Verifier, error) {
	keys, err := s.cfg.Register.ServerKeys(ctx)
	all := keys.All()
	if s.cfg.Verifier != nil {
		all = append(all, s.cfg.Verifier)
	}
	return all, err
}
