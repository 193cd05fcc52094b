package letter

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/note"
)

// Program is the version of a program, as its build says it: v1.4.0, or a word where
// nothing was released.
type Program string

var programForm = regexp.MustCompile(`^[A-Za-z0-9().+-]{0,80}$`)

func (p Program) valid() bool { return programForm.MatchString(string(p)) }

// Skew is how far two versions are apart.
type Skew int

// Programs of one release and of the next or the one before are made to work together;
// what is further apart mostly does, and nobody has tried it.
const (
	SkewNone    Skew = iota // the same release
	SkewOne                 // one release apart
	SkewMore                // more than one
	SkewUnknown             // one of them is of no release
)

// Apart is how far the version is from another one. A release is a minor version;
// what is a patch to it, and what was built between two releases, counts as of it.
func (p Program) Apart(other Program) Skew {
	a, okA := p.release()
	b, okB := other.release()
	switch {
	case !okA || !okB: // two of no release need not be the same, though they are called so
		return SkewUnknown
	case a == b:
		return SkewNone
	case a[0] == b[0] && max(a[1]-b[1], b[1]-a[1]) == 1:
		return SkewOne
	}
	return SkewMore
}

func (p Program) release() (major [2]int, ok bool) {
	v := semver.MajorMinor(string(p))
	if v == "" {
		return major, false
	}
	first, second, _ := strings.Cut(v[1:], ".")
	a, err1 := strconv.Atoi(first)
	b, err2 := strconv.Atoi(second)
	return [2]int{a, b}, err1 == nil && err2 == nil
}

const kindAbout = "letterlock about v1"

// AboutKey is where the server says which version it is.
const AboutKey = "keys/about"

// About is the server's signed word on itself, for whoever looks at a scanner. Nothing
// depends on it.
type About struct {
	Program Program   `json:"program"`
	At      time.Time `json:"at"` // when it was said, UTC, whole seconds
}

// Sign writes the statement under the server's signature.
func (a About) Sign(server note.Signer) ([]byte, error) { return Sign(kindAbout, a, server) }

// OpenAbout checks msg against the server's public key.
func OpenAbout(msg []byte, server note.Verifier) (About, error) {
	var a About
	if err := Open(kindAbout, msg, server, &a); err != nil {
		return About{}, err
	}
	if !a.Program.valid() || !believable(a.At) {
		return About{}, errors.New("about: version or time is not of the agreed form")
	}
	return a, nil
}
