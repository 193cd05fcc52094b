package register

import "slices"

// The enumerated words that rows and entries may hold. There is no free text.

// State is how far a living letter has come. It is the truth; jobs only act on it.
type State string

const (
	Admitted     State = "admitted"     // its manifest was believed; nothing has been read back yet
	Verified     State = "verified"     // read back, opened, rendered; the edge does not know yet
	Receipted    State = "receipted"    // the edge may delete its scan; mails are on their way
	Notified     State = "notified"     // every mail was taken by a mail server
	Opened       State = "opened"       // somebody was shown it
	Readable     State = "readable"     // somebody found it readable
	ScanAgain    State = "scan-again"   // somebody could not read it
	Replaced     State = "replaced"     // somebody could not read it, and a new scan is here
	Draft        State = "draft"        // an uploaded response that was read back, opened and rendered; nobody but its uploader sees it
	ToConfirm    State = "to-confirm"   // a response whose uploader wants it kept; somebody else must confirm its address first
	Filed        State = "filed"        // a response that is kept
	Unverifiable State = "unverifiable" // the deposit is not what the manifest says; a person must look
	Expiring     State = "expiring"     // due; the storage is being emptied
)

// CanBeOpened reports whether a letter in this state may be shown to a person.
func (s State) CanBeOpened() bool {
	switch s {
	case Receipted, Notified, Opened, Readable, ScanAgain, Replaced, Draft, ToConfirm, Filed:
		return true
	}
	return false
}

// Trouble says why a letter does not move on.
type Trouble string

const (
	NoTrouble      Trouble = ""
	StoreDown      Trouble = "store-down"       // the storage did not answer; tried again
	ObjectMissing  Trouble = "object-missing"   // no version of the object has the manifest's hash
	CannotUnseal   Trouble = "cannot-unseal"    // the week's key does not open it
	CannotRender   Trouble = "cannot-render"    // a page cannot be drawn
	PagesDiffer    Trouble = "pages-differ"     // not as many pages as the manifest says
	NobodyToTell   Trouble = "nobody-to-tell"   // the helpline has no team leader, or none who may open it
	MailDown       Trouble = "mail-down"        // no mail server took the mail; tried again
	StillShown     Trouble = "still-shown"      // removed, but the storage still lists it; tried again
	RendererBroken Trouble = "renderer-trouble" // the page renderer could not run; tried again
	KeyMissing     Trouble = "key-missing"      // the week's key lives, and the server's keyring lacks it; tried again
	CannotMove     Trouble = "cannot-move"      // it must be sealed anew, and cannot be read
)

// HeldReason says why a manifest waits for a person.
type HeldReason string

const (
	UnknownSite     HeldReason = "unknown-site"     // no edge of that name is enrolled, or it was revoked
	FalseSignature  HeldReason = "false-signature"  // not signed by the edge whose place it lies in
	WrongPlace      HeldReason = "wrong-place"      // the id it names is not the id it lies under
	UnknownHelpline HeldReason = "unknown-helpline" // the configuration knows no such helpline
	TooOld          HeldReason = "too-old"          // received more than 14 days ago
	FromTheFuture   HeldReason = "from-the-future"  // received after now
	SameIDOther     HeldReason = "same-id-other"    // the id is known with another content
	AlreadyDeleted  HeldReason = "already-deleted"  // the id was deleted before
	KeyNotHeld      HeldReason = "key-not-held"     // sealed to a week whose key is not in the keyring
	TooLarge        HeldReason = "too-large"        // of more bytes or pages than a letter may have
	NoSuchDecision  HeldReason = "no-such-decision" // of a class that a person decides, and no scanner
)

// ScanAgainReason says what was wrong with a scan.
type ScanAgainReason string

const (
	PagesMissing ScanAgainReason = "pages-missing"
	CutOff       ScanAgainReason = "cut-off"
	TooFaint     ScanAgainReason = "too-faint"
	UpsideDown   ScanAgainReason = "upside-down"
	WrongLetter  ScanAgainReason = "wrong-letter"

	// AskedUnknown is of a new scan that a restore has found: why there was to be one
	// is on no record. No person chooses it.
	AskedUnknown ScanAgainReason = "not-on-record"
)

