package letter

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// maxStatement bounds a signed statement in bytes: whoever can write to the
// bucket must not be able to fill the reader's memory. The recipients list,
// the largest, stays below 1 MiB with twelve years of weeks.
const maxStatement = 1 << 20

// The kinds of statement. The kind is the signed text's first line, so that a
// signature under one kind is worthless under another.
const (
	kindManifest = "letterlock manifest v1"
	kindReceipt  = "letterlock receipt v1"
	kindSeen     = "letterlock seen v1"
	kindGone     = "letterlock gone v1"
	kindReport   = "letterlock report v1"
)

// Manifest is the edge's signed word about one deposit: the commit of steps 1
// to 5. The object's key, the deadline and the expiry week are derived from
// it, never taken from it.
type Manifest struct {
	ID       ID        `json:"id"`
	Site     string    `json:"site"`     // the edge that signed; also the signer's name
	Helpline string    `json:"helpline"` // the scanner folder in which the scan was dropped
	Class    Class     `json:"class"`
	Received time.Time `json:"received"` // when the edge claimed the scan, UTC, whole seconds
	Pages    int       `json:"pages"`    // of the clean PDF
	Size     int64     `json:"size"`     // of the sealed object, bytes
	SHA256   string    `json:"sha256"`   // of the sealed object, lower-case hex

	// What the scanner could tell of the paper: sheets, and sides that hold
	// something; both 0 where it cannot be told.
	Sheets   int   `json:"sheets,omitempty"`
	Sides    int   `json:"sides,omitempty"`
	Flags    Flags `json:"flags,omitempty"`    // what a reader should know of single pages
	Repaired bool  `json:"repaired,omitempty"` // the pages are pictures of a damaged scan, taken because a person said so

	// Replaces is the letter whose paper this is a new scan of, as a person said at
	// the scanner; empty for any other. Received is then that letter's: the paper
	// came when it came, and its months do not begin anew. Only of a letter that the
	// server names in an Again, whose week's key may be dead, is Received when the
	// new scan was claimed.
	Replaces ID `json:"replaces,omitempty"`
}

// ReceivedOn is the London day on which the letter was received.
func (m Manifest) ReceivedOn() Date { return DateOf(m.Received) }

// Deadline is the day on which the letter must be gone.
func (m Manifest) Deadline() Date { return Deadline(m.ReceivedOn(), m.Class) }

// Week is the expiry week to which the letter is sealed.
func (m Manifest) Week() Week { return WeekOf(m.Deadline()) }

// ObjectKey is the sealed object's place in the bucket.
func (m Manifest) ObjectKey() string {
	return ObjectKey(m.Class, m.Helpline, m.ReceivedOn(), m.ID)
}

// Sign writes the manifest under the site's signature.
func (m Manifest) Sign(site note.Signer) ([]byte, error) {
	if err := m.valid(); err != nil {
		return nil, err
	}
	if site.Name() != m.Site {
		return nil, errors.New("signing manifest: the key belongs to another site")
	}
	return Sign(kindManifest, m, site)
}

// OpenManifest checks msg against the site's public key and returns what it
// says. Every field is checked for its form; whether the server believes it
// is the pipeline's business.
func OpenManifest(msg []byte, site note.Verifier) (Manifest, error) {
	var m Manifest
	if err := Open(kindManifest, msg, site, &m); err != nil {
		return Manifest{}, err
	}
	if err := m.valid(); err != nil {
		return Manifest{}, err
	}
	if m.Site != site.Name() {
		return Manifest{}, errors.New("manifest names another site than its signer")
	}
	return m, nil
}

func (m Manifest) valid() error {
	if _, err := ParseID(string(m.ID)); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	switch {
	case !ValidName(m.Site), !ValidName(m.Helpline), !m.Class.Valid():
		return errors.New("manifest: site, helpline or class is not of the agreed form")
	case !believable(m.Received):
		return errors.New("manifest: received time is not of the agreed form")
	case m.Pages < 1 || m.Size < 1 || !isHash(m.SHA256):
		return errors.New("manifest: pages, size or hash is not of the agreed form")
	case m.Sheets < 0 || m.Sheets > m.Pages || m.Sides < 0 || m.Sides > m.Pages || !m.Flags.valid(m.Pages):
		return errors.New("manifest: sheets, sides or flags are not of the agreed form")
	}
	if m.Replaces == "" {
		return nil
	}
	if _, err := ParseID(string(m.Replaces)); err != nil || m.Replaces == m.ID {
		return errors.New("manifest: the letter that it replaces is not of the agreed form")
	}
	return nil
}

// What a receipt says of the paper original.
const (
	PaperKept      = "kept"      // keep it: nobody has found the letter readable yet
	PaperMayGo     = "may-go"    // it may be destroyed at the destruction desk
	PaperDestroyed = "destroyed" // its destruction is on the register
	PaperScanAgain = "scan-again"
	PaperReplaced  = "replaced" // it is a new scan's, which has a receipt of its own
)

// Receipt is the server's signed word to the edge that a deposit was read
// back, opened and rendered, and later what became of the paper. Only a
// receipt lets the edge delete its claimed scan.
type Receipt struct {
	ID      ID     `json:"id"`
	Version string `json:"version"` // the object version that the server pinned
	SHA256  string `json:"sha256"`  // of the sealed object, as in the manifest
	Paper   string `json:"paper"`   // one of the Paper words
	Reason  string `json:"reason,omitempty"`

	// The helpline to which the letter was moved, whose the paper is too; empty
	// while the letter is with the helpline of its manifest.
	Helpline string `json:"helpline,omitempty"`

	// The letter of which the server has taken this for a new scan; empty for none.
	// A restore reads it, whose register does not know.
	Replaces ID `json:"replaces,omitempty"`
}

