package register

import (
	"time"

	"letterlock/scanner/letter"
)

// The events of what may live longer than six months, and of letters that are
// sealed anew for it; see Event.

// LetterSafeguarded says that the person in By decided that the letter is kept
// for five years. [P 3]
type LetterSafeguarded struct {
	Reason   SafeguardingReason `json:"reason"`   // from the policy's list
	Told     Told               `json:"told"`     // what the service user knows of it
	From     letter.Date        `json:"from"`     // the day of the decision, from which the five years count
	Deadline letter.Date        `json:"deadline"` // when it must be gone
	Review   letter.Date        `json:"review"`   // when it is looked at again
	Named    int64              `json:"named"`    // staff number of the one leader who may open it, beside the manager
}

// RiskSaid says what the person in By answered to whether somebody is at risk. [P 3]
type RiskSaid struct {
	Answer Risk `json:"answer"` // what the person has said
}

// LetterHandedOver says that the person in By handed the letter to a colleague,
// who may read it. [P 6]
type LetterHandedOver struct {
	To int64 `json:"to"` // staff number of the colleague
}

// LetterSeenTo says that the person in By, to whom a colleague handed the letter, has
// seen to it. [P 6]
type LetterSeenTo struct{}

// SafeguardingReviewed says that the person in By looked at a five-year letter
// again. [P 3, GDPR 5]
type SafeguardingReviewed struct {
	Review letter.Date `json:"review"` // when it is looked at next
	Named  int64       `json:"named"`  // staff number of the one leader who may open it, beside the manager
}

// LetterShared says that the person in By shared the letter with an agency,
// and with that it is kept for five years. [P 3, GDPR 5]
type LetterShared struct {
	Agency Agency      `json:"agency"` // its kind, never its name
	Basis  Basis       `json:"basis"`  // consent, or why without
	On     letter.Date `json:"on"`     // when it was shared, as the person says
}

// LetterMoveBegun says that the letter must lie elsewhere and is about to be
// sealed anew there. It is recorded before anything is deposited. [P 3, OWN]
type LetterMoveBegun struct {
	Class    letter.Class `json:"class"`    // where it is to lie
	Helpline Name         `json:"helpline"` // likewise
	Week     letter.Week  `json:"week"`     // the key to which it is sealed anew
}

// LetterMoved says that the new copy was read back, opened with its key and
// found to be the letter; people open that one from now on. [P 3, R A.AM.VT.H.3]
type LetterMoved struct {
	Class    letter.Class `json:"class"`    // where it lies
	Helpline Name         `json:"helpline"` // likewise
	Week     letter.Week  `json:"week"`     // the key to which it is sealed
	KeyDies  letter.Date  `json:"key_dies"` // the day from which that key is due to be destroyed
}

// LetterMoveGivenUp says that a new copy is not used, and that its place is to
// be emptied: what was decided has changed, or it is not on record that what
// lies there is this letter. [OWN]
type LetterMoveGivenUp struct {
	Class    letter.Class `json:"class"`    // the place that is to be emptied
	Helpline Name         `json:"helpline"` // likewise
}

// OldCopyRemoved is the proof that a place which a letter has left is empty. [P 2, P 10]
type OldCopyRemoved struct {
	Class        letter.Class `json:"class"`         // the place that was left
	Helpline     Name         `json:"helpline"`      // likewise
	Versions     int          `json:"versions"`      // found there and removed
	Markers      int          `json:"markers"`       // likewise
	Uploads      int          `json:"uploads"`       // likewise
	ListingEmpty time.Time    `json:"listing_empty"` // when a listing showed no version, marker or upload
	Week         letter.Week  `json:"week"`          // the key to which the old copy was sealed
	KeyDies      letter.Date  `json:"key_dies"`      // the day from which that key is due to be destroyed
}

// HoldPlaced says that the person in By put the entry's letter on hold or,
// where it names none, everything of the helpline. [P 4]
type HoldPlaced struct {
	Hold     int64       `json:"hold"`     // its number
	Helpline Name        `json:"helpline"` // whose letters
	Reason   HoldReason  `json:"reason"`   // who wants them kept
	Owner    int64       `json:"owner"`    // staff number of who answers for it
	Review   letter.Date `json:"review"`   // when it is looked at again, 90 days on at most
	Letters  int         `json:"letters"`  // whose end it stops at this time
}

