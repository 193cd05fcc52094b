package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// Store is the bucket as far as an edge may use it; see package deposit for
// what its methods promise and the errors they return. They are called one at a
// time, by any goroutine, and may take as long as they like; see calls.go.
type Store interface {
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sha256 [32]byte, mode deposit.Mode) (version string, err error)
	Get(ctx context.Context, key string) ([]byte, error)
	Clock(ctx context.Context) (time.Time, error)
}

// errWaits says that a letter waits for something that has been told already
// and that is not this letter's fault.
var errWaits = errors.New("waits")

// The store is left alone after it has failed: for a second at first, then
// twice as long each time, at most a minute.
const (
	firstRest   = time.Second
	longestRest = time.Minute
)

// reach is what the edge knows of its way to the store.
type reach struct {
	rest  time.Duration // after the last failure; 0 while it answers
	until time.Time     // when to try again
}

// reachable reports whether the store may be asked now.
func (e *Edge) reachable() bool { return !e.Now().Before(e.reach.until) }

// heard takes in what the store answered. An outage is told once, and its end.
func (e *Edge) heard(err error) error {
	if errors.Is(err, context.Canceled) || e.foundNoRoom(err) {
		return err
	}
	if !errors.Is(err, deposit.ErrUnavailable) {
		e.reach = reach{}
		e.tell("store", "")
		return err
	}
	e.reach.rest = min(max(2*e.reach.rest, firstRest), longestRest)
	e.reach.until = e.Now().Add(e.reach.rest)
	e.tell("store", "The store cannot be reached. Scans are still taken and wait here until it is back; nothing is lost.")
	return errWaits
}

// put stores something for a letter.
func (e *Edge) put(ctx context.Context, by letter.ID, key string, body func() (io.ReadSeekCloser, error), size int64, sum [32]byte, mode deposit.Mode) error {
	_, err := e.ask(ctx, question{
		what: fmt.Sprintf("put %s %x %d", key, sum, mode), by: by, body: body,
		do: func(ctx context.Context, body io.ReadSeeker) (r reply) {
			_, r.err = e.Store.Put(ctx, key, body, size, sum, mode)
			return r
		},
	})
	return err
}

// store puts the sealed letter. What lies at its key already is mostly the letter itself,
// of which the answer was lost, and is left alone. It may be something else, put there by
// whoever holds another scanner's credentials, and this edge cannot see what it is: it
// may read no letter. The letter is then put over it, and the bucket keeps both for now.
// That is done where nobody can have heard of the letter yet; and, within mayCover, each
// day where it has waited for its receipt for one, and none is there: the server gives none for other
// bytes, and the bucket may have ended the letter beneath them. A version more of the same
// letter does no harm: the server keeps the one that it has verified. A crash in the middle
// leaves one.
func (e *Edge) store(ctx context.Context, j *job) error {
	m, mode := *j.manifest, deposit.CreateOnly
	if j.lies && !j.over {
		if !j.unheard {
			receipt, err := e.receipt(ctx, m.Site, m.ID, m.SHA256)
			if receipt != nil || errors.Is(err, errWaits) {
				j.lies = receipt == nil
				return err
			}
		}
		e.Log.Info("Something lies at a letter's place in the store already. The letter is put over it.", "letter", m.ID)
		j.over = true
	}
	if j.over {
		mode = deposit.Replace
	}
	var sum [sha256.Size]byte
	if _, err := hex.Decode(sum[:], []byte(m.SHA256)); err != nil {
		return fmt.Errorf("reading a manifest: %w", err)
	}
	err := e.put(ctx, m.ID, m.ObjectKey(), func() (io.ReadSeekCloser, error) {
		sealed, err := e.folder.Disk().OpenFile(spooled(m.ID, sealedExt), os.O_RDONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("opening a sealed letter: %w", err)
		}
		if file, own := sealed.(*os.File); own && j.readBack {
			return deposit.ReadBack{File: file, Sum: sum}, nil
		}
		return sealed, nil
	}, m.Size, sum, mode)
	switch {
	case err == nil:
		j.lies, j.over = false, false
	case errors.Is(err, deposit.ErrExists) && !j.lies && (j.unheard || e.mayCover(j)):
		j.lies = true
		return e.store(ctx, j)
	case errors.Is(err, deposit.ErrExists):
		return nil
	}
	return err
}

// mayCover reports whether a letter that this edge has announced may be put over what lies
// at its place: a day after it was claimed, and no later than a receipt that was ever
// written would still lie there. Each put begins the storage's months anew, and what has
// waited longer is for a person.
func (e *Edge) mayCover(j *job) bool {
	waited := e.Now().Sub(j.claim.Received)
	return !j.claim.Received.IsZero() && waited > 24*time.Hour && waited < letter.BriefDays*24*time.Hour
}

// readBack reads a sealed letter as it lies in its file.
func readBack(file disk.File, size int64, sum [sha256.Size]byte) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, size)); err != nil {
		return disk.Plain("reading a sealed letter back", err)
	}
	if [sha256.Size]byte(hash.Sum(nil)) != sum {
		return errors.New("reading a sealed letter back: the disk has other bytes than were written")
	}
	return nil
}

// inMemory is a body that is no file.
func inMemory(data []byte) func() (io.ReadSeekCloser, error) {
	return func() (io.ReadSeekCloser, error) {
		return struct {
			io.ReadSeeker
			io.Closer
		}{bytes.NewReader(data), io.NopCloser(nil)}, nil
	}
}

// get returns nil if there is no such object. An S3 server says "refused" of a
// missing object to an edge, which may not list.
func (e *Edge) get(ctx context.Context, by letter.ID, key string) ([]byte, error) {
	answer, err := e.ask(ctx, question{
		what: "get " + key, by: by,
		do: func(ctx context.Context, _ io.ReadSeeker) (r reply) {
			r.data, r.err = e.Store.Get(ctx, key)
			return r
		},
	})
	switch {
	case errors.Is(err, deposit.ErrNotFound) || errors.Is(err, deposit.ErrRefused):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return answer.data, nil
}

// receipt is the server's word on a letter, or nil while there is none that
// can be believed.
func (e *Edge) receipt(ctx context.Context, site string, id letter.ID, sha256 string) (*letter.Receipt, error) {
	msg, err := e.get(ctx, id, letter.ReceiptKey(site, id))
	if err != nil || msg == nil {
		return nil, err
	}
	r, is, err := fromServer(e, msg, letter.OpenReceipt)
	if !is {
		return nil, err
	}
	if r.ID != id || r.SHA256 != sha256 {
		return nil, errors.New("the receipt is for another letter, or for other bytes than were sealed")
	}
	return &r, nil
}