// Sign writes the receipt under the server's signature.
func (r Receipt) Sign(server note.Signer) ([]byte, error) { return Sign(kindReceipt, r, server) }

// OpenReceipt checks msg against the server's public key.
func OpenReceipt(msg []byte, server note.Verifier) (Receipt, error) {
	var r Receipt
	if err := Open(kindReceipt, msg, server, &r); err != nil {
		return Receipt{}, err
	}
	if _, err := ParseID(string(r.ID)); err != nil || !isHash(r.SHA256) {
		return Receipt{}, errors.New("receipt: id or hash is not of the agreed form")
	}
	if r.Helpline != "" && !ValidName(r.Helpline) {
		return Receipt{}, errors.New("receipt: helpline is not of the agreed form")
	}
	if r.Replaces != "" {
		if _, err := ParseID(string(r.Replaces)); err != nil || r.Replaces == r.ID {
			return Receipt{}, errors.New("receipt: the letter that it replaces is not of the agreed form")
		}
	}
	return r, nil
}

// Gone is the server's signed word to an edge on letters of which it can learn
// nothing from their receipts any more, since these are gone with them: those that
// were erased before their deadline, and those whose paper was destroyed later
// than the letter. The edge forgets their scans, and takes away the slips of
// papers that are destroyed. A scan that waits for its receipt it gives up only if
// its sealed bytes are those that are gone.
type Gone struct {
	Site    string       `json:"site"` // of the edge that is told
	Letters []GoneLetter `json:"letters"`
}

// GoneLetter is one letter of a Gone.
type GoneLetter struct {
	ID     ID     `json:"id"`
	Paper  string `json:"paper"`            // PaperMayGo or PaperDestroyed
	SHA256 string `json:"sha256,omitempty"` // of the sealed bytes that are gone, lower-case hex; empty where the server knows it no more
}

// MaxGone is how many letters one Gone may name.
const MaxGone = 2000

// Sign writes the statement under the server's signature.
func (g Gone) Sign(server note.Signer) ([]byte, error) { return Sign(kindGone, g, server) }

// OpenGone checks msg against the server's public key.
func OpenGone(msg []byte, server note.Verifier) (Gone, error) {
	var g Gone
	if err := Open(kindGone, msg, server, &g); err != nil {
		return Gone{}, err
	}
	if !ValidName(g.Site) || len(g.Letters) > MaxGone {
		return Gone{}, errors.New("gone: site or number of letters is not of the agreed form")
	}
	for _, l := range g.Letters {
		if _, err := ParseID(string(l.ID)); err != nil || l.Paper != PaperMayGo && l.Paper != PaperDestroyed || l.SHA256 != "" && !isHash(l.SHA256) {
			return Gone{}, errors.New("gone: a letter is not of the agreed form")
		}
	}
	return g, nil
}

// Seen is the edge's signed word that it has seen a recipients list of that
// serial, which is higher than that of the list in the bucket: the server, or
// the bucket, is an older copy of itself.
type Seen struct {
	Site   string `json:"site"`   // the edge that signed; also the signer's name
	Serial uint64 `json:"serial"` // of the newest list that it has seen

	// List is that list, as the server has signed it: whoever holds the site's key alone
	// cannot make the server believe that it has forgotten something. It is empty from a
	// scanner of an older version, and from one that has lost it; an older server takes
	// no notice of a Seen that has it.
	List string `json:"list,omitempty"`
}

// MaxSerial is more than any server gives out in a thousand years. A statement
// above it would leave no room to number on.
const MaxSerial = 1 << 40

// Sign writes the statement under the site's signature.
func (s Seen) Sign(site note.Signer) ([]byte, error) { return Sign(kindSeen, s, site) }

// OpenSeen checks msg against the site's public key.
func OpenSeen(msg []byte, site note.Verifier) (Seen, error) {
	var s Seen
	if err := Open(kindSeen, msg, site, &s); err != nil {
		return Seen{}, err
	}
	if s.Site != site.Name() || s.Serial < 1 || s.Serial > MaxSerial {
		return Seen{}, errors.New("seen: site or serial is not of the agreed form")
	}
	return s, nil
}

// Sign writes v as a signed note (golang.org/x/mod/sumdb/note): the kind, one
// line of JSON, and the signature.
func Sign(kind string, v any, signer note.Signer) ([]byte, error) { return signAll(kind, v, signer) }

// signAll is Sign under several signatures.
func signAll(kind string, v any, signers ...note.Signer) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", kind, err)
	}
	return note.Sign(&note.Note{Text: kind + "\n" + string(body) + "\n"}, signers...)
}

// Open checks that msg is a note of that kind under that signature and reads
// its JSON into v. Unknown fields are refused: what was signed and is not
// understood must not be half obeyed.
func Open(kind string, msg []byte, signer note.Verifier, v any) error {
	if len(msg) > maxStatement {
		return fmt.Errorf("%s: longer than any true one", kind)
	}
	n, err := note.Open(msg, note.VerifierList(signer))
	if err != nil {
		return fmt.Errorf("%s: the signature is missing or false", kind)
	}
	body, ok := strings.CutPrefix(n.Text, kind+"\n")
	if !ok {
		return fmt.Errorf("%s: the signature covers something else", kind)
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil || dec.More() {
		return fmt.Errorf("%s: signed, but not of the agreed form", kind)
	}
	return nil
}

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 32 && s == strings.ToLower(s)
}