// HoldReviewed says that the person in By looked at a hold and that it goes on. [P 4]
type HoldReviewed struct {
	Hold   int64       `json:"hold"`   // its number
	Owner  int64       `json:"owner"`  // staff number of who answers for it from now on
	Review letter.Date `json:"review"` // when it is looked at again, 90 days on at most
}

// HoldRenewed says that a hold has lasted so long that what it holds is about to
// be sealed anew, although nobody has looked at it: nothing ends by neglect. [P 4]
type HoldRenewed struct {
	Hold int64 `json:"hold"` // its number
}

// HoldReleaseAsked says that the person in By wants a hold to end by which letters
// would be due within days. It goes on until somebody else says the same. [P 4]
type HoldReleaseAsked struct {
	Hold    int64 `json:"hold"`    // its number
	Letters int   `json:"letters"` // that would be due within seven days
}

// HoldReleased says that the person in By ended a hold: what no other hold keeps
// goes back to its rule. [P 4]
type HoldReleased struct {
	Hold    int64 `json:"hold"`               // its number
	Letters int   `json:"letters"`            // whose end it had stopped
	AskedBy int64 `json:"asked_by,omitempty"` // staff number of who had asked, never that in By; absent where one was enough, since nothing was due soon
}

// ErasureAsked says that the person in By wants the letter erased before its
// time. [P 5, GDPR 17]
type ErasureAsked struct {
	Request int64       `json:"request"` // its number
	Reason  EraseReason `json:"reason"`  // why
}

// ErasureConfirmed says that the person in By confirmed it, after having shown
// anew who they are: from here on the letter is due. [P 5, GDPR 17]
type ErasureConfirmed struct {
	Request int64       `json:"request"`  // its number
	Reason  EraseReason `json:"reason"`   // why
	AskedBy int64       `json:"asked_by"` // staff number of who had asked, never that in By
}

// WithdrawalAsked says that the person in By found the decision to keep the
// letter for five years to be wrong. [P 3, GDPR 5]
type WithdrawalAsked struct {
	Request  int64          `json:"request"`  // its number
	Reason   WithdrawReason `json:"reason"`   // why
	Deadline letter.Date    `json:"deadline"` // the end of its six months, which is then its deadline again
}

// SafeguardingWithdrawn says that the person in By confirmed it, after having
// shown anew who they are: from here on the letter has six months from its
// receipt, as if it had never been kept, and is due where they are over. [P 3, GDPR 5]
type SafeguardingWithdrawn struct {
	Request  int64          `json:"request"`  // its number
	Reason   WithdrawReason `json:"reason"`   // why
	AskedBy  int64          `json:"asked_by"` // staff number of who had asked, never that in By
	Deadline letter.Date    `json:"deadline"` // when it must be gone, unless it is held
}

// RedirectionAsked says that the person in By found the letter to be another
// helpline's. [P 6]
type RedirectionAsked struct {
	Request int64 `json:"request"` // its number
	From    Name  `json:"from"`    // the helpline into whose folder it was scanned
	To      Name  `json:"to"`      // the helpline to which it was written
}

// LetterRedirected says that the person in By confirmed it, after having shown
// anew who they are: from here on the letter is the other helpline's. [P 6]
type LetterRedirected struct {
	Request int64 `json:"request"`  // its number
	From    Name  `json:"from"`     // whose leaders can no longer open it
	To      Name  `json:"to"`       // whose leaders are told of it
	AskedBy int64 `json:"asked_by"` // staff number of who had asked, never that in By
}

// RequestDeclined says that the person in By said no to what was asked, or took
// it back. [P 5]
type RequestDeclined struct {
	Request int64 `json:"request"`  // its number
	AskedBy int64 `json:"asked_by"` // staff number of who had asked
}

