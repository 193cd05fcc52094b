package letter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const kindServerKey = "letterlock server key v1"

// ServerKeysKey is where the server says which keys have taken over from the one with
// which it signed at first. A scanner from before keys could be changed does not look
// there.
const ServerKeysKey = "keys/server"

// KeyStep is the signed word that one of the server's keys takes over from another. Both
// have signed it: the one that it ends, so that whoever believes that one may believe the
// next, and the next, so that nobody is named who does not have the private half.
//
// It is said first while the old key goes on signing, until every scanner knows the new
// one; and once more, with Since, when the new one has taken over.
type KeyStep struct {
	N     int       `json:"n"`              // 1 for the first change of this server's key, and so on
	From  string    `json:"from"`           // public halves, as golang.org/x/mod/sumdb/note writes them
	To    string    `json:"to"`             //
	Named time.Time `json:"named"`          // when From named To; this and the next two in UTC, whole seconds
	Until time.Time `json:"until"`          // from then on a scanner that does not know To does not learn it
	Since time.Time `json:"since,omitzero"` // from when on nothing is believed that From signs; zero while it signs
}

// Sign writes the step under both signatures.
func (s KeyStep) Sign(from, to note.Signer) ([]byte, error) {
	if err := s.valid(); err != nil {
		return nil, err
	}
	msg, err := signAll(kindServerKey, s, from, to)
	if err != nil {
		return nil, err
	}
	_, err = openKeyStep(msg) // of other keys than it names it would be worth nothing
	return msg, err
}

func (s KeyStep) valid() error {
	if s.N < 1 || s.From == s.To || !believable(s.Named) || !believable(s.Until) || !s.Until.After(s.Named) ||
		!s.Since.IsZero() && (!believable(s.Since) || s.Since.Before(s.Named)) {
		return errors.New("server's key: number or times are not of the agreed form")
	}
	return nil
}

// openKeyStep checks a step against the keys that it names itself.
func openKeyStep(msg []byte) (s KeyStep, err error) {
	n, err := note.Open(msg, note.VerifierList())
	unverified, is := errors.AsType[*note.UnverifiedNoteError](err)
	if n != nil || !is || len(unverified.Note.UnverifiedSigs) != 2 {
		return s, errors.New("server's key: it is not signed by two keys")
	}
	text, is := bytes.CutPrefix([]byte(unverified.Note.Text), []byte(kindServerKey+"\n"))
	if !is || json.Unmarshal(text, &s) != nil {
		return s, errors.New("server's key: signed, but something else")
	}
	said := s
	for _, key := range []string{said.From, said.To} {
		pub, err := note.NewVerifier(key)
		if err != nil {
			return s, errors.New("server's key: what it names is no key")
		}
		if err := Open(kindServerKey, msg, pub, &s); err != nil {
			return s, err
		}
	}
	return s, s.valid()
}

// mostKeySteps bounds what a reader keeps in memory: one a month for 80 years.
const mostKeySteps = 1000

// ServerKeys are the keys with which a server has signed, one after the other, as far as
// whoever holds one of them knows. The zero value knows of no change.
type ServerKeys struct {
	steps  []KeyStep
	signed []string
}

// Why a scanner does not follow what is said of the server's keys.
var (
	ErrKeysStranger = errors.New("what is said of the server's keys does not begin with the key with which this scanner was enrolled")
	ErrKeysOlder    = errors.New("what is said of the server's keys is older than what was said before")
	ErrKeysFork     = errors.New("the server's key has named two keys to follow it: somebody else has it")
	ErrKeysOver     = errors.New("the time is over in which the server's new key could be learnt from the one before it")
)

// ReadServerKeys reads what AppendStep has written, and checks that each step is signed
// by both of its keys and goes on where the one before it ends. nil is no step.
func ReadServerKeys(msg []byte) (k ServerKeys, err error) {
	if len(msg) == 0 {
		return k, nil
	}
	if len(msg) > maxStatement || json.Unmarshal(msg, &k.signed) != nil || len(k.signed) > mostKeySteps {
		return ServerKeys{}, errors.New("server's keys: not of the agreed form")
	}
	seen := map[string]bool{}
	for i, signed := range k.signed {
		s, err := openKeyStep([]byte(signed))
		if err != nil {
			return ServerKeys{}, err
		}
		if i > 0 {
			before := k.steps[i-1]
			if before.Since.IsZero() || s.From != before.To || s.Named.Before(before.Since) {
				return ServerKeys{}, errors.New("server's keys: one does not go on where the one before it ends")
			}
		}
		seen[s.From] = true
		if s.N != i+1 || seen[s.To] {
			return ServerKeys{}, errors.New("server's keys: one comes twice, or in another's turn")
		}
		k.steps = append(k.steps, s)
	}
	return k, nil
}

// Last is the latest step; false where there is none.
func (k ServerKeys) Last() (s KeyStep, ok bool) {
	if len(k.steps) == 0 {
		return s, false
	}
	return k.steps[len(k.steps)-1], true
}

// Text is what ReadServerKeys reads.
func (k ServerKeys) Text() ([]byte, error) {
	if k.signed == nil {
		return []byte("[]"), nil
	}
	return json.Marshal(k.signed)
}

