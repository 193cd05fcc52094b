package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Unvouched is something wrong that may be right: the register's signing key was
// lost, so that nobody has signed with it which one takes over.
type Unvouched struct {
	*Wrong
	Change KeyChange // the first one that the key which is held does not vouch for
}

// Unwrap makes it a *Wrong for whoever does not ask further.
func (u *Unvouched) Unwrap() error { return u.Wrong }

// Unvouched is the first change that does not follow from the key that is held;
// nil where all do.
func (k Keys) Unvouched() *Unvouched {
	for _, c := range k.changes[min(k.held, len(k.changes)):] {
		if c.Lost {
			return &Unvouched{&Wrong{0, fmt.Sprintf("entry %d says that the register's signing key was lost, and that another signs from there on. The key given has not said so: anybody could have written what follows. Ask who keeps the register for its new public key, by hand, and verify with that; what was exported or witnessed before then shows whether anything before entry %d was changed", c.Entry, c.Entry)}, c}
		}
	}
	return nil
}

// acrossLosses are the keys for somebody who believes what these changes say.
func (k Keys) acrossLosses() Keys {
	k.held = len(k.changes)
	return k
}

// ErrKeyNotLost says that the register's signing key is here.
var ErrKeyNotLost = errors.New("the register's signing key is here, and is not lost")

// ReplaceLostKey is ChangeKey where every copy of the old key's private half is
// lost: the new key alone signs the change, which says so. lost is a public key of
// the register, by which it is known that what is there was signed. *Wrong says that
// it was not, or that the new key has signed before.
func (r *Register) ReplaceLostKey(ctx context.Context, lost SigningKey, to note.Signer, public SigningKey) (c KeyChange, err error) {
	pub, err := note.NewVerifier(string(lost))
	if err != nil {
		return c, fmt.Errorf("reading the lost key's public half: %w", err)
	}
	return r.changeKey(ctx, to, public, func(tx *sql.Tx, signed string) (from note.Signer, living SigningKey, err error) {
		if _, err := r.signerUnder(ctx, tx, signed); err == nil {
			return nil, "", ErrKeyNotLost
		}
		changes, err := keyChanges(ctx, tx)
		if err != nil {
			return nil, "", err
		}
		keys, err := KeysFrom(pub, changes)
		if err == nil {
			_, err = keys.Open(signed)
		}
		if err != nil {
			return nil, "", err
		}
		if len(changes) > 0 {
			return nil, changes[len(changes)-1].To, nil
		}
		return nil, lost, nil
	})
}