// ResponseFiled says that the person in By uploaded the copy of an answer, which
// is the entry's letter. It is recorded before the copy is deposited. Either
// ResponseKept or ResponseDropped follows; of a copy from before there were these,
// neither does, and it was kept. [P 2]
type ResponseFiled struct {
	Answers  letter.ID    `json:"answers"`  // the letter that was answered
	Helpline Name         `json:"helpline"` // whose
	Class    letter.Class `json:"class"`    // how long it is to live [GDPR 5]
	Deadline letter.Date  `json:"deadline"` // the day on which it must be gone
	Week     letter.Week  `json:"week"`     // whose key it is sealed to
	Pages    int          `json:"pages"`    // of the copy
}

// ResponseLost says that a response which was filed is not, or not surely, in the
// storage: what there may be of it is removed with proof. [OWN]
type ResponseLost struct {
	Answers letter.ID `json:"answers"` // the letter that was answered
}

// ResponseToConfirm says that the person in By, who has uploaded the answer and
// looked at it, found it safe to write to its address. It is kept once somebody
// else has confirmed that. [P 6, GDPR 32]
type ResponseToConfirm struct {
	Answers letter.ID    `json:"answers"` // the letter that was answered
	Check   AddressCheck `json:"check"`   // how it was found
}

// ResponseKept says that the copy of an answer is kept from now on: it is safe to
// write to its address, as the person in By has found or confirmed. [P 6, GDPR 32]
type ResponseKept struct {
	Answers letter.ID    `json:"answers"`  // the letter that was answered
	Check   AddressCheck `json:"check"`    // how it was found
	FoundBy int64        `json:"found_by"` // staff number of who found it: another than that in By where somebody else must confirm it
}

// ResponseDropped says that the copy of an answer is not kept, as the person in
// By decided, or because its time was over (0): it is erased, with proof. [P 2, P 6]
type ResponseDropped struct {
	Answers letter.ID  `json:"answers"` // the letter that was answered
	Reason  DropReason `json:"reason"`  // why
}

func (ResponseToConfirm) kind() string     { return "response-to-confirm" }
func (ResponseKept) kind() string          { return "response-kept" }
func (ResponseDropped) kind() string       { return "response-dropped" }
func (RiskSaid) kind() string              { return "risk-said" }
func (LetterHandedOver) kind() string      { return "letter-handed-over" }
func (LetterSeenTo) kind() string          { return "letter-seen-to" }
func (ResponseFiled) kind() string         { return "response-filed" }
func (ResponseLost) kind() string          { return "response-lost" }
func (ErasureAsked) kind() string          { return "erasure-asked" }
func (ErasureConfirmed) kind() string      { return "erasure-confirmed" }
func (WithdrawalAsked) kind() string       { return "withdrawal-asked" }
func (SafeguardingWithdrawn) kind() string { return "safeguarding-withdrawn" }
func (RedirectionAsked) kind() string      { return "redirection-asked" }
func (LetterRedirected) kind() string      { return "letter-redirected" }
func (RequestDeclined) kind() string       { return "request-declined" }
func (HoldPlaced) kind() string            { return "hold-placed" }
func (HoldReviewed) kind() string          { return "hold-reviewed" }
func (HoldRenewed) kind() string           { return "hold-renewed" }
func (HoldReleaseAsked) kind() string      { return "hold-release-asked" }
func (HoldReleased) kind() string          { return "hold-released" }
func (LetterSafeguarded) kind() string     { return "letter-safeguarded" }
func (SafeguardingReviewed) kind() string  { return "safeguarding-reviewed" }
func (LetterShared) kind() string          { return "letter-shared" }
func (LetterMoveBegun) kind() string       { return "letter-move-begun" }
func (LetterMoved) kind() string           { return "letter-moved" }
func (LetterMoveGivenUp) kind() string     { return "letter-move-given-up" }
func (OldCopyRemoved) kind() string        { return "old-copy-removed" }

// PaperKeptBack says that the person in By was about to record the paper's
// destruction, and that nobody but who scanned it, or may have, had found its scan
// readable: it is kept until somebody else has. [R A.AM.IN.SH.1]
type PaperKeptBack struct {
	ScannedBy int64 `json:"scanned_by"` // staff number of who scanned it, as told at the desk; 0 when nobody knows any more
}

func (PaperKeptBack) kind() string { return "paper-kept-back" }
