package letter

import (
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Again is the server's signed word to an edge on papers that are to be scanned
// again although the edge forgets, or has forgotten, their letters: these outlive
// the six months for which edges seal, on hold or kept for five years. It names all
// of them that came by that edge, and is said anew each day. An edge that knows
// nothing of it goes on without.
type Again struct {
	Site    string        `json:"site"` // of the edge that is told
	At      time.Time     `json:"at"`   // when it was said, UTC, whole seconds
	Letters []AgainLetter `json:"letters"`
}

// AgainLetter is one letter of an Again.
type AgainLetter struct {
	ID       ID     `json:"id"`
	Helpline string `json:"helpline"` // whose the paper is now
	Received Date   `json:"received"` // the day in the old scan's manifest
	Reason   string `json:"reason"`   // what is wrong with the old scan, in the word of its receipt
}

const kindAgain = "letterlock again v1"

// MaxAgain is how many letters one Again may name.
const MaxAgain = 500

// AgainKey is where the server leaves the site's Again. It is no place of a receipt.
func AgainKey(site string) string { return ReceiptsPrefix + site + "/again" }

// Sign writes the statement under the server's signature.
func (a Again) Sign(server note.Signer) ([]byte, error) { return Sign(kindAgain, a, server) }

// OpenAgain checks msg against the server's public key. Whose it is and how old it
// may be is the edge's business.
func OpenAgain(msg []byte, server note.Verifier) (Again, error) {
	var a Again
	if err := Open(kindAgain, msg, server, &a); err != nil {
		return Again{}, err
	}
	if !ValidName(a.Site) || !believable(a.At) || len(a.Letters) > MaxAgain {
		return Again{}, errors.New("again: site, time or number of letters is not of the agreed form")
	}
	named := map[ID]bool{}
	for _, l := range a.Letters {
		if _, err := ParseID(string(l.ID)); err != nil || named[l.ID] || !ValidName(l.Helpline) || l.Received == (Date{}) || !ValidName(l.Reason) {
			return Again{}, errors.New("again: a letter is not of the agreed form")
		}
		named[l.ID] = true
	}
	return a, nil
}
