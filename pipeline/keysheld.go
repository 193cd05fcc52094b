package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// What the keyring holds of the keys that are on record.

// errEmptyKeyring keeps keys on record that could not be destroyed.
var errEmptyKeyring = errors.New("the keyring holds no key, though keys live on record: is its folder mounted? Until they are there no key is made, and none counts as destroyed")

// emptyKeyring reports whether the keyring holds none of the keys that live on record, nor
// any other. In a folder that is not mounted there is nothing to destroy, and the keys are
// whole where it lies.
func (s *Server) emptyKeyring(ctx context.Context) (bool, error) {
	there, err := s.cfg.Keyring.Weeks()
	if err != nil || len(there) > 0 {
		return false, err
	}
	living, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	return len(living) > 0, err
}

// holdsKey reports whether letters of that week can be opened: the private key
// is in the keyring, and not dead or dying on record. A keyring that was
// restored from a backup never brings a dead key back to use.
func (s *Server) holdsKey(ctx context.Context, w letter.Week) (bool, error) {
	state, err := s.cfg.Register.KeyState(ctx, w)
	if err != nil || state == register.KeyDead || state == register.KeyDying {
		return false, err
	}
	return s.cfg.Keyring.Has(w), nil
}

// useKey is holdsKey as an error.
func (s *Server) useKey(ctx context.Context, w letter.Week) error {
	holds, err := s.holdsKey(ctx, w)
	if err == nil && !holds {
		err = keyring.ErrNoKey
	}
	return err
}

// errKeyMissing is a letter's trouble that is the keyring's: its folder is not
// mounted, or is another than that of the other servers.
var errKeyMissing = errors.New("the week's key lives on record and is not in this server's keyring")

// notUnsealed is errUnseal with its cause, and errKeyMissing beside it where the
// letter cannot help it.
func (s *Server) notUnsealed(ctx context.Context, w letter.Week, cause error) error {
	living, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(living, func(k register.WeekKey) bool { return k.Week == w }); at >= 0 {
		lacks, err := s.lacks(living[at])
		if err != nil {
			return err
		}
		if lacks {
			return fmt.Errorf("%w: %w: %w", errUnseal, errKeyMissing, cause)
		}
	}
	return fmt.Errorf("%w: %w", errUnseal, cause)
}

// lacks reports whether the keyring lacks a key of that week, or holds another one
// than is on record.
func (s *Server) lacks(k register.WeekKey) (bool, error) {
	return s.cfg.Keyring.Lacks(k.Week, k.Recipient)
}

// lackingKeys counts the keys that live on record and that the keyring lacks.
func (s *Server) lackingKeys(ctx context.Context) (n int, err error) {
	living, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	for _, k := range living {
		lacks, failed := s.lacks(k)
		if failed != nil {
			return 0, failed
		}
		if lacks {
			n++
		}
	}
	return n, err
}
