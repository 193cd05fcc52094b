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

// Event is what an Entry says. Each is a struct of this file, or of another whose
// name begins with entry, and each string in it is of a type that forms.go knows: an
// enumerated word, or a form too narrow for a name or a sentence. Recording refuses
// what is neither.
//
// What in brackets ends a comment is where the demand for it comes from; a
// field that has none has that of its event.
//
//	[P 10]     point 10 of the confidentiality policy
//	[BS]       BS 10008 and BIP 0008: the audit trail and the evidence of destruction (by secondary accounts)
//	[ISO]      ISO/IEC 21964, formerly DIN 66399: protection class and level of destruction (likewise)
//	[R A.SC.8] requirement A.SC.8 of BSI TR-03138 (RESISCAN) 1.4, Annex P
//	[GDPR 5]   article 5 of UK GDPR
//	[OWN]      Letterlock's own: without it the register would not prove itself
type Event interface{ kind() string }

// FolderMade is the first entry: a register begins. [OWN]
type FolderMade struct {
	Sample bool `json:"sample"` // a sample can never become real, and its register says so
}

// KeyMade says that an expiry week's key pair exists. [GDPR 32]
type KeyMade struct {
	Week letter.Week `json:"week"` // the expiry week, which is the key's name
}

// KeyDeathBegun says that the week's private key is about to be destroyed. It
// is recorded before the act; a crash between the two leaves it alone on the
// register until the act is repeated. [GDPR 17]
type KeyDeathBegun struct {
	Week letter.Week `json:"week"` // the expiry week, which is the key's name
}

// KeyDestroyed says that the private key is gone from the keyring. With no
// share of it left, or one, whatever was sealed to it, in any copy anywhere, can
// no longer be read. [P 2, GDPR 17]
type KeyDestroyed struct {
	Week   letter.Week `json:"week"`   // whose key is gone
	Shares int         `json:"shares"` // custodians' shares that may still exist and are due to be destroyed
	Lost   int         `json:"lost"`   // custodians' shares of which nobody knows where they are
}

// KeyFoundAgain says that the private key of a week that is over was found in
// the keyring although it is destroyed on record, or was never on it: somebody
// has put back a copy. It opens nothing, and is about to be destroyed again.
// [P 2, GDPR 17]
type KeyFoundAgain struct {
	Week letter.Week `json:"week"` // whose key it is
}

// SharesMade says that a key was shared among custodians, any two of whom can
// bring it back. It is recorded before the shares are written. [GDPR 32]
type SharesMade struct {
	Week   letter.Week `json:"week"`   // whose key it is
	Set    ShareSet    `json:"set"`    // which making
	Shares int         `json:"shares"` // one for each custodian
}

// ShareEnding says that a custodian's share is about to be destroyed. [P 2, GDPR 17]
type ShareEnding struct {
	Week      letter.Week `json:"week"`      // whose key it is a share of
	Custodian int         `json:"custodian"` // 1 to 3: whose share
	Set       ShareSet    `json:"set"`       // of which making
}

// ShareEnded says that a custodian's share is destroyed, or lost. [P 2, GDPR 17]
type ShareEnded struct {
	Week      letter.Week `json:"week"`      // whose key it is a share of
	Custodian int         `json:"custodian"` // 1 to 3: whose share
	Set       ShareSet    `json:"set"`       // of which making
	How       ShareEnd    `json:"how"`       // by whom it was destroyed, or that it is lost
}

// KeysRecombined says that two custodians have brought their shares and that
// keys are about to be brought back from them. [GDPR 32]
type KeysRecombined struct {
	For    RecombinedFor `json:"for"`    // why
	First  int           `json:"first"`  // the one custodian, 1 to 3
	Second int           `json:"second"` // the other
	Weeks  []letter.Week `json:"weeks"`  // whose keys
}

// DrillDone says how a drill ended: which keys two shares bring back, each
// proven by opening what was sealed to it. [GDPR 32]
type DrillDone struct {
	Proven []letter.Week `json:"proven"` // brought back
	Failed []letter.Week `json:"failed"` // not: these have no escrow
}

