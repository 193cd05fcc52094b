package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// maxLetter bounds an opened letter in bytes: it is held in memory, and only
// there.
const maxLetter = 1 << 30

// maxSealed is the largest sealed letter that opens to no more: age adds a header
// and 16 bytes for each 64 KiB.
const maxSealed = maxLetter + maxLetter/4096 + 1<<16

// readBack finds the version of the letter's object that has the manifest's
// hash and opens it. A stolen edge may have put further versions; they are
// passed over, also such as cannot be read. err is the storage's trouble, or errKeyMissing; trouble is the
// letter's own. Whoever is handed plain closes it.
func (s *Server) readBack(ctx context.Context, l *register.Letter) (version string, plain *opened, trouble register.Trouble, err error) {
	traces, err := s.cfg.Store.Traces(ctx, l.ObjectKey())
	if err != nil {
		return "", nil, "", err
	}
	var refused error
	for _, t := range traces {
		if t.Kind != archive.Version {
			continue
		}
		plain, err := s.openHeld(ctx, *l, t.ID)
		switch {
		case errors.Is(err, errOtherHash), errors.Is(err, deposit.ErrNotFound):
			continue
		case s.isAnObjectsOwn(ctx, l.ObjectKey(), err): // it may have been put above the true one to hide it
			s.noteOdd(l.Site, oddUnreadable)
			refused = err
			continue
		case errors.Is(err, errKeyMissing):
			return "", nil, "", err
		case errors.Is(err, errUnseal):
			return "", nil, register.CannotUnseal, nil
		case err != nil:
			return "", nil, "", err
		}
		return t.ID, plain, "", nil
	}
	if refused != nil {
		return "", nil, "", refused
	}
	return "", nil, register.ObjectMissing, nil
}

var (
	errOtherHash = errors.New("the object is not the one of the manifest")
	errUnseal    = errors.New("the week's key does not open the object")
)

// open reads one version of the letter as it was deposited or as it lies now,
// and returns its plaintext, after its hash was found to be the one on record.
func (s *Server) open(ctx context.Context, l register.Letter, version string) ([]byte, error) {
	at := l.Lies
	at.Version = version
	var plain bytes.Buffer
	err := s.openTo(ctx, l.ID, at, func(r io.Reader) error {
		// Not before: by now the storage has shown that it holds so many bytes, and a
		// manifest may claim any number. The plaintext is a little shorter.
		plain.Grow(int(min(at.Size, maxSealed)))
		return copyLetter(&plain, r)
	})
	if err != nil {
		return nil, err
	}
	return plain.Bytes(), nil
}

// openHeld is open for a letter that nobody waits for.
func (s *Server) openHeld(ctx context.Context, l register.Letter, version string) (*opened, error) {
	plain, err := newOpened()
	if err != nil {
		return nil, err
	}
	at := l.Lies
	at.Version = version
	if err := s.openTo(ctx, l.ID, at, func(r io.Reader) error { return copyLetter(plain, r) }); err != nil {
		return nil, errors.Join(err, plain.close())
	}
	return plain, nil
}

// copyLetter copies a letter's plaintext, if it is no longer than any letter may be.
func copyLetter(to io.Writer, plain io.Reader) error {
	n, err := io.Copy(to, io.LimitReader(plain, maxLetter+1))
	if err == nil && n > maxLetter {
		err = fmt.Errorf("%w: longer than any letter may be", errUnseal)
	}
	return err
}

// openTo reads a sealed copy and hands its plaintext to use. What use has made
// of it counts only if openTo returns nil: whether the copy is the one on record
// is known at its end.
func (s *Server) openTo(ctx context.Context, id letter.ID, at register.Lodging, use func(plain io.Reader) error) error {
	body, size, err := s.cfg.Store.Read(ctx, at.Key(id), at.Version)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	if size != at.Size {
		return errOtherHash
	}
	hash := sha256.New()
	sealed := io.TeeReader(body, hash)
	if err := s.useKey(ctx, at.Week()); errors.Is(err, keyring.ErrNoKey) {
		return s.notUnsealed(ctx, at.Week(), err)
	} else if err != nil {
		return err
	}
	plain, unseal := s.cfg.Keyring.Unseal(at.Week(), sealed)
	if errors.Is(unseal, keyring.ErrNoKey) {
		return s.notUnsealed(ctx, at.Week(), unseal)
	}
	var used error
	if unseal == nil {
		watched := &plaintext{Reader: plain}
		used = use(watched)
		unseal = watched.failed
	}
	// Whatever unsealing left unread belongs to the hash too, and a broken
	// connection shows here as the storage's trouble, not as the letter's.
	if _, err := io.Copy(io.Discard, sealed); err != nil {
		return deposit.Explain("reading a letter", err)
	}
	if hex.EncodeToString(hash.Sum(nil)) != at.SHA256 {
		return errOtherHash
	}
	if unseal != nil {
		return s.notUnsealed(ctx, at.Week(), unseal)
	}
	return used
}

// plaintext remembers why it could not be read, so that this is told from a
// failure of whoever reads it.
type plaintext struct {
	io.Reader
	failed error
}

func (p *plaintext) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && err != io.EOF {
		p.failed = err
	}
	return n, err
}

// forReader is the letter's plaintext, for a person whose opening is on record. A letter
// that the storage's own lifecycle has taken is portal.ErrGone, one that it should
// still hold portal.ErrLost.
func (s *Server) forReader(ctx context.Context, l register.Letter) ([]byte, error) {
	plain, err := s.open(ctx, l, l.Lies.Version)
	if errors.Is(err, deposit.ErrNotFound) {
		if again, failed := s.repin(ctx, &l); failed == nil && again {
			plain, err = s.open(ctx, l, l.Lies.Version)
		}
	}
	if l.Missing && err != nil {
		return nil, portal.ErrMissing
	}
	if s.notThere(l, err) {
		return nil, portal.ErrLost
	}
	if errors.Is(err, deposit.ErrNotFound) {
		return nil, portal.ErrGone
	}
	return plain, err
}

// readSmall is the newest version of an object that somebody has signed, or that is as
// small; deposit.ErrNotFound where there is none. Of one that is larger than any such it
// is nil, without an error: no signature is found in that, as in any other that nobody
// has signed.
func (s *Server) readSmall(ctx context.Context, key string) ([]byte, error) {
	body, size, err := s.cfg.Store.Read(ctx, key, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	const most = 1 << 20 // letter.Open refuses more
	if size > most {
		return nil, nil // no signature will be found in it
	}
	msg, err := io.ReadAll(io.LimitReader(body, most))
	return msg, deposit.Explain("reading an object", err)
}

func (s *Server) removeAll(ctx context.Context, store Bucket, key string, traces []archive.Trace) error {
	for _, t := range traces {
		if err := store.Remove(ctx, key, t); err != nil {
			return err
		}
	}
	return nil
}

func count(traces []archive.Trace) (f register.Found) {
	for _, t := range traces {
		switch t.Kind {
		case archive.Version:
			f.Versions++
		case archive.Marker:
			f.Markers++
		case archive.Upload:
			f.Uploads++
		}
	}
	return f
}
