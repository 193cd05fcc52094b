package register

import (
	"regexp"

	"letterlock/scanner/letter"
)

// The events of a restore from a backup, and of the replay that follows it; see
// Event.

// TreeHash is the root of the tree over a register's entries, as a checkpoint
// writes it: base64 of 32 bytes.
type TreeHash string

var treeHashForm = regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`)

// RestoreBegun says that this register or the bucket is an older copy of what it
// was, and that what is missing is about to be replayed. Whoever holds a
// checkpoint that this register does not continue finds the fork explained here.
// [BS, GDPR 32]
type RestoreBegun struct {
	Signs   []RestoreSign `json:"signs"`          // by what it was recognised
	Entries int64         `json:"entries"`        // that this register had when it was closed: what stands between them and this one was done to prepare the replay
	Seen    int64         `json:"seen"`           // entries under the newest checkpoint that is known elsewhere; 0 where none is
	Root    TreeHash      `json:"root,omitempty"` // of that checkpoint
}

// LetterAdopted says that a letter of which this register had never heard lies in
// the storage and is not due: it arrived after the backup was made, and its scan
// is gone from its scanner. It was read, opened and every page drawn. It stands
// where LetterAdmitted stands of other letters. [P 10, GDPR 32]
type LetterAdopted struct {
	Site     Name         `json:"site"`     // whose scanner took it, as far as that can be known
	Helpline Name         `json:"helpline"` // in whose place it lies
	Class    letter.Class `json:"class"`    // where it lies
	Since    letter.Date  `json:"since"`    // the day in its key, from which the class counts
	Deadline letter.Date  `json:"deadline"` // the day on which it must be gone, if nothing holds it [P 2]
	Week     letter.Week  `json:"week"`     // whose key it is sealed to
	Pages    int          `json:"pages"`    // that could be shown, all of them
}

// ResponseAdopted says that the copy of an answer of which this register had never
// heard lies in the storage and is not due: it was uploaded after the backup was
// made. It was read, opened and every page drawn. It stands where ResponseFiled
// stands of others. Whether it was kept since is on no record: it waits for who
// uploaded it to say so, where they still can, and is kept where they cannot. [P 2, GDPR 32]
type ResponseAdopted struct {
	Answers    letter.ID    `json:"answers"`     // the letter that was answered, or the newest scan of its paper
	UploadedBy int64        `json:"uploaded_by"` // staff number of who uploaded it, as it says itself
	Waits      bool         `json:"waits"`       // for them; else it is kept
	Helpline   Name         `json:"helpline"`    // in whose place it lies
	Class      letter.Class `json:"class"`       // where it lies
	Since      letter.Date  `json:"since"`       // the day in its key, from which the class counts
	Deadline   letter.Date  `json:"deadline"`    // the day on which it must be gone, if nothing holds it [P 2]
	Week       letter.Week  `json:"week"`        // whose key it is sealed to
	Pages      int          `json:"pages"`       // that could be shown, all of them
}

// ResponseKeptUnasked says that the copy of an answer is kept which waited to be kept
// when the backup was made: whether that was done since is on no record, and who
// uploaded it may not read it any more, so that nobody can be asked. It stands where
// ResponseKept stands of others. [P 2, GDPR 32]
type ResponseKeptUnasked struct {
	Answers    letter.ID `json:"answers"`     // the letter that was answered
	UploadedBy int64     `json:"uploaded_by"` // staff number of who uploaded it
}

// LetterFoundElsewhere says that a letter on record does not lie where this
// register had it, but there: it was moved after the backup was made, or its
// copy in the storage is from before it was moved. From here on it is taken to
// lie there. [P 3, GDPR 32]
type LetterFoundElsewhere struct {
	From     Name         `json:"from"`     // whose it was on record
	Helpline Name         `json:"helpline"` // whose it is from now on
	Class    letter.Class `json:"class"`    // where it lies
	Since    letter.Date  `json:"since"`    // the day in its key, from which the class counts
	Week     letter.Week  `json:"week"`     // the key to which it is sealed
	Earlier  bool         `json:"earlier"`  // whether it ends there before the day that is on record: what keeps it longer may have been withdrawn since, and a person must look
}

// LetterNotFound says that a living letter lies nowhere in the storage: it was
// erased after the backup was made, or an older copy of the storage has never
// held it. It stays on record until its deadline, and its deletion is then
// proven like any other. [GDPR 32]
type LetterNotFound struct{}

// PaperFoundDestroyed says that the receipt which this server had signed for the
// letter calls its paper destroyed. The destruction record itself was written
// after the backup was made and is lost with it. [P 11]
type PaperFoundDestroyed struct{}

// PaperWrittenOff says that the paper of a letter which was on record at a restore
// is not there any more, and that the record of where it went is lost: the person
// in By looked for it, and somebody else with them. It stands where PaperDestroyed
// stands of other papers. [P 11, GDPR 32]
type PaperWrittenOff struct {
	Reference   Reference  `json:"reference"`    // as written on the paper [BS]
	Why         LostPaper  `json:"why"`          // what both say of it
	Witness     int64      `json:"witness"`      // staff number of who looked with them, never that in By [R 3.1.1.6]
	WitnessWith SignInWith `json:"witness_with"` // by what means the witness showed who they are [R A.NB.4]
	Authority   Name       `json:"authority"`    // the policy and its version under which papers are destroyed [BS, R 3.1.1.6]
	LetterAlive bool       `json:"letter_alive"` // whether the scan could still be opened at that time [R A.SC.8]
}

// Restored says that every past deadline and key death was replayed, and that
// Letterlock opens again. It counts what was done since RestoreBegun. [BS, GDPR 32]
type Restored struct {
	Adopted   int `json:"adopted"`   // letters that arrived after the backup was made
	Answers   int `json:"answers"`   // answers that were uploaded after it
	Elsewhere int `json:"elsewhere"` // letters that lie elsewhere than on record
	Missing   int `json:"missing"`   // living letters that lie nowhere
	Deleted   int `json:"deleted"`   // letters that were past their deadline, or whose erasure had been decided
	Strays    int `json:"strays"`    // what the storage showed again, or beyond its deadline, and was removed
	Keys      int `json:"keys"`      // that were past their week
	Unread    int `json:"unread"`    // objects of no known letter that could not be opened, and stay until their deadline
}

func (RestoreBegun) kind() string         { return "restore-begun" }
func (LetterAdopted) kind() string        { return "letter-adopted" }
func (ResponseAdopted) kind() string      { return "response-adopted" }
func (ResponseKeptUnasked) kind() string  { return "response-kept-unasked" }
func (LetterFoundElsewhere) kind() string { return "letter-found-elsewhere" }
func (LetterNotFound) kind() string       { return "letter-not-found" }
func (PaperFoundDestroyed) kind() string  { return "paper-found-destroyed" }
func (PaperWrittenOff) kind() string      { return "paper-written-off" }
func (Restored) kind() string             { return "restored" }