// KeyReplaced says that another key of the week was made, to which letters are
// sealed from now on: somebody may know the one before, which opens what was sealed
// to it until then. Both die when the week is over. [GDPR 32, OWN]
type KeyReplaced struct {
	Week letter.Week `json:"week"` // whose key it is
}

// KeyRestored says that a key which was brought back is about to be put into
// the keyring, where it was missing. [GDPR 32]
type KeyRestored struct {
	Week letter.Week `json:"week"` // whose key it is
}

// LetterAdmitted says that a manifest was believed and its letter is known. It
// is the transfer note of the scan. [P 10, R A.NB.4, BS]
type LetterAdmitted struct {
	Site     Name         `json:"site"`     // whose scanner took it
	Helpline Name         `json:"helpline"` // whom it was written to
	Class    letter.Class `json:"class"`    // how long it is to live [GDPR 5]
	Received time.Time    `json:"received"` // when the edge claimed the scan
	Deadline letter.Date  `json:"deadline"` // the day on which it must be gone [P 2]
	Week     letter.Week  `json:"week"`     // whose key it is sealed to
	Pages    int          `json:"pages"`    // of the scan
	Sheets   int          `json:"sheets"`   // of paper, 0 where the scanner could not tell
	Sides    int          `json:"sides"`    // of those that hold something, likewise
	Repaired bool         `json:"repaired"` // the pages are pictures of a damaged scan [R A.NB.4]
}

// ManifestHeld says that a manifest was not believed and waits for a person. [R A.IS.1]
type ManifestHeld struct {
	Reason HeldReason `json:"reason"` // why
}

// ManifestAccepted says that a person at the console vouched for a manifest
// that was held because of its age. [R A.AM.G.2]
type ManifestAccepted struct {
	ID letter.ID `json:"id"` // not the entry's own letter: it is none yet
}

// LetterVerified says that the sealed object was read back by its version, its
// hash compared, opened with the week's key and every page rendered. [R A.SC.8]
type LetterVerified struct {
	Pages int `json:"pages"` // that could be shown, all of them
}

// LetterUnverifiable says that the deposit cannot be what the manifest says:
// no receipt is given, so the edge keeps its scan, and a person must look. [R A.IS.1]
type LetterUnverifiable struct {
	Reason Trouble `json:"reason"` // what does not fit
}

// LetterLookedAtAgain says that an unverifiable letter was announced again and
// is read back anew. [R A.SC.8]
type LetterLookedAtAgain struct{}

// LetterReceipted says that the server's receipt for the edge was stored: from
// here on the edge may delete its scan. [R A.AM.VT.H.3]
type LetterReceipted struct{}

// LetterNotified says that every mail about the letter was taken by a mail
// server. [P 9]
type LetterNotified struct {
	Staff []int64 `json:"staff"` // staff numbers of who was written to
}

// LetterOpened says that the person in By was about to be shown the letter. [P 6]
type LetterOpened struct {
	As Shown `json:"as"` // in what form
}

// LetterReadable says that the person in By found the scan readable. By
// default it is what lets the paper be destroyed. [P 1, R A.SC.8]
type LetterReadable struct{}

// LetterScanAgain says that the person in By wants the paper scanned again.
// [R A.AM.VF.H.1]
type LetterScanAgain struct {
	Reason ScanAgainReason `json:"reason"` // what is wrong with the scan
}

// LetterRecused says that the person in By knows somebody in the letter, and was
// walled off from it. [P 6, GDPR 32]
type LetterRecused struct{}

// ScanAnswered says that the person in By answered what the scanner folder
// asked of a scan. It is recorded before the scanner hears of it: where the
// scanner refuses the answer or is not reached, the person answers again.
// [R A.AM.VF.H.1]
type ScanAnswered struct {
	Kind    QuestionKind `json:"kind"`    // what was asked
	Answer  AnswerKind   `json:"answer"`  // what the person said
	Letters int          `json:"letters"` // how many letters are to come of the scan; 0 of one that was taken before
	// Despite is how many pages the person said to be a letter's although a separator or
	// cover sheet's code is on them.
	Despite int `json:"despite,omitempty"`
}

