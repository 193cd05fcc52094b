package register

import (
	"encoding/json"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// Entry is one line of the register: a fact that is never changed or removed.
// Its JSON, in this field order, is the leaf that is hashed into the tree and
// the line that is exported. It holds random ids, staff numbers, enumerated
// words, counts and times, and nothing else: an entry outlives by years every
// person's right to be forgotten.
type Entry struct {
	N      int64           `json:"n"`                // place in the register, from 0, without a gap
	At     time.Time       `json:"at"`               // when it was recorded, UTC, whole milliseconds
	Kind   string          `json:"kind"`             // which Event the data is
	Letter letter.ID       `json:"letter,omitempty"` // the letter concerned, if any
	By     int64           `json:"by,omitempty"`     // staff number of who acted; 0 is Letterlock itself
	Data   json.RawMessage `json:"data,omitempty"`   // the Event's own fields, if it has any
}

// Event is what an Entry says. Each is a struct of this file.
type Event interface{ kind() string }

// FolderMade is the first entry: a register begins.
type FolderMade struct {
	Sample bool `json:"sample"` // a sample can never become real, and its register says so
}

// EdgeAdded says that manifests signed by this site are believed from now on.
type EdgeAdded struct {
	Site string `json:"site"`
}

// EdgeRevoked says that nothing that this site signs is believed from now on.
type EdgeRevoked struct {
	Site string `json:"site"`
}

// KeyMade says that an expiry week's key pair exists.
type KeyMade struct {
	Week letter.Week `json:"week"`
}

// KeyDeathBegun says that the week's private key is about to be destroyed. It
// is recorded before the act; a crash between the two leaves it alone on the
// register until the act is repeated.
type KeyDeathBegun struct {
	Week letter.Week `json:"week"`
}

// KeyDestroyed says that the week's private key is gone: whatever was sealed
// to it, in any copy anywhere, can no longer be read.
type KeyDestroyed struct {
	Week letter.Week `json:"week"`
}

// LetterAdmitted says that a manifest was believed and its letter is known.
type LetterAdmitted struct {
	Site     string       `json:"site"`
	Helpline string       `json:"helpline"`
	Class    letter.Class `json:"class"`
	Received time.Time    `json:"received"` // when the edge claimed the scan
	Deadline letter.Date  `json:"deadline"`
	Week     letter.Week  `json:"week"`
	Pages    int          `json:"pages"`
	Sheets   int          `json:"sheets"`   // of paper, 0 where the scanner could not tell
	Sides    int          `json:"sides"`    // of those that hold something, likewise
	Repaired bool         `json:"repaired"` // the pages are pictures of a damaged scan
}

// ManifestHeld says that a manifest was not believed and waits for a person.
type ManifestHeld struct {
	Reason HeldReason `json:"reason"`
}

// ManifestAccepted says that a person at the console vouched for a manifest
// that was held because of its age.
type ManifestAccepted struct {
	ID letter.ID `json:"id"` // not the entry's own letter: it is none yet
}

// LetterVerified says that the sealed object was read back by its version, its
// hash compared, opened with the week's key and every page rendered.
type LetterVerified struct {
	Pages int `json:"pages"`
}

// LetterUnverifiable says that the deposit cannot be what the manifest says:
// no receipt is given, so the edge keeps its scan, and a person must look.
type LetterUnverifiable struct {
	Reason Trouble `json:"reason"`
}

// LetterLookedAtAgain says that an unverifiable letter was announced again and
// is read back anew.
type LetterLookedAtAgain struct{}

// LetterReceipted says that the server's receipt for the edge was stored.
type LetterReceipted struct{}

// LetterNotified says that every mail about the letter was taken by a mail server.
type LetterNotified struct {
	Staff []int64 `json:"staff"` // who was written to
}

// LetterOpened says that the person in By was about to be shown the letter.
type LetterOpened struct {
	As string `json:"as"` // "pages" or "pdf"
}

// LetterReadable says that the person in By found the scan readable. By
// default it is what lets the paper be destroyed (RESISCAN A.SC.8: no
// destruction before quality control ends).
type LetterReadable struct{}

// LetterScanAgain says that the person in By wants the paper scanned again.
type LetterScanAgain struct {
	Reason ScanAgainReason `json:"reason"`
}

// ScanAnswered says that the person in By answered what the scanner folder
// asked of a scan. It is recorded before the scanner hears of it: where the
// scanner refuses the answer or is not reached, the person answers again.
type ScanAnswered struct {
	Kind    QuestionKind `json:"kind"`    // what was asked
	Answer  AnswerKind   `json:"answer"`  // what the person said
	Letters int          `json:"letters"` // how many letters are to come of the scan; 0 of one that was taken before
}

// PaperDestroyed is the destruction record of one paper original (BS 10008 and
// RESISCAN ask for who, when, how, by which authority; ISO/IEC 21964 for the level).
type PaperDestroyed struct {
	Ledger      string       `json:"ledger"`       // ledger number, D-2026-000017
	Reference   string       `json:"reference"`    // as written on the paper
	Class       letter.Class `json:"class"`        // retention class of the scan
	Received    time.Time    `json:"received"`     // when the scan was claimed
	ScannedAt   string       `json:"scanned_at"`   // site of the edge that scanned it
	ReadableBy  int64        `json:"readable_by"`  // staff number of the checker; 0 when only Letterlock verified it
	Authority   string       `json:"authority"`    // the policy and its version under which it was destroyed
	Destroyed   time.Time    `json:"destroyed"`    // when the person in By recorded it
	Sheets      int          `json:"sheets"`       // sheets of paper, as counted by the person
	Pages       int          `json:"pages"`        // pages of the scan
	Witness     int64        `json:"witness"`      // staff number, never that in By
	Method      Method       `json:"method"`       // how
	Level       string       `json:"level"`        // ISO/IEC 21964 level, P-1 to P-7; empty when a contractor certifies it
	Certificate string       `json:"certificate"`  // the contractor's certificate number; empty for an own shredder
	Anomaly     string       `json:"anomaly"`      // "none", or "sheets-differ" when sheets and pages cannot belong together
	LetterAlive bool         `json:"letter_alive"` // whether the scan could still be opened at that time
}

// ExpiryBegun says that the letter is due and what the storage still held,
// before Letterlock removed anything.
type ExpiryBegun struct {
	Deadline letter.Date `json:"deadline"`
	Versions int         `json:"versions"`
	Markers  int         `json:"markers"`
	Uploads  int         `json:"uploads"`
}

// LetterDeleted is the deletion record of one letter: the proof of absence.
type LetterDeleted struct {
	Deadline     letter.Date  `json:"deadline"`
	Class        letter.Class `json:"class"`
	Helpline     string       `json:"helpline"`
	Versions     int          `json:"versions"`      // found on the deadline and removed by Letterlock
	Markers      int          `json:"markers"`       // found on the deadline and removed by Letterlock
	Uploads      int          `json:"uploads"`       // found on the deadline and removed by Letterlock
	By           string       `json:"removed_by"`    // "letterlock"; "storage" when its lifecycle had left nothing; "missing" when nothing was left of it in a storage that has none
	ListingEmpty time.Time    `json:"listing_empty"` // when a listing showed no version, marker or upload
	Week         letter.Week  `json:"week"`          // the key it was sealed to
	KeyDies      letter.Date  `json:"key_dies"`      // the day from which that key is due to be destroyed
	RowsErased   time.Time    `json:"rows_erased"`   // when the database's files held nothing of its rows, but for PaperKept
	PaperKept    bool         `json:"paper_kept"`    // the paper's destruction is not on record: its reference stays until it is
}

// PersonAdded says that a staff number was given out.
type PersonAdded struct {
	Person int64 `json:"person"`
	Role   Role  `json:"role"`
}

// PersonDisabled says that a staff number can no longer sign in.
type PersonDisabled struct {
	Person int64 `json:"person"`
}

// CodeMade says that a one-time enrolment code was made at the console.
type CodeMade struct {
	Person int64 `json:"person"`
}

// PasskeysForgotten says that a person's passkeys were lost and open nothing
// any more.
type PasskeysForgotten struct {
	Person int64 `json:"person"`
}

// PasskeyAdded says that the person in By enrolled a passkey.
type PasskeyAdded struct{}

// SignedIn says that the person in By signed in.
type SignedIn struct {
	With string `json:"with"` // "passkey", or "sample" where anyone may be anyone
}

// RegisterExported says that the person in By (0: at the console) took an export.
type RegisterExported struct{}

// LifecycleInstalled says that the storage's own rules were written.
type LifecycleInstalled struct{}

// DayBegun is written once on each day on which Letterlock runs. It shows that
// silence of the register is silence of Letterlock.
type DayBegun struct {
	Living  int `json:"living"`  // letters
	Overdue int `json:"overdue"` // letters whose deadline has come and whose deletion is not yet proven
}

// AlarmRaised says that something was found that somebody must see to; from
// now on it is shown to the manager and the data-protection officer, and mailed
// to them once a day.
type AlarmRaised struct {
	Alarm AlarmKind `json:"alarm"`
	Count int       `json:"count"` // letters, papers or keys, as the kind says
}

// AlarmTold says that the day's mail about alarms to a person was taken by a
// mail server.
type AlarmTold struct {
	Person int64 `json:"person"`
}

// AlarmEnded says that what an alarm was about is found no longer.
type AlarmEnded struct {
	Alarm AlarmKind `json:"alarm"`
}

// BucketAdopted says that a person vouched for the bucket, of which Letterlock
// doubted that it is the one with its letters.
type BucketAdopted struct{}

// ClockConfirmed says that a person vouched for the system clock, after which
// expiry may act again.
type ClockConfirmed struct{}

func (FolderMade) kind() string          { return "folder-made" }
func (EdgeAdded) kind() string           { return "edge-added" }
func (EdgeRevoked) kind() string         { return "edge-revoked" }
func (KeyMade) kind() string             { return "key-made" }
func (KeyDeathBegun) kind() string       { return "key-death-begun" }
func (KeyDestroyed) kind() string        { return "key-destroyed" }
func (LetterAdmitted) kind() string      { return "letter-admitted" }
func (ManifestHeld) kind() string        { return "manifest-held" }
func (ManifestAccepted) kind() string    { return "manifest-accepted" }
func (LetterVerified) kind() string      { return "letter-verified" }
func (LetterUnverifiable) kind() string  { return "letter-unverifiable" }
func (LetterLookedAtAgain) kind() string { return "letter-looked-at-again" }
func (LetterReceipted) kind() string     { return "letter-receipted" }
func (LetterNotified) kind() string      { return "letter-notified" }
func (LetterOpened) kind() string        { return "letter-opened" }
func (LetterReadable) kind() string      { return "letter-readable" }
func (LetterScanAgain) kind() string     { return "letter-scan-again" }
func (ScanAnswered) kind() string        { return "scan-answered" }
func (PaperDestroyed) kind() string      { return "paper-destroyed" }
func (ExpiryBegun) kind() string         { return "expiry-begun" }
func (LetterDeleted) kind() string       { return "letter-deleted" }
func (PersonAdded) kind() string         { return "person-added" }
func (PersonDisabled) kind() string      { return "person-disabled" }
func (PasskeysForgotten) kind() string   { return "passkeys-forgotten" }
func (CodeMade) kind() string            { return "code-made" }
func (PasskeyAdded) kind() string        { return "passkey-added" }
func (SignedIn) kind() string            { return "signed-in" }
func (RegisterExported) kind() string    { return "register-exported" }
func (LifecycleInstalled) kind() string  { return "lifecycle-installed" }
func (DayBegun) kind() string            { return "day-begun" }
func (AlarmRaised) kind() string         { return "alarm-raised" }
func (AlarmTold) kind() string           { return "alarm-told" }
func (AlarmEnded) kind() string          { return "alarm-ended" }
func (BucketAdopted) kind() string       { return "bucket-adopted" }
func (ClockConfirmed) kind() string      { return "clock-confirmed" }

// newEntry writes the event as the entry at place n.
func newEntry(n int64, at time.Time, ev Event, id letter.ID, by int64) (Entry, []byte, error) {
	e := Entry{N: n, At: at.UTC().Truncate(time.Millisecond), Kind: ev.kind(), Letter: id, By: by}
	data, err := json.Marshal(ev)
	if err != nil {
		return Entry{}, nil, fmt.Errorf("writing entry %s: %w", e.Kind, err)
	}
	if string(data) != "{}" {
		e.Data = data
	}
	line, err := json.Marshal(e)
	if err != nil {
		return Entry{}, nil, fmt.Errorf("writing entry %s: %w", e.Kind, err)
	}
	return e, line, nil
}
