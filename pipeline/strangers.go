package pipeline

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// BucketStrangers says why a bucket that is in doubt should not be adopted: what
// another installation has left in it, and which of this one's letters are not
// in it. It reads the whole list of letters, and returns nil if there is nothing
// to say.
func (s *Server) BucketStrangers(ctx context.Context) (found []string, err error) {
	ours, whose, err := s.signedHere(ctx)
	if err != nil {
		return nil, err
	}
	if whose != "" {
		found = append(found, whose)
	}
	there := map[string]bool{}
	strange := 0
	for key, err := range s.cfg.Store.List(ctx, letter.LettersPrefix) {
		if deposit.IsNoBucket(err) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("listing the bucket's letters: %w", err)
		}
		there[key] = true
		// A register that was restored from a backup does not know the newest.
		if ours {
			continue
		}
		known, err := s.knows(ctx, key)
		if err != nil {
			return nil, err
		}
		if !known {
			strange++
		}
	}
	if strange > 0 {
		found = append(found, words.Are(strange, "letter")+" in it of which this register has never heard")
	}
	missing := 0
	err = s.cfg.Register.EachLetter(ctx, func(l register.Letter) error {
		if l.ObjectVersion != "" && l.State != register.Expiring && !there[l.ObjectKey()] {
			missing++
		}
		return nil
	})
	if missing > 0 {
		found = append(found, words.Are(missing, "living letter")+" not in it that this register knows")
	}
	return found, err
}

// signedHere reports whether the bucket's recipients list is this server's, and
// if it is somebody else's, whose.
func (s *Server) signedHere(ctx context.Context) (ours bool, whose string, err error) {
	msg, err := s.readSmall(ctx, letter.RecipientsKey)
	if errors.Is(err, deposit.ErrNotFound) || deposit.IsNoBucket(err) {
		return false, "", nil
	}
	if err != nil {
		return false, "", fmt.Errorf("reading the bucket's recipients list: %w", err)
	}
	if _, err := s.ownList(ctx, msg); err == nil {
		return true, "", nil
	}
	_, err = note.Open(msg, note.VerifierList())
	var unknown *note.UnverifiedNoteError
	if errors.As(err, &unknown) && len(unknown.Note.UnverifiedSigs) > 0 {
		by := unknown.Note.UnverifiedSigs[0]
		if s.cfg.Verifier == nil {
			return false, "", ErrNoServerKey
		}
		return false, fmt.Sprintf("its recipients list is signed with the key %s+%08x, and this server's is %s+%08x",
			by.Name, by.Hash, s.cfg.Verifier.Name(), s.cfg.Verifier.KeyHash()), nil
	}
	return false, "its recipients list is signed by nobody", nil
}

// knows reports whether the register has ever heard of the letter at that key.
func (s *Server) knows(ctx context.Context, key string) (bool, error) {
	id, err := letterAt(key)
	if err != nil {
		return false, nil
	}
	entries, err := s.cfg.Register.Entries(ctx, -1, "", id, 1)
	return len(entries) > 0, err
}