// PaperDestroyed is the destruction record of one paper original, written by
// the person in By, who destroyed it. [P 11, BS, ISO]
type PaperDestroyed struct {
	Ledger      Ledger       `json:"ledger"`                 // ledger number, counted within a year; a restore leaves out 1,000 [BS]
	Reference   Reference    `json:"reference"`              // as written on the paper [BS]
	Class       letter.Class `json:"class"`                  // retention class of the scan [GDPR 5]
	Received    time.Time    `json:"received"`               // when the letter came: the moment from which its months count [P 2]
	Scanned     time.Time    `json:"scanned"`                // when its scan was taken; one moment with Received, since Letterlock knows of no letter before its scan [R A.NB.4]
	ScannedAt   Name         `json:"scanned_at"`             // site of the scanner that took it [R A.NB.4]
	ScannedBy   int64        `json:"scanned_by"`             // staff number of who scanned it, as told at the desk; 0 when nobody knows any more [R A.NB.4]
	ReadableBy  int64        `json:"readable_by"`            // staff number of who found the scan readable; 0 when only Letterlock verified it [R A.SC.8]
	ReadableToo int64        `json:"readable_too,omitempty"` // staff number of who else did, where one was not enough [R A.AM.IN.SH.1]
	Authority   Name         `json:"authority"`              // the policy and its version under which it was destroyed [BS, R 3.1.1.6]
	Destroyed   time.Time    `json:"destroyed"`              // when the person in By recorded it [P 11]
	Sheets      int          `json:"sheets"`                 // of paper, as counted by the person in By [P 11]
	Sides       int          `json:"sides"`                  // that hold something, as the scanner counted; 0 where it could not tell [R A.NB.4]
	Pages       int          `json:"pages"`                  // of the scan
	Witness     int64        `json:"witness"`                // staff number of who watched, never that in By [P 11, R 3.1.1.6]
	WitnessWith SignInWith   `json:"witness_with,omitempty"` // by what means the witness showed who they are; absent where they were only named [R A.NB.4]
	Method      Method       `json:"method"`                 // how [P 11]
	Level       Level        `json:"level,omitempty"`        // of an own shredder; absent when a contractor certifies it [ISO]
	Machine     Name         `json:"machine,omitempty"`      // which own shredder, by the configuration's name; absent where it names none [P 11]
	Contractor  Name         `json:"contractor,omitempty"`   // who destroyed it for us, by the configuration's name [BS, ISO]
	Collection  Number       `json:"collection,omitempty"`   // the number of the contractor's collection [BS]
	Certificate Number       `json:"certificate,omitempty"`  // the number of the contractor's certificate of destruction [BS]
	Place       Name         `json:"place"`                  // where it was destroyed or handed over, by the configuration's name [BS]
	Anomalies   []Anomaly    `json:"anomalies"`              // what was not as it should be; empty when nothing [R A.NB.4]
	LetterAlive bool         `json:"letter_alive"`           // whether the scan could still be opened at that time [R A.SC.8]
}

// PapersCounted says that the person in By compared the papers in their hand with
// those that are not on record as destroyed: both agree, or each difference is
// here. Many papers are counted in parts, in the order of their ids. [BS, OWN]
type PapersCounted struct {
	Site    Name        `json:"site"`            // whose scanner took them
	After   letter.ID   `json:"after,omitempty"` // the part begins after this one; absent where it begins with the first
	Until   letter.ID   `json:"until,omitempty"` // and ends with this one; absent where it ends with the last
	Listed  int         `json:"listed"`          // papers that were expected, and looked for
	Missing []letter.ID `json:"missing"`         // of those, whose were not found; empty when none
	Strange []letter.ID `json:"strange"`         // whose were there and not expected; empty when none
}

