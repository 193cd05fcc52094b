package scanner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// The edge's own key is changed while it works. The next one is named with the one that
// it has, by a letter.Join, and the server answers once it believes the next one and the
// former no more.
//
//	made    the next key lies beside the one that signs on; the server knows nothing of it
//	asked   the server may have changed over at any moment, and the edge has not heard
//	taken   the next key is in the place of the former, and signs
//
// A crash leaves one of these, and the next start goes on: it looks for the answer before
// it signs anything. What was deposited under the former key the server admits before it
// changes over; what has no receipt by then is announced anew under the next one.

// NextKey is a key of the site's that is to take the place of Config.Signer.
type NextKey struct {
	note.Signer
	Public string       // as golang.org/x/mod/sumdb/note writes it
	Take   func() error // puts it in the former one's place, for every later start
}

// ownKey is how far a change of the edge's own key has come.
type ownKey struct {
	looked time.Time // when it was last looked for an answer
	at     time.Time // when the question was made
	msg    []byte    // that, until the store has it
	asked  time.Time // when the store took it
}

const (
	// nameAgain is when a next key is named once more of which nobody has said anything.
	nameAgain = 10 * time.Minute
	// changeOver is for how long nothing is announced because the server may be changing
	// over: it takes seconds where one is at work.
	changeOver = time.Minute
)

// changesOver reports whether the server may just now be changing from one key to the
// next: what is announced under the former might come a moment too late.
func (e *Edge) changesOver() bool {
	return !e.own.asked.IsZero() && e.Now().Sub(e.own.asked).Abs() < changeOver
}

// unheard reports whether a next key lies there of which the server has not been asked
// since this process began: it may have changed over before.
func (e *Edge) unheard() bool {
	if e.NextKey == nil || !e.own.looked.IsZero() {
		return false
	}
	next, err := e.NextKey()
	return next != nil || err != nil
}

// announcement is the signed manifest of a letter; errWaits while the server may not
// believe the key that signs here.
func (e *Edge) announcement(m letter.Manifest) ([]byte, error) {
	if e.changesOver() || e.unheard() {
		return nil, errWaits
	}
	return m.Sign(e.Signer)
}

// tendOwnKey carries a change of the edge's own key on, if there is one. It comes before
// anything is signed.
func (e *Edge) tendOwnKey(ctx context.Context) {
	if e.NextKey == nil {
		return
	}
	k, rest := &e.own, e.SlipEvery
	if e.changesOver() {
		rest = e.Rescan
	}
	next, err := e.NextKey()
	switch {
	case err == nil && next == nil:
		*k = ownKey{}
		e.tell("own-key", "")
		return
	case err == nil && !k.looked.IsZero() && e.Now().Sub(k.looked).Abs() < rest:
		return
	case err == nil:
		err = e.changeOwnKey(ctx, next)
	}
	if errors.Is(err, errWaits) || ctx.Err() != nil || e.foundNoRoom(err) {
		return // the next pass goes on here
	}
	k.looked = e.Now()
	if err != nil {
		e.tell("own-key", "This scanner's own key is not changed yet: "+err.Error()+". Nothing is lost, and it is tried again.")
		return
	}
	e.tell("own-key", "")
}

func (e *Edge) changeOwnKey(ctx context.Context, next *NextKey) error {
	k := &e.own
	if k.msg == nil {
		answer, err := e.answerToKey(ctx, next.Public)
		if err != nil {
			return err
		}
		if answer == letter.JoinedEnrolled {
			return e.takeOwnKey(next)
		}
		if !k.asked.IsZero() && e.Now().Sub(k.asked).Abs() < nameAgain {
			return e.saysOfKey(answer)
		}
		k.at = e.Now().UTC().Truncate(time.Second)
		if k.msg, err = (letter.Join{Site: e.Site, Key: next.Public, At: k.at}).Sign(e.Signer, next); err != nil {
			return err
		}
	}
	err := e.put(ctx, "", letter.JoinKey(e.Site), inMemory(k.msg), int64(len(k.msg)), sha256.Sum256(k.msg), deposit.Replace)
	if errors.Is(err, errWaits) {
		return err
	}
	k.msg = nil
	if err != nil {
		return fmt.Errorf("naming it to the server: %w", err)
	}
	k.asked = e.Now()
	e.step("key-named", "")
	return nil
}

// answerToKey is what the server has said of that key of the edge's; "" for nothing that
// can be believed, and for what it has said of an earlier question and would not again.
func (e *Edge) answerToKey(ctx context.Context, public string) (string, error) {
	msg, err := e.get(ctx, "", letter.JoinedKey(e.Site))
	if err != nil || msg == nil {
		return "", err
	}
	said, err := letter.ByAny(letter.OpenJoined, msg, e.keys.Believed(e.Server))
	if err != nil || said.Site != e.Site || said.Key != public || said.Invitation != "" {
		return "", nil // that of its enrolment
	}
	if said.Answer != letter.JoinedEnrolled && !said.At.Equal(e.own.at) {
		return "", nil
	}
	return said.Answer, nil
}

// saysOfKey is what people are told of an answer that is not yes; nil for none.
func (e *Edge) saysOfKey(answer string) error {
	switch answer {
	case "":
		return nil
	case letter.JoinedClock:
		return errors.New("the server finds that this machine's clock differs from its own; set the one that is wrong")
	case letter.JoinedRevoked:
		return fmt.Errorf("the next key was this site's before, and is never believed again; remove site.key.next, and run '%s' once more", cmp.Or(e.Rotate, "scanner key rotate"))
	}
	return fmt.Errorf("the server answers %q, which this version does not know; install the server's version here", answer)
}

// takeOwnKey has the next key sign, which the server believes. Whatever fails or crashes
// between this and the file in its place, the next start hears the same answer first.
func (e *Edge) takeOwnKey(next *NextKey) error {
	e.step("key-answered", "")
	if e.Signer.KeyHash() != next.KeyHash() {
		e.Signer = next.Signer
		e.reporting.msg, e.reporting.at = nil, time.Time{}
		e.seenSaid = time.Time{}
		for _, j := range e.jobs {
			if !j.deposited.IsZero() { // the server may have found it too late
				j.stored, j.deposited, j.due = true, time.Time{}, time.Time{}
			}
		}
		e.Log.Info("The server believes this scanner's next key, which signs from now on.")
	}
	if err := next.Take(); err != nil {
		return fmt.Errorf("the next key signs, and cannot be put in the place of the former: %w", err)
	}
	e.step("key-taken", "")
	e.own = ownKey{}
	return nil
}