// ScanAgainReasons lists every reason in the order in which people are asked.
var ScanAgainReasons = []ScanAgainReason{PagesMissing, CutOff, TooFaint, UpsideDown, WrongLetter}

// ApartReason says why what was said to be a new scan of a letter is a letter of
// its own.
type ApartReason string

const (
	ApartUnknown   ApartReason = "unknown"    // no such letter lives
	ApartElsewhere ApartReason = "elsewhere"  // it is another helpline's, or another scanner's
	ApartOtherDay  ApartReason = "other-time" // it was received at another time
	ApartReplaced  ApartReason = "replaced"   // it has a new scan already
	ApartNotAsked  ApartReason = "not-asked"  // it is not to be scanned again, or not any more
)

// ApartReasons lists every reason.
var ApartReasons = []ApartReason{ApartUnknown, ApartElsewhere, ApartOtherDay, ApartReplaced, ApartNotAsked}

// Risk is what a reader says to whether somebody is at risk.
type Risk string

const (
	RiskNone   Risk = "none"   // nobody, as far as the letter tells
	RiskShare  Risk = "share"  // somebody is, and an agency should be told
	RiskUrgent Risk = "urgent" // somebody is in danger now
)

// Risks lists every answer in the order in which people are asked.
var Risks = []Risk{RiskNone, RiskShare, RiskUrgent}

// SafeguardingReason says why a letter is kept for five years; the list is the
// confidentiality policy's.
type SafeguardingReason string

const (
	ChildAtRisk     SafeguardingReason = "child-at-risk"
	AdultAtRisk     SafeguardingReason = "adult-at-risk"
	ImminentDanger  SafeguardingReason = "imminent-danger"
	TerrorismOrBomb SafeguardingReason = "terrorism-or-bomb"
)

// SafeguardingReasons lists every reason in the order in which people are asked.
var SafeguardingReasons = []SafeguardingReason{ChildAtRisk, AdultAtRisk, ImminentDanger, TerrorismOrBomb}

func (s SafeguardingReason) valid() bool { return slices.Contains(SafeguardingReasons, s) }

// Told says what the service user knows of a safeguarding decision.
type Told string

const (
	Consented     Told = "consented"
	WasTold       Told = "told"
	NotToldUnsafe Told = "not-told-unsafe"   // telling would put somebody at greater risk
	NotToldReach  Told = "not-told-no-reach" // there is no safe way to reach the person
	NotToldUrgent Told = "not-told-urgent"   // there was no time to ask first
)

// Tolds lists every answer in the order in which people are asked.
var Tolds = []Told{Consented, WasTold, NotToldUnsafe, NotToldReach, NotToldUrgent}

func (t Told) valid() bool { return slices.Contains(Tolds, t) }

// Agency is a kind of agency with which a letter is shared, never its name.
type Agency string

const (
	Police            Agency = "police"
	ChildrensServices Agency = "childrens-social-care"
	AdultServices     Agency = "adult-social-care"
	HealthService     Agency = "health-service"
	RiskConference    Agency = "risk-conference" // a multi-agency risk assessment conference
	OtherAgency       Agency = "other-statutory-body"
)

// Agencies lists every kind of agency in the order in which people are asked.
var Agencies = []Agency{Police, ChildrensServices, AdultServices, HealthService, RiskConference, OtherAgency}

func (a Agency) valid() bool { return slices.Contains(Agencies, a) }

// Basis says on what ground a letter is shared: the service user's consent, or
// why it was done without.
type Basis string

const (
	WithConsent    Basis = "consent"
	WithoutRisk    Basis = "without-risk-of-harm"     // somebody may come to serious harm otherwise
	WithoutUnsafe  Basis = "without-asking-is-unsafe" // asking would put somebody at greater risk
	WithoutNoReach Basis = "without-no-reach"         // the person cannot be reached safely
	WithoutDuty    Basis = "without-legal-duty"       // a law or a court demands it
)