// ExpiryBegun says that the letter is due and what the storage still held,
// before Letterlock removed anything. [P 2]
type ExpiryBegun struct {
	Deadline letter.Date `json:"deadline"` // on which the letter had to be gone
	Versions int         `json:"versions"` // of its object that were listed
	Markers  int         `json:"markers"`  // delete markers that were listed
	Uploads  int         `json:"uploads"`  // unfinished uploads that were listed
}

// LetterDeleted is the deletion record of one letter: the proof of absence.
// [P 2, P 10, GDPR 17, BS]
type LetterDeleted struct {
	Deadline     letter.Date  `json:"deadline"`           // on which the letter had to be gone [P 2]
	Class        letter.Class `json:"class"`              // its retention class [GDPR 5]
	Helpline     Name         `json:"helpline"`           // whom it was written to
	Versions     int          `json:"versions"`           // found on the deadline and removed by Letterlock
	Markers      int          `json:"markers"`            // found on the deadline and removed by Letterlock: the recycle bin of the policy [P 2]
	Uploads      int          `json:"uploads"`            // found on the deadline and removed by Letterlock
	By           Remover      `json:"removed_by"`         // who had removed it
	ListingEmpty time.Time    `json:"listing_empty"`      // when a listing showed no version, marker or upload
	Week         letter.Week  `json:"week"`               // the key it was sealed to; of several, as after a hold, the one that dies last
	KeyDies      letter.Date  `json:"key_dies"`           // the day from which that key is due to be destroyed
	KeyDead      bool         `json:"key_dead"`           // whether it had been destroyed when this was written
	RowsErased   time.Time    `json:"rows_erased"`        // when the database's files held nothing of its rows, but for PaperKept
	Early        EraseReason  `json:"early,omitempty"`    // why it was erased before its time: two people decided so, a new scan took over, or it is a response that was not kept [P 5, GDPR 17]
	NewScan      letter.ID    `json:"new_scan,omitempty"` // the newer scan of its paper, where there was one
	PaperKept    bool         `json:"paper_kept"`         // the paper's destruction is not on record: its reference stays until it is [P 11]
}

// LetterCovered says that other versions lie above the one that was verified, as whoever
// holds a scanner's credentials can put them, and that they are about to be removed:
// nobody is shown them, and the storage's own rules would end the letter beneath them.
// [GDPR 32]
type LetterCovered struct {
	Versions int `json:"versions"` // above the verified one
}

// LetterRepinned says that the version which was verified is gone from the storage before
// its time, and that another in its place, the same byte for byte, is the letter from here
// on: an honest scanner may have put it there once more. [GDPR 32]
type LetterRepinned struct{}

// StrayFound says that something lay among the letters beyond its deadline and
// belonged to no letter on record: a deposit that was never announced, or one
// that came after its letter was proven gone. It is recorded before the removal.
// [P 2]
type StrayFound struct {
	Class    letter.Class `json:"class"`    // where it lay
	Since    letter.Date  `json:"since"`    // the day in its key, from which the class counts
	Versions int          `json:"versions"` // found
	Markers  int          `json:"markers"`  // found
	Uploads  int          `json:"uploads"`  // found
}

// StrayRemoved says that what StrayFound has said is gone. [P 2]
type StrayRemoved struct {
	ListingEmpty time.Time `json:"listing_empty"` // when a listing showed no version, marker or upload
}

// PolicyPublished says that a text of the confidentiality policy is in force from
// now on, and that everybody is asked to confirm it. [P 6, GDPR 24]
type PolicyPublished struct {
	Number int64      `json:"number"` // counts the texts that were in force
	Policy Name       `json:"policy"` // with its version, by the configuration's name
	Text   PolicyText `json:"text"`   // which text it is
}

// PolicyConfirmed says that the person in By has read and understood the policy
// in force. Before that nobody is shown a letter. [P 6, GDPR 32]
type PolicyConfirmed struct {
	Number int64 `json:"number"` // of the text: see PolicyPublished
}

// LifecycleInstalled says that the storage's own rules were written. [P 2]
type LifecycleInstalled struct{}

