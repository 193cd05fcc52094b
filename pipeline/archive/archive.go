// Package archive is what the server may do with the bucket. It puts and gets
// through package deposit, so that one piece of code alone writes durably, and
// adds what no edge may do: read letters, list, remove for good, and see to
// it that the storage's own lifecycle is in place.
//
// [Dir] and [S3] have the same methods, and one suite of tests runs over both.
package archive

import (
	"errors"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// ErrLacks means that a storage cannot end letters as it must: it has no
// versioning, no lifecycle, or replaces what it was told to leave alone.
var ErrLacks = errors.New("the storage lacks what Letterlock needs")

// TrialName is, under TrialPrefix and in every key there, what no helpline can
// be called.
const TrialName = "letterlock.trial"

// TrialPrefix is the place for objects that are only there to try the storage
// out. It lies among the letters, where an edge may put, and what is left there
// ends as they do.
const TrialPrefix = letter.LettersPrefix + string(letter.SixMonths) + "/" + TrialName + "/"

// Kind is a kind of trace.
type Kind string

// The kinds of trace.
const (
	Version Kind = "version" // bytes that can be read
	Marker  Kind = "marker"  // a delete marker, which hides older versions
	Upload  Kind = "upload"  // an upload that was never finished
)

// Trace is one thing that the storage still holds under a key. A key without
// traces is gone, as far as the storage can say.
type Trace struct {
	Kind Kind
	// ID is the version's id, the marker's version id or the upload's id. In a
	// Dir the version's id is the SHA-256 of its bytes in hex: a file that was
	// replaced by another is another version, and a copy of the bucket that was
	// restored from a backup has the same ones.
	ID string
}

// checkPrefix refuses a prefix that no key can have. "" is every key.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return deposit.CheckKey(prefix + "x")
}