// Bases lists every ground in the order in which people are asked.
var Bases = []Basis{WithConsent, WithoutRisk, WithoutUnsafe, WithoutNoReach, WithoutDuty}

func (b Basis) valid() bool { return slices.Contains(Bases, b) }

// HoldReason says who wants a letter kept beyond its time.
type HoldReason string

const (
	Inquiry             HoldReason = "inquiry" // a public or an internal one
	CourtOrder          HoldReason = "court-order"
	CourtCase           HoldReason = "court-case" // under way or announced
	Coroner             HoldReason = "coroner"
	PoliceInvestigation HoldReason = "police-investigation"
)

// KeptUnknown is no person's reason: after a restore the letter was found where
// letters are kept for five years, and the decision is not on record.
const KeptUnknown HoldReason = "kept-on-no-record"

// HoldReasons lists every reason in the order in which people are asked.
var HoldReasons = []HoldReason{Inquiry, CourtOrder, CourtCase, Coroner, PoliceInvestigation}

func (h HoldReason) valid() bool { return slices.Contains(HoldReasons, h) }

// EraseReason says why a letter is erased before its time.
type EraseReason string

const (
	PersonAsked    EraseReason = "person-asked"     // the person concerned wants it erased (UK GDPR Art. 17)
	ScannedInError EraseReason = "scanned-by-error" // it should never have been scanned
	ScannedTwice   EraseReason = "scanned-twice"    // there is another scan of the same letter
	LegalDuty      EraseReason = "legal-duty"       // a law or a court demands it
)

// NeverStored is no person's reason: a response was filed and did not reach the
// storage.
const NeverStored EraseReason = "never-stored"

// NewerScan is no person's reason either: a new scan of the letter's paper was
// found readable.
const NewerScan EraseReason = "newer-scan"

// NotKept is no person's reason for a letter: a response was uploaded, and not kept.
const NotKept EraseReason = "not-kept"

// EraseReasons lists every reason in the order in which people are asked.
var EraseReasons = []EraseReason{PersonAsked, ScannedInError, ScannedTwice, LegalDuty}

func (e EraseReason) valid() bool { return slices.Contains(EraseReasons, e) }

// AddressCheck says how it was found that it is safe to write to the address of
// an answer. There is no word for an address that is not.
type AddressCheck string

const (
	AddressAsked  AddressCheck = "asked-safely"    // the person was asked in another way that is safe
	AddressGiven  AddressCheck = "given-in-letter" // their letter asks for an answer there, and speaks of no danger
	AddressAgency AddressCheck = "agency-confirms" // an agency that supports the person says so
	AddressBody   AddressCheck = "not-at-home"     // a place where nobody else gets their post: a refuge, a solicitor, a prison
)

// AddressChecks lists every answer in the order in which people are asked.
var AddressChecks = []AddressCheck{AddressAsked, AddressGiven, AddressAgency, AddressBody}

func (a AddressCheck) valid() bool { return slices.Contains(AddressChecks, a) }

// DropReason says why an uploaded response is not kept.
type DropReason string

const (
	DroppedWrong     DropReason = "wrong-copy"     // its uploader saw that it is the wrong one
	DroppedUnsafe    DropReason = "unsafe-address" // its uploader does not know its address to be safe
	DroppedTakenBack DropReason = "taken-back"     // its uploader did not wait for somebody else to confirm the address
	DroppedDeclined  DropReason = "declined"       // somebody else did not confirm the address
	DroppedUnkept    DropReason = "never-kept"     // nobody kept it within its time; no person's reason
)

// DropReasons lists every reason that people have.
var DropReasons = []DropReason{DroppedWrong, DroppedUnsafe, DroppedTakenBack, DroppedDeclined}

// WithdrawReason says why the decision to keep a letter for five years was wrong.
type WithdrawReason string

const (
	OtherLetter     WithdrawReason = "other-letter"     // it was meant for another letter
	NoneApplies     WithdrawReason = "none-applies"     // none of the policy's reasons does
	ObjectionUpheld WithdrawReason = "objection-upheld" // the person concerned objected, rightly (UK GDPR Art. 21)
)

