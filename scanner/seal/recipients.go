package seal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
)

// kindRecipients is the first line of the signed list. A signature under any
// other kind of statement is worthless here.
const kindRecipients = "letterlock recipients v1"

// ErrNoKey says that the list holds no key for an expiry week: the server has
// not made it yet, or it has died. The letter waits for a newer list.
var ErrNoKey = errors.New("the recipients list has no key for this expiry week")

// Recipients is the server's signed word on the public key of every expiry
// week to which an edge may seal.
type Recipients struct {
	// Serial grows by at least one with every list. An edge never accepts a
	// list with a lower serial than it has seen, so that nobody who can write
	// to the bucket can bring back an old one.
	Serial uint64 `json:"serial"`
	// ValidUntil is the moment (UTC, whole seconds) from which the list is to
	// be obeyed no longer: a bucket that is cut off from its server must not
	// hand out keys for ever.
	ValidUntil time.Time `json:"valid_until"`
	// Keys holds one age recipient, age1pq1…, for each expiry week.
	Keys map[letter.Week]string `json:"keys"`
}

// Sign writes the list under the server's signature. A list that
// OpenRecipients would refuse is not signed.
func (r Recipients) Sign(server note.Signer) ([]byte, error) {
	if err := r.valid(); err != nil {
		return nil, err
	}
	return letter.Sign(kindRecipients, r, server)
}

// OpenRecipients checks msg against the server's public key and every field
// for its form. Whether the list is current and not older than another is for
// the edge to say, which has a clock and a memory.
func OpenRecipients(msg []byte, server note.Verifier) (Recipients, error) {
	var r Recipients
	if err := letter.Open(kindRecipients, msg, server, &r); err != nil {
		return Recipients{}, err
	}
	if err := r.valid(); err != nil {
		return Recipients{}, err
	}
	return r, nil
}

// Begins is the earliest expiry week of which the list has a key. A server whose list
// begins later than some week has no key of that week any more, and makes none.
func (r Recipients) Begins() letter.Week { return slices.Min(slices.Collect(maps.Keys(r.Keys))) }

// For returns the recipient of an expiry week, or ErrNoKey.
func (r Recipients) For(week letter.Week) (age.Recipient, error) {
	key, ok := r.Keys[week]
	if !ok {
		return nil, ErrNoKey
	}
	to, err := age.ParseHybridRecipient(key)
	if err != nil {
		return nil, fmt.Errorf("recipients list: a key is not of the agreed form")
	}
	return to, nil
}

func (r Recipients) valid() error {
	switch {
	case r.Serial == 0:
		return errors.New("recipients list: the serial is missing")
	case r.ValidUntil.Nanosecond() != 0 || r.ValidUntil.Location() != time.UTC:
		return errors.New("recipients list: the end of validity is not in whole seconds of UTC")
	case r.ValidUntil.Year() < 2000 || r.ValidUntil.Year() > 9000:
		return errors.New("recipients list: the end of validity is out of all reason")
	case len(r.Keys) == 0:
		return errors.New("recipients list: no keys")
	}
	for week := range r.Keys {
		if _, err := letter.ParseWeek(string(week)); err != nil {
			return fmt.Errorf("recipients list: %w", err)
		}
		if _, err := r.For(week); err != nil {
			return err
		}
	}
	return nil
}
