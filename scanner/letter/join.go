package letter

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// The kinds of statement of an enrolment.
const (
	kindJoin   = "letterlock join v1"
	kindJoined = "letterlock joined v1"
)

// Join is the word of a scanner that was invited: which key signs its manifests
// from now on. It is signed with the invitation's key, which was made for this one
// purpose, and with its own, whose private half has never left it. A scanner that
// changes its own key says the same, signed with the key so far in the place of the
// invitation's.
type Join struct {
	Site string    `json:"site"` // for which it was invited
	Key  string    `json:"key"`  // its public key, as golang.org/x/mod/sumdb/note writes it
	At   time.Time `json:"at"`   // by its own clock, UTC, whole seconds
}

// Sign writes the statement under both signatures. by is the invitation, or the
// scanner's key so far.
func (j Join) Sign(by, own note.Signer) ([]byte, error) {
	if own.Name() != j.Site {
		return nil, errors.New("signing join: the key belongs to another site")
	}
	return signAll(kindJoin, j, by, own)
}

// OpenJoin checks msg against the public key of the invitation, or against that of the
// scanner so far, and against the one that it names itself.
func OpenJoin(msg []byte, by note.Verifier) (Join, error) {
	var j Join
	if err := Open(kindJoin, msg, by, &j); err != nil {
		return Join{}, err
	}
	own, err := note.NewVerifier(j.Key)
	if err != nil || own.Name() != j.Site || !ValidName(j.Site) || !believable(j.At) {
		return Join{}, errors.New("join: site, key or time is not of the agreed form")
	}
	if err := Open(kindJoin, msg, own, &Join{}); err != nil {
		return Join{}, err // whoever asks must have the key
	}
	return j, nil
}

// What the server answers to a Join.
const (
	JoinedEnrolled = "enrolled" // what it signs is believed from now on
	JoinedUsed     = "used"     // another machine has enrolled with this invitation
	JoinedExpired  = "expired"  // the invitation's time is over, or a newer one has taken its place
	JoinedClock    = "clock"    // the scanner's clock is too far from the server's
	JoinedRevoked  = "revoked"  // the key is one that was revoked or replaced
)

// Joined is the server's signed answer to a Join.
type Joined struct {
	Site       string    `json:"site"`
	Invitation string    `json:"invitation"` // its public key; empty for a scanner that changes its own key
	Key        string    `json:"key"`        // the scanner's, as in its Join
	At         time.Time `json:"at"`         // of its Join
	Answer     string    `json:"answer"`     // one of the Joined words
}

// Sign writes the answer under the server's signature.
func (j Joined) Sign(server note.Signer) ([]byte, error) { return Sign(kindJoined, j, server) }

// OpenJoined checks msg against the server's public key.
func OpenJoined(msg []byte, server note.Verifier) (Joined, error) {
	var j Joined
	if err := Open(kindJoined, msg, server, &j); err != nil {
		return Joined{}, err
	}
	if !ValidName(j.Site) || !ValidName(j.Answer) {
		return Joined{}, errors.New("joined: site or answer is not of the agreed form")
	}
	return j, nil
}

const joinName = "join"

// JoinKey is where a scanner that was invited asks to be enrolled, and where it names a
// key of its own that is to follow. It is no place of a manifest. A server that does not
// know of the latter leaves it alone.
func JoinKey(site string) string { return IncomingPrefix + site + "/" + joinName }

// SplitJoin reads a key that JoinKey makes.
func SplitJoin(key string) (site string, ok bool) { return splitSite(key, joinName) }

// JoinedKey is where the server answers it. It is no place of a receipt.
func JoinedKey(site string) string { return ReceiptsPrefix + site + "/" + joinName }

// SignerOf reads a private key as golang.org/x/mod/sumdb/note writes it, from a file's
// text: the public half may stand on the line after it, for people.
func SignerOf(text string) (note.Signer, error) {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	signer, err := note.NewSigner(strings.TrimSpace(first))
	if err != nil {
		return nil, fmt.Errorf("reading a signing key: it is none")
	}
	return signer, nil
}