// WithdrawReasons lists every reason in the order in which people are asked.
var WithdrawReasons = []WithdrawReason{OtherLetter, NoneApplies, ObjectionUpheld}

func (w WithdrawReason) valid() bool { return slices.Contains(WithdrawReasons, w) }

// QuestionKind is what the scanner folder can ask of a person.
type QuestionKind string

const (
	QuestionDuplicate QuestionKind = "duplicate"      // a scan of the same bytes was taken before: the same letter, or another?
	QuestionOtherLine QuestionKind = "other-helpline" // they were taken for another helpline: which of the two is in the wrong place?
	QuestionStack     QuestionKind = "stack"          // the letters of a stack cannot be told apart: where does each begin?
)

// AnswerKind is what a person answers.
type AnswerKind string

const (
	AnswerSame    AnswerKind = "same"     // of a duplicate: the scan is the letter that was taken; its file is deleted
	AnswerAnother AnswerKind = "another"  // of a duplicate: the scan is a letter of its own
	AnswerMistake AnswerKind = "mistake"  // of what another helpline has: it was dropped here by mistake; its file is deleted
	AnswerHereToo AnswerKind = "here-too" // of what another helpline has: it belongs here, and is taken as a letter of its own
	AnswerSplit   AnswerKind = "split"    // of a stack: the person says where each letter begins
)

// Method is how a paper original was destroyed.
type Method string

const (
	Shredder   Method = "own-shredder"
	Contractor Method = "contractor"
)

// Methods lists every method of destruction.
var Methods = []Method{Shredder, Contractor}

// Level is a level of ISO/IEC 21964 (formerly DIN 66399) for paper.
type Level string

// Levels lists every level, coarse to fine.
var Levels = []Level{"P-1", "P-2", "P-3", "P-4", "P-5", "P-6", "P-7"}

// DefaultLevel is the coarsest for what endangers somebody's life when it is
// put together again: particles of at most 30 mm².
const DefaultLevel Level = "P-5"

// Anomaly is what was not as it should be when paper was destroyed.
type Anomaly string

const (
	AnomalySheets         Anomaly = "sheets-differ"   // the counted sheets cannot belong to the scan's pages; they were counted twice
	AnomalyLetterGone     Anomaly = "letter-gone"     // its letter had expired before: the paper was overdue
	AnomalyUnread         Anomaly = "unread"          // nobody had found the scan readable
	AnomalyScannerUnknown Anomaly = "scanner-unknown" // nobody knew any more who had scanned it
	AnomalyLevel          Anomaly = "coarse"          // the shredder cuts coarser than DefaultLevel
)

// Remover is who removed a letter from the storage.
type Remover string

const (
	ByLetterlock Remover = "letterlock"
	ByStorage    Remover = "storage" // its own lifecycle had left nothing to remove
	ByNobody     Remover = "missing" // nothing was left of the letter, and the storage cannot have removed it by itself yet
)

// Shown is in what form somebody is shown a letter.
type Shown string

const (
	ShownPages Shown = "pages" // as pictures of its pages
	ShownPDF   Shown = "pdf"   // the file itself
	ShownPrint Shown = "print" // as pictures of its pages, to be printed
)

// SignInWith is by what means somebody signed in.
type SignInWith string

const (
	WithPasskey SignInWith = "passkey"
	WithSSO     SignInWith = "sso"    // with the organisation's own sign-in
	WithSample  SignInWith = "sample" // picked on a sample's page, where anyone may be anyone
)

// PaperState is what may be done with a paper original; the words are those of
// letter.Receipt, so that the edge and the register speak alike.
type PaperState = string

// Role is what a person may do.
type Role string

const (
	Operations    Role = "operations"
	TeamLeader    Role = "team-leader"
	Manager       Role = "manager" // of every helpline
	DPO           Role = "dpo"     // data-protection officer
	Administrator Role = "administrator"
)

// Roles lists every role.
var Roles = []Role{Operations, TeamLeader, Manager, DPO, Administrator}