// With is the keys and a further signed step, or the latest step said anew.
func (k ServerKeys) With(signed []byte) (ServerKeys, error) {
	s, err := openKeyStep(signed)
	if err != nil {
		return ServerKeys{}, err
	}
	if s.N < 1 || s.N > len(k.signed)+1 || s.N < len(k.signed) {
		return ServerKeys{}, errors.New("server's keys: one comes in another's turn")
	}
	text, err := json.Marshal(append(slices.Clone(k.signed[:s.N-1]), string(signed)))
	if err != nil {
		return ServerKeys{}, fmt.Errorf("writing server's keys: %w", err)
	}
	return ReadServerKeys(text)
}

// Signing is the public key that signs by these keys; first where none has taken over.
func (k ServerKeys) Signing(first string) string {
	s, ok := k.Last()
	switch {
	case !ok:
		return first
	case s.Since.IsZero():
		return s.From
	}
	return s.To
}

// place is where the key stands among the keys: 0 for the one that signed first, -1 for
// none of them. It goes by what the key has signed: another could be found that has the
// same name and hash.
func (k ServerKeys) place(pub note.Verifier) int {
	for i, s := range k.steps {
		if n, err := note.Open([]byte(k.signed[i]), note.VerifierList(pub)); err != nil || len(n.Sigs) != 1 {
			continue
		}
		if from, err := note.NewVerifier(s.From); err == nil && from.Name() == pub.Name() && from.KeyHash() == pub.KeyHash() {
			return i
		}
		return i + 1
	}
	return -1
}

// Holds reports whether the key is one of them.
func (k ServerKeys) Holds(pub note.Verifier) bool { return k.place(pub) >= 0 }

// Believed are the keys of which one must have signed what is believed now, the one that
// signs now first: of whoever was enrolled with that key, which is one of them or has no
// other after it.
func (k ServerKeys) Believed(enrolled note.Verifier) []note.Verifier {
	s, ok := k.Last()
	if !ok || !k.Holds(enrolled) {
		return []note.Verifier{enrolled}
	}
	if s.Since.IsZero() {
		return verifiers(s.From, s.To)
	}
	return verifiers(s.To)
}

// Ended are the keys that signed once and are believed no longer.
func (k ServerKeys) Ended() (out []note.Verifier) {
	for _, s := range k.steps {
		if !s.Since.IsZero() {
			out = append(out, verifiers(s.From)...)
		}
	}
	return out
}

// All are the keys in their order, from the first; none where none was ever changed.
func (k ServerKeys) All() []note.Verifier {
	out := []note.Verifier{}
	for i, s := range k.steps {
		if i == 0 {
			out = append(out, verifiers(s.From)...)
		}
		out = append(out, verifiers(s.To)...)
	}
	return out
}

// verifiers are the keys, whose form was checked when their steps were read.
func verifiers(keys ...string) (out []note.Verifier) {
	for _, key := range keys {
		if pub, err := note.NewVerifier(key); err == nil {
			out = append(out, pub)
		}
	}
	return out
}

// clockTolerance is how far the server's clock may be ahead of a scanner's.
const clockTolerance = 5 * time.Minute

// Follow is what a scanner believes of the server's keys that was enrolled with that key
// and knows these, once msg is said; or it says, by one of the errors above, why it goes
// on believing what it did. Who has stolen a key can name a key of theirs only to a
// scanner that has not heard of the true one yet.
func (k ServerKeys) Follow(enrolled note.Verifier, msg []byte, now time.Time) (ServerKeys, error) {
	next, err := ReadServerKeys(msg)
	if err != nil {
		return k, err
	}
	if len(next.steps) < len(k.steps) {
		return k, ErrKeysOlder
	}
	if len(next.steps) == 0 {
		return k, nil
	}
	own := next.place(enrolled)
	if own < 0 {
		return k, ErrKeysStranger
	}
	for i, s := range next.steps {
		switch {
		case i < len(k.steps):
			if err := s.follows(k.steps[i]); err != nil {
				return k, err
			}
		case i >= own && !now.Before(s.Until):
			return k, ErrKeysOver
		}
		if s.Named.After(now.Add(clockTolerance)) || s.Since.After(now.Add(clockTolerance)) {
			return k, errors.New("server's keys: they are of a time that has not come, by this machine's clock")
		}
	}
	return next, nil
}

// follows says what stands against a step in the place of one that is known.
func (s KeyStep) follows(known KeyStep) error {
	switch {
	case s.From != known.From || s.To != known.To:
		return ErrKeysFork
	case s.Named != known.Named || !known.Since.IsZero() && s.Since != known.Since || s.Since.IsZero() && s.Until.Before(known.Until):
		return ErrKeysOlder
	}
	return nil
}

// ByAny opens a statement with the first of the keys that has signed it.
func ByAny[T any](open func(msg []byte, pub note.Verifier) (T, error), msg []byte, keys []note.Verifier) (said T, err error) {
	err = errors.New("there is no key to believe")
	for _, pub := range keys {
		if said, err = open(msg, pub); err == nil {
			return said, nil
		}
	}
	return said, err
}