// DayBegun is written once on each day on which Letterlock runs. It shows that
// silence of the register is silence of Letterlock. [OWN]
type DayBegun struct {
	Living  int `json:"living"`  // letters
	Overdue int `json:"overdue"` // letters whose deadline has come and whose deletion is not yet proven [P 2]
}

// AlarmRaised says that something was found that somebody must see to; from
// now on it is shown to the manager and the data-protection officer, and mailed
// to them once a day. [GDPR 5, BS]
type AlarmRaised struct {
	Alarm AlarmKind `json:"alarm"` // what was found
	Count int       `json:"count"` // letters, papers or keys, as the kind says
}

// AlarmTold says that the day's mail about alarms to a person was taken by a
// mail server. [GDPR 5]
type AlarmTold struct {
	Person int64 `json:"person"` // staff number of who was written to
}

// UnreadTold says that a mail server took the day's mail to a person about letters
// that nobody has opened: to a team leader of their helpline after a working day,
// to a manager after two. [P 9]
type UnreadTold struct {
	Person int64 `json:"person"` // staff number of who was written to
}

// AlarmEnded says that what an alarm was about is found no longer. [GDPR 5, BS]
type AlarmEnded struct {
	Alarm AlarmKind `json:"alarm"` // what it was
}

// BucketAdopted says that a person vouched for the bucket, of which Letterlock
// doubted that it is the one with its letters. [R A.AM.G.2]
type BucketAdopted struct{}

// ClockConfirmed says that a person vouched for the system clock, after which
// expiry may act again. [R A.AM.G.2]
type ClockConfirmed struct{}

func (FolderMade) kind() string          { return "folder-made" }
func (KeyMade) kind() string             { return "key-made" }
func (KeyDeathBegun) kind() string       { return "key-death-begun" }
func (KeyDestroyed) kind() string        { return "key-destroyed" }
func (KeyFoundAgain) kind() string       { return "key-found-again" }
func (SharesMade) kind() string          { return "shares-made" }
func (ShareEnding) kind() string         { return "share-ending" }
func (ShareEnded) kind() string          { return "share-ended" }
func (KeysRecombined) kind() string      { return "keys-recombined" }
func (DrillDone) kind() string           { return "drill-done" }
func (KeyReplaced) kind() string         { return "key-replaced" }
func (KeyRestored) kind() string         { return "key-restored" }
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
func (LetterRecused) kind() string       { return "letter-recused" }
func (ScanAnswered) kind() string        { return "scan-answered" }
func (PaperDestroyed) kind() string      { return "paper-destroyed" }
func (PapersCounted) kind() string       { return "papers-counted" }
func (ExpiryBegun) kind() string         { return "expiry-begun" }
func (LetterDeleted) kind() string       { return "letter-deleted" }
func (LetterCovered) kind() string       { return "letter-covered" }
func (LetterRepinned) kind() string      { return "letter-repinned" }
func (StrayFound) kind() string          { return "stray-found" }
func (StrayRemoved) kind() string        { return "stray-removed" }

func (PolicyPublished) kind() string    { return "policy-published" }
func (PolicyConfirmed) kind() string    { return "policy-confirmed" }
func (LifecycleInstalled) kind() string { return "lifecycle-installed" }
func (DayBegun) kind() string           { return "day-begun" }
func (AlarmRaised) kind() string        { return "alarm-raised" }
func (AlarmTold) kind() string          { return "alarm-told" }
func (UnreadTold) kind() string         { return "unread-told" }
func (AlarmEnded) kind() string         { return "alarm-ended" }
func (BucketAdopted) kind() string      { return "bucket-adopted" }
func (ClockConfirmed) kind() string     { return "clock-confirmed" }

// newEntry writes the event as the entry at place n.
func newEntry(n int64, at time.Time, ev Event, id letter.ID, by int64) (Entry, []byte, error) {
	if err := checkForms(ev); err != nil {
		return Entry{}, nil, fmt.Errorf("writing entry %s: %w", ev.kind(), err)
	}
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
